"""The part that two pictures share, laid one over the other and compared pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from hybrid_search.signature import distance, grid_signature

__all__ = ["Overlap", "compare"]

_SIDE = 224
_LEAST_SIDE = 24
_CELLS = 8
_TEXTURE = 5.0
_AGREE = 0.7
_MASK_SIDE = 96

Levels = NDArray[np.uint8]


@dataclass(frozen=True)
class Overlap:
    """How the shared part of two pictures compares.

    Parameters
    ----------
    distance : float
        Signature distance of the shared part, in [0, 1].
    agreement : float
        Share of its textured blocks whose pixels correlate, in [0, 1]; 0 when none is textured.
    textured : int
        How many of its 64 blocks are textured.
    share : float
        Its area, of the smaller picture's, in [0, 1].
    """

    distance: float
    agreement: float
    textured: int
    share: float


def compare(a: Levels, b: Levels, matrix: NDArray[np.float64], *, side: int = _SIDE) -> Overlap | None:
    """Lay one picture over the other and compare the largest upright rectangle that both cover.

    Parameters
    ----------
    a, b : (height, width) uint8
        Grey levels.
    matrix : (2, 3) float64
        From pixels of `a` to pixels of `b`.
    side : int
        Pixels of the rectangle's longer side when it is compared, if both pictures have as many.

    Returns
    -------
    Overlap or None
        None when there is next to nothing that both cover.
    """
    box = _shared_box(a, b, matrix)
    if box is None:
        return None
    left, top, right, bottom = box
    enlarged = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    # no finer than the coarser of both pictures
    scale = min(side / max(right - left, bottom - top), 1.0, 1.0 / enlarged)
    size = (round((right - left) * scale), round((bottom - top) * scale))
    if min(size) < _LEAST_SIDE:
        return None
    mine = _warped(a, matrix, box, size)
    other = Image.fromarray(b).resize(size, Image.Resampling.BOX, box=box, reducing_gap=None)
    agreement, textured = _agreement(mine, other)
    area = (right - left) * (bottom - top)
    smaller = min(a.size * enlarged**2, b.size)
    return Overlap(
        distance=float(distance(_signature(mine), _signature(other))),
        agreement=agreement,
        textured=textured,
        share=float(min(1.0, area / smaller)),
    )


def _signature(image: Image.Image) -> NDArray[np.int8]:
    return grid_signature(np.asarray(image))


def _shared_box(a: Levels, b: Levels, matrix: NDArray[np.float64]) -> tuple[float, float, float, float] | None:
    """Return an upright rectangle in `b` that `a` covers, (left, top, right, bottom) in pixels."""
    step = max(b.shape) / _MASK_SIDE
    rows, columns = (max(1, round(length / step)) for length in b.shape)
    x = (np.arange(columns) + 0.5) * b.shape[1] / columns
    y = (np.arange(rows) + 0.5) * b.shape[0] / rows
    back = np.linalg.inv(np.vstack([matrix, (0, 0, 1)]))[:2]
    in_x = back[0, 0] * x[None, :] + back[0, 1] * y[:, None] + back[0, 2]
    in_y = back[1, 0] * x[None, :] + back[1, 1] * y[:, None] + back[1, 2]
    covered = (in_x >= 0) & (in_x <= a.shape[1]) & (in_y >= 0) & (in_y <= a.shape[0])
    top, bottom, left, right = 0, rows, 0, columns
    while top < bottom and left < right:
        inside = covered[top:bottom, left:right]
        sides = [inside[0].mean(), inside[-1].mean(), inside[:, 0].mean(), inside[:, -1].mean()]
        worst = int(np.argmin(sides))
        if sides[worst] == 1.0:
            return (
                left * b.shape[1] / columns,
                top * b.shape[0] / rows,
                right * b.shape[1] / columns,
                bottom * b.shape[0] / rows,
            )
        top, bottom = top + (worst == 0), bottom - (worst == 1)
        left, right = left + (worst == 2), right - (worst == 3)
    return None


def _warped(
    a: Levels, matrix: NDArray[np.float64], box: tuple[float, float, float, float], size: tuple[int, int]
) -> Image.Image:
    """Return what `a` shows in a box of the other picture, at the size wanted."""
    left, top, right, bottom = box
    zoom = np.array([[size[0] / (right - left), 0, 0], [0, size[1] / (bottom - top), 0], [0, 0, 1]])
    shift = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]])
    forward = zoom @ shift @ np.vstack([matrix, (0, 0, 1)])
    image = Image.fromarray(a)
    shrink = 1.0 / float(np.sqrt(abs(np.linalg.det(forward[:2, :2]))))
    if shrink > 1.0:
        # an affine transform looks at four pixels; what is shrunk must have been averaged before
        small = (max(1, round(image.width / shrink)), max(1, round(image.height / shrink)))
        forward = forward @ np.diag([image.width / small[0], image.height / small[1], 1.0])
        image = image.resize(small, Image.Resampling.BOX)
    # Pillow asks where in the picture each pixel of the result lies, and so do centres of pixels
    back = np.linalg.inv(forward)[:2].reshape(-1)
    return image.transform(size, Image.Transform.AFFINE, tuple(back), Image.Resampling.BILINEAR)


def _agreement(a: Image.Image, b: Image.Image) -> tuple[float, int]:
    """Return the share of textured blocks that correlate, and how many are textured."""
    first, second = (_blocks(np.asarray(image.filter(ImageFilter.BoxBlur(1)), np.float64)) for image in (a, b))
    first, second = (blocks - blocks.mean(axis=1, keepdims=True) for blocks in (first, second))
    deviations = first.std(axis=1), second.std(axis=1)
    textured = (deviations[0] + deviations[1]) / 2 >= _TEXTURE
    products = (first * second).mean(axis=1)
    lengths = np.maximum(deviations[0] * deviations[1], 1e-9)
    agree = products / lengths > _AGREE
    count = int(np.count_nonzero(textured))
    return (float(np.count_nonzero(agree & textured)) / count if count else 0.0), count


def _blocks(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 8 × 8 blocks, (64, pixels); what does not divide is left out at the far edges."""
    high, wide = levels.shape[0] // _CELLS, levels.shape[1] // _CELLS
    cut = levels[: high * _CELLS, : wide * _CELLS].reshape(_CELLS, high, _CELLS, wide)
    return cut.transpose(0, 2, 1, 3).reshape(_CELLS * _CELLS, -1)
