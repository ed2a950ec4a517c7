"""Long pictures are read in parts that overlap, and every line belongs to one of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.ocr.strips import strips

SIDES = st.integers(1, 5_000)


@given(SIDES, SIDES)
def test_parts_cover_the_picture_and_own_each_stretch_once(width: int, height: int) -> None:
    parts = list(strips(width, height))
    long = max(width, height)
    assert [part.own[0] for part in parts] == [0, *(part.own[1] for part in parts[:-1])]
    assert parts[-1].own[1] == long
    for part in parts:
        left, top, right, bottom = part.box
        start, end = (left, right) if width > height else (top, bottom)
        assert 0 <= start <= part.own[0] <= part.own[1] <= end <= long
        assert (right - left) * (bottom - top) <= min(width, height) * 2.5 * min(width, height) + min(width, height)


@pytest.mark.parametrize("size", [(400, 2_400), (2_400, 400)])
def test_a_line_no_wider_than_an_eighth_of_the_shorter_side_is_whole_where_it_belongs(size: tuple[int, int]) -> None:
    parts = list(strips(*size))
    assert len(parts) > 1
    for middle in range(25, 2_375):
        (owner,) = [part for part in parts if part.own[0] <= middle < part.own[1]]
        left, top, right, bottom = owner.box
        start, end = (left, right) if size[0] > size[1] else (top, bottom)
        assert start <= middle - 25 and middle + 25 <= end


def test_what_is_not_long_is_one_part() -> None:
    assert [part.box for part in strips(1_000, 2_500)] == [(0, 0, 1_000, 2_500)]
