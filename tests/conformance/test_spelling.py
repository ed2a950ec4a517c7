"""Words that an index does not know, on the embedded backend and on servers: the same corrections, from own terms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hybrid_search import HybridIndex
from tests.support.indexes import EVERYWHERE, index_of, with_photos

PHOTOS = {
    "seine": {"caption": "a boat", "place.city": "Paris", "taken_at": "2019-07-12T21:00:00"},
    "wall": {"caption": "a wall", "place.city": "Berlin", "tags": ["travel"]},
    "rose": {"caption": "roses", "tags": ["garden"]},
    "cake": {"caption": "blowing out the candles", "tags": ["birthday"], "people": ["Lena Sommer"]},
    "lena": {"caption": "a letter for the bride", "people": ["Lena Hofer"], "tags": ["wedding"]},
    "weddings": {"title": "Two weddings"},
    "phone": {"camera.model": "iPhone 12", "caption": "12 eggs"},
    "sunset": {"tags": ["sunset"]},
    "sun": {"caption": "sun on the sea"},
    "ring": {"tags": ["wall clock"]},
    "beam": {"caption": "a beam"},
    "bear": {"caption": "a bear"},
    "truck": {"caption": "truck"},
    "quill": {"tags": ["quill"]},
    "sydney": {"place.city": "Sydney"},
}


@pytest.fixture(scope="module", params=EVERYWHERE)
def index(request: pytest.FixtureRequest) -> Iterator[HybridIndex]:
    with index_of(request) as index:
        yield with_photos(index, PHOTOS)


@pytest.mark.parametrize(
    ("text", "meant", "found"),
    [
        ("Parris", "Paris", ["seine"]),
        ("gardn", "garden", ["rose"]),
        ("birhtday", "birthday", ["cake"]),  # neighbours that swapped places
        ("weding", "wedding", ["lena"]),  # "weddings" is another form of it, and no other answer
        ("Lena Hofeer", "Hofer", ["lena"]),  # the other word has pictures, but none has both
        ("iphnoe 12", "iPhone", ["phone"]),
        ("Parris 2019", "Paris", ["seine"]),  # what it was meant to be is understood as a place
        ("sun set", "sunset", ["sunset"]),
    ],
)
def test_one_clear_answer_is_searched_at_once(index: HybridIndex, text: str, meant: str, found: list[str]) -> None:
    hits = index.search(text)
    (correction,) = hits.did_you_mean
    # "weddings" is found by "wedding" only where words are stemmed
    ids = sorted(id for id in hits.ids() if id != "weddings")
    assert (correction.meant, correction.searched, ids) == (meant, True, found)


def test_the_text_is_corrected_where_the_word_stands(index: HybridIndex) -> None:
    (correction,) = index.search("Parris 2019 -gardn").did_you_mean
    assert correction.text == "Paris 2019 -gardn"


@pytest.mark.parametrize(
    "text",
    [
        "garden",
        "gardens",  # another form of a word that is there
        "ger",  # too short to tell
        "blorptastic",  # near to nothing
        "Hund",  # German, and no "hunt"
        "trick",  # an English word, though near to "truck"
        '"gardn"',
        "-gardn rose",
    ],
)
def test_no_correction(index: HybridIndex, text: str) -> None:
    assert index.search(text).did_you_mean == ()


def test_literal_words_are_not_corrected(index: HybridIndex) -> None:
    hits = index.search("gardn", literal=True)
    assert (hits.ids(), hits.did_you_mean) == ([], ())


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Sidney", "Sydney"),  # a name of its own
        ("quilt", "quill"),  # a word of its own, of which there is no picture
        ("beaq", "beam"),  # or "bear"
        ("Truckk", "truck"),  # with a capital letter a name
        ("gurdenn", "garden"),  # two edits in seven letters
    ],
)
def test_what_may_be_meant_otherwise_is_only_suggested(index: HybridIndex, text: str, meant: str) -> None:
    hits = index.search(text)
    (correction,) = hits.did_you_mean
    assert (correction.meant, correction.searched, hits.ids()) == (meant, False, [])


def test_a_word_under_a_filter_that_leaves_nothing_is_no_typo(index: HybridIndex) -> None:
    assert index.search("garden", filter="iso:3200").did_you_mean == ()


def test_terms_that_are_nearly_those_of_a_text(index: HybridIndex) -> None:
    term = {"field": "caption_text", "suggest_mode": "always", "max_edits": 1, "min_word_length": 3}
    body = {"size": 0, "suggest": {"near": {"text": "beaq zzzz", "term": term}}}
    first, second = index.backend.search(body)["suggest"]["near"]
    assert (first["text"], first["offset"], first["length"]) == ("beaq", 0, 4)
    assert [(option["text"], option["freq"]) for option in first["options"]] == [("beam", 1), ("bear", 1)]
    assert [option["score"] for option in first["options"]] == [0.75, 0.75]
    assert (second["offset"], second["options"]) == (5, [])


@pytest.mark.parametrize("shared", [0, 1])
def test_terms_begin_as_the_word_does(index: HybridIndex, shared: int) -> None:
    term = {"field": "caption_text", "suggest_mode": "always", "prefix_length": shared, "max_edits": 1}
    body = {"size": 0, "suggest": {"near": {"text": "zall", "term": term}}}
    (found,) = index.backend.search(body)["suggest"]["near"]
    assert [option["text"] for option in found["options"]] == ([] if shared else ["wall"])
