"""Which readings are text: patterns in photos are read as letters too, but shortly and with less confidence."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from hybrid_search.ocr.text_line import TextLine

SURE = 0.8
"""Confidence of a line that counts. Of 70 drawn pictures it keeps every word that 0.6 does; most of what is read into
patterns of photos has less (`scripts/bench.py ocr`)."""
LETTERS = 3
"""Letters and digits that one of the lines has at least; an ideograph counts for two. What is read into photos has one
or two."""


def legible(lines: Iterable[TextLine]) -> tuple[TextLine, ...]:
    """Return the lines that are text; none where no line is long enough to stand by itself.

    Parameters
    ----------
    lines : iterable of TextLine
        As they were read, in reading order.

    Examples
    --------
    >>> def read(text, confidence):
    ...     return TextLine(text, confidence, 0.1, 0.1, 0.2, 0.1)
    >>> [line.text for line in legible([read("Total", 0.99), read("3", 0.95), read("K", 0.7)])]
    ['Total', '3']
    >>> legible([read("AS", 0.95), read("I", 0.99)])
    ()
    """
    sure = tuple(line for line in lines if line.confidence >= SURE and _letters(line.text))
    return sure if any(_letters(line.text) >= LETTERS for line in sure) else ()


def _letters(text: str) -> int:
    return sum(2 if unicodedata.category(each) == "Lo" else 1 for each in text if each.isalnum())
