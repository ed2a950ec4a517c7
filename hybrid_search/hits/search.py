"""One question from its words to its hits, asked again where others change the index meanwhile."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hybrid_search.errors import RequestRefused, UnknownField
from hybrid_search.hits.complete_legs import ask
from hybrid_search.hits.corrected_text import corrected
from hybrid_search.hits.hits import Hits, read_hits
from hybrid_search.hits.leg_evidence import some_hold_every_word
from hybrid_search.query.body import build_body, json_body
from hybrid_search.query.options import check_names
from hybrid_search.query.understood.model import Understanding
from hybrid_search.query.understood.question import understanding

if TYPE_CHECKING:
    from hybrid_search.query.index_state import IndexState
    from hybrid_search.query.options import SearchOptions
    from hybrid_search.query.query import Query
    from hybrid_search.query.vector_legs import QuestionParts


def search(index: IndexState, text: str | None, options: SearchOptions) -> Hits:
    """Return the hits of a question; see `HybridIndex.search`."""
    _prepare(index, options, method="search")
    hits, whole = _understood(index, text, options)
    if whole:
        return hits
    return corrected(index, text, options=options, hits=hits, again=lambda meant: _understood(index, meant, options))


def _understood(index: IndexState, text: str | None, options: SearchOptions) -> tuple[Hits, bool]:
    meant = understanding(index, text, options)
    hits, whole = _found(index, meant, options)
    if meant.parts and not hits.total:
        # what fits nothing together is searched as the words that were typed
        given_up = tuple(replace(part, clause=None) for part in meant.parts)
        hits, whole = _found(index, Understanding(text or ""), options)
        hits = replace(hits, understood=given_up)
    return hits, whole


def _found(index: IndexState, meant: Understanding, options: SearchOptions) -> tuple[Hits, bool]:
    """Return the hits, and whether a picture holds all the words, or none were left to look for."""
    query, found, body = _answered(index, meant, options, index.asker.read(meant.words, options))
    if query.ends and (query.facets or query.sort) and some_hold_every_word(found, query):
        query, found, body = _narrowed(index, query, found, body)

    def thumbnails(ids: Sequence[str]) -> dict[str, str]:
        stored = index.backend.scan({"ids": {"values": list(ids)}}, fields=("thumbnail",))
        return {id: source["thumbnail"] for id, source in stored if "thumbnail" in source}

    hits = replace(read_hits(found, query, body), body=json_body(body), thumbnails=thumbnails)
    return hits, not query.has_text or some_hold_every_word(found, query)


def request(index: IndexState, text: str | None, options: SearchOptions) -> dict[str, Any]:
    """Return the body that `search` would send; see `HybridIndex.request`."""
    _prepare(index, options, method="request")
    meant = understanding(index, text, options)
    query = index.asker.query(meant.words, options, understood=meant.parts)
    for lacking in query.unavailable:
        warning = UserWarning(str(lacking))
        warning.__cause__ = lacking
        warnings.warn(warning, stacklevel=3)  # at the caller of `HybridIndex.request`
    return json_body(build_body(query))


def _narrowed(
    index: IndexState, query: Query, found: dict[str, Any], body: Mapping[str, Any]
) -> tuple[Query, dict[str, Any], Mapping[str, Any]]:
    """Return the answer with its order, or its counts, over what is shown where pictures hold all words."""
    narrow = replace(query, every_word=True)
    again = build_body(narrow)
    if query.sort:
        return narrow, *ask(index.backend, again, window=query.window)
    counted = index.backend.search({**again, "size": 0})["aggregations"]
    facets = {facet.name: counted[facet.name] for facet in query.facets}
    return query, {**found, "aggregations": {**found["aggregations"], **facets}}, body


def _prepare(index: IndexState, options: SearchOptions, *, method: str) -> None:
    """See one's own writes and what others have changed, and for an embedder that is not known yet, ask."""
    check_names(options, method=method)
    index.see_own_writes()
    index.follow()
    if not index.asker.knows(options):
        index.current_embedders()


def _answered(
    index: IndexState, meant: Understanding, options: SearchOptions, sought: QuestionParts
) -> tuple[Query, dict[str, Any], Mapping[str, Any]]:
    """Return the answer with the query; asked once more where others have changed the embedders meanwhile."""
    try:
        query = index.asker.query(meant.words, options, sought=sought, understood=meant.parts)
    except UnknownField:
        # another writer may have added a field
        asker = index.asker
        index.current_embedders()
        if index.asker is asker:
            raise
        query = index.asker.query(meant.words, options, sought=sought, understood=meant.parts)
    embedders = index.embedders
    try:
        answer = ask(index.backend, build_body(query), window=query.window)
    except (UnknownField, RequestRefused):
        index.follow()
        if index.embedders is embedders:
            raise
    else:
        index.follow()
        if index.embedders is embedders:
            return query, *answer
    query = index.asker.query(meant.words, options, sought=sought, understood=meant.parts)
    return query, *ask(index.backend, build_body(query), window=query.window)
