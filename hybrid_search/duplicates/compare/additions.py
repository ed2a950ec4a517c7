"""What only one of two copies shows: a signature, a tick, an animal, a caption, another colour at one place.

A pixel speaks for that only where it lies outside everything that the other picture has within two pixels of it, once
both have one sharpness and one tone: so nothing comes of compression, of blur, or of a fit that is not exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from hybrid_search.duplicates.compare.overlap import Box
from hybrid_search.duplicates.compare.planes import Plane, Planes

_SLACK = 0.2
"""Share of the local contrast by which compression moves a pixel past its surroundings."""
_PHOTO, _PRINT, _COLOUR = (2, 4), (1, 1), (1, 2)
"""Pixels by which a fit may be off, and on each side over which differences are averaged.

In photos 9 × 9 pixels have a bird and no speck of dust. Print lies on print within one pixel, and 3 × 3 have a stroke
of a digit. Colour has half as many pixels.
"""
_OF_COLOUR = np.float32(0.3)
"""Weight of a level of colour: strong compression moves thin lines by 8, another lamp by a hundred."""
_OF_PRINT = 0.138
"""Weight of a level in print: harmless scans of the benchmark's pages differ by up to 17, changed digits by 21."""
_FLOOR, DOUBT, _SURE = 3.0, 2.5, 8.0
"""Levels of difference: what half of the set of pairs in scripts/benchmarks calls harmless stays below the doubt."""
_SHARPNESS = 0.75  # detail of one over that of the other at which both are as sharp
_BLURS = (0.7, 1.2, 2.0, 3.0)  # sigmas in pixels, tried in turn
_TONES = 32  # classes of 8 grey levels
_STRUCTURE, _ONE_STRUCTURE = 8.0, 0.95
"""Levels by which a surrounding varies that has something on it, and the correlation of what is the same."""
_MOST_FLOOR = 8.0
"""Levels that noise is taken for at most: a tenth of a picture may be an addition."""
# ends of a channel's range, spread of channels that is no grey, weight of a difference there
_ENDS, _COLOURED, _CLIPPED = (3.0, 251.0), 20.0, 0.3
_CELL = 8  # pixels of the grid on which regions hang together
_SHOWS = 1.15
"""Contrast of one picture over that of the other from which it is the one that shows something there."""

Map = NDArray[np.float32]


@dataclass(frozen=True)
class Addition:
    """A place where one picture shows what the other does not.

    Parameters
    ----------
    box : tuple of 4 floats
        In fractions of the second picture's frame: left, top, right, bottom.
    shown_by : {"first", "second", "both"}
        Which picture has something there; "both" where each has something of its own.
    strength : float
        Mean difference there, in grey levels, beyond what the rest of both pictures differs by.
    is_sure : bool
        Whether it is beyond what strong compression or noise could be.
    """

    box: Box
    shown_by: Literal["first", "second", "both"]
    strength: float
    is_sure: bool


def find_additions(planes: Planes, light: Map, *, with_colour: bool) -> list[Addition]:
    """Return the places where one of two aligned pictures shows more, the strongest first.

    Parameters
    ----------
    planes : Planes
    light : (height, width) float32
        Of `light_difference`.
    with_colour : bool
        Whether colours are compared; not where one picture is grey.
    """
    beyond = light
    if with_colour:
        beyond = np.maximum(light, _colour_difference(planes))
    found = []
    for rows, columns in _regions(beyond > DOUBT):
        strength = float(beyond[rows, columns].max())
        box = _placed(planes, rows, columns, beyond.shape)
        found.append(Addition(box, _shown_by(planes, rows, columns), round(strength, 1), strength > _SURE))
    return sorted(found, key=lambda addition: -addition.strength)


def light_difference(planes: Planes, *, in_print: bool = False) -> Map:
    """Return by how many levels the lightness of each surrounding differs, beyond what it does all over.

    Parameters
    ----------
    planes : Planes
    in_print : bool
        Whether they are pages, of which a digit counts.
    """
    a, b = _one_sharpness(planes.a, planes.b)
    # a tone curve that clips cannot be undone, so that one direction may explain what the other cannot
    tones = ((a, toned(b, a)), (toned(a, b), b))
    pair = min(tones, key=lambda pair: float(np.abs(pair[0].astype(np.int16) - pair[1]).mean() / (pair[1].std() + 1)))
    coarse = _beyond(_apart(*pair, *_PHOTO))
    if float(coarse.max()) > DOUBT:
        # what was made lighter or darker there, with all that is on it, was not put there
        coarse[_correlates(*pair)] = 0.0
        coarse *= _whole(_clipped_weight(planes))
    if not in_print:
        return coarse
    # what is blank in one picture tells of its tone only by what is printed elsewhere, so that both directions count
    return np.maximum(coarse, _OF_PRINT * np.maximum(*(_beyond(_apart(*each, *_PRINT)) for each in tones)))


def _correlates(a: Plane, b: Plane) -> NDArray[np.bool_]:
    """Tell around which pixels both pictures have one structure, and enough of it to say so."""
    first, second = (each.astype(np.int32) for each in (a, b))
    means = [_averaged(each, _PHOTO[1]) for each in (first, second)]
    variances = [_averaged(each * each, _PHOTO[1]) - mean**2 for each, mean in zip((first, second), means, strict=True)]
    covariance = _averaged(first * second, _PHOTO[1]) - means[0] * means[1]
    enough = np.minimum(*variances) > _STRUCTURE**2
    return np.asarray(enough & (covariance > _ONE_STRUCTURE * np.sqrt(np.maximum(variances[0] * variances[1], 0))))


def _beyond(difference: Map) -> Map:
    """Return a difference less what both pictures differ by all over: compression or noise, which tells of no place."""
    # every third pixel tells as much of all
    return difference - np.float32(min(_FLOOR * float(np.percentile(difference[::3, ::3], 90)), _MOST_FLOOR))


def _colour_difference(planes: Planes) -> Map:
    a, b = planes.a_chroma, planes.b_chroma
    parts = [_apart(mine, _fitted(other, mine), *_COLOUR) for mine, other in zip(a, b, strict=True)]
    return _whole(_OF_COLOUR * _beyond(np.maximum(*parts) * _clipped_weight(planes)))


def _whole(half: Map) -> Map:
    return np.repeat(np.repeat(half, 2, axis=0), 2, axis=1)


def _clipped_weight(planes: Planes) -> Map:
    """Return what a difference counts at each pixel of half the size: little where one channel is at its end.

    Brightening goes on in the other channels there, and turns the colour.
    """
    clipped = _is_clipped(planes.a[::2, ::2], planes.a_chroma) | _is_clipped(planes.b[::2, ::2], planes.b_chroma)
    around = _extreme(clipped.astype(np.uint8), np.maximum, 1)
    return np.where(around, np.float32(_CLIPPED), np.float32(1))


def _is_clipped(light: Plane, chroma: tuple[Plane, Plane]) -> NDArray[np.bool_]:
    """Tell where red, green or blue, but not all, is at an end of its range, by the matrix of JPEG (ITU-T T.871)."""
    blue, red = (plane.astype(np.float32) - 128 for plane in chroma)
    channels = (light + 1.402 * red, light - 0.344 * blue - 0.714 * red, light + 1.772 * blue)
    most, least = np.maximum.reduce(channels), np.minimum.reduce(channels)
    return np.asarray(((most >= _ENDS[1]) | (least <= _ENDS[0])) & (most - least > _COLOURED))


def _one_sharpness(a: Plane, b: Plane) -> tuple[Plane, Plane]:
    """Blur both pictures until neither has fine detail that the other has lost."""
    first, second = a, b
    for blur in _BLURS:
        first, second = (np.asarray(Image.fromarray(each).filter(ImageFilter.GaussianBlur(blur))) for each in (a, b))
        details = [float(np.abs(np.diff(each.astype(np.int16), 2, axis=0)).mean()) + 1e-3 for each in (first, second)]
        if min(details) > _SHARPNESS * max(details):
            break
    return first, second


def toned(plane: Plane, like: Plane) -> Plane:
    """Return a picture in the tone of another that shows the same: each level becomes what mostly lies there."""
    together = np.bincount((plane.ravel() >> 3).astype(np.int64) * 256 + like.ravel(), minlength=_TONES * 256)
    counts = together.reshape(_TONES, 256)
    # rare levels say what was added, not how the tone was changed
    common = np.flatnonzero(counts.sum(axis=1) >= max(20, plane.size // 2000))
    levels = np.arange(256)
    if len(common) < 2:
        shift = float(np.median(like)) - float(np.median(plane))
        return np.asarray(np.clip(levels + shift, 0, 255).astype(np.uint8)[plane])
    of_level = np.bincount(plane.ravel(), minlength=256).reshape(_TONES, 8)[common]
    here = (of_level * levels.reshape(_TONES, 8)[common]).sum(axis=1) / of_level.sum(axis=1)
    there = np.argmax(counts[common].cumsum(axis=1) * 2 >= counts[common].sum(axis=1, keepdims=True), axis=1)
    toned = np.interp(levels, here, there)
    # rare levels at either end go on as those before them do
    for end, beyond in (
        (slice(0, 3), np.minimum(levels - here[0], 0)),
        (slice(-3, None), np.maximum(levels - here[-1], 0)),
    ):
        near = here[end], there[end]
        slope = float(np.clip((near[1][-1] - near[1][0]) / max(near[0][-1] - near[0][0], 1.0), 0.3, 2.0))
        toned += slope * beyond
    return np.asarray(np.clip(toned, 0, 255).round().astype(np.uint8)[plane])


def _fitted(plane: Plane, like: Plane) -> Plane:
    """Return one part of the colour as saturated, and as much towards one side, as another picture's."""
    middle = float(np.median(like))
    x, y = (each[::2, ::2].astype(np.float32) for each in (plane, like))
    x, y = x - np.median(x), y - middle
    scale = float(np.clip((x * y).sum() / max(float((x * x).sum()), 1e-9), 0.3, 3.0))
    levels = scale * (np.arange(256) - float(np.median(plane))) + middle
    return np.asarray(np.clip(levels, 0, 255).round().astype(np.uint8)[plane])


def _apart(a: Plane, b: Plane, reach: int, window: int) -> Map:
    """Return how far each picture lies outside the other's surroundings, averaged over a window, the larger of all."""
    furthest = np.zeros(a.shape, np.float32)
    for one, other in ((a, b), (b, a)):
        high, low = _extreme(other, np.maximum, reach), _extreme(other, np.minimum, reach)
        slack = ((high - low) * np.float32(_SLACK)).astype(np.int16)
        for outside in (one.astype(np.int16) - high - slack, low.astype(np.int16) - one - slack):
            np.maximum(furthest, _averaged(np.maximum(outside, 0), window), out=furthest)
    return furthest


def _extreme(plane: Plane, of: np.ufunc, reach: int) -> Plane:
    for axis in (0, 1):
        padding = [(reach, reach) if axis == each else (0, 0) for each in (0, 1)]
        padded = np.moveaxis(np.pad(plane, padding, mode="edge"), axis, 0)
        best = padded[: plane.shape[axis]].copy()
        for by in range(1, 2 * reach + 1):
            of(best, padded[by : by + len(best)], out=best)
        plane = np.moveaxis(best, 0, axis)
    return plane


def _averaged(plane: NDArray[Any], window: int) -> Map:
    width = 2 * window + 1
    sums = np.pad(plane, ((window + 1, window), (window + 1, window)), mode="edge").astype(np.int64)
    np.cumsum(sums, axis=0, out=sums)
    np.cumsum(sums, axis=1, out=sums)
    sums = sums[width:] - sums[:-width]
    return (sums[:, width:] - sums[:, :-width]).astype(np.float32) / np.float32(width * width)


def _regions(mask: NDArray[np.bool_]) -> Iterator[tuple[slice, slice]]:
    """Give rectangles, in pixels, around what hangs together in a mask, on a grid of 8 pixels."""
    high, wide = (-(-side // _CELL) for side in mask.shape)
    grid = np.zeros((high * _CELL, wide * _CELL), dtype=bool)
    grid[: mask.shape[0], : mask.shape[1]] = mask
    cells: NDArray[np.bool_] = grid.reshape(high, _CELL, wide, _CELL).max(axis=(1, 3))
    while cells.any():
        start = tuple(int(place[0]) for place in np.nonzero(cells))
        waiting, members = [start], []
        cells[start] = False
        while waiting:
            row, column = waiting.pop()
            members.append((row, column))
            near = cells[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            for down, right in zip(*np.nonzero(near), strict=True):
                waiting.append((max(row - 1, 0) + int(down), max(column - 1, 0) + int(right)))
            near[:] = False
        rows, columns = zip(*members, strict=True)
        yield (
            slice(min(rows) * _CELL, min((max(rows) + 1) * _CELL, mask.shape[0])),
            slice(min(columns) * _CELL, min((max(columns) + 1) * _CELL, mask.shape[1])),
        )


def _placed(planes: Planes, rows: slice, columns: slice, shape: tuple[int, ...]) -> Box:
    left, top, right, bottom = planes.box
    across, down = (right - left) / shape[1], (bottom - top) / shape[0]
    return (
        round(left + columns.start * across, 4),
        round(top + rows.start * down, 4),
        round(left + columns.stop * across, 4),
        round(top + rows.stop * down, 4),
    )


def _shown_by(planes: Planes, rows: slice, columns: slice) -> Literal["first", "second", "both"]:
    half = slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)
    contrasts = []
    for light, chroma in ((planes.a, planes.a_chroma), (planes.b, planes.b_chroma)):
        spread = float(light[rows, columns].std()) + sum(float(plane[half].std()) for plane in chroma)
        contrasts.append(spread + 1.0)
    if max(contrasts) < _SHOWS * min(contrasts):
        return "both"
    return "first" if contrasts[0] > contrasts[1] else "second"
