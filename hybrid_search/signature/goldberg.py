"""The Goldberg signature of an image: 648 small integers by which near-duplicates are found.

The algorithm is image-match's, bit for bit when given the same grey array: H. C. Wong, M. Bern and D. Goldberg, "An
image signature for any kind of image", ICIP 2002, as implemented by the project image-match (EdjoLabs), whose package
can no longer be installed beside current ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.errors import BadVector, ImageUnreadable, QueryError

GRID = 9
"""image-match's, as all of the signature."""
LENGTH = GRID * GRID * 8
"""Values of a signature: 9 × 9 grid points, 8 neighbours each."""
WORDS = 63  # image-match's defaults: 63 words of 16 values
WORD_LENGTH = 16
"""image-match's number of words, and values in each."""
SIGNATURE_MIN_SIDE = 360
"""Pixels of the shorter side that are enough.

From such a draft, photos of 0.8 to 8 megapixels have signatures 0.06 (median; 0.10 at most) from those of all pixels:
as near as they are to their own resized copies, 0.06 either way, and far from 0.4, up to which copies are sought.
"""

_DIFFERENCES = 4 * GRID * (GRID - 1) + 4 * (GRID - 1) ** 2
_WEIGHTS = (2125, 7154, 721)  # of red, green and blue, in ten-thousandths, as scikit-image's rgb2gray
"""Ten thousandths of red, green and blue, as scikit-image's `rgb2gray` has them."""
_WHITE = 255 * sum(_WEIGHTS)
_IDENTICAL = 2 / 255  # image-match's identical_tolerance
"""Difference of grey levels that is none: image-match's."""
_COSINE_ROUNDING = 1e-6
"""What single precision may take from a cosine: a copy on the bound is found."""
NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
_STARTS = np.linspace(0, LENGTH, WORDS, endpoint=False).astype(int)
_LETTERS = _STARTS[:, None] + np.arange(WORD_LENGTH)
_PLACES = 3 ** np.arange(WORD_LENGTH)
_PREFIXES = tuple(f"{place:02x}" for place in range(WORDS))
# rows whose differences are taken together: few enough to stay in the processor's cache
_STRIPE = 32
_BUFFER = 8192
"""Levels that NumPy sums at once: its buffer, by default."""


def grey(image: Image.Image) -> NDArray[np.float64]:
    """Return the grey levels of an image, (M, N) in [0, 1]: 0.2125 R + 0.7154 G + 0.0721 B, over 255.

    The weights are those of scikit-image's `rgb2gray`. The sum is taken in whole numbers and divided once, so that
    the levels are the same on every machine, white is 1, and a grey pixel v is v / 255 whether it comes as RGB or not.

    Examples
    --------
    >>> grey(Image.new("RGB", (2, 1), (255, 0, 0))).tolist()
    [[0.2125, 0.2125]]
    """
    pixels = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    levels = np.empty(pixels.shape[:2])
    weights = np.array(_WEIGHTS, np.float32)
    for top in range(0, len(pixels), _STRIPE):
        rows = slice(top, top + _STRIPE)
        # every partial sum is an integer below 2²⁴, which float32 holds exactly
        weighted = pixels[rows].reshape(-1, 3).astype(np.float32) @ weights
        np.divide(weighted, _WHITE, out=levels[rows].reshape(-1), dtype=np.float64)
    return levels


def signature(image: Image.Image | NDArray[Any]) -> NDArray[np.int8]:
    """Return the signature of an image.

    Parameters
    ----------
    image : PIL image, or (M, N) ndarray
        Upright RGB, or grey levels: uint8, or float in [0, 1].

    Returns
    -------
    (648,) int8 ndarray
        Values −2 to 2: how each of 9 × 9 grid points compares with its eight neighbours, row by row from the upper
        left; positive where the point is the brighter one. All zero for a flat image.

    Raises
    ------
    ImageUnreadable
        When an array is not two-dimensional, is empty, or holds other numbers than grey levels.

    Examples
    --------
    >>> ramp = np.linspace(0, 1, 64)[None, :].repeat(64, axis=0)
    >>> sorted(set(signature(ramp).tolist()))
    [-2, -1, 0, 1, 2]
    """
    levels = _grey_levels(image) if isinstance(image, np.ndarray) else grey(image)
    return _quantised(_differences(_window_means(levels))).astype(np.int8).ravel()


def grid_signature(image: Image.Image | NDArray[Any]) -> NDArray[np.int8]:
    """Return the signature of an image whose grid covers all of it, not only the part where most changes are.

    Parts of pictures that are aligned already are compared by it: a crop of its own would move them apart.

    Parameters
    ----------
    image : PIL image, or (M, N) ndarray
        As for `signature`.

    Returns
    -------
    (648,) int8 ndarray
    """
    levels = _grey_levels(image) if isinstance(image, np.ndarray) else grey(image)
    grids = [np.linspace(0, length, GRID + 2, dtype=int)[1:-1] for length in levels.shape]
    return _quantised(_differences(_means_around(levels, *grids))).astype(np.int8).ravel()


def words(signature: NDArray[np.int8]) -> NDArray[np.int32]:
    """Return the 63 words of a signature, (63,) int32 in [0, 43046720]: 16 signs each, read as a number in base 3.

    As image-match has them: the words overlap, the first sign is the least significant, the last word is padded with
    zeros.

    Raises
    ------
    BadVector
        When the signature has another length than 648.
    """
    signs = np.sign(_checked(signature), dtype=np.int8)
    padded = np.concatenate([signs, np.zeros(WORD_LENGTH, np.int8)]).astype(np.int64)
    return np.asarray((padded[_LETTERS] + 1) @ _PLACES, np.int32)


def word_tokens(signature: NDArray[np.int8]) -> tuple[str, ...]:
    """Return the words as keywords that carry their position, such as "0a:1f3c", in hexadecimal; () for a flat image.

    Raises
    ------
    BadVector
        When the signature has another length than 648.
    """
    if not np.any(_checked(signature)):
        return ()
    return tuple(f"{place}:{word:x}" for place, word in zip(_PREFIXES, words(signature).tolist(), strict=True))


def norm(signature: NDArray[np.int8]) -> float:
    """Return the Euclidean length of a signature, at most 46.7; 0 for a flat image."""
    return float(np.linalg.norm(_checked(signature).astype(np.float64)))


def quality(signature: NDArray[np.int8]) -> float:
    """Return how much a signature tells, in [0, 1]: the share of differences between neighbours that can be seen.

    0 for a flat picture; of photos most are above 0.8.
    """
    return float(np.count_nonzero(_checked(signature)) / _DIFFERENCES)


def distance(a: NDArray[np.int8], b: NDArray[np.int8]) -> float | NDArray[np.float64]:
    """Return the normalised distance ‖a − b‖ / (‖a‖ + ‖b‖).

    Parameters
    ----------
    a : (648,) int8 ndarray
    b : (648,) or (n, 648) int8 ndarray

    Returns
    -------
    float, or (n,) float64 ndarray when `b` has rows
        In [0, 1]. Up to 0.4 very likely the same picture; 1 when both are flat, which says nothing of their likeness.

    Raises
    ------
    BadVector
        When a signature has another length than 648.

    Examples
    --------
    >>> ramp = signature(np.linspace(0, 1, 64)[None, :].repeat(64, axis=0))
    >>> distance(ramp, ramp), distance(ramp, -ramp), distance(ramp, np.zeros_like(ramp))
    (0.0, 1.0, 1.0)
    """
    one, many = _checked(a).astype(np.float32), _checked(b, dims=b.ndim).astype(np.float32)
    # float32 holds these sums exactly: they are integers below 2²⁴
    square, squares = float(one @ one), np.einsum("...i,...i", many, many).astype(np.float64)
    apart = np.sqrt(square + squares - 2.0 * (many @ one))
    lengths = np.sqrt(square) + np.sqrt(squares)
    found = np.divide(apart, lengths, out=np.ones_like(lengths), where=lengths > 0)
    return found if b.ndim > 1 else float(found)


def min_cosine(max_distance: float) -> float:
    """Return the cosine that two signatures within a normalised distance of each other have at least: 1 − 2 t².

    From ‖q − s‖ ≤ t (‖q‖ + ‖s‖) follows cos ≥ (r (1 − t²) − 2 t²) / 2 with r = ‖q‖/‖s‖ + ‖s‖/‖q‖ ≥ 2, and that is
    least where both are of one length. A little is taken off, so that no rounding can lose a signature.

    Parameters
    ----------
    max_distance : float
        Between 0 and 1.

    Raises
    ------
    QueryError
        When the distance is not between 0 and 1.

    Examples
    --------
    >>> round(min_cosine(0.45), 4)
    0.595
    """
    if not 0 <= max_distance <= 1:
        raise QueryError(f"max_distance is between 0 and 1 (got {max_distance})")
    return 1.0 - 2.0 * max_distance**2 - _COSINE_ROUNDING


def _checked(signature: NDArray[np.int8], *, dims: int = 1) -> NDArray[np.int8]:
    if signature.ndim != dims or dims not in (1, 2) or signature.shape[-1] != LENGTH:
        raise BadVector(f"a signature has {LENGTH} values, this array has shape {signature.shape}")
    return signature


def _grey_levels(array: NDArray[Any]) -> NDArray[np.float64]:
    if array.ndim != 2 or array.size == 0:
        raise ImageUnreadable("array", f"shape {array.shape} is not (height, width) of grey levels")
    if array.dtype == np.uint8:
        return np.asarray(array / 255)
    if array.dtype.kind != "f":
        raise ImageUnreadable("array", f"dtype {array.dtype} is neither uint8 nor float")
    low, high = float(array.min()), float(array.max())
    # a conversion to grey may miss 0 and 1 by a rounding; NaN fails every comparison
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise ImageUnreadable("array", f"grey levels are from 0 to 1, these from {low:g} to {high:g}")
    return np.ascontiguousarray(array, np.float64)


def _window_means(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean grey level around each of the grid points, (9, 9)."""
    row_changes, column_changes = _changes(levels)
    return _means_around(levels, _grid(row_changes), _grid(column_changes))


def _means_around(
    levels: NDArray[np.float64], row_places: NDArray[np.int64], column_places: NDArray[np.int64]
) -> NDArray[np.float64]:
    side = max(2.0, int(0.5 + min(levels.shape) / 20.0))
    rows = _windows(row_places, side, levels.shape[0])
    columns = _windows(column_places, side, levels.shape[1])
    heights, widths = ([end - start for start, end in windows] for windows in (rows, columns))
    # these are the bits of np.mean on each slice, which NumPy copies row by row, 8,192 levels at a time, and sums in
    # pairs; sums in another order would round to others
    if len(set(heights)) == len(set(widths)) == 1 and heights[0] * widths[0] <= _BUFFER:
        down, across = (np.array([range(*window) for window in windows]) for windows in (rows, columns))
        places = levels.shape[1] * down[:, None, :, None] + across[:, None, :]
        sums = np.add.reduce(np.take(levels, places).reshape(GRID, GRID, -1), axis=2)
    else:
        slices = [levels[top:bottom, left:right] for top, bottom in rows for left, right in columns]
        sums = np.reshape([np.add.reduce(each, None) for each in slices], (GRID, GRID))
    return np.asarray(sums / np.outer(heights, widths))


def _changes(levels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how much the levels change along each row, (M,), and along each column, (N,).

    They are np.sum(np.abs(np.diff(levels, axis=a)), axis=a), whose bits depend on the order of its sums: NumPy adds
    rows to one another one by one, hence each stripe goes on from the sums of those above it.
    """
    height, width = levels.shape
    rows, columns = np.empty(height), np.zeros(width)
    # NumPy sums a single column in another order, pairwise, so that one must stay whole
    stripe = _STRIPE if width > 1 else height
    along, down = np.empty((stripe, width)), np.empty((stripe + 1, width))
    for top in range(0, height, stripe):
        here, below = levels[top : top + stripe], levels[top + 1 : top + 1 + stripe]
        # end to end the rows make longer vectors; the last difference of each leads to the next row and is left out
        flat, steps = here.ravel(), along.ravel()[: here.size - 1]
        np.abs(np.subtract(flat[1:], flat[:-1], out=steps), out=steps)
        np.add.reduce(along[: len(here), :-1], axis=1, out=rows[top : top + stripe])
        drops = down[1 : 1 + len(below)]
        np.abs(np.subtract(below, here[: len(below)], out=drops), out=drops)
        down[0] = columns
        np.add.reduce(down[: 1 + len(below)] if top else drops, axis=0, out=columns)
    return rows, columns


def _grid(changes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return 9 places along an axis, inside the part that holds the middle 90 % of the picture's changes."""
    summed = np.cumsum(changes)
    first, last = _percentile(summed, 0.05), _percentile(summed, 0.95)
    low, high = np.searchsorted(summed, first, side="right"), np.searchsorted(summed, last, side="left")
    if low > high:
        low, high = np.intp(0.05 * len(summed)), np.intp(0.95 * len(summed))
    # image-match truncates these places; rounding would change the words
    return np.linspace(low, high, GRID + 2, dtype=int)[1:-1]


def _percentile(ascending: NDArray[np.float64], share: float) -> float:
    """Return the value below which a share of the values lies: the bits of np.percentile, which takes 50 µs."""
    place = share * (len(ascending) - 1)
    below = int(place)
    low, high = ascending[below], ascending[min(below + 1, len(ascending) - 1)]
    part = place - below
    return float(low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part))


def _windows(places: NDArray[np.int64], side: float, length: int) -> list[tuple[int, int]]:
    starts = [int(max(place - side / 2.0, 0)) for place in places.tolist()]
    return [(start, int(min(start + side, length))) for start in starts]


def _differences(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (9, 9, 8): each point minus its neighbour, row by row from the upper left; 0 where there is none."""
    differences = np.zeros((GRID, GRID, len(NEIGHBOURS)))
    for place, (i, j) in enumerate(NEIGHBOURS):
        rows, columns = slice(max(0, -i), GRID - max(0, i)), slice(max(0, -j), GRID - max(0, j))
        around = means[rows.start + i : rows.stop + i, columns.start + j : columns.stop + j]
        np.subtract(means[rows, columns], around, out=differences[rows, columns, place])
    return differences


def _quantised(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return differences as −2 … 2: nearly none, or the smaller or larger half of each sign."""
    values = np.where(np.abs(differences) < _IDENTICAL, 0.0, differences)
    for sign in (1, -1):
        same = np.sort(values[values * sign > 0])
        if not len(same):
            continue
        cuts = [sign * cut for cut in (same[0], _percentile(same, 0.5), same[-1])[::sign]]
        for level in (0, 1):
            # both ends belong to a bin and bins are written in place, as in image-match: a 1 written by the first
            # bin is taken up by the second when the largest difference is exactly 1
            inside = (values * sign >= cuts[level]) & (values * sign <= cuts[level + 1])
            values[inside] = sign * (level + 1)
    return values
