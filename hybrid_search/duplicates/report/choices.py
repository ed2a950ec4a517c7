"""What a person chose on a page of duplicates, read back from the file that the page exports."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid_search.duplicates.act.planned_files import Decision, PlannedFile
from hybrid_search.errors import ActionRefused, DuplicatesError

KIND, VERSION = "hybrid-search duplicates", 1
"""What the file says of itself, as `page.js` writes it."""

_REASONS = {"keep": "kept by choice", "remove": "removed by choice", "apart": "said to be no copy"}


@dataclass(frozen=True)
class ChosenGroup:
    """One group for which something was chosen.

    Parameters
    ----------
    decision : Decision
        What becomes of its files; those that are no copies are left.
    apart : tuple of str
        Ids of the documents that are no copies of the others.
    reviewed : bool
        Whether the group is not to be shown again unless something new joins it.
    """

    decision: Decision
    apart: tuple[str, ...] = ()
    reviewed: bool = False

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Ids of documents that are never to stand in one group."""
        return tuple((apart, other) for apart in self.apart for other in self.reviewed_ids if other != apart)

    @property
    def reviewed_ids(self) -> tuple[str, ...]:
        """Ids of the documents that were looked at as one group."""
        return tuple(dict.fromkeys(file.id for file in (*self.decision.keep, *self.decision.remove)))


def read_choices(path: str | os.PathLike[str]) -> tuple[ChosenGroup, ...]:
    """Return what was chosen on a page of duplicates.

    Parameters
    ----------
    path : path
        The file that the page exported.

    Raises
    ------
    DuplicatesError
        When it is not such a file, or when no file of a group would stay.
    OSError
        When it cannot be read.
    """
    name, data = os.fspath(path), Path(path).read_bytes()
    try:
        stored = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _unusable(name, f"it is no JSON ({error})") from None
    if not isinstance(stored, Mapping) or stored.get("kind") != KIND:
        raise _unusable(name, "it was not exported from a page of duplicates")
    if stored.get("version") != VERSION:
        raise _unusable(name, f"it is of version {stored.get('version')}, and version {VERSION} is known")
    try:
        return tuple(_group(entry) for entry in stored["groups"])
    except ActionRefused as error:
        raise _unusable(name, str(error)) from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _unusable(name, f"an entry is damaged ({type(error).__name__}: {error})") from None


def _unusable(path: str, reason: str) -> DuplicatesError:
    message = f"cannot apply the choices of {path}: {reason}"
    remedy = "nothing was changed, export them from the page again"
    return DuplicatesError(message, remedy=remedy, path=path, reason=reason)


def _group(entry: Mapping[str, Any]) -> ChosenGroup:
    chosen: dict[str, list[PlannedFile]] = {"keep": [], "remove": [], "apart": []}
    for stored in entry["files"]:
        chosen[stored["choice"]].append(_file(stored))
    # the first file that is kept stands for the picture: a link can only lead to one that is a file
    keep = sorted(chosen["keep"], key=lambda file: file.path is None)
    decision = Decision(str(entry["group"]), tuple(keep), tuple(chosen["remove"]), tuple(chosen["apart"]))
    apart = tuple(dict.fromkeys(file.id for file in chosen["apart"]))
    return ChosenGroup(decision, apart, bool(entry.get("reviewed", False)))


def _file(stored: Mapping[str, Any]) -> PlannedFile:
    facts = stored.get("facts")
    if facts is not None and "mtime_ns" in facts:
        # text in the file, as JavaScript's numbers do not hold nanoseconds
        facts = {**facts, "mtime_ns": int(facts["mtime_ns"])}
    return PlannedFile.from_json({**stored, "facts": facts, "why": _REASONS[stored["choice"]]})
