"""The command that reads the text inside indexed pictures: `read-text`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.commands.embed import Seen
from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.progress_bar import progress_bar
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import open_index
from hybrid_search.cli.suggest import command
from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from hybrid_search.index import HybridIndex
    from hybrid_search.ingest.text_reading import TextReport


def read_text(
    context: typer.Context,
    location: options.Index = None,
    again: Annotated[
        bool, options.flag("--again", help="Also read pictures that another version of the reader has read.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            metavar="N",
            envvar="HYBRID_SEARCH_WORKERS",
            help="Pictures read at once; one for each processor by default.",
        ),
    ] = None,
    no_progress: options.NoProgress = False,
    as_json: options.AsJson = False,
) -> None:
    """Read the text inside every indexed picture that was not read yet: receipts, chats, slides, signs.

    The index can be searched and written meanwhile. Press Ctrl-C at any time: the same command goes on from there.
    For example:

        hybrid-search read-text
        hybrid-search search invoice --filter has:text --explain
    """
    seen = Seen()
    try:
        with open_index(context, location) as index, progress_bar(shown=not no_progress) as progress:
            report = index.read_text(again=again, workers=workers, progress=seen.before(progress))
            documents = len(index)
    except KeyboardInterrupt:
        kept = f"{counted(seen.done, 'picture')} {'was' if seen.done == 1 else 'were'} read"
        goes_on = command(shlex.join(["read-text", *(["--again"] if again else [])]))
        terminal.note(f"interrupted: {kept}; {goes_on} goes on")
        raise typer.Exit(exits.INTERRUPTED) from None
    if as_json:
        from hybrid_search.cli.output.hit_formats import dump

        dump(report_json(report))
    else:
        print_report(report, documents=documents)
    raise typer.Exit(exits.PARTIAL if report.failed else exits.OK)


def check_reader() -> None:
    """Raise PackageMissing before anything is done, where nothing can be read."""
    from hybrid_search.ocr.text_reader import TextReader

    TextReader()


def read_all(index: HybridIndex, *, workers: int | None, shown: bool) -> TextReport:
    """Read what is not read yet at the end of another command."""
    with progress_bar(shown=shown) as progress:
        return index.read_text(workers=workers, progress=progress)


def report_json(report: TextReport) -> dict[str, Any]:
    """Return what became of the pictures as JSON."""
    failed = [{"path": failure.path, "error": failure.error} for failure in report.failed]
    return {
        "read": report.read,
        "with_text": report.with_text,
        "failed": failed,
        "seconds": round(report.seconds, 3),
    }


def print_report(report: TextReport, *, documents: int) -> None:
    """Say how many pictures were read, and how many of them have text inside."""
    from hybrid_search.cli.commands.index import note_failures

    note_failures(report.failed)
    failed = f", {len(report.failed):,} failed" if report.failed else ""
    if not documents:
        terminal.write(f"the index is empty; {command('index FOLDER --read-text')} fills it\n")
    elif report.read or failed:
        were, have = ("was", "has") if report.read == 1 else ("were", "have")
        found = f"{counted(report.read, 'picture')} {were} read, {report.with_text:,} of them {have} text inside"
        terminal.write(f"{found}{failed} in {report.seconds:.1f} s\n")
    else:
        terminal.write("all pictures were read before\n")
