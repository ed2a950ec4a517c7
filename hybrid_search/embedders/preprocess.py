"""How an image is brought to the square that a network takes: one function per recipe, pixels in, pixels out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["center_crop", "pad", "squash"]


def pad(image: Image.Image, side: int, *, fill: tuple[int, int, int] = (127, 127, 127)) -> NDArray[np.uint8]:
    """Return (side, side, 3): the longer side resized to `side`, the image centred on a plain ground.

    Nothing is cut off and nothing distorted, which retrieval rewards (PyRetri's PadResize).
    """
    scale = side / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    square = Image.new("RGB", (side, side), fill)
    square.paste(small, ((side - width) // 2, (side - height) // 2))
    return np.asarray(square)


def squash(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """Return (side, side, 3): the whole image, its aspect ratio not kept."""
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0))


def center_crop(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """Return (side, side, 3): the middle square of the image."""
    width, height = image.size
    short = min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    box = (left, top, left + short, top + short)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, box=box, reducing_gap=2.0))
