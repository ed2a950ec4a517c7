"""What is done with copies: said first, done with --yes, noted in a journal, undone by it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.output import terminal
from hybrid_search.cli.parsing.session import backend_at
from hybrid_search.cli.suggest import command
from hybrid_search.errors.numbers import counted, readable_bytes

if TYPE_CHECKING:
    from hybrid_search.backends import Backend
    from hybrid_search.duplicates.act.actions import ActionName, ActionReport
    from hybrid_search.duplicates.act.planned_files import Decision

_DONE = {
    "move": "moved", "trash": "put into the trash", "hardlink": "replaced by hard links",
    "symlink": "replaced by symbolic links", "delete": "deleted", "undo": "put back",
}  # fmt: skip


@dataclass(frozen=True)
class Deed:
    """What the options ask to be done with the files that are not kept.

    Parameters
    ----------
    action : ActionName or None
        One of `hybrid_search.duplicates.act.actions.ACTIONS`; None for nothing.
    folder : Path or None
        Where "move" puts them.
    merge : bool
        First merge metadata into the kept document.
    journal : Path or None
    yes : bool
        Do it; otherwise only say what would be done.
    """

    action: ActionName | None = None
    folder: Path | None = None
    merge: bool = False
    journal: Path | None = None
    yes: bool = False

    def check(self) -> None:
        """Refuse options that contradict each other, before anything is searched."""
        if self.action is None:
            given = {"--to": self.folder, "--merge-metadata": self.merge, "--journal": self.journal, "--yes": self.yes}
            if named := [option for option, value in given.items() if value]:
                raise typer.BadParameter(f"{named[0]} says how; --action says what to do")
        if (self.action == "move") != (self.folder is not None) and self.action is not None:
            raise typer.BadParameter("--action move and --to FOLDER go together")

    def prepare(self, backend: Backend) -> None:
        """Put back what a killed run hid, before copies are sought: they would be looked for in vain."""
        if self.action is None or not self.yes:
            return
        from hybrid_search.duplicates.act.journal import one_run_at_a_time
        from hybrid_search.duplicates.act.undo import put_back_broken

        with one_run_at_a_time():
            put_back_broken(backend)

    def do(
        self, decisions: Iterable[Decision], *, protected: Sequence[str] = (), backend: Backend | None = None
    ) -> ActionReport | None:
        """Do it, or find out what would be done; None where no action is asked for."""
        if self.action is None:
            return None
        from hybrid_search.duplicates.act.actions import apply
        from hybrid_search.duplicates.act.journal import journal_path

        # named here, so that it can be named after Ctrl-C as well
        journal = self.journal or journal_path()
        try:
            return apply(
                decisions,
                self.action,
                folder=self.folder,
                protected=protected,
                backend=backend,
                merge=self.merge,
                journal=journal,
                dry_run=not self.yes,
            )
        except KeyboardInterrupt:
            if journal.exists():
                undoing = command("duplicates undo")
                terminal.note(f"interrupted: what was done is noted in {journal}; {undoing} reads it")
            raise


def print_results(report: ActionReport, *, as_json: bool) -> None:
    """Print what became of files: each that was dealt with on stdout, the rest on stderr."""
    if as_json:
        from hybrid_search.cli.output.hit_formats import dump

        dump(report.to_json())
    else:
        lines = (f"{result.path}{f' -> {result.target}' if result.target else ''}" for result in report.done)
        terminal.write("".join(terminal.escape(line) + "\n" for line in lines))
    print_report(report)


@contextmanager
def existing_backend(context: typer.Context, location: str | None) -> Iterator[Backend | None]:
    """Give the index if there is one: files can be put back without."""
    backend = backend_at(context, location)
    try:
        yield backend if backend.exists() else None
    finally:
        backend.close()


def undo_by(journal: Path | None, *, backend: Backend | None, yes: bool) -> ActionReport:
    """Bring back what a journal, the last one when none is named, says was done; or find out what would come back."""
    from hybrid_search.duplicates.act.journal import journals, journals_folder
    from hybrid_search.duplicates.act.undo import undo

    if journal is None:
        known = journals()
        if not known:
            raise typer.BadParameter(f"there is no journal in {journals_folder()}; name one")
        journal = known[0]
        terminal.note(f"journal: {journal}")
    return undo(journal, backend=backend, dry_run=not yes)


def print_report(report: ActionReport) -> None:
    """Say on stderr what became of the files: a line for each that was left alone or failed, and the counts."""
    from hybrid_search.duplicates.act.undo import DELETED

    lost = [result for result in report.failed if result.reason.startswith(DELETED) and report.action == "undo"]
    for result in (*report.left, *report.failed):
        outcome = "left alone" if result.outcome == "left" else "failed"
        if result not in lost:
            terminal.note(f"{outcome}: {result.path}: {result.reason}")
    would = "would be " if report.dry_run else ""
    size = f" ({readable_bytes(report.freed)})" if report.freed else ""
    beside = f" with {counted(len(report.sidecars), 'sidecar')}" if report.sidecars else ""
    parts = [f"{counted(len(report.done), 'file')}{size}{beside} {would}{_DONE[report.action]}"]
    parts += [f"{len(report.left):,} left alone"] if report.left else []
    parts += [f"{len(report.failed) - len(lost):,} failed"] if len(report.failed) > len(lost) else []
    parts += [f"{counted(len(lost), 'file')} deleted that cannot be brought back"] if lost else []
    hint = "; nothing was done, --yes does it" if report.done else "; there is nothing to do"
    terminal.note(", ".join(parts) + (hint if report.dry_run else ""))
    if report.action == "delete" and report.dry_run and report.done:
        terminal.note("what is deleted cannot be brought back; `--action trash` and `--action move` can be undone")
    if report.journal is not None and not report.dry_run and report.action != "undo":
        terminal.note(f"noted in {report.journal}; {_undone(report.action)}")


def _undone(action: str) -> str:
    """Return what `undo` can do about an action."""
    from hybrid_search.duplicates.act.trash import can_look

    if action == "delete":
        return "what was deleted cannot be brought back"
    if action == "trash" and not can_look():
        return "the system's trash gives the files back, `undo` cannot"
    still = " as long as they are in the trash" if action == "trash" else ""
    return f"{command('duplicates undo')} puts the files back{still}"


def exit_code(report: ActionReport | None, *, found: bool) -> int:
    """Return the exit code: some files failed, some were found, or none."""
    if report is not None and report.failed:
        return exits.PARTIAL
    return exits.OK if found else exits.NOTHING


def folders(paths: Iterable[Path] | None) -> tuple[str, ...]:
    """Return folders as the index names them: absolute, links in them as they are."""
    return tuple(os.path.abspath(os.path.expanduser(path)) for path in paths or ())


def report_json(report: ActionReport | None) -> dict[str, Any]:
    """Return what became of the files as JSON, nothing where nothing was asked for."""
    return {} if report is None else {"action": report.to_json()}
