"""Whether two aligned copies have the same colours: as they were, weaker, tinted, grey, or exchanged."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.duplicates.compare.planes import Plane, Planes

ColourMatch = Literal["same", "first is grey", "second is grey", "unlike", "other"]
"""`same`: as they were, perhaps weaker or with another white balance. `first is grey`, `second is grey`: one has no
colour or one tint. `unlike`: more than that, as a filter does it. `other`: another thing in one shape, such as one
product in two colours.
"""

_CELLS = 24
"""Cells along the longer side over which colours are averaged: strong compression keeps nothing below 16 pixels."""
_LEAST_CELL = 4.0
"""Pixels along a cell: less is of one or two pixels of colour, which depend on how a picture was made smaller."""
_GREY = 4.0
"""Levels of chroma that JPEG leaves in a picture without colour; their spread within one lightness if it is toned."""
_COLOURFUL = 8.0  # levels of chroma of a picture in colour; chosen on removable pairs, see docs/benchmarks.md
_LIGHTS = 8  # classes of lightness of a toned picture
_TURN = 0.35
"""Share of its own strength by which a colour may move: hues turn by 20 degrees, as film and filters turn them."""
_UNLIKE, _OTHER = 5.0, 10.0
"""Levels beyond that: a colour that is not the same, and one that nobody would call the same."""
_AREA = 0.02
"""Share of the area that must be of another colour: less is an addition at one place, see `additions`."""
_BALANCE = (20.0, 40.0)
"""Levels by which a white balance moves white: more is unlike, and still more another picture."""

_COVERED = 0.1
"""Share of a cell that an addition may cover."""

Chroma = NDArray[np.complex128]
Light = NDArray[np.float64]


def compare_colours(planes: Planes, *, other: NDArray[np.bool_]) -> ColourMatch:
    """Return how the colours of two aligned pictures compare.

    Parameters
    ----------
    planes : Planes
    other : (height, width) bool
        Where the pictures show something else, the colours of which are not compared.

    White balance moves all colours in proportion to their lightness, saturation moves them away from grey or towards
    it. What turns some hues and leaves others, or white as it was, shows another thing.
    """
    factor = max(_LEAST_CELL, max(planes.a.shape) / _CELLS)
    high, wide = (max(1, round(length / factor)) for length in planes.a.shape)
    cells = wide, high
    shared = _cells(other, cells) < _COVERED
    if np.mean(shared) < _AREA:
        return "same"
    a, b = (_colours(chroma, cells)[shared] for chroma in (planes.a_chroma, planes.b_chroma))
    light = _cells(planes.b, cells)[shared]
    for strengths in ([_strength(each) for each in (a, b)], [_strength(_within(each, light)) for each in (a, b)]):
        if min(strengths) < _GREY and max(strengths) >= _COLOURFUL:
            return "first is grey" if strengths[0] < strengths[1] else "second is grey"
    excess, balance = min((_apart(a, b, light), _apart(b, a, light)), key=lambda apart: float(np.mean(apart[0])))
    if np.mean(excess > _OTHER) > _AREA or balance > _BALANCE[1]:
        return "other"
    return "unlike" if np.mean(excess > _UNLIKE) > _AREA or balance > _BALANCE[0] else "same"


def _cells(plane: NDArray[Any], cells: tuple[int, int]) -> Light:
    """Return the means of so many cells across and down, of a plane of whatever size of its own."""
    image = Image.fromarray(plane.astype(np.float32))
    return np.asarray(image.resize(cells, Image.Resampling.BOX), np.float64)


def _colours(chroma: tuple[Plane, Plane], cells: tuple[int, int]) -> Chroma:
    blue, red = (_cells(plane, cells) - 128.0 for plane in chroma)
    return np.asarray(blue + 1j * red)


def _strength(chroma: Chroma) -> float:
    return float(np.percentile(np.abs(chroma), 95))


def _within(chroma: Chroma, light: Light) -> Chroma:
    """Return colours without what all of their lightness have in common: nothing is left of a toned picture."""
    bins = np.searchsorted(np.quantile(light, np.linspace(0, 1, _LIGHTS + 1)[1:-1]), light)
    rest = chroma.copy()
    for level in np.unique(bins):
        inside = bins == level
        rest[inside] -= np.median(chroma.real[inside]) + 1j * np.median(chroma.imag[inside])
    return rest


def _apart(a: Chroma, b: Chroma, light: Light) -> tuple[Light, float]:
    """Return by how many levels each colour is another one than the other picture's, and how far white was moved.

    Fitted: one saturation, and one white balance, a tint in proportion to the lightness.
    """
    x, y, z = b.ravel(), light.ravel() / 255, a.ravel()
    weights, saturation, tint = np.ones(a.size), 1.0, 0j
    for _ in range(4):
        # with weights, so that what has another colour does not decide what the rest is compared with
        tint = (weights * y * (z - saturation * x)).sum() / max(float((weights * y * y).sum()), 1e-9)
        rest = z - tint * y
        fit = float((weights * (x.conj() * rest).real).sum() / max(float((weights * np.abs(x) ** 2).sum()), 1e-9))
        saturation = float(np.clip(fit, 0.3, 3.0))
        weights = 1.0 / (1.0 + np.abs(z - saturation * x - tint * y) / _GREY)
    moved = saturation * b + tint * (light / 255)
    return np.abs(a - moved) - _TURN * np.maximum(np.abs(a), np.abs(moved)), float(abs(tint))
