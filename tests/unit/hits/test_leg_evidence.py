"""Evidence: what speaks for a hit, in [0, 1], by which hits are ranked and end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.hits.hits import Hits, read_hits
from hybrid_search.query.body import build_body
from hybrid_search.query.legs import Resemblance
from hybrid_search.query.query import Query
from hybrid_search.query.word_clauses import holds_every_word, is_graded
from tests.support.bodies import ask, like, nearest

SCALE = Resemblance(unrelated=0.0, step=0.1)
WORDS = replace(nearest(), words=True, resemblance=SCALE)


def found(query: Query, hits: Mapping[str, Mapping[str, float]], counts: Mapping[str, int] | None = None) -> Hits:
    """Read hits that match clauses by these names; "vector" is a cosine and "text" BM25, as the hits show them."""
    body = build_body(query)
    boosts = {clause["_name"]: clause["boost"] for clause in body.get("knn", ())}
    listed: list[dict[str, Any]] = []
    for id, names in hits.items():
        scores = {name: boosts[name] * (1 + score) / 2 if name in boosts else score for name, score in names.items()}
        if "text" in names and is_graded(query.text) and holds_every_word(names, query.text.sought):
            scores["text"] += 100.0
        listed.append({"_id": id, "_source": {"signature_norm": 1.0}, "matched_queries": scores})
    told = {name: {"doc_count": count} for name, count in (counts or {}).items()}
    return read_hits({"hits": {"total": {"value": len(hits)}, "hits": listed}, "aggregations": told}, query, body)


def test_all_words_come_before_some_and_some_before_none() -> None:
    query = replace(ask(text="Ostsee 2018 Anna", vectors=[WORDS]), documents=100, everything=True)
    hits = found(
        query,
        {
            "alike": {"vector": 0.99},
            "one": {"text": 20.0, "word:Anna": 20.0},
            "two": {"text": 4.0, "word:Ostsee": 2.0, "word:2018": 2.0},
            "all": {"text": 3.0, **{f"word:{word}": 1.0 for word in ("Ostsee", "2018", "Anna")}},
        },
        {"word:Ostsee": 10, "word:2018": 10, "word:Anna": 10, "every word": 1},
    )
    assert hits.ids() == ["all", "alike", "two", "one"]
    assert hits[0].score == pytest.approx(0.9) and hits[0].legs["text"] == pytest.approx(3.0)
    assert hits[0].leg_evidence == {"text": pytest.approx(0.9)}
    assert hits[2].score == pytest.approx(0.9 * 0.9 * (2 / 3) ** 1.2), "the three words are equally rare"
    assert hits[1].score == pytest.approx(0.9 * 0.8 * 9.9**2 / (9.9**2 + 2.5**2), abs=1e-4)


def test_a_rare_word_counts_for_more_than_a_common_one() -> None:
    query = replace(ask(text="Anna beach"), documents=100)
    hits = found(
        query,
        {"beach": {"text": 9.0, "word:beach": 9.0}, "anna": {"text": 1.0, "word:Anna": 1.0}},
        {"word:beach": 50, "word:Anna": 2, "every word": 0},
    )
    rare, common = math.log(1 + 98.5 / 2.5), math.log(1 + 50.5 / 50.5)
    assert hits.ids() == ["anna", "beach"]
    assert hits[0].score == pytest.approx(0.81 * (rare / (rare + common)) ** 1.2)


def test_a_predicted_label_is_less_than_a_written_word_and_not_among_those_that_hold_all() -> None:
    hits = found(
        replace(ask(text="sunflower"), documents=9),
        {"seen": {"text": 9.0, "label:sunflower": 9.0}, "said": {"text": 1.0, "word:sunflower": 1.0}},
    )
    assert hits.ids() == ["said", "seen"]
    assert [hit.score for hit in hits] == pytest.approx([0.9, 0.81 * 0.6**1.2])


def test_where_pictures_hold_all_words_only_what_resembles_them_strongly_stands_beside_them() -> None:
    asked = ask(text="Ostsee 2018", vectors=[WORDS])
    query = replace(asked, documents=50)
    matching = {
        "all": {"text": 3.0, "word:Ostsee": 1.0, "word:2018": 1.0},
        "one": {"text": 9.0, "word:2018": 9.0},
        "weak": {"vector": 0.19},
        "strong": {"vector": 0.2},
    }
    counts = {"word:Ostsee": 3, "word:2018": 8, "every word": 3}
    hits = found(query, matching, counts)
    assert hits.ids() == ["all", "strong"]
    assert hits.total == 4, "three hold all words, and one resembles them"
    assert hits.ended
    shown = found(replace(query, everything=True), matching, counts).ids()
    assert shown[0] == "all" and shown[3] == "weak" and set(shown) == set(matching)
    none = {id: names for id, names in matching.items() if id != "all"}
    assert set(found(query, none, {**counts, "every word": 0}).ids()) == set(none)


def test_the_nearest_of_a_picture_have_no_end_and_no_band() -> None:
    query = ask(text="dog", vectors=[replace(nearest(), words=True, nearest=True)], signature=like())
    hits = found(query, {"said": {"text": 2.0, "word:dog": 2.0}, "near": {"vector": 0.97}, "far": {"vector": -0.1}})
    assert hits.ids() == ["near", "said", "far"] and not hits.ended
    assert [hit.score for hit in hits] == pytest.approx([0.97, 0.9, 0.0], abs=1e-6)


def test_weights_say_how_much_of_its_evidence_a_leg_gives() -> None:
    both = {"a": {"text": 2.0, "word:dog": 2.0, "vector": 0.5}}
    for text, vector in ((1.0, 1.0), (1.0, 2.0), (0.5, 1.0)):
        weights = {"text": text, "vector": vector}
        query = ask(text="dog", vectors=[replace(nearest(), nearest=True)], weights=weights)
        (hit,) = found(query, both)
        largest = max(text, vector)
        assert hit.score == pytest.approx(1 - (1 - 0.9 * text / largest) * (1 - 0.5 * vector / largest), abs=1e-6)


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 40), st.booleans()), min_size=1, max_size=12))
def test_scores_are_between_0_and_1_and_fall(drawn: list[tuple[float, float, bool]]) -> None:
    hits = found(
        replace(ask(text="dog", vectors=[WORDS], everything=True, k=20), documents=100),
        {
            str(number): {"vector": cosine, **({"text": score, "word:dog": score} if held else {})}
            for number, (cosine, score, held) in enumerate(drawn)
        },
    )
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True) and all(0 <= score <= 1 for score in scores)
    assert len(hits) == len(drawn)
    for hit in hits:
        assert (hit.score >= 0.9) == ("text" in hit.leg_evidence)


def test_a_least_score_is_evidence() -> None:
    hits = {"a": {"text": 2.0, "word:dog": 2.0}, "b": {"vector": 0.2}}
    assert found(ask(text="dog", vectors=[WORDS], everything=True, min_score=0.9), hits).ids() == ["a"]
