"""One request for all legs, sent in several ways: what each costs beside the slowest leg, and beside three requests.

All ways answer the same questions in turn, in an order by chance, so that what else the machine does falls on all of
them; ratios are medians of the ratios of single questions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid_search import HybridIndex
from hybrid_search.hits.complete_legs import _apart, _together
from hybrid_search.hits.hits import read_hits
from hybrid_search.query.body import build_body
from hybrid_search.query.query import Query, make_query
from scripts.benchmarks.collection import Collection, kinds
from scripts.benchmarks.machine import median, table

LEGS = ("text", "vector", "signature")
TODAY = "as it is"
_WARM = 5
_NORM = "signature_norm"  # all that fusion needs of a document
Body = dict[str, Any]
Answer = tuple[list[str], float]
"""The ids of the hits that are shown, and what the server says it took, ms."""


def measure(index: HybridIndex, collection: Collection, *, queries: int) -> str:
    """Return a table of all ways, and of each leg alone."""
    whole: dict[str, list[float]] = {}
    took: dict[str, list[float]] = {}
    found: dict[str, list[list[str]]] = {}
    random = np.random.default_rng(17)
    for count, number in enumerate(random.integers(0, collection.size, queries + _WARM).tolist()):
        ways = _Question(index, kinds(collection, number)["all in one, filtered"]).ways()
        for way in random.permutation(list(ways)).tolist():
            start = time.perf_counter()
            ids, server = ways[way]()
            spent = time.perf_counter() - start
            if count >= _WARM:
                whole.setdefault(way, []).append(spent * 1000)
                took.setdefault(way, []).append(server)
                found.setdefault(way, []).append(ids)
    legs = list(zip(*(whole[leg] for leg in LEGS), strict=True))
    others = whole[TODAY], [max(times) for times in legs], [sum(times) for times in legs]
    rows = []
    for way in ways:
        same = [mine == today for mine, today in zip(found[way], found[TODAY], strict=True)]
        ratios = [_paired(whole[way], other) for other in others]
        rows.append(
            [way, median(whole[way]), median(took[way]), *ratios, "" if way in LEGS else f"{np.mean(same):.0%}"]
        )
    header = ["way", "ms", "server, ms", "÷ today", "÷ slowest leg", "÷ three requests", "same hits"]
    return f"Text, vector and signature, filtered; {queries} questions in turn\n\n" + table(header, rows)


@dataclass(frozen=True)
class _Question:
    """One question, and the ways to send it."""

    index: HybridIndex
    parts: Mapping[str, Any]

    def ways(self) -> dict[str, Callable[[], Answer]]:
        changes: dict[str, Callable[[Body], Body]] = {
            TODAY: lambda body: body,
            "no `_source`, and none later": _without_source,
            "half the candidates": _fewer_candidates,
            "no total": lambda body: {**body, "track_total_hits": False},
            "all words in one text clause": self._with_one_clause,
            "kNN as queries, without a phase of their own": _as_queries,
        }
        singles = {leg: self._leg(leg) for leg in LEGS}
        return {
            **{way: lambda change=change: self._sent(self.query, change) for way, change in changes.items()},
            "no `_source`, then `_mget` of the ten shown": lambda: self._and_fetched(self._sent),
            "no `_source`, then a search of the ten's ids": lambda: self._and_searched(self._sent),
            "three in one `_msearch`": self._together,
            "three in one `_msearch`, no `_source`, then `_mget`": lambda: self._and_fetched(self._together),
            **{leg: lambda single=single: self._sent(single) for leg, single in singles.items()},
        }

    @property
    def query(self) -> Query:
        return make_query(self.index.backend.known_definition(), **self.parts)

    def _leg(self, leg: str) -> Query:
        """Return a search by one leg; it fetches the 50 best, which is what fusion takes from each."""
        name = {"vector": "vectors"}.get(leg, leg)
        wanted = {name: self.parts[name], "filter": self.parts["filter"]}
        return make_query(self.index.backend.known_definition(), **wanted, k=50)

    def _sent(self, query: Query | None = None, change: Callable[[Body], Body] | None = None) -> Answer:
        query = query or self.query
        body = build_body(query)
        answer = _with_norms(self.index.backend.search(change(body) if change else body))
        return read_hits(answer, query, body).ids(), float(answer["took"])

    def _together(self, change: Callable[[Body], Body] | None = None) -> Answer:
        """Ask the legs as searches of one `_msearch`, and make of their hits what one answer would hold."""
        query = self.query
        body = build_body(query)
        bodies = [{**each, "size": min(each["size"], query.window)} for each in _apart(body)]
        answers = self.index.backend.msearch([change(each) if change else each for each in bodies])
        joined = _together(body, [_with_norms(answer) for answer in answers], {"hits": {}})
        return read_hits(joined, query, body).ids(), float(max(answer["took"] for answer in answers))

    def _and_fetched(self, ask: Callable[..., Answer]) -> Answer:
        ids, took = ask(change=_without_source)
        excluded = build_body(self.query)["_source"]["excludes"]
        alias = self.index.location.rsplit("/", 1)[1]
        client: Any = self.index.backend
        client._client.raw.mget(index=alias, ids=ids, source_excludes=excluded)
        return ids, took

    def _and_searched(self, ask: Callable[..., Answer]) -> Answer:
        ids, took = ask(change=_without_source)
        wanted = {"query": {"ids": {"values": ids}}, "size": len(ids), "track_total_hits": False}
        found = self.index.backend.search({**wanted, "_source": build_body(self.query)["_source"]})
        return ids, took + float(found["took"])

    def _with_one_clause(self, body: Body) -> Body:
        text = self.query.text
        fields = [f"{name}^{boost:g}" for name, boost in text.fields.items()]
        clause = {"query": " ".join(text.terms), "type": "most_fields", "fields": fields, "_name": "text"}
        return {**body, "query": {"bool": {**body["query"]["bool"], "must": [{"multi_match": clause}]}}}


def _with_norms(answer: Body) -> Body:
    for hit in answer["hits"]["hits"]:
        if "_source" not in hit:
            hit["_source"] = {_NORM: hit.get("fields", {}).get(_NORM, [0.0])[0]}
    return answer


def _without_source(body: Body) -> Body:
    return {**body, "_source": False, "docvalue_fields": [_NORM]}


def _fewer_candidates(body: Body) -> Body:
    knn = [{**clause, "num_candidates": max(clause["k"], clause["num_candidates"] // 2)} for clause in body["knn"]]
    return {**body, "knn": knn}


def _as_queries(body: Body) -> Body:
    rest = {name: value for name, value in body.items() if name != "knn"}
    return {**rest, "query": {"bool": {"should": [body["query"], *({"knn": clause} for clause in body["knn"])]}}}


def _paired(times: list[float], others: list[float]) -> float:
    return median([mine / other for mine, other in zip(times, others, strict=True)])
