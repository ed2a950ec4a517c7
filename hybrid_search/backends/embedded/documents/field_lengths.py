"""The average length of a text field over the documents that have it, which BM25 needs and tantivy does not keep.

tantivy divides a field's tokens by *all* documents, Lucene by those that have the field. With captions on one picture
in ten, every caption would count as ten times too long and lose most of its score. So a document without the field
gets as many filler tokens as the average document with it has: then both divisions agree. No query names the filler.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tantivy

FILLER = "\0"
_MOST = 10_000
"""Filler tokens of one document at most; chosen, not measured."""
_TYPICAL = 6
"""Tokens of a text, until there is one: who captions pictures that are indexed already adds to none of the others."""


class Lengths:
    """Documents and tokens of every text field so far, and the fillers given.

    Parameters
    ----------
    counts : mapping of str to [int, int, int, int], optional
        What `counts` gave earlier: documents with the field, their tokens, documents without it, filler tokens.
    """

    def __init__(self, counts: Mapping[str, list[int]] | None = None) -> None:
        self.counts = {name: list(values) for name, values in (counts or {}).items()}

    def add(self, field: str, tokens: int) -> None:
        """Note that a document has this many tokens in a field."""
        count = self.counts.setdefault(field, [0, 0, 0, 0])
        count[0] += 1
        count[1] += tokens

    def fill(self, field: str) -> int:
        """Note that a document lacks a field, and return the filler tokens that it gets."""
        count = self.counts.setdefault(field, [0, 0, 0, 0])
        count[2] += 1
        wanted = round((count[1] / count[0] if count[0] else _TYPICAL) * count[2])
        given = min(max(0, wanted - count[3]), _MOST)
        count[3] += given
        return given


def filled(fields: Mapping[str, int]) -> tantivy.Document:
    """Return a new tantivy document with so many filler tokens in each of these text fields."""
    from tantivy import Document

    if not fields:
        return Document()
    # the form that documents are pickled in: in tantivy 0.26 nothing else takes tokens past the analyser
    pickled = {field: [{"PreTokStr": _tokens(count)}] for field, count in fields.items()}
    document: tantivy.Document = Document._internal_from_pythonized(pickled)  # type: ignore[attr-defined]
    return document


@lru_cache(maxsize=256)
def _tokens(count: int) -> dict[str, Any]:
    token = {"text": FILLER, "position_length": 1, "offset_from": 0, "offset_to": 0}
    return {"text": "", "tokens": [{**token, "position": position} for position in range(count)]}
