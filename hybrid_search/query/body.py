"""A query as the body of an Elasticsearch `_search`, which every backend interprets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hybrid_search.query.colour_clauses import colour_clause
from hybrid_search.query.explain import name_filters, term_clauses
from hybrid_search.query.facets import facet_aggs
from hybrid_search.query.query import Query, SignatureLeg, Sort, VectorLeg
from hybrid_search.query.text import excluded_clauses, text_leg
from hybrid_search.query.word_clauses import is_graded, least_words, named_text_leg, word_aggs

SOURCE_EXCLUDES = (
    *("embedding", "signature", "words", "exif", "files", "thumbnail", "*_text"),
    *("duplicate.compared", "duplicate.compared_by", "duplicate.evidence", "duplicate.matches"),
)
"""Fields that hits leave out: large, and more hits are fetched than shown; see `Hits.with_thumbnails`."""

_BOOST = 1e3
_SIGNATURE_BOOST = 1e4  # the least near of all copies comes before the nearest vector
_SIGNATURE_K = 100  # the order of cosines is that of distances, but for lengths
_SIGNATURE_CANDIDATES = 200  # of true pairs among 404,000 it finds 99.8 %, a hundred 99.54 %
_LEAST_COPIES = 5
_MATCHING = 300
"""Of what resembles words, so many are counted and sorted, more than are shown."""
_NOTHING = {"term": {"sha256": ""}}
_NEWEST_FIRST = ({"taken_at": {"order": "desc", "missing": "_last"}},)


def build_body(query: Query) -> dict[str, Any]:
    """Return the `_search` body of a query.

    Text and kNN lists are added up by a server, and told apart again by their names: every clause that ranks has a
    `_name`, and the boosts of kNN clauses lift every member of their lists above all texts, so that the `size` best
    hold each list whole (see `guard.is_complete`). The server is asked with `include_named_queries_score`.

    Returns
    -------
    dict
        JSON, except that query vectors are numpy arrays (see `json_body`).
    """
    filters = hard_filters(query)
    body: dict[str, Any] = {
        **_page(query),
        "track_total_hits": True,
        "_source": {"excludes": list(SOURCE_EXCLUDES)},
    }
    if query.collapse_duplicates:
        body["fields"] = ["signature"]
    text = _text(query)
    knn = _knn(query, filters)
    if text or not knn:
        body["query"] = _query(query, text, filters)
    elif query.explain and filters:
        # Names inside a kNN filter are not reported; those of a query are, for every hit, also of one that finds none.
        body["query"] = {"bool": {"must": [_NOTHING], "filter": name_filters(filters)}}
    if knn:
        body["knn"] = knn
    if sort := _sort(query):
        body |= {"sort": sort, **({"track_scores": True} if query.legs else {})}
    if aggs := _aggs(query, filters, scoped=query.ends or not knn):
        body["aggs"] = aggs
    return body


def hard_filters(query: Query) -> list[dict[str, Any]]:
    """Return the clauses that every hit satisfies, whichever leg finds it."""
    meant = [dict(part.clause) for part in query.understood if part.clause is not None]
    filters = [*query.filter, *map(colour_clause, query.colours), *meant, *query.present, *excluded_clauses(query.text)]
    if query.exclude:
        filters.append({"bool": {"must_not": [{"ids": {"values": list(query.exclude)}}]}})
    return filters


def json_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body with its arrays as lists, to be shown, stored or pasted into Kibana's Dev Tools."""
    if "knn" not in body:
        return dict(body)
    return {**body, "knn": [{**clause, "query_vector": _listed(clause["query_vector"])} for clause in body["knn"]]}


def _page(query: Query) -> dict[str, int]:
    """Return which hits are fetched: a window of each list.

    Of copies, that window holds few or none: room for a fifth of it saves fetching texts in their place, a third of all
    hits, and the guard asks again in the rare case that there are more.
    """
    lists = sum(_vector_k(query) for _ in query.vectors) + _room_for_copies(query)
    in_server_order = not lists and (query.sort or not query.legs)
    if in_server_order and not query.collapse_duplicates:
        return {"from": query.offset, "size": query.k}
    return {"from": 0, "size": (query.window if query.has_text or not lists else 0) + lists}


def _room_for_copies(query: Query) -> int:
    if not query.signature:
        return 0
    if len(query.legs) > 1 and not query.sort:
        return min(query.window, max(_LEAST_COPIES, query.window // 5))
    return _signature_k(query)


def _text(query: Query) -> dict[str, Any] | None:
    if query.fusion != "evidence" or not query.has_text:
        return text_leg(query.text)
    words = query.text.words
    least = words if query.every_word else least_words(words) if query.ends else 1
    return named_text_leg(query.text, least=least)


def _query(query: Query, text: dict[str, Any] | None, filters: Sequence[dict[str, Any]]) -> dict[str, Any]:
    clauses: dict[str, Any] = {"must": [text]} if text else {}
    if query.explain and text:
        clauses["should"] = term_clauses(query.text)
    if filters:
        clauses["filter"] = name_filters(filters) if query.explain else list(filters)
    return {"bool": clauses} if clauses else {"match_all": {}}


def _knn(query: Query, filters: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    knn = [_vector(leg, query, filters) for leg in query.vectors]
    return [*knn, _signature(query.signature, query, filters)] if query.signature else knn


def _vector(leg: VectorLeg, query: Query, filters: Sequence[dict[str, Any]]) -> dict[str, Any]:
    clause: dict[str, Any] = {
        "field": leg.field,
        "query_vector": leg.vector,
        "k": _vector_k(query),
        "num_candidates": max(query.num_candidates, _vector_k(query)),
        "boost": _BOOST,
        "_name": leg.name,
    }
    if (least := query.least_cosine(leg)) is not None:
        clause["similarity"] = least
    if leg.oversample is not None:
        clause["rescore_vector"] = {"oversample": leg.oversample}
    return {**clause, "filter": list(filters)} if filters else clause


def _vector_k(query: Query) -> int:
    """Return how many of a leg are fetched: more than are fused where all that resemble the words are looked at."""
    counted = query.ends and (query.facets or query.sort)
    return max(query.window, _MATCHING) if counted else query.window


def _signature(leg: SignatureLeg, query: Query, filters: Sequence[dict[str, Any]]) -> dict[str, Any]:
    from hybrid_search.signature.goldberg import min_cosine

    clause = {
        "field": "signature",
        "query_vector": leg.signature,
        "k": _signature_k(query),
        "num_candidates": max(query.num_candidates, _signature_k(query), _SIGNATURE_CANDIDATES),
        "similarity": min_cosine(leg.max_distance),
        "boost": _SIGNATURE_BOOST,
        "_name": "signature",
    }
    return {**clause, "filter": list(filters)} if filters else clause


def _signature_k(query: Query) -> int:
    return max(query.window, _SIGNATURE_K)


def _sort(query: Query) -> list[Any]:
    if query.legs and not query.sort:
        return []
    by_colour = [Sort(f"colour.{term}", "desc") for term in query.colours[:1]]
    asked = [{key.field: {"order": key.order, "missing": "_last"}} for key in query.sort or by_colour]
    keys = asked or list(_NEWEST_FIRST)
    return [*keys, {"sha256": {"order": "asc", "missing": "_last"}}]


def _aggs(query: Query, filters: Sequence[dict[str, Any]], *, scoped: bool) -> dict[str, Any]:
    graded = query.fusion == "evidence" and query.has_text and is_graded(query.text)
    words = word_aggs(query.text) if graded else {}
    aggs = facet_aggs(query.facets)
    if scoped or not aggs:
        return {**words, **aggs}
    # kNN returns its k nearest and no more, so counts over its hits would count k; count what they are chosen from.
    among = {"bool": {"filter": list(filters)}} if filters else {"match_all": {}}
    return {**words, "all": {"global": {}, "aggs": {"filtered": {"filter": among, "aggs": aggs}}}}


def _listed(vector: Any) -> list[Any]:
    # the shortest decimals that are these float32 values again, a third of what their float64 would take
    return [float(str(number)) for number in vector] if vector.dtype == np.float32 else list(vector.tolist())
