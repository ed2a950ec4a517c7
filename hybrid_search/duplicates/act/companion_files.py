"""The sidecars that go where their picture goes: XMP and JSON beside it, under the names that programs give them."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from hybrid_search.document.document import FileFacts
from hybrid_search.duplicates.act.planned_files import PlannedFile
from hybrid_search.duplicates.act.verified_file import hash_open
from hybrid_search.metadata import SidecarNames, is_sidecar

_SETTLED = 2_000_000_000
"""Nanoseconds after which a change of a folder shows in its time."""
_START = 40
"""Characters that the names of a picture and of its sidecar have in common, unless one of them is shorter."""
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
    try:
        listed, sidecars = _listed(folder)
    except OSError:
        return []
    found = []
    for each in reversed(sidecars.of(name)):
        beside = os.path.join(folder, each.name)
        try:
            status = os.lstat(beside)
        except (OSError, ValueError):
            continue
        of = name if each.doubtful else ""
        if not stat.S_ISREG(status.st_mode) or each.name == name or not is_sidecar(Path(beside), of=of):
            continue
        others = (other for other in listed if other != name and _has(folder, other, each.name, sidecars))
        if all(os.path.join(folder, other) in without for other in others):
            found.append(beside)
    return found


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
    # Takeout counts and cuts in ways that only the old name explains
    return f"{renamed}{os.path.splitext(sidecar)[1]}" if SidecarNames([sidecar]).of(picture) else sidecar


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


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _listed(folder: str) -> tuple[tuple[str, ...], SidecarNames]:
    """Return the names of a folder's files and its sidecars, of one that has not changed for a while from memory."""
    changed = os.stat(folder).st_mtime_ns
    read = _read if time.time_ns() - changed > _SETTLED else _read.__wrapped__
    return read(folder, changed)


@lru_cache(maxsize=16)
def _read(folder: str, changed: int) -> tuple[tuple[str, ...], SidecarNames]:
    names = tuple(os.listdir(folder))
    return names, SidecarNames(names)


def _has(folder: str, picture: str, sidecar: str, sidecars: SidecarNames) -> bool:
    """Tell whether a sidecar may be a picture's."""
    start = sidecar.partition(".")[0].partition("(")[0][:_START]
    if not picture.startswith(start) or os.path.splitext(picture)[1].lower() in _OF_A_PICTURE:
        return False
    return any(
        each.name == sidecar and (not each.doubtful or is_sidecar(Path(folder, sidecar), of=picture))
        for each in sidecars.of(picture)
    )
