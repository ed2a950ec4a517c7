"""A plan becomes deeds: copies are moved, put into the trash, replaced by links or deleted, each one verified first."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from hybrid_search.backends import Backend
from hybrid_search.duplicates.act import move_files
from hybrid_search.duplicates.act.action_report import ActionReport as ActionReport
from hybrid_search.duplicates.act.action_report import FileResult as FileResult
from hybrid_search.duplicates.act.action_report import Outcome
from hybrid_search.duplicates.act.companion_files import companion, planned_sidecar, sidecars_of
from hybrid_search.duplicates.act.index_updates import IndexUpdates
from hybrid_search.duplicates.act.journal import Journal, journal_path, one_run_at_a_time
from hybrid_search.duplicates.act.merge_metadata import MergeResult, merge_metadata
from hybrid_search.duplicates.act.planned_files import Decision, Plan, PlannedFile
from hybrid_search.duplicates.act.protection import Guards
from hybrid_search.duplicates.act.target_names import Names, base_of, missing_folders
from hybrid_search.duplicates.act.undo import put_back_broken
from hybrid_search.duplicates.act.verified_file import VerifiedFile, hold
from hybrid_search.errors import ActionRefused, HybridSearchError

ActionName = Literal["move", "trash", "hardlink", "symlink", "delete"]
ACTIONS: tuple[ActionName, ...] = get_args(ActionName)
"""What can be done with a copy. What is deleted cannot be had back; of the trash see `trash.can_look`."""


def apply(
    plan: Plan | Iterable[Decision],
    action: ActionName,
    *,
    folder: str | Path | None = None,
    root: str | Path | None = None,
    protected: Sequence[str] = (),
    backend: Backend | None = None,
    merge: bool = False,
    journal: Path | None = None,
    dry_run: bool = True,
    progress: Callable[[FileResult], None] | None = None,
) -> ActionReport:
    """Do with the copies of a plan what was asked; a dry run unless `dry_run` is false.

    What a run that was killed left under a hidden name is put back first. Before each file goes, the kept one is there
    with the bytes that were indexed, the file itself has not changed since it was indexed, and both are not one file
    under two names. What does not hold is left alone, with the reason.

    Parameters
    ----------
    plan : Plan or iterable of Decision
        What is kept and what goes.
    action : {"move", "trash", "hardlink", "symlink", "delete"}
        Links take the place of files of the same bytes only.
    folder, root : str or Path, optional
        Where files are moved, and the folder whose tree they keep there: by default the deepest that holds them all.
    protected : sequence of str
        Folders in which nothing is touched, besides those of the plan.
    backend : Backend, optional
        The index that is told: a document loses its path; when that was its last, it is marked as missing, or removed
        where the file was deleted.
    merge : bool
        Note what is said of the copies with the kept document first.
    journal : Path, optional
        A new file; by default one in the user's data directory.
    dry_run : bool
        Only say what would be done; bytes are not read for that.
    progress : callable, optional
        Told of every file.

    Raises
    ------
    ActionRefused
        When the action is none or lacks its folder, another run is at work, or the journal cannot be written.
    StorageFull
        When there is no room for the journal; nothing was touched.
    """
    decisions = tuple(plan.decisions if isinstance(plan, Plan) else plan)
    folders = (*(plan.protected if isinstance(plan, Plan) else ()), *protected)
    _check_action(action, folder, backend, merge)
    base = base_of(decisions, root)
    names = Names(os.path.realpath(os.path.expanduser(folder)), base) if folder is not None else None
    results: list[FileResult] = []
    with ExitStack() as stack:
        book = None
        if not dry_run:
            stack.enter_context(one_run_at_a_time())
            if backend is not None:
                backend.bulk([])  # an index that another writes is told of before the work, not after it
                stack.callback(_refresh, backend)
            put_back_broken(backend)
            head = {"action": action, "folder": None if names is None else names.folder, "root": base}
            book = stack.enter_context(Journal.create(journal or journal_path(), head))
        told = IndexUpdates(None if dry_run else backend)
        run = _ActionRun(action, Guards(decisions, folders), names, book, told, merge)
        for result in run.results(decisions):
            results.append(result)
            if progress is not None:
                progress(result)
    return ActionReport(action, tuple(results), book.path if book else None, dry_run, tuple(run.merged))


@dataclass
class _ActionRun:
    """One run over a plan; without a journal it is a dry one."""

    action: ActionName
    guards: Guards
    names: Names | None
    journal: Journal | None
    told: IndexUpdates
    merge: bool
    number: int = 0
    gone: set[str] = field(default_factory=set)
    broken: str = ""
    merged: list[MergeResult] = field(default_factory=list)

    def results(self, decisions: Iterable[Decision]) -> Iterator[FileResult]:
        """Yield what becomes of each file that is to be removed."""
        for decision in decisions:
            if not decision.remove or decision.kept is None:
                continue
            pending = list(decision.remove)
            try:
                with self._hold(decision.kept, alone=False) as kept:
                    if self.merge and self.journal is not None and self.told.backend is not None:
                        merged = merge_metadata(self.told.backend, decision)
                        self.merged += [merged] if merged.added or merged.dropped else []
                    while pending:
                        beside = self._sidecars(pending[0])
                        result = self._one(pending[0], decision, kept, beside=beside)
                        file = pending.pop(0)
                        yield result
                        if result.outcome in ("done", "would"):
                            self.gone.add(result.path)
                            yield from self._go_along(beside, file, result, decision, kept)
            except HybridSearchError as error:
                reason = getattr(error, "reason", None) or str(error)
                about = f"the file to keep, {decision.kept.path}: " if isinstance(error, ActionRefused) else ""
                for file in pending:
                    yield FileResult(str(file.path), "left", f"{about}{reason}", None, file.bytes, decision.group)

    def _sidecars(self, file: PlannedFile) -> list[str]:
        # a link in a picture's place is described by what lies beside it, as the picture was
        return sidecars_of(str(file.path), without=self.gone) if self.action in ("move", "trash", "delete") else []

    def _go_along(
        self, sidecars: Sequence[str], picture: PlannedFile, went: FileResult, decision: Decision, kept: VerifiedFile
    ) -> Iterator[FileResult]:
        """Do with the sidecars of a picture that went what was done with it."""
        for path in sidecars:
            target = None
            if went.target is not None:
                folder, renamed = os.path.split(went.target)
                name = companion(os.path.basename(path), os.path.basename(went.path), renamed)
                target = os.path.join(folder, name)
            try:
                sidecar = planned_sidecar(path, picture)
            except OSError as error:
                reason = error.strerror or str(error)
                yield FileResult(path, "failed", reason, target, 0, decision.group, went.path)
                continue
            yield self._one(sidecar, decision, kept, target=target, sidecar_of=went.path)

    def _hold(self, file: PlannedFile, *, alone: bool) -> Any:
        mtime = file.mtime_ns if alone else None
        size = file.facts.bytes if file.facts else None
        dry = self.journal is None
        return hold(str(file.path), sha256=file.sha256, bytes=size, mtime_ns=mtime, alone=alone, look_only=dry)

    def _one(
        self,
        file: PlannedFile,
        decision: Decision,
        kept: VerifiedFile,
        *,
        beside: Sequence[str] = (),
        target: str | None = None,
        sidecar_of: str = "",
    ) -> FileResult:
        """Deal with one file; whatever is wrong with it leaves the others of its group to be dealt with."""

        def result(outcome: Outcome, reason: str = "") -> FileResult:
            return FileResult(str(file.path), outcome, reason, target, file.bytes, decision.group, sidecar_of)

        if self.broken:
            return result("failed", self.broken)
        kept.check()
        try:
            self.guards.check_facts(file)
            self.guards.check_path(str(file.path))
            with suppress(FileNotFoundError):
                # before it is locked, which one file under two names would do to itself
                self.guards.check_file(str(file.path), os.stat(str(file.path)), kept)
            with self._hold(file, alone=True) as held:
                self.guards.check_file(held.path, held.status, kept)
                target = target or self._target(file, decision, held, beside)
                if self.journal is None:
                    return result("would")
                self._act(file, decision, held, kept, target, sidecar_of)
            return result("done", "" if sidecar_of else self.told.after(self.action, file))
        except ActionRefused as refused:
            return result("left", refused.reason)
        except OSError as error:
            return result("failed", self.broken or error.strerror or str(error))

    def _target(self, file: PlannedFile, decision: Decision, held: VerifiedFile, beside: Sequence[str]) -> str | None:
        """Return where a file goes, or what its link leads to; refuses what the action cannot do with it."""
        path, kept = str(file.path), decision.keep[0]
        if self.names is not None:
            return self.names.free(path, sidecars=beside)
        if self.action in ("hardlink", "symlink"):
            if file.sha256 != kept.sha256:
                raise ActionRefused(path, "a link would replace it by other bytes; move it or put it into the trash")
            if self.action == "hardlink" and held.status.st_dev != os.stat(str(kept.path)).st_dev:
                raise ActionRefused(path, "the kept file is on another drive, where a hard link cannot lead")
            return str(kept.path)
        return None

    def _act(
        self,
        file: PlannedFile,
        decision: Decision,
        held: VerifiedFile,
        kept: VerifiedFile,
        target: str | None,
        sidecar_of: str,
    ) -> None:
        """Write into the journal what is about to happen, do it, and see that the kept file is still there."""
        if self.journal is None:
            raise ActionRefused(held.path, "there is no journal")
        self.number += 1
        aside = os.path.join(os.path.dirname(held.path), self.journal.part(self.number))
        part = os.path.join(os.path.dirname(target), self.journal.part(self.number)) if self.names and target else aside
        record = {
            "action": self.action,
            "path": held.path,
            "target": target,
            "part": part,
            "aside": aside,
            "made": missing_folders(part),
            "kept": kept.path,
            "id": file.id,
            "sha256": file.sha256,
            "group": decision.group,
            "tier": file.tier,
            "facts": file.facts.to_json() if file.facts and not sidecar_of else None,
            "sidecar_of": sidecar_of,
            **move_files.describe(held.status, held.path),
        }
        if self.action == "symlink":
            record["link"] = move_files.link_text(held.path, kept.path)
        try:
            self.journal.begin(self.number, record)
        except OSError as error:
            self.broken = f"the journal cannot be written ({error.strerror}), so nothing more was touched"
            raise
        held.let_go()
        try:
            self._do(file, held, kept, (aside, part), target)
        except (OSError, ActionRefused) as error:
            self.journal.note("failed", self.number, reason=str(error))
            raise
        self.journal.note("done", self.number)

    def _do(
        self, file: PlannedFile, held: VerifiedFile, kept: VerifiedFile, spare: tuple[str, str], target: str | None
    ) -> None:
        aside, part = spare
        held.check()
        try:
            # by another name for a moment: were both one file that no number tells to be one, the kept one shows it
            move_files.move(held.path, aside, None, sha256=file.sha256, check=kept.check)
            kept.check()
            if self.action == "delete":
                move_files.unlink(aside, held.status)
                return
            move_files.put_aside_back(aside, held.path, sha256=file.sha256)
        except BaseException as error:
            if os.path.lexists(aside):
                move_files.put_aside_back(aside, held.path, sha256=file.sha256)
            if isinstance(error, ActionRefused):
                reason = f"the file to keep, {kept.path}: {error.reason}; it was put back"
                raise ActionRefused(held.path, reason) from error
            raise
        if self.action == "move" and target is not None:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            move_files.move(held.path, target, part, sha256=file.sha256, check=kept.check)
        elif self.action == "trash":
            _to_trash(held.path)
        else:
            move_files.replace_by_link(held.path, kept.path, part, symbolic=self.action == "symlink")
            kept.renew()
        kept.check()


def _check_action(action: str, folder: object, backend: Backend | None, merge: bool) -> None:
    if action not in ACTIONS:
        raise ActionRefused("the plan", f"there is no action {action!r}; known: {', '.join(ACTIONS)}")
    if (action == "move") != (folder is not None):
        raise ActionRefused("the plan", "move needs a folder to move to, and nothing else takes one")
    if merge and backend is None:
        raise ActionRefused("the plan", "descriptions are merged in an index, and none was given")


def _to_trash(path: str) -> None:
    from send2trash import send2trash

    send2trash(path)
    if os.path.lexists(path):
        raise OSError(0, "the system's trash did not take it")


def _refresh(backend: Backend) -> None:
    with suppress(HybridSearchError):
        backend.refresh()
