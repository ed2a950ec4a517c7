"""Near-identical hits as one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.hits.collapse import collapse_copies

BASE = np.resize(np.array([2, -1, 0, 1, -2], np.int8), 648)


def flipped(count: int) -> np.ndarray:
    """Return the base with the signs of its first values turned."""
    turned = BASE.copy()
    turned[:count] *= -1
    return turned


def apart(a, b) -> float:
    a, b = a.astype(float), b.astype(float)
    return float(np.linalg.norm(a - b) / (np.linalg.norm(a) + np.linalg.norm(b)))


def test_copies_go_to_the_best_ranked():
    signatures = {"a": BASE, "b": -BASE, "c": flipped(20), "d": flipped(40)}
    assert apart(BASE, flipped(40)) < 0.4 < apart(BASE, -BASE)
    assert collapse_copies(["b", "d", "a", "c"], signatures=signatures, groups={}) == {"b": (), "d": ("a", "c")}


def test_a_chain_of_small_changes_is_not_one_image():
    # a and b are copies, b and c are copies, a and c are not.
    signatures = {"a": flipped(0), "b": flipped(80), "c": flipped(160)}
    assert apart(signatures["a"], signatures["b"]) < 0.4 < apart(signatures["a"], signatures["c"])
    assert collapse_copies(["a", "b", "c"], signatures=signatures, groups={}) == {"a": ("b",), "c": ()}
    assert collapse_copies(["b", "a", "c"], signatures=signatures, groups={}) == {"b": ("a", "c")}


def test_the_distance_itself_still_counts():
    limit = apart(BASE, flipped(50))
    signatures = {"a": BASE, "b": flipped(50)}
    assert collapse_copies(["a", "b"], signatures=signatures, groups={}, max_distance=limit) == {"a": ("b",)}
    assert collapse_copies(["a", "b"], signatures=signatures, groups={}, max_distance=limit * 0.999) == {
        "a": (),
        "b": (),
    }


def test_flat_images_and_images_without_signature_are_nobodys_copy():
    flat = np.zeros(648, np.int8)
    signatures = {"a": flat, "b": flat.copy()}
    assert collapse_copies(["a", "b", "c", "d"], signatures=signatures, groups={}) == {
        "a": (),
        "b": (),
        "c": (),
        "d": (),
    }


def test_groups_that_were_decided_count_whatever_the_distance():
    signatures = {"a": BASE, "b": -BASE, "c": flipped(20)}
    assert collapse_copies(["a", "b", "c"], signatures=signatures, groups={"a": "g", "b": "g"}) == {"a": ("b", "c")}
    assert collapse_copies(["a", "x", "y"], signatures=signatures, groups={"x": "h", "y": "h"}) == {
        "a": (),
        "x": ("y",),
    }


def test_the_group_of_a_copy_goes_where_the_copy_went():
    signatures = {"a": BASE, "b": flipped(20), "c": -BASE}
    assert collapse_copies(["a", "b", "c"], signatures=signatures, groups={"b": "g", "c": "g"}) == {"a": ("b", "c")}


@given(st.lists(st.integers(0, 300), min_size=1, max_size=12), st.sampled_from([0.0, 0.2, 0.4, 0.6]))
def test_what_stays_is_as_a_slow_reading_of_the_rule_says(counts, limit):
    ids = [f"{place:02}" for place in range(len(counts))]
    signatures = {id: flipped(count) for id, count in zip(ids, counts, strict=True)}
    slow: dict[str, list[str]] = {}
    for id in ids:
        original = next((kept for kept in slow if apart(signatures[id], signatures[kept]) <= limit), None)
        slow.setdefault(original or id, []).extend([id] if original else [])
    found = collapse_copies(ids, signatures=signatures, groups={}, max_distance=limit)
    assert found == {id: tuple(copies) for id, copies in slow.items()}


@pytest.mark.parametrize("ids", [[], ["a"]])
def test_nothing_to_collapse(ids):
    assert collapse_copies(ids, signatures={}, groups={}) == {id: () for id in ids}
