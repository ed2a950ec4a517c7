"""Random bodies and filters, answered alike by the embedded backend and by real servers of both versions.

HYBRID_SEARCH_RANDOM=2000 tries so many of each kind, other ones at each run; without it they are the same every time.
"""

from __future__ import annotations

import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hybrid_search.backends import Action, Backend
from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.document.definition import field_types
from hybrid_search.errors import BadFilter
from hybrid_search.query.filters import parse_filter
from tests.conformance import random_corpus as corpus
from tests.conformance.random_bodies import BODIES, TEXTS, ordered
from tests.conformance.random_clauses import FILTERS

MORE = int(os.environ.get("HYBRID_SEARCH_RANDOM", 0))
TRIED = settings(max_examples=MORE or 20, derandomize=not MORE, database=None)
DOCUMENTS = corpus.documents()
TYPES = field_types(corpus.definition())
NOW = datetime(2024, 3, 31, 12, 0, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def backends(servers: dict[str, str]) -> Iterator[dict[str, Backend]]:
    """The embedded backend first, then a server per version, all with the same documents."""
    name = f"random-{secrets.token_hex(4)}"
    made: dict[str, Backend] = {"embedded": EmbeddedBackend(None)}
    made |= {version: ElasticsearchBackend(url, name=name, server=Server()) for version, url in servers.items()}
    try:
        for backend in made.values():
            backend.create(corpus.definition())
            outcomes = backend.bulk([Action("index", id, source) for id, source in DOCUMENTS.items()])
            assert [outcome.error for outcome in outcomes if outcome.error] == []
            backend.refresh()
        yield made
    finally:
        for backend in made.values():
            backend.close()
        for url in servers.values():
            with Elasticsearch(url) as raw:
                if indices := list(raw.indices.get_alias(index=f"{name}*")):
                    raw.indices.delete(index=indices)


def shown(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False)


def check(backends: dict[str, Backend], filters: list[list[dict[str, Any]]]) -> None:
    """Fail where one of several filters does not hold for the same documents everywhere."""
    bodies = [{"query": {"bool": {"filter": each}}, "size": corpus.COUNT, "_source": False} for each in filters]
    found = {
        name: [{hit["_id"] for hit in answer["hits"]["hits"]} for answer in backend.msearch(bodies)]
        for name, backend in backends.items()
    }
    ours = found.pop("embedded")
    for name, theirs in found.items():
        for clauses, one, other in zip(filters, ours, theirs, strict=True):
            assert one == other, f"{name} differs by {shown(clauses)}: {sorted(one ^ other)}"


@pytest.mark.parametrize("kind", FILTERS)
@TRIED
@given(st.data())
def test_filters_hold_for_the_same_documents(backends: dict[str, Backend], kind: str, data: st.DataObject) -> None:
    check(backends, [[clause] for clause in data.draw(st.lists(FILTERS[kind], min_size=1, max_size=8))])


@TRIED
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_filter_texts_hold_for_the_same_documents(backends: dict[str, Backend], texts: list[str]) -> None:
    filters = [parsed for text in texts if (parsed := parsed_or_none(text)) is not None]
    assume(filters)
    check(backends, filters)


def parsed_or_none(text: str) -> list[dict[str, Any]] | None:
    try:
        return list(parse_filter(text, TYPES, now=NOW))
    except BadFilter:
        return None


@pytest.mark.parametrize("kind", BODIES)
@TRIED
@given(st.data())
def test_bodies_are_answered_alike(backends: dict[str, Backend], kind: str, data: st.DataObject) -> None:
    body = data.draw(BODIES[kind])
    answers = {name: backend.search({"_source": False, **body}) for name, backend in backends.items()}
    ours = answers.pop("embedded")
    for name, theirs in answers.items():
        problem = difference(body, ours, theirs)
        assert not problem, f"{name}: {problem}: {shown(body)}"


def difference(body: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """Return in what two answers to a body differ, "" where they are alike."""
    # the average length of a field that documents lack is kept to a whole number of tokens
    sparse = any(name in shown(body) for name in ("tags_text", "people_text"))
    compared, expected = compared_parts(body, ours), compared_parts(body, theirs)
    for part, value in compared.items():
        if not _alike(value, expected[part], tolerance=0.05 if sparse else 1e-4):
            return f"{part} {value} != {expected[part]}"
    return ""


def compared_parts(body: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    hits = answer["hits"]["hits"]
    parts = {"total": answer["hits"]["total"], "scores": {hit["_id"]: hit["_score"] for hit in hits}}
    parts["order"] = [hit["_id"] for hit in hits] if ordered(dict(body)) else None
    parts["matched"] = {hit["_id"]: hit.get("matched_queries", {}) for hit in hits}
    parts["aggregations"] = answer.get("aggregations", {})
    return parts


def _alike(ours: Any, theirs: Any, *, tolerance: float) -> bool:
    """Tell whether a server says all that we say; it adds, for example, `from_as_string`."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        return ours.keys() <= theirs.keys() and all(
            _alike(value, theirs[key], tolerance=tolerance) for key, value in ours.items()
        )
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(
            _alike(one, other, tolerance=tolerance) for one, other in zip(ours, theirs, strict=True)
        )
    if isinstance(ours, float) and isinstance(theirs, (int, float)):
        return math.isclose(ours, theirs, rel_tol=tolerance, abs_tol=1e-5)
    return bool(ours == theirs)
