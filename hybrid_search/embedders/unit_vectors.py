"""Vectors at unit length, and what becomes of one that is all zero and has no direction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def unit_or_zero(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Return rows of unit length; a row of zeros stays one.

    Examples
    --------
    >>> unit_or_zero(np.array([[3, 4], [0, 0]], np.float32)).astype(float).round(4).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def unit_or_even(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Return rows of unit length; a row of zeros becomes one of equal parts: every vector of an index has a direction.

    Examples
    --------
    >>> unit_or_even(np.array([[3, 4], [0, 0], [1e30, 0]], np.float32)).astype(float).round(4).tolist()
    [[0.6, 0.8], [0.7071, 0.7071], [1.0, 0.0]]
    """
    # divided by the largest first: the squares of what some networks give are beyond float32
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    scaled = np.where(largest > 0, vectors / np.where(largest > 0, largest, 1), 1)
    return np.asarray(scaled / np.linalg.norm(scaled, axis=1, keepdims=True), np.float32)
