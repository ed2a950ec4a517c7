"""Exact search over rows: every allowed row is compared, and the best are scored in full precision.

float rows with similarity `dot_product` are compared in two steps. Their 8-bit codes (each row scaled by its own
largest component) are half the size of the float16 rows and are multiplied by the processor's 8-bit instructions, which
makes a scan of 100,000 × 512 take about 1 ms on two cores. The best by code are then scored from the rows themselves,
and the largest error seen among them says how far down the list of codes another winner may hide: rows inside that
margin are scored as well. All other kinds are compared as they are stored.

"Closeness" in this module is the dot product, the cosine of bytes, or the squared distance with its sign turned:
larger is closer.
The kernels are those of NumKong, which usearch is built on; they release the interpreter's lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

# What comparing one row picked out costs, in rows compared in passing: 70–90 ns against 19 ns at 512 bytes.
_GATHER_COST = 4
_BLOCK = 4096
_PARALLEL = 4 << 20
"""Bytes from which several threads share a scan; chosen, not measured."""
_SCALE_BYTES = 4
"""Behind the numbers of a row, what they are multiplied by: one float32."""
_MAX_THREADS = 4
"""Threads of one scan; chosen, not measured."""


@dataclass(frozen=True)
class Kind:
    """What the rows of a field are: how they are stored, compared and scored.

    Parameters
    ----------
    dims : int
    element_type : {"float", "byte"}
        float is stored as float16, byte as int8.
    similarity : {"dot_product", "l2_norm", "cosine"}
        Rows of floats for "cosine" are stored at unit length, as "dot_product"; "cosine" here is that of bytes.
    """

    dims: int
    element_type: Literal["float", "byte"]
    similarity: Literal["dot_product", "l2_norm", "cosine"]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of one stored number."""
        return np.dtype("<f2" if self.element_type == "float" else "i1")

    @property
    def coded(self) -> bool:
        """Whether rows have 8-bit codes beside them."""
        return self.element_type == "float" and self.similarity == "dot_product"

    @property
    def code_width(self) -> int:
        """Bytes of one code: dims, and the scale as a little-endian float32."""
        return self.dims + _SCALE_BYTES

    def scores(self, closeness: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return Elasticsearch's scores, rounded to float32 as there, so that equal vectors tie."""
        if self.similarity == "l2_norm":
            scores = 1.0 / (1.0 - closeness)
        elif self.element_type == "float" or self.similarity == "cosine":
            scores = (1.0 + closeness) / 2.0
        else:
            scores = 0.5 + closeness / (32768.0 * self.dims)
        return scores.astype(np.float32).astype(np.float64)


@dataclass(frozen=True)
class RowSnapshot:
    """The rows that one search sees, (n, dims), and their codes, (n, code_width) int8, where the kind has them."""

    kind: Kind
    rows: NDArray[Any]
    codes: NDArray[np.int8] | None

    def __len__(self) -> int:
        return len(self.rows)


def encode(rows: NDArray[Any]) -> NDArray[np.int8]:
    """Return the 8-bit codes of rows.

    Parameters
    ----------
    rows : (n, dims) float

    Returns
    -------
    (n, dims + 4) int8
        Numbers in −127 … 127, and behind them the bytes of the float32 scale that turns them back.
    """
    values = np.asarray(rows, dtype=np.float32)
    scale = np.abs(values).max(axis=1, keepdims=True, initial=0.0) / 127.0
    scale[scale == 0.0] = 1.0
    codes = np.empty((len(values), values.shape[1] + _SCALE_BYTES), dtype=np.int8)
    codes[:, :-_SCALE_BYTES] = np.rint(values / scale)
    codes[:, -_SCALE_BYTES:] = scale.astype("<f4").view(np.int8)
    return codes


def split(codes: NDArray[np.int8]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return the numbers, (n, dims) int8, and the scales, (n,) float32, of codes, without a copy."""
    scales = np.ndarray((len(codes),), dtype="<f4", buffer=codes, offset=codes.shape[1] - 4, strides=codes.strides[:1])
    return codes[:, :-_SCALE_BYTES], scales


def compared(
    query: NDArray[Any], block: NDArray[Any], metric: Literal["dot", "sqeuclidean", "angular"]
) -> NDArray[np.float64]:
    """Return what a metric says of a query and each row of a block."""
    import numkong

    said: NDArray[np.float64] = np.asarray(numkong.cdist(query.reshape(1, -1), block, metric=metric))[0]
    return said


def _compare(kind: Kind, query: NDArray[Any], block: NDArray[Any]) -> NDArray[np.float64]:
    if kind.similarity == "dot_product":
        return compared(query, block, "dot")
    if kind.similarity == "cosine":
        return 1.0 - compared(query, block, "angular")
    return -compared(query, block, "sqeuclidean")


def exact(snapshot: RowSnapshot, query: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the closeness of the given rows to the query, computed from the rows in single precision or better.

    Rows that were of unit length are so again: what float16 took from their length does not change the dot product.
    """
    if snapshot.kind.similarity == "cosine":
        return _cosines(query, snapshot.rows[rows])
    if snapshot.kind.element_type == "byte":
        return _compare(snapshot.kind, query, snapshot.rows[rows])
    closeness = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        block = snapshot.rows[rows[start : start + _BLOCK]].astype(np.float32)
        if snapshot.kind.coded:
            closeness[start : start + _BLOCK] = 1.0 - compared(query, block, "angular")
        else:
            closeness[start : start + _BLOCK] = _compare(snapshot.kind, query, block)
    return closeness


def _cosines(query: NDArray[Any], rows: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return cosines of bytes, from sums that are whole numbers and exact."""
    asked, many = query.astype(np.float64), rows.astype(np.float64)
    return np.asarray((many @ asked) / np.sqrt((asked @ asked) * np.einsum("ij,ij->i", many, many)))


def work(rows: int, allowed: int) -> int:
    """Return what a scan for some allowed rows of all costs, in rows compared in passing."""
    return min(rows, _GATHER_COST * allowed)


def scan(snapshot: RowSnapshot, query: NDArray[Any], *, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
    """Compare the query with many rows, quickly: the codes of float rows stand for them.

    Few rows are picked out; for many it is cheaper to compare all and pick out the results.

    Parameters
    ----------
    query : (dims,) float32 or int8
    rows : (m,) int64
        The rows to compare; None means all.

    Returns
    -------
    (m,) float32
        Closeness; of byte rows to float32, of coded rows to about 0.001.
    """
    kind = snapshot.kind
    if rows is not None and _GATHER_COST * len(rows) > len(snapshot):
        return scan(snapshot, query)[rows]
    count = len(snapshot) if rows is None else len(rows)
    closeness = np.empty(count, dtype=np.float32)
    source: NDArray[Any] = snapshot.rows if snapshot.codes is None else snapshot.codes
    asked, factor = _query_like(snapshot, query)

    def compare(low: int, high: int) -> None:
        block = source[low:high] if rows is None else source[rows[low:high]]
        if snapshot.codes is None:
            closeness[low:high] = _compare(kind, asked, block)
        else:
            numbers, scales = split(block)
            np.multiply(_compare(kind, asked, numbers), scales * factor, out=closeness[low:high], casting="unsafe")

    in_parallel(compare, count, bytes_per_row=source.strides[0] if len(source) else 1)
    return closeness


def _query_like(snapshot: RowSnapshot, query: NDArray[Any]) -> tuple[NDArray[Any], np.float32]:
    if snapshot.codes is None:
        return query.astype(snapshot.kind.dtype), np.float32(1)
    numbers, scales = split(encode(query.reshape(1, -1)))
    return numbers[0], np.float32(scales[0])


def in_parallel(compare: Callable[[int, int], None], count: int, *, bytes_per_row: int) -> None:
    """Call for all blocks of rows, from several threads where there is enough to do."""
    blocks = [(low, min(low + _BLOCK, count)) for low in range(0, count, _BLOCK)]
    done = [False] * len(blocks)
    turns = iter(range(len(blocks)))
    helpers = min(_MAX_THREADS, os.cpu_count() or 1) - 1 if count * bytes_per_row >= _PARALLEL else 0

    def share() -> None:
        for turn in turns:
            compare(*blocks[turn])
            done[turn] = True

    waiting = [_pool().submit(share) for _ in range(helpers)]
    share()
    # On a busy machine a helper may have been put aside in the middle of a block, for longer than all of this takes:
    # its block is done once more rather than waited for, with the same result.
    for turn, finished in enumerate(done):
        if not finished:
            compare(*blocks[turn])
    for job in waiting:
        job.cancel()


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=_MAX_THREADS, thread_name_prefix="hybrid-search-scan")


def best(
    snapshot: RowSnapshot, query: NDArray[Any], rows: NDArray[np.int64] | None, quick: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the k closest of the rows that were scanned, with full-precision closeness, best first, ties by row.

    Parameters
    ----------
    rows : (m,) int64
        None means all.
    quick : (m,) float32
        What `scan` said of them.
    """
    if not len(quick) or k < 1:
        return np.empty(0, dtype=np.int64), np.empty(0)
    if snapshot.kind.element_type == "byte" and snapshot.kind.similarity != "cosine":
        # float32 holds integers below 2²⁴ exactly and never swaps two larger ones: the best are all among these.
        winners = _picked(rows, np.flatnonzero(quick >= _kth(quick, k)))
        return merge([(winners, exact(snapshot, query, winners))], k)
    chosen = np.flatnonzero(quick >= _kth(quick, 2 * k + 16))
    winners = _picked(rows, chosen)
    closeness = exact(snapshot, query, winners)
    worst_error = float(np.abs(closeness - quick[chosen]).max())
    margin = 1.5 * worst_error + 1e-6
    more = quick >= _kth(closeness, k) - margin
    more[chosen] = False
    extra = _picked(rows, np.flatnonzero(more))
    return merge([(winners, closeness), (extra, exact(snapshot, query, extra))], k)


def _picked(rows: NDArray[np.int64] | None, places: NDArray[np.int64]) -> NDArray[np.int64]:
    return places if rows is None else rows[places]


def _kth(closeness: NDArray[Any], k: int) -> float:
    if k >= len(closeness):
        return float("-inf")
    return float(np.partition(closeness, len(closeness) - k)[len(closeness) - k])


def merge(
    lists: list[tuple[NDArray[np.int64], NDArray[np.float64]]], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the k closest of several disjoint lists of (rows, closeness), best first, ties by row."""
    rows = np.concatenate([rows for rows, _ in lists])
    closeness = np.concatenate([closeness for _, closeness in lists])
    order = np.lexsort((rows, -closeness))[:k]
    return rows[order], closeness[order]
