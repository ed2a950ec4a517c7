"""The rows of one field and their codes, kept together: appended, committed, taken back, seen by readers.

Files: `rows.bin` (float16 or int8: the truth), `codes.bin` (8-bit codes of float rows: derived), `committed.json`.
The protocol is described in `vectors.py`.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hybrid_search.backends.embedded.vectors.vector_rows import (
    BLOCK,
    CommittedRows,
    FileRows,
    MemoryRows,
    new_identity,
    read_committed,
    sums_of,
)
from hybrid_search.backends.embedded.vectors.vector_scan import Kind, RowSnapshot, encode
from hybrid_search.errors import BackendError, FormatTooNew, IndexCorrupt

_ENCODE_BLOCK = 8192
"""Rows that are encoded at once: 32 MB of float32 at 1,024 dims; chosen."""


class Store:
    """Rows and codes in a folder, or in memory.

    Parameters
    ----------
    folder : Path or None
        Made by a writer when absent; None keeps everything in memory.
    kind : Kind
    writable : bool

    Raises
    ------
    IndexCorrupt
        When the files are of other vectors, or shorter than what was committed.
    FormatTooNew
        When a newer version of this library wrote them.
    """

    def __init__(self, folder: Path | None, *, kind: Kind, writable: bool) -> None:
        self._folder = folder
        self._kind = kind
        self._writable = writable
        self._lock = threading.RLock()
        self._rows: FileRows | MemoryRows = MemoryRows(kind.dtype, kind.dims)
        self._codes: FileRows | MemoryRows | None = MemoryRows(np.int8, kind.code_width) if kind.coded else None
        self._count = 0
        self._committed = CommittedRows(new_identity(), 0)
        if folder is not None and writable:
            folder.mkdir(parents=True, exist_ok=True)
        try:
            self._open(self._read_committed())
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return self._count

    @property
    def identity(self) -> str:
        """What tells these rows from others, 32 hexadecimal digits."""
        return self._committed.identity

    @property
    def location(self) -> str:
        """Where the rows are, for messages."""
        return "vectors in memory" if self._folder is None else str(self._folder)

    @property
    def sums(self) -> tuple[int, ...]:
        """Checksums of the committed rows by whole blocks, as far as they are known."""
        committed = self._committed
        return (committed.sums or ())[: committed.rows // BLOCK]

    def snapshot(self, rows: int | None = None) -> RowSnapshot:
        """Return the first rows (all that were appended when None) as arrays that later appends leave alone."""
        with self._lock:
            count = self._count if rows is None else rows
            codes = None if self._codes is None else self._codes.array(count)
            return RowSnapshot(self._kind, self._rows.array(count), codes)

    def demand_writable(self) -> None:
        """Raise BackendError when the store was opened for reading."""
        if not self._writable:
            raise BackendError(f"{self.location} was opened for reading", location=self.location)

    def append(self, values: NDArray[Any]) -> int:
        """Append (n, dims) rows and return the number of the first; nothing is appended when the disk is full.

        Raises
        ------
        StorageFull
            When the disk is full.
        BackendError
            When the store was opened for reading.
        """
        self.demand_writable()
        with self._lock:
            start = self._count
            self._rows.write(start, values)
            if self._codes is not None:
                self._codes.write(start, encode(values))
            self._count = start + len(values)
            return start

    def flush(self) -> None:
        """Make the appended rows durable, then count them; raises StorageFull."""
        self.demand_writable()
        with self._lock:
            if self._count == self._committed.rows and (self._committed.sums is not None or not self._count):
                return
            self._rows.flush()
            if self._codes is not None:
                self._codes.flush()
            self._commit(self._count)

    def truncate(self, rows: int) -> None:
        """Count only the first rows; raises IndexCorrupt when there are fewer."""
        self.demand_writable()
        with self._lock:
            if rows > self._count:
                raise IndexCorrupt(self.location, f"documents name {rows:,} vectors, there are {self._count:,}")
            self._count = rows
            if rows < self._committed.rows:
                self._commit(rows)

    def refresh(self) -> None:
        """See what the writer has committed since; nothing to do for the writer itself."""
        if self._writable:
            return
        with self._lock:
            committed = self._read_committed()
            if committed.identity != self._committed.identity:
                self._open(committed)
            self._committed, self._count = committed, committed.rows

    def bytes(self) -> int:
        """Return the bytes that rows and codes take."""
        return self._rows.bytes() + (0 if self._codes is None else self._codes.bytes())

    def close(self) -> None:
        """Close the files; rows that were not flushed are lost, snapshots stay valid."""
        with self._lock:
            self._rows.close()
            if self._codes is not None:
                self._codes.close()

    def _commit(self, rows: int) -> None:
        committed = CommittedRows(self.identity, rows)
        if self._folder is not None:
            known = (self._committed.sums or ())[: min(rows, self._committed.rows) // BLOCK]
            committed = replace(committed, sums=sums_of(self._rows.array(rows), known=known))
            committed.save(self._folder / "committed.json")
        self._committed = committed

    def _read_committed(self) -> CommittedRows:
        found = None if self._folder is None else read_committed(self._folder / "committed.json")
        # An empty store may be begun anew at any time, so nothing is told apart by its identity.
        return found if found is not None and found.rows else CommittedRows(new_identity(), 0)

    def _open(self, committed: CommittedRows) -> None:
        self.close()
        self._committed, self._count = committed, committed.rows
        if self._folder is None or not (self._writable or committed.rows):
            return
        self._rows = self._file("rows.bin", self._kind.dtype, self._kind.dims, committed.rows)
        if self._codes is not None:
            self._codes = self._open_codes(committed.rows)

    def _file(self, name: str, dtype: DTypeLike, width: int, rows: int) -> FileRows:
        path = (self._folder or Path()) / name
        return FileRows(path, dtype=dtype, width=width, identity=self.identity, rows=rows, writable=self._writable)

    def _open_codes(self, rows: int) -> FileRows | MemoryRows:
        """Open the codes; when they are absent or damaged, make them again (a reader: in memory)."""
        width = self._kind.code_width
        try:
            return self._file("codes.bin", np.int8, width, rows)
        except (IndexCorrupt, FormatTooNew):
            codes = self._file("codes.bin", np.int8, width, 0) if self._writable else MemoryRows(np.int8, width)
        source = self._rows.array(rows)
        for start in range(0, rows, _ENCODE_BLOCK):
            codes.write(start, encode(source[start : start + _ENCODE_BLOCK]))
        codes.flush()
        return codes
