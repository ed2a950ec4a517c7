"""Texts as they are given to whatever embeds them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hybrid_search.errors import QueryError


def given_texts(texts: Any) -> list[str]:
    """Return the texts as a list.

    Parameters
    ----------
    texts : iterable of str
        One text alone is refused: it would be taken letter by letter.

    Raises
    ------
    QueryError
        When they are one string, or something among them is none.

    Examples
    --------
    >>> given_texts(("a dog", "a boat"))
    ['a dog', 'a boat']
    """
    if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
        raise QueryError(f"embed_texts takes a list of texts, such as ['a dog'] (got {_shown(texts)})")
    given = list(texts)
    for place, text in enumerate(given):
        if not isinstance(text, str):
            raise QueryError(f"embed_texts takes strings; number {place} of {len(given)} is {_shown(text)}")
    return given


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:40]}…"
