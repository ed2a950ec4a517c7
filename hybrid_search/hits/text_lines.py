"""The lines inside a found picture that hold what was searched for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hybrid_search.document.search_text import fold, search_text
from hybrid_search.ocr.text_line import TextLine
from hybrid_search.query.explain import TERM

_TOKEN = re.compile(r"\w+")
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_STEM, _ENDING = 4, 3
"""Letters that two forms of one word share at least, and letters of an ending at most: "invoice", "invoices"."""


def lines_with(source: Mapping[str, Any], sought: Iterable[str]) -> tuple[TextLine, ...]:
    """Return the lines inside a picture in which all words of one of the texts stand.

    Parameters
    ----------
    source : mapping
        The document's fields; its `text_lines` are looked through.
    sought : iterable of str
        Words, or phrases of several words.

    Examples
    --------
    >>> entry = {"confidence": 0.99, "left": 0.1, "top": 0.1, "width": 0.5, "height": 0.1}
    >>> source = {"text_lines": [{"text": "Two invoices", **entry}, {"text": "Straße 7", **entry}]}
    >>> [line.text for line in lines_with(source, ["invoice", "strasse"])]
    ['Two invoices', 'Straße 7']
    """
    wanted = [words for text in sought if (words := _words(text))]
    lines = [TextLine.from_json(entry) for entry in source.get("text_lines") or ()] if wanted else []
    return tuple(line for line in lines if any(_holds(line.text, words) for words in wanted))


def sought_in_picture(matched: Sequence[str]) -> list[str]:
    """Return the words and phrases that a hit has in the text inside its picture, of what `Hit.matched` names.

    Examples
    --------
    >>> sought_in_picture(["filter:iso:100", "term:total@text_in_picture", "term:dog@labels"])
    ['total']
    """
    named = (name.removeprefix(TERM).rpartition("@") for name in matched if name.startswith(TERM))
    return [text for text, _, field in named if field == "text_in_picture"]


def _words(text: str) -> list[str]:
    return _TOKEN.findall(fold(search_text(text)))


def _holds(text: str, words: Sequence[str]) -> bool:
    there = _words(text)
    return all(any(_same(word, other) for other in there) for word in words)


def _same(word: str, other: str) -> bool:
    if _IDEOGRAPH.search(word):
        # these scripts have no spaces between words
        return word in other
    shorter, longer = sorted((word, other), key=len)
    return word == other or (
        len(shorter) >= _STEM and len(longer) - len(shorter) <= _ENDING and longer.startswith(shorter)
    )
