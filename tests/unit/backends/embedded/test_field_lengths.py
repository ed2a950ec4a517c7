"""BM25 over a field that few documents have, against Lucene's formula."""

from __future__ import annotations

import random

import pytest

from hybrid_search.backends import Action
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.backends.embedded.documents.field_lengths import FILLER, Lengths
from tests.support.photos import bm25

DEFINITION = {"mappings": {"dynamic": "strict", "properties": {"caption": {"type": "text"}, "title": {"type": "text"}}}}


@pytest.mark.parametrize("every", [2, 10, 50])
def test_scores_of_a_sparse_field(every: int) -> None:
    draw = random.Random(every)
    corpus = {
        f"{number:04d}": {
            "caption": " ".join(draw.choices(["boat", "sea", "sky", "hill", "dog"], k=draw.randint(3, 20)))
        }
        if number % every == every - 1
        else {"title": "sea"}
        for number in range(1500)
    }
    backend = EmbeddedBackend(None)
    backend.create(DEFINITION)
    backend.bulk([Action("index", id, source) for id, source in corpus.items()])
    backend.refresh()
    for token in ("boat", "sea"):
        hits = backend.search({"query": {"match": {"caption": token}}, "size": 1500})["hits"]["hits"]
        expected = bm25(corpus, "caption", token)
        assert {hit["_id"]: hit["_score"] for hit in hits} == pytest.approx(expected, rel=0.05)


def test_fillers_keep_the_average() -> None:
    lengths, given, draw = Lengths(), 0, random.Random(1)
    tokens = 0
    for number in range(2000):
        if number % 7 == 0:
            length = draw.randint(1, 9)
            lengths.add("f", length)
            tokens += length
        else:
            given += lengths.fill("f")
    having, absent = 286, 1714
    assert (tokens + given) / 2000 == pytest.approx(tokens / having, rel=0.02)
    again = Lengths(lengths.counts)
    assert again.counts == {"f": [having, tokens, absent, given]}
    again.add("f", 5)
    assert lengths.counts["f"][0] == having


def test_texts_that_come_later_score_as_those_that_came_at_once() -> None:
    draw = random.Random(2)
    words = ["boat", "sea", "sky", "hill", "dog"]
    captions = {f"{number:04d}": " ".join(draw.choices(words, k=draw.randint(3, 9))) for number in range(0, 1500, 15)}
    backend = EmbeddedBackend(None)
    backend.create(DEFINITION)
    backend.bulk([Action("index", f"{number:04d}", {"title": "sea"}) for number in range(1500)])
    backend.refresh()
    backend.bulk([Action("update", id, {"caption": caption}) for id, caption in captions.items()])
    backend.refresh()
    hits = backend.search({"query": {"match": {"caption": "boat"}}, "size": 1500})["hits"]["hits"]
    expected = bm25({id: {"caption": caption} for id, caption in captions.items()}, "caption", "boat")
    assert {hit["_id"]: hit["_score"] for hit in hits} == pytest.approx(expected, rel=0.1)


def test_what_was_given_too_much_is_made_up_for() -> None:
    lengths = Lengths()
    assert [lengths.fill("f") for _ in range(3)] == [6, 6, 6]
    lengths.add("f", 3)
    assert [lengths.fill("f") for _ in range(5)] == [0, 0, 0, 3, 3], "seven without it, at three each, and no more"


def test_filler_is_found_by_no_clause() -> None:
    backend = EmbeddedBackend(None)
    backend.create(DEFINITION)
    backend.bulk([Action("index", "a", {"caption": "red sea x"}), Action("index", "b", {"title": "x"})])
    backend.refresh()
    assert backend.get("b") == {"title": "x"}
    for clause in (
        {"wildcard": {"caption": "*"}},
        {"wildcard": {"caption": "?"}},
        {"prefix": {"caption": ""}},
        {"fuzzy": {"caption": {"value": "y", "fuzziness": 1}}},
        {"range": {"caption": {"gte": ""}}},
        {"exists": {"field": "caption"}},
        {"match": {"caption": {"query": "y", "fuzziness": 1}}},
    ):
        assert {id for id, _ in backend.scan(clause)} == {"a"}, clause
    assert backend.count({"match": {"caption": FILLER}}) == 0
