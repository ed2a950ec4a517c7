"""What is suggested while a name is typed, by the embedded backend and by servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid_search import HybridIndex
from hybrid_search.errors import QueryError
from tests.support.fakes import ColourEmbedder, photo, save_photo
from tests.support.indexes import EVERYWHERE, index_of, with_photos

PHOTOS = {
    "a": {"tags": ["Garden", "uncle"], "place.city": "New York University"},
    "b": {"tags": ["garden"], "people": ["Anna Müller"], "place.country": "United Kingdom"},
    "c": {
        "camera.make": "Canon",
        "camera.model": "EOS 5D Mark III",
        "lens": "EF85mm",
        "place.country": "United Kingdom",
    },
    "d": {"tags": ["golden_gate"], "place.city": "Paris", "place.region": "Paris"},
}


@pytest.fixture(scope="module", params=EVERYWHERE)
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HybridIndex]:
    folder: Path = tmp_path_factory.mktemp("completions")
    with index_of(request) as index:
        for number, file in enumerate(("IMG_0108.png", "IMG_0109.png", "x/IMG_0109.png", "garden gate.png")):
            save_photo(folder / file, 10 + number)
            index.add(folder / file)
        yield with_photos(index, PHOTOS)


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("gar", [("garden", "tag", 2), ("garden gate.png", "file", 1)]),
        ("uni", [("united kingdom", "place", 2), ("new york university", "place", 1)]),  # the beginning first
        ("york uni", [("new york university", "place", 1)]),
        ("MULL", [("anna müller", "person", 1)]),
        ("gate", [("golden gate", "tag", 1), ("garden gate.png", "file", 1)]),
        ("can", [("canon", "camera", 1)]),
        ("5d", [("eos 5d mark iii", "camera", 1)]),
        ("ef", [("ef85mm", "lens", 1)]),
        ("paris", [("paris", "place", 1)]),  # a city and its region are one name
        ("img_01", [("img_0108.png", "file", 1), ("img_0109.png", "file", 2)]),
        ("0109", [("img_0109.png", "file", 2)]),
        ("arden", []),
        ("", []),
        ("*", []),
    ],
)
def test_names_with_a_word_that_begins_so(index: HybridIndex, prefix: str, found: list[tuple[str, str, int]]) -> None:
    assert [(each.text, each.kind, each.pictures) for each in index.suggest(prefix)] == found


def test_so_many_as_are_wanted(index: HybridIndex) -> None:
    assert [each.text for each in index.suggest("gar", k=1)] == ["garden"]
    with pytest.raises(QueryError):
        index.suggest("gar", k=0)


def test_names_that_are_new_or_gone_are_seen() -> None:
    with HybridIndex(embedder=ColourEmbedder()) as index:
        index.add(photo(0), id="a", metadata={"tags": ["garden"]})
        assert [each.text for each in index.suggest("g")] == ["garden"]
        index.update("a", {"tags": ["gate"]})
        assert [each.text for each in index.suggest("g")] == ["gate"]
