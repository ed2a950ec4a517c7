"""Numbers of any range as 8-bit levels, so that a scan of 12 or 16 bits is neither white nor black."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["to_uint8"]

_DEEP_WHITES = (255, 1023, 4095)


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
    numbers = values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)
    finite = np.isfinite(numbers)
    if not finite.any():
        return np.zeros(values.shape, dtype=np.uint8)
    low, high = float(numbers.min(where=finite, initial=np.inf)), float(numbers.max(where=finite, initial=-np.inf))
    whites = (*_DEEP_WHITES, 65535) if values.dtype.kind in "iu" else (1, 255, 65535)
    black, white = (0.0, next((float(top) for top in whites if high <= top), high))
    if low < 0 or high > whites[-1]:
        black, white = low, max(high, low + 1e-30)
    numbers = np.nan_to_num(numbers, nan=black, posinf=white, neginf=black)
    scaled = (numbers - black) * (255.0 / (white - black))
    levels: NDArray[np.uint8] = np.rint(scaled).clip(0, 255).astype(np.uint8)
    return levels
