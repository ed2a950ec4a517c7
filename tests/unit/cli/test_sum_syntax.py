"""Sums, feedback, classes and embedders on the command line: how they are typed, and what they find."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from hybrid_search import cli
from hybrid_search.cli import exits
from hybrid_search.cli.parsing.sum_syntax import class_weights, read_terms
from hybrid_search.embedders import registry
from hybrid_search.index import HybridIndex
from tests.support.fakes import HueClassifier, HueEmbedder, hue


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
    def run(*arguments: str) -> SimpleNamespace:
        code = cli.run(arguments)
        out, err = capfd.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    yield run


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Index eight hues in files named by their angles, under two embedders; returns the ids by those names."""
    for embedder in (HueEmbedder, HueClassifier):
        monkeypatch.setitem(
            registry._ENTRIES, embedder.name, registry.EmbedderEntry(f"tests.support.fakes:{embedder.__name__}")
        )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYBRID_SEARCH_INDEX", str(tmp_path / "index"))
    ids = {}
    with HybridIndex(tmp_path / "index", embedder=[HueEmbedder(), HueClassifier()]) as index:
        for angle in range(0, 360, 45):
            hue(angle).save(tmp_path / f"{angle}.png")
            ids[f"{angle}"] = index.add(tmp_path / f"{angle}.png", metadata={"caption": f"number {angle}"})
    return ids


# -- how they are typed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        (["beach"], []),
        (["a dog", "-cat"], []),
        (["./photo.jpg"], []),
        (["16:9"], []),
        (["3:10 to Yuma"], []),
        (["2: two"], []),
        (["a+b", "c-d", "+c"], []),
        (["camera.make:canon"], []),
        (["beach", "+", "sunset"], [("text", "beach", 1), ("text", "sunset", 1)]),
        (
            ["beach", "+", "./photo.jpg", "-", "people"],
            [("text", "beach", 1), ("image", "./photo.jpg", 1), ("text", "people", -1)],
        ),
        (["2:beach"], [("text", "beach", 2)]),
        (["0.5:./photo.jpg", "-", ".25:people"], [("image", "./photo.jpg", 0.5), ("text", "people", -0.25)]),
        (["-", "people", "+", "beach"], [("text", "people", -1), ("text", "beach", 1)]),
        (["dog", "on", "beach", "-", "many", "people"], [("text", "dog on beach", 1), ("text", "many people", -1)]),
        (["2:dog", "on", "beach", "3:cat"], [("text", "dog on beach", 2), ("text", "cat", 3)]),
        (["+", "dog", "./a.png", "cat"], [("text", "dog", 1), ("image", "./a.png", 1), ("text", "cat", 1)]),
        (["+", "16:9"], [("text", "16:9", 1)]),
        (["+", "@a1b2c3d4e5f6"], [("stored", "a1b2c3d4e5f6", 1)]),
        (["-", "2:@/photos/a.jpg"], [("stored", "/photos/a.jpg", -2)]),
        (["+", "@"], [("text", "@", 1)]),
        (["+", "../a.jpg", "/b.jpg", "~/c.jpg", "https://x.org/d.jpg", r"C:\e.jpg", r".\f.jpg"], "image"),
        (["+", ".hidden", "a/b", "e.g.", "c:d"], [("text", ".hidden a/b e.g. c:d", 1)]),
    ],
)  # fmt: skip
def test_terms(typed: list[str], terms: Any) -> None:
    read = [(term.kind, term.value, term.weight) for term in read_terms(typed)]
    assert read == ([("image", value, 1) for value in typed[1:]] if terms == "image" else terms)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["beach", "+"], "'+' has nothing to stand before"),
        (["-"], "'-' has nothing to stand before"),
        (["beach", "+", "-", "people"], "'+' has nothing to stand before"),
        (["0:beach"], "the weight of '0:beach' is 0"),
        (["2:"], "the weight '2:' has nothing to stand before"),
        (["beach", "-0.5:", "people"], "the weight '-0.5:' has nothing to stand before"),
        (["beach", "-", "0.0:people"], "the weight of '0.0:people' is 0"),
    ],
)
def test_what_is_no_sum_is_said(typed: list[str], says: str) -> None:
    with pytest.raises(typer.BadParameter, match=re.escape(says)):
        read_terms(typed)


def test_classes_are_weighed_as_terms_are() -> None:
    assert class_weights(["dog", "2:cat", "3:dog"], ["0.5:cat", "grass"]) == {"dog": 4, "cat": 1.5, "grass": -1}
    assert class_weights(None, None) == {}
    assert class_weights(["16:9", "note: this"], None) == {"16:9": 1, "note: this": 1}
    for typed, says in (("x:dog", "before the colon in 'x:dog' is no weight; write 2:dog"), ("2:", "nothing to stand")):
        with pytest.raises(typer.BadParameter, match=says):
            class_weights(None, [typed])
    with pytest.raises(typer.BadParameter, match="the weight of '0:dog' is 0"):
        class_weights(["0:dog"], None)


# -- what they find ----------------------------------------------------------------------------------------------------


def first(run: Any, *arguments: str) -> str:
    done = run("search", *arguments, "--paths", "-k", "1")
    assert done.code == exits.OK, done.err
    return str(Path(done.out.strip()).stem)


def test_sums_find_what_they_say(wheel: dict[str, str], run: Any) -> None:
    assert first(run, "red", "+", "./90.png") == "45"
    assert first(run, "3:red", "-", "./90.png") == "0" and first(run, "red", "-", "./90.png") == "315"
    # an indexed picture is not among the hits: of 45 ± 45 both neighbours are left
    assert first(run, "@" + wheel["0"][:12], "+", "@90.png", "+", "@" + wheel["45"]) in ("315", "135")
    assert first(run, "red", "+", "./90.png", "--filter", "NOT path:*45.png") in ("0", "90")


def test_a_file_in_a_sum_is_the_indexed_picture_where_there_is_one(wheel: dict[str, str], run: Any) -> None:
    hue(90).save("new.png")
    assert first(run, "+", "./new.png") == "90" and first(run, "+", "./90.png") in ("45", "135")
    assert run("request", "+", "./90.png", "+", "red").out == run("request", "red", "+", f"@{wheel['90']}").out


def test_words_of_a_sum_are_vectors_alone(wheel: dict[str, str], run: Any) -> None:
    asked = json.loads(run("request", "red", "-", "green").out)
    assert "query" not in asked and len(asked["knn"]) == 1
    beside = json.loads(run("request", "red", "-", "green", "--words", "number 315").out)
    assert beside["query"]["bool"]["must"]
    assert json.loads(run("request", "--words", "number 315").out) == json.loads(run("request", "number", "315").out)
    assert len(json.loads(run("search", "red", "-", "green", "--words", "number", "--json").out)["hits"]) == 8


def test_mistakes_in_sums_are_usage_errors(wheel: dict[str, str], run: Any) -> None:
    for arguments, code, says in (
        (("beach", "+"), exits.USAGE, "'+' has nothing to stand before"),
        (("red", "+", "./absent.png"), exits.USAGE, "no file './absent.png'"),
        (("red", "+", "0:blue"), exits.USAGE, "is 0"),
        (("red", "-", "red"), exits.USAGE, "cancel each other out: +1 'red', -1 'red'"),
        (("red", "+", "@absent"), exits.NOTHING, "no document 'absent'"),
        (("red", "-", "blue", "--embedder", "hueclasses"), exits.USAGE, "'hueclasses' embeds images only"),
    ):
        done = run("search", *arguments)
        assert (done.code, done.out) == (code, "") and says in done.err, done.err


def test_likes_and_unlikes(wheel: dict[str, str], run: Any) -> None:
    assert first(run, "--like", "0.png", "--like", wheel["90"]) == "45"
    hits = json.loads(run("search", "--like", "0.png", "--like", "90.png", "--unlike", "45.png", "--json").out)["hits"]
    assert {hit["id"] for hit in hits} == set(wheel.values()) - {wheel[each] for each in ("0", "90", "45")}
    assert run("search", "--unlike", "0.png").code == exits.USAGE


def test_more_and_less(wheel: dict[str, str], run: Any) -> None:
    asked = ("--embedder", "hueclasses")
    # 225° + 60° · 2: (cos 225 + 2 cos 60, sin 225 + 2 sin 60) = (0.293, 1.025), at 74°
    assert first(run, "--image", "225.png", "--more", "2:yellow", *asked) == "90"
    assert first(run, "--less", "red", *asked) == "180"
    done = run("search", "--more", "yelow", *asked)
    assert done.code == exits.USAGE and "Did you mean 'yellow'" in done.err
    # the default embedder has no classes, and vectors for words
    assert first(run, "--more", "red") == "0"


def test_embedders_are_chosen_by_name(wheel: dict[str, str], run: Any) -> None:
    for command in (("request", "--image", "0.png"), ("request", "--like", "0.png")):
        body = json.loads(run(*command, "--embedder", "hueclasses", "--embedder", "hue").out)
        assert [clause["_name"] for clause in body["knn"]] == ["vector:hueclasses", "vector:hue"]
    hits = json.loads(run("similar", "0.png", "--embedder", "hueclasses", "-k", "1", "--json").out)["hits"]
    assert list(hits[0]["legs"]) == ["vector"]
    assert run("search", "red", "--embedder", "clip").code == exits.FAILED
