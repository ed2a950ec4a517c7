"""The signature against a plain re-statement of image-match, bit for bit, and its distance, words and norm."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.images import load_image, read_source
from hybrid_search.picture import prepare, working_image
from hybrid_search.signature import SIGNATURE_MIN_SIDE, distance, grey, norm, signature, word_tokens, words
from tests.fakes import photo
from tests.reference.goldberg import naive_grey, naive_signature, naive_words

SHAPES = [(1, 1), (1, 40), (40, 1), (2, 2), (2, 500), (7, 9), (9, 9), (19, 21), (64, 64), (100, 333), (517, 389)]
SIGNATURES = arrays.arrays(np.int8, 648, elements=st.integers(-2, 2))


def _random(shape: tuple[int, int], seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).random(shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_equals_image_match_on_noise_of_any_shape(shape: tuple[int, int]) -> None:
    for seed in range(5):
        levels = _random(shape, seed)
        np.testing.assert_array_equal(signature(levels), naive_signature(levels))


@pytest.mark.parametrize("shape", SHAPES)
def test_equals_image_match_with_many_ties(shape: tuple[int, int]) -> None:
    levels = np.round(_random(shape) * 4) / 4
    np.testing.assert_array_equal(signature(levels), naive_signature(levels))


def test_equals_image_match_where_differences_are_exactly_one() -> None:
    checkers = np.kron(np.indices((10, 10)).sum(0) % 2, np.ones((20, 20))).astype(np.float64)
    halves = np.zeros((200, 200))
    halves[:, 100:] = 1.0
    steps = halves.copy()
    steps[100:, :100] = 0.5
    for levels in (checkers, halves, steps):
        np.testing.assert_array_equal(signature(levels), naive_signature(levels))


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60))))
@settings(max_examples=150, deadline=None)
def test_equals_image_match_on_any_bytes(values: NDArray[np.uint8]) -> None:
    levels = values / 255
    np.testing.assert_array_equal(signature(levels), naive_signature(levels))


@pytest.mark.parametrize("seed", range(20))
def test_equals_image_match_on_pictures(seed: int) -> None:
    image = photo(seed, (160 + 37 * seed, 120 + 11 * seed))
    np.testing.assert_allclose(grey(image), naive_grey(image), rtol=0, atol=1e-15)
    np.testing.assert_array_equal(signature(image), naive_signature(naive_grey(image)))


def test_equals_image_match_on_real_photos(data: Path) -> None:
    paths = sorted((data / "caltech101").rglob("*.jpg"))[::40] + sorted((data / "flickr8k" / "images").iterdir())[::12]
    assert len(paths) >= 100
    for path in paths:
        levels = naive_grey(load_image(path))
        np.testing.assert_array_equal(signature(levels), naive_signature(levels), err_msg=str(path))


def test_a_flat_image_is_all_zero_and_like_nothing() -> None:
    flat = signature(Image.new("RGB", (300, 200), (90, 120, 10)))
    assert not flat.any() and norm(flat) == 0.0
    assert word_tokens(flat) == ()
    assert distance(flat, flat) == 1.0
    assert distance(flat, signature(photo(1))) == 1.0


def test_grey_is_one_definition_for_every_mode() -> None:
    image = photo(3).convert("L")
    np.testing.assert_allclose(grey(image), np.asarray(image) / 255, atol=1e-12)
    red = grey(Image.new("RGB", (1, 1), (255, 0, 0)))
    assert red[0, 0] == pytest.approx(0.2125)


@given(SIGNATURES)
def test_words_equal_the_plain_ones(values: NDArray[np.int8]) -> None:
    assert words(values).tolist() == naive_words(values)
    tokens = word_tokens(values)
    assert len(set(tokens)) == len(tokens) == (63 if values.any() else 0)
    assert all(
        int(token.split(":")[1], 16) == word for token, word in zip(tokens, words(values).tolist(), strict=False)
    )


def test_words_by_hand() -> None:
    values = np.zeros(648, np.int8)
    # all zero: every letter is 1, so a word is 1 + 3 + … + 3^15 = (3^16 − 1) / 2
    assert set(words(values).tolist()) == {(3**16 - 1) // 2}
    values[0], values[1] = 2, -1
    assert words(values)[0] == (3**16 - 1) // 2 + 1 - 3


@given(SIGNATURES, SIGNATURES)
def test_distance_is_symmetric_and_within_bounds(a: NDArray[np.int8], b: NDArray[np.int8]) -> None:
    there, back = distance(a, b), distance(b, a)
    assert there == back and 0.0 <= there <= 1.0
    assert distance(a, a) == (0.0 if a.any() else 1.0)


def test_distance_by_hand() -> None:
    a, b = np.zeros(648, np.int8), np.zeros(648, np.int8)
    a[:4], b[:3] = 1, 2
    # ‖a − b‖ = √(3·1 + 1), ‖a‖ = 2, ‖b‖ = √12
    assert distance(a, b) == pytest.approx(2 / (2 + math.sqrt(12)))
    np.testing.assert_allclose(distance(a, np.stack([a, b])), [0.0, distance(a, b)])


def test_near_for_copies_and_far_for_others() -> None:
    image = photo(5, (640, 480))
    smaller, other = image.resize((300, 225), Image.Resampling.LANCZOS), photo(6, (640, 480))
    assert distance(signature(image), signature(smaller)) < 0.3
    assert distance(signature(image), signature(other)) > 0.5


def test_draft_decoding_changes_little(data: Path) -> None:
    paths = [path for path in sorted((data / "exif").rglob("*.jpg")) if path.stat().st_size > 500_000]
    apart = []
    for path in paths:
        try:
            full = signature(load_image(path))
        except Exception:
            continue
        fast = prepare(read_source(path), min_side=SIGNATURE_MIN_SIDE).signature
        apart.append(distance(full, fast))
    assert len(apart) >= 5
    assert np.median(apart) < 0.1 and max(apart) < 0.3


def test_working_image_keeps_the_shorter_side() -> None:
    assert working_image(Image.new("RGB", (4000, 3000)), min_side=360).size == (500, 375)
    assert working_image(Image.new("RGB", (500, 400)), min_side=360).size == (500, 400)
