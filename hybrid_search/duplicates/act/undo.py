"""A run taken back by its journal: each file is where it was, with its bytes, times and mode, or it is said why not.

What happened is read from the files themselves; so a run that was killed, and an undoing that was, can be undone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybrid_search.backends import Backend
from hybrid_search.duplicates.act import move_files
from hybrid_search.duplicates.act.action_report import ActionReport, FileResult, Outcome
from hybrid_search.duplicates.act.index_updates import IndexUpdates
from hybrid_search.duplicates.act.journal import Journal, JournalEntry, journals, one_run_at_a_time
from hybrid_search.duplicates.act.trash import Trash, can_look
from hybrid_search.duplicates.act.verified_file import hold
from hybrid_search.errors import ActionRefused, HybridSearchError

DELETED = "it was deleted"
"""Beginning of the reason why a file cannot be put back."""
_LATEST = 3
"""Journals that a new run looks into: one was broken off, and perhaps the runs that tried again."""

_CHANGED = "it has changed since"
_IN_PLACE = "it is in its place"


def undo(
    journal: str | Path,
    *,
    backend: Backend | None = None,
    dry_run: bool = True,
    skip_damaged: bool = False,
    progress: Callable[[FileResult], None] | None = None,
) -> ActionReport:
    """Put back what a run moved, put into the trash or replaced by links, the last first; a dry run by default.

    What was deleted is reported as failed, with the copy that was kept; so is what has left the trash, or lies in one
    that does not tell where its files lay (see `trash.can_look`). Nothing is overwritten.

    Parameters
    ----------
    journal : str or Path
        The journal of the run, whole or cut off by a crash. Undoing twice is harmless.
    backend : Backend, optional
        The index that is told.
    dry_run : bool
        Only say what would be done; bytes are not read for that.
    skip_damaged : bool
        Undo what the readable lines say when others are damaged.
    progress : callable, optional
        Told of every file.

    Returns
    -------
    ActionReport
        "done": in its place again. "left": it never left its place, or is back already. "failed": it cannot be put
        back, with the reason.

    Raises
    ------
    DuplicatesError
        When it is no journal, is damaged, or its run is still at work; nothing was changed.
    ActionRefused
        When another run is at work.
    """
    results: list[FileResult] = []
    with ExitStack() as stack:
        if not dry_run:
            stack.enter_context(one_run_at_a_time())
            if backend is not None:
                backend.bulk([])
                stack.callback(_refresh, backend)
        book, history = Journal.reopen(Path(journal), skip_damaged=skip_damaged, look_only=dry_run)
        stack.enter_context(book)
        undoing = _Undoing(book, IndexUpdates(None if dry_run else backend), dry_run)
        for entry in reversed(history.entries):
            results.append(undoing.result(entry))
            if progress is not None:
                progress(results[-1])
        if not dry_run:
            _remove_made(history.entries)
    return ActionReport("undo", tuple(results), Path(journal), dry_run)


def put_back_broken(backend: Backend | None) -> None:
    """Put back what runs that were killed have left under a hidden name, so that it is there for the next one.

    A journal that cannot be read is left to `undo`.

    Parameters
    ----------
    backend : Backend or None
        The index that is told.
    """
    for path in journals()[:_LATEST]:
        with suppress(HybridSearchError, OSError):
            book, history = Journal.reopen(path)
            with book:
                undoing = _Undoing(book, IndexUpdates(backend), dry_run=False)
                for entry in history.entries:
                    hidden = (str(entry.record["aside"]), str(entry.record["part"]))
                    if not (entry.done or entry.undone) and any(map(os.path.lexists, hidden)):
                        undoing.result(entry)


@dataclass(frozen=True)
class _Undoing:
    """One undoing of a journal."""

    book: Journal
    told: IndexUpdates
    dry_run: bool
    trash: Trash = field(default_factory=Trash)

    def result(self, entry: JournalEntry) -> FileResult:
        """Put one file back and tell what became of it."""
        record = entry.record
        outcome, reason = self._outcome(entry)
        if outcome == "done":
            reason = "; ".join(filter(None, (reason, self.told.back(record))))
            self.book.note("undone", entry.number)
            outcome = "would" if self.dry_run else "done"
        was = record["target"] if record["action"] == "move" else None
        sidecar_of = str(record.get("sidecar_of") or "")
        return FileResult(
            str(record["path"]), outcome, reason, was, int(record["bytes"]), str(record["group"]), sidecar_of
        )

    def _outcome(self, entry: JournalEntry) -> tuple[Outcome, str]:
        if entry.undone:
            return "left", "it was put back before"
        try:
            links = entry.record["action"] in ("hardlink", "symlink")
            return self._unlink(entry) if links else self._fetch(entry)
        except ActionRefused as refused:
            return "failed", refused.reason
        except OSError as error:
            return "failed", error.strerror or str(error)

    def _fetch(self, entry: JournalEntry) -> tuple[Outcome, str]:
        """Bring a file back from where it was moved, or from the name that it had for a moment."""
        record, path = entry.record, str(entry.record["path"])
        places = [str(place) for place in self._places(record) if os.path.lexists(place)]
        if os.path.lexists(path) and not (places and _is_placeholder(path, record)):
            if not self._is_whole(path, record):
                lies = f"; it lies at {places[0]}" if places else ""
                return "failed", f"its place is taken by another file{lies}"
            self._clean(entry, path)
            return "left", _IN_PLACE
        if not places:
            raise ActionRefused(path, _lost(record))
        refused = ActionRefused(path, _lost(record))
        for place in places:
            try:
                with hold(place, alone=True, changed=_CHANGED, look_only=self.dry_run, **_bytes_of(record)) as held:
                    held.let_go()
                    return "done", "" if self.dry_run else self._move_back(entry, place, path)
            except ActionRefused as error:
                refused = error
        raise refused

    def _places(self, record: Mapping[str, Any]) -> list[str]:
        """Return where a file may be: where it was put, or under the name that it had for a moment."""
        if record["action"] == "trash":
            return [*self.trash.files(str(record["path"])), record["aside"]]
        return [record["target"], record["aside"]] if record["action"] == "move" else [record["aside"]]

    def _move_back(self, entry: JournalEntry, place: str, path: str) -> str:
        self.book.note("undoing", entry.number)
        if os.path.lexists(path) and _is_placeholder(path, entry.record):
            move_files.discard(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        part = os.path.join(os.path.dirname(path), self.book.part(entry.number))
        # the name that it had for a moment may be the very place that it comes back from
        spare = f"{part}.copy" if part == place else part
        move_files.discard(spare)
        move_files.move(place, path, spare, sha256=str(entry.record["sha256"]))
        if entry.record["action"] == "trash":
            self.trash.tidy(path)
        return move_files.restore_facts(path, entry.record)

    def _unlink(self, entry: JournalEntry) -> tuple[Outcome, str]:
        """Put a file's own bytes in the place of the link to the kept file."""
        record, path, part = entry.record, str(entry.record["path"]), str(entry.record["part"])
        if not os.path.lexists(path) or _is_placeholder(path, record):
            if os.path.lexists(part):
                return self._fetch(entry)
        elif stat.S_ISLNK(os.lstat(path).st_mode):
            if os.readlink(path) != record.get("link"):
                return "failed", "its place is taken by another symbolic link"
        elif not self._is_whole(path, record):
            return "failed", f"{_CHANGED}, or its place is taken by another file"
        elif record["action"] == "symlink" or _is_itself(path, record):
            self._clean(entry, path)
            return "left", _IN_PLACE
        for place in (str(record["kept"]), path):
            with (
                suppress(ActionRefused),
                hold(place, alone=False, changed=_CHANGED, look_only=self.dry_run, **_bytes_of(record)) as held,
            ):
                if self.dry_run:
                    return "done", ""
                os.makedirs(os.path.dirname(path), exist_ok=True)
                return "done", move_files.put_back(path, part, held.descriptor, record)
        return "failed", f"the kept file {record['kept']} is not there with its bytes any more"

    def _is_whole(self, path: str, record: Mapping[str, Any]) -> bool:
        try:
            with hold(path, alone=True, look_only=self.dry_run, **_bytes_of(record)):
                return True
        except ActionRefused:
            return False

    def _clean(self, entry: JournalEntry, path: str) -> None:
        """Remove what a killed run left half done, now that the file is known to be whole in its place."""
        record = entry.record
        if self.dry_run or entry.is_whole:
            return
        if record["action"] == "trash":
            self.trash.tidy(path)
        move_files.discard(str(record["part"]))
        move_files.discard(str(record["aside"]))
        target = record["target"] if record["action"] == "move" else None
        if target and os.path.lexists(target) and not os.path.samefile(target, path):
            # a copy for another drive that was finished while its source was still there, or the name held for it
            if _is_placeholder(target, record) or self._is_whole(target, record):
                move_files.discard(target)


def _bytes_of(record: Mapping[str, Any]) -> dict[str, Any]:
    return {"sha256": str(record["sha256"]), "bytes": int(record["bytes"])}


def _is_placeholder(path: str, record: Mapping[str, Any]) -> bool:
    """Tell whether a file is the empty one by which a killed run held a name."""
    status = os.lstat(path)
    return stat.S_ISREG(status.st_mode) and status.st_size == 0 and status.st_mtime_ns >= int(record["at"]) - 10**9


def _is_itself(path: str, record: Mapping[str, Any]) -> bool:
    """Tell whether a file is no link to the kept one, and has its own times."""
    with suppress(OSError):
        if os.path.samefile(path, str(record["kept"])):
            return False
    return bool(os.lstat(path).st_mtime_ns == record["mtime_ns"])


def _lost(record: Mapping[str, Any]) -> str:
    if record["action"] == "trash":
        return "it is not in the trash any more" if can_look() else "it is in the system's trash; restore it there"
    if record["action"] == "delete":
        return f"{DELETED}; the copy that was kept is {record['kept']}"
    return f"it is no longer at {record['target']}"


def _remove_made(entries: Iterable[JournalEntry]) -> None:
    """Remove the folders that the run made for the files that it moved, where they are empty now."""
    made = {str(folder) for entry in entries for folder in entry.record["made"]}
    for folder in sorted(made, key=len, reverse=True):
        with suppress(OSError):
            os.rmdir(folder)


def _refresh(backend: Backend) -> None:
    with suppress(HybridSearchError):
        backend.refresh()
