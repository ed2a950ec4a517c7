"""All pairs of near vectors in a collection, without comparing each with each.

Signatures are looked up in cells of like ones (see `cells`), where there are few each is compared with each. The
sixteen orientations take fourteen lookups: of a quarter turn and its reverse one is enough, for what turns the first
picture into the second is found from the other side too.

Embeddings are looked up in a graph (Yu. Malkov and D. Yashunin, "Efficient and robust approximate nearest neighbor
search using Hierarchical Navigable Small World graphs", 2016, as implemented by usearch), which is made for the purpose
and thrown away.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends.embedded.vectors.usearch_import import usearch_index
from hybrid_search.duplicates.collect.ivf_cells import Cells, NearRows
from hybrid_search.duplicates.collect.signature_halves import VIEWS, View
from hybrid_search.signature.goldberg import min_cosine

_EXACT = 250_000_000
"""Comparisons up to which each is compared with each, which misses nothing and takes a few seconds."""
_EXACT_COSINES = 16_000_000
"""The same for embeddings: up to it their main components alone take longer than to compare each with each."""
_FEW_ASKED = 1024  # rows of cosines held at once; no measurement is kept
_BLOCK = 1_000_000
"""Rows that are held at once: about 400 bytes each."""
_CHUNK, _LARGE_CHUNK = 4096, 16384  # rows at once; no measurement is kept
_CONNECTIVITY, _EXPANSION_ADD = 16, 64  # usearch's defaults are 16 and 128; no measurement is kept
_FROM_OTHER_SIDE = 3  # a turn by 270 degrees is one by 90 seen from the other picture


@dataclass(frozen=True)
class NearPairs:
    """Pairs of rows found for some of the rows.

    Parameters
    ----------
    rows : (m, 2) int64 ndarray
        The smaller row first; no pair twice.
    done : (n,) int64 ndarray
        The rows that have been compared with all others now.
    """

    rows: NDArray[np.int64]
    done: NDArray[np.int64]


def signature_pairs(
    signatures: NDArray[np.int8],
    *,
    asked: NDArray[np.int64] | None = None,
    max_distance: float,
    turned: bool = True,
    exact: bool | None = None,
) -> Iterator[NearPairs]:
    """Give all pairs of signatures within a distance of each other, in the orientation in which it is least.

    Parameters
    ----------
    signatures : (n, 648) int8 ndarray
        May be mapped from a file. All-zero ones are near to nothing.
    asked : (m,) int64 ndarray, optional
        Rows that are compared with all; all by default.
    max_distance : float
        In [0, 1].
    turned : bool
        Whether to look in all orientations of the picture and its negative.
    exact : bool, optional
        Whether to compare each with each; by default where that is quicker. Otherwise some pairs are missed: of those
        within 0.45 fewer than one in a hundred (`scripts/bench.py grouping`).

    Examples
    --------
    >>> from hybrid_search.signature.goldberg import signature
    >>> pictures = np.random.default_rng(3).random((3, 90, 90))
    >>> rows = np.stack([signature(picture) for picture in (*pictures, pictures[1].T)])
    >>> [pair.rows.tolist() for pair in signature_pairs(rows, max_distance=0.4)]
    [[[1, 3]]]
    """
    views = _views(turned=turned, both_sides=asked is None)
    asked = np.arange(len(signatures), dtype=np.int64) if asked is None else asked
    limit = _Limit(signatures, max_distance)
    exact = len(signatures) * len(asked) * len(views) <= _EXACT if exact is None else exact
    blocks, step = _blocks(len(signatures)), _CHUNK if exact else _LARGE_CHUNK
    with _single_blas(), ThreadPoolExecutor(_threads()) as pool:
        for block in blocks:
            cells = Cells(signatures, block, exact=exact)
            for start in range(0, len(asked), step):
                rows = asked[start : start + step]
                look = _Look(cells, limit, rows, np.asarray(signatures[rows]))
                pairs = _distinct(np.concatenate(list(pool.map(look.through, views))))
                yield NearPairs(pairs, rows if block == blocks[-1] else rows[:0])


def _views(*, turned: bool, both_sides: bool) -> list[View]:
    if not turned:
        return [VIEWS[0]]
    return [view for view in VIEWS if not (both_sides and view[0] == _FROM_OTHER_SIDE)]


def _blocks(count: int) -> list[tuple[int, int]]:
    return [(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK)]


def _distinct(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _single_blas() -> Any:
    """Keep products of small matrices to one thread each: several threads wait for each other most of the time."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1, user_api="blas")


class _Limit:
    """Which of the pairs that were found are within the distance."""

    def __init__(self, signatures: NDArray[np.int8], max_distance: float) -> None:
        self.cosine = min_cosine(max_distance)
        self._max_distance = max_distance + 1e-9
        self._lengths = np.empty(len(signatures))
        for start in range(0, len(signatures), _CHUNK):
            rows = np.asarray(signatures[start : start + _CHUNK], np.float32)
            self._lengths[start : start + _CHUNK] = np.sqrt(np.einsum("ij,ij->i", rows, rows))

    def near(
        self, rows: NDArray[np.int64], here: NDArray[np.int64], there: NDArray[np.int64], cosines: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Return (m, 2) rows of those pairs (place in `rows`, row) that are near enough."""
        one, other = self._lengths[rows[here]], self._lengths[there]
        squares = np.maximum(0, one**2 + other**2 - 2 * cosines * one * other)
        keep = (squares <= (self._max_distance * (one + other)) ** 2) & (rows[here] != there) & (one > 0) & (other > 0)
        return np.stack([rows[here][keep], there[keep]], axis=1)


@dataclass(frozen=True)
class _Look:
    """Some rows that are looked up in all orientations."""

    cells: Cells
    limit: _Limit
    rows: NDArray[np.int64]
    signatures: NDArray[np.int8]

    def through(self, view: View) -> NDArray[np.int64]:
        """Return pairs of rows that are near in an orientation."""
        return self.limit.near(self.rows, *self.cells.nearest(self.signatures, view, self.limit.cosine))


def _threads() -> int:
    return min(os.cpu_count() or 1, 8)


def _near_ones(index: Any, asked: NDArray[np.int8], k: int, cosine: float) -> NearRows:
    nothing = np.empty(0, np.int64)
    if not len(index) or not len(asked):
        return nothing, nothing, np.empty(0)
    matches = index.search(asked, min(k, len(index)), threads=_threads())
    keys = np.asarray(matches.keys).astype(np.int64).reshape(len(asked), -1)
    cosines = 1.0 - np.asarray(matches.distances, np.float64).reshape(keys.shape)
    # fewer may be found than asked for, and then those places hold anything; a single asker has no counts
    counts = np.asarray(getattr(matches, "counts", [keys.shape[1]])).reshape(-1, 1)
    here, place = np.nonzero((np.arange(keys.shape[1]) < counts) & (cosines >= cosine))
    return here, keys[here, place], cosines[here, place]


def cosine_neighbours(
    vectors: NDArray[Any], *, asked: NDArray[np.int64] | None = None, k: int, dims: int = 256
) -> Iterator[NearPairs]:
    """Give each row with its nearest rows by cosine; of many rows about those: they are proposals.

    Where there are few, each is compared with each. Else the rows are looked up in a graph of their main components
    (see `_main_components`).

    Parameters
    ----------
    vectors : (n, d) float ndarray
        Of unit length, or all zeros where there is none; may be mapped from a file.
    asked : (m,) int64 ndarray, optional
        Rows whose neighbours are wanted; all by default.
    k : int
        Neighbours of each.
    dims : int
        Components that the rows are compared by.
    """
    asked = np.arange(len(vectors), dtype=np.int64) if asked is None else asked
    if not len(asked):
        return
    if len(vectors) * len(asked) <= _EXACT_COSINES:
        yield _nearest_of_all(vectors, asked, k)
        return
    axes = _main_components(vectors, dims)
    blocks = _blocks(len(vectors))
    for block in blocks:
        index = usearch_index().Index(
            ndim=axes.shape[1], metric="cos", dtype="i8", connectivity=_CONNECTIVITY, expansion_add=_EXPANSION_ADD
        )
        for start in range(*block, _CHUNK):
            some = _codes(vectors[start : min(start + _CHUNK, block[1])], axes)
            there_are = np.flatnonzero(some.any(axis=1))
            index.add(start + there_are, some[there_are], threads=_threads())
        index.expansion_search = 4 * k
        for start in range(0, len(asked), _CHUNK):
            rows = asked[start : start + _CHUNK]
            codes = _codes(vectors[rows], axes)
            askers = np.flatnonzero(codes.any(axis=1))
            here, there, _ = _near_ones(index, codes[askers], k + 1, -1.0)
            pairs = np.stack([rows[askers][here], there], axis=1)
            yield NearPairs(_distinct(pairs[pairs[:, 0] != pairs[:, 1]]), rows if block == blocks[-1] else rows[:0])


def _nearest_of_all(vectors: NDArray[Any], asked: NDArray[np.int64], k: int) -> NearPairs:
    rows = np.asarray(vectors, np.float32)
    known = np.asarray(rows.any(axis=1))
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(asked), _FEW_ASKED):
        some = asked[start : start + _FEW_ASKED]
        cosines = rows[some] @ rows.T
        cosines[:, ~known] = -np.inf
        cosines[np.arange(len(some)), some] = -np.inf
        nearest = np.argpartition(-cosines, min(k, len(rows)) - 1, axis=1)[:, :k]
        here = np.repeat(some, nearest.shape[1])
        is_pair = np.isfinite(np.take_along_axis(cosines, nearest, axis=1).reshape(-1)) & known[here]
        found.append(np.stack([here, nearest.reshape(-1)], axis=1)[is_pair])
    return NearPairs(_distinct(np.concatenate(found)), asked)


def _main_components(vectors: NDArray[Any], dims: int) -> NDArray[np.float32]:
    """Return the directions in which a sample of the rows reaches furthest, (d, dims) float32."""
    sample = np.random.default_rng(0).choice(len(vectors), min(len(vectors), 20_000), replace=False)
    rows = np.asarray(vectors[np.sort(sample)], np.float32)
    if len(rows) >= rows.shape[1]:
        _, axes = np.linalg.eigh(rows.T @ rows)
        return np.ascontiguousarray(axes[:, ::-1][:, :dims], np.float32)
    # of fewer rows than columns the products with each other have the same components, in a fraction of the time
    lengths, weights = np.linalg.eigh(np.asarray(rows @ rows.T, np.float64))
    kept = np.maximum(lengths[::-1][:dims], 1e-9)
    return np.ascontiguousarray(rows.T @ (weights[:, ::-1][:, :dims] / np.sqrt(kept)), np.float32)


def _codes(vectors: NDArray[Any], axes: NDArray[np.float32]) -> NDArray[np.int8]:
    values = np.asarray(vectors, np.float32) @ axes
    largest = np.abs(values).max(axis=1, keepdims=True)
    scale = np.divide(127.0, largest, out=np.zeros_like(largest), where=largest > 0)
    return np.asarray(np.rint(values * scale), np.int8)
