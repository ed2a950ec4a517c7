"""The trash of freedesktop.org's specification, looked into: which of its files lay at a path before.

Other systems do not tell where a file in their trash lay.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote_to_bytes

_INFO = ".trashinfo"
_MAX_BYTES = 64 * 1024


def can_look() -> bool:
    """Tell whether this system's trash says where its files lay."""
    return os.name == "posix" and sys.platform != "darwin"


class Trash:
    """The trash folders of this user: the one at home and those of the drives that are asked about.

    Each is listed once.
    """

    def __init__(self) -> None:
        self._listed: set[str] = set()
        self._files: dict[str, list[tuple[str, str]]] = defaultdict(list)

    def files(self, path: str) -> list[str]:
        """Return the files in the trash that lay at a path; whose bytes they have is not looked at."""
        if not can_look():
            return []
        for folder, top in _folders(path):
            if folder not in self._listed:
                self._listed.add(folder)
                self._list(folder, top)
        return [file for file, _ in self._files[_plain(path)] if os.path.lexists(file)]

    def tidy(self, path: str) -> None:
        """Remove what the trash says of files that lay at a path and are not in it any more."""
        self.files(path)
        for file, info in self._files[_plain(path)]:
            if not os.path.lexists(file):
                with suppress(OSError):
                    os.unlink(info)

    def _list(self, folder: str, top: str) -> None:
        with suppress(OSError):
            for entry in sorted(os.scandir(os.path.join(folder, "info")), key=lambda entry: entry.name):
                if entry.name.endswith(_INFO) and (lay := _path_of(entry.path)):
                    file = os.path.join(folder, "files", entry.name.removesuffix(_INFO))
                    self._files[_plain(os.path.join(top, lay))].append((file, entry.path))


def _path_of(info: str) -> str:
    """Return what the file beside a trashed one says of where it lay, "" when it says nothing."""
    with suppress(OSError):
        with open(info, "rb") as file:
            for line in file.read(_MAX_BYTES).splitlines():
                name, equals, value = line.partition(b"=")
                if equals and name.strip() == b"Path":
                    return os.fsdecode(unquote_to_bytes(value.strip()))
    return ""


def _folders(path: str) -> list[tuple[str, str]]:
    """Return trash folders in which a file of a path may be, each with the folder that its paths are relative to."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    found = [(os.path.join(data, "Trash"), data)]
    user = os.getuid()
    for parent in Path(_plain(path)).parents:
        if os.path.ismount(parent):
            top = str(parent)
            found += [(os.path.join(top, ".Trash", str(user)), top), (os.path.join(top, f".Trash-{user}"), top)]
    return found


def _plain(path: str) -> str:
    """Return a path by which two ways to name it are one."""
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name)
