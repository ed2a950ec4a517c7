"""Which of the asked words a picture holds, and how many pictures hold each: named clauses and counts."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from hybrid_search.query.colour_clauses import colour_clause, graded_colour_clause
from hybrid_search.query.text import PREDICTED_FIELDS, is_stop_word, text_leg, word_ways, written

if TYPE_CHECKING:
    from hybrid_search.query.text import ParsedText

WORD = "word:"
"""Before a word that people wrote, the camera knows, or a name or folder has."""
COLOUR = "colour:"
"""Before a word that names a colour of which a picture has a fair share; its score says how much."""
LABEL = "label:"
"""Before a word that an embedder took a picture for."""
EVERY_WORD = "every word"
EVERY_WORD_BOOST = 100.0
"""More than words score, so that pictures that hold all of them are in every window; less than vectors are lifted."""
_TIE_BREAKER = 0.3
_SHARE = 4


def least_words(words: int) -> int:
    """Return how many words of a text a picture has to hold: a fourth of them.

    Of five or more words, one is nearly everywhere. Asked for the half, captions of eight and more words find fewer of
    their pictures than without an end; see docs/benchmarks.md.

    Examples
    --------
    >>> [least_words(words) for words in (1, 2, 4, 5, 9)]
    [1, 1, 1, 2, 3]
    """
    return max(1, math.ceil(words / _SHARE))


def named_text_leg(parsed: ParsedText, *, least: int) -> dict[str, Any] | None:
    """Return `text_leg` with a name on every word, and a lift for all of them together.

    Parameters
    ----------
    parsed : ParsedText
    least : int
        How many words a hit has at least, where there is no phrase that it must have.
    """
    leg = text_leg(parsed, ways=partial(_named_word, colours=parsed.colours), least=least)
    if leg is not None and is_graded(parsed):
        leg["bool"]["should"].append({"constant_score": {"filter": _every_word(parsed), "boost": EVERY_WORD_BOOST}})
    return leg


def word_aggs(parsed: ParsedText) -> dict[str, Any]:
    """Return aggregations that count the pictures that hold each word, and all of them; none for a word alone."""
    if not is_graded(parsed):
        return {}
    # how rare a colour word is says what is written: nearly all pictures have some black
    words = {WORD + word: {"filter": _anywhere(word, parsed.fields)} for word in parsed.sought}
    return {**words, EVERY_WORD: {"filter": _every_word(parsed)}}


def is_graded(parsed: ParsedText) -> bool:
    """Tell whether a picture may hold some of the words and not the others."""
    return parsed.words + len(parsed.phrases) > 1 and parsed.words > 0 and not all(map(is_stop_word, parsed.sought))


def holds_every_word(names: Collection[str], words: Sequence[str]) -> bool:
    """Tell by the names of the clauses that a hit matches whether it holds all words, predictions included."""
    return all(any(kind + word in names for kind in (WORD, LABEL, COLOUR)) for word in words)


def _named_word(word: str, fields: Mapping[str, float], *, colours: Mapping[str, str]) -> list[dict[str, Any]]:
    held, label = _in_parts(word, fields)
    colour = graded_colour_clause(colours[word], name=COLOUR + word) if word in colours else None
    return [_best_of(_named(held, WORD + word), label and _named(label, LABEL + word), colour)]


def _every_word(parsed: ParsedText) -> dict[str, Any]:
    colours = parsed.colours
    return {"bool": {"must": [_anywhere(word, parsed.fields, colour=colours.get(word, "")) for word in parsed.sought]}}


def _anywhere(word: str, fields: Mapping[str, float], *, colour: str = "") -> dict[str, Any]:
    return _best_of(*_in_parts(word, fields), colour_clause(colour) if colour else None)


def _in_parts(word: str, fields: Mapping[str, float]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the clause of a word in what people wrote, and that in what an embedder predicted."""
    of_people = {name: boost for name, boost in fields.items() if name not in PREDICTED_FIELDS}
    predicted = {name: boost for name, boost in fields.items() if name in PREDICTED_FIELDS}
    ways = word_ways(word, of_people)
    held = ways[0] if len(ways) == 1 else {"bool": {"should": ways, "minimum_should_match": 1}}
    return held, written(word, predicted) if predicted else None


def _best_of(held: dict[str, Any], *seen: dict[str, Any] | None) -> dict[str, Any]:
    queries = [held, *filter(None, seen)]
    return {"dis_max": {"queries": queries, "tie_breaker": _TIE_BREAKER}} if len(queries) > 1 else held


def _named(clause: Mapping[str, Any], name: str) -> dict[str, Any]:
    ((kind, parameters),) = clause.items()
    return {kind: {**parameters, "_name": name}}
