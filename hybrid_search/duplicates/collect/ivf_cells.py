"""Rows of signatures in cells of like ones, of which only a few are looked into.

Each row stands in the cell of the centre that it is nearest to (k-means by cosine), and a picture is compared with the
rows of the 32 cells whose centres are nearest to it: of pairs within a distance of 0.45 these hold more than 99 %
(`scripts/bench.py grouping`). Cells are 3.2 √n, so that the time grows with n^1.5. A graph (HNSW) finds as many in
twice the time, and of each picture only a given number.

What is compared are the rows' 96 main components and the length of what is left of each: by the inequality of Cauchy
and Schwarz their product is at least the cosine, so that this step misses nothing; what it lets through is compared as
it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid_search.duplicates.collect.signature_halves import VIEWS, View, unit, viewed

_PROBES = 32
_CELLS = 3.2
_DIMS = 96
_ROUNDS = 4
_TOGETHER, _ASKERS = 8192, 1024
_MOST = 256
"""Near rows that are kept of each: a thousand equal pictures are told from their like by fewer pairs."""
_ROUNDING = 1e-4

NearRows = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


class Cells:
    """A block of signatures, in memory about 400 bytes each.

    Parameters
    ----------
    signatures : (n, 648) int8 ndarray
        May be mapped from a file.
    block : (int, int)
        The rows that are held, from the first to before the second.
    exact : bool
        Whether all cells are looked into, and all that is near is kept.
    """

    def __init__(self, signatures: NDArray[np.int8], block: tuple[int, int], *, exact: bool) -> None:
        self._signatures, self._exact = signatures, exact
        self._axes = _axes(signatures, block)
        # flat pictures are near to nothing
        known = [
            start + np.flatnonzero(np.asarray(signatures[start : min(start + _TOGETHER, block[1])]).any(axis=1))
            for start in range(*block, _TOGETHER)
        ]
        rows = np.concatenate(known) if known else np.empty(0, np.int64)
        components = np.empty((len(rows), self._axes.shape[1] + 1), np.float32)
        for start in range(0, len(rows), _TOGETHER):
            some = rows[start : start + _TOGETHER]
            components[start : start + len(some)] = self._components(viewed(np.asarray(signatures[some]), VIEWS[0]))
        if exact:
            cells = np.arange(len(rows)) // _TOGETHER
            self._centres = np.zeros((len(rows) // _TOGETHER + 1, components.shape[1] - 1), np.float32)
        else:
            self._centres = _centres(components[:, :-1])
            cells = _nearest_centres(components[:, :-1], self._centres)
        order = np.argsort(cells, kind="stable")
        self._rows, self._held = rows[order], components[order]
        self._ends = np.searchsorted(cells[order], np.arange(len(self._centres) + 1))

    def nearest(self, signatures: NDArray[np.int8], view: View, cosine: float) -> NearRows:
        """Return pairs of at least a cosine: the asking one's place, the found one's row, and the cosine."""
        turned = viewed(signatures, view)
        if not len(self._rows) or not len(turned):
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        asked = self._components(turned)
        here, there = self._candidates(asked, cosine - _ROUNDING)
        here, there, cosines = self._compared(turned, here, there, cosine - _ROUNDING)
        if self._exact:
            return here, there, cosines
        order = np.lexsort((there, -cosines, here))
        here, there, cosines = here[order], there[order], cosines[order]
        place = np.arange(len(here)) - np.searchsorted(here, here)
        return here[place < _MOST], there[place < _MOST], cosines[place < _MOST]

    def _candidates(self, asked: NDArray[np.float32], cosine: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        nearness = asked[:, :-1] @ self._centres.T
        probes = len(self._centres) if self._exact else min(_PROBES, len(self._centres))
        cells = np.argpartition(-nearness, probes - 1, axis=1)[:, :probes].reshape(-1)
        askers = np.repeat(np.arange(len(asked)), probes)
        order = np.argsort(cells, kind="stable")
        ends = np.searchsorted(cells[order], np.arange(len(self._centres) + 1))
        here, there = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for cell in range(len(self._centres)):
            held = slice(self._ends[cell], self._ends[cell + 1])
            for start in range(ends[cell], ends[cell + 1] if held.stop > held.start else 0, _ASKERS):
                some = askers[order[start : min(start + _ASKERS, ends[cell + 1])]]
                near = np.flatnonzero(asked[some] @ self._held[held].T >= cosine)
                if len(near):
                    ones, others = np.divmod(near, held.stop - held.start)
                    here.append(some[ones])
                    there.append(self._rows[held.start + others])
        return np.concatenate(here), np.concatenate(there)

    def _compared(
        self, turned: NDArray[np.int8], here: NDArray[np.int64], there: NDArray[np.int64], cosine: float
    ) -> NearRows:
        cosines = np.empty(len(here))
        for start in range(0, len(here), _TOGETHER):
            some = slice(start, start + _TOGETHER)
            other = viewed(np.asarray(self._signatures[there[some]]), VIEWS[0])
            cosines[some] = np.einsum("ij,ij->i", unit(turned[here[some]]), unit(other))
        keep = cosines >= cosine
        return here[keep], there[keep], cosines[keep]

    def _components(self, halves: NDArray[np.int8]) -> NDArray[np.float32]:
        """Return the main components of rows of unit length, and the length of what they leave."""
        found = np.asarray(unit(halves) @ self._axes, np.float32)
        left = np.sqrt(np.maximum(0.0, 1.0 - np.einsum("ij,ij->i", found, found)))
        return np.asarray(np.concatenate([found, left[:, None]], axis=1), np.float32)


def _axes(signatures: NDArray[np.int8], block: tuple[int, int]) -> NDArray[np.float32]:
    """Return the directions in which rows reach furthest in all orientations, (272, 96) float32."""
    count = block[1] - block[0]
    sample = block[0] + np.sort(np.random.default_rng(0).choice(count, min(count, 2_500), replace=False))
    rows = np.asarray(signatures[sample])
    turned = np.concatenate([unit(viewed(rows, view)) for view in VIEWS if view[1] > 0])
    _, axes = np.linalg.eigh(turned.T @ turned)
    return np.ascontiguousarray(axes[:, ::-1][:, :_DIMS], np.float32)


def _centres(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    random = np.random.default_rng(0)
    count = max(1, min(len(rows), round(_CELLS * len(rows) ** 0.5)))
    sample = rows[np.sort(random.choice(len(rows), min(len(rows), 30 * count), replace=False))]
    centres = sample[random.choice(len(sample), min(len(sample), count), replace=False)].copy()
    for _ in range(_ROUNDS):
        cells = _nearest_centres(sample, centres)
        order = np.argsort(cells, kind="stable")
        present, starts = np.unique(cells[order], return_index=True)
        sums = np.add.reduceat(sample[order], starts, axis=0) if len(sample) else sample
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres[present] = np.divide(sums, lengths, out=sums, where=lengths > 0)
    return np.asarray(centres, np.float32)


def _nearest_centres(rows: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    found = np.empty(len(rows), np.int64)
    for start in range(0, len(rows), _TOGETHER):
        found[start : start + _TOGETHER] = np.argmax(rows[start : start + _TOGETHER] @ centres.T, axis=1)
    return found
