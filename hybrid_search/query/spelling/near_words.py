"""Words of an index that are spelt nearly like those that were typed, asked of its own term dictionaries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hybrid_search.document.definition import field_types
from hybrid_search.document.search_text import fold
from hybrid_search.query.spelling.model import NearWord
from hybrid_search.query.text import text_fields, written

if TYPE_CHECKING:
    from hybrid_search.backends import Backend

FEWEST_LETTERS = 4
"""A word of three letters is one edit away from dozens of others."""
_LETTERS_FOR_TWO, _MOST_EDITS = 6, 2
_TERMS = 5
"""As many of a field's terms are looked at, and as many of all fields."""
_PICTURES = 3
_WORD = re.compile(r"[^\W\d_]+")
_SHOWN = (
    *("title", "caption", "headline", "alt", "prompt", "tags", "people", "labels", "written_labels", "hypernyms"),
    *("text_in_picture", "path", "place", "camera", "lens"),
)
"""What a picture's words come from, as people wrote it."""


def most_edits(word: str) -> int:
    """Return how many edits away a word may be from what was meant.

    Examples
    --------
    >>> most_edits("berln"), most_edits("iphnoe")
    (1, 2)
    """
    return _MOST_EDITS if len(word) >= _LETTERS_FOR_TWO else 1


class NearWords:
    """What an index knows of some words: in how many pictures each is, and which words are spelt nearly like it.

    Parameters
    ----------
    backend : Backend
    definition : mapping
        Settings and mappings of the index.
    words : sequence of str
        Of letters alone.
    joined : sequence of str
        Words that are only counted.
    """

    def __init__(
        self, backend: Backend, definition: Mapping[str, Any], words: Sequence[str], *, joined: Sequence[str] = ()
    ) -> None:
        self._backend = backend
        self._fields = list(text_fields(field_types(definition)))
        self._found = backend.search(self._body(words, joined))

    def is_known(self, word: str) -> bool:
        """Tell whether some picture of the index holds a word."""
        return bool(self._found["aggregations"][word]["doc_count"])

    def near(self, word: str) -> list[NearWord]:
        """Return the words that are spelt nearly like a word, the nearest and among those the most frequent first."""
        terms: dict[tuple[str, str], tuple[float, int]] = {}
        for field in self._fields:
            for part in self._found["suggest"].get(f"{word}@{field}", ()):
                for option in part["options"]:
                    terms[option["text"], field] = option["score"], option["freq"]
        best = sorted(terms, key=lambda each: (-terms[each][0], -terms[each][1], each))[: 2 * _TERMS]
        # what a field has are stems; how words are written is read off pictures that hold them
        bodies = [_pictures(term, field) for term, field in best]
        answers = self._backend.msearch(bodies) if bodies else []
        counts: dict[str, NearWord] = {}
        for term, answer in zip(best, answers, strict=True):
            for written_as, edits in _spelt(word, answer):
                known = counts.get(fold(written_as))
                if known is None or known.pictures < terms[term][1]:
                    counts[fold(written_as)] = NearWord(written_as, edits, terms[term][1])
        return sorted(counts.values(), key=lambda near: (near.edits, -near.pictures, near.word))

    def _body(self, words: Sequence[str], joined: Sequence[str]) -> dict[str, Any]:
        fields = dict.fromkeys(self._fields, 1.0)
        return {
            "size": 0,
            "track_total_hits": False,
            "query": {"match_all": {}},
            "aggs": {word: {"filter": written(word, fields)} for word in dict.fromkeys((*words, *joined))},
            "suggest": {
                f"{word}@{field}": {
                    "text": fold(word),
                    "term": {
                        "field": field,
                        "suggest_mode": "always",
                        # stems may be farther apart than the words
                        "max_edits": _MOST_EDITS,
                        "prefix_length": 1,
                        "min_word_length": FEWEST_LETTERS - 1,
                        "size": _TERMS,
                    },
                }
                for word in words
                if len(word) >= FEWEST_LETTERS
                for field in self._fields
            },
        }


def _pictures(term: str, field: str) -> dict[str, Any]:
    query = {"term": {field: {"value": term}}}
    return {"size": _PICTURES, "track_total_hits": False, "_source": list(_SHOWN), "query": query}


def _spelt(word: str, answer: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the words in pictures that are spelt nearly like a word, with how many edits they are away."""
    from rapidfuzz.distance import OSA

    most, folded = most_edits(word), fold(word)
    texts = (text for hit in answer["hits"]["hits"] for text in _texts(hit["_source"]))
    # small letters first: "wedding" rather than the "Wedding" of a folder
    for each in sorted({found for text in texts for found in _WORD.findall(text)}, key=str.swapcase):
        edits = int(OSA.distance(folded, fold(each), score_cutoff=most))
        if 0 < edits <= most:
            yield each, edits


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)
