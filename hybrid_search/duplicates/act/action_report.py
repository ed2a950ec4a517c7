"""What became of files: one result for each, and a report of all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hybrid_search.duplicates.act.merge_metadata import MergeResult

Outcome = Literal["would", "done", "left", "failed"]


@dataclass(frozen=True)
class FileResult:
    """What became of one file.

    Parameters
    ----------
    path : str
        The file.
    outcome : {"would", "done", "left", "failed"}
        "would" in a dry run; "left": it was not safe to touch it; "failed": the system refused.
    reason : str
        Why it was left or failed, or what else a person should know.
    target : str or None
        Where it was moved, or what the link in its place leads to.
    bytes : int
        Its size.
    group : str
        The id of its group.
    sidecar_of : str
        The picture with which it went, of a sidecar; "" of a picture.
    """

    path: str
    outcome: Outcome
    reason: str = ""
    target: str | None = None
    bytes: int = 0
    group: str = ""
    sidecar_of: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class ActionReport:
    """What became of every file of a plan, or of every file of a journal.

    Parameters
    ----------
    action : str
        One of `ACTIONS`, or "undo".
    results : tuple of FileResult
        One for each file that was to be removed, in the order of the plan, each with its sidecars behind it.
    journal : Path or None
        What `undo` needs; None in a dry run.
    dry_run : bool
        Whether nothing was touched.
    merged : tuple of MergeResult
        What kept documents got of what was said of their copies, and what they did not get.
    """

    action: str
    results: tuple[FileResult, ...]
    journal: Path | None
    dry_run: bool
    merged: tuple[MergeResult, ...] = ()

    @property
    def done(self) -> tuple[FileResult, ...]:
        """Pictures that were dealt with; in a dry run, those that would be."""
        return tuple(result for result in self._dealt_with if not result.sidecar_of)

    @property
    def sidecars(self) -> tuple[FileResult, ...]:
        """Sidecars that went with them."""
        return tuple(result for result in self._dealt_with if result.sidecar_of)

    @property
    def _dealt_with(self) -> tuple[FileResult, ...]:
        return tuple(result for result in self.results if result.outcome in ("done", "would"))

    @property
    def left(self) -> tuple[FileResult, ...]:
        """Files that it was not safe to touch."""
        return tuple(result for result in self.results if result.outcome == "left")

    @property
    def failed(self) -> tuple[FileResult, ...]:
        """Files that the system refused to touch."""
        return tuple(result for result in self.results if result.outcome == "failed")

    @property
    def freed(self) -> int:
        """Bytes of the pictures that were dealt with."""
        return sum(result.bytes for result in self.done)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {
            "action": self.action,
            "dry_run": self.dry_run,
            "journal": None if self.journal is None else str(self.journal),
            "freed": self.freed,
            "results": [result.to_json() for result in self.results],
            "merged": [merged.to_json() for merged in self.merged],
        }
