"""A `_search` body to its answer, in the shape of an Elasticsearch response."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.embedded.clauses.clause_compiler import Compiler
from hybrid_search.backends.embedded.clauses.clause_registry import compiler as new_compiler
from hybrid_search.backends.embedded.documents.schema import ID
from hybrid_search.backends.embedded.documents.source_filter import SourceFilter
from hybrid_search.backends.embedded.documents.tantivy_documents import read_source
from hybrid_search.backends.embedded.error_translation import reading
from hybrid_search.backends.embedded.search.aggregations import aggregate
from hybrid_search.backends.embedded.search.body_parts import listed, name_of, sole_clause, sufficient_names
from hybrid_search.backends.embedded.search.filter_counts import filter_counts
from hybrid_search.backends.embedded.search.hit_fields import AnswerFields, HitFields
from hybrid_search.backends.embedded.search.knn import Nearest, nearest
from hybrid_search.backends.embedded.search.matches import Matches
from hybrid_search.backends.embedded.search.ranking import RankedDocument, collapsed, ranking
from hybrid_search.backends.embedded.search.term_suggestions import suggest_terms
from hybrid_search.backends.embedded.snapshot import Snapshot
from hybrid_search.errors import BadFilter, UnsupportedClause

if TYPE_CHECKING:
    import tantivy

_KNOWN = {
    "query",
    "knn",
    "size",
    "from",
    "track_total_hits",
    "track_scores",
    "_source",
    "fields",
    "sort",
    "aggs",
    "aggregations",
    "min_score",
    "collapse",
    "profile",
    "suggest",
}
_WINDOW = 10_000
"""Elasticsearch's index.max_result_window."""
_BESIDE_FROM = 10_000
"""Documents from which on a search of texts, 0.3 ms there, takes longer than waking a thread for it."""
_NOTHING = "Query(EmptyQuery)"
"""How tantivy writes what matches nothing: a word in fields that no document has."""
_BESIDE = ThreadPoolExecutor(thread_name_prefix="hybrid-search-query")


def answer(
    snapshot: Snapshot,
    body: Mapping[str, Any],
    *,
    index: str,
    lazy: bool = False,
) -> dict[str, Any]:
    """Run a body.

    Parameters
    ----------
    snapshot : Snapshot
    body : mapping
        An Elasticsearch `_search` body.
    index : str
        What every hit has as `_index`.
    lazy : bool
        Whether the `_source` of hits may be parsed when it is first used: few of the hits are shown.

    Raises
    ------
    UnsupportedClause
        When anything in the body is not interpreted.
    QueryError
        When the body asks for something that cannot be.
    """
    started = time.perf_counter()
    _check_keys(body)
    size, start = _window(body)
    compiler = new_compiler(snapshot)
    query = compiler.compile(body["query"]) if body.get("query") is not None else None
    ahead = None
    by_score = not any(body.get(name) for name in ("sort", "collapse", "min_score"))
    if query is not None and body.get("knn") and by_score and snapshot.documents >= _BESIDE_FROM:
        # tantivy and the scan of vectors let go of the interpreter: one processor for each
        ahead = _BESIDE.submit(snapshot.counted_hits, query, start + size)
    legs = [nearest(compiler, leg, size=max(1, size)) for leg in listed(body.get("knn"))]
    scores_by_leg, addresses = [leg.scores for leg in legs], [leg.addresses for leg in legs]
    matches = Matches(snapshot, query, legs=scores_by_leg, addresses=addresses, ahead=ahead)
    if body.get("min_score") is not None:
        matches = matches.at_least(float(body["min_score"]))
    tracked = bool(body.get("track_scores", False))
    if body.get("collapse") is not None:
        page = collapsed(matches, body.get("sort"), body["collapse"], start + size, track_scores=tracked)
    else:
        page = ranking(matches, body.get("sort"), start + size, track_scores=tracked)
    hits = _hits(matches, page[start : start + size], body, index=index, lazy=lazy)
    _name_matches(hits, page[start : start + size], compiler, legs, matches, body)
    result: dict[str, Any] = {"timed_out": False, "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0}}
    scores = [hit["_score"] for hit in hits if hit["_score"] is not None]
    result["hits"] = {"max_score": max(scores, default=None), "hits": hits}
    if body.get("track_total_hits", True) is not False:
        result["hits"]["total"] = {"value": matches.total(), "relation": "eq"}
    if body.get("aggs", body.get("aggregations")) is not None:
        result["aggregations"] = _aggregations(compiler, matches, body)
    if "suggest" in body:
        result["suggest"] = suggest_terms(snapshot, body["suggest"])
    return {"took": round((time.perf_counter() - started) * 1000), **result}


def _aggregations(compiler: Compiler, matches: Matches, body: Mapping[str, Any]) -> dict[str, Any]:
    wanted, counted = body.get("aggs", body.get("aggregations")), filter_counts(compiler, body)
    others = {name: spec for name, spec in wanted.items() if name not in counted} if counted else wanted
    return {**counted, **(aggregate(compiler, matches.query(), others) if others or not counted else {})}


def _check_keys(body: Mapping[str, Any]) -> None:
    for key in body:
        if key not in _KNOWN or (key == "profile" and body[key]):
            raise UnsupportedClause(str(key), "embedded")


def _window(body: Mapping[str, Any]) -> tuple[int, int]:
    size, start = body.get("size", 10), body.get("from", 0)
    for name, value in (("size", size), ("from", start)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise BadFilter(name, f"must be a whole number from 0, got {value!r}")
    if size + start > _WINDOW:
        raise BadFilter("size", f"from + size must be at most {_WINDOW}, got {size + start}; use scan for more")
    return size, start


def _hits(
    matches: Matches,
    page: Sequence[RankedDocument],
    body: Mapping[str, Any],
    *,
    index: str,
    lazy: bool,
) -> list[dict[str, Any]]:
    source_filter = SourceFilter(body.get("_source", True))
    snapshot, hits = matches.snapshot, []
    addresses = [matches.address(ranked.sequence) for ranked in page]
    names = body.get("fields")
    fields = None if names is None else AnswerFields(snapshot, listed(names), addresses)
    for place, (ranked, address) in enumerate(zip(page, addresses, strict=True)):
        source = _Source(snapshot, address, source_filter, location=index)
        id = snapshot.id(ranked.sequence, address) if lazy or not source_filter.wanted else source.id
        hit: dict[str, Any] = {"_index": index, "_id": id, "_score": ranked.score}
        if source_filter.wanted:
            hit["_source"] = source if lazy else source.parsed
        if fields is not None:
            of_hit = HitFields(fields, place)
            hit["fields"] = of_hit if lazy and ranked.group is None else of_hit.listed()
        if ranked.sort is not None:
            hit["sort"] = list(ranked.sort)
        if ranked.group is not None and ranked.group[1] is not None:
            hit["fields"] = {**hit.get("fields", {}), ranked.group[0]: [ranked.group[1]]}
        hits.append(hit)
    return hits


class _Source(Mapping[str, Any]):
    """The wanted part of a stored document, read when it is first used."""

    def __init__(self, snapshot: Snapshot, address: tantivy.DocAddress, wanted: SourceFilter, *, location: str) -> None:
        self._snapshot, self._address, self._wanted, self._location = snapshot, address, wanted, location

    @cached_property
    def _native(self) -> tantivy.Document:
        return self._snapshot.searcher.doc(self._address)

    @property
    def id(self) -> str:
        return str(self._native.get_first(ID))

    @cached_property
    def parsed(self) -> dict[str, Any]:
        with reading(self._location):
            return self._wanted.apply(read_source(self._native, wanted=self._wanted.may_want))

    def __getitem__(self, name: str) -> Any:
        return self.parsed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parsed)

    def __len__(self) -> int:
        return len(self.parsed)


def _name_matches(
    hits: list[dict[str, Any]],
    page: Iterable[RankedDocument],
    compiler: Compiler,
    legs: Iterable[Nearest],
    matches: Matches,
    body: Mapping[str, Any],
) -> None:
    """Give each hit the named clauses that it matches, with their scores as `include_named_queries_score` does."""
    sequences = [ranked.sequence for ranked in page]
    names: dict[int, dict[str, float]] = {sequence: {} for sequence in sequences}
    sole = _sole_scorer(body)
    scored = matches.known_scores(sequences) if sole is not None else {}
    sufficient = sufficient_names(sole) if sole is not None else set()
    for name, query in compiler.named.items():
        if sole is not None and name == name_of(sole):
            found = scored
        else:
            found = (
                {} if repr(query) == _NOTHING else matches.scores_of(query, scored if name in sufficient else sequences)
            )
        for sequence, score in found.items():
            names[sequence][name] = score
    for leg in legs:
        for sequence in sequences:
            if leg.name is not None and sequence in leg.scores:
                names[sequence][leg.name] = leg.scores[sequence]
    if compiler.named or any(leg.name is not None for leg in legs):
        for hit, sequence in zip(hits, sequences, strict=True):
            hit["matched_queries"] = names[sequence]


def _sole_scorer(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the clause that scores and matches as the whole query does, so that it need not be asked for.

    Where the order comes from fields or a least score cuts it, the query's own scores are not known.
    """
    return None if body.get("sort") or body.get("min_score") is not None else sole_clause(body)
