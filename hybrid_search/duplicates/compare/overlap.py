"""The part that two pictures share, laid one over the other and compared pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.duplicates.compare.block_agreement import BlockAgreement, blocks_of, sharpness
from hybrid_search.signature.goldberg import distance, grid_signature

_LEAST_CELL = 4  # pixels along a block; no measurement is kept
_LEAST_CELLS = 5  # blocks along a side; no measurement is kept
# cells along the longer side, of each of which it is asked whether it is covered; no measurement is kept
_MASK_SIDE = 96
_SLACK = 1.0  # pixel beyond the edge that still counts as covered
_BEFORE = {0: ((1, 0), (0, 0)), 1: ((0, 0), (1, 0))}

Levels = NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Overlap:
    """How the shared part of two pictures compares.

    Parameters
    ----------
    distance : float
        Signature distance of the shared part, in [0, 1].
    blocks : BlockAgreement
        What its blocks have in common.
    sharpness : float
        How alike it is in fine detail, the duller over the sharper, in (0, 1].
    difference : float
        Mean difference of its grey levels, 0 to 255.
    covered : tuple of 2 floats
        Its area, as a share of the first and of the second picture.
    """

    distance: float
    blocks: BlockAgreement
    sharpness: float
    difference: float
    covered: tuple[float, float]

    @property
    def share(self) -> float:
        """Its area, as a share of the smaller picture's."""
        return max(self.covered)


def compare(
    a: Levels,
    b: Levels,
    matrix: NDArray[np.float64],
    *,
    side: int = 256,
    cells: int = 12,
    detail: tuple[float, float] = (1.0, 1.0),
) -> Overlap | None:
    """Lay one picture over the other and compare the largest upright rectangle that both cover.

    Parameters
    ----------
    a, b : (height, width) uint8
        Grey levels.
    matrix : (2, 3) float64
        From pixels of `a` to pixels of `b`.
    side : int
        Pixels of the rectangle's longer side when it is compared, if both pictures have as many.
    cells : int
        The rectangle is divided in `cells` × `cells` blocks, fewer where they would be below 4 pixels.
    detail : tuple of 2 floats
        How many of its pixels each picture really has along a side: below 1 for one that was enlarged.

    Returns
    -------
    Overlap or None
        None when there is next to nothing that both cover.
    """
    box = shared_box(a, b, matrix)
    if box is None:
        return None
    left, top, right, bottom = box
    enlarged = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    # no finer than the coarser of both pictures
    scale = min(side / max(right - left, bottom - top), detail[1], detail[0] / enlarged)
    size = (round((right - left) * scale), round((bottom - top) * scale))
    cells = min(cells, min(size) // _LEAST_CELL)
    if cells < _LEAST_CELLS:
        return None
    mine = warped(a, matrix, box, size)
    other = Image.fromarray(b).resize(size, Image.Resampling.BOX, box=box)
    area = (right - left) * (bottom - top)
    levels = np.asarray(mine), np.asarray(other)
    return Overlap(
        distance=float(distance(grid_signature(levels[0]), grid_signature(levels[1]))),
        blocks=blocks_of(mine, other, cells=cells),
        sharpness=sharpness(mine, other),
        difference=float(np.abs(levels[0].astype(np.int16) - levels[1]).mean()),
        covered=(min(1.0, area / (a.size * enlarged**2)), min(1.0, area / b.size)),
    )


def shared_box(a: Levels, b: Levels, matrix: NDArray[np.float64]) -> Box | None:
    """Return an upright rectangle in `b` that `a` covers, (left, top, right, bottom) in pixels."""
    return _shared_box(a.shape, b.shape, tuple(matrix.reshape(-1).tolist()))


@lru_cache(maxsize=16)
def _shared_box(a: tuple[int, ...], b: tuple[int, ...], six: tuple[float, ...]) -> Box | None:
    """Return an upright rectangle in a picture that another covers, (left, top, right, bottom) in pixels.

    Parameters
    ----------
    a, b : (height, width)
        Shapes of the pictures; the rectangle is of the second.
    six : tuple of 6 floats
        The matrix from pixels of the first to pixels of the second, row by row. The same is asked twice, for a rough
        and for a fine comparison.
    """
    matrix = np.reshape(six, (2, 3))
    step = max(b) / _MASK_SIDE
    rows, columns = (max(1, round(length / step)) for length in b)
    down, right_by = b[0] / rows, b[1] / columns
    x, y = np.arange(columns + 1) * right_by, np.arange(rows + 1) * down
    back = np.linalg.inv(np.vstack([matrix, (0, 0, 1)]))[:2]
    in_x = back[0, 0] * x[None, :] + back[0, 1] * y[:, None] + back[0, 2]
    in_y = back[1, 0] * x[None, :] + back[1, 1] * y[:, None] + back[1, 2]
    inside_a = (in_x >= -_SLACK) & (in_x <= a[1] + _SLACK) & (in_y >= -_SLACK) & (in_y <= a[0] + _SLACK)
    covered = inside_a[:-1, :-1] & inside_a[1:, :-1] & inside_a[:-1, 1:] & inside_a[1:, 1:]
    # how many are covered to the left in each row, and above in each column
    along, above = (np.pad(np.cumsum(covered, axis=axis), _BEFORE[axis]) for axis in (1, 0))
    top, bottom, left, right = 0, rows, 0, columns
    while top < bottom and left < right:
        upper, lower = ((along[row, right] - along[row, left]) / (right - left) for row in (top, bottom - 1))
        first, last = ((above[bottom, column] - above[top, column]) / (bottom - top) for column in (left, right - 1))
        sides = [upper, lower, first, last]
        worst = sides.index(min(sides))
        if sides[worst] == 1.0:
            return left * right_by, top * down, right * right_by, bottom * down
        top, bottom = top + (worst == 0), bottom - (worst == 1)
        left, right = left + (worst == 2), right - (worst == 3)
    return None


def warped(a: Levels, matrix: NDArray[np.float64], box: Box, size: tuple[int, int]) -> Image.Image:
    """Return what `a` shows in a box of the other picture, at the size wanted."""
    left, top, right, bottom = box
    zoom = np.diag([size[0] / (right - left), size[1] / (bottom - top), 1.0])
    shift = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
    forward = zoom @ shift @ np.vstack([matrix, (0, 0, 1)])
    image = Image.fromarray(a)
    shrink = 1.0 / float(np.sqrt(abs(np.linalg.det(forward[:2, :2]))))
    if shrink > 1.0:
        # an affine transform looks at four pixels; what is shrunk must have been averaged before
        small = (max(1, round(image.width / shrink)), max(1, round(image.height / shrink)))
        forward = forward @ np.diag([image.width / small[0], image.height / small[1], 1.0])
        image = image.resize(small, Image.Resampling.BOX)
    back = np.linalg.inv(forward)[:2].reshape(-1)
    return image.transform(size, Image.Transform.AFFINE, tuple(back.tolist()), Image.Resampling.BILINEAR)
