"""The sidecars that go where their picture goes: XMP and JSON beside it, under the names that programs give them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from hybrid_search.document import FileFacts
from hybrid_search.duplicates.act.decisions import PlannedFile
from hybrid_search.duplicates.act.held import hash_open
from hybrid_search.metadata import is_sidecar, sidecar_names

__all__ = ["companion", "planned_sidecar", "sidecars_of"]

_TAKEOUT = ".supplemental-metadata"
_COUNTED = re.compile(r"(.+)(\(\d+\))(\.[^.]+)")
_OF_A_PICTURE = frozenset({".xmp", ".json", ".aae", ".thm"})
"""Suffixes of files that are nothing without a picture of their name, so that none of them shares a sidecar with it."""


def sidecars_of(path: str, *, without: Collection[str] = ()) -> list[str]:
    """Return the sidecars that are of a picture alone, those that are read last first.

    One that another file shares, as IMG.xmp is of IMG.jpg and IMG.raw, is not among them while that file is there. A
    JSON file is a sidecar when it says something of a picture.

    Parameters
    ----------
    path : str
        The picture; it need not be there.
    without : collection of str
        Paths of files that count as gone.
    """
    folder, name = os.path.split(path)
    found: dict[tuple[int, int] | str, str] = {}
    for candidate in _candidates(name):
        beside = os.path.join(folder, candidate)
        try:
            status = os.lstat(beside)
        except (OSError, ValueError):
            continue
        if not stat.S_ISREG(status.st_mode) or candidate == name or not is_sidecar(Path(beside)):
            continue
        if candidate.startswith(f"{name}.") or not _is_shared(folder, name, candidate, without):
            # by its number, as names that differ in case alone are one on many drives
            found.setdefault((status.st_dev, status.st_ino) if status.st_ino else beside, beside)
    return list(found.values())


def companion(sidecar: str, picture: str, renamed: str) -> str:
    """Return the name of a sidecar whose picture gets another name.

    Examples
    --------
    >>> companion("IMG.jpg.xmp", "IMG.jpg", "IMG (2).jpg"), companion("IMG.xmp", "IMG.jpg", "IMG (2).jpg")
    ('IMG (2).jpg.xmp', 'IMG (2).xmp')
    """
    for old, new in ((picture, renamed), (_stem(picture), _stem(renamed))):
        if sidecar.startswith(old):
            return new + sidecar[len(old) :]
    return sidecar


def planned_sidecar(path: str, picture: PlannedFile) -> PlannedFile:
    """Return a sidecar, as it is now, as a file that goes with its picture.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    try:
        status, sha256 = os.fstat(descriptor), hash_open(descriptor)
    finally:
        os.close(descriptor)
    facts = FileFacts(path, status.st_size, status.st_mtime_ns)
    return PlannedFile("", path, sha256, facts, None, f"sidecar of {picture.path}")


def _candidates(name: str) -> Iterator[str]:
    forms = [_TAKEOUT[:length] for length in range(len(_TAKEOUT), -1, -1)]
    takeout = [f"{name}{form}.json" for form in forms]
    if counted := _COUNTED.fullmatch(name):
        # Takeout counts the sidecars of pictures of one name behind all of it
        takeout += [f"{counted[1]}{counted[3]}{form}{counted[2]}.json" for form in forms]
    for known in dict.fromkeys((*reversed(sidecar_names(name)), *takeout)):
        stem, _, suffix = known.rpartition(".")
        yield known
        yield f"{stem}.{suffix.upper()}"


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _is_shared(folder: str, name: str, sidecar: str, without: Collection[str]) -> bool:
    """Tell whether another file of the folder has the name of a sidecar, up to its suffix or to where it is cut."""
    stem = _stem(sidecar).casefold()
    cut = stem != _stem(name).casefold()
    try:
        others = [entry.name for entry in os.scandir(folder) if entry.name != name and entry.path not in without]
    except OSError:
        return True
    names = [other.casefold() for other in others if os.path.splitext(other)[1].lower() not in _OF_A_PICTURE]
    return any(other.startswith(stem) if cut else _stem(other) == stem for other in names)
