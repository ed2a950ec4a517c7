"""Signatures of pictures that really are turned, mirrored and made negative, against permuted ones.

They are equal, bit for bit, where the grid lies symmetrically: image-match truncates its places, so that this holds for
sides whose middle 90 % are a multiple of ten pixels, with windows of an even side. Elsewhere places are a pixel off.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.signature.orientations import (
    ORIENTATIONS,
    inverse_row,
    nearest_orientation,
    orientation_name,
    oriented,
    turned_signatures,
)
from scripts.reference.goldberg import naive_distance, naive_grey, naive_signature

spec = find_spec("skimage")
assert spec is not None and spec.origin is not None
PHOTOS = Path(spec.origin).parent / "data"
SYMMETRIC = ("astronaut.png", "camera.png", "coffee.png", "moon.png")
"""Photos of 512 × 512 and 600 × 400 pixels, where permuting is exact."""
ASKEW = ("cell.png", "chelsea.png", "clock_motion.png", "coins.png", "motorcycle_left.png", "rocket.jpg", "text.png")

TURNS: dict[str, Image.Transpose | None] = {
    "as it is": None,
    "turned 90°": Image.Transpose.ROTATE_90,
    "turned 180°": Image.Transpose.ROTATE_180,
    "turned 270°": Image.Transpose.ROTATE_270,
    "mirrored": Image.Transpose.FLIP_LEFT_RIGHT,
    "mirrored, turned 90°": Image.Transpose.TRANSPOSE,
    "mirrored, turned 180°": Image.Transpose.FLIP_TOP_BOTTOM,
    "mirrored, turned 270°": Image.Transpose.TRANSVERSE,
}
"""What Pillow does for each name. Mirrored left to right, then turned counterclockwise by 90°, is a transposition."""
ROWS = [(name, negative) for negative in (False, True) for name in TURNS]
SIGNATURES = arrays.arrays(np.int8, 648, elements=st.integers(-2, 2))


def turned(levels: NDArray[np.float64], name: str, negative: bool) -> NDArray[np.float64]:
    """Turn grey levels with Pillow, number by number."""
    method = TURNS[name]
    places = Image.fromarray(np.arange(levels.size, dtype=np.int32).reshape(levels.shape))
    moved = np.asarray(places if method is None else places.transpose(method))
    found: NDArray[np.float64] = levels.ravel()[moved]
    return 1 - found if negative else found


def is_symmetric(side: int, shortest: int) -> bool:
    """Tell whether a side's grid lies as far from its one end as from the other, and its windows too."""
    rank = 0.05 * (side - 1)
    low = 1 + int(rank)
    return rank != int(rank) and (side - 2 * low) % 10 == 0 and max(2, int(0.5 + shortest / 20)) % 2 == 0


SHAPES = [(24, 24), (34, 46), (46, 24), (78, 112), (78, 78), (168, 156), (356, 200)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("name", "negative"), ROWS)
def test_permuted_is_turned_where_the_grid_is_symmetric(name: str, negative: bool, shape: tuple[int, int]) -> None:
    assert all(is_symmetric(side, min(shape)) for side in shape)
    # 256ths add up without rounding, in whichever order
    levels = np.random.default_rng(sum(shape)).integers(0, 257, shape) / 256
    permuted = oriented(naive_signature(levels))[ROWS.index((name, negative))]
    np.testing.assert_array_equal(permuted, naive_signature(turned(levels, name, negative)))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from(SHAPES[:-1]), st.integers(2, 256))
def test_permuted_is_turned_with_many_ties(seed: int, shape: tuple[int, int], steps: int) -> None:
    # windows of 4, 16 or 64 pixels, by which sums are divided without rounding
    levels = np.random.default_rng(seed).integers(0, steps + 1, shape) / 256
    permuted = oriented(naive_signature(levels))
    for row, (name, negative) in enumerate(ROWS):
        np.testing.assert_array_equal(permuted[row], naive_signature(turned(levels, name, negative)), err_msg=name)


@pytest.mark.parametrize("photo", SYMMETRIC)
def test_permuted_is_turned_for_real_photos(photo: str) -> None:
    levels = naive_grey(Image.open(PHOTOS / photo))
    assert all(is_symmetric(side, min(levels.shape)) for side in levels.shape)
    permuted = oriented(naive_signature(levels))
    for row, (name, negative) in enumerate(ROWS):
        # colours do not add up without rounding, so that a value or two may fall to the other side
        assert naive_distance(permuted[row], naive_signature(turned(levels, name, negative))) < 0.02, (name, negative)


@pytest.mark.parametrize("photo", ASKEW)
def test_elsewhere_it_is_near_and_the_nearest_is_the_right_one(photo: str) -> None:
    levels = naive_grey(Image.open(PHOTOS / photo))
    signature = naive_signature(levels)
    permuted = oriented(signature)
    off = []
    for row, (name, negative) in enumerate(ROWS):
        true = naive_signature(turned(levels, name, negative))
        off.append(naive_distance(permuted[row], true))
        distance, found = nearest_orientation(signature, true)
        assert found == row and distance == pytest.approx(off[-1], abs=1e-6)
        others = [naive_distance(each, true) for other, each in enumerate(permuted) if other != row]
        assert off[-1] < 0.3 and off[-1] < min(others)
    assert off[0] == off[8] == 0.0
    assert max(off) > 0.05, "it belongs to SYMMETRIC"


@settings(deadline=None)
@given(SIGNATURES)
def test_they_are_a_group(values: NDArray[np.int8]) -> None:
    rows = oriented(values)
    assert rows.shape == (16, 648) and rows.dtype == np.int8
    for row, each in enumerate(rows):
        assert {other.tobytes() for other in oriented(each)} == {other.tobytes() for other in rows}
        np.testing.assert_array_equal(oriented(each)[inverse_row(row)], values)
        np.testing.assert_array_equal(np.sort(np.abs(each)), np.sort(np.abs(values)))


def test_all_are_different() -> None:
    values = np.random.default_rng(1).integers(-2, 3, 648).astype(np.int8)
    assert len({row.tobytes() for row in oriented(values)}) == 16


UP, LEFT, RIGHT, DOWN = 1, 3, 4, 6
BY_HAND = [
    ("as it is", 0, 1, RIGHT),
    ("turned 90°", 7, 0, UP),
    ("turned 180°", 8, 7, LEFT),
    ("turned 270°", 1, 8, DOWN),
    ("mirrored", 0, 7, LEFT),
    ("mirrored, turned 90°", 1, 0, DOWN),
    ("mirrored, turned 180°", 8, 1, RIGHT),
    ("mirrored, turned 270°", 7, 8, UP),
]


@pytest.mark.parametrize(("name", "row", "column", "neighbour"), BY_HAND)
def test_one_value_goes_where_a_hand_puts_it(name: str, row: int, column: int, neighbour: int) -> None:
    values = np.zeros((9, 9, 8), np.int8)
    values[0, 1, RIGHT] = 2
    rows = oriented(values.ravel())
    for at, sign in ((ORIENTATIONS.index(name), 1), (ORIENTATIONS.index(name) + 8, -1)):
        assert orientation_name(at) == (name, sign < 0)
        (where,) = np.argwhere(rows[at].reshape(9, 9, 8))
        assert tuple(where) == (row, column, neighbour) and rows[at].sum() == 2 * sign


def test_names_are_these() -> None:
    assert [orientation_name(row) for row in range(16)] == ROWS


@settings(deadline=None)
@given(SIGNATURES, SIGNATURES, st.integers(0, 15))
def test_the_nearest_is_the_least_of_sixteen(a: NDArray[np.int8], b: NDArray[np.int8], row: int) -> None:
    distance, found = nearest_orientation(a, b)
    all_of_them = [naive_distance(each, b) for each in oriented(a)]
    assert distance == pytest.approx(min(all_of_them), abs=1e-6)
    assert all_of_them[found] == pytest.approx(min(all_of_them), abs=1e-6)
    assert nearest_orientation(b, a)[0] == pytest.approx(distance, abs=1e-6)
    distance, found = nearest_orientation(a, oriented(a)[row])
    assert distance == 0.0 or not a.any()
    np.testing.assert_array_equal(oriented(a)[found], oriented(a)[row])


@settings(deadline=None, max_examples=40)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(9, 70), st.integers(9, 70)), elements=st.integers(0, 255)))
def test_turned_pixels_give_the_signatures_of_turned_pixels(pixels: NDArray[np.uint8]) -> None:
    rows = turned_signatures(Image.fromarray(pixels).convert("RGB"))
    for row, (name, negative) in enumerate(ROWS):
        expected = naive_signature(turned(pixels / 255, name, False)) * (-1 if negative else 1)
        np.testing.assert_array_equal(rows[row], expected, err_msg=name)
