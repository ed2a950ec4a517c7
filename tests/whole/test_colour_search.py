"""Pictures found by colour: beside words, by name of the embedder, and what is told where none can be asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from hybrid_search import HybridIndex
from hybrid_search.cli import exits, run
from hybrid_search.embedders.registry import embedding_key
from hybrid_search.errors import QueryError

PICTURES = {"wine": "#900020", "fire": "#c00", "sea": "#2060c0", "snow": "white", "flag": "half"}


def painted(colour: str) -> Image.Image:
    image = Image.new("RGB", (80, 60), "#c00" if colour == "half" else colour)
    if colour == "half":
        image.paste("white", (0, 0, 40, 60))
    return image


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def index(place: Path) -> Iterator[HybridIndex]:
    with HybridIndex(place, embedder=["histogram+hog", "colour:lab"]) as index:
        for name, colour in PICTURES.items():
            index.add(painted(colour), id=name, metadata={"caption": f"the {name}"})
        yield index


@pytest.mark.parametrize(
    ("colours", "expected"),
    [("#c00", ["fire", "flag"]), ("white", ["snow", "flag"]), ("#c00,white", ["flag"]), ("royalblue", ["sea"])],
)
def test_a_colour_finds_what_has_it(index: HybridIndex, colours: str, expected: list[str]) -> None:
    assert index.search(colours=colours).ids()[: len(expected)] == expected


def test_scores_are_the_roots_of_shares(index: HybridIndex) -> None:
    scores = {hit.id: hit.score for hit in index.search(colours="#c00", fusion="sum")}
    assert scores["fire"] == pytest.approx(1, abs=1e-3) and scores["flag"] == pytest.approx(0.5**0.5, abs=0.01)


def test_words_and_a_colour_must_both_be_there(index: HybridIndex) -> None:
    assert sorted(index.search("the", colours="white").ids()) == ["flag", "snow"]
    assert index.search("flag", colours="#c00").ids() == ["flag"]
    assert index.search("snow", colours="#c00").ids() == []
    body = index.request("flag", colours="#c00")
    assert "knn" not in body and {"range": {"colour.red": {"gte": 0.001}}} in body["query"]["bool"]["filter"]


def test_an_embedder_that_is_named_ranks_beside_words(index: HybridIndex) -> None:
    body = index.request("flag", colours="#c00", embedder="colour:lab")
    assert body["query"] and [leg["field"] for leg in body["knn"]] == [f"embedding.{embedding_key('colour:lab')}"]


def test_words_alone_ask_no_embedder_of_colours(index: HybridIndex) -> None:
    assert "knn" not in index.request("white")
    assert index.search("white").ids() == ["snow", "flag"]


def test_the_embedder_may_be_named(index: HybridIndex) -> None:
    assert index.search(colours="white", embedder="colour:lab")[0].id == "snow"
    with pytest.raises(
        QueryError, match=r"'histogram\+hog' cannot be asked for colours; `HybridIndex\.add_embedder\('colour:lab"
    ):
        index.search(colours="white", embedder="histogram+hog")


def test_what_cannot_be_asked_is_told(index: HybridIndex) -> None:
    with pytest.raises(QueryError, match="'rde' is no colour"):
        index.search(colours="rde")
    with pytest.raises(QueryError, match="colours is text"):
        index.search(colours=["#c00"])  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="both of 'colour:lab'"):
        index.search(colours="#c00", vector={"colour:lab": [1.0] * 207})
    with HybridIndex(embedder="histogram+hog") as plain, pytest.raises(QueryError, match="'tan' is none of black"):
        plain.search(colours="tan")


def test_on_the_command_line(index: HybridIndex, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index.close()
    assert run(["search", "--colour", "#c00:1,white:1", "--index", str(place), "--json", "-k", "2"]) == exits.OK
    assert json.loads(capsys.readouterr().out)["hits"][0]["id"] == "flag"
    assert run(["search", "--colour", "rde", "--index", str(place)]) == exits.USAGE
    assert "'rde' is no colour" in capsys.readouterr().err
