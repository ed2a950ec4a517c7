"""Counts of filter aggregations: the same whether or not they depend on the rest of a query; fresh after a write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hybrid_search.backends import Action
from hybrid_search.backends.embedded import EmbeddedBackend
from tests.support.photos import definition, photos, unit

CAPTIONS = {"a": "red boat", "b": "red", "c": "boat harbour", "d": "harbour", "e": "green", "f": "red boat harbour"}
PHOTO = next(iter(photos().values()))


def word(text: str, **named: str) -> dict[str, Any]:
    return {"multi_match": {"query": text, "fields": ["caption_text^3", "title_text"], **named}}


def body(*words: str, least: int = 1, iso: int = 100) -> dict[str, Any]:
    """Return a body that counts each word, and all of them, beside a kNN leg that finds every picture."""
    filters = [{"range": {"iso": {"lte": iso}}}]
    should = [word(each, _name=f"word:{each}") for each in words]
    text = {"bool": {"should": should, "minimum_should_match": least, "_name": "text"}}
    knn = {"field": "embedding.tiny", "query_vector": unit(0), "k": 9, "num_candidates": 9, "filter": filters}
    return {
        "query": {"bool": {"must": [text], "filter": filters}},
        "knn": [knn],
        "aggs": {
            **{each: {"filter": word(each)} for each in words},
            "every": {"filter": {"bool": {"must": [word(each) for each in words]}}},
        },
    }


def counts(backend: EmbeddedBackend, asked: dict[str, Any]) -> dict[str, int]:
    return {name: found["doc_count"] for name, found in backend.search(asked)["aggregations"].items()}


def add(backend: EmbeddedBackend, id: str, caption: str, iso: int = 100) -> None:
    source = {"sha256": id, "caption": caption, "caption_text": caption, "iso": iso, "embedding": PHOTO["embedding"]}
    backend.bulk([Action("index", id, source)])
    backend.refresh()


@pytest.fixture
def backend() -> Iterator[EmbeddedBackend]:
    backend = EmbeddedBackend(None)
    backend.create(definition("english"))
    for id, caption in CAPTIONS.items():
        add(backend, id, caption)
    yield backend
    backend.close()


def test_words_are_counted_within_the_filters(backend: EmbeddedBackend) -> None:
    add(backend, "other", "red boat", iso=800)
    assert counts(backend, body("red", "boat")) == {"red": 3, "boat": 3, "every": 2}
    assert counts(backend, body("red", "boat", iso=800)) == {"red": 4, "boat": 4, "every": 3}
    assert counts(backend, body("red", "boat", iso=50)) == {"red": 0, "boat": 0, "every": 0}


def test_a_word_that_makes_no_match_is_counted_within_the_matches(backend: EmbeddedBackend) -> None:
    asked = body("red", "boat", "harbour", least=2)
    del asked["knn"]
    # b and d hold one word alone, and match nothing
    assert counts(backend, asked) == {"red": 2, "boat": 3, "harbour": 2, "every": 1}


def test_neighbours_that_pass_other_filters_are_counted_too(backend: EmbeddedBackend) -> None:
    add(backend, "other", "red boat", iso=800)
    asked = body("red", "boat")
    del asked["knn"][0]["filter"]
    assert counts(backend, asked) == {"red": 4, "boat": 4, "every": 3}


def test_counts_follow_writes(backend: EmbeddedBackend) -> None:
    assert counts(backend, body("red", "boat"))["red"] == 3
    add(backend, "new", "red")
    assert counts(backend, body("red", "boat"))["red"] == 4
    backend.bulk([Action("delete", "a")])
    backend.refresh()
    assert counts(backend, body("red", "boat")) == {"red": 3, "boat": 2, "every": 1}
