"""The command that fills an index: `index`."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.commands.index_embedder import settle_embedder
from hybrid_search.cli.commands.read_text import check_reader, print_report, read_all, report_json
from hybrid_search.cli.output import terminal
from hybrid_search.cli.output.progress_bar import progress_bar
from hybrid_search.cli.parsing import options
from hybrid_search.cli.parsing.session import open_index, place_of
from hybrid_search.cli.suggest import command, in_words
from hybrid_search.errors.numbers import counted
from hybrid_search.errors.remedies import ANOTHER_PACKAGE, INSTALL_PLACES

if TYPE_CHECKING:
    from hybrid_search.index import HybridIndex
    from hybrid_search.ingest import Failure, IngestReport
    from hybrid_search.ingest.text_reading import TextReport

SHOWN_FAILURES, SHOWN_UNUSED = 20, 5


def index(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Folders, with all below them, or picture files.")
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
        list[str] | None, options.value("--include", "GLOB", "Take only files that match; may be repeated.")
    ] = None,
    exclude: Annotated[
        list[str] | None, options.value("--exclude", "GLOB", "Leave out files and folders that match; may be repeated.")
    ] = None,
    hidden: Annotated[
        bool, options.flag("--hidden", help="Also files and folders whose name begins with a dot.")
    ] = False,
    follow_symlinks: options.FollowSymlinks = False,
    batch_size: options.BatchSize = 32,
    workers: Annotated[
        int | None,
        options.value(
            "--workers",
            "N",
            "Threads that read and decode; one for each processor by default.",
            min=1,
            envvar="HYBRID_SEARCH_WORKERS",
        ),
    ] = None,
    embedder: Annotated[
        list[str] | None,
        options.value(
            "--embedder",
            "NAME",
            "What turns pictures into vectors, or caption:NAME what is written about them, for a new "
            "index: by default what was fetched, or the best that is here; may be repeated, "
            "the first is the default. An index keeps its embedders.",
            envvar="HYBRID_SEARCH_EMBEDDER",
        ),
    ] = None,
    max_megapixels: Annotated[
        int | None,
        options.value(
            "--max-megapixels",
            "N",
            "Refuse larger pictures; 256 by default.",
            min=1,
            envvar="HYBRID_SEARCH_MAX_MEGAPIXELS",
        ),
    ] = None,
    memory: Annotated[
        int | None,
        options.value(
            "--memory",
            "MB",
            "Megabytes that all workers together may take to decode: large pictures wait for their turn, one that "
            "alone needs more is refused. A quarter of the machine's memory by default.",
            min=1,
            envvar="HYBRID_SEARCH_MEMORY",
        ),
    ] = None,
    accept_missing: Annotated[
        bool,
        options.flag(
            "--accept-missing",
            help="Mark vanished pictures also where all or nearly all of a folder are gone, or the folder itself.",
        ),
    ] = False,
    all_files: Annotated[
        bool,
        options.flag(
            "--all-files",
            help="Also look into files whose names say nothing: without an ending, or with an unknown one.",
        ),
    ] = False,
    read_text: Annotated[
        bool,
        options.flag(
            "--read-text",
            help="Then read the text inside all pictures of the index that were not read yet, as `read-text` does.",
        ),
    ] = False,
    no_progress: options.NoProgress = False,
    as_json: options.AsJson = False,
) -> None:
    """Index pictures: new and changed files are read, unchanged ones cost next to nothing.

    Press Ctrl-C at any time: what is done stays done, and the same command goes on from there.
    """
    if all_files and include:
        raise typer.BadParameter("--include says which files are taken, so --all-files adds none; choose one")
    _check_paths(context, location, paths)
    if read_text:
        check_reader()
    wanted: dict[str, Any] = {
        "captions": captions, "include": include or (), "exclude": exclude or (), "hidden": hidden,
        "follow_symlinks": follow_symlinks, "batch_size": batch_size, "workers": workers,
        "accept_missing": accept_missing, "all_files": all_files,
    }  # fmt: skip
    try:
        if not embedder:
            settle_embedder(context, location, ask=not as_json)
        with open_index(
            context, location, create=True, embedder=embedder or None, max_megapixels=max_megapixels, memory=memory
        ) as opened:
            by_path = _fill(opened, paths, wanted, shown=not no_progress)
            text = read_all(opened, workers=workers, shown=not no_progress) if read_text else None
            documents = len(opened)
    except KeyboardInterrupt:
        terminal.note("interrupted: what was indexed so far is kept; run the same command again to go on from there")
        raise typer.Exit(exits.INTERRUPTED) from None
    reports = list(by_path.values())
    failed = [failure for report in reports for failure in report.failed]
    _print(reports, failed, place_of(context, location), documents, as_json=as_json, text=text)
    _note_moved(reports)
    _note_left_out(reports, all_files=all_files)
    _note_places(reports)
    away = [(path, report.withheld) for path, report in by_path.items() if report.withheld]
    _note_away(away)
    raise typer.Exit(exits.PARTIAL if failed or away or (text and text.failed) else exits.OK)


def _fill(
    opened: HybridIndex, paths: Sequence[Path], wanted: Mapping[str, Any], *, shown: bool
) -> dict[Path, IngestReport]:
    """Index folders one after the other, those that are not there last; of several one that is gone is a failure."""
    from hybrid_search.errors import ImageUnreadable
    from hybrid_search.ingest import Failure, IngestReport

    reports: dict[Path, IngestReport] = {}
    for path in sorted(paths, key=lambda path: not os.path.lexists(path)):
        try:
            with progress_bar(shown=shown) as progress:
                reports[path] = opened.add_folder(path, **wanted, progress=progress)
        except ImageUnreadable as error:
            if not reports or os.path.lexists(path):
                raise
            missing = list(reports.values())[-1].missing
            reports[path] = IngestReport(
                missing=missing, failed=(Failure(str(path), in_words(error.reason, error.remedy)),)
            )
    for path, report in list(reports.items()):
        if report.withheld and len(reports) > 1:
            # what had vanished may have been found in a folder that came later
            reports[path] = replace(report, withheld=opened.add_folder(path, **wanted).withheld)
    return reports


def _print(
    reports: list[IngestReport],
    failed: list[Failure],
    place: str,
    documents: int,
    *,
    as_json: bool,
    text: TextReport | None,
) -> None:
    names = ("added", "updated", "unchanged", "copies", "withheld", "videos", "others", "placed", "unplaced")
    counts = {name: sum(getattr(report, name) for report in reports) for name in names}
    counts["missing"] = reports[-1].missing  # of the whole index, as it is now
    seconds = sum(report.seconds for report in reports)
    if as_json:
        from hybrid_search.cli.output.hit_formats import dump

        moved = {folder: number for report in reports for folder, number in report.moved.items()}
        ending = {"seconds": round(seconds, 3), "location": place, "documents": documents}
        told = {"failed": [asdict(failure) for failure in failed], "unused_captions": _unused(reports)}
        dump({**counts, "moved": moved, **told, **ending, **({"text": report_json(text)} if text else {})})
        return
    note_failures(failed)
    if unused := _unused(reports):
        shown = ", ".join(unused[:SHOWN_UNUSED]) + (", …" if len(unused) > SHOWN_UNUSED else "")
        terminal.note(f"{len(unused):,} of the captions matched no picture: {shown}")
    parts = [f"{counts['added']:,} added", f"{counts['updated']:,} updated", f"{counts['unchanged']:,} unchanged"]
    parts += [counted(counts["copies"], "copy")] if counts["copies"] else []
    parts += [f"{len(failed):,} failed"] if failed else []
    missing = f"{counts['missing']:,} missing ({command('prune')} removes them)"
    parts += [missing] if counts["missing"] else []
    done = counts["added"] + counts["updated"] + counts["copies"]
    rate = f", {counted(round(done / seconds), 'picture')}/s" if done and seconds else ""
    terminal.write(f"{', '.join(parts)} in {seconds:.1f} s{rate}\n")
    if text:
        print_report(text, documents=documents)
    terminal.note(f"{counted(documents, 'picture')} in {place}")


def _check_paths(context: typer.Context, location: str | None, paths: Sequence[Path]) -> None:
    """Refuse a path that is not there, unless the index knows pictures of it."""
    from hybrid_search.errors import IndexNotFound
    from hybrid_search.ingest.catalog import lies_below

    for path in paths:
        if os.path.lexists(path):
            continue
        known = 0
        with contextlib.suppress(IndexNotFound), open_index(context, location) as opened:
            known = opened.backend.count(lies_below(os.path.abspath(path)))
        if not known:
            raise typer.BadParameter(f"path {str(path)!r} does not exist", param_hint="'PATH'")


def _note_moved(reports: Sequence[IngestReport]) -> None:
    """Say of each folder elsewhere how many of its pictures were found at a new place."""
    for folder, number in (pair for report in reports for pair in report.moved.items()):
        were = "was" if number == 1 else "were"
        gone = "that folder is gone" if not os.path.lexists(folder) else "they are not there any more"
        old = f"{command('prune')} lets the old paths go"
        terminal.note(f"{counted(number, 'picture')} of {terminal.escape(folder)} {were} found here: {gone}; {old}")


def _note_left_out(reports: Sequence[IngestReport], *, all_files: bool) -> None:
    videos, others = (sum(getattr(report, name) for report in reports) for name in ("videos", "others"))
    parts = [counted(videos, "video")] if videos else []
    parts += [counted(others, "other file")] if others else []
    if parts:
        more = "" if all_files or not others else "; --all-files looks into files of other names"
        were = "was" if videos + others == 1 else "were"
        terminal.note(f"{' and '.join(parts)} {were} left out{more}")


def _note_places(reports: Sequence[IngestReport]) -> None:
    """Say how many positions have names of places now, or what would give them some."""
    placed, unplaced = (sum(getattr(report, name) for report in reports) for name in ("placed", "unplaced"))
    if placed:
        terminal.note(f"{counted(placed, 'picture')} of an earlier run got names of places")
    if unplaced:
        have = "has a position" if unplaced == 1 else "have positions"
        terminal.note(in_words(f"{counted(unplaced, 'picture')} {have} but no names of places", INSTALL_PLACES))


def _note_away(away: Sequence[tuple[Path, int]]) -> None:
    """Say of each folder that it looks like a drive which is not mounted."""
    for path, number in away:
        meant = command(f"index {shlex.quote(str(path))} --accept-missing")
        vanished = f"{counted(number, 'picture')} vanished, all or nearly all; is a drive not mounted?"
        terminal.note(f"{terminal.escape(str(path))}: {vanished} none was marked, {meant} does")


def _unused(reports: Sequence[IngestReport]) -> list[str]:
    """Return the entries of the captions file that matched no picture of any path."""
    first, *others = (report.unused_captions for report in reports)
    return [entry for entry in first if all(entry in other for other in others)]


def note_failures(failed: Sequence[Failure]) -> None:
    """Write one line to stderr for each file that failed; on a terminal only for the first of many.

    Files that one package would open have one line together.
    """
    lacking: dict[str, list[str]] = {}
    for failure in failed:
        if ANOTHER_PACKAGE in failure.error:
            lacking.setdefault(failure.error, []).append(failure.path)
    for error, paths in lacking.items():
        if len(paths) > 1:
            terminal.note(f"failed: {counted(len(paths), 'file')}, such as {paths[0]}: {error}")
    failed = [failure for failure in failed if len(lacking.get(failure.error, ())) < 2]
    shown = failed[:SHOWN_FAILURES] if terminal.is_terminal(sys.stderr) else failed
    for failure in shown:
        known = failure.path in failure.error
        terminal.note(f"failed: {failure.error if known else f'{failure.path}: {failure.error}'}")
    if len(failed) > len(shown):
        terminal.note(f"… and {len(failed) - len(shown):,} more; add 2>failed.txt to have them all")
