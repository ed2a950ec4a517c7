"""Queries: what is accepted, and how the rest is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.document.definition import EmbeddingSpec, load_definition
from hybrid_search.errors import BadFilter, BadVector, EmptyQuery, QueryError, UnknownField
from hybrid_search.query.query import Query, SignatureLeg, Sort, VectorLeg, make_query

DEFINITION = load_definition(embeddings={"lite": EmbeddingSpec("lite", "1", 4), "clip": EmbeddingSpec("clip", "1", 2)})
SIGNATURE = np.resize(np.array([1, -2, 0], np.int8), 648)


def ask(**asked) -> Query:
    return make_query(DEFINITION, **asked)


def lite(values=(0.0, 3.0, 0.0, 4.0), **options) -> VectorLeg:
    return VectorLeg("embedding.lite", np.asarray(values), **options)


def same(signature=SIGNATURE, **options) -> SignatureLeg:
    return SignatureLeg(signature, **options)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"text": ""},
        {"text": "  "},
        {"text": "- ? &"},
        {"filter": ""},
        {"filter": []},
        {"exclude": ["a"]},
        {"facets": ["iso"]},
        {"signature": same(np.zeros(648, np.int8))},
        {"text": "dog", "weights": {"text": 0}},
        {"text": "- ? &", "sort": "iso"},
        {"text": "dog", "sort": "iso", "weights": {"text": 0}},
        {"signature": same(np.zeros(648, np.int8)), "sort": "iso"},
    ],
)
def test_nothing_to_search_for(asked):
    with pytest.raises(EmptyQuery):
        ask(**asked)


@pytest.mark.parametrize(
    ("asked", "legs"),
    [
        ({"text": "dog"}, ("text",)),
        ({"filter": "tags:a"}, ()),
        ({"filter": "*"}, ()),
        ({"sort": "taken_at:desc"}, ()),
        ({"text": "-dog"}, ()),
        ({"vectors": [lite()]}, ("vector",)),
        ({"text": "dog", "vectors": [lite()], "signature": same()}, ("text", "vector", "signature")),
        ({"text": "dog", "vectors": [lite()], "weights": {"text": 0}}, ("vector",)),
        ({"text": "dog", "vectors": [lite()], "weights": {"vector": 0}}, ("text",)),
        ({"vectors": [lite()], "signature": same(), "weights": {"signature": 0}}, ("vector",)),
        ({"vectors": [lite()], "signature": same(np.zeros(648, np.int8))}, ("vector",)),
        (
            {"vectors": [lite(), VectorLeg("embedding.clip", np.ones(2)), lite()]},
            ("vector:lite", "vector:clip", "vector:lite#2"),
        ),
    ],
)
def test_legs(asked, legs):
    assert ask(**asked).legs == legs


def test_a_query_cannot_be_changed():
    query = ask(text="dog", weights={"text": 2})
    with pytest.raises(dataclasses.FrozenInstanceError):
        query.k = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        query.weights["text"] = 3  # type: ignore[index]


# -- numbers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"k": 0}, "k must be at least 1 (got 0)"),
        ({"k": -1}, "k must be at least 1 (got -1)"),
        ({"k": 2.5}, "k is a whole number (got 2.5)"),
        ({"k": "10"}, "k is a whole number (got '10')"),
        ({"offset": -1}, "offset must be at least 0 (got -1)"),
        ({"k": 10_001}, "k + offset must be at most 10,000 (got 10,001)"),
        ({"k": 10, "offset": 9_991}, "k + offset must be at most 10,000 (got 10,001)"),
        (
            {"k": 200, "num_candidates": 100},
            "k must be at most num_candidates (got k=200, num_candidates=100); pass num_candidates=200 or more",
        ),
        ({"k": 60, "offset": 60, "num_candidates": 100}, "k + offset must be at most num_candidates"),
        ({"num_candidates": 10_001}, "num_candidates must be at most 10,000 (got 10,001)"),
        ({"num_candidates": 0}, "num_candidates must be at least 1"),
        ({"weights": {"image": 1}}, "weights has no leg 'image'; known: text, vector, signature"),
        ({"weights": {"text": -1}}, "weights['text'] must be 0 or more (got -1)"),
        ({"weights": {"text": float("nan")}}, "weights['text'] is a finite number"),
        ({"weights": {"text": "much"}}, "weights['text'] is a finite number"),
        ({"fusion": "max"}, "no fusion 'max'; known: evidence, rrf, sum"),
        ({"min_score": float("inf")}, "min_score is a finite number"),
        ({"min_score": {"image": 0.3}}, "min_score has no leg 'image'; known: text, vector, signature"),
        ({"min_score": 2}, "min_score is evidence, from 0 to 1 (got 2)"),
        ({"min_score": -0.1}, "min_score is evidence, from 0 to 1 (got -0.1)"),
        ({"min_score": 0.3, "sort": "iso"}, "min_score={'vector': 0.3}"),
        ({"sort": "iso:up"}, "write iso:asc, iso:desc, or -iso for descending"),
        ({"sort": "-iso:asc"}, "write iso:asc"),
        ({"sort": "caption"}, "'caption' is text, which has no order"),
        ({"sort": "location"}, "'location' is geo_point, which has no order"),
        ({"sort": "regions.score"}, "has no order"),
        ({"sort": [3]}, "sort is a list of texts"),
        ({"facets": "iso"}, "facets is a list of texts (got 'iso')"),
        ({"exclude": "abc"}, "exclude is a list of texts"),
        ({"text": "a" * 1_001}, "text has 1,001 characters, more than 1,000"),
        ({"signature": same(max_distance=1.0)}, "max_distance is between 0 and 1 (got 1.0)"),
    ],
)
def test_what_is_out_of_range_is_said_with_its_value(asked, says):
    with pytest.raises(QueryError) as raised:
        ask(**{"text": "dog", **asked})
    assert says in str(raised.value)


def test_legs_share_the_hits_that_a_server_returns():
    both = {"text": "dog", "vectors": [lite()]}
    assert ask(**both, k=5_000).window == 5_000
    with pytest.raises(QueryError, match=r"at most 5,000 \(got 5,001\): a search returns 10,000 hits that its 2 legs"):
        ask(**both, k=5_001)


@pytest.mark.parametrize(
    ("asked", "window", "candidates"),
    [
        ({"k": 10}, 50, 100),
        ({"k": 10, "offset": 40}, 50, 100),
        ({"k": 10, "offset": 90}, 100, 200),
        ({"k": 10, "offset": 91}, 200, 400),
        ({"k": 400}, 400, 800),
        ({"k": 401}, 800, 1_600),
        ({"k": 4_900}, 5_000, 10_000),
        ({"k": 10, "num_candidates": 40}, 40, 40),
        ({"k": 10, "num_candidates": 1_000}, 50, 1_000),
    ],
)
def test_the_window_of_several_legs_grows_in_steps(asked, window, candidates):
    query = ask(text="dog", vectors=[lite()], **asked)
    assert (query.window, query.num_candidates) == (window, candidates)


@pytest.mark.parametrize("asked", [{"text": "dog"}, {"vectors": [lite()]}])
def test_one_leg_is_asked_for_what_is_wanted_and_no_more(asked):
    assert ask(**asked, k=7, offset=5, collapse_duplicates=False).window == 12
    assert ask(**asked, k=7, offset=5).window == 50, "copies of hits may stand anywhere below them"


def test_a_signature_alone_is_ranked_anew_by_its_distance_and_needs_a_window():
    assert ask(signature=same(), k=7).window == 50


def test_numpy_integers_are_whole_numbers():
    assert ask(text="dog", k=np.int64(3)).k == 3


# -- vectors -----------------------------------------------------------------------------------------------------------


def test_vectors_are_brought_to_unit_length():
    vector = ask(vectors=[lite()]).vectors[0].vector
    assert vector.dtype == np.float32
    assert vector.tolist() == pytest.approx([0.0, 0.6, 0.0, 0.8])


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_very_long_and_very_short_vectors_have_a_direction_too(scale):
    vector = ask(vectors=[lite(np.array([0.0, 3.0, 0.0, 4.0]) * scale)]).vectors[0].vector
    assert vector.tolist() == pytest.approx([0.0, 0.6, 0.0, 0.8])


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4).filter(any))
def test_query_vectors_have_unit_length(values):
    assert np.linalg.norm(ask(vectors=[lite(values)]).vectors[0].vector) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([1.0, 2.0, 3.0], "vectors of 4 dims, this one has shape (3,)"),
        ([[1.0, 2.0, 3.0, 4.0]], "shape (1, 4)"),
        ([0.0, 0.0, 0.0, 0.0], "it is all zero"),
        ([np.nan, 0.0, 0.0, 1.0], "not finite"),
        ([np.inf, 0.0, 0.0, 1.0], "not finite"),
        (["a", "b", "c", "d"], "not numbers"),
    ],
)
def test_bad_vectors(values, says):
    with pytest.raises(BadVector) as raised:
        ask(vectors=[lite(values)])
    assert says in str(raised.value)


@pytest.mark.parametrize("signature", [SIGNATURE[:-1], SIGNATURE.astype(float)])
def test_bad_signatures(signature):
    with pytest.raises(BadVector, match="a signature is 648 int8 values"):
        ask(signature=same(signature))


@pytest.mark.parametrize("field", ["embedding.light", "signature", "iso", "lite"])
def test_vectors_need_a_field_of_embeddings(field):
    with pytest.raises(UnknownField) as raised:
        ask(vectors=[VectorLeg(field, np.ones(4))])
    assert raised.value.close_matches == ("embedding.lite", "embedding.clip")


def test_rounded_vectors_are_scored_again_with_exact_ones():
    options = {"type": "int8_hnsw"}
    definition = load_definition(embeddings={"lite": EmbeddingSpec("lite", "1", 4)}, index_options=options)
    assert make_query(definition, vectors=[lite()]).vectors[0].oversample == 3.0
    assert ask(vectors=[lite()]).vectors[0].oversample is None


# -- names -------------------------------------------------------------------------------------------------------------


def test_sort_is_written_in_two_ways():
    keys = ask(text="dog", sort=["taken_at:desc", "-bytes", "camera.make", "iso:asc"]).sort
    assert keys == (Sort("taken_at", "desc"), Sort("bytes", "desc"), Sort("camera.make", "asc"), Sort("iso", "asc"))
    assert ask(text="dog", sort="-iso").sort == (Sort("iso", "desc"),)


@pytest.mark.parametrize("asked", [{"sort": "make"}, {"facets": ["make"]}, {"filter": "make:canon"}])
def test_unknown_fields_name_what_comes_close(asked):
    with pytest.raises(UnknownField) as raised:
        ask(text="dog", **asked)
    assert raised.value.close_matches == ("camera.make",)


def test_a_filter_is_read_with_the_types_of_the_mapping():
    assert ask(filter="iso:400").filter == ({"term": {"iso": 400}},)
    with pytest.raises(BadFilter):
        ask(filter="iso:many")


def test_weights_of_several_vector_legs():
    query = ask(vectors=[lite(), VectorLeg("embedding.clip", np.ones(2))], weights={"vector": 2, "vector:clip": 3})
    assert query.weights["vector:lite"] == 2.0
    assert query.weights["vector:clip"] == 3.0


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"vector:lite": 2}, 2.0),
        ({"vector:lite": 2, "vector": 3}, 2.0),
        ({"vector:clip": 2}, 1.0),
        ({"vector:clip": 2, "vector": 3}, 3.0),
    ],
)
def test_what_is_said_of_an_embedding_holds_when_it_is_the_only_leg(weights, expected):
    assert ask(vectors=[lite()], weights=weights).weights["vector"] == expected
    query = ask(vectors=[lite()], min_score={name: value / 10 for name, value in weights.items()})
    least = query.vectors[0].min_cosine
    assert (None if least is None else least * 10) == (expected if expected > 1 else None)
    assert query.leg_minima.get("vector") == least


@pytest.mark.parametrize("option", ["weights", "min_score"])
def test_an_embedding_that_the_index_does_not_have_is_no_leg(option):
    with pytest.raises(
        QueryError, match="no leg 'vector:light'; known: text, vector, signature, vector:lite, vector:clip"
    ):
        ask(vectors=[lite()], **{option: {"vector:light": 1}})


def test_min_score_by_leg_narrows_the_legs():
    query = ask(vectors=[lite()], signature=same(), min_score={"vector": 0.3, "signature": 0.7})
    assert query.min_score is None
    assert query.vectors[0].min_cosine == 0.3
    assert query.signature.max_distance == pytest.approx(0.3)
    assert ask(text="dog", min_score=0.3).min_score == 0.3
    assert ask(text="dog", min_score=2, fusion="sum").min_score == 2
