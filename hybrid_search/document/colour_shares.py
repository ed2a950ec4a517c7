"""How much of a picture has each of the eleven colours that have a name of their own in English."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TERMS = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
"""The basic colour terms of Berlin and Kay (1969)."""

LEAST_SHARE = 0.0002
"""Shares below are not kept: four of the 24,576 pixels of a thumbnail are noise."""

_BITS = 5
_NONE = len(TERMS)
_REGIONS = (
    ("grey", 0, 360, 0.0, 0.03, 0.0, 1.01),
    ("white", 0, 360, 0.0, 0.03, 0.85, 1.01),
    ("purple", 288, 335, 0.05, 1.0, 0.0, 1.01),
    ("purple", 335, 5, 0.08, 1.0, 0.0, 0.5),
    ("blue", 195, 288, 0.05, 1.0, 0.0, 1.01),
    ("blue", 220, 280, 0.03, 0.05, 0.75, 1.01),
    ("green", 116, 180, 0.05, 1.0, 0.0, 1.01),
    ("green", 100, 116, 0.06, 1.0, 0.0, 0.58),
    ("yellow", 72, 116, 0.10, 1.0, 0.58, 1.01),
    ("brown", 30, 88, 0.035, 0.13, 0.0, 0.62),
    ("orange", 40, 72, 0.13, 1.0, 0.52, 1.01),
    ("red", 5, 36, 0.10, 1.0, 0.0, 0.70),
    ("red", 5, 36, 0.08, 1.0, 0.0, 0.45),
    ("red", 36, 40, 0.16, 1.0, 0.0, 0.68),
    ("pink", 335, 12, 0.07, 1.0, 0.56, 1.01),
    ("pink", 340, 5, 0.15, 1.0, 0.50, 0.56),
    ("pink", 330, 22, 0.07, 1.0, 0.70, 1.01),
    ("pink", 335, 15, 0.045, 0.07, 0.80, 1.01),
    ("black", 0, 360, 0.0, 0.03, 0.0, 0.30),
    ("black", 0, 360, 0.0, 0.05, 0.0, 0.20),
    ("black", 0, 360, 0.0, 1.0, 0.0, 0.12),
)
"""Where colours lie in Oklab: hue in degrees, chroma and lightness, each from and below; later ones win.

Chosen on the captions of every other photo of Flickr8k, and compared with the names of the xkcd colour survey. Skin,
sand and pale fur lie between brown and orange and are neither; greenish blues and most pale tints are none.
"""


def colour_shares(image: Image.Image) -> dict[str, float]:
    """Return how much of a picture has each colour, in (0, 1]; what is none of them counts for the whole.

    Parameters
    ----------
    image : PIL image
        In RGB; 0.2 ms for one as large as a thumbnail.

    Examples
    --------
    >>> flag = Image.new("RGB", (40, 30), "white")
    >>> flag.paste("#c00", (0, 0, 10, 30))
    >>> colour_shares(flag)
    {'white': 0.75, 'red': 0.25}
    """
    red, green, blue = (np.asarray(channel).astype(np.uint16) >> (8 - _BITS) for channel in image.split())
    bins = red << 2 * _BITS | green << _BITS | blue
    counts = np.bincount(_term_of_bin()[bins].ravel(), minlength=_NONE + 1)[:_NONE]
    shares = np.round(counts / bins.size, 4).tolist()
    return {term: share for term, share in zip(TERMS, shares, strict=True) if share >= LEAST_SHARE}


def colour_term(rgb: tuple[int, int, int]) -> str:
    """Return the basic term for a colour, "" for one that has none.

    Examples
    --------
    >>> [colour_term(rgb) for rgb in ((204, 0, 0), (0, 0, 128), (224, 172, 135))]
    ['red', 'blue', '']
    """
    place = int(_places(np.array([rgb], np.float64))[0])
    return "" if place == _NONE else TERMS[place]


@cache
def _term_of_bin() -> NDArray[np.uint8]:
    """Return the place of the term of each of 32,768 colours, in order of red, green and blue."""
    middles = np.arange(1 << _BITS) * (1 << 8 - _BITS) + (1 << 7 - _BITS)
    rgb = np.stack(np.meshgrid(middles, middles, middles, indexing="ij"), axis=-1).reshape(-1, 3)
    return _places(rgb.astype(np.float64))


def _places(rgb: NDArray[np.float64]) -> NDArray[np.uint8]:
    lightness, chroma, hue = _oklab(rgb)
    places = np.full(len(rgb), _NONE, np.uint8)
    for term, hue_from, hue_to, least, below, darkest, lightest in _REGIONS:
        inside = (hue - hue_from) % 360 < ((hue_to - hue_from) % 360 or 360)
        inside &= (chroma >= least) & (chroma < below) & (lightness >= darkest) & (lightness < lightest)
        places[inside] = TERMS.index(term)
    return places


def _oklab(rgb: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return lightness, chroma and hue of sRGB colours, (n, 3) in 0-255; Ottosson (2020)."""
    encoded = rgb / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(linear @ _TO_CONES.T)
    lightness, green_red, blue_yellow = (cones @ _TO_LAB.T).T
    return lightness, np.hypot(green_red, blue_yellow), np.degrees(np.arctan2(blue_yellow, green_red)) % 360


_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
