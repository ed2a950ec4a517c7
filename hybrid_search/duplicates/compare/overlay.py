"""One picture laid over another: in the frame that both have, or where local features say that it belongs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_search.duplicates.compare.affine_fit import fit
from hybrid_search.duplicates.compare.features import LEAST_INLIERS, match
from hybrid_search.duplicates.compare.overlap import Overlap, compare
from hybrid_search.duplicates.compare.pixels import Pixels

_ENOUGH = 24  # corners that agree, from which the mirror image is not tried; no measurement is kept

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Overlay:
    """How one picture lies on another.

    Parameters
    ----------
    matrix : (2, 3) float64
        From pixels of the first working image to pixels of the second.
    inliers : int
        Local features that agree on the matrix; 0 where the frames were laid on each other.
    a, b : Pixels
        The first picture, as it was turned, and the second.
    mirrored : bool
        Whether `a` is the first picture mirrored.
    """

    matrix: Matrix
    inliers: int
    a: Pixels
    b: Pixels
    mirrored: bool = False

    @classmethod
    def by(cls, matrix: Matrix, before: Matrix, a: Pixels, b: Pixels, *, inliers: int) -> Overlay:
        """Return how one picture lies on another by a (2, 3) matrix in units of longer sides, after a (3, 3) one."""
        joined = np.vstack([matrix, (0.0, 0.0, 1.0)]) @ before
        scaled = np.diag([b.longest] * 2 + [1.0]) @ joined @ np.diag([1 / a.longest] * 2 + [1.0])
        return cls(np.asarray(scaled[:2]), inliers, a, b)

    def overlap(self, *, side: int = 256, cells: int = 12) -> Overlap | None:
        """Compare what both pictures show; see `overlap.compare`."""
        detail = (self.a.detail, self.b.detail)
        return compare(self.a.levels, self.b.levels, self.matrix, side=side, cells=cells, detail=detail)

    def transform(self) -> Matrix:
        """Return the matrix for the first picture as it is, in units of the longer sides."""
        matrix = np.vstack([self.matrix, (0.0, 0.0, 1.0)])
        if self.mirrored:
            matrix = matrix @ np.array([[-1.0, 0.0, self.a.levels.shape[1]], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        scaled = np.diag([1 / self.b.longest] * 2 + [1.0]) @ matrix @ np.diag([self.a.longest] * 2 + [1.0])
        return np.asarray(scaled[:2])


def turned(pixels: Pixels, row: int) -> Pixels:
    """Return a picture after what is done in a row of `orientations.oriented`."""
    if row == 0:
        return pixels
    planes = (pixels.levels, pixels.light, *pixels.chroma)
    levels, light, blue, red = (_turned_plane(plane, row) for plane in planes)
    return Pixels(levels, light=light, chroma=(blue, red), detail=pixels.detail, corners=pixels.corners)


def _turned_plane(plane: NDArray[np.uint8], row: int) -> NDArray[np.uint8]:
    turned = np.rot90(plane[:, ::-1] if row % 8 >= 4 else plane, row % 4)
    return np.ascontiguousarray(255 - turned if row >= 8 else turned)


def lay_in_frame(a: Pixels, b: Pixels) -> Overlay:
    """Lay one picture over another so that their frames meet."""
    high, wide = (there / here for there, here in zip(b.levels.shape, a.levels.shape, strict=True))
    return Overlay(np.array([[wide, 0.0, 0.0], [0.0, high, 0.0]]), 0, a, b)


def lay(a: Pixels, b: Pixels) -> Overlay | None:
    """Lay one picture over another by its local features, as it is and, when that fails, mirrored.

    Returns
    -------
    Laid or None
        None when too few features agree.
    """
    best: Overlay | None = None
    for mirrored in (False, True):
        source = a.mirrored if mirrored else a
        matches = match(source.features, b.features)
        found = fit(matches) if len(matches) >= LEAST_INLIERS else None
        if found is not None and found.inliers >= max(LEAST_INLIERS, best.inliers + 1 if best else 0):
            best = Overlay(found.matrix, found.inliers, source, b, mirrored)
        if best is not None and best.inliers >= _ENOUGH:
            break
    return best
