"""Evidence of two pictures: seen from either of them, and as JSON."""

from __future__ import annotations

import json

import pytest

from hybrid_search.hits.evidence import DUPLICATE_TIERS, TIERS, Evidence

MORE = Evidence(
    "more",
    distance=0.1,
    transform=(1.0, 0.0, 0.1, 0.0, 1.0, 0.2),
    first_has=("a tick",),
    second_has=("a signature", "2 more pages"),
    added=((0.1, 0.2, 0.3, 0.4), (0.5, 0.5, 1.0, 1.0)),
    added_to="second",
)


def test_more_is_a_copy_and_less_sure_than_all_others() -> None:
    assert DUPLICATE_TIERS == ("bytes", "pixels", "near", "transformed", "edited", "more")
    assert TIERS[len(DUPLICATE_TIERS) :] == ("unsure", "similar")
    assert MORE.is_duplicate
    assert MORE.strength > Evidence("edited", aligned_distance=0.9).strength
    assert Evidence("more", distance=0.9, aligned_distance=0.1).strength[1] == 0.1
    assert Evidence("more", distance=0.3).strength[1] == 0.3


def test_turned_round_what_each_has_changes_sides_and_boxes_stay_on_their_picture() -> None:
    back = MORE.turned_round()
    assert (back.first_has, back.second_has) == (MORE.second_has, MORE.first_has)
    assert (back.added, back.added_to) == (MORE.added, "first")
    assert back.turned_round() == MORE
    assert Evidence("near").turned_round().added_to == ""


@pytest.mark.parametrize("evidence", [MORE, Evidence("near"), Evidence("bytes", distance=0.0)])
def test_json_comes_back_and_names_only_what_is_known(evidence: Evidence) -> None:
    stored = json.loads(json.dumps(evidence.to_json()))
    assert Evidence.from_json(stored) == evidence == Evidence.from_json(evidence.to_json())
    assert ("added" in stored) == bool(evidence.added)
    assert Evidence("near").to_json() == {"tier": "near"}
