"""Filters that would cost a server dearly, or that reach past the documents of one index, are refused here already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hybrid_search.backends import Action
from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server
from hybrid_search.document.definition import EmbeddingSpec, field_types, load_definition
from hybrid_search.errors import BadFilter
from hybrid_search.query.filters import parse_filter
from hybrid_search.query.filters.clauses import CLAUSES

DEFINITION = load_definition(analysis="portable", embeddings={"lite": EmbeddingSpec("lite", "1", 8)})
TYPES = field_types(DEFINITION)


def deep(levels: int, *, inside: Any = None, key: str = "must") -> Any:
    clause = inside if inside is not None else {"match_all": {}}
    for _ in range(levels):
        clause = {"bool": {key: [clause]}}
    return clause


def endless() -> dict[str, Any]:
    clause: dict[str, Any] = {"bool": {"filter": []}}
    clause["bool"]["filter"].append(clause)
    return clause


def wide() -> Any:
    """Return a few objects that, written out, are 10 to the power of 12."""
    thing: Any = "a"
    for _ in range(12):
        thing = [thing] * 10
    return {"terms": {"tags": thing}}


@pytest.mark.parametrize(
    ("filter", "reason"),
    [
        (deep(500), "nested deeper than 20 levels"),
        (deep(100_000), "nested deeper than 20 levels"),
        ({"term": {"tags": deep(100_000)}}, "nested deeper than 20 levels"),
        ({"script": deep(100_000)}, "nested deeper than 20 levels"),
        ([deep(100_000)], "nested deeper than 20 levels"),
        (endless(), "nested deeper than 20 levels"),
        (wide(), "more than 100,000 values"),
        ({"terms": {"tags": ["a"] * 65_537}}, "65,537 values, more than 65,536"),
        ({"ids": {"values": ["a"] * 65_537}}, "65,537 values, more than 65,536"),
        ({"bool": {"should": [{"terms": {"tags": ["a"] * 60_000}}] * 2}}, "more than 100,000 values"),
        ({"bool": {"should": [{"term": {"tags": "a"}}] * 1_001}}, "more than 1,000 conditions"),
        ([{"term": {"tags": "a"}}] * 101, "a list of 101 filters, more than 100"),
        (["tags:a"] * 101, "a list of 101 filters, more than 100"),
        ({"term": {"tags": "a" * 8_001}}, "8,001 characters, more than 8,000"),
        ({"match": {"caption": "a " * 8_000}}, "16,000 characters"),
        ({"wildcard": {"tags": "a" * 8_001}}, "8,001 characters"),
        ({"wildcard": {"tags": f"*{'b' * 1_000}"}}, "a pattern has at most 1,000 characters"),
        ({"prefix": {"tags": "a" * 1_001}}, "a pattern has at most 1,000 characters"),
        ({"fuzzy": {"tags": "a" * 1_001}}, "a pattern has at most 1,000 characters"),
        ({"wildcard": {"tags": "*a" * 101}}, r"at most 100 of \* and \?"),
        (f"tags:{'?a' * 101}", r"at most 100 of \* and \?"),
        (f"tags:{'a' * 1_001}*", "a pattern has at most 1,000 characters"),
        (f"tags:{'a' * 1_001}~", "a pattern has at most 1,000 characters"),
        ("a" * 10_001, "10,001 characters, more than 10,000"),
        ("(" * 5_000 + "tags:a" + ")" * 5_000, "characters|nested deeper"),
        ("(" * 400 + "tags:a" + ")" * 400, "nested deeper"),
        (" OR ".join(["iso:1"] * 1_001), "characters|more than 1,000 conditions"),
    ],
)
def test_what_is_too_large(filter: Any, reason: str) -> None:
    with pytest.raises(BadFilter, match=reason) as caught:
        parse_filter(filter, TYPES)
    assert len(str(caught.value)) < 500, "the message does not repeat it all"


@pytest.mark.parametrize(
    "clause",
    [
        *("script", "script_score", "function_score", "wrapper", "query_string", "simple_query_string", "regexp"),
        *("more_like_this", "percolate", "has_child", "has_parent", "parent_id", "geo_shape", "shape", "knn", "pinned"),
        *("distance_feature", "rank_feature", "intervals", "span_term", "nested", "type"),
        *("template", "common", "sparse_vector", "boosting", "dis_max", "combined_fields", "multi_match"),
        *("match_phrase_prefix", "match_bool_prefix", "rule"),
        *("semantic", "text_expansion", "weighted_tokens", "terms_lookup", "_name", "aggs", "size", ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["alone", "in a bool", "in a constant_score", "in a list"])
def test_clauses_of_other_kinds_never_pass(clause: str, place: str) -> None:
    assert clause not in CLAUSES
    inner = {clause: {"query": "tags:a", "source": "1", "field": "tags", "path": "regions"}}
    filter = {
        "alone": inner,
        "in a bool": {"bool": {"must_not": [inner]}},
        "in a constant_score": {"constant_score": {"filter": inner}},
        "in a list": ["tags:a", inner],
    }[place]
    with pytest.raises(BadFilter):
        parse_filter(filter, TYPES)


@pytest.mark.parametrize(
    "filter",
    [
        {"terms": {"tags": {"index": "secrets", "id": "1", "path": "words"}}},
        {"terms": {"tags": ["a"], "boost": 1e30}},
        {"terms_set": {"words": {"terms": ["a"], "minimum_should_match_script": {"source": "1"}}}},
        {"terms_set": {"words": {"terms": ["a"], "minimum_should_match_field": "iso"}}},
        {"wildcard": {"tags": {"value": "a*", "rewrite": "scoring_boolean"}}},
        {"prefix": {"tags": {"value": "a", "case_insensitive": True}}},
        {"fuzzy": {"tags": {"value": "a", "max_expansions": 1_000_000}}},
        {"match": {"caption": {"query": "a", "analyzer": "other"}}},
        {"match": {"caption": {"query": "a", "fuzziness": "AUTO", "max_expansions": 100_000}}},
        {"range": {"taken_at": {"gte": "2019||/M"}}},
        {"range": {"taken_at": {"gte": "2019", "format": "yyyy"}}},
        {"exists": {"field": "*"}},
        {"exists": {"field": "_source"}},
        {"term": {"_index": "other"}},
        {"term": {"_id": "a"}},
        {"bool": {"filter": [{"term": {"tags": "a"}}], "_name": "text"}},
        {"geo_distance": {"distance": "1km", "location": [2, 48], "_name": "text"}},
    ],
)
def test_options_that_reach_further_never_pass(filter: Any) -> None:
    """A lookup reads other indexes, a script runs code, `_name` forges the scores of a leg."""
    with pytest.raises(Exception, match=r"cannot use filter|no field"):
        parse_filter(filter, TYPES)


@pytest.fixture(scope="module")
def backend(elasticsearch_url: str) -> Iterator[ElasticsearchBackend]:
    backend = ElasticsearchBackend(elasticsearch_url, name="bounds", server=Server())
    backend.create(DEFINITION)
    backend.bulk([Action("index", "a", {"caption": "a red boat", "tags": ["a" * 250, "sea"]})])
    backend.refresh()
    yield backend
    backend._client.raw.indices.delete(index="bounds-000001")
    backend.close()


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        (deep(20, inside={"term": {"tags": "sea"}}), 1),
        ({"terms": {"tags": ["sea", *(f"{number:064x}" for number in range(65_535))]}}, 1),
        ({"bool": {"should": [{"term": {"tags": "sea"}}] * 999}}, 1),
        ({"term": {"tags": "😀" * 8_000}}, 0),
        ({"wildcard": {"tags": "*a" * 100}}, 1),
        ({"prefix": {"tags": "a" * 1_000}}, 0),
        ({"fuzzy": {"tags": {"value": "a" * 1_000, "fuzziness": 2}}}, 0),
        ({"match": {"caption": {"query": "boat " * 1_600, "operator": "or"}}}, 1),
        ({"match": {"caption": {"query": " ".join(f"w{number}" for number in range(1_300)), "operator": "or"}}}, 0),
        ({"match_phrase": {"caption": {"query": "red boat " * 800, "slop": 100}}}, 0),
    ],
)
def test_a_server_takes_what_is_large_and_allowed(backend: ElasticsearchBackend, filter: Any, found: int) -> None:
    assert backend.count({"bool": {"filter": list(parse_filter(filter, TYPES))}}) == found
