"""What keeps a file from being touched: protected folders, and being a kept file under another name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from hybrid_search.duplicates.act.planned_files import Decision, PlannedFile
from hybrid_search.duplicates.act.verified_file import VerifiedFile
from hybrid_search.errors import ActionRefused

Place = tuple[int, int]
"""Device and number of a file or folder, the same for all its names."""


class Guards:
    """Knows, of all groups together, which files stay.

    Parameters
    ----------
    decisions : iterable of Decision
        Files that any group keeps stay, whatever another group says.
    protected : sequence of str
        Folders in which nothing is touched, by whatever name they are reached.
    """

    def __init__(self, decisions: Iterable[Decision], protected: Sequence[str]) -> None:
        kept = [str(file.path) for decision in decisions for file in decision.keep if file.path]
        self._kept = {place: path for path in kept if (place := _place(path)) is not None}
        self._folders: dict[Place, str] = {}
        for folder in protected:
            path = os.path.abspath(os.path.expanduser(folder))
            place = _place(path)
            if place is None:
                raise ActionRefused(path, "the protected folder is not there; plug its drive in or name it rightly")
            self._folders[place] = path
        self._inside: dict[str, str | None] = {}

    def check_facts(self, file: PlannedFile) -> None:
        """Raise ActionRefused when the index does not know by what a change of the file would show."""
        if file.facts is None or file.facts.bytes is None or file.facts.mtime_ns is None:
            raise ActionRefused(str(file.path), "its size and time are not known; index its folder again")

    def check_path(self, path: str) -> None:
        """Raise ActionRefused when a path, or the place that it really leads to, is below a protected folder."""
        if not os.path.isabs(path):
            raise ActionRefused(path, "its path is not absolute")
        for folder in {os.path.dirname(os.path.abspath(path)), os.path.dirname(os.path.realpath(path))}:
            if folder not in self._inside:
                self._inside[folder] = self._protecting(folder)
            if (found := self._inside[folder]) is not None:
                raise ActionRefused(path, f"it is in the protected folder {found}")

    def check_file(self, path: str, status: os.stat_result, kept: VerifiedFile) -> None:
        """Raise ActionRefused when a file is one that stays, seen under another name."""
        place = status.st_dev, status.st_ino
        if place == kept.place:
            raise ActionRefused(path, f"it is the same file as {kept.path}, under another name")
        if place in self._kept:
            raise ActionRefused(path, f"it is kept in another group, as {self._kept[place]}")
        if status.st_dev != kept.status.st_dev and _times(status) == _times(kept.status):
            raise ActionRefused(path, f"it may be the same file as {kept.path}, seen through another mount")

    def _protecting(self, folder: str) -> str | None:
        for parent in (Path(folder), *Path(folder).parents):
            place = _place(str(parent))
            if place is not None and place in self._folders:
                return self._folders[place]
        return None


def _place(path: str) -> Place | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _times(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
