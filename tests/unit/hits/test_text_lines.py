"""Which lines inside a picture hold what was searched for."""

from __future__ import annotations

import pytest

from hybrid_search.hits.text_lines import lines_with

LINES = ("Corner Bakery", "12 Mill Road", "Käse 3.20", "今晚来吃饭吗", "invoice total")
SOURCE = {
    "text_lines": [
        {"text": text, "confidence": 0.99, "left": 0.1, "top": row / 10, "width": 0.5, "height": 0.05}
        for row, text in enumerate(LINES)
    ]
}


@pytest.mark.parametrize(
    ("sought", "expected"),
    [
        (["bakery"], ["Corner Bakery"]),
        (["mill road"], ["12 Mill Road"]),
        (["road mill bakery"], []),
        (["kase"], ["Käse 3.20"]),
        (["invoices"], ["invoice total"]),
        (["in"], []),
        (["吃饭"], ["今晚来吃饭吗"]),
        (["total", "12"], ["12 Mill Road", "invoice total"]),
        ([], []),
        (["…"], []),
    ],
)
def test_lines_with_all_words_of_one_of_the_texts(sought: list[str], expected: list[str]) -> None:
    assert [line.text for line in lines_with(SOURCE, sought)] == expected


def test_a_picture_that_was_not_read_or_has_no_text_has_no_lines() -> None:
    assert lines_with({}, ["total"]) == lines_with({"text_lines": None}, ["total"]) == ()
