"""How an image is brought to the square that a network takes: one function per recipe, pixels in, pixels out.

All return (side, side, 3) uint8 RGB; a network's graph does the scaling, so that workers pass bytes around.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_GAP = 2.0
"""A picture that is more than this times too large is first shrunk by a whole factor, which is much faster."""


def pad(image: Image.Image, side: int, *, fill: tuple[int, int, int] = (127, 127, 127)) -> NDArray[np.uint8]:
    """Return the whole image, its longer side resized to `side`, in the middle of a plain ground (PyRetri's PadResize).

    Examples
    --------
    >>> pad(Image.new("RGB", (400, 200), "red"), 4)[:, 0].tolist()
    [[127, 127, 127], [255, 0, 0], [255, 0, 0], [127, 127, 127]]
    """
    scale = side / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    small = _rgb(image).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=_GAP)
    square = Image.new("RGB", (side, side), fill)
    square.paste(small, ((side - width) // 2, (side - height) // 2))
    return np.asarray(square)


def squash(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """Return the whole image, its aspect ratio not kept."""
    return np.asarray(_rgb(image).resize((side, side), Image.Resampling.BILINEAR, reducing_gap=_GAP))


def trim(image: Image.Image, side: int, *, ratio: float = 4 / 3, most: float = 0.25) -> NDArray[np.uint8]:
    """Return the image cut at both ends to an aspect ratio of at most `ratio`, then squashed.

    A compromise between `squash`, which distorts, and `center_crop`, which loses what stands at the edge: 3:2 loses a
    ninth of its longer side, 16:9 a quarter, and nothing loses more than the share `most`.
    """
    width, height = image.size
    longer = max(width, height)
    kept = min(longer, max(min(width, height) * ratio, longer * (1 - most)))
    across, down = (kept, height) if width >= height else (width, kept)
    box = ((width - across) / 2, (height - down) / 2, (width + across) / 2, (height + down) / 2)
    return np.asarray(_rgb(image).resize((side, side), Image.Resampling.BILINEAR, box=box, reducing_gap=_GAP))


def center_crop(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """Return the middle square of the image."""
    width, height = image.size
    short = min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    box = (left, top, left + short, top + short)
    return np.asarray(_rgb(image).resize((side, side), Image.Resampling.BICUBIC, box=box, reducing_gap=_GAP))


def _rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGB")
