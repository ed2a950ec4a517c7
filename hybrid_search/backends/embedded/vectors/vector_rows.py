"""Append-only rows of numbers: a flat file that is memory-mapped for reading, or an array in memory.

A file is a header of 64 bytes (magic, format, dtype, width, identity) and then rows of one size, nothing between them.
How many rows count is not in the file: it is in `committed.json` beside it, which is replaced atomically after the rows
themselves are on the disk. Bytes behind the last committed row are what a crash left; they are ignored and overwritten.

A writer appends in place and never shortens a file below what it committed once, so that a reader's map stays valid;
a reader maps no more than the committed rows, so that it never sees half of one.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import secrets
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hybrid_search.errors import FormatTooNew, IndexCorrupt, StorageFull

FORMAT = 1
"""The newest file format that this version reads and the one that it writes."""

BLOCK = 1024
"""Rows under one checksum: of 1,280 numbers of two bytes 2.5 MB, which a flush reads again in a millisecond."""

_MAGIC = b"HSVECTOR"
_HEADER = struct.Struct("<8sHxx4sI16s28x")
HEADER_BYTES = _HEADER.size
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


@contextmanager
def storage(location: Path) -> Iterator[None]:
    """Turn "no space left on device", "over quota" and "file too large" inside the block into StorageFull."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(str(location)) from error
        raise


def new_identity() -> str:
    """Return 32 random hexadecimal digits that tell one set of rows from every other."""
    return secrets.token_hex(16)


def replace_file(path: Path, data: bytes) -> None:
    """Put data in the place of a file so that a reader, also one after a crash, finds the old or the new, whole.

    Raises
    ------
    StorageFull
        When the disk is full; the old file stays.
    """
    draft = path.with_name(path.name + ".draft")
    with storage(path):
        with open(draft, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system has a way to."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(frozen=True)
class CommittedRows:
    """How many rows count, and of which set of rows: the contents of `committed.json`."""

    identity: str
    rows: int
    format: int = FORMAT
    sums: tuple[int, ...] | None = None
    """CRC-32 of each `BLOCK` rows, the last ones fewer; None where an earlier version wrote them."""

    def save(self, path: Path) -> None:
        """Replace the file atomically; raises StorageFull."""
        facts = asdict(self)
        replace_file(path, json.dumps({**facts, "crc32": _crc(facts)}).encode())


def read_committed(path: Path) -> CommittedRows | None:
    """Read `committed.json`; None when there is none yet.

    Raises
    ------
    FormatTooNew
        When a newer version of this library wrote it.
    IndexCorrupt
        When it is not what `CommittedRows.save` writes.
    """
    try:
        found = json.loads(path.read_bytes())
        if int(found["format"]) > FORMAT:
            raise FormatTooNew(str(path), int(found["format"]), FORMAT)
        if len(bytes.fromhex(found["identity"])) != 16 or found["rows"] < 0:
            raise ValueError(f"identity {found['identity']}, rows {found['rows']}")
        sums = found.get("sums")
        committed = CommittedRows(
            found["identity"], found["rows"], found["format"], None if sums is None else tuple(sums)
        )
        if sums is not None and (found["crc32"] != _crc(asdict(committed)) or len(sums) != blocks(committed.rows)):
            raise ValueError("its checksum differs")
        return committed
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise IndexCorrupt(str(path), f"not a count of rows ({error})") from error


def blocks(rows: int) -> int:
    """Return how many checksums there are of so many rows."""
    return -(-rows // BLOCK)


def sums_of(values: NDArray[Any], *, known: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Return the checksums of rows, of which the first, whole blocks are known."""
    starts = range(len(known) * BLOCK, len(values), BLOCK)
    return known + tuple(zlib.crc32(np.ascontiguousarray(values[start : start + BLOCK]).data) for start in starts)


def _crc(facts: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(facts, sort_keys=True).encode())


class MemoryRows:
    """Rows in an array that doubles its capacity; arrays handed out before stay valid.

    Parameters
    ----------
    dtype : dtype
        Of one number.
    width : int
        Numbers in a row.
    """

    def __init__(self, dtype: DTypeLike, width: int) -> None:
        self._array: NDArray[Any] = np.empty((0, width), dtype=dtype)

    def array(self, rows: int) -> NDArray[Any]:
        """Return the first rows, (rows, width), without a copy."""
        return self._array[:rows]

    def write(self, start: int, values: NDArray[Any]) -> None:
        """Put (n, width) values at rows start … start + n."""
        stop = start + len(values)
        if stop > len(self._array):
            grown = np.empty((max(stop, 2 * len(self._array), 64), self._array.shape[1]), dtype=self._array.dtype)
            grown[:start] = self._array[:start]
            self._array = grown
        self._array[start:stop] = values

    def flush(self) -> None:
        """Do nothing: memory is never durable."""

    def bytes(self) -> int:
        """Return the bytes that the array takes."""
        return int(self._array.nbytes)

    def close(self) -> None:
        """Do nothing: the memory goes with the last array that was handed out."""


def write_header(path: Path, dtype: DTypeLike, width: int, identity: str) -> bool:
    """Write the head of a file of rows again, where it is not as it should be; tells whether it was not."""
    header = _HEADER.pack(_MAGIC, FORMAT, np.dtype(dtype).str.encode(), width, bytes.fromhex(identity))
    with open(path, "r+b") as file:
        if file.read(len(header)) == header:
            return False
        file.seek(0)
        file.write(header)
        file.flush()
        os.fsync(file.fileno())
    return True


class FileRows:
    """Rows in a flat file behind a header.

    Parameters
    ----------
    path : Path
        The file; a writer creates it when it is absent.
    dtype : dtype
        Of one number.
    width : int
        Numbers in a row.
    identity : str
        32 hexadecimal digits; a file with another identity belongs to other rows.
    rows : int
        Rows that must be there.
    writable : bool
        Whether `write` and `flush` will be called.

    Raises
    ------
    IndexCorrupt
        When the file is absent though it should hold rows, is shorter than they are, or holds rows of another kind.
    FormatTooNew
        When a newer version of this library wrote it.
    """

    def __init__(self, path: Path, *, dtype: DTypeLike, width: int, identity: str, rows: int, writable: bool) -> None:
        self._path = path
        self._dtype = np.dtype(dtype)
        self._width = width
        self._row_bytes = self._dtype.itemsize * width
        self._view: NDArray[Any] = np.empty((0, width), dtype=self._dtype)
        header = _HEADER.pack(_MAGIC, FORMAT, self._dtype.str.encode(), width, bytes.fromhex(identity))
        self._file: BinaryIO = self._open(header, rows, writable)
        try:
            self._check(header, rows)
        except BaseException:
            self._file.close()
            raise

    def _open(self, header: bytes, rows: int, writable: bool) -> BinaryIO:
        if writable and rows == 0:
            with storage(self._path):
                # A new file, never the old one emptied: a reader may still have the old one mapped.
                self._path.unlink(missing_ok=True)
                file = open(self._path, "w+b", buffering=0)
                _write_whole(file, 0, header)
                file.seek(0)
            return file
        try:
            return open(self._path, "r+b" if writable else "rb", buffering=0)
        except FileNotFoundError as error:
            raise IndexCorrupt(str(self._path), f"absent, should hold {rows:,} rows") from error

    def _check(self, expected: bytes, rows: int) -> None:
        found = self._file.read(_HEADER.size)
        if len(found) < _HEADER.size or not found.startswith(_MAGIC):
            raise IndexCorrupt(str(self._path), "not a file of vector rows")
        _, version, kind, width, identity = _HEADER.unpack(found)
        if version > FORMAT:
            raise FormatTooNew(str(self._path), version, FORMAT)
        if (kind.rstrip(b"\0"), width) != (self._dtype.str.encode(), self._width):
            raise IndexCorrupt(
                str(self._path),
                f"rows of {width} × {kind.rstrip(bytes(1)).decode('ascii', 'replace')}, "
                f"expected {self._width} × {self._dtype.str}",
            )
        if found != expected:
            raise IndexCorrupt(str(self._path), f"rows of another index (identity {identity.hex()})")
        there = (os.fstat(self._file.fileno()).st_size - _HEADER.size) // self._row_bytes
        if there < rows:
            raise IndexCorrupt(str(self._path), f"holds {there:,} rows, {rows:,} were committed")

    def array(self, rows: int) -> NDArray[Any]:
        """Return the first rows, (rows, width), memory-mapped and read-only."""
        if rows > len(self._view):
            size = _HEADER.size + rows * self._row_bytes
            try:
                mapped = mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_READ)
            except ValueError as error:
                raise IndexCorrupt(str(self._path), f"shorter than its {rows:,} rows") from error
            flat = np.frombuffer(mapped, dtype=self._dtype, count=rows * self._width, offset=_HEADER.size)
            self._view = flat.reshape(rows, self._width)
        return self._view[:rows]

    def write(self, start: int, values: NDArray[Any]) -> None:
        """Put (n, width) values at rows start … start + n; visible to maps of this machine at once, not yet durable.

        Raises
        ------
        StorageFull
            When the disk is full; what was written is cut off again.
        """
        data = np.ascontiguousarray(values, dtype=self._dtype)
        offset = _HEADER.size + start * self._row_bytes
        size = os.fstat(self._file.fileno()).st_size
        try:
            with storage(self._path):
                _write_whole(self._file, offset, data.tobytes())
        except StorageFull:
            # Never below the size before: a reader may have mapped all of it.
            self._file.truncate(max(size, offset))
            raise

    def flush(self) -> None:
        """Make all rows durable; raises StorageFull."""
        with storage(self._path):
            os.fsync(self._file.fileno())

    def bytes(self) -> int:
        """Return the bytes that the file takes."""
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Close the file; arrays that were handed out stay valid."""
        self._file.close()


def _write_whole(file: BinaryIO, offset: int, data: bytes | memoryview) -> None:
    file.seek(offset)
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
