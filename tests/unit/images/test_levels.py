"""Numbers of any range become 8-bit levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hybrid_search.images.levels import to_uint8


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (np.array([False, True]), [0, 255]),
        (np.array([0, 7, 255], "u1"), [0, 7, 255]),
        (np.array([0, 257, 32768, 65535], "u2"), [0, 1, 128, 255]),
        (np.array([0, 257, 32768, 65535], ">u2"), [0, 1, 128, 255]),
        (np.array([0, 2048, 4095], "u2"), [0, 128, 255]),
        (np.array([0, 512, 1023], "u2"), [0, 128, 255]),
        (np.array([0, 7, 255], "u2"), [0, 7, 255]),
        (np.array([0, 0], "u2"), [0, 0]),
        (np.array([0, 65535], "i4"), [0, 255]),
        (np.array([-100, 0, 100], "i4"), [0, 128, 255]),
        (np.array([1000, 70000], "i4"), [0, 255]),
        (np.array([0.0, 0.25, 1.0]), [0, 64, 255]),
        (np.array([0.0, 100.0, 255.0], "f4"), [0, 100, 255]),
        (np.array([0.0, 257.0, 65535.0]), [0, 1, 255]),
        (np.array([-1.0, 0.0, 1.0]), [0, 128, 255]),
        (np.array([0.0, np.nan, 1.0, np.inf, -np.inf]), [0, 0, 255, 255, 0]),
        (np.array([np.nan, np.nan]), [0, 0]),
        (np.array([-5.0, -5.0]), [0, 0]),
        (np.array([-1.7e308, 1.7e308]), [0, 255]),
    ],
    ids=lambda value: None if isinstance(value, np.ndarray) else str(value),
)
def test_levels_by_hand(values: np.ndarray[Any, Any], levels: list[int]) -> None:
    assert to_uint8(values).tolist() == levels


@given(arrays.arrays(np.float64, st.integers(1, 20), elements=st.floats(width=64, allow_nan=False)))
def test_brighter_never_becomes_darker(values: np.ndarray[Any, Any]) -> None:
    levels = to_uint8(np.sort(values)).astype(int)
    assert (np.diff(levels) >= 0).all()
