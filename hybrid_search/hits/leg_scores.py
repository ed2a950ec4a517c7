"""Each leg's own scores of the hits of a response: BM25, cosines, nearness of signatures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hybrid_search.query.query import Query
from hybrid_search.query.word_clauses import EVERY_WORD_BOOST, holds_every_word, is_graded

_ROUNDING = 1e-9


def leg_scores(
    found: Mapping[str, Mapping[str, Any]], *, query: Query, body: Mapping[str, Any]
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Return the scores of each leg by id, best first, and the signature distances by id.

    Parameters
    ----------
    found : mapping
        Hits by id.
    query : Query
        What was asked.
    body : mapping
        The body that was sent, whose boosts are divided out of the scores.
    """
    boosts = {clause["_name"]: float(clause["boost"]) for clause in body.get("knn", ())}
    raw: dict[str, dict[str, float]] = {name: {} for name in query.legs}
    graded = query.fusion == "evidence" and is_graded(query.text)
    for id, hit in found.items():
        names = hit.get("matched_queries", {})
        for name, score in names.items():
            if name in raw:
                raw[name][id] = float(score) / boosts.get(name, 1.0)
        if graded and "text" in names and holds_every_word(names, query.text.sought):
            raw["text"][id] = max(0.0, raw["text"][id] - EVERY_WORD_BOOST)
    distances = _distances(raw.get("signature", {}), found, query)
    vectors = {leg.name: leg for leg in query.vectors}
    legs: dict[str, dict[str, float]] = {}
    for name, scores in raw.items():
        if name == "signature":
            scores = {id: 1.0 - distances[id] for id in scores if id in distances}
        elif name != "text":
            scores = {id: min(1.0, max(-1.0, 2.0 * score - 1.0)) for id, score in scores.items()}
        least = query.leg_minima.get(
            name, query.leg_minima.get("vector") if name not in ("text", "signature") else None
        )
        if least is None and name in vectors:
            least = query.least_cosine(vectors[name])
        legs[name] = {id: score for id, score in scores.items() if least is None or score >= least - 1e-6}
    return {name: _ordered(name, legs) for name in legs}, distances


def _ordered(name: str, legs: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return a leg best first. What it ties, the other legs decide, then the id; a leg alone keeps the order it has.

    Words that only labels hold give many pictures one score: by id, chance would rank them up to fifty places apart.
    """
    others = [scores for other, scores in sorted(legs.items()) if other != name]
    return dict(sorted(legs[name].items(), key=lambda entry: sort_key(*entry, ties=others, alone=not others)))


def sort_key(id: str, score: float, *, ties: Sequence[Mapping[str, float]], alone: bool) -> tuple[float | str, ...]:
    """Return what a hit is sorted by: its score, then those of the legs that decide ties, then its id.

    Parameters
    ----------
    ties : sequence of mapping of str to float
        Scores by id of legs that decide where scores are equal, the first that tells them apart.
    alone : bool
        Whether there is one leg, which keeps the order that it has, whatever the ids.
    """
    return (-score, *(-scores.get(id, -math.inf) for scores in ties), "" if alone else id)


def _distances(scores: Mapping[str, float], found: Mapping[str, Mapping[str, Any]], query: Query) -> dict[str, float]:
    if query.signature is None:
        return {}
    distances: dict[str, float] = {}
    for id, score in scores.items():
        # Signatures are whole numbers, and so is their product, which a cosine in single precision still tells.
        mine, other = query.signature.length, float(found[id].get("_source", {}).get("signature_norm", 0.0))
        product = round((2.0 * score - 1.0) * mine * other)
        squared = max(0, round(mine**2) + round(other**2) - 2 * product)
        distance = math.sqrt(squared) / (mine + other)
        if distance <= query.signature.max_distance + _ROUNDING:
            distances[id] = distance
    return distances
