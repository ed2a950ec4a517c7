"""Evidence: all words first, an end, and counts of what matches, alike on every backend."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hybrid_search.index import HybridIndex
from hybrid_search.query.legs import Resemblance
from hybrid_search.query.resemblance import CosineReader
from tests.support.fakes import HueEmbedder, hue
from tests.support.indexes import index_of
from tests.support.servers import VERSIONS

TAGS = {
    **{angle: ["Anna"] for angle in range(0, 360, 40)},
    **{angle: ["Anna", "red"] for angle in range(120, 240, 40)},
    **{angle: ["lake", "red"] for angle in range(20, 360, 40)},
}
"""Of 36 hues, nine or so are Anna's, and three of these are called red though they are not near to it."""


def filled(index: HybridIndex) -> HybridIndex:
    for angle in range(0, 360, 10):
        said = {"tags": TAGS[angle]} if angle in TAGS else {"extra.way": "untold"}
        index.add(hue(angle), id=f"h{angle:03}", metadata={**said, "iso": angle + 1})
    index.refresh()
    return index


@pytest.fixture(scope="module", params=["embedded", *VERSIONS])
def index(request: pytest.FixtureRequest) -> Iterator[HybridIndex]:
    with index_of(request, HueEmbedder()) as made:
        yield filled(made)


@pytest.fixture(autouse=True)
def scale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a hue resemble a word within 60° (cosine 0.5), and strongly within 36°."""
    monkeypatch.setattr(CosineReader, "resemblance", lambda self, key, **given: Resemblance(0.1, 0.4))


def holding(*words: str) -> set[str]:
    return {f"h{angle:03}" for angle, tags in TAGS.items() if set(words) <= set(tags)}


def within(degrees: int) -> set[str]:
    return {f"h{angle:03}" for angle in range(0, 360, 10) if min(angle, 360 - angle) <= degrees}


def test_a_word_that_pictures_hold_shows_them_and_no_other(index: HybridIndex) -> None:
    hits = index.search("Anna", k=40)
    assert set(hits.ids()) == holding("Anna") and hits.total == len(holding("Anna"))
    assert all(hit.score == pytest.approx(0.9) for hit in hits)


def test_all_words_come_first_and_only_what_resembles_them_strongly_beside_them(index: HybridIndex) -> None:
    hits = index.search("Anna red", k=40)
    whole = holding("Anna", "red")
    assert set(hits.ids()[: len(whole)]) == whole
    strong = {id for id in within(60) if id not in whole and index.get(id) and hits_cosine(hits, id) >= 0.9 - 1e-6}
    assert set(hits.ids()[len(whole) :]) == strong, "one word alone, or a faint likeness, is no hit beside them"
    assert hits.total == len(whole) + len(strong) and hits.ended


def hits_cosine(hits: object, id: str) -> float:
    return next((hit.legs.get("vector", -1.0) for hit in hits if hit.id == id), -1.0)  # type: ignore[attr-defined]


def test_where_no_picture_holds_all_some_words_and_likeness_count(index: HybridIndex) -> None:
    hits = index.search("lake red nowhere", k=40, literal=True)  # else red is a colour, too
    assert set(hits.ids()) == holding("lake") | holding("red") | within(60)
    assert hits.total == len(hits)
    assert 0 < hits[-1].score < hits[0].score < 0.9
    everything = index.search("lake red nowhere", k=40, literal=True, everything=True)
    assert len(everything) == 36 and not everything.ended
    assert [hit.score for hit in everything][: len(hits)] == pytest.approx([hit.score for hit in hits])
    assert all(hit.score == 0 for hit in everything[len(hits) :]), "there is no evidence of the others"


def test_nothing_is_found_where_nothing_speaks_for_a_picture(index: HybridIndex) -> None:
    assert index.search("nowhere").ids() == [] and index.search("nowhere").total == 0


def test_counts_and_orders_are_of_what_is_shown(index: HybridIndex) -> None:
    for text in ("Anna red", "lake red nowhere", "Anna"):
        shown = index.search(text, k=40)
        counted = index.search(text, k=40, facets=["tags"])
        assert counted.ids() == shown.ids() and counted.total == shown.total
        tags = [tag.lower() for hit in shown for tag in hit.source.get("tags", ())]
        assert counted.facets["tags"] == {tag: tags.count(tag) for tag in set(tags)}
        ordered = index.search(text, k=40, sort="iso")
        assert ordered.ids() == sorted(shown.ids()) and ordered.total == shown.total
    alone = index.search("red", sort="iso:desc", k=3, filter="tags:Anna")
    assert alone.ids() == sorted(alone.ids(), reverse=True) and set(alone.ids()) <= holding("Anna")


def test_the_nearest_of_a_picture_have_no_end(index: HybridIndex) -> None:
    hits = index.search("Anna", image=hue(0), k=40)
    assert len(hits) == 36 and not hits.ended
    assert index.search(image=hue(180), k=5)[0].id == "h180"
