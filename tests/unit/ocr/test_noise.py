"""Patterns of photos that look like letters do not become words."""

from __future__ import annotations

import pytest

from hybrid_search.ocr.noise import legible
from hybrid_search.ocr.text_line import TextLine


def kept(*readings: tuple[str, float]) -> list[str]:
    return [line.text for line in legible(TextLine(*reading, 0, 0, 1, 1) for reading in readings)]


@pytest.mark.parametrize("reading", [("C", 0.99), ("AS", 0.97), ("!?/…", 0.99), ("Kiosk", 0.7), ("口", 0.95)])
def test_what_is_short_or_unsure_does_not_stand_by_itself(reading: tuple[str, float]) -> None:
    assert kept(reading) == []


@pytest.mark.parametrize("text", ["Exit", "12.50", "出口", "Öle!"])
def test_one_sure_line_is_enough(text: str) -> None:
    assert kept((text, 0.95)) == [text]


def test_beside_a_sure_line_shorter_ones_stand_in_their_order() -> None:
    assert kept(("7", 0.85), ("Total", 0.98), ("€", 0.99), ("K", 0.5)) == ["7", "Total"]
