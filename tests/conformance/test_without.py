"""Words that say what hits are without, asked of the embedded backend and of servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hybrid_search import HybridIndex
from tests.support.indexes import EVERYWHERE, index_of, with_photos

PHOTOS = {
    "both": {"caption": "at the table", "people": ["Anna Müller", "Ben Lang"], "taken_at": "2018-05-01"},
    "anna": {"caption": "a beach", "people": ["Anna Müller"], "taken_at": "2018-06-01", "flash": True},
    "trio": {"caption": "three friends", "people": ["Anna Müller", "Clara Nowak", "Zoe"], "taken_at": "2019-01-01"},
    "clara": {"caption": "a beach with people", "people": ["Clara Nowak"], "taken_at": "2019-02-02", "flash": False},
    "empty": {"caption": "a beach without people"},
    "hat": {"caption": "a girl in a red hat on the beach"},
}


@pytest.fixture(scope="module", params=EVERYWHERE)
def index(request: pytest.FixtureRequest) -> Iterator[HybridIndex]:
    with index_of(request) as index:
        yield with_photos(index, PHOTOS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("photos of Anna in 2018 without Ben", {"anna"}),
        ("Anna without Ben", {"anna", "trio"}),
        ("Anna but without Ben and Clara", {"anna"}),
        ("Anna ohne Ben", {"anna", "trio"}),
        ("Anna sans Ben", {"anna", "trio"}),
        ("Anna sin Ben", {"anna", "trio"}),
        ("Anna senza Ben", {"anna", "trio"}),
        ("Anna not in 2018", {"trio"}),
        ("Anna NOT Ben", {"anna", "trio"}),
        ("without Anna", {"clara", "empty", "hat"}),
        ("beach without people", {"anna", "empty", "hat"}),
        ("beach without a red hat", {"anna", "clara", "empty"}),
        ("Zoe without Anna", set()),  # nobody else has Zoe: as words, Anna stays out too
        ("beach without flash", {"clara"}),
    ],
)
def test_what_is_named_after_without_is_no_hit(index: HybridIndex, text: str, found: set[str]) -> None:
    assert set(index.search(text, k=20).ids()) == found


def test_it_is_said(index: HybridIndex) -> None:
    *_, without = index.search("Anna in 2018 without Ben").understood
    assert (str(without), without.excluded) == ("without Ben as not the person Ben", True)
    (word,) = index.search("beach without people").understood
    assert str(word) == "without people as no picture with the word people"


OTHER_WORDS = ("sin city", "sans serif", "forget me not", "not", "without", 'beach "without people"')


@pytest.mark.parametrize("text", OTHER_WORDS)
def test_other_words_stay_words(index: HybridIndex, text: str) -> None:
    assert index.search(text).understood == ()
