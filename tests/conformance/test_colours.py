"""Pictures found by their colours, on the embedded backend and on servers: the same hits in the same order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PIL import Image

from hybrid_search import HybridIndex
from tests.support.indexes import EVERYWHERE, index_of

BEIGE, RED, BLUE, WHITE = "#e0ac87", "#cc0000", "#0343df", "#ffffff"
PAINTED = {
    # background, colour, rows of 100 that have it; what people wrote
    "wall": (BEIGE, RED, 60, "a wall"),
    "car": (BEIGE, RED, 20, "our car"),
    "hat": (BEIGE, RED, 1, "a man with a hat"),
    "sky": (WHITE, BLUE, 50, "a car below the sky"),
    "said": (BEIGE, WHITE, 10, "the red car of the neighbours"),
    "bare": (BEIGE, BEIGE, 1, "sand"),
}


def painted(background: str, colour: str, rows: int) -> Image.Image:
    image = Image.new("RGB", (160, 100), background)
    image.paste(colour, (0, 0, 160, rows))
    return image


@pytest.fixture(scope="module", params=EVERYWHERE)
def index(request: pytest.FixtureRequest) -> Iterator[HybridIndex]:
    with index_of(request) as index:
        for id, (background, colour, rows, caption) in PAINTED.items():
            index.add(painted(background, colour, rows), id=id, metadata={"caption": caption})
        index.refresh()
        yield index


@pytest.mark.parametrize(
    ("colours", "found"),
    [
        ("red", ["wall", "car", "hat"]),
        ("#c00", ["wall", "car", "hat"]),
        ("blue", ["sky"]),
        ("blue,white", ["sky"]),
        ("white:3,blue:1", ["sky"]),
        ("green", []),
    ],
)
def test_a_colour_alone_shows_what_has_most_of_it(index: HybridIndex, colours: str, found: list[str]) -> None:
    assert index.search(colours=colours).ids() == found


def test_a_colour_beside_words_means_and(index: HybridIndex) -> None:
    words = {"text": 1.0, "vector": 0.0}
    assert index.search("car", colours="red", weights=words).ids() == ["car"]
    assert index.search("car", colours="blue", weights=words).ids() == ["sky"]
    assert index.search("sand", colours="blue", weights=words).ids() == []


@pytest.mark.parametrize(
    ("text", "first", "never"),
    [
        ("red car", ["said", "car"], {"sky", "bare"}),
        ("red", ["said", "wall", "car", "hat"], {"sky", "bare"}),
        ("rote", ["wall", "car", "hat"], {"said", "sky", "bare"}),
        ("a man with a red hat", ["hat"], {"sky", "bare"}),
        ("blue car", ["sky"], {"car", "said", "bare"}),
    ],
)
def test_a_colour_word_is_written_or_seen(index: HybridIndex, text: str, first: list[str], never: set[str]) -> None:
    hits = index.search(text, weights={"vector": 0.0})
    assert hits.ids()[: len(first)] == first and not never & set(hits.ids())
    assert [part.colour for part in hits.understood] == ["red" if text != "blue car" else "blue"]


def test_a_colour_that_nothing_has_is_a_word(index: HybridIndex) -> None:
    hits = index.search("green car", weights={"vector": 0.0})
    assert set(hits.ids()) == {"car", "sky", "said"} and hits.understood[0].clause is None


def test_shares_are_filters_sorts_and_facets(index: HybridIndex) -> None:
    assert sorted(index.search(filter="colour.red:>0.1").ids()) == ["car", "wall"]
    assert index.search(sort="colour.red:desc", filter="_exists_:colour.red").ids() == ["wall", "car", "hat"]
    assert index.get("car").source["colour"]["red"] == pytest.approx(0.2, abs=0.01)
