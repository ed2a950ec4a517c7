"""The folder of an embedded index: its layout, its format version, and the lock of its one writer.

::

    format.json        {"format": 1}; written last, and "replaces" where it took the place of a version before
    definition.json    settings and mappings
    definition.copy.json  the same, with a checksum
    statistics.json    average lengths of the text fields, and rows that count (may be lost)
    writer.lock        locked by the operating system while a process writes; the file itself means nothing
    tantivy/           documents
    vectors/<field>/   the vectors of one dense_vector field
"""

from __future__ import annotations

import itertools
import json
import os
import time
import weakref
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hybrid_search.backends.embedded.error_translation import guarded, is_full
from hybrid_search.backends.embedded.orphan_files import begin_anew, foreign, holdings, remove_own, sweep
from hybrid_search.backends.embedded.vectors.vector_rows import replace_file, sync_folder
from hybrid_search.errors import (
    BackendUnavailable,
    FormatTooNew,
    IndexCorrupt,
    IndexLocked,
    IndexNotFound,
    StorageFull,
)

FORMAT = 1
"""The version of the layout that this code writes, and the newest that it reads."""
_RENAMES = 100
"""How often, a hundredth of a second apart, another process is looked for that is between two renames."""


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
        """Tell whether the folder holds an index, of whatever format, whole or damaged."""
        with guarded(self.location):
            self._restore()
            return bool(holdings(self.path))

    @property
    def successor(self) -> Folder:
        """The folder beside this one in which its next version is built."""
        return Folder(self._place.with_name(f".{self._place.name}.building"))

    @property
    def replaced(self) -> Folder:
        """The folder beside this one that keeps the version before while the next takes its place."""
        return Folder(self._place.with_name(f".{self._place.name}.replaced"))

    def free_place(self) -> Path:
        """Return where the damaged version is to be kept when a repair writes the documents anew."""
        first = self._place.with_name(f"{self._place.name}.damaged")
        numbered = (first.with_name(f"{first.name}-{number}") for number in itertools.count(2))
        return next(path for path in itertools.chain([first], numbered) if not path.exists())

    @property
    def _place(self) -> Path:
        """The folder itself where `path` is a link to it: renames shall leave the link."""
        return Path(os.path.realpath(self.path))

    def identity(self) -> tuple[int, ...] | None:
        """Return numbers that change when another version takes the folder's place, or its definition is replaced.

        None when there is none.
        """
        try:
            files = [(self.path / name).stat() for name in ("format.json", "definition.json")]
        except OSError:
            return None
        return tuple(number for file in files for number in (file.st_ino, file.st_mtime_ns))

    def take_place(self, *, keep: Path | None = None) -> None:
        """Put the successor in this folder's place; the index that was here goes to `keep`, or is removed.

        Raises
        ------
        BackendUnavailable
            When something else has come here meanwhile.
        """
        place, successor, replaced = self._place, self.successor, self.replaced
        with guarded(self.location):
            if not self.exists():
                self.demand_free()
                if place.exists():
                    remove_own(place)
                os.rename(successor.path, place)
                return
            self._remove_replaced()
            if replaced.path.exists():
                raise BackendUnavailable(str(replaced.path), "it holds an index that was set aside; move it away")
            # who finds both folders later knows by this that the one set aside is no longer needed
            successor.write("format.json", {"format": FORMAT, "replaces": place.stat().st_ino})
            os.rename(place, replaced.path)
            try:
                os.rename(successor.path, place)
            except OSError:
                os.rename(replaced.path, place)
                raise
            sync_folder(place.parent)
            if keep:
                os.rename(replaced.path, keep)
            else:
                replaced.remove()

    def remove(self) -> None:
        """Remove the files of the index, and the folder when nothing else is in it."""
        remove_own(self.path)

    def sweep(self) -> None:
        """Remove what writers left that were killed or ran out of space; the caller holds the lock."""
        sweep(self.path)
        self._remove_replaced()
        successor = self.successor
        if successor.path.exists():
            try:
                successor.lock()
            except (IndexLocked, BackendUnavailable, StorageFull):
                return
            try:
                successor.remove()
            finally:
                successor.unlock()

    def _remove_replaced(self) -> None:
        """Remove the version before when the one here says that it has replaced it, or when nothing is in it."""
        replaced = self.replaced
        try:
            number = replaced.path.stat().st_ino
        except OSError:
            return
        if self._replaces() == number or not holdings(replaced.path):
            replaced.remove()

    def _replaces(self) -> int | None:
        """Return the number of the folder that this version took the place of, as the file system counts folders."""
        try:
            content = json.loads((self.path / "format.json").read_bytes())
        except (OSError, ValueError):
            return None
        return content.get("replaces") if isinstance(content, dict) else None

    def _restore(self) -> None:
        """Go back to the version before, or on to the next, when a process was killed between two renames.

        Raises
        ------
        IndexLocked
            When a process is between the two renames for longer than renames take.
        """
        place, replaced, successor = self._place, self.replaced, self.successor
        for left in range(_RENAMES, -1, -1):
            whole = replaced if (replaced.path / "format.json").exists() else successor
            if place.exists() or (whole is successor and successor._replaces() is None):
                return
            try:
                whole.lock()
            except IndexLocked:
                if not left:
                    raise
                time.sleep(0.01)
                continue
            try:
                if not place.exists():
                    os.rename(whole.path, place)
            finally:
                whole.unlock()
            return

    def check_format(self) -> None:
        """Raise IndexNotFound, FormatTooNew or IndexCorrupt unless this code can use the folder; touches nothing."""
        if not self.exists():
            raise IndexNotFound(self.location)
        if not (self.path / "format.json").exists():
            others = ", ".join(sorted({name.split("/")[0] for name in holdings(self.path)}))
            raise IndexCorrupt(self.location, f"format.json is missing beside {others}")
        found = self._read("format.json").get("format")
        if not isinstance(found, int) or isinstance(found, bool) or found < 1:
            raise IndexCorrupt(self.location, "format.json has no format number")
        if found > FORMAT:
            raise FormatTooNew(self.location, found, FORMAT)

    def definition(self) -> dict[str, Any]:
        """Return the index definition; raises as `check_format`."""
        self.check_format()
        found, copies = self.read_definition(), self.copied_definitions()
        if copies and found not in copies:
            raise IndexCorrupt(self.location, "definition.json is not as it was written")
        return found

    def read_definition(self) -> dict[str, Any]:
        """Return the index definition without a look at the format."""
        found = self._read("definition.json")
        if not isinstance(found.get("mappings"), dict) or not isinstance(found.get("settings", {}), dict):
            raise IndexCorrupt(self.location, "definition.json has no mappings")
        return found

    def demand_free(self) -> None:
        """Raise unless an index can be made here: the folder is absent, empty, or holds only a beginning of one.

        Raises
        ------
        IndexCorrupt
            When there are parts of an index.
        BackendUnavailable
            When there is an index already, or the folder is used for something else.
        """
        if self.exists():
            self.check_format()
            raise BackendUnavailable(self.location, "there is an index already")
        if others := foreign(self.path):
            raise BackendUnavailable(
                self.location, f"the folder holds other files ({others[0]!r}); name a new or an empty folder"
            )

    def prepare(self, definition: Mapping[str, Any]) -> None:
        """Make the folder ready for the files of a new index; the caller holds the lock. Raises as `demand_free`."""
        self.demand_free()
        with guarded(self.location):
            begin_anew(self.path)
            self.tantivy.mkdir()
            self.write_definition(definition)

    def complete(self) -> None:
        """Declare the new index complete."""
        self.write("format.json", {"format": FORMAT})

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Replace a JSON file as a whole; raises StorageFull."""
        with guarded(self.location):
            replace_file(self.path / name, json.dumps(content, indent=1).encode())

    def write_definition(self, definition: Mapping[str, Any]) -> None:
        """Replace the index definition, and before it the copy, which tells a damaged one from a sound one."""
        try:
            before = [self.read_definition()]
        except (IndexCorrupt, BackendUnavailable):
            before = []
        copies = [*before, json.loads(json.dumps(definition))]
        self.write("definition.copy.json", {"crc32": _crc(copies), "definitions": copies})
        self.write("definition.json", definition)

    def keep_copy(self) -> None:
        """Write the copy of the definition where an earlier version wrote none; raises StorageFull."""
        if self.copied_definitions() is None:
            copies = [self.read_definition()]
            self.write("definition.copy.json", {"crc32": _crc(copies), "definitions": copies})

    def copied_definitions(self) -> list[dict[str, Any]] | None:
        """Return the definition before and the last one as they were written; None when the copy is lost."""
        try:
            content = json.loads((self.path / "definition.copy.json").read_bytes())
            copies: list[dict[str, Any]] = content["definitions"]
            return copies if copies and content["crc32"] == _crc(copies) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write_statistics(self, content: Mapping[str, Any]) -> None:
        """Replace statistics.json, with a checksum; raises StorageFull."""
        content = json.loads(json.dumps(content))
        self.write("statistics.json", {**content, "crc32": _crc(content)})

    def statistics(self) -> dict[str, dict[str, Any]]:
        """Return what was written as statistics.json, empty when it is lost."""
        try:
            content = json.loads((self.path / "statistics.json").read_bytes())
        except (OSError, ValueError):
            return {}
        if not isinstance(content, dict) or content.pop("crc32", _crc(content)) != _crc(content):
            return {}
        return content

    def lock(self) -> None:
        """Become the one writer; raises IndexLocked at once when there is another, in this process or elsewhere."""
        if self._lock is not None:
            return
        try:
            self._restore()
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / "writer.lock", os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            if is_full(error):
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
            raise IndexCorrupt(self.location, f"cannot read {name} ({error.strerror})") from error
        except ValueError as error:
            raise IndexCorrupt(self.location, f"{name} is not JSON") from error
        if not isinstance(content, dict):
            raise IndexCorrupt(self.location, f"{name} has the wrong content")
        return content


def _lock_file(handle: int) -> None:
    try:
        import fcntl
    except ImportError:
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _crc(content: Any) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())
