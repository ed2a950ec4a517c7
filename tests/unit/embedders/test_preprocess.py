"""Pictures brought to a square."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hybrid_search.embedders.preprocess import center_crop, pad, squash, trim
from tests.support.fakes import photo

RECIPES = [pad, squash, trim, center_crop]


def stripes(width: int, height: int) -> Image.Image:
    """Draw a picture whose red tells the column and whose green tells the row, as shares of 200."""
    red = np.linspace(0, 200, width)[None, :].repeat(height, 0)
    green = np.linspace(0, 200, height)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack([red, green, red * 0], axis=2).round().astype(np.uint8))


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (224, 224), (640, 427), (3000, 200)])
def test_every_size_becomes_the_square(recipe, size) -> None:  # type: ignore[no-untyped-def]
    pixels = recipe(Image.new("RGB", size, "teal"), 224)
    assert pixels.shape == (224, 224, 3) and pixels.dtype == np.uint8
    assert (pixels[111, 111] == (0, 128, 128)).all()


@pytest.mark.parametrize("recipe", RECIPES)
def test_other_modes_become_rgb(recipe) -> None:  # type: ignore[no-untyped-def]
    assert recipe(Image.new("L", (50, 40), 7), 32)[16, 16].tolist() == [7, 7, 7]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_square_of_the_right_size_is_left_alone(recipe) -> None:  # type: ignore[no-untyped-def]
    image = photo(3, (64, 64))
    np.testing.assert_array_equal(recipe(image, 64), np.asarray(image))


def columns(pixels: np.ndarray) -> tuple[float, float]:
    return pixels[50, 0, 0] / 200, pixels[50, -1, 0] / 200


@pytest.mark.parametrize(
    "width, height, left",
    # cut on each side: nothing up to 4:3; (1 - 8/9) / 2 of 3:2; (1 - 3/4) / 2 of 16:9; never more than an eighth
    [(400, 400, 0), (400, 300, 0), (600, 400, 1 / 18), (1600, 900, 1 / 8), (4000, 400, 1 / 8)],
)
def test_trim_cuts_the_ends_of_wide_pictures(width: int, height: int, left: float) -> None:
    first, last = columns(trim(stripes(width, height), 100))
    assert first == pytest.approx(left, abs=0.015) and last == pytest.approx(1 - left, abs=0.015)
    upright = trim(stripes(height, width), 100)
    assert upright[0, 50, 1] / 200 == pytest.approx(left, abs=0.015)
    assert upright[50, 0, 0] / 200 == pytest.approx(0, abs=0.015), "the shorter side stays whole"


def test_squash_keeps_everything_and_crop_the_middle() -> None:
    assert columns(squash(stripes(800, 400), 100)) == pytest.approx((0, 1), abs=0.015)
    assert columns(center_crop(stripes(800, 400), 100)) == pytest.approx((0.25, 0.75), abs=0.015)


def test_pad_keeps_the_shape() -> None:
    pixels = pad(stripes(800, 400), 100, fill=(9, 8, 7))
    assert columns(pixels) == pytest.approx((0, 1), abs=0.015)
    assert (pixels[:25] == (9, 8, 7)).all() and (pixels[75:] == (9, 8, 7)).all()
    assert (pixels[25:75, 50, 2] == 0).all()
