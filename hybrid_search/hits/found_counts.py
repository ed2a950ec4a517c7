"""How many pictures a question has found, whether there is more, and how many have each value of a facet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hybrid_search.query.facets import read_facets
from hybrid_search.query.word_clauses import EVERY_WORD, is_graded

if TYPE_CHECKING:
    from hybrid_search.hits.leg_evidence import Scores, WordsHeld
    from hybrid_search.query.query import Query


def has_more(query: Query, total: int) -> bool:
    """Tell whether there is more than a total, without evidence that it is what was asked."""
    more = bool(query.vectors) or is_graded(query.text)
    return query.ends and more and (query.documents is None or total < query.documents)


def total_found(
    response: Mapping[str, Any],
    *,
    found: Mapping[str, Any],
    kept: Mapping[str, float],
    query: Query,
    held: WordsHeld,
) -> int:
    """Return how many documents match; of those that hold some words alone, not all are in the response."""
    total = response["hits"].get("total", 0)
    total = int(total["value"] if isinstance(total, Mapping) else total)
    if query.ends and held.every and (every := response.get("aggregations", {}).get(EVERY_WORD)):
        return int(every["doc_count"]) + len(kept.keys() - held.every)
    return max(total - (len(found) - len(kept)), 0)


def facet_counts(response: Mapping[str, Any], query: Query) -> dict[str, dict[str, int]]:
    """Return the counts by facet and value, over what was found or, for vectors without an end, the whole filter."""
    if not query.facets:
        return {}
    aggregations = response["aggregations"]
    if (query.vectors or query.signature) and not query.ends:
        aggregations = aggregations["all"]["filtered"]
    return read_facets(query.facets, aggregations)


def is_cut(legs: Scores, *, kept: Mapping[str, float], query: Query, body: Mapping[str, Any], total: int) -> bool:
    """Tell whether more may match than were counted: a leg was fetched to its end, and all of it stays."""
    if not query.ends or (query.documents is not None and total >= query.documents):
        return False
    fetched = {clause["_name"]: int(clause["k"]) for clause in body.get("knn", ())}
    return any(sum(id in kept for id in scored) >= fetched[name] for name, scored in legs.items() if name in fetched)
