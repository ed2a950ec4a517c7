"""The commands that look after an index as a whole: `mapping`, `migrate`, `copy` and `embed`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from hybrid_search.cli import exits, options, terminal
from hybrid_search.cli.confirm import confirm
from hybrid_search.cli.output import dump
from hybrid_search.cli.progress import progress_bar
from hybrid_search.cli.session import Settings, backend_at, check_one_server

if TYPE_CHECKING:
    from hybrid_search.backends import Backend

__all__ = ["copy", "embed", "mapping", "migrate"]


def mapping(
    context: typer.Context,
    location: options.Index = None,
    embedder: Annotated[
        str,
        typer.Option("--embedder", metavar="NAME", help="What would turn pictures into vectors."),
    ] = "lite",
) -> None:
    """Print what a new index would be made of: settings, mappings and aliases, as JSON; nothing is made.

    For Elasticsearch it can be pasted into Kibana's Dev Tools after `PUT images-000001`.
    """
    from hybrid_search.embedders.registry import embedding_key, get_embedder
    from hybrid_search.mapping import load_definition, spec_of

    backend = backend_at(context, location)
    spec = spec_of(get_embedder(embedder))
    definition = load_definition(analysis=backend.analysis(), embeddings={embedding_key(spec.name): spec})
    dump(backend.plan(definition))


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
        from hybrid_search.transfer import migrate as run

        with _progress(shown=not no_progress) as progress:
            documents = run(backend, progress=progress)
        terminal.write(f"{documents:,} pictures in the new version of {backend.location}\n")


def copy(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", help="An index: a folder, or the URL of Elasticsearch.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Where the copy is to be: a folder, or a URL.")],
    to_name: Annotated[
        str | None, typer.Option("--to-name", metavar="NAME", help="The copy's name there; the same by default.")
    ] = None,
    no_progress: options.NoProgress = False,
) -> None:
    """Copy an index to another place, between folders and Elasticsearch in either direction; nothing is embedded again.

    The copy is there when it is whole, not before.
    """
    from hybrid_search.transfer import copy_index

    check_one_server(context, source, target)
    here, there = backend_at(context, source), backend_at(context, target, name=to_name)
    _demand(here, context)
    with _progress(shown=not no_progress) as progress:
        documents = copy_index(here, there, progress=progress)
    there.close()
    here.close()
    terminal.write(f"{documents:,} pictures in {there.location}\n")


def embed(
    context: typer.Context,
    embedder: Annotated[str, typer.Argument(metavar="EMBEDDER", help="What turns the pictures into more vectors.")],
    location: options.Index = None,
    batch_size: Annotated[
        int,
        typer.Option(
            "--batch-size", min=1, metavar="N", envvar="HYBRID_SEARCH_BATCH_SIZE", help="Pictures embedded together."
        ),
    ] = 32,
    no_progress: options.NoProgress = False,
) -> None:
    """Give every indexed picture a vector of a second embedder, beside those that it has.

    The index can be searched and written meanwhile. Press Ctrl-C at any time: the same command goes on from there.
    Search with the new vectors by `HybridIndex(…, embedder=NAME)`.
    """
    from hybrid_search.cli.fill import note_failures
    from hybrid_search.embedders.registry import embedding_key, get_embedder
    from hybrid_search.images import DEFAULT_LIMITS
    from hybrid_search.ingest.filling import add_embedder

    backend = backend_at(context, location)
    _demand(backend, context)
    loaded = get_embedder(embedder)
    with progress_bar(shown=not no_progress) as progress:
        report = add_embedder(
            backend,
            loaded,
            embedding_key(loaded.name),
            limits=DEFAULT_LIMITS,
            batch_size=batch_size,
            progress=progress,
        )
    backend.close()
    note_failures(report.failed)
    failed = f", {len(report.failed):,} failed" if report.failed else ""
    terminal.write(f"{report.updated:,} pictures have vectors of {loaded.name} now{failed}\n")
    raise typer.Exit(exits.PARTIAL if report.failed else exits.OK)


def _roll_back(backend: Backend, *, yes: bool) -> None:
    now = backend.count()
    confirm(f"Go back to the version before? What was written since ({now:,} pictures now) is not in it.", yes=yes)
    left, used = backend.roll_back()
    terminal.write(f"{used} is in use again, with {backend.count():,} pictures; {left} with {now:,} is kept\n")


def _demand(backend: Backend, context: typer.Context) -> None:
    from hybrid_search.errors import IndexNotFound

    if not backend.exists():
        raise IndexNotFound(backend.location, context.ensure_object(Settings).name)


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[int, int], None] | None]:
    from hybrid_search.ingest import Progress

    with progress_bar(shown=shown) as bar:
        yield None if bar is None else lambda done, total: bar(Progress(done, total, 0, ""))
