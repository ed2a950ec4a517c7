"""Groups: decided by links alone, without chains, the same in any order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.duplicates.collect.groups import Grouping, Link, Record, group
from hybrid_search.hits.evidence import Evidence
from hybrid_search.signature.goldberg import signature
from hybrid_search.signature.orientations import ORIENTATIONS, nearest_orientation, orientation_name

TIERS = ("pixels", "near", "transformed", "edited")


def near(first: str, second: str, distance: float = 0.3) -> Link:
    return Link(first, second, Evidence("near", distance=distance))


def pictures(**pixels: int) -> dict[str, Record]:
    return {id: Record(id, id, pixels=size) for id, size in pixels.items()}


def shown(found: Sequence[Grouping] | object) -> list[tuple[str, list[str]]]:
    return [(each.representative, [id for id, _ in each.others]) for each in found]  # type: ignore[attr-defined]


@st.composite
def collections(draw: st.DrawFn) -> tuple[dict[str, Record], list[Link]]:
    """Up to nine documents, some of equal bytes, with any links and any pairs kept apart."""
    ids = [f"d{number}" for number in range(draw(st.integers(0, 9)))]
    shas = {id: draw(st.sampled_from(["same", id, id])) for id in ids}
    pairs = [pair for pair in combinations(ids, 2) if shas[pair[0]] != shas[pair[1]]]
    linked = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    refused = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=3)) if pairs else []
    links = [
        Link(a, b, Evidence(draw(st.sampled_from(TIERS)), distance=draw(st.sampled_from([0.1, 0.2]))))
        for a, b in linked
    ]
    apart = {id: {shas[b if id == a else a] for a, b in refused if id in (a, b)} for id in ids}
    sizes = st.integers(1, 3)
    records = {
        id: Record(
            id,
            shas[id],
            pixels=draw(sizes),
            bytes=draw(sizes),
            files=draw(st.sampled_from([1, 1, 2])),
            apart=frozenset(apart[id]),
            anchor=draw(st.sampled_from([False, False, True])),
        )
        for id in ids
    }
    return records, links


@given(collections(), st.randoms(use_true_random=False))
def test_order_and_direction_do_not_matter(made, random):
    records, links = made
    mixed = [link if random.random() < 0.5 else link.from_(link.second) for link in links]
    random.shuffle(mixed)
    ids = list(records)
    random.shuffle(ids)
    assert list(group({id: records[id] for id in ids}, mixed)) == list(group(records, links))


@given(collections(), st.booleans())
def test_no_picture_is_in_two_groups_and_no_pair_kept_apart_in_one(made, closed):
    records, links = made
    found = list(group(records, links, closed=closed))
    seen = [id for each in found for id in (each.representative, *(other for other, _ in each.others))]
    assert len(seen) == len(set(seen))
    for each in found:
        together = [records[id] for id in (each.representative, *(other for other, _ in each.others))]
        assert sum(record.files for record in together) > 1
        assert not any(a.sha256 in b.apart for a in together for b in together)


@given(collections())
def test_every_member_matches_its_representative(made):
    """Pictures of equal bytes or pixels are one, and what matches one of them matches all."""
    records, links = made
    same = {id: {id} for id in records}

    def unite(a: str, b: str) -> None:
        whole = same[a] | same[b]
        for id in whole:
            same[id] = whole

    for a, b in combinations(records, 2):
        if records[a].sha256 == records[b].sha256:
            unite(a, b)
    for link in links:
        if link.evidence.tier == "pixels":
            unite(link.first, link.second)
    strengths = {frozenset((link.first, link.second)): link.evidence.strength for link in links}
    for each in group(records, links):
        for id, evidence in each.others:
            if evidence.tier in ("bytes", "pixels"):
                assert id in same[each.representative]
            else:
                matched = {frozenset((a, b)) for a in same[id] for b in same[each.representative]}
                assert evidence.strength in {strengths[pair] for pair in matched if pair in strengths}


def by_hand(records: dict[str, Record], links: Sequence[Link]) -> list[tuple[str, list[str]]]:
    """Apply the rule to pictures of different bytes and pixels, none kept apart, as it is written."""
    strength = {frozenset((link.first, link.second)): link.evidence.strength for link in links}
    order = sorted(records, key=lambda id: (-records[id].pixels, -records[id].bytes, id))
    groups: dict[str, list[str]] = {}
    for id in order:
        matched = sorted(
            (strength[frozenset((id, other))], order.index(other))
            for other in groups
            if frozenset((id, other)) in strength
        )
        if matched:
            groups[order[matched[0][1]]].append(id)
        else:
            groups[id] = []
    return [
        (id, sorted(others, key=lambda other: (strength[frozenset((id, other))], order.index(other))))
        for id, others in groups.items()
        if others
    ]


@given(st.data())
def test_the_rule_applied_by_hand_gives_the_same(data):
    ids = [f"d{number}" for number in range(data.draw(st.integers(2, 8)))]
    records = {id: Record(id, id, data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))) for id in ids}
    pairs = data.draw(st.lists(st.sampled_from(list(combinations(ids, 2))), unique=True))
    links = [near(a, b, data.draw(st.sampled_from([0.1, 0.2, 0.3]))) for a, b in pairs]
    assert shown(group(records, links)) == by_hand(records, links)


def test_a_chain_of_small_changes_ends_where_it_stops_matching():
    records = pictures(a=30, b=20, c=10)
    links = [near("a", "b"), near("b", "c")]
    assert shown(group(records, links)) == [("a", ["b"])]
    # with the middle one as the largest, all match it
    assert shown(group(pictures(a=10, b=30, c=20), links)) == [("b", ["c", "a"])]


def test_a_picture_joins_the_representative_that_it_matches_best():
    records = pictures(a=40, b=30, c=20)
    links = [near("a", "c", 0.3), near("c", "b", 0.1)]
    assert shown(group(records, links)) == [("b", ["c"])]
    edited = [Link("b", "c", Evidence("edited", aligned_distance=0.01)), near("a", "c", 0.3)]
    assert shown(group(records, edited)) == [("a", ["c"])]


def test_equal_bytes_and_equal_pixels_are_one_picture():
    records = {
        "named": Record("named", "x", pixels=20, bytes=2),
        "x": Record("x", "x", pixels=20, bytes=2),
        "y": Record("y", "y", pixels=20, bytes=1),
        "z": Record("z", "z", pixels=10),
    }
    links = [Link("y", "named", Evidence("pixels", distance=0.0)), near("z", "y", 0.2)]
    (found,) = group(records, links)
    assert found.representative == "named"
    assert [(id, evidence.tier) for id, evidence in found.others] == [("x", "bytes"), ("y", "pixels"), ("z", "near")]


def test_of_several_links_between_equal_pixels_the_surest_counts():
    records = pictures(a=30, b=30, c=10)
    links = [Link("a", "b", Evidence("pixels")), near("a", "c", 0.3), near("c", "b", 0.1)]
    for ordered in (links, links[::-1]):
        (found,) = group(records, ordered)
        assert found.others == (("b", Evidence("pixels", distance=0.0)), ("c", Evidence("near", distance=0.1)))


def test_one_document_with_two_files_is_a_group():
    assert shown(group({"a": Record("a", "a", files=2), "b": Record("b", "b")}, [])) == [("a", [])]


def test_pairs_kept_apart_part_even_equal_pixels():
    one = Record("a", "a", pixels=9, apart=frozenset(["b"]))
    records = {"a": one, "b": Record("b", "b", pixels=9), "c": Record("c", "c", pixels=5)}
    links = [Link("a", "b", Evidence("pixels")), near("a", "c", 0.1), near("b", "c", 0.2)]
    assert shown(group(records, links)) == [("a", ["c"])]
    # one who is apart from a member, not from the representative, goes to the next that it matches
    others = {**pictures(r=9, s=8, m=5), "x": Record("x", "x", pixels=4, apart=frozenset(["m"]))}
    both = [near("r", "m", 0.1), near("r", "x", 0.1), near("s", "x", 0.3)]
    assert shown(group(others, both)) == [("r", ["m"]), ("s", ["x"])]


def test_anchors_represent_and_are_never_joined():
    records = {
        "small": Record("small", "small", pixels=1, anchor=True),
        "other": Record("other", "other", pixels=2, anchor=True),
        "large": Record("large", "large", pixels=9),
        "larger": Record("larger", "larger", pixels=10),
    }
    links = [near("small", "other", 0.1), near("small", "large"), near("large", "larger", 0.1)]
    assert shown(group(records, links)) == [("small", ["large"])]
    assert shown(group(records, links[:1])) == []
    unanchored = [near("large", "larger")]
    assert shown(group(records, unanchored)) == [("larger", ["large"])]
    assert shown(group(records, unanchored, closed=True)) == []


def test_what_hangs_together_is_settled_before_it_becomes_a_representative():
    records = pictures(a=40, b=30, c=20, d=10)
    links = [near("a", "b"), near("b", "c")]
    asked = []

    def settle(id: str, others: Sequence[str]) -> Link | None:
        asked.append((id, list(others)))
        return near(id, "a", 0.35)

    assert shown(group(records, links, settle=settle)) == [("a", ["b", "c"])]
    # d hangs together with nothing
    assert asked == [("c", ["a"])]


@pytest.mark.parametrize("row", range(16))
def test_evidence_turned_round_says_how_the_second_becomes_the_first(row):
    """Against the orientation that the pixels themselves have."""
    name, negative = orientation_name(row)
    picture = np.random.default_rng(4).random((90, 110))
    mirrored = picture[:, ::-1] if name.startswith("mirrored") else picture
    turned = np.rot90(mirrored, ORIENTATIONS.index(name) % 4)
    turned = 1 - turned if negative else turned
    assert nearest_orientation(signature(picture), signature(turned))[1] == row
    back = nearest_orientation(signature(turned), signature(picture))[1]
    reversed_ = Evidence("transformed", orientation=name, negative=negative).turned_round()
    assert (reversed_.orientation, reversed_.negative) == orientation_name(back)


def test_a_transform_turned_round_brings_points_back():
    there = (0.9, 0.2, 0.1, -0.2, 0.8, 0.05)
    back = Evidence("edited", transform=there).turned_round().transform
    assert back is not None
    x, y = 0.3, 0.7
    u, v = there[0] * x + there[1] * y + there[2], there[3] * x + there[4] * y + there[5]
    assert (back[0] * u + back[1] * v + back[2], back[3] * u + back[4] * v + back[5]) == pytest.approx((x, y), abs=1e-5)
