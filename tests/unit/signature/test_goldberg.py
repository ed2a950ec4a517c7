"""The signature against a plain re-statement of image-match and its published values, bit for bit; words, distance."""

from __future__ import annotations

import json
import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2gray

from hybrid_search.document.picture import prepare, working_image
from hybrid_search.errors import BadVector, ImageError, ImageUnreadable, QueryError
from hybrid_search.images import decode, load_image, read_source
from hybrid_search.signature.goldberg import (
    SIGNATURE_MIN_SIDE,
    _changes,
    _differences,
    _means_around,
    _percentile,
    _quantised,
    distance,
    grey,
    min_cosine,
    norm,
    signature,
    word_tokens,
    words,
)
from scripts.reference.goldberg import naive_distance, naive_grey, naive_signature, naive_words
from tests.support.fakes import photo

SHAPES = [(1, 1), (1, 40), (40, 1), (2, 2), (2, 500), (500, 2), (7, 9), (9, 9), (19, 21), (64, 64), (100, 333)]
# a stripe of rows more or less, one column (which NumPy sums in another order), one row, large
STRIPES = [(31, 50), (32, 50), (33, 50), (64, 50), (65, 50), (1000, 1), (1, 1000), (1000, 3), (3, 1000), (517, 389)]
SIGNATURES = arrays.arrays(np.int8, 648, elements=st.integers(-2, 2))

spec = find_spec("skimage")
assert spec is not None and spec.origin is not None
NAMES = """
    astronaut.png brick.png camera.png cell.png chelsea.png chessboard_GRAY.png chessboard_RGB.png clock_motion.png
    coffee.png coins.png color.png grass.png gravel.png horse.png hubble_deep_field.jpg ihc.png logo.png moon.png
    motorcycle_left.png motorcycle_right.png page.png phantom.png retina.jpg rocket.jpg text.png
"""
PHOTOS = [Path(spec.origin).parent / "data" / name for name in NAMES.split()]


def _random(shape: tuple[int, int], seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).random(shape)


def _near(values: NDArray[np.int8], seed: int) -> NDArray[np.int8]:
    """Change some of the values of a signature, from none to all."""
    random = np.random.default_rng(seed)
    changed = random.random(648) < random.random() ** 3
    return np.where(changed, random.integers(-2, 3, 648), values).astype(np.int8)


@pytest.mark.parametrize("shape", SHAPES + STRIPES)
def test_equals_image_match_on_noise_of_any_shape(shape: tuple[int, int]) -> None:
    for seed in range(5):
        levels = _random(shape, seed)
        np.testing.assert_array_equal(signature(levels), naive_signature(levels))


@pytest.mark.parametrize("shape", SHAPES + STRIPES)
@pytest.mark.parametrize("steps", [1, 4, 255])
def test_equals_image_match_with_many_ties(shape: tuple[int, int], steps: int) -> None:
    levels = np.round(_random(shape) * steps) / steps
    np.testing.assert_array_equal(signature(levels), naive_signature(levels))


@pytest.mark.parametrize("shape", SHAPES + STRIPES)
def test_changes_have_the_bits_of_sums_over_the_whole(shape: tuple[int, int]) -> None:
    for seed in range(3):
        levels = _random(shape, seed)
        rows, columns = _changes(levels)
        np.testing.assert_array_equal(rows, np.sum(np.abs(np.diff(levels, axis=1)), axis=1))
        np.testing.assert_array_equal(columns, np.sum(np.abs(np.diff(levels, axis=0)), axis=0))


# the last has windows of more than 8,192 levels, of which NumPy sums a part at a time
@pytest.mark.parametrize("shape", [*SHAPES, *STRIPES, (1810, 1900)])
def test_means_have_the_bits_of_means_of_slices(shape: tuple[int, int]) -> None:
    levels = _random(shape)
    height, width = shape
    for rows, columns in [((0.1, 0.9), (0.1, 0.9)), ((0, 1), (0.2, 0.5))]:
        places = [
            np.linspace(low * (length - 1), high * (length - 1), 9, dtype=int)
            for (low, high), length in zip((rows, columns), shape, strict=True)
        ]
        side = max(2, int(0.5 + min(shape) / 20))
        naive = np.zeros((9, 9))
        for i, row in enumerate(places[0].tolist()):
            for j, column in enumerate(places[1].tolist()):
                top, left = int(max(row - side / 2, 0)), int(max(column - side / 2, 0))
                naive[i, j] = np.mean(levels[top : min(top + side, height), left : min(left + side, width)])
        np.testing.assert_array_equal(_means_around(levels, *places), naive)


@given(arrays.arrays(np.float64, st.integers(1, 30), elements=st.floats(-1, 1)), st.sampled_from([5, 50, 95]))
def test_percentiles_have_the_bits_of_numpys(values: NDArray[np.float64], share: int) -> None:
    assert _percentile(np.sort(values), share / 100) == np.percentile(values, share)


@pytest.mark.parametrize("tile", [1, 2, 20, 23])
def test_equals_image_match_on_checkers(tile: int) -> None:
    levels = np.kron(np.indices((10, 10)).sum(0) % 2, np.ones((tile, tile)))
    np.testing.assert_array_equal(signature(levels), naive_signature(levels))


def test_a_difference_of_exactly_one_takes_the_lower_half_with_it() -> None:
    # halves part at the median, which is in the lower one; differences below 2/255 are none
    values = np.array([0.25, 0.5, 0.9, 0.007, -0.007, -0.25, -0.5, -0.9])
    assert _quantised(values).tolist() == [1, 1, 2, 0, 0, -1, -1, -2]
    # black beside white: what the first bin wrote as 1 is within the second bin, from 0.5 to 1
    values = np.array([0.25, 0.5, 1.0, 0.007, -0.007, -0.25, -0.5, -1.0])
    assert _quantised(values).tolist() == [2, 2, 2, 0, 0, -2, -2, -2]
    # unless all are the same, so that the second bin begins and ends with them
    assert _quantised(np.array([0.5, 0.5, -0.5, -0.5])).tolist() == [1, 1, -1, -1]


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60))))
@settings(max_examples=150, deadline=None)
def test_equals_image_match_on_any_bytes(values: NDArray[np.uint8]) -> None:
    expected = naive_signature(values / 255)
    np.testing.assert_array_equal(signature(values), expected)
    np.testing.assert_array_equal(signature(values / 255), expected)


@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.floats(0, 1)))
@settings(max_examples=150, deadline=None)
def test_equals_image_match_on_any_levels(levels: NDArray[np.float64]) -> None:
    np.testing.assert_array_equal(signature(levels), naive_signature(levels))


@pytest.mark.parametrize("path", PHOTOS, ids=lambda path: path.name)
def test_equals_image_match_on_scikit_images_photos(path: Path) -> None:
    image = load_image(path)
    np.testing.assert_array_equal(signature(image), naive_signature(grey(image)))
    np.testing.assert_array_equal(signature(image), naive_signature(rgb2gray(np.asarray(image))))


def test_equals_image_match_on_real_photos(data: Path) -> None:
    paths = sorted((data / "caltech101").rglob("*.jpg"))[::20] + sorted((data / "flickr8k" / "images").iterdir())[::6]
    assert len(paths) >= 200
    for path in paths:
        image = load_image(path)
        np.testing.assert_array_equal(signature(image), naive_signature(naive_grey(image)), err_msg=str(path))


def test_equals_the_values_that_image_match_published() -> None:
    published = json.loads(
        (Path(__file__).parents[2] / "support" / "golden" / "image_match.json").read_text(encoding="utf-8")
    )
    values = np.array(published["signature"], np.int8)
    np.testing.assert_array_equal(_quantised(_differences(np.array(published["means"]))).ravel(), values)
    assert {place: words(values)[int(place)] for place in published["words"]} == published["words"]


def test_a_flat_image_is_all_zero_and_like_nothing() -> None:
    flat = signature(Image.new("RGB", (300, 200), (90, 120, 10)))
    assert not flat.any() and norm(flat) == 0.0
    assert word_tokens(flat) == ()
    assert distance(flat, flat) == 1.0
    assert distance(flat, signature(photo(1))) == 1.0


def test_grey_is_one_definition_for_every_kind_of_input() -> None:
    image = photo(3)
    np.testing.assert_allclose(grey(image), rgb2gray(np.asarray(image)), rtol=0, atol=1e-15)
    monochrome = image.convert("L")
    np.testing.assert_array_equal(grey(monochrome), np.asarray(monochrome) / 255)
    np.testing.assert_array_equal(grey(monochrome.convert("RGB")), np.asarray(monochrome) / 255)
    for same in (np.asarray(monochrome), np.asarray(monochrome) / 255, monochrome.convert("RGB")):
        np.testing.assert_array_equal(signature(same), signature(monochrome))
    assert grey(Image.new("RGB", (1, 1), "white")).item() == 1.0


def test_the_layout_of_an_array_in_memory_does_not_matter() -> None:
    levels = grey(photo(4))
    for same in (np.asfortranarray(levels), np.flip(np.flip(levels, 0).copy(), 0), levels.astype(np.longdouble)):
        np.testing.assert_array_equal(signature(same), signature(levels))


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((4, 4, 3)), "shape"),
        (np.zeros((0, 4)), "shape"),
        (np.zeros((4, 4), np.int32), "dtype int32"),
        (np.full((4, 4), 255.0), "from 255 to 255"),
        (np.array([[0.0, -0.5]]), "from -0.5 to 0"),
        (np.array([[0.0, np.nan]]), "from nan to nan"),
    ],
)
def test_refuses_arrays_that_are_no_grey_levels(array: NDArray[np.float64], reason: str) -> None:
    with pytest.raises(ImageUnreadable, match=reason):
        signature(array)


@given(SIGNATURES)
def test_words_equal_the_plain_ones(values: NDArray[np.int8]) -> None:
    assert words(values).tolist() == naive_words(values)
    assert words(values).dtype == np.int32
    tokens = word_tokens(values)
    if values.any():
        assert tokens == tuple(f"{place:02x}:{word:x}" for place, word in enumerate(naive_words(values)))
    else:
        assert tokens == ()


def test_words_by_hand() -> None:
    values = np.zeros(648, np.int8)
    # all zero: every letter is 1, so a word is 1 + 3 + … + 3^15 = (3^16 − 1) / 2
    assert set(words(values).tolist()) == {(3**16 - 1) // 2}
    values[0], values[1] = 2, -1
    assert words(values)[0] == (3**16 - 1) // 2 + 1 - 3
    # the last word starts at int(62 · 648 / 63) = 637 and has 11 values and 5 zeros
    values[637:] = 1
    assert words(values)[62] == (3**16 - 1) // 2 + (3**11 - 1) // 2


@given(SIGNATURES, SIGNATURES, st.integers(0, 1000))
def test_distance_equals_the_plain_one(a: NDArray[np.int8], b: NDArray[np.int8], seed: int) -> None:
    there = distance(a, b)
    assert there == distance(b, a) == naive_distance(a, b) and 0.0 <= there <= 1.0
    assert distance(a, a) == (0.0 if a.any() else 1.0)
    many = np.stack([a, b, _near(a, seed), np.zeros(648, np.int8)])
    assert distance(a, many).tolist() == [naive_distance(a, row) for row in many]  # type: ignore[union-attr]


def test_distance_by_hand() -> None:
    a, b = np.zeros(648, np.int8), np.zeros(648, np.int8)
    a[:4], b[:3] = 1, 2
    # ‖a − b‖ = √(3·1 + 1), ‖a‖ = 2, ‖b‖ = √12
    assert distance(a, b) == pytest.approx(2 / (2 + math.sqrt(12)))
    assert norm(a) == 2.0
    found = distance(a, np.empty((0, 648), np.int8))
    assert isinstance(found, np.ndarray) and found.shape == (0,)


@given(SIGNATURES, st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(max_examples=300)
def test_all_within_a_distance_have_the_least_cosine(values: NDArray[np.int8], seed: int, limit: float) -> None:
    other = _near(values, seed)
    lengths = math.hypot(*values.tolist()) * math.hypot(*other.tolist())
    if lengths and naive_distance(values, other) <= limit:
        assert float(values.astype(int) @ other) / lengths >= min_cosine(limit)


@pytest.mark.parametrize("limit", [-0.1, 1.1, math.nan])
def test_refuses_a_cosine_of_no_distance(limit: float) -> None:
    with pytest.raises(QueryError, match="max_distance"):
        min_cosine(limit)


@pytest.mark.parametrize("shape", [(647,), (0,), (1, 648), ()])
def test_refuses_what_is_no_signature(shape: tuple[int, ...]) -> None:
    values, right = np.ones(shape, np.int8), np.ones(648, np.int8)
    for refused in (words, word_tokens, norm, lambda wrong: distance(wrong, right)):
        with pytest.raises(BadVector, match="648"):
            refused(values)
    for wrong in (np.ones((2, 647), np.int8), np.ones((2, 2, 648), np.int8), np.ones((), np.int8)):
        with pytest.raises(BadVector, match="648"):
            distance(right, wrong)


def test_near_for_copies_and_far_for_others() -> None:
    image = photo(5, (640, 480))
    smaller, other = image.resize((300, 225), Image.Resampling.LANCZOS), photo(6, (640, 480))
    assert distance(signature(image), signature(smaller)) < 0.3
    assert distance(signature(image), signature(other)) > 0.5


def test_draft_decoding_changes_little(data: Path) -> None:
    apart = []
    for path in sorted((data / "exif").rglob("*.jpg")):
        try:
            full = decode(read_source(path))
        except ImageError:
            continue  # some of these files are damaged on purpose
        values = signature(full.image)
        if min(full.width, full.height) >= 2 * SIGNATURE_MIN_SIDE and values.any():
            drafted = prepare(read_source(path), min_side=SIGNATURE_MIN_SIDE)
            assert SIGNATURE_MIN_SIDE <= min(drafted.image.size) < min(full.width, full.height)
            apart.append(distance(values, drafted.signature))
    assert len(apart) >= 15
    # measured: median 0.056, largest 0.104; copies are sought up to 0.4
    assert np.median(apart) < 0.08 and max(apart) < 0.15


def test_working_image_keeps_the_shorter_side() -> None:
    assert working_image(Image.new("RGB", (4000, 3000)), min_side=360).size == (500, 375)
    assert working_image(Image.new("RGB", (500, 400)), min_side=360).size == (500, 400)
