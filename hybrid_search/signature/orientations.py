"""One signature in all orientations of its picture, positive and negative, without decoding anything again.

Turning or mirroring a picture moves the grid points of its signature and their neighbours, and its negative changes
every sign. So the sixteen signatures are permutations of one, with one or the other sign. image-match meant to search
them too, but its loop tries each single operation alone and never two together.

They are those of the turned picture, value for value, where its grid falls on the same pixels. image-match cuts places
off to whole pixels, from the upper left: in small photos the signature of a mirrored one is 0.09 from the permuted one
in the mean, that of a half turn 0.18 (60 photos of 200 × 133 pixels). Whoever has the pixels does better to turn those.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.signature.goldberg import GRID, NEIGHBOURS, distance, grey, signature

ORIENTATIONS = (
    "as it is",
    "turned 90°",
    "turned 180°",
    "turned 270°",
    "mirrored",
    "mirrored, turned 90°",
    "mirrored, turned 180°",
    "mirrored, turned 270°",
)
"""What is done to a picture, in this order: mirrored left to right or not, then turned counterclockwise."""


def _turn(array: NDArray[Any], *, mirrored: bool, quarters: int) -> NDArray[Any]:
    return np.rot90(array[:, ::-1] if mirrored else array, quarters)


def _permutation(*, mirrored: bool, quarters: int) -> NDArray[np.int64]:
    """Return where each value of the turned picture's signature stands in the signature of the picture itself."""
    points = _turn(np.arange(GRID * GRID).reshape(GRID, GRID), mirrored=mirrored, quarters=quarters)
    # a 3 × 3 patch turns as the picture does: its outer places are the neighbours, numbered as in a signature
    patch = np.full((3, 3), -1)
    for number, (down, right) in enumerate(NEIGHBOURS):
        patch[1 + down, 1 + right] = number
    turned = _turn(patch, mirrored=mirrored, quarters=quarters)
    neighbours = [turned[1 + down, 1 + right] for down, right in NEIGHBOURS]
    return np.asarray(points.reshape(-1, 1) * len(NEIGHBOURS) + np.array(neighbours), np.int64).reshape(-1)


_PERMUTATIONS = np.stack(
    [_permutation(mirrored=mirrored, quarters=turns) for mirrored in (False, True) for turns in range(4)]
)


def oriented(signature: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return the signatures of a picture in its eight orientations, then those of its negative.

    Parameters
    ----------
    signature : (648,) int8 ndarray

    Returns
    -------
    (16, 648) int8 ndarray
        Rows in the order of `ORIENTATIONS`, then again with the other sign.

    Examples
    --------
    >>> from hybrid_search.signature.goldberg import signature
    >>> picture = np.random.default_rng(3).random((90, 90))
    >>> rows = oriented(signature(picture))
    >>> rows.shape, bool((rows[8] == signature(1 - picture)).all())
    ((16, 648), True)
    """
    turned = np.asarray(signature, np.int8)[_PERMUTATIONS]
    return np.concatenate([turned, -turned])


def turned_signatures(image: Image.Image) -> NDArray[np.int8]:
    """Return what `oriented` returns, nearer to the truth: the pixels are turned, eight times one signature's work.

    Parameters
    ----------
    image : PIL image
        Upright RGB.
    """
    levels = grey(image)
    turned = [_turn(levels, mirrored=row >= 4, quarters=row % 4) for row in range(len(ORIENTATIONS))]
    rows = np.stack([signature(np.ascontiguousarray(each)) for each in turned])
    return np.concatenate([rows, -rows])


def inverse_row(row: int) -> int:
    """Return the row of `oriented` that takes a picture back: mirror images are their own, quarter turns are not.

    Examples
    --------
    >>> inverse_row(1), inverse_row(5), inverse_row(9)
    (3, 5, 11)
    """
    turns = row % 8
    return row - turns + ((4 - turns) % 4 if turns < 4 else turns)


def orientation_name(row: int) -> tuple[str, bool]:
    """Return what is done to a picture in a row of `oriented`, and whether that row is its negative."""
    return ORIENTATIONS[row % len(ORIENTATIONS)], row >= len(ORIENTATIONS)


def nearest_orientation(a: NDArray[np.int8], b: NDArray[np.int8]) -> tuple[float, int]:
    """Return the least distance of two signatures over the orientations of the first, and its row in `oriented`.

    Parameters
    ----------
    a, b : (648,) int8 ndarray

    Returns
    -------
    distance : float
        In [0, 1].
    row : int
        What is to be done to the first picture, see `orientation_name`; of equal ones the first.

    Examples
    --------
    >>> picture = np.random.default_rng(3).random((90, 90))
    >>> from hybrid_search.signature.goldberg import signature
    >>> nearest_orientation(signature(picture), signature(np.rot90(1 - picture)))[1]
    9
    """
    distances = np.asarray(distance(np.asarray(b, np.int8), oriented(a)))
    row = int(np.argmin(distances))
    return float(distances[row]), row
