"""Colour histogram and HOG, against arithmetic by hand and scikit-image, and what they find among real photos."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.feature import hog

from hybrid_search.embedders.histogram_hog import HistogramHog, colour_histogram, oriented_gradients
from tests.support.fakes import photo


def _scikit_images(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    found = hog(grey, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2), block_norm="L2-Hys")
    return np.asarray(found)


@pytest.mark.parametrize("seed", range(5))
def test_hog_equals_scikit_images_on_pictures(seed: int) -> None:
    grey = np.asarray(photo(seed, (128, 96)).convert("L"), np.float64) / 255
    np.testing.assert_allclose(oriented_gradients(grey), _scikit_images(grey), atol=1e-6)


@pytest.mark.parametrize("shape", [(16, 16), (16, 80), (64, 64), (104, 24)])
def test_hog_equals_scikit_images_on_noise(shape: tuple[int, int]) -> None:
    grey = np.random.default_rng(7).random(shape)
    np.testing.assert_allclose(oriented_gradients(grey), _scikit_images(grey), atol=1e-6)


def test_hog_by_hand() -> None:
    # a ramp from left to right has the angle 0 and the difference 2 everywhere but in the first and last column
    cells = oriented_gradients(np.tile(np.arange(24.0), (16, 1))).reshape(2, 4, 9)
    assert not cells[:, :, 1:].any()
    # cells of columns 0–7 have 7/8 of the sum of those of 8–15: lengths 7 and 8, twice each; clipped at 0.2, all alike
    np.testing.assert_allclose(cells[:, :, 0], 0.5, atol=1e-6)


def test_histogram_by_hand() -> None:
    image = Image.new("RGB", (4, 1))
    for x, colour in enumerate([(255, 0, 0), (255, 0, 0), (0, 0, 0), (255, 255, 255)]):
        image.putpixel((x, 0), colour)
    histogram = colour_histogram(image)
    # index = (hue bin · 4 + saturation bin) · 4 + value bin; red is hue 0, full saturation and value
    assert histogram[(0 * 4 + 3) * 4 + 3] == 0.5
    assert histogram[0] == 0.25 and histogram[3] == 0.25
    assert histogram.sum() == pytest.approx(1.0)


def test_each_colour_falls_in_its_bin() -> None:
    # the middle of every bin that has a hue, by the standard library's conversion
    for hue in range(12):
        for saturation in range(1, 4):
            for value in range(1, 4):
                middle = (hue + 0.5) / 12, (saturation + 0.5) / 4, (value + 0.5) / 4
                colour = tuple(round(channel * 255) for channel in colorsys.hsv_to_rgb(*middle))
                histogram = colour_histogram(Image.new("RGB", (3, 2), colour))
                assert histogram[(hue * 4 + saturation) * 4 + value] == 1.0


def test_colours_and_shapes_have_their_shares() -> None:
    first, second = HistogramHog().embed_images([photo(1), photo(2)])
    for vector in (first, second):
        assert np.linalg.norm(vector[:192]) ** 2 == pytest.approx(0.25, abs=1e-5)
        assert np.linalg.norm(vector[192:]) ** 2 == pytest.approx(0.75, abs=1e-5)
    # gradients of unlike pictures have little in common once their mean is gone
    assert first[192:].mean() == pytest.approx(0.0, abs=1e-6)
    assert abs(first[192:] @ second[192:]) < 0.3


def test_a_flat_image_is_its_colour_alone() -> None:
    vectors = HistogramHog().embed_images([Image.new("RGB", (40, 30), colour) for colour in ("#f00", "#e00", "#0f0")])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    assert vectors[0] @ vectors[1] == pytest.approx(1.0)
    assert vectors[0] @ vectors[2] == 0.0


def test_a_smaller_copy_is_nearer_than_any_other() -> None:
    images = [photo(seed, (400, 300)) for seed in range(8)]
    smaller = [image.resize((200, 150), Image.Resampling.LANCZOS).convert("RGB") for image in images]
    cosines = HistogramHog().embed_images(images) @ HistogramHog().embed_images(smaller).T
    assert cosines.argmax(axis=1).tolist() == list(range(8))
    assert cosines.diagonal().min() > 0.9


def test_finds_the_same_class_far_more_often_than_chance(data: Path) -> None:
    lines = (data / "caltech101" / "split.txt").read_text(encoding="utf-8").splitlines()
    split = [line.rsplit(" ", 1) for line in lines if line.strip()]
    wanted = sorted({path.split("/")[0] for path, _ in split})[::4]
    split = [(path, part) for path, part in split if path.split("/")[0] in wanted]
    images = [Image.open(data / "caltech101" / path).convert("RGB") for path, _ in split]
    classes = np.array([path.split("/")[0] for path, _ in split])
    is_query = np.array([part == "query" for _, part in split])
    vectors = HistogramHog().embed_images(images)
    noise = np.random.default_rng(0).standard_normal(vectors.shape)
    found, chance = (_mean_average_precision(rows, classes, is_query) for rows in (vectors, noise))
    # measured on these 26 classes: 33 % against 6 %; on all 101: 17.8 % against 1.6 %
    assert found > 4 * chance and found > 0.27


def _mean_average_precision(
    vectors: NDArray[np.floating], classes: NDArray[np.str_], is_query: NDArray[np.bool_]
) -> float:
    order = np.argsort(-vectors[is_query] @ vectors[~is_query].T, axis=1)
    relevant = classes[~is_query][order] == classes[is_query][:, None]
    precision = np.cumsum(relevant, axis=1) / np.arange(1, relevant.shape[1] + 1)
    return float(np.mean((precision * relevant).sum(axis=1) / relevant.sum(axis=1)))
