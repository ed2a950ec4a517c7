"""The Goldberg signature of an image: 648 small integers by which near-duplicates are found.

The algorithm is image-match's, bit for bit when given the same grey array: H. C. Wong, M. Bern and D. Goldberg, "An
image signature for any kind of image", ICIP 2002, as implemented by the project image-match (EdjoLabs), whose package
can no longer be installed beside current ones.
"""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["LENGTH", "SIGNATURE_MIN_SIDE", "WORDS", "distance", "grey", "norm", "signature", "word_tokens", "words"]

GRID = 9
LENGTH = GRID * GRID * 8
"""Values of a signature: 9 × 9 grid points, 8 neighbours each."""
WORDS = 63
WORD_LENGTH = 16
SIGNATURE_MIN_SIDE = 360
"""Pixels of the shorter side that are enough: below, windows of the grid become too small to average out noise."""

_GREY = np.array([0.2125, 0.7154, 0.0721])
_IDENTICAL = 2 / 255
_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


def grey(image: Image.Image) -> NDArray[np.float64]:
    """Return the grey levels of an RGB image, (M, N) in [0, 1]: 0.2125 R + 0.7154 G + 0.0721 B."""
    return np.asarray(np.asarray(image.convert("RGB"), np.float64) / 255 @ _GREY)


def signature(image: Image.Image | NDArray[np.float64]) -> NDArray[np.int8]:
    """Return the signature of an image.

    Parameters
    ----------
    image : PIL image, or (M, N) ndarray
        Upright RGB, or grey levels in [0, 1].

    Returns
    -------
    (648,) int8 ndarray
        Values −2 to 2: how each grid point compares with its eight neighbours. All zero for a flat image.

    Examples
    --------
    >>> ramp = np.linspace(0, 1, 64)[None, :].repeat(64, axis=0)
    >>> sorted(set(signature(ramp).tolist()))
    [-2, -1, 0, 1, 2]
    """
    levels = image if isinstance(image, np.ndarray) else grey(image)
    return _levels(_differences(_window_means(levels))).astype(np.int8).ravel()


def words(signature: NDArray[np.int8]) -> NDArray[np.int32]:
    """Return the 63 words of a signature, (63,) int32 in [0, 43046720]: 16 signs each, read as a number in base 3."""
    starts = np.linspace(0, LENGTH, WORDS, endpoint=False).astype(int)
    padded = np.concatenate([np.sign(signature), np.zeros(WORD_LENGTH, np.int8)]).astype(np.int64)
    letters = padded[starts[:, None] + np.arange(WORD_LENGTH)] + 1
    return np.asarray(letters @ 3 ** np.arange(WORD_LENGTH), np.int32)


def word_tokens(signature: NDArray[np.int8]) -> tuple[str, ...]:
    """Return the words as keywords that carry their position, such as "0a:1f3c"; none for a flat image."""
    if not np.any(signature):
        return ()
    return tuple(f"{place:02x}:{word:x}" for place, word in enumerate(words(signature).tolist()))


def norm(signature: NDArray[np.int8]) -> float:
    """Return the Euclidean length of a signature."""
    return float(np.linalg.norm(signature.astype(np.float64)))


@overload
def distance(a: NDArray[np.int8], b: NDArray[np.int8]) -> float: ...
@overload
def distance(a: NDArray[np.int8], b: NDArray[np.int8], *, many: bool) -> NDArray[np.float64]: ...
def distance(a: NDArray[np.int8], b: NDArray[np.int8], *, many: bool = False) -> float | NDArray[np.float64]:
    """Return ‖a − b‖ / (‖a‖ + ‖b‖), in [0, 1]; 1 when both are flat, which says nothing of their likeness.

    Parameters
    ----------
    a : (648,) int8 ndarray
    b : (648,) or (n, 648) int8 ndarray
    """
    left, right = a.astype(np.float64), b.astype(np.float64)
    lengths = np.linalg.norm(left) + np.linalg.norm(right, axis=-1)
    apart = np.linalg.norm(left - right, axis=-1)
    result = np.divide(apart, lengths, out=np.ones_like(np.asarray(apart)), where=lengths > 0)
    return result if b.ndim > 1 else float(result)


def _window_means(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean grey level around each of the 9 × 9 grid points."""
    rows = _grid(levels, axis=0)
    columns = _grid(levels, axis=1)
    side = max(2.0, int(0.5 + min(levels.shape) / 20.0))
    means = np.empty((GRID, GRID))
    for i, (top, bottom) in enumerate(_windows(rows, side, levels.shape[0])):
        for j, (left, right) in enumerate(_windows(columns, side, levels.shape[1])):
            # np.mean on the very slice: sums taken in another order would round to other bits
            means[i, j] = np.mean(levels[top:bottom, left:right])
    return means


def _grid(levels: NDArray[np.float64], *, axis: int) -> NDArray[np.int64]:
    """Return 9 places along an axis, inside the part that holds the middle 90 % of the picture's changes."""
    changes = np.cumsum(np.sum(np.abs(np.diff(levels, axis=1 - axis)), axis=1 - axis))
    high = np.searchsorted(changes, np.percentile(changes, 95), side="left")
    low = np.searchsorted(changes, np.percentile(changes, 5), side="right")
    if low > high:
        low, high = np.intp(0.05 * len(changes)), np.intp(0.95 * len(changes))
    return np.linspace(low, high, GRID + 2, dtype=int)[1:-1]


def _windows(places: NDArray[np.int64], side: float, length: int) -> list[tuple[int, int]]:
    starts = [int(max(place - side / 2.0, 0)) for place in places.tolist()]
    return [(start, int(min(start + side, length))) for start in starts]


def _differences(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (9, 9, 8): each point minus its neighbour, row by row from the upper left; 0 where there is none."""
    padded = np.pad(means, 1, constant_values=np.nan)
    around = [padded[1 + i : 1 + i + GRID, 1 + j : 1 + j + GRID] for i, j in _NEIGHBOURS]
    return np.nan_to_num(means[..., None] - np.stack(around, axis=-1))


def _levels(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return differences as −2 … 2: nearly none, or the smaller or larger half of each sign."""
    values = np.where(np.abs(differences) < _IDENTICAL, 0.0, differences)
    for sign in (1, -1):
        same = values[values * sign > 0]
        if not len(same):
            continue
        cuts = np.percentile(same, np.linspace(0, 100, 3) if sign > 0 else np.linspace(100, 0, 3)) * sign
        for level in (0, 1):
            # both ends belong to a bin and bins are written in place, as in image-match: a 1 written by the first
            # bin is taken up by the second when the largest difference is exactly 1
            inside = (values * sign >= cuts[level]) & (values * sign <= cuts[level + 1])
            values[inside] = sign * (level + 1)
    return values
