"""What is understood of a text, asked of the embedded backend and of servers: the same hits, by the same clauses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hybrid_search import HybridIndex
from tests.support.fakes import photo
from tests.support.indexes import EVERYWHERE, index_of, with_photos

PHOTOS = {
    "seine": {
        "caption": "sunset over the river",
        "taken_at": "2019-07-12T21:00:00",
        "camera.make": "Canon",
        "camera.model": "Canon EOS R5",
        "lens": "RF50mm F1.8 STM",
        "place.city": "Paris",
        "place.country": "France",
        "exposure_time": 0.002,
    },
    "tree": {
        "caption": "the tree and a dog",
        "taken_at": "2018-12-24T18:00:00",
        "camera.make": "Apple",
        "camera.model": "iPhone 12",
        "people": ["Anna Müller", "Will Smith"],
        "flash": True,
    },
    "pro": {"caption": "sunset", "camera.model": "iPhone 12 Pro", "taken_at": "2018-06", "flash": False},
    "eve": {"title": "fireworks", "taken_at": "2019-12-31T23:59:59", "iso": 3200, "f_number": 1.8},
    "tagged": {"caption": "sunset at home", "tags": ["Paris"], "taken_at": "2015-02-03"},
    "table": {"caption": "our Canon on a table in 2019"},
    "scan": {"caption": "grandfather", "taken_at": "1935"},
    "nice": {"caption": "nice weather", "place.city": "Nice", "place.country": "France"},
}


@pytest.fixture(scope="module", params=EVERYWHERE)
def index(request: pytest.FixtureRequest) -> Iterator[HybridIndex]:
    with index_of(request) as index:
        yield with_photos(index, PHOTOS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2019", ["eve", "seine", "table"]),
        ("sunset 2019", ["seine"]),
        ("july 2019", ["seine"]),
        ("before 2000", ["scan"]),
        ("1935", ["scan"]),
        ("summer 2018", ["pro"]),
        ("christmas", ["tree"]),
        ("silvester 2019", ["eve"]),
        ("photos taken with Canon in Paris", ["seine"]),
        ("Canon", ["seine", "table"]),
        ("iPhone 12", ["tree"]),
        ("iphone", ["tree", "pro"]),
        ("50mm", ["seine"]),
        ("Paris", ["seine", "tagged"]),
        ("sunset in Paris", ["seine", "tagged"]),
        ("anna", ["tree"]),
        ("Anna and Will", ["tree"]),
        ("dog without flash", ["tree"]),  # nothing fits both: words
        ("with flash", ["tree"]),
        ("iso 3200", ["eve"]),
        ("iso over 800", ["eve"]),
        ("f/1.8", ["eve"]),
        ("1/500", ["seine"]),
        ("in Nice", ["nice"]),
        ("France", ["seine", "nice"]),
        ("canon 2018", ["seine", "table"]),  # nothing fits both: words
    ],
)
def test_hits(index: HybridIndex, text: str, found: list[str]) -> None:
    hits = index.search(text, k=20)
    assert sorted(hits.ids()) == sorted(found)
    assert hits.understood


def test_what_only_parts_ask_for_comes_newest_first(index: HybridIndex) -> None:
    assert index.search("2019", k=20).ids() == ["eve", "seine", "table"]


def test_what_fits_nothing_together_is_searched_as_words_and_said(index: HybridIndex) -> None:
    hits = index.search("canon 2018")
    assert [(part.part, part.clause) for part in hits.understood] == [("canon", None), ("2018", None)]
    fitting = index.search("canon 2019").understood
    assert [part.clause is None for part in fitting] == [False, False]


def test_literal_and_quotes_keep_words(index: HybridIndex) -> None:
    for hits in (index.search("2019", literal=True), index.search('"2019"')):
        assert (hits.ids(), hits.understood) == (["table"], ())


def test_clauses_stand_in_the_request(index: HybridIndex) -> None:
    body = index.request("sunset 2019")
    (part,) = index.search("sunset 2019").understood
    assert part.clause in body["query"]["bool"]["filter"]
    assert '"2019"' not in str(body["query"]["bool"]["must"])
    assert "range" not in str(index.request("sunset 2019", literal=True))


def test_parts_narrow_beside_a_filter_and_an_example(index: HybridIndex) -> None:
    assert index.search("2019", filter="iso:3200").ids() == ["eve"]
    assert set(index.search("in 2018", image=photo(0), k=20).ids()) == {"tree", "pro"}
    assert index.search("2019", facets=["camera.make"]).facets["camera.make"] == {"canon": 1}


def test_explain_names_the_filter(index: HybridIndex) -> None:
    (hit,) = index.search("july 2019", explain=True)
    assert any(name.startswith("filter:taken_at:[2019-07-01") for name in hit.matched)


def test_what_is_added_is_known_at_once(index: HybridIndex) -> None:
    assert index.search("Leica").understood == ()
    index.add(photo(40), id="leica", metadata={"camera.make": "Leica"})
    try:
        assert index.search("Leica").ids() == ["leica"]
        assert [part.meaning for part in index.search("Leica").understood] == ["the camera Leica"]
    finally:
        index.delete("leica")
