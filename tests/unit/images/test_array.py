"""Arrays of the kinds that pictures come in are images; the others are refused with a reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hybrid_search.errors import ImageTooLarge, ImageUnreadable
from hybrid_search.images import DEFAULT_LIMITS, Limits, load_image
from hybrid_search.images.array import array_to_image

GREY = np.array([[0, 51], [102, 255], [7, 8]], dtype=np.uint8)
RGB = np.dstack([GREY, 255 - GREY, GREY // 2])


def pixels(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(load_image(array))


def test_every_kind_gives_the_same_picture() -> None:
    grey = np.dstack([GREY] * 3)
    assert (pixels(GREY) == grey).all()
    assert (pixels(GREY[:, :, None]) == grey).all()
    assert (pixels(GREY.astype(np.uint16) * 257) == grey).all()
    assert (pixels(GREY / 255) == grey).all()
    assert (pixels((GREY / 255).astype(np.float32)) == grey).all()
    assert (pixels(GREY.astype(np.float64)) == grey).all()
    assert (pixels(RGB) == RGB).all()
    assert (pixels(RGB / 255) == RGB).all()
    assert (pixels(np.asfortranarray(RGB)) == RGB).all()
    assert (pixels(RGB[::-1, ::-1]) == RGB[::-1, ::-1]).all()
    assert (pixels(GREY > 60) == np.where(grey > 60, 255, 0)).all()


def test_alpha_is_laid_on_white() -> None:
    rgba = np.zeros((1, 3, 4), dtype=np.uint8)
    rgba[0, :, 3] = (0, 51, 255)
    assert pixels(rgba)[0].tolist() == [[255] * 3, [204] * 3, [0] * 3]
    assert pixels(rgba[:, :, [0, 3]])[0].tolist() == [[255] * 3, [204] * 3, [0] * 3]


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (np.zeros((4, 4), dtype=np.int64), "dtype int64"),
        (np.zeros((4, 4), dtype=np.uint32), "dtype uint32"),
        (np.zeros((4, 4), dtype=complex), "dtype complex128"),
        (np.array([["a"]]), "dtype <U1"),
        (np.zeros(12), "shape (12,)"),
        (np.zeros((3, 40, 50)), "last axis"),
        (np.zeros((2, 4, 4, 3)), "shape (2, 4, 4, 3)"),
        (np.zeros((0, 4)), "no pixels"),
        (np.array([[0.5, np.nan]]), "not finite"),
        (np.array([[-np.inf, 0.5]], np.float16), "not finite"),
    ],
    ids=lambda value: None if isinstance(value, np.ndarray) else value,
)
def test_what_is_no_picture_is_refused_with_a_reason(array: np.ndarray[Any, Any], word: str) -> None:
    with pytest.raises(ImageUnreadable) as refusal:
        load_image(array)
    assert word in refusal.value.reason


def test_too_many_pixels_are_refused() -> None:
    with pytest.raises(ImageTooLarge) as refusal:
        load_image(np.broadcast_to(np.uint8(0), (1000, 1000)), limits=Limits(max_pixels=999_999))
    assert (refusal.value.pixels, refusal.value.limit) == (1_000_000, 999_999)


def test_the_image_does_not_share_the_memory_of_the_array() -> None:
    array = GREY.copy()
    image = array_to_image(array, limits=DEFAULT_LIMITS)
    array[:] = 99
    assert (np.asarray(image) == GREY).all()
