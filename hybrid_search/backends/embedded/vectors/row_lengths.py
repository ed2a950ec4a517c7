"""Which rows of bytes can reach a cosine, from the middle of each: few signatures are near enough to be compared.

The dot product of two rows is that of their middles and at most the product of the lengths of the rests (Cauchy and
Schwarz). So a row is passed over for good where even that does not reach what is asked: the middles of signatures of
different pictures have a cosine about 0, and copies are asked for from 0.6 on. Of pairs of photos of Flickr8k the
middle five ninths leave 1 % to be compared; the middle half leaves 3 %, the first half 14 %.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends.embedded.vectors.vector_rows import BLOCK
from hybrid_search.backends.embedded.vectors.vector_scan import RowSnapshot, compared, in_parallel

_WORTH = 16
"""Scans after which the lengths of all rows, which take as long as eight, are worth their time."""
_MIDDLE = (2 / 9, 7 / 9)
"""Rows of a signature's grid that tell most: each picture's edges are often sky, ground or a border."""
_SLACK = 1e-3
"""More than single precision takes from a cosine that is made of lengths."""


class RowLengths:
    """Lengths of rows and of what is beside their middles, kept for blocks whose checksums are the same as then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: tuple[tuple[int, ...], NDArray[np.float32]] = ((), np.empty((2, 0), np.float32))
        self._scans = 0

    def candidates(
        self, snapshot: RowSnapshot, sums: tuple[int, ...], query: NDArray[Any], *, least: float
    ) -> NDArray[np.int64] | None:
        """Return the rows whose cosine may reach `least`, ascending; None where that is not worth finding out.

        Parameters
        ----------
        snapshot : RowSnapshot
            Of a kind that is compared by the cosine of bytes.
        sums : tuple of int
            Checksums of the whole blocks of its rows that are committed.
        query : (dims,) int8
        least : float
        """
        lengths = self._of(snapshot, sums)
        covered = lengths.shape[1]
        if not covered:
            return None
        middle = _middle(snapshot)
        asked = query.astype(np.float64)
        rest = float(np.linalg.norm(np.delete(asked, middle)))
        needed = (least - _SLACK) * float(np.linalg.norm(asked))
        near = np.zeros(len(snapshot), dtype=bool)
        near[covered:] = True

        def compare(low: int, high: int) -> None:
            inner = compared(query[middle], snapshot.rows[low:high, middle], "dot")
            near[low:high] = inner + rest * lengths[1, low:high] >= needed * lengths[0, low:high]

        in_parallel(compare, covered, bytes_per_row=middle.stop - middle.start)
        return np.flatnonzero(near)

    def _of(self, snapshot: RowSnapshot, sums: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the lengths of the first rows and of their rests, (2, n), as far as they are known."""
        known, lengths = self._known
        blocks = min(len(sums), len(snapshot) // BLOCK)
        same = next((n for n in range(min(blocks, len(known))) if known[n] != sums[n]), min(blocks, len(known)))
        if same == blocks:
            return lengths[:, : same * BLOCK]
        self._scans += 1
        if self._scans >= _WORTH and self._lock.acquire(blocking=False):
            try:
                starts = range(same * BLOCK, blocks * BLOCK, BLOCK)
                more = [_lengths(snapshot.rows[start : start + BLOCK], _middle(snapshot)) for start in starts]
                lengths = np.concatenate([lengths[:, : same * BLOCK], *more], axis=1)
                self._known, self._scans, same = (sums[:blocks], lengths), 0, blocks
            finally:
                self._lock.release()
        return lengths[:, : same * BLOCK]


def _middle(snapshot: RowSnapshot) -> slice:
    first, last = (round(share * snapshot.kind.dims) for share in _MIDDLE)
    return slice(first, last)


def _lengths(rows: NDArray[np.int8], middle: slice) -> NDArray[np.float32]:
    squares = np.square(rows.astype(np.int32))
    whole = squares.sum(axis=1)
    return np.sqrt([whole, whole - squares[:, middle].sum(axis=1)]).astype(np.float32)
