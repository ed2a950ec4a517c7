"""Choices that were made on a page, checked against the index as it is now: only copies of a kept file may go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hybrid_search.backends import Backend
from hybrid_search.duplicates.act.action_report import FileResult
from hybrid_search.duplicates.act.planned_files import Decision, PlannedFile
from hybrid_search.duplicates.model import Member
from hybrid_search.errors import DocumentNotFound
from hybrid_search.hits.evidence import Evidence

_UNKNOWN = "the index does not know it with these bytes at this path; index its folder, and make the page again"
_STRANGER = "it was not found to be a copy of {}; make the page again"


@dataclass(frozen=True)
class Recheck:
    """Tells of the files of a decision whether they may still go.

    Parameters
    ----------
    backend : Backend
        The index.
    compare : callable
        Judges the kept file and another, where the index keeps no link between them.
    """

    backend: Backend
    compare: Callable[[Member, Member], Evidence | None]

    def checked(self, decision: Decision) -> tuple[Decision, tuple[FileResult, ...]]:
        """Return a decision without the files that may not go, and what is told of these.

        A file may go when the index holds it, and the file to keep, and both are copies by their bytes, by what was
        found out before, or as they are judged now.
        """
        if decision.kept is None:
            return decision, ()
        kept = self._member(decision.kept)
        refused: dict[str, FileResult] = {}
        for file in decision.remove:
            if kept is None:
                reason = f"the file to keep, {decision.kept.path}: {_UNKNOWN}"
            else:
                reason = self._reason(kept, file)
            if reason:
                refused[str(file.path)] = FileResult(str(file.path), "left", reason, None, file.bytes, decision.group)
        go = tuple(file for file in decision.remove if str(file.path) not in refused)
        stay = tuple(file for file in decision.remove if str(file.path) in refused)
        return replace(decision, remove=go, left=(*decision.left, *stay)), tuple(refused.values())

    def _reason(self, kept: Member, file: PlannedFile) -> str:
        member = self._member(file)
        if member is None:
            return _UNKNOWN
        one, other = kept.source, member.source
        if _sha256(kept) == _sha256(member) or _linked(kept, member) or _linked(member, kept):
            return ""
        group = _duplicate(one).get("group")
        if group is not None and group == _duplicate(other).get("group"):
            return ""
        return "" if self.compare(kept, member) else _STRANGER.format(kept.path)

    def _member(self, file: PlannedFile) -> Member | None:
        try:
            source = self.backend.get(file.id)
        except DocumentNotFound:
            return None
        member = Member(file.id, file.path, None, source)
        known = {entry.get("path") for entry in source.get("files") or ()}
        return member if _sha256(member) == file.sha256 and file.path in known else None


def _sha256(member: Member) -> str:
    return str(member.source.get("sha256") or member.id)


def _duplicate(source: Mapping[str, Any]) -> Mapping[str, Any]:
    return source.get("duplicate") or {}


def _linked(holder: Member, other: Member) -> bool:
    """Tell whether a document holds what was found out about its pixels and another's, of the bytes of both."""
    return any(
        entry["id"] == other.id and list(entry["sha256"]) == [_sha256(holder), _sha256(other)]
        for entry in _duplicate(holder.source).get("evidence") or ()
    )
