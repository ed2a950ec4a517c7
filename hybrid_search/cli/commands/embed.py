"""The command `embed`: the embedders of an index change, and what is said at its end or when it is interrupted."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.confirm import confirm
from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.progress_bar import documents_bar, progress_bar
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import open_index
from hybrid_search.cli.suggest import command
from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from hybrid_search.document.index_embedders import Asked
    from hybrid_search.index import HybridIndex
    from hybrid_search.ingest import Failure, Progress


def embed(
    context: typer.Context,
    embedders: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="EMBEDDER",
            help="What turns pictures into vectors, or caption:NAME for what is written about them; "
            "`hybrid-search embedder list` names them.",
        ),
    ] = None,
    location: options.Index = None,
    again: Annotated[
        bool, options.flag("--again", help="Compute all vectors anew, not only those that are lacking.")
    ] = False,
    drop: Annotated[bool, options.flag("--drop", help="Remove these embedders and their vectors instead.")] = False,
    default: Annotated[
        str | None,
        options.value(
            "--default",
            "EMBEDDER",
            "The embedder that searches use from now on where none is named; alone, nothing else is done.",
        ),
    ] = None,
    batch_size: options.BatchSize = 32,
    yes: options.Yes = False,
    no_progress: options.NoProgress = False,
) -> None:
    """Give every indexed picture a vector of one more embedder, beside those that it has; or compute them anew.

    The index can be searched and written meanwhile. Press Ctrl-C at any time: the same command goes on from there.
    For example:

        hybrid-search embed lite+minilm --default lite+minilm
        hybrid-search embed caption:minilm
        hybrid-search embed histogram+hog --drop
    """
    names = embedders or []
    if again and drop:
        raise typer.BadParameter("--again and --drop are different things; choose one")
    if not names and default is None:
        raise typer.BadParameter("name an embedder, or one that is to be the --default")
    failed: list[Failure] = []
    with open_index(context, location) as index:
        _check(index, names if drop else [], "drop")
        _check(index, [default] if default and default not in names else [], "prefer")
        before = index.embedders[0]
        if drop and names:
            confirm(f"Remove {', '.join(names)} with all their vectors from {index.location}?", yes=yes)
        for place, name in enumerate(names):
            if drop:
                _drop(index, name, shown=not no_progress)
            else:
                with _resumable(names[place:], again=again, default=default) as seen:
                    failed += _add(index, name, seen, again=again, batch_size=batch_size, shown=not no_progress)
        if drop and index.embedders[0] != before:
            terminal.write(f"{index.embedders[0]} is used from now on where none is named; --default chooses another\n")
        if default is not None:
            index.prefer_embedder(default)
            terminal.write(f"{default} is used where none is named\n")
        elif names and not drop and (used := where_it_is_used(index, names[-1])):
            terminal.note(used)
    raise typer.Exit(exits.PARTIAL if failed else exits.OK)


def _check(index: HybridIndex, names: list[str], asked: Asked) -> None:
    """Raise EmbedderMismatch for names that the index does not hold, before anything is done."""
    from hybrid_search.document.index_embedders import EmbedderSet

    EmbedderSet(index.backend.definition()).keys(names, asked=asked)


def _drop(index: HybridIndex, name: str, *, shown: bool) -> None:
    with documents_bar(shown=shown) as progress:
        documents = index.drop_embedder(name, progress=progress)
    terminal.write(f"vectors of {name} removed from {counted(documents, 'picture')}\n")


@contextmanager
def _resumable(names: list[str], *, again: bool, default: str | None) -> Iterator[Seen]:
    """Let Ctrl-C end the command with what is kept and how to go on."""
    seen = Seen()
    try:
        yield seen
    except KeyboardInterrupt:
        terminal.note(interrupted(seen.done, names, again=again, default=default))
        raise typer.Exit(exits.INTERRUPTED) from None


def _add(
    index: HybridIndex, name: str, seen: Seen, *, again: bool, batch_size: int, shown: bool
) -> tuple[Failure, ...]:
    from hybrid_search.cli.commands.index import note_failures

    with progress_bar(shown=shown) as progress:
        report = index.add_embedder(name, again=again, batch_size=batch_size, progress=seen.before(progress))
    note_failures(report.failed)
    failed = f", {len(report.failed):,} failed" if report.failed else ""
    if report.updated or failed:
        stored = f", {report.from_stored:,} of them made of stored vectors" if report.from_stored else ""
        were = "was" if report.updated == 1 else "were"
        terminal.write(f"{counted(report.updated, 'picture')} {were} given vectors of {name}{stored}{failed}\n")
    elif name.startswith("caption:") and has_no_words(index):
        brings = command("index FOLDER --captions FILE")
        terminal.write(f"no picture has words to embed: no caption, title or tag; {brings} brings some\n")
    else:
        terminal.write(f"no picture lacks a vector of {name}\n")
    return report.failed


class Seen:
    """Counts what is done on its way to a progress bar."""

    def __init__(self) -> None:
        self.done = 0

    def before(self, bar: Callable[[Progress], None] | None) -> Callable[[Progress], None]:
        """Return what is to be told of the progress: it counts, and moves the bar where there is one."""

        def tell(progress: Progress) -> None:
            self.done = progress.done - progress.failed
            if bar is not None:
                bar(progress)

        return tell


def interrupted(done: int, left: Sequence[str], *, again: bool = False, default: str | None = None) -> str:
    """Return what is kept after Ctrl-C, and the command that does the rest.

    Parameters
    ----------
    done : int
        Pictures that have been given a vector of the first embedder.
    left : sequence of str
        The embedder that was interrupted, and those that have not begun.
    again : bool
        All vectors were to be computed anew.
    default : str, optional
        What was to be the default in the end.

    Examples
    --------
    >>> interrupted(64, ["colour:lab", "hog"])
    'interrupted: 64 pictures were given a vector of colour:lab; `hybrid-search embed colour:lab hog` goes on'
    """
    given = f"{counted(done, 'picture')} {'was' if done == 1 else 'were'} given a vector of {left[0]}"
    kept = given if done else f"the first batch of {left[0]} was not done"
    wanted = shlex.join(["embed", *left, *(("--default", default) if default else ())])
    if again:
        return f"interrupted: {kept}; {command(f'{wanted} --again')} begins again, without --again it makes what lacks"
    return f"interrupted: {kept}; {command(wanted)} goes on"


def has_no_words(index: HybridIndex) -> bool:
    """Tell whether there is a picture, but none with a caption, a title or a tag."""
    from hybrid_search.ingest.vector_sources import WordFiller

    return len(index) > 0 and not index.backend.count(dict(WordFiller.wanted))


def where_it_is_used(index: HybridIndex, name: str) -> str:
    """Return how to search by an embedder that searches do not use by themselves, "" where they do."""
    from hybrid_search.document.index_embedders import EmbedderSet

    held = EmbedderSet(index.backend.definition())
    key = held.key(name)
    spec, default = held.specs[key], held.specs[held.default]
    if spec.of != "image" or spec == default:
        return ""
    for_words = next((each for each in held.images() if held.specs[each].embeds_text), None)
    still = f"words go to {spec.name} now, pictures" if key == for_words else "searches that name no embedder go"
    asked, named = "WORDS" if spec.embeds_text else "--image FILE", shlex.quote(spec.name)
    return (
        f"{still} to {default.name}; {command(f'search {asked} --embedder {named}')} asks the new one, "
        f"{command(f'embed --default {named}')} makes it the default"
    )
