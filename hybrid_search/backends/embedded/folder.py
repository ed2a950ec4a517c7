"""The folder of an embedded index: its layout, its format version, and the lock of its one writer.

::

    format.json        {"format": 1}; written last, so that a folder without it holds no index
    definition.json    settings and mappings
    statistics.json    average lengths of the text fields, and rows that count (may be lost)
    writer.lock        locked by the operating system while a process writes; the file itself means nothing
    tantivy/           documents
    vectors/<field>/   the vectors of one dense_vector field
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hybrid_search.backends.embedded.rows import replace_file
from hybrid_search.errors import (
    BackendUnavailable,
    FormatTooNew,
    HybridSearchError,
    IndexCorrupt,
    IndexLocked,
    IndexNotFound,
    StorageFull,
)

__all__ = ["FORMAT", "HEAP", "Folder", "guarded"]

FORMAT = 1
"""The version of the layout that this code writes, and the newest that it reads."""
HEAP = 50_000_000
"""Bytes that the writer collects in memory before it writes a segment."""

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_FULL_WORDS = ("No space left", "File too large", "quota exceeded", "not enough space")
_DENIED = ("PermissionDenied", "ReadOnlyFilesystem")
_KILLED = "index writer was killed"
_OWN = {"definition.json", "statistics.json", "writer.lock", "tantivy", "vectors"}
_REMEDY = "restore the folder from a copy, or delete it and index again"


class Folder:
    """The files of one embedded index.

    Parameters
    ----------
    path : Path
        The index's folder; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.location = str(path)
        self._lock: weakref.finalize[[int], Folder] | None = None

    @property
    def tantivy(self) -> Path:
        """The folder of the documents."""
        return self.path / "tantivy"

    def vectors(self, field: str) -> Path:
        """Return the folder of a dense_vector field's vectors."""
        return self.path / "vectors" / quote(field, safe="")

    def exists(self) -> bool:
        """Tell whether the folder holds an index, of whatever format."""
        if not self.path.exists() and self.replaced.path.exists():
            # a process was killed between the two renames of `take_place`
            os.rename(self.replaced.path, self.path)
        return (self.path / "format.json").exists()

    @property
    def successor(self) -> Folder:
        """The folder beside this one in which its next version is built."""
        return Folder(self.path.with_name(f".{self.path.name}.building"))

    @property
    def replaced(self) -> Folder:
        """The folder beside this one that keeps the version before while the next takes its place."""
        return Folder(self.path.with_name(f".{self.path.name}.replaced"))

    def identity(self) -> tuple[int, ...] | None:
        """Return numbers that change when another version takes the folder's place, or its definition is replaced.

        None when there is none.
        """
        try:
            files = [(self.path / name).stat() for name in ("format.json", "definition.json")]
        except OSError:
            return None
        return tuple(number for file in files for number in (file.st_ino, file.st_mtime_ns))

    def take_place(self) -> None:
        """Put the successor in this folder's place; what was here is removed."""
        with guarded(self.location):
            if self.path.exists():
                shutil.rmtree(self.replaced.path, ignore_errors=True)
                os.rename(self.path, self.replaced.path)
            os.rename(self.successor.path, self.path)
            shutil.rmtree(self.replaced.path, ignore_errors=True)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def check_format(self) -> None:
        """Raise IndexNotFound, FormatTooNew or IndexCorrupt unless this code can use the folder; touches nothing."""
        if not self.exists():
            if self.tantivy.is_dir() and any(self.tantivy.glob("*.store")):
                raise IndexCorrupt(self.location, f"format.json is missing; {_REMEDY}")
            raise IndexNotFound(self.location)
        found = self._read("format.json").get("format")
        if not isinstance(found, int) or isinstance(found, bool) or found < 1:
            raise IndexCorrupt(self.location, f"format.json has no format number; {_REMEDY}")
        if found > FORMAT:
            raise FormatTooNew(self.location, found, FORMAT)

    def definition(self) -> dict[str, Any]:
        """Return the index definition; raises as `check_format`."""
        self.check_format()
        return self._read("definition.json")

    def prepare(self, definition: Mapping[str, Any]) -> None:
        """Make the folder ready for the files of a new index; the caller holds the lock.

        Raises
        ------
        BackendUnavailable
            When there is an index already, or the folder is used for something else.
        """
        if self.exists():
            raise BackendUnavailable(self.location, "there is an index already")
        foreign = sorted({entry.name for entry in self.path.iterdir()} - _OWN)
        if foreign:
            raise BackendUnavailable(
                self.location, f"the folder holds other files ({foreign[0]!r}); name a new or an empty folder"
            )
        with guarded(self.location):
            for leftover in (self.tantivy, self.path / "vectors"):
                shutil.rmtree(leftover, ignore_errors=True)
            self.tantivy.mkdir()
            self.write("definition.json", definition)

    def complete(self) -> None:
        """Declare the new index complete."""
        self.write("format.json", {"format": FORMAT})

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Replace a JSON file as a whole; raises StorageFull."""
        with guarded(self.location):
            replace_file(self.path / name, json.dumps(content, indent=1).encode())

    def statistics(self) -> dict[str, dict[str, Any]]:
        """Return what was written as statistics.json, empty when it is lost."""
        try:
            content = json.loads((self.path / "statistics.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def lock(self) -> None:
        """Become the one writer; raises IndexLocked at once when there is another, in this process or elsewhere."""
        if self._lock is not None:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / "writer.lock", os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            if error.errno in _FULL:
                raise StorageFull(self.location) from error
            raise BackendUnavailable(self.location, str(error.strerror or error)) from error
        try:
            _lock_file(handle)
        except OSError as error:
            os.close(handle)
            raise IndexLocked(self.location) from error
        # Who drops an index without closing it shall not keep others from writing until the process ends.
        self._lock = weakref.finalize(self, os.close, handle)

    @property
    def locked(self) -> bool:
        """Whether this object is the one writer."""
        return self._lock is not None

    def unlock(self) -> None:
        """Let another writer in."""
        if self._lock is not None:
            self._lock()
            self._lock = None

    def bytes(self) -> int:
        """Return the size of all files, in bytes."""
        total = 0
        for folder, _, names in os.walk(self.path):
            for name in names:
                try:
                    total += os.stat(os.path.join(folder, name)).st_size
                except FileNotFoundError:
                    continue
        return total

    def _read(self, name: str) -> dict[str, Any]:
        try:
            content = json.loads((self.path / name).read_bytes())
        except PermissionError as error:
            raise BackendUnavailable(self.location, f"{name}: {error.strerror}") from error
        except OSError as error:
            raise IndexCorrupt(self.location, f"cannot read {name} ({error.strerror}); {_REMEDY}") from error
        except ValueError as error:
            raise IndexCorrupt(self.location, f"{name} is not JSON; {_REMEDY}") from error
        if not isinstance(content, dict):
            raise IndexCorrupt(self.location, f"{name} has the wrong content; {_REMEDY}")
        return content


def _lock_file(handle: int) -> None:
    try:
        import fcntl
    except ImportError:
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def guarded(location: str) -> Iterator[None]:
    """Turn the errors of a full disk, or of files that cannot be read, into StorageFull and IndexCorrupt."""
    try:
        yield
    except HybridSearchError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(location) from error
        raise BackendUnavailable(location, str(error.strerror or error)) from error
    except ValueError as error:
        message = str(error)
        if any(words.lower() in message.lower() for words in _FULL_WORDS):
            raise StorageFull(location) from error
        if _KILLED in message:
            # tantivy's indexing thread keeps the reason to itself.
            if not _has_room(Path(location)):
                raise StorageFull(location) from error
            raise BackendUnavailable(location, f"writing failed ({message})") from error
        if any(words in message for words in _DENIED):
            # tantivy takes a lock file also for reading
            reason = (
                "this folder must be writable also for searches; change its permissions, or copy it to another place"
            )
            raise BackendUnavailable(location, reason) from error
        raise IndexCorrupt(location, f"{message}; {_REMEDY}") from error


def _has_room(folder: Path) -> bool:
    """Tell whether as much can be written as a writer holds in memory before it writes."""
    if not folder.is_dir():
        return True
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, HEAP)
            return shutil.disk_usage(folder).free > HEAP
    except OSError:
        return False
