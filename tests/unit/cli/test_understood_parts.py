"""The line that says what was understood of the words of a search."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hybrid_search import HybridIndex, cli
from tests.support.fakes import photo

Search = Callable[..., tuple[str, str]]


@pytest.fixture
def search(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Search:
    with HybridIndex(tmp_path / "index", embedder="colour:lab") as index:
        index.add(photo(0), metadata={"title": "party of 2019", "taken_at": "2020-01-01"})
        index.add(photo(1), metadata={"title": "lake", "taken_at": "2019-05-04", "camera.make": "Canon"})
        index.add(photo(2), metadata={"title": "hut", "taken_at": "1987", "flash": True})

    def run(*words: str) -> tuple[str, str]:
        capfd.readouterr()
        cli.run(["search", "-i", str(tmp_path / "index"), *words])
        read = capfd.readouterr()
        return read.out, read.err

    return run


def test_a_line_says_what_was_understood(search: Search) -> None:
    out, err = search("canon", "2019", "--field", "title")
    line = "understood: canon as the camera canon; 2019 as taken in 2019 — --literal searches the words instead"
    assert line in err.splitlines()
    assert "lake" in out
    assert "party" not in out


def test_a_part_that_means_what_it_says_is_not_explained(search: Search) -> None:
    err = search("hut", "with", "flash", "in", "1987")[1]
    assert "understood: 1987 as taken in 1987 — --literal searches the words instead" in err.splitlines()
    assert "understood" not in search("hut", "with", "flash")[1]
    parts = json.loads(search("hut", "with", "flash", "--json")[0])["understood"]
    assert [part["meaning"] for part in parts] == ["taken with flash"]
    nothing = search("canon", "with", "flash")[1]
    assert "no picture fits all of it: canon as the camera canon; with flash" in nothing


def test_literal_words_are_words(search: Search) -> None:
    out, err = search("2019", "--field", "title", "--literal")
    assert "party" in out
    assert "lake" not in out
    assert "understood" not in err


def test_a_line_says_that_nothing_fits_all(search: Search) -> None:
    out, err = search("canon", "1987", "--field", "title")
    line = "searched as words, as no picture fits all of it: canon as the camera canon; 1987 as taken in 1987"
    assert line in err.splitlines()
    assert "lake" in out


def test_json_has_the_parts(search: Search) -> None:
    (part,) = json.loads(search("in", "1987", "--json")[0])["understood"]
    assert (part["part"], part["meaning"]) == ("1987", "taken in 1987")
    assert part["clause"]["bool"]["should"][0]["range"]["taken_at"]["gte"] == "1987-01-01T00:00:00"


def test_a_line_names_a_part_that_fits_nothing(search: Search) -> None:
    out, err = search("canon", "lake", "2015", "--field", "title")
    line = (
        "understood: canon as the camera canon; searched as words, as no picture fits: 2015 as taken in 2015"
        " — --literal searches the words instead"
    )
    assert line in err.splitlines()
    assert "lake" in out


def test_a_page_after_the_last_hit_says_how_many_there_are(search: Search) -> None:
    assert "nothing after the first 40: found 1 picture in all" in search("canon", "--offset", "40")[1]
    assert "nothing after the first 40: found 3 pictures in all" in search("--filter", "width:>1", "--offset", "40")[1]
    assert "nothing after the first 5: found 1 picture in all" in search("lake", "--literal", "--offset", "5")[1]
