"""Fusion: ranked lists as one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.hits.fusion import rrf, weighted_sum

IDS = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)
LEGS = st.dictionaries(st.sampled_from(["text", "vector", "signature"]), IDS, max_size=3)
SCORES = st.floats(0.0, 30.0, allow_subnormal=False)
SCORED = st.dictionaries(
    st.sampled_from(["text", "vector", "signature"]),
    st.dictionaries(st.sampled_from("abcdefgh"), SCORES, max_size=8),
    max_size=3,
)


def test_rrf_adds_reciprocal_ranks():
    fused = rrf({"text": ["a", "b", "c"], "vector": ["c", "a"]})
    assert fused == {"a": 1 / (60 + 1) + 1 / (60 + 2), "c": 1 / (60 + 3) + 1 / (60 + 1), "b": 1 / (60 + 2)}
    assert list(fused) == ["a", "c", "b"]


def test_rrf_weights_and_constant():
    fused = rrf({"text": ["a"], "vector": ["b"]}, weights={"vector": 3.0}, constant=1)
    assert fused == {"b": 3 / 2, "a": 1 / 2}


def test_equal_scores_are_in_the_order_of_ids():
    assert list(rrf({"text": ["b"], "vector": ["a"]})) == ["a", "b"]
    assert list(weighted_sum({"vector": {"b": 0.5, "a": 0.5}})) == ["a", "b"]


def test_weighted_sum_scales_texts_by_their_best_and_leaves_cosines():
    fused = weighted_sum(
        {"text": {"a": 12.0, "b": 3.0}, "vector": {"b": 0.9, "c": 0.4, "d": -0.2}, "signature": {"c": 0.75}},
        weights={"text": 0.5, "vector": 2.0, "signature": 1.0},
    )
    # a: 0.5·12/12, b: 0.5·3/12 + 2·0.9, c: 2·0.4 + 0.75, d: nothing for a negative cosine
    assert fused == pytest.approx({"b": 1.925, "c": 1.55, "a": 0.5, "d": 0.0})
    assert list(fused) == ["b", "c", "a", "d"]


def test_nothing_fused_is_nothing():
    assert rrf({}) == weighted_sum({}) == rrf({"text": []}) == weighted_sum({"text": {}}) == {}


@given(LEGS, st.permutations(["text", "vector", "signature"]))
def test_rrf_does_not_depend_on_the_order_of_legs(legs, order):
    shuffled = {name: legs[name] for name in order if name in legs}
    assert list(rrf(legs).items()) == list(rrf(shuffled).items())


@given(SCORED, st.permutations(["text", "vector", "signature"]))
def test_weighted_sum_does_not_depend_on_the_order_of_legs(legs, order):
    shuffled = {name: legs[name] for name in order if name in legs}
    assert list(weighted_sum(legs).items()) == list(weighted_sum(shuffled).items())


@given(LEGS)
def test_rrf_holds_every_id_once_and_agrees_with_its_formula(legs):
    fused = rrf(legs)
    assert set(fused) == {id for ids in legs.values() for id in ids}
    for id, score in fused.items():
        naive = sum(1 / (61 + ids.index(id)) for ids in legs.values() if id in ids)
        assert score == pytest.approx(naive)


@given(IDS)
def test_one_leg_keeps_its_order(ids):
    assert list(rrf({"vector": ids})) == ids


@given(LEGS, st.integers(-8, 8))
def test_rrf_order_does_not_depend_on_the_scale_of_weights(legs, power):
    scaled = dict.fromkeys(("text", "vector", "signature"), 2.0**power)
    assert list(rrf(legs)) == list(rrf(legs, weights=scaled))


@given(SCORED.filter(lambda legs: legs), st.sampled_from("abcdefgh"))
def test_a_better_score_in_a_leg_with_a_scale_never_loses_ranks(legs, id):
    legs = {name: scores for name, scores in legs.items() if name != "text"}
    if "vector" not in legs:
        return
    before = list(weighted_sum({**legs, "vector": {**legs["vector"], id: 1.0}}))
    after = list(weighted_sum({**legs, "vector": {**legs["vector"], id: 2.0}}))
    assert after.index(id) <= before.index(id)
