"""Signatures without what stands in them twice, in all orientations.

A difference of two neighbouring grid points stands in a signature twice, once with each sign, and those beyond the
border are 0: 272 of its 648 values hold all of it, and products of those are exactly half of the whole ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.signature.goldberg import GRID, LENGTH
from hybrid_search.signature.orientations import oriented

View = tuple[int, int]
"""A row of `orientations.ORIENTATIONS`, and 1, or -1 for the negative."""
VIEWS: tuple[View, ...] = tuple((row, sign) for row in range(8) for sign in (1, -1))
"""All orientations; the first is the picture as it is."""


def _halves() -> NDArray[np.int64]:
    """Return the 272 places of a signature that hold each pair of neighbouring grid points once."""
    after = ((4, 0, 1), (5, 1, -1), (6, 1, 0), (7, 1, 1))
    return np.array(
        [
            (down * GRID + right) * 8 + number
            for down in range(GRID)
            for right in range(GRID)
            for number, below, beside in after
            if down + below < GRID and 0 <= right + beside < GRID
        ]
    )


def _permutations() -> NDArray[np.int64]:
    """Return where the values of a picture in its eight orientations stand in its signature, (8, 648)."""
    low, high = (oriented(part.astype(np.int8))[:8].astype(np.int64) for part in divmod(np.arange(LENGTH), 100)[::-1])
    return low + 100 * high


_PLACES = _permutations()[:, _halves()]


def viewed(signatures: NDArray[np.int8], view: View) -> NDArray[np.int8]:
    """Return the halves of signatures as they are in an orientation, (n, 648) to (n, 272)."""
    row, sign = view
    return np.ascontiguousarray(np.int8(sign) * signatures[:, _PLACES[row]])


def unit(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Return rows at unit length; those that are all zero stay so."""
    values = rows.astype(np.float32)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(np.divide(values, lengths, out=values, where=lengths > 0))
