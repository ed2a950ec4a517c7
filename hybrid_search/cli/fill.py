"""The command that fills an index: `index`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hybrid_search.cli import exits, options, terminal
from hybrid_search.cli.progress import progress_bar
from hybrid_search.cli.session import open_index, place_of
from hybrid_search.cli.suggest import placed
from hybrid_search.counted import counted
from hybrid_search.errors.suggested import command

if TYPE_CHECKING:
    from hybrid_search.ingest import Failure, IngestReport

__all__ = ["index", "note_failures"]

SHOWN_FAILURES, SHOWN_UNUSED = 20, 5
_HINT = "to find them by sentences too: {fetch}`hybrid-search embed lite+minilm --default lite+minilm`"
_FETCH = "`hybrid-search embedder fetch minilm`, then "


def index(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", exists=True, help="Folders, with all below them, or picture files."),
    ],
    location: options.Index = None,
    captions: Annotated[
        Path | None,
        options.captions_file(
            "Captions, tags or other fields of the pictures: CSV, TSV, JSON Lines or COCO JSON.",
            envvar="HYBRID_SEARCH_CAPTIONS",
        ),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option("--include", metavar="GLOB", help="Take only files that match; may be repeated."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="GLOB", help="Leave out files and folders that match; may be repeated."),
    ] = None,
    hidden: Annotated[
        bool, options.flag("--hidden", help="Also files and folders whose name begins with a dot.")
    ] = False,
    follow_symlinks: options.FollowSymlinks = False,
    batch_size: options.BatchSize = 32,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            metavar="N",
            envvar="HYBRID_SEARCH_WORKERS",
            help="Threads that read and decode; one for each processor by default.",
        ),
    ] = None,
    embedder: Annotated[
        list[str] | None,
        typer.Option(
            "--embedder",
            metavar="NAME",
            envvar="HYBRID_SEARCH_EMBEDDER",
            help="What turns pictures into vectors, or caption:NAME what is written about them, for a new "
            "index: lite+minilm by default where minilm has been fetched, else lite; may be repeated, "
            "the first is the default. An index keeps its embedders.",
        ),
    ] = None,
    max_megapixels: Annotated[
        int | None,
        typer.Option(
            "--max-megapixels",
            min=1,
            metavar="N",
            envvar="HYBRID_SEARCH_MAX_MEGAPIXELS",
            help="Refuse larger pictures; 256 by default.",
        ),
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(
            "--memory",
            min=1,
            metavar="MB",
            envvar="HYBRID_SEARCH_MEMORY",
            help="Megabytes that all workers together may take to decode: large pictures wait for their turn, one that "
            "alone needs more is refused. A quarter of the machine's memory by default.",
        ),
    ] = None,
    accept_missing: Annotated[
        bool,
        options.flag(
            "--accept-missing", help="Mark vanished pictures also where all or nearly all of a folder are gone."
        ),
    ] = False,
    no_progress: options.NoProgress = False,
    as_json: options.AsJson = False,
) -> None:
    """Index pictures: new and changed files are read, unchanged ones cost next to nothing.

    Press Ctrl-C at any time: what is done stays done, and the same command goes on from there.
    """
    reports: list[IngestReport] = []
    away: list[tuple[Path, int]] = []
    try:
        with open_index(
            context,
            location,
            create=True,
            embedder=embedder or None,
            max_megapixels=max_megapixels,
            memory=memory,
        ) as opened:
            for path in paths:
                with progress_bar(shown=not no_progress) as progress:
                    report = opened.add_folder(
                        path,
                        captions=captions,
                        include=include or (),
                        exclude=exclude or (),
                        hidden=hidden,
                        follow_symlinks=follow_symlinks,
                        batch_size=batch_size,
                        workers=workers,
                        accept_missing=accept_missing,
                        progress=progress,
                    )
                reports.append(report)
                away += [(path, report.withheld)] if report.withheld else []
            documents, embedders = len(opened), opened.embedders
    except KeyboardInterrupt:
        terminal.note("interrupted: what was indexed so far is kept; run the same command again to go on from there")
        raise typer.Exit(exits.INTERRUPTED) from None
    failed = [failure for report in reports for failure in report.failed]
    _print(reports, failed, place_of(context, location), documents, as_json=as_json)
    _note_away(away)
    if embedders == ("lite",) and documents == sum(report.added for report in reports) > 0:
        from hybrid_search.embedders.minilm.files import is_here

        terminal.note(_HINT.format(fetch="" if is_here() else _FETCH))
    raise typer.Exit(exits.PARTIAL if failed or away else exits.OK)


def _print(reports: list[IngestReport], failed: list[Failure], place: str, documents: int, *, as_json: bool) -> None:
    names = ("added", "updated", "unchanged", "missing", "withheld")
    counts = {name: sum(getattr(report, name) for report in reports) for name in names}
    seconds = sum(report.seconds for report in reports)
    if as_json:
        from hybrid_search.cli.output import dump

        ending = {"seconds": round(seconds, 3), "location": place, "documents": documents}
        unused = {"unused_captions": _unused(reports)}
        dump({**counts, "failed": [asdict(failure) for failure in failed], **unused, **ending})
        return
    note_failures(failed)
    _note_unused(_unused(reports))
    parts = [f"{counts['added']:,} added", f"{counts['updated']:,} updated", f"{counts['unchanged']:,} unchanged"]
    parts += [f"{len(failed):,} failed"] if failed else []
    missing = f"{counts['missing']:,} missing (`hybrid-search prune` removes them)"
    parts += [placed(missing)] if counts["missing"] else []
    done = counts["added"] + counts["updated"]
    rate = f", {done / seconds:.0f} pictures/s" if done and seconds else ""
    terminal.write(f"{', '.join(parts)} in {seconds:.1f} s{rate}\n")
    terminal.note(f"{counted(documents, 'picture')} in {place}")


def _note_away(away: Sequence[tuple[Path, int]]) -> None:
    """Say of each folder that it looks like a drive which is not mounted."""
    for path, number in away:
        meant = placed(command("index", str(path), "--accept-missing"))
        vanished = f"{counted(number, 'picture')} vanished, all or nearly all; is a drive not mounted?"
        terminal.note(f"{terminal.escape(str(path))}: {vanished} none was marked, {meant} does")


def _unused(reports: Sequence[IngestReport]) -> list[str]:
    """Return the entries of the captions file that matched no picture of any path."""
    first, *others = (report.unused_captions for report in reports)
    return [entry for entry in first if all(entry in other for other in others)]


def _note_unused(entries: Sequence[str]) -> None:
    if entries:
        shown = ", ".join(entries[:SHOWN_UNUSED]) + (", …" if len(entries) > SHOWN_UNUSED else "")
        terminal.note(f"{len(entries):,} of the captions matched no picture: {shown}")


def note_failures(failed: Sequence[Failure]) -> None:
    """Write one line to stderr for each file that failed; on a terminal only for the first of many."""
    shown = failed[:SHOWN_FAILURES] if terminal.is_terminal(sys.stderr) else failed
    for failure in shown:
        known = failure.path in failure.error
        terminal.note(f"failed: {failure.error if known else f'{failure.path}: {failure.error}'}")
    if len(failed) > len(shown):
        terminal.note(f"… and {len(failed) - len(shown):,} more; add 2>failed.txt to have them all")
