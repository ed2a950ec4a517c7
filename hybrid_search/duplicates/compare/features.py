"""Local features of a picture, and which of them two pictures have in common.

ORB: E. Rublee, V. Rabaud, K. Konolige and G. Bradski, "ORB: an efficient alternative to SIFT or SURF", ICCV 2011, by
OpenCV; settings and their measurement in docs/duplicates.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CORNERS", "Features", "Matches", "can_extract", "extract", "match"]

CORNERS = 500
"""How many corners a picture has at most, as it is compared first."""

_EDGE = 15
_FAST = 7
_RATIO = 0.85
_STEP = 1.2


@dataclass(frozen=True, eq=False)
class Features:
    """Corners of a picture with what is around them.

    Parameters
    ----------
    points : (n,) complex128
        x + iy, pixels from the upper left edge.
    scales : (n,) float64
        Size of the corner, pixels.
    angles : (n,) float64
        Direction, radians.
    descriptors : (n, 32) uint8
    """

    points: NDArray[np.complex128]
    scales: NDArray[np.float64]
    angles: NDArray[np.float64]
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        """Return the number of corners."""
        return len(self.points)


@dataclass(frozen=True, eq=False)
class Matches:
    """Corners of two pictures that look alike, (n,) each: where they are, and what one is to the other.

    Parameters
    ----------
    a, b : (n,) complex128
        Points of the first and of the second picture.
    similarity : (n,) complex128
        Scale and turn that take the surroundings of the first to those of the second.
    """

    a: NDArray[np.complex128]
    b: NDArray[np.complex128]
    similarity: NDArray[np.complex128]

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.a)


_NONE = Features(np.empty(0, complex), np.empty(0), np.empty(0), np.empty((0, 32), np.uint8))


def can_extract() -> bool:
    """Tell whether OpenCV is installed."""
    return find_spec("cv2") is not None


def extract(levels: NDArray[np.uint8], *, count: int = CORNERS) -> Features:
    """Return the features of a picture of grey levels, (height, width) uint8, at most `count` of them.

    A picture of 30 pixels or fewer along a side has none: corners are 15 pixels from every edge. OpenCV fails an
    assertion of its own on the thinnest of them.
    """
    if min(levels.shape) <= 2 * _EDGE:
        return _NONE
    import cv2

    orb = cv2.ORB.create(  # type: ignore[attr-defined, unused-ignore]
        nfeatures=count, scaleFactor=_STEP, nlevels=8, edgeThreshold=_EDGE, patchSize=31, fastThreshold=_FAST
    )
    detected: Any = orb.detectAndCompute(levels, None)
    found, descriptors = detected
    if descriptors is None:
        return _NONE
    places = np.array([(corner.pt[0], corner.pt[1], corner.size, corner.angle, corner.octave) for corner in found])
    # OpenCV counts from the middle of the first pixel of a level of its pyramid, which is half such a pixel inside
    inside = 0.5 * _STEP ** places[:, 4]
    points = places[:, 0] + inside + 1j * (places[:, 1] + inside)
    return Features(points, places[:, 2], np.radians(places[:, 3]), descriptors)


def match(a: Features, b: Features) -> Matches:
    """Return the corners of two pictures that are alike, clearly more than the next best, each at most once."""
    import cv2

    if len(a) < 2 or len(b) < 2:
        return _pairs(a, b, np.empty((0, 2), np.int64))
    nearest: Any = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(a.descriptors, b.descriptors, k=2)
    clear = [
        (one.distance, one.queryIdx, one.trainIdx) for one, other in nearest if one.distance < _RATIO * other.distance
    ]
    # corners of several scales at one place are one corner, as far as evidence goes
    places_a, places_b = np.round(a.points).tolist(), np.round(b.points).tolist()
    seen_a: set[complex] = set()
    seen_b: set[complex] = set()
    kept = []
    for _, i, j in sorted(clear):
        here, there = places_a[i], places_b[j]
        if here not in seen_a and there not in seen_b:
            seen_a.add(here)
            seen_b.add(there)
            kept.append((i, j))
    return _pairs(a, b, np.array(kept, np.int64).reshape(-1, 2))


def _pairs(a: Features, b: Features, kept: NDArray[np.int64]) -> Matches:
    i, j = kept[:, 0], kept[:, 1]
    scale = b.scales[j] / np.maximum(a.scales[i], 1e-9)
    return Matches(a.points[i], b.points[j], scale * np.exp(1j * (b.angles[j] - a.angles[i])))
