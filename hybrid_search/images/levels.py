"""Numbers of any range as 8-bit levels, so that a scan of 12 or 16 bits is neither white nor black."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_INTEGER_WHITES = (255, 1023, 4095, 65535)  # of 8, 10, 12 and 16 bits
_FLOAT_WHITES = (1, 255, 65535)
_BLOCK = 2**18


def to_uint8(values: np.ndarray[Any, Any]) -> NDArray[np.uint8]:
    """Map values linearly to 0…255.

    What white is depends on the numbers, as files and arrays rarely say it: True for bool; 255 for uint8; for other
    integers 65535, or the largest value of 8, 10 or 12 bits when all fit in (a 12-bit scan in 16-bit numbers); for
    floats 1, 255 or 65535, whichever is the first to hold all. Negative values, and those beyond 65535, stretch
    their own range over 0…255. NaN is black, infinities are the darkest and the brightest.

    Parameters
    ----------
    values : ndarray
        Any shape; bool, integer or float.

    Examples
    --------
    >>> to_uint8(np.array([0.0, 0.5, 1.0])).tolist()
    [0, 128, 255]
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    whites = _FLOAT_WHITES if values.dtype.kind == "f" else _INTEGER_WHITES
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        deepest = next(white for white in whites if values.max(initial=0) <= white)
        table = np.rint(np.arange(deepest + 1) * (255 / deepest)).astype(np.uint8)
        return np.take(table, values)
    black, white = _range(values, whites)
    levels = np.empty(values.shape, np.uint8)
    for part, out in zip(_blocks(values), _blocks(levels), strict=True):
        numbers = np.nan_to_num(part.astype(np.float64), nan=black, posinf=white, neginf=black).clip(black, white)
        # Divided before they are subtracted, as the range of the largest floats is infinite.
        scaled = (numbers / 2 - black / 2) / (white / 2 - black / 2 or 1.0)
        out[...] = np.rint(scaled * 255)
    return levels


def _range(values: np.ndarray[Any, Any], whites: tuple[int, ...]) -> tuple[float, float]:
    """Return the numbers that are black and white."""
    lows, highs = [0.0], [0.0]
    for part in _blocks(values):
        finite = part[np.isfinite(part)]
        lows += [float(finite.min())] if finite.size else []
        highs += [float(finite.max())] if finite.size else []
    low, high = min(lows), max(highs)
    white = float(next((white for white in whites if high <= white), np.inf))
    if low >= 0 and white != np.inf:
        return 0.0, white
    return min(lows[1:], default=np.inf), high


def _blocks(values: np.ndarray[Any, Any]) -> Iterator[np.ndarray[Any, Any]]:
    """Yield views of a few rows each: what is computed of them takes eight times the memory of a picture."""
    rows = max(1, _BLOCK * len(values) // max(values.size, 1)) if values.ndim else 1
    return (values[start : start + rows] for start in range(0, len(values), rows)) if values.ndim else iter([values])
