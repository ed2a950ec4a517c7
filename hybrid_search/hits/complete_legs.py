"""Whole lists from one request: a response is checked for what it may lack, and what it lacks is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hybrid_search.backends import Backend


def ask(
    backend: Backend, body: Mapping[str, Any], *, window: int | None = None
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Run a body whose hits are to be fused, and return the response with the body that it answers.

    A response that may lack members of a list is asked for again with larger boosts and more room; where even those do
    not lift every kNN list above the texts, the lists are asked for one by one, in one `_msearch`. Hits in the order of
    a field are no lists to be fused.

    Parameters
    ----------
    backend : Backend
    body : mapping
    window : int, optional
        How many of the best texts are wanted; by default as many as of the longest kNN list.
    """
    found = backend.search_lazily(body)
    if body.get("sort") or is_complete(found, body, window=window):
        return found, body
    larger = with_larger_boosts(body, window=window)
    found = backend.search_lazily(larger)
    if is_complete(found, larger, window=window):
        return found, larger
    return _together(body, backend.msearch(_apart(body)), found), body


def _apart(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a body for the text, and one for each kNN list."""
    shared = {key: value for key, value in body.items() if key not in ("query", "knn", "aggs", "size", "from")}
    bodies = [{**shared, "knn": clause, "from": 0, "size": clause["k"]} for clause in _knn(body)]
    if "query" in body:
        texts = {**shared, "query": body["query"], "from": 0, "size": body["size"]}
        return [texts, *bodies]
    return bodies


def _together(body: Mapping[str, Any], responses: list[dict[str, Any]], combined: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lists as the one response that they would have been: every hit once, with the scores of all lists."""
    hits: dict[str, dict[str, Any]] = {}
    for response in responses:
        for hit in response["hits"]["hits"]:
            known = hits.setdefault(str(hit["_id"]), {**hit, "_score": 0.0, "matched_queries": {}})
            known["_score"] += float(hit["_score"] or 0.0)
            known["matched_queries"] |= hit.get("matched_queries", {})
    ordered = sorted(hits.values(), key=lambda hit: -hit["_score"])
    whole = {"max_score": ordered[0]["_score"] if ordered else None, "hits": ordered}
    took = sum(int(response.get("took", 0)) for response in responses)
    return {**combined, "took": took, "hits": {**combined["hits"], **whole}}


def is_complete(response: Mapping[str, Any], body: Mapping[str, Any], *, window: int | None = None) -> bool:
    """Tell whether the response surely holds every hit of every kNN list of the body, and a window of the best texts.

    A response holds the `size` best by the sum of their scores, and kNN lists are whole in it only where their boosts
    lift them above the texts. They are when there was room for more, or every list has its k hits, or what is missing
    from a list could not have scored less than the last hit.
    """
    hits = response["hits"]["hits"]
    knn = _knn(body)
    if not knn or len(hits) < body["size"]:
        return True
    last = min(float(hit["_score"] or 0.0) for hit in hits)
    for clause in knn:
        found = sum(clause["_name"] in hit.get("matched_queries", {}) for hit in hits)
        if found < clause["k"] and _least_contribution(clause) <= last:
            return False
    wanted = _texts_wanted(body, window)
    return body["size"] >= wanted + sum(clause["k"] for clause in knn) or _has_best_texts(hits, knn, wanted)


def with_larger_boosts(
    body: Mapping[str, Any], *, window: int | None = None, factor: float = 1_000.0
) -> dict[str, Any]:
    """Return the body with larger kNN boosts and room for every list, to be sent when a response was not complete.

    Hits read it the same.
    """
    larger = [{**clause, "boost": clause["boost"] * factor} for clause in _knn(body)]
    room = _texts_wanted(body, window) + sum(clause["k"] for clause in larger)
    return {**body, "size": max(body["size"], room), "knn": larger}


def _texts_wanted(body: Mapping[str, Any], window: int | None) -> int:
    must = body.get("query", {}).get("bool", {}).get("must", ())
    if not any(clause.get("bool", {}).get("_name") == "text" for clause in must):
        return 0
    return window or max((int(clause["k"]) for clause in _knn(body)), default=0)


def _has_best_texts(hits: Sequence[Mapping[str, Any]], knn: Sequence[Mapping[str, Any]], wanted: int) -> bool:
    """Tell whether so many texts cannot have been pushed out: those no worse than the last that is in no kNN list."""
    if not wanted:
        return True
    lists = {clause["_name"] for clause in knn}
    matched = [hit.get("matched_queries", {}) for hit in hits]
    alone = [float(names["text"]) for names in matched if "text" in names and not lists & names.keys()]
    if not alone:
        return False
    least = min(alone)
    return sum(float(names.get("text", -1.0)) >= least for names in matched) >= wanted


def _knn(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(body.get("knn", ()))


def _least_contribution(clause: Mapping[str, Any]) -> float:
    least = clause.get("similarity")
    if least is None:
        return 0.0
    return float(clause["boost"]) * (1.0 + float(least)) / 2.0
