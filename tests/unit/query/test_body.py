"""Bodies: what is sent for each kind of search, as read and found right by a person, and what holds for all of them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.query.body import build_body, hard_filters, json_body
from hybrid_search.query.query import SignatureLeg
from tests.support.bodies import CASES, FOLDER, SIGNATURE, VECTOR, ask, like, nearest, shown


@pytest.mark.parametrize("name", CASES)
def test_golden(name):
    golden = FOLDER / f"{name}.json"
    assert golden.is_file(), "run `make golden`, and read what it wrote"
    assert json.loads(shown(CASES[name])) == json.loads(golden.read_text(encoding="utf-8"))


def test_there_is_no_golden_body_without_a_query():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(CASES)


ASKED = st.fixed_dictionaries(
    {},
    optional={
        "text": st.sampled_from(["dog", 'black "red ball"', "dog -night", "-night"]),
        "vectors": st.just([nearest()]),
        "signature": st.just(like()),
        "filter": st.sampled_from(["camera.make:canon", "iso:>=400 -tags:night", {"term": {"tags": "a"}}]),
        "exclude": st.just(["a1"]),
        "sort": st.sampled_from(["taken_at:desc", ["-bytes", "iso"]]),
        "facets": st.just(["camera.make", "taken_at"]),
        "explain": st.booleans(),
        "collapse_duplicates": st.booleans(),
        "k": st.integers(1, 300),
        "offset": st.integers(0, 300),
    },
).filter(lambda asked: {"text", "vectors", "signature", "filter"} & asked.keys())


@given(ASKED)
def test_every_leg_is_under_every_hard_filter(asked):
    query = ask(**asked)
    body = build_body(query)
    filters = hard_filters(query)
    for clause in body.get("knn", ()):
        assert [part for part in clause.get("filter", []) if "terms" not in part] == filters
    if "query" in body and not query.explain:
        assert body["query"]["bool"].get("filter", []) == filters


@given(ASKED)
def test_there_is_room_for_every_list_and_for_the_page(asked):
    query = ask(**asked)
    body = build_body(query)
    assert body["from"] + body["size"] <= 10_000
    if "knn" in body:
        lists = query.window * (len(query.vectors) + query.has_text)
        # copies are few where other lists are fused with theirs; where they are not, the guard asks again
        copies = max(query.window, 100) if query.legs == ("signature",) or query.sort else query.window // 5
        assert (body["from"], body["size"]) == (0, lists + copies * (query.signature is not None))
    assert body["from"] + body["size"] >= query.offset + query.k
    for clause in body.get("knn", ()):
        assert query.offset + query.k <= clause["k"] <= clause["num_candidates"] <= 10_000


@given(ASKED)
def test_bodies_are_json(asked):
    body = json_body(build_body(ask(**asked)))
    assert json.loads(json.dumps(body, allow_nan=False)) == body


@given(ASKED)
def test_what_ranks_has_a_name(asked):
    query = ask(**asked)
    body = build_body(query)
    names = [clause["_name"] for clause in body.get("knn", ())]
    names += [
        clause["bool"]["_name"]
        for clause in body.get("query", {"bool": {}})["bool"].get("must", ())
        if "bool" in clause
    ]
    assert sorted(names) == sorted(query.legs)


def test_shown_vectors_are_the_ones_that_are_sent():
    vector = np.array([0.1, 0.2, 0.3, 0.9])
    (sent,) = build_body(ask(vectors=[nearest(vector=vector)]))["knn"]
    (listed,) = json_body(build_body(ask(vectors=[nearest(vector=vector)])))["knn"]
    assert np.array_equal(np.array(listed["query_vector"], np.float32), sent["query_vector"])
    assert all(type(value) is float for value in listed["query_vector"])


def test_building_a_body_leaves_the_query_as_it_was():
    query = ask(text="dog", filter="tags:(a OR b) iso:3", explain=True, vectors=[nearest()])
    before = json.dumps(query.filter)
    assert shown(query) == shown(query)
    assert json.dumps(query.filter) == before


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.1, 0.3, 0.45, 0.7]),
)
def test_no_signature_within_the_distance_has_a_smaller_cosine(seed, max_distance):
    random = np.random.default_rng(seed)
    stored = random.integers(-2, 3, 648).astype(np.int8)
    changed = random.random(648) < random.random() * 0.4
    stored = np.where(changed, stored, SIGNATURE).astype(np.int8)
    # of another length than the query's signature too
    stored = np.where(random.random(648) < random.random(), np.clip(stored * 2, -2, 2), stored).astype(np.int8)
    (clause,) = build_body(ask(signature=SignatureLeg(SIGNATURE, max_distance)))["knn"]
    lengths = math.hypot(*SIGNATURE.tolist()), math.hypot(*stored.tolist())
    if math.dist(SIGNATURE.tolist(), stored.tolist()) / sum(lengths) <= max_distance:
        assert float(SIGNATURE.astype(int) @ stored) / math.prod(lengths) >= clause["similarity"]


def test_the_least_cosine_is_reached_by_signatures_of_one_length():
    first, second = np.zeros(648, np.int8), np.zeros(648, np.int8)
    first[:4], second[1:5] = 1, 1
    # three of four values agree: the cosine is 3/4, the distance √2 / (2 + 2), and 1 − 2 · 2/16 = 3/4
    (clause,) = build_body(ask(signature=SignatureLeg(first, math.sqrt(2) / 4)))["knn"]
    assert clause["similarity"] == pytest.approx(0.75, abs=1e-5)
    assert clause["similarity"] <= 0.75


def test_facets_count_what_passes_the_filter_and_not_the_nearest_k():
    query = ask(vectors=[nearest(vector=VECTOR)], filter="iso:400", facets=["camera.make"])
    assert build_body(query)["aggs"]["all"]["aggs"]["filtered"]["filter"] == {
        "bool": {"filter": [{"term": {"iso": 400}}]}
    }
    unfiltered = ask(vectors=[nearest()], facets=["camera.make"])
    assert build_body(unfiltered)["aggs"]["all"]["aggs"]["filtered"]["filter"] == {"match_all": {}}
