"""What two pictures show at the same places: lightness and colour of the part that both have, one laid on the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.duplicates.compare.edits import Laid
from hybrid_search.duplicates.compare.overlap import Box, shared_box, warped
from hybrid_search.duplicates.compare.pixels import Pixels

__all__ = ["Planes", "lay_planes"]

_MARGIN = 3
"""Pixels left out along each edge: an interpolated edge is half one picture and half nothing."""
_LEAST_SIDE = 24

Plane = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Planes:
    """The shared part of two pictures, pixel on pixel.

    Parameters
    ----------
    a, b : (height, width) float64
        Lightness, 0 to 255.
    a_chroma, b_chroma : (height, width) complex128
        Colour as Cb + iCr, 0 for grey, each part in [−128, 127].
    box : tuple of 4 floats
        Where the part lies in the second picture: left, top, right, bottom in fractions of its frame.
    """

    a: Plane
    b: Plane
    a_chroma: NDArray[np.complex128]
    b_chroma: NDArray[np.complex128]
    box: Box


def lay_planes(laid: Laid, *, side: int) -> Planes | None:
    """Return the part that both pictures show, its longer side at most `side` pixels; None when it is too small."""
    a, b, matrix = laid.a, laid.b, laid.matrix
    box = shared_box(a.levels, b.levels, matrix)
    if box is None:
        return None
    enlarged = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    # no finer than the coarser of both, as what one has lost is nothing that the other adds
    scale = min(side / max(box[2] - box[0], box[3] - box[1]), b.detail, a.detail / enlarged)
    size = (round((box[2] - box[0]) * scale), round((box[3] - box[1]) * scale))
    if min(size) < _LEAST_SIDE + 2 * _MARGIN:
        return None
    inner = slice(_MARGIN, -_MARGIN), slice(_MARGIN, -_MARGIN)
    first, second = _warped_planes(a, matrix, box, size), _cut_planes(b, box, size)
    return Planes(
        first[0].astype(np.float64)[inner],
        second[0].astype(np.float64)[inner],
        _chroma(first)[inner],
        _chroma(second)[inner],
        _inside(box, size, b),
    )


def _warped_planes(a: Pixels, matrix: NDArray[np.float64], box: Box, size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Return lightness, Cb and Cr of a picture as they lie in a box of the other."""
    planes = [np.asarray(warped(a.levels, matrix, box, size))]
    for plane in a.chroma:
        high, wide = (large / small for large, small in zip(a.levels.shape, plane.shape, strict=True))
        planes.append(np.asarray(warped(plane, matrix @ np.diag([wide, high, 1.0]), box, size)))
    return planes


def _cut_planes(b: Pixels, box: Box, size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    planes = []
    for plane in (b.levels, *b.chroma):
        high, wide = (small / large for large, small in zip(b.levels.shape, plane.shape, strict=True))
        place = (box[0] * wide, box[1] * high, box[2] * wide, box[3] * high)
        filter = Image.Resampling.BOX if plane is b.levels else Image.Resampling.BILINEAR
        planes.append(np.asarray(Image.fromarray(plane).resize(size, filter, box=place)))
    return planes


def _chroma(planes: list[NDArray[np.uint8]]) -> NDArray[np.complex128]:
    return np.asarray((planes[1] - 128.0) + 1j * (planes[2] - 128.0))


def _inside(box: Box, size: tuple[int, int], b: Pixels) -> Box:
    """Return the box without its margin, in fractions of the picture's frame."""
    across, down = _MARGIN * (box[2] - box[0]) / size[0], _MARGIN * (box[3] - box[1]) / size[1]
    high, wide = b.levels.shape
    return (box[0] + across) / wide, (box[1] + down) / high, (box[2] - across) / wide, (box[3] - down) / high
