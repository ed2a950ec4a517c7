"""The commands that look after an index as a whole: `mapping`, `migrate` and `copy`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.confirm import confirm
from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.hit_formats import dump
from hybrid_search.cli.output.progress_bar import documents_bar
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import Settings, backend_at, check_one_server
from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from hybrid_search.backends import Backend


def mapping(
    context: typer.Context,
    location: options.Index = None,
    embedder: Annotated[
        list[str] | None,
        options.value("--embedder", "NAME", "What would turn pictures into vectors, as for `index`; may be repeated."),
    ] = None,
) -> None:
    """Print what a new index would be made of: settings, mappings and aliases, as JSON; nothing is made.

    For Elasticsearch it can be pasted into Kibana's Dev Tools after `PUT images-000001`.
    """
    from hybrid_search.document.index_embedders import load_named
    from hybrid_search.embedders.registry import default_embedder
    from hybrid_search.ingest.open_index import definition_for

    backend = backend_at(context, location)
    specs = [load_named(name)[0] for name in embedder or [default_embedder()]]
    dump(backend.plan(definition_for(backend, specs)))


def migrate(
    context: typer.Context,
    location: options.Index = None,
    roll_back: Annotated[
        bool, options.flag("--roll-back", help="Go back to the version before; what was written since is not in it.")
    ] = False,
    remove_old: Annotated[bool, options.flag("--remove-old", help="Remove all versions but the one in use.")] = False,
    abandon: Annotated[
        bool, options.flag("--abandon", help="Remove what a killed migration left, and let the index be written again.")
    ] = False,
    yes: options.Yes = False,
    no_progress: options.NoProgress = False,
) -> None:
    """Build the next version of an index from its documents, and put it in the place of the one in use.

    Nothing is embedded again. Searches go on meanwhile, writes are refused; the version before stays for --roll-back
    on a server. Shards, replicas and the kind of vector index are those of the index, unless they are named before the
    command: `hybrid-search --vectors int8_hnsw migrate`.
    """
    if sum((roll_back, remove_old, abandon)) > 1:
        raise typer.BadParameter("--roll-back, --remove-old and --abandon are different things; choose one")
    backend = backend_at(context, location)
    _demand(backend, context)
    if roll_back:
        _roll_back(backend, yes=yes)
    elif remove_old or abandon:
        confirm("Remove versions that are not in use?", yes=yes)
        gone = backend.remove_old() if remove_old else backend.abandon()
        terminal.write(f"removed {', '.join(gone)}\n" if gone else "there was nothing to remove\n")
        raise typer.Exit(exits.OK if gone else exits.NOTHING)
    else:
        from hybrid_search.backends.transfer import migrate as run

        with documents_bar(shown=not no_progress) as progress:
            documents = run(backend, progress=progress)
        terminal.write(f"{counted(documents, 'picture')} in the new version of {backend.location}\n")


def copy(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", help="An index: a folder, or the URL of Elasticsearch.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Where the copy is to be: a folder, or a URL.")],
    to_name: Annotated[
        str | None, options.value("--to-name", "NAME", "The copy's name there; the same by default.")
    ] = None,
    no_progress: options.NoProgress = False,
) -> None:
    """Copy an index to another place, between folders and Elasticsearch in either direction; nothing is embedded again.

    The copy is there when it is whole, not before.
    """
    from hybrid_search.backends.transfer import copy_index

    check_one_server(context, source, target)
    here, there = backend_at(context, source), backend_at(context, target, name=to_name)
    _demand(here, context)
    with documents_bar(shown=not no_progress) as progress:
        documents = copy_index(here, there, progress=progress)
    there.close()
    here.close()
    terminal.write(f"{counted(documents, 'picture')} in {there.location}\n")


def _roll_back(backend: Backend, *, yes: bool) -> None:
    now = backend.count()
    lost = f"What was written since ({counted(now, 'picture')} now) is not in it."
    confirm(f"Go back to the version before? {lost}", yes=yes)
    left, used = backend.roll_back()
    terminal.write(f"{used} is in use again, with {counted(backend.count(), 'picture')}; {left} with {now:,} is kept\n")


def _demand(backend: Backend, context: typer.Context) -> None:
    from hybrid_search.errors import IndexNotFound

    if not backend.exists():
        raise IndexNotFound(backend.location, context.ensure_object(Settings).name)
