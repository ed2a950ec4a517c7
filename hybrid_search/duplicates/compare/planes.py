"""What two pictures show at the same places: lightness and colour of the part that both have, one laid on the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from hybrid_search.duplicates.compare.overlap import Box, shared_box, warped
from hybrid_search.duplicates.compare.overlay import Overlay
from hybrid_search.duplicates.compare.pixels import Pixels

_MARGIN = 6
"""Pixels left out along each edge, where a fit that is off by two pixels lays a picture on what surrounds it."""
_LEAST_SIDE = 24  # pixels that must be left of the shorter side
_GRAIN = 8.0
"""Grey levels from which a difference is hardly one of the fit."""

Plane = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Planes:
    """The shared part of two pictures, pixel on pixel.

    Parameters
    ----------
    a, b : (height, width) uint8
        Lightness.
    a_chroma, b_chroma : tuple of 2 (height / 2, width / 2) uint8
        Cb and Cr, 128 for grey, at half of that size: JPEG keeps no more of them.
    box : tuple of 4 floats
        Where the part lies in the second picture: left, top, right, bottom in fractions of its frame.
    """

    a: Plane
    b: Plane
    a_chroma: tuple[Plane, Plane]
    b_chroma: tuple[Plane, Plane]
    box: Box


def lay_planes(laid: Overlay, *, side: int) -> Planes | None:
    """Return the part that both pictures show, its longer side at most `side` pixels; None when it is too small."""
    a, b, matrix = laid.a, laid.b, laid.matrix
    box = shared_box(a.levels, b.levels, matrix)
    if box is None:
        return None
    enlarged = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    # no finer than the coarser of both, as what one has lost is nothing that the other adds
    scale = min(side / max(box[2] - box[0], box[3] - box[1]), b.detail, a.detail / enlarged)
    # an even number, so that a pixel of colour lies on four of lightness
    size = (2 * round((box[2] - box[0]) * scale / 2), 2 * round((box[3] - box[1]) * scale / 2))
    if min(size) < _LEAST_SIDE + 2 * _MARGIN:
        return None
    first, second = _warped_planes(a, matrix, box, size), _cut_planes(b, box, size)
    return Planes(first[0], second[0], first[1:], second[1:], _inside(box, size, b))


def draw_closer(laid: Overlay, planes: Planes, light: Plane) -> Overlay:
    """Return a fit made exact by the pixels themselves: corners of fur and leaves are often two pixels off.

    One step of B. D. Lucas and T. Kanade, "An iterative image registration technique with an application to stereo
    vision", IJCAI 1981, for all six numbers of the transform.

    Parameters
    ----------
    laid : Overlay
    planes : Planes
        Of this fit.
    light : (height, width) uint8
        Lightness of the first picture in the tone of the second.
    """
    here, there = (_softened(plane) for plane in (light, planes.b))
    down, across = np.gradient(here)
    y, x = np.mgrid[: here.shape[0], : here.shape[1]].astype(np.float32)
    rest = there - here
    # what was added is no reason to move
    weight = 1.0 / (1.0 + np.abs(rest) / _GRAIN)
    columns = [across * x, across * y, across, down * x, down * y, down]
    design = np.stack([column.ravel() for column in columns], axis=1)
    weighted = design * weight.reshape(-1, 1)
    try:
        step = np.linalg.solve(weighted.T @ design, weighted.T @ rest.ravel())
    except np.linalg.LinAlgError:
        return laid
    moved = np.eye(3) + np.vstack([step.reshape(2, 3), np.zeros(3)])
    left, top, right, bottom = planes.box
    (high, wide), (rows, across_all) = laid.b.levels.shape, here.shape
    to_part = np.array(
        [
            [across_all / ((right - left) * wide), 0, -left * across_all / (right - left)],
            [0, rows / ((bottom - top) * high), -top * rows / (bottom - top)],
            [0, 0, 1],
        ]
    )
    matrix = np.linalg.inv(to_part) @ np.linalg.inv(moved) @ to_part @ np.vstack([laid.matrix, (0, 0, 1)])
    return replace(laid, matrix=matrix[:2])


def _softened(plane: Plane) -> NDArray[np.float32]:
    # gradients reach as far as the fit may be off
    return np.asarray(Image.fromarray(plane).filter(ImageFilter.GaussianBlur(1.5)), np.float32)


def _warped_planes(
    a: Pixels, matrix: NDArray[np.float64], box: Box, size: tuple[int, int]
) -> tuple[Plane, Plane, Plane]:
    """Return lightness, Cb and Cr of a picture as they lie in a box of the other, without their margins."""
    blue, red = a.chroma
    high, wide = (large / small for large, small in zip(a.levels.shape, blue.shape, strict=True))
    scaled, half = matrix @ np.diag([wide, high, 1.0]), (size[0] // 2, size[1] // 2)
    parts = ((a.light, matrix, size, _MARGIN), (blue, scaled, half, _MARGIN // 2), (red, scaled, half, _MARGIN // 2))
    light, blue, red = (
        np.asarray(warped(plane, by, box, to))[margin:-margin, margin:-margin] for plane, by, to, margin in parts
    )
    return light, blue, red


def _cut_planes(b: Pixels, box: Box, size: tuple[int, int]) -> tuple[Plane, Plane, Plane]:
    blue, red = b.chroma
    high, wide = (small / large for large, small in zip(b.levels.shape, blue.shape, strict=True))
    place, half = (box[0] * wide, box[1] * high, box[2] * wide, box[3] * high), (size[0] // 2, size[1] // 2)
    parts = ((b.light, box, size, _MARGIN), (blue, place, half, _MARGIN // 2), (red, place, half, _MARGIN // 2))
    light, blue, red = (
        np.asarray(Image.fromarray(plane).resize(to, Image.Resampling.BOX, box=at))[margin:-margin, margin:-margin]
        for plane, at, to, margin in parts
    )
    return light, blue, red


def _inside(box: Box, size: tuple[int, int], b: Pixels) -> Box:
    """Return the box without its margin, in fractions of the picture's frame."""
    across, down = _MARGIN * (box[2] - box[0]) / size[0], _MARGIN * (box[3] - box[1]) / size[1]
    high, wide = b.levels.shape
    return (box[0] + across) / wide, (box[1] + down) / high, (box[2] - across) / wide, (box[3] - down) / high
