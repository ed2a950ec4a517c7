"""Arrays as images: shapes and kinds of numbers that are pictures, and those that are not."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from hybrid_search.errors import ImageUnreadable
from hybrid_search.images.levels import to_uint8
from hybrid_search.images.limits import Limits


def array_to_image(array: np.ndarray[Any, Any], *, limits: Limits) -> Image.Image:
    """Return a PIL image of mode L, LA, RGB or RGBA with the array's pixels copied.

    Parameters
    ----------
    array : ndarray
        (height, width), or (height, width, channels) with 1 to 4 channels (grey, grey and alpha, RGB, RGBA).
        uint8 as it is; uint16, finite float and bool as `levels.to_uint8` maps them.
    limits : Limits
        Pixels allowed.

    Raises
    ------
    ImageUnreadable
        When shape, dtype or values are none of these.
    ImageTooLarge
        When it has more pixels than allowed.
    """
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 2, 3, 4)):
        hint = "; move the channels to the last axis" if array.ndim == 3 and array.shape[0] in (1, 3, 4) else ""
        raise ImageUnreadable(
            "array", f"shape {array.shape} is no picture, (height, width) or (height, width, 1 to 4) is{hint}"
        )
    if array.size == 0:
        raise ImageUnreadable("array", f"shape {array.shape} has no pixels")
    if array.dtype.kind not in "bf" and (array.dtype.kind != "u" or array.dtype.itemsize > 2):
        raise ImageUnreadable("array", f"dtype {array.dtype} is not uint8, uint16, float or bool; convert it first")
    limits.check_pixels("array", array.shape[1], array.shape[0])
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ImageUnreadable("array", "it has values that are not finite; give NaN and infinities a level first")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    # Pillow may share the memory of an array; the caller may write to it later.
    return Image.fromarray(np.array(to_uint8(array), order="C", copy=True))
