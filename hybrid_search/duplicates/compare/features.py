"""Local features of a picture, and which of them two pictures have in common.

ORB: E. Rublee, V. Rabaud, K. Konolige and G. Bradski, "ORB: an efficient alternative to SIFT or SURF", ICCV 2011, by
OpenCV; settings and their measurement in docs/duplicates.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

CORNERS = 500
"""How many corners a picture has at most, as it is compared first."""

LEAST_INLIERS = 7
"""Corners that must agree before a transform is looked at; fewer agree by chance."""

_EDGE = 15  # pixels; OpenCV's default is 31; no measurement is kept
_FAST = 7  # grey levels; OpenCV's default is 20; no measurement is kept
_LEVELS = 8  # OpenCV's default, as _PATCH and _STEP
_PATCH = 31
_RATIO = 0.85  # nearest over second nearest descriptor (Lowe's ratio test); no measurement is kept
_STEP = 1.2
_NO_DISTANCE = 257  # above the 256 bits of a descriptor

SETTINGS = (CORNERS, _EDGE, _FAST, _LEVELS, _PATCH, _STEP)
"""What features depend on besides the version of OpenCV and the picture."""


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
    corners : (n, 4) float32
        Place, direction in degrees, and level of the pyramid as OpenCV gives them, of which the others are made.
    """

    points: NDArray[np.complex128]
    scales: NDArray[np.float64]
    angles: NDArray[np.float64]
    descriptors: NDArray[np.uint8]
    corners: NDArray[np.float32]

    @classmethod
    def of(cls, corners: NDArray[np.float32], descriptors: NDArray[np.uint8]) -> Features:
        """Return the features of corners as OpenCV gives them."""
        step = _STEP ** corners[:, 3].astype(np.float64)
        # OpenCV counts from the middle of the first pixel of a level of its pyramid, which is half such a pixel inside
        points = corners[:, 0] + 0.5 * step + 1j * (corners[:, 1] + 0.5 * step)
        return cls(points, _PATCH * step, np.radians(corners[:, 2].astype(np.float64)), descriptors, corners)

    @cached_property
    def packed(self) -> Any:
        """The descriptors in the order in which many are compared with them."""
        import numkong

        return numkong.hammings_pack(self.descriptors, dtype="uint1")

    def __len__(self) -> int:
        """Return the number of corners."""
        return len(self.points)


@dataclass(frozen=True, eq=False)
class FeatureMatches:
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


def can_extract() -> bool:
    """Tell whether OpenCV is installed."""
    return find_spec("cv2") is not None


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep OpenCV to the thread that asks, where several do: its own threads wait for each other most of the time."""
    if not can_extract():
        yield
        return
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def extract(levels: NDArray[np.uint8], *, count: int = CORNERS) -> Features:
    """Return the features of a picture of grey levels, (height, width) uint8, at most `count` of them.

    A picture of 30 pixels or fewer along a side has none: corners are 15 pixels from every edge. OpenCV fails an
    assertion of its own on the thinnest of them.
    """
    if min(levels.shape) <= 2 * _EDGE:
        return _features((), None)
    detected: Any = _orb(count).detectAndCompute(levels, None)
    return _features(*detected)


def mirror(features: Features, levels: NDArray[np.uint8]) -> Features:
    """Return the features of a mirrored picture, whose grey levels these are: the same corners, described anew.

    To look for them again takes twice as long, and finds the same.
    """
    if not len(features):
        return features
    import cv2

    corners = mirrored_corners(features.corners, wide=levels.shape[1])
    sizes = _PATCH * _STEP ** corners[:, 3]
    given = [
        cv2.KeyPoint(x, y, size, angle, 0.0, int(level))
        for (x, y, angle, level), size in zip(corners.tolist(), sizes.tolist(), strict=True)
    ]
    described: Any = _orb(len(given)).compute(levels, given)
    found, descriptors = described
    if descriptors is None or len(found) < len(given):
        return _features(found, descriptors)
    return Features.of(corners, descriptors)


def mirrored_corners(corners: NDArray[np.float32], *, wide: int) -> NDArray[np.float32]:
    """Return where the corners of a picture are, and how they are turned, when it is mirrored; `wide` in pixels."""
    # corners are at whole pixels of their level of the pyramid
    step = _STEP ** corners[:, 3].astype(np.float64)
    across = (np.round(wide / step) - 1 - np.round(corners[:, 0] / step)) * step
    return np.stack([across, corners[:, 1], (180.0 - corners[:, 2]) % 360.0, corners[:, 3]], axis=1, dtype=np.float32)


def _orb(count: int) -> Any:
    import cv2

    return cv2.ORB.create(  # type: ignore[attr-defined, unused-ignore]
        nfeatures=count,
        scaleFactor=_STEP,
        nlevels=_LEVELS,
        edgeThreshold=_EDGE,
        patchSize=_PATCH,
        fastThreshold=_FAST,
    )


def _features(found: Any, descriptors: NDArray[np.uint8] | None) -> Features:
    if descriptors is None or not len(found):
        return Features.of(np.empty((0, 4), np.float32), np.empty((0, 32), np.uint8))
    corners = np.array([(*corner.pt, corner.angle, corner.octave) for corner in found], np.float32)
    return Features.of(corners, descriptors)


def match(a: Features, b: Features) -> FeatureMatches:
    """Return the corners of two pictures that are alike, clearly more than the next best, each at most once."""
    import numkong

    if len(a) < 2 or len(b) < 2:
        return _pairs(a, b, np.empty((0, 2), np.int64))
    distances: NDArray[np.uint32] = np.asarray(numkong.hammings_packed(a.descriptors, b.packed))
    rows = np.arange(len(a))
    nearest = distances.argmin(axis=1)
    least = distances[rows, nearest]
    distances[rows, nearest] = _NO_DISTANCE
    clear = np.flatnonzero(least < _RATIO * distances.min(axis=1))
    clear = clear[np.argsort(least[clear], kind="stable")]
    # corners of several scales at one place are one corner, as far as evidence goes
    seen_a: set[complex] = set()
    seen_b: set[complex] = set()
    kept = []
    there = nearest[clear]
    places = np.round(a.points[clear]).tolist(), np.round(b.points[there]).tolist()
    for i, j, here, other in zip(clear.tolist(), there.tolist(), *places, strict=True):
        if here not in seen_a and other not in seen_b:
            seen_a.add(here)
            seen_b.add(other)
            kept.append((i, j))
    return _pairs(a, b, np.array(kept, np.int64).reshape(-1, 2))


def _pairs(a: Features, b: Features, kept: NDArray[np.int64]) -> FeatureMatches:
    i, j = kept[:, 0], kept[:, 1]
    scale = b.scales[j] / np.maximum(a.scales[i], 1e-9)
    return FeatureMatches(a.points[i], b.points[j], scale * np.exp(1j * (b.angles[j] - a.angles[i])))
