"""What speaks for a hit, leg by leg and in one number: evidence in [0, 1] that it is what was asked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hybrid_search.query.word_clauses import COLOUR, EVERY_WORD, LABEL, WORD, holds_every_word, is_graded

if TYPE_CHECKING:
    from hybrid_search.query.query import Query, VectorLeg

BAND = 0.9
"""From here on a hit holds all words; what holds some, or resembles them, is below."""
_OF_WORDS = 0.9
_BEND = 1.2
"""A share of the words counts a little less than itself: chosen over captions as questions, see docs/benchmarks.md."""
_PREDICTED = 0.6
_NEAR = 0.8
_ROUNDING = 1e-6

Scores = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class WordsHeld:
    """Which of the asked words the hits hold.

    Parameters
    ----------
    shares : mapping of str to float
        By id the share of the words, each as much as it is rare, in (0, 1]; a predicted label counts for 0.6 of one.
    written : frozenset of str
        Ids of hits that hold all of them, in what is no prediction.
    every : frozenset of str
        Ids of hits that hold all of them, predictions included.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    written: frozenset[str] = frozenset()
    every: frozenset[str] = frozenset()


def words_held(found: Mapping[str, Mapping[str, Any]], *, query: Query, aggregations: Mapping[str, Any]) -> WordsHeld:
    """Return which of the asked words the hits of a response hold.

    Parameters
    ----------
    found : mapping
        Hits by id, with the names of the clauses that they match.
    query : Query
        What was asked.
    aggregations : mapping
        Of the response: how many pictures hold each word, of those that it counts.
    """
    held = {id: names for id, hit in found.items() if "text" in (names := hit.get("matched_queries", {}))}
    words = query.text.sought
    if not words or not any(name.startswith((WORD, LABEL, COLOUR)) for names in held.values() for name in names):
        return WordsHeld(dict.fromkeys(held, 1.0), frozenset(held), frozenset(held))
    weights = _weights(query, aggregations)
    phrases = len(query.text.phrases) * _rarity(0, query.documents or 0)
    whole = phrases + sum(weights.values())
    shares: dict[str, float] = {}
    written: set[str] = set()
    for id, names in held.items():
        parts = [weight * _held(word, names) for word, weight in weights.items()]
        shares[id] = (phrases + sum(parts)) / whole
        if all(WORD + word in names for word in words):
            written.add(id)
    graded = is_graded(query.text)
    every = {id for id, names in held.items() if not graded or holds_every_word(names, words)}
    return WordsHeld(shares, frozenset(written), frozenset(every | written))


def leg_evidence(legs: Scores, *, query: Query, held: WordsHeld) -> dict[str, dict[str, float]]:
    """Return the evidence of each leg by id, in [0, 1], in the order of the leg."""
    vectors = {leg.name: leg for leg in query.vectors}
    read: dict[str, dict[str, float]] = {}
    for name, scores in legs.items():
        if name == "text":
            read[name] = {id: _OF_WORDS * held.shares.get(id, 0.0) ** _BEND for id in scores}
        elif name in vectors:
            read[name] = {id: _of_cosine(vectors[name], score) for id, score in scores.items()}
        else:
            read[name] = {id: min(1.0, max(0.0, score)) for id, score in scores.items()}
    return read


def fused_evidence(evidence: Scores, *, query: Query, held: WordsHeld) -> dict[str, float]:
    """Return one score per id: 1 − Π (1 − weight · evidence) over the legs, as of independent witnesses.

    Of a weight counts how much it is of the largest: what a leg says is never more than it is.

    Where words are all that is asked, hits that hold all of them in what was written have a band of their own, from 0.9
    on, and the other legs order them there.

    Parameters
    ----------
    evidence : mapping of str to mapping of str to float
        By leg and id, in [0, 1].
    query : Query
        What was asked.
    held : WordsHeld
        Which of the words the hits hold.
    """
    doubts: dict[str, list[float]] = {}
    others: dict[str, list[float]] = {}
    largest = max((query.weights.get(name, 1.0) for name in evidence), default=1.0)
    for name, by_id in evidence.items():
        weight = query.weights.get(name, 1.0) / largest
        for id, value in by_id.items():
            doubt = 1.0 - weight * value
            doubts.setdefault(id, []).append(doubt)
            if name != "text":
                others.setdefault(id, []).append(doubt)
    scores: dict[str, float] = {}
    for id, parts in doubts.items():
        if not query.by_words:
            scores[id] = 1.0 - math.prod(sorted(parts))
        elif id in held.written:
            scores[id] = BAND + (1.0 - BAND) * (1.0 - math.prod(sorted(others.get(id, ()))))
        else:
            scores[id] = BAND * (1.0 - math.prod(sorted(parts)))
    return scores


def without_weak(scores: Mapping[str, float], *, legs: Scores, query: Query, held: WordsHeld) -> dict[str, float]:
    """Return the scores of hits that hold all words or resemble them strongly, where there are hits that hold all.

    Where none does, and where the nearest were asked for, all stay.
    """
    if not (query.ends and held.every):
        return dict(scores)
    strong = {
        id
        for leg in query.vectors
        if leg.resemblance is not None
        for id, cosine in legs[leg.name].items()
        if cosine >= leg.resemblance.least_cosine(strong=True) - _ROUNDING
    }
    return {id: score for id, score in scores.items() if id in held.every or id in strong}


def some_hold_every_word(response: Mapping[str, Any], query: Query) -> bool:
    """Tell whether some picture holds all words, though others may hold some of them."""
    aggregations = response.get("aggregations", {})
    if EVERY_WORD in aggregations:
        return bool(aggregations[EVERY_WORD]["doc_count"])
    return any("text" in hit.get("matched_queries", {}) for hit in response["hits"]["hits"])


def _held(word: str, names: Mapping[str, Any]) -> float:
    """Return how much a picture holds a word: wholly where it is written, less where it is seen."""
    if WORD + word in names:
        return 1.0
    seen = 1.0 if LABEL + word in names else min(1.0, float(names.get(COLOUR + word, 0.0)))
    return _PREDICTED * seen


def _weights(query: Query, aggregations: Mapping[str, Any]) -> dict[str, float]:
    counts = {word: int(aggregations.get(WORD + word, {}).get("doc_count", 0)) for word in query.text.sought}
    documents = max([query.documents or 0, *counts.values()])
    return {word: _rarity(count, documents) for word, count in counts.items()}


def _rarity(count: int, documents: int) -> float:
    """Return how much a word tells that so many of so many pictures hold: the idf of BM25."""
    return math.log(1 + (max(documents, count) - count + 0.5) / (count + 0.5))


def _of_cosine(leg: VectorLeg, cosine: float) -> float:
    if leg.resemblance is not None and not leg.nearest:
        return leg.resemblance.evidence(cosine)
    return max(0.0, cosine) if leg.nearest or not leg.words else _NEAR * max(0.0, cosine)
