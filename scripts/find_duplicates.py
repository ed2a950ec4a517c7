#!/usr/bin/env python
"""Find copies of pictures in folders, without a kept index: `scripts/find_duplicates.py FOLDER…`.

The same as `hybrid-search index` and `hybrid-search duplicates`, in one step and with an index that is gone afterwards.
Nothing happens to any file without --action and --yes. Exit code 0: copies were found; 1: none.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hybrid_search.cli import exits
from hybrid_search.cli.commands import duplicates_options as wanted
from hybrid_search.cli.commands.duplicates_actions import Deed, exit_code, print_report, undo_by
from hybrid_search.cli.commands.duplicates_choices import apply_choices
from hybrid_search.cli.commands.duplicates_listing import Listing
from hybrid_search.cli.commands.index import note_failures
from hybrid_search.cli.output import hit_formats, terminal
from hybrid_search.cli.output.progress_bar import progress_bar
from hybrid_search.cli.parsing import options

Apply = Annotated[
    Path | None,
    typer.Option(
        "--apply", metavar="CHOICES", exists=True, dir_okay=False, help="Apply what was chosen on a page of --html."
    ),
]
Undo = Annotated[
    Path | None,
    typer.Option(
        "--undo", metavar="JOURNAL", exists=True, dir_okay=False, help="Put back what was moved or replaced by links."
    ),
]


def find_duplicates(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FOLDER", exists=True, help="Folders, with all below them, or picture files."),
    ] = None,
    tier: wanted.Tiers = None,
    max_distance: wanted.MaxDistance = None,
    filter: options.FilterOption = None,
    follow_symlinks: options.FollowSymlinks = False,
    between: wanted.Between = None,
    reference: wanted.Reference = None,
    keep: wanted.Keep = None,
    action: wanted.Action = None,
    to: wanted.To = None,
    journal: wanted.Journal = None,
    yes: wanted.Yes = False,
    apply: Apply = None,
    undo: Undo = None,
    html: wanted.Html = None,
    force: options.Replace = False,
    as_json: options.AsJson = False,
    as_jsonl: options.AsJsonl = False,
    as_csv: options.AsCsv = False,
    no_progress: options.NoProgress = False,
) -> int:
    """Find copies of pictures in folders, look at them side by side, and decide what stays."""
    deed = Deed(action, to, False, journal, yes)
    if undo is not None:
        report = undo_by(undo, backend=None, yes=yes)
        print_report(report)
        return exit_code(report, found=bool(report.done))
    if apply is not None:
        return apply_choices(apply, deed, index=None, protected=reference or (), as_json=as_json)
    places = [*(folders or ()), *(between or ()), *(reference or ())]
    if not places:
        raise typer.BadParameter("name a folder")
    listing = Listing(
        form=hit_formats.choose(json=as_json, jsonl=as_jsonl, csv=as_csv, paths=False, print0=False),
        tiers=wanted.tiers_of(tier),
        max_distance=max_distance,
        filter=filter,
        between=between,
        reference=reference or (),
        save=False,
        keep=keep or (),
        deed=deed,
        html=html,
        force=force,
        title=", ".join(str(place) for place in places),
        apply="scripts/find_duplicates.py --apply choices.json --action trash",
        progress=not no_progress,
    )
    listing.check()
    return _run(listing, places, follow_symlinks=follow_symlinks)


def _run(listing: Listing, places: list[Path], *, follow_symlinks: bool) -> int:
    """Index the folders for this once, and show their groups."""
    from hybrid_search import HybridIndex

    failed = 0
    with tempfile.TemporaryDirectory(prefix="find-duplicates-") as scratch, HybridIndex(scratch) as index:
        for place in dict.fromkeys(places):
            with progress_bar(shown=listing.progress) as progress:
                report = index.add_folder(place, follow_symlinks=follow_symlinks, progress=progress)
            note_failures(report.failed)
            failed += len(report.failed)
        code = listing.run(index)
    return exits.PARTIAL if failed and code == exits.NOTHING else code


def main() -> int:
    """Run the command of `sys.argv` and return its exit code; errors go to stderr as one line."""
    terminal.set_up()
    command = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
    command.command(epilog=exits.HELP)(find_duplicates)
    try:
        code = command(sys.argv[1:] or ["--help"], prog_name="find_duplicates.py", standalone_mode=False)
        return code if isinstance(code, int) else exits.OK
    except (Exception, KeyboardInterrupt) as error:
        if text := exits.message(error):
            terminal.note(text)
        return exits.code(error)


if __name__ == "__main__":
    sys.exit(main())
