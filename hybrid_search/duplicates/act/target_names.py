"""Names in the folder to which files are moved: their own tree, and never a name that is taken."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from hybrid_search.document.document import is_below
from hybrid_search.duplicates.act.companion_files import companion
from hybrid_search.duplicates.act.planned_files import Decision
from hybrid_search.errors import ActionRefused


@dataclass
class Names:
    """Gives every file a name of its own below a folder.

    Names that differ in case or in how accents are written count as one, as they do on many drives.

    Parameters
    ----------
    folder : str
        Where files are moved.
    base : str
        The folder whose tree they keep there; of files elsewhere the whole path is kept.
    """

    folder: str
    base: str
    _taken: dict[str, set[str]] = field(default_factory=dict)

    def free(self, path: str, *, sidecars: Sequence[str] = ()) -> str:
        """Return a path below the folder that no file has, and that is not given again; its sidecars' are free too."""
        if is_below(os.path.realpath(path), self.folder):
            raise ActionRefused(path, "it lies in the folder already to which it would be moved")
        parent = os.path.join(self.folder, *_relative(os.path.dirname(path), self.base))
        if parent not in self._taken:
            with suppress(OSError):
                self._taken[parent] = {_folded(name) for name in os.listdir(parent)}
        taken = self._taken.setdefault(parent, set())
        old = os.path.basename(path)
        stem, suffix = os.path.splitext(old)
        beside = [os.path.basename(sidecar) for sidecar in sidecars]
        name, count = old, 1
        while wanted := {_folded(each) for each in (name, *(companion(each, old, name) for each in beside))}:
            if taken.isdisjoint(wanted):
                break
            count += 1
            name = f"{stem} ({count}){suffix}"
        taken |= wanted
        return os.path.join(parent, name)


def base_of(decisions: Sequence[Decision], root: str | Path | None) -> str:
    """Return the folder whose tree is kept: the one that was named, or the deepest that holds all files."""
    if root is not None:
        return os.path.abspath(os.path.expanduser(root))
    folders = [
        os.path.dirname(str(file.path))
        for decision in decisions
        for file in (*decision.keep[:1], *decision.remove)
        if decision.remove
    ]
    try:
        return os.path.commonpath(folders) if folders else os.sep
    except ValueError:
        # drives of Windows have nothing in common
        return os.sep


def _relative(folder: str, base: str) -> tuple[str, ...]:
    if is_below(folder, base):
        return PurePath(os.path.relpath(folder, base)).parts if folder != base else ()
    pure = PurePath(folder)
    drive = pure.drive.replace(":", "").strip("\\/")
    return ((drive,) if drive else ()) + tuple(part for part in pure.parts if part != pure.anchor)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def missing_folders(path: str) -> list[str]:
    """Return the folders that must be made for a path, the deepest first."""
    missing = []
    for parent in PurePath(path).parents:
        if os.path.lexists(parent):
            break
        missing.append(str(parent))
    return missing
