"""Colour histogram and HOG, against arithmetic by hand and scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage.feature import hog

from hybrid_search.embedders.descriptors import HistogramHog, colour_histogram, oriented_gradients
from tests.fakes import photo


@pytest.mark.parametrize("seed", range(5))
def test_hog_equals_scikit_image(seed: int) -> None:
    grey = np.asarray(photo(seed, (128, 96)).convert("L"), np.float64) / 255
    expected = hog(grey, orientations=9, pixels_per_cell=(16, 16), cells_per_block=(2, 2), block_norm="L2-Hys")
    np.testing.assert_allclose(oriented_gradients(grey), expected, atol=1e-6)


def test_histogram_by_hand() -> None:
    image = Image.new("RGB", (4, 1))
    for x, colour in enumerate([(255, 0, 0), (255, 0, 0), (0, 0, 0), (255, 255, 255)]):
        image.putpixel((x, 0), colour)
    histogram = colour_histogram(image)
    # index = (hue bin · 4 + saturation bin) · 4 + value bin; red is hue 0, full saturation and value
    assert histogram[(0 * 4 + 3) * 4 + 3] == 0.5
    assert histogram[0] == 0.25 and histogram[3] == 0.25
    assert histogram.sum() == pytest.approx(1.0)


def test_same_colours_are_nearer_than_others() -> None:
    red, darker, green = (Image.new("RGB", (64, 64), colour) for colour in ("#f00", "#e00", "#0f0"))
    vectors = HistogramHog().embed_images([red, darker, green])
    assert vectors[0] @ vectors[1] > 0.9 > vectors[0] @ vectors[2]
