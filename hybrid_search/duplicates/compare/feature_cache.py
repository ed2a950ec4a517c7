"""Features of stored pictures, kept from run to run: looking for corners takes most of the time of a comparison.

They lie in one SQLite file in the folder of this user's caches, by the hash of the picture's bytes, so that all indexes
share them. Nothing depends on them: what is lost is made again, and so is the file when it is damaged. Where it cannot
be written a temporary one does for the run.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import struct
import threading
import weakref
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_search.duplicates.compare.features import SETTINGS, Features, mirrored_corners
from hybrid_search.embedders.graph_cache import cache_folder

_FORMAT = 1
_VERSION = 1
"""Raised when the same picture comes to have other features."""
_LIMIT = 2_000_000_000
"""Bytes; a picture takes 40,000, so that they do for 50,000 pictures."""
_SPARE = 1_000_000_000
"""Bytes that are left free on the disk."""
_CHECKED_EVERY = 256  # writes from one look at the size to the next; no measurement is kept
_SHARE = 0.05  # of all rows, dropped at random where the file is full; no measurement is kept
_WAIT_S = 2.0  # for a lock of SQLite; no measurement is kept
_HEAD = struct.Struct("<III")
_DESCRIPTOR = 32  # bytes of an ORB descriptor
_CORNER = np.dtype([("x", "<f4"), ("y", "<f4"), ("angle", "<f4"), ("level", "u1")])

_TABLE = "CREATE TABLE IF NOT EXISTS features (sha256 TEXT, made TEXT, sides BLOB, PRIMARY KEY (sha256, made))"

Sides = tuple[Features, Features]
"""Features of a picture as it is, and mirrored."""


class FeatureCache:
    """Features by the hash of the picture's bytes; several threads and processes may use one file.

    Parameters
    ----------
    path : Path, optional
        The file; by default one in the folder of this user's caches.
    limit : int
        Bytes that it may grow to; then some are dropped, whichever, so that a run over more pictures than it holds
        finds its share of them again.
    """

    def __init__(self, path: Path | None = None, *, limit: int = _LIMIT) -> None:
        self._path = path
        self._limit = limit
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None
        self._opened, self._full, self._remade = False, False, False
        self._puts = 0

    def get(self, sha256: str) -> Sides | None:
        """Return the features of a picture, None where they are not known."""
        with self._lock:
            try:
                file = self._open()
                found = None if file is None else file.execute(_SELECT, (sha256, _made())).fetchone()
            except sqlite3.Error as error:
                self._failed(error)
                return None
        return None if found is None else _unpacked(found[0])

    def put(self, sha256: str, sides: Sides, *, wide: int) -> None:
        """Keep the features of a picture, whose working image is so many pixels wide."""
        packed = _packed(sides, wide)
        if packed is None:
            return
        with self._lock:
            try:
                file = self._open()
                if file is None or not self._has_room(file):
                    return
                file.execute("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", (sha256, _made(), packed))
            except sqlite3.Error as error:
                self._failed(error)

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._opened, self._file = False, None

    def _open(self) -> sqlite3.Connection | None:
        """Return the open file, that of a user or else a temporary one; None when there can be none."""
        if not self._opened:
            self._opened = True
            path = self._path or cache_folder() / "features.sqlite"
            with suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
            self._path = path
            self._file = self._connected(str(path)) or self._connected("")
        return self._file

    def _connected(self, name: str) -> sqlite3.Connection | None:
        try:
            file = sqlite3.connect(name, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
        except sqlite3.Error:
            return None
        try:
            if file.execute("PRAGMA user_version").fetchone()[0] not in (0, _FORMAT):
                raise sqlite3.DatabaseError("made by another version")
            # what a loss of power leaves of it is found out by the checksums
            file.execute("PRAGMA journal_mode=WAL")
            file.execute("PRAGMA synchronous=OFF")
            file.execute(_TABLE)
            file.execute(f"PRAGMA user_version={_FORMAT}")
            file.execute(_SELECT, ("", ""))
        except sqlite3.Error as error:
            file.close()
            return self._connected(name) if name and self._can_remake(error) else None
        weakref.finalize(self, file.close)
        return file

    def _failed(self, error: sqlite3.Error) -> None:
        """Go on without what failed: with a new file for a damaged one, else with what is known already."""
        if self._can_remake(error):
            if self._file is not None:
                self._file.close()
            self._opened, self._file = False, None
        elif "locked" not in str(error):
            self._full = True

    def _can_remake(self, error: sqlite3.Error) -> bool:
        """Take a damaged file away, once."""
        if self._remade or self._path is None or isinstance(error, sqlite3.OperationalError):
            return False
        self._remade = True
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                os.unlink(f"{self._path}{suffix}")
        return True

    def _has_room(self, file: sqlite3.Connection) -> bool:
        if self._full:
            return False
        self._puts += 1
        if self._puts % _CHECKED_EVERY == 1:
            with suppress(OSError):
                self._full = self._path is not None and shutil.disk_usage(self._path.parent).free < _SPARE
            size, free, pages = (
                int(file.execute(f"PRAGMA {name}").fetchone()[0])
                for name in ("page_size", "freelist_count", "page_count")
            )
            if size * (pages - free) > self._limit:
                _drop_some(file)
        return not self._full


_SELECT = "SELECT sides FROM features WHERE sha256 = ? AND made = ?"


def _drop_some(file: sqlite3.Connection) -> None:
    """Drop what other versions have made, or else a share of all."""
    if file.execute("DELETE FROM features WHERE made != ?", (_made(),)).rowcount > 0:
        return
    rows = [row for (row,) in file.execute("SELECT rowid FROM features")]
    dropped = random.sample(rows, round(len(rows) * _SHARE) + 1) if rows else []
    file.executemany("DELETE FROM features WHERE rowid = ?", ((row,) for row in dropped))


def _made() -> str:
    """Return what features depend on besides the picture."""
    import cv2

    return f"{_VERSION} {cv2.__version__} {SETTINGS}"


def _packed(sides: Sides, wide: int) -> bytes | None:
    """Return features as bytes, None where the mirrored ones are not those of the same corners."""
    plain, mirrored = sides
    if len(plain) != len(mirrored):
        return None
    corners = np.empty(len(plain), _CORNER)
    for name, values in zip(("x", "y", "angle", "level"), plain.corners.T, strict=True):
        corners[name] = values
    content = corners.tobytes() + plain.descriptors.tobytes() + mirrored.descriptors.tobytes()
    return _HEAD.pack(zlib.crc32(content), len(plain), wide) + content


def _unpacked(packed: bytes) -> Sides | None:
    """Return features from their bytes, None when those were damaged."""
    if not isinstance(packed, bytes) or len(packed) < _HEAD.size:
        return None
    checksum, count, wide = _HEAD.unpack_from(packed)
    content = packed[_HEAD.size :]
    if zlib.crc32(content) != checksum or len(content) != count * (_CORNER.itemsize + 2 * _DESCRIPTOR):
        return None
    named = np.frombuffer(content, _CORNER, count)
    corners = np.stack([named[name].astype(np.float32) for name in ("x", "y", "angle", "level")], axis=1)
    descriptors: NDArray[np.uint8] = np.frombuffer(content, np.uint8, offset=named.nbytes).reshape(
        2, count, _DESCRIPTOR
    )
    return (
        Features.of(corners, descriptors[0]),
        Features.of(mirrored_corners(corners, wide=wide), descriptors[1]),
    )
