"""The embedded backend: what it refuses, and properties that hold for every combination of clauses."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_search.backends import Action
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.backends.embedded import backend as backend_module
from hybrid_search.backends.embedded.documents.tantivy_documents import read_source
from hybrid_search.backends.embedded.search import search_response as answer_module
from hybrid_search.errors import BadFilter, BadVector, MappingMismatch, UnknownField, UnsupportedClause
from tests.support.bodies import CASES, shown
from tests.support.photos import FILTERS, definition, photos, unit

PHOTOS = photos()
KNN = {"field": "embedding.tiny", "query_vector": unit(0), "k": 1, "num_candidates": 1}


@pytest.fixture(scope="module")
def backend() -> Iterator[EmbeddedBackend]:
    backend = EmbeddedBackend(None)
    backend.create(definition("english"))
    backend.bulk([Action("index", id, source) for id, source in PHOTOS.items()])
    backend.refresh()
    yield backend
    backend.close()


def found(backend: EmbeddedBackend, query: Any) -> set[str]:
    return {hit["_id"] for hit in backend.search({"query": query, "size": 100, "_source": False})["hits"]["hits"]}


def test_the_example() -> None:
    assert doctest.testmod(backend_module).failed == 0


def test_a_lazy_search_parses_the_sources_that_are_used(
    backend: EmbeddedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []

    def counting(native: Any, **given: Any) -> dict[str, Any]:
        parsed.append(native.get_first("_id"))
        return read_source(native, **given)

    body = {"query": {"match_all": {}}, "size": 5, "_source": {"excludes": ["exif"]}}
    whole = backend.search(body)["hits"]["hits"]
    monkeypatch.setattr(answer_module, "read_source", counting)
    lazy = backend.search_lazily(body)["hits"]["hits"]
    assert parsed == []
    assert lazy[3]["_source"]["path"] == whole[3]["_source"]["path"]
    assert parsed == [whole[3]["_id"]]
    assert [{**hit, "_source": dict(hit["_source"])} for hit in lazy] == whole
    assert sorted(parsed) == sorted(hit["_id"] for hit in whole)


# --- every combination ---

LEAVES = st.sampled_from([clause for clause, _ in FILTERS.values()])
CLAUSES = st.recursive(
    LEAVES,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "must": st.lists(inner, max_size=2),
            "filter": st.lists(inner, max_size=2),
            "must_not": st.lists(inner, max_size=2),
            "should": st.lists(inner, max_size=3),
        },
    ).map(lambda parts: {"bool": parts}),
    max_leaves=6,
)


@settings(deadline=None, max_examples=150)
@given(first=CLAUSES, second=CLAUSES)
def test_and_or_not(backend: EmbeddedBackend, first: Any, second: Any) -> None:
    ours, theirs = found(backend, first), found(backend, second)
    assert found(backend, {"bool": {"must": [first, second]}}) == ours & theirs
    assert found(backend, {"bool": {"must": [first], "filter": [second]}}) == ours & theirs
    assert found(backend, {"bool": {"should": [first, second]}}) == ours | theirs
    assert found(backend, {"bool": {"must": [first], "must_not": [second]}}) == ours - theirs
    assert found(backend, {"bool": {"must_not": [first]}}) == set(PHOTOS) - ours
    assert found(backend, {"constant_score": {"filter": first}}) == ours
    assert backend.count(first) == len(ours)


@settings(deadline=None, max_examples=80)
@given(query=CLAUSES, other=CLAUSES, k=st.integers(1, 40), size=st.integers(0, 50), start=st.integers(0, 20))
def test_pages_and_scores_add_up(
    backend: EmbeddedBackend, query: Any, other: Any, k: int, size: int, start: int
) -> None:
    leg = {**KNN, "query_vector": unit(7), "k": k, "num_candidates": 40, "filter": [other], "boost": 3, "_name": "near"}
    named = {"bool": {"must": [query], "_name": "text"}}
    whole = backend.search({"query": named, "knn": leg, "size": 100})
    hits = whole["hits"]["hits"]
    page = backend.search({"query": named, "knn": leg, "size": size, "from": start})
    assert [hit["_id"] for hit in page["hits"]["hits"]] == [hit["_id"] for hit in hits[start : start + size]]
    assert whole["hits"]["total"] == page["hits"]["total"] == {"value": len(hits), "relation": "eq"}
    text = found(backend, query)
    for hit in hits:
        assert hit["_score"] == pytest.approx(sum(hit["matched_queries"].values()), rel=1e-5)
        assert ("text" in hit["matched_queries"]) == (hit["_id"] in text)
    assert [hit["_score"] for hit in hits] == sorted((hit["_score"] for hit in hits), reverse=True)
    near = [hit["_id"] for hit in hits if "near" in hit["matched_queries"]]
    allowed = sorted(found(backend, other), key=lambda id: -float(PHOTOS[id]["embedding"]["tiny"] @ unit(7)))
    assert set(near) == set(allowed[:k])


# --- what is refused ---

UNKNOWN = [
    "boosting combined_fields common distance_feature function_score fuzzy_like geo_polygon geo_shape has_child",
    "has_parent intervals knn match_bool_prefix match_phrase_prefix more_like_this nested parent_id percolate pinned",
    "query_string rank_feature regexp rule script script_score semantic shape simple_query_string span_near",
    "sparse_vector term_s text_expansion type weighted_tokens wrapper",
]


@pytest.mark.parametrize("name", " ".join(UNKNOWN).split())
def test_unknown_clauses_are_refused_by_name(backend: EmbeddedBackend, name: str) -> None:
    for query in (
        {name: {}},
        {"bool": {"must_not": [{name: {"field": "x"}}]}},
        {"constant_score": {"filter": {name: {}}}},
    ):
        with pytest.raises(UnsupportedClause, match=name):
            backend.search({"query": query})
    with pytest.raises(UnsupportedClause, match=name):
        backend.search({"knn": {**KNN, "filter": {name: {}}}})
    with pytest.raises(UnsupportedClause, match=name):
        backend.count({name: {}})


@pytest.mark.parametrize(
    "key",
    "retriever rank highlight script_fields runtime_mappings rescore post_filter search_after pit slice "
    "stored_fields docvalue_fields indices_boost seq_no_primary_term version explain terminate_after ext".split(),
)
def test_unknown_parts_of_a_body_are_refused_by_name(backend: EmbeddedBackend, key: str) -> None:
    with pytest.raises(UnsupportedClause, match=key):
        backend.search({"query": {"match_all": {}}, key: {}})


@pytest.mark.parametrize(
    "body, named",
    [
        ({"query": {"match": {"caption": {"query": "a", "analyzer": "x"}}}}, "match.analyzer"),
        ({"query": {"match": {"caption": {"query": "a", "prefix_length": 1}}}}, "match.prefix_length"),
        ({"query": {"multi_match": {"query": "a", "fields": ["caption"], "type": "cross_fields"}}}, "cross_fields"),
        ({"query": {"match_phrase": {"caption": {"query": "a", "zero_terms_query": "all"}}}}, "zero_terms_query"),
        ({"query": {"term": {"iso": {"value": 1, "x": 1}}}}, "term.x"),
        ({"query": {"terms": {"iso": {"index": "a", "id": "b", "path": "c"}}}}, "terms.iso"),
        ({"query": {"terms_set": {"words": {"terms": ["a"], "minimum_should_match_field": "iso"}}}}, "terms_set."),
        ({"query": {"range": {"taken_at": {"gte": "2019", "time_zone": "+01:00"}}}}, "range.time_zone"),
        ({"query": {"range": {"taken_at": {"gte": "2019", "format": "yyyy"}}}}, "range.format"),
        ({"query": {"range": {"iso": {"from": 1}}}}, "range.from"),
        ({"query": {"fuzzy": {"caption": {"value": "a", "rewrite": "x"}}}}, "fuzzy.rewrite"),
        ({"query": {"bool": {"must": [], "adjust_pure_negative": True}}}, "bool.adjust_pure_negative"),
        ({"query": {"geo_distance": {"distance": "1km", "location": "1,1", "validation_method": "x"}}}, "validation"),
        ({"knn": {**KNN, "inner_hits": {}}}, "knn.inner_hits"),
        ({"knn": {**KNN, "query_vector_builder": {}}}, "knn.query_vector_builder"),
        ({"sort": [{"iso": {"missing": 5}}]}, "missing=5"),
        ({"sort": [{"iso": {"mode": "avg"}}]}, "sort.iso.mode"),
        ({"aggs": {"a": {"percentiles": {"field": "iso"}}}}, "aggs.percentiles"),
        ({"aggs": {"a": {"terms": {"field": "iso", "script": {}}}}}, "aggs.terms.script"),
        ({"aggs": {"a": {"terms": {"field": "iso", "order": {"inner": "asc"}}}}}, "order"),
        ({"aggs": {"a": {"date_histogram": {"field": "taken_at", "fixed_interval": "1d"}}}}, "fixed_interval"),
        (
            {"aggs": {"a": {"date_histogram": {"field": "taken_at", "calendar_interval": "year", "format": "e"}}}},
            "format",
        ),
        ({"collapse": {"field": "camera.make", "inner_hits": {}}}, "collapse.inner_hits"),
        ({"_source": {"exclude_vectors": True}}, "_source.exclude_vectors"),
        ({"fields": [{"field": "iso", "format": "x"}]}, "fields.format"),
        ({"profile": True}, "profile"),
    ],
    ids=str,
)
def test_unknown_parameters_are_refused_by_name(backend: EmbeddedBackend, body: dict[str, Any], named: str) -> None:
    with pytest.raises(UnsupportedClause) as error:
        backend.search(body)
    assert named in str(error.value) and error.value.backend == "embedded"


@pytest.mark.parametrize(
    "body",
    [
        {"query": {"term": {"camera.mak": "x"}}},
        {"query": {"exists": {"field": "camera.mak"}}},
        {"query": {"multi_match": {"query": "x", "fields": ["camera.mak"]}}},
        {"query": {"range": {"camera.mak": {"gte": 1}}}},
        {"knn": {**KNN, "field": "camera.mak"}},
        {"sort": [{"camera.mak": "asc"}]},
        {"aggs": {"a": {"terms": {"field": "camera.mak"}}}},
        {"collapse": {"field": "camera.mak"}},
    ],
    ids=str,
)
def test_unknown_fields_are_told_with_close_ones(backend: EmbeddedBackend, body: dict[str, Any]) -> None:
    with pytest.raises(UnknownField) as error:
        backend.search(body)
    assert error.value.close_matches[0] == "camera.make"


@pytest.mark.parametrize(
    "body",
    [
        {"query": {"term": {"thumbnail": "x"}}},
        {"query": {"term": {"regions.label": "dog"}}},
        {"query": {"term": {"camera": "canon"}}},
        {"query": {"term": {"location": "1,1"}}},
        {"query": {"term": {"embedding.tiny": 1}}},
        {"query": {"prefix": {"iso": "1"}}},
        {"query": {"fuzzy": {"iso": "1"}}},
        {"query": {"geo_distance": {"distance": "1km", "iso": "1,1"}}},
        {"query": {"range": {"location": {"gte": 1}}}},
        {"knn": {**KNN, "field": "iso"}},
        {"sort": ["caption"]},
        {"sort": ["location"]},
        {"sort": [{"_geo_distance": {"iso": "1,1"}}]},
        {"aggs": {"a": {"terms": {"field": "caption"}}}},
        {"aggs": {"a": {"min": {"field": "camera.make"}}}},
        {"aggs": {"a": {"date_histogram": {"field": "iso", "calendar_interval": "year"}}}},
        {"collapse": {"field": "words"}},
    ],
    ids=str,
)
def test_fields_of_the_wrong_kind_are_refused(backend: EmbeddedBackend, body: dict[str, Any]) -> None:
    with pytest.raises(MappingMismatch):
        backend.search(body)


@pytest.mark.parametrize(
    "query",
    [
        {},
        [],
        "caption:boat",
        {"match_all": {}, "match_none": {}},
        {"term": {}},
        {"term": {"iso": 1, "width": 2}},
        {"term": {"iso": "high"}},
        {"term": {"missing": "perhaps"}},
        {"term": {"taken_at": "yesterday"}},
        {"term": {"iso": None}},
        {"terms_set": {"words": {"terms": ["a"], "minimum_should_match": "most"}}},
        {"match": {"caption": {"operator": "and"}}},
        {"match": {"caption": {"query": "a", "operator": "xor"}}},
        {"match": {"caption": {"query": "a", "fuzziness": 3}}},
        {"match": {"caption": {"query": "a", "boost": -1}}},
        {"match": {"caption": {"query": "a", "boost": float("nan")}}},
        {"multi_match": {"query": "a", "fields": []}},
        {"multi_match": {"query": "a", "fields": ["caption^x"]}},
        {"bool": {"should": [{"match_all": {}}], "minimum_should_match": "x"}},
        {"range": {"iso": {"gte": 1, "gt": 2}}},
        {"range": {"iso": {"gte": True}}},
        {"range": {"taken_at": {"gte": "now-1parsec"}}},
        {"geo_distance": {"distance": "1 parsec", "location": "1,1"}},
        {"geo_distance": {"distance": "1km", "location": "91,1"}},
        {"geo_distance": {"location": "1,1"}},
        {"geo_distance": {"distance": "1km", "location": "1,1", "distance_type": "plane"}},
        {"geo_bounding_box": {"location": {"top": 1}}},
        {"geo_bounding_box": {"location": {"top": 1, "bottom": 2, "left": 0, "right": 1}}},
        {"ids": {}},
    ],
    ids=str,
)
def test_clauses_that_make_no_sense_are_refused(backend: EmbeddedBackend, query: Any) -> None:
    with pytest.raises(BadFilter):
        backend.search({"query": query})


def test_deep_nesting_is_refused_not_crashed_on(backend: EmbeddedBackend) -> None:
    query: dict[str, Any] = {"match_all": {}}
    for _ in range(500):
        query = {"bool": {"must": [query]}}
    with pytest.raises(BadFilter, match="deep"):
        backend.search({"query": query})
    assert backend.count() == 40


@pytest.mark.parametrize(
    "vector", [[1.0] * 7, [2.0] + [0.0] * 7, [float("nan")] * 8, [0.0] * 8, "abc", [["a"] * 8], [1.0] * 9], ids=str
)
def test_bad_query_vectors(backend: EmbeddedBackend, vector: Any) -> None:
    with pytest.raises(BadVector):
        backend.search({"knn": {**KNN, "query_vector": vector}})


@pytest.mark.parametrize(
    "mappings",
    [
        {"properties": {"a": {"type": "keyword"}}},
        {"dynamic": "runtime", "properties": {}},
        {"dynamic": "strict", "properties": {"a": {"type": "percolator"}}},
        {"dynamic": "strict", "properties": {"a": {"type": "keyword", "copy_to": "b"}}},
        {"dynamic": "strict", "properties": {"a": {"type": "text", "analyzer": "no_such"}}},
        {"dynamic": "strict", "properties": {"a": {"type": "text", "analyzer": "strange"}}},
        {"dynamic": "strict", "properties": {"a": {"type": "keyword", "normalizer": "no_such"}}},
        {"dynamic": "strict", "properties": {"a": {"type": "dense_vector"}}},
        {"dynamic": "strict", "runtime": {}, "properties": {}},
        {"dynamic": "strict", "properties": {"a": {"properties": {"b": {"type": "wildcard"}}}}},
        {"dynamic": "strict", "properties": {"a": {"dynamic": "true", "properties": {}}}},
    ],
    ids=str,
)
def test_definitions_that_are_not_understood_are_refused(mappings: Mapping[str, Any]) -> None:
    analysis = {"analyzer": {"strange": {"type": "custom", "tokenizer": "standard", "filter": ["phonetic"]}}}
    backend = EmbeddedBackend(None)
    with pytest.raises(MappingMismatch):
        backend.create({"settings": {"analysis": analysis}, "mappings": mappings})
    assert not backend.exists()


# --- the body of every kind of query ---


@pytest.mark.parametrize("name", CASES)
def test_every_golden_body_is_interpreted(name: str) -> None:
    body = json.loads(shown(CASES[name]))
    legs = {leg["field"]: len(leg["query_vector"]) for leg in body.get("knn", [])}
    whole = definition("english")
    whole["mappings"]["properties"]["embedding"]["properties"] = {
        field.partition(".")[2]: {"type": "dense_vector", "dims": dims, "similarity": "dot_product"}
        for field, dims in legs.items()
        if field.startswith("embedding.")
    }
    backend = EmbeddedBackend(None)
    backend.create(whole)
    backend.bulk([Action("index", id, {**source, "embedding": {}}) for id, source in PHOTOS.items()])
    backend.refresh()
    answer = backend.search(body)
    assert len(answer["hits"]["hits"]) <= body["size"]
    assert set(answer.get("aggregations", {})) == set(body.get("aggs", {}))


# --- several at once, and lightness ---


def test_threads_search_while_one_writes() -> None:
    backend = EmbeddedBackend(None)
    backend.create(definition("english"))
    problems: list[BaseException] = []
    done = threading.Event()

    def search() -> None:
        try:
            while not done.is_set():
                answer = backend.search({"query": {"match_all": {}}, "knn": {**KNN, "k": 5, "num_candidates": 5}})
                assert all(hit["_source"]["bytes"] for hit in answer["hits"]["hits"])
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for id, source in PHOTOS.items():
        backend.bulk([Action("index", id, source)])
        backend.refresh()
    done.set()
    for thread in threads:
        thread.join()
    assert not problems and backend.count() == 40


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys, hybrid_search.backends.embedded; print([n for n in ('tantivy', 'usearch') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_pending_documents_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from hybrid_search.backends.embedded import writer

    monkeypatch.setattr(writer, "_PENDING", 10)
    backend = EmbeddedBackend(None)
    backend.create(definition("english"))
    backend.bulk([Action("index", id, source) for id, source in PHOTOS.items()])
    assert backend.count() == 40
    backend.bulk([Action("update", "p01", {"iso": 7})])
    assert backend.get("p01")["iso"] == 7 and backend.count({"term": {"iso": 7}}) == 0
    np.testing.assert_allclose(backend.get("p01", vectors=True)["embedding"]["tiny"], unit(1), atol=1e-3)


def test_large_fields_are_kept_and_not_indexed(tmp_path: Path) -> None:
    text = "".join(map(str, range(4000)))
    fields = {"note": {"type": "keyword", "index": False, "doc_values": False}, "caption": {"type": "text"}}
    backend = EmbeddedBackend(tmp_path / "index")
    backend.create({"mappings": {"dynamic": "strict", "properties": fields}})
    backend.bulk([Action("index", "a", {"note": text, "caption": "a boat"}), Action("index", "b", {"note": "short"})])
    backend.bulk([Action("update", "a", {"caption": "a house"})])
    backend.close()
    assert list(backend.scan()) == [("b", {"note": "short"}), ("a", {"caption": "a house", "note": text})]
    assert list(backend.scan(fields=("caption",))) == [("b", {}), ("a", {"caption": "a house"})]
    # as terms they would take several times as long to write as all the rest
    terms = [file.stat().st_size for file in (tmp_path / "index" / "tantivy").glob("*.term")]
    assert 0 < sum(terms) < len(text)
    backend.close()


def test_large_fields_of_earlier_versions_are_read() -> None:
    from tantivy import Document

    native = Document()
    native.add_bytes("_source", b'{"caption":"a boat"}')
    native.add_text("_large", 'note\0"long"')
    assert read_source(native) == {"caption": "a boat", "note": "long"}
    assert read_source(native, wanted=lambda name: name != "note") == {"caption": "a boat"}


def test_an_interrupted_bulk_does_not_keep_the_lock(tmp_path: Path) -> None:
    def interrupted() -> Iterator[Action]:
        yield Action("index", "lost", {"caption": "lost"})
        raise KeyboardInterrupt

    backend = EmbeddedBackend(tmp_path / "index")
    backend.create({"mappings": {"dynamic": "strict", "properties": {"caption": {"type": "text"}}}})
    try:
        backend.bulk(interrupted())
    except KeyboardInterrupt:
        # what goes on while the exception is handled is still inside its traceback
        backend.bulk([Action("index", "kept", {"caption": "kept"})])
    backend.refresh()
    assert [id for id, _ in backend.scan()] == ["kept"]
    backend.close()
