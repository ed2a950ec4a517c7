"""Labels without training: what is the nearest class, what is none of them, and what is kept in documents."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search import cli
from hybrid_search.backends import Action
from hybrid_search.backends.registry import open_backend
from hybrid_search.cli import exits
from hybrid_search.document.definition import load_definition, spec_of
from hybrid_search.embedders import registry
from hybrid_search.errors import MappingMismatch, QueryError, TextNotSupported
from hybrid_search.index import HybridIndex
from hybrid_search.ingest.labelling import class_vectors, probabilities
from tests.support.fakes import ColourEmbedder, HueEmbedder, hue
from tests.support.places import place_on
from tests.support.servers import VERSIONS, unavailable

ANGLES = (0, 10, 118, 125, 180, 240)


def filled(index: HybridIndex) -> HybridIndex:
    """Add hues, named by their angles; one has labels of its own, one no vector."""
    for angle in ANGLES:
        index.add(hue(angle), id=f"h{angle:03}", metadata={"tags": ["warm" if angle < 60 else "cold"]})
    own = {"labels": ["leaf"], "label_scores": [{"label": "leaf", "score": 0.8}]}
    index.backend.bulk([Action("update", "h118", own), Action("index", "bare", {"caption": "no vector"})])
    index.refresh()
    return index


@pytest.fixture(params=["embedded", VERSIONS[0]])
def index(request: pytest.FixtureRequest) -> Iterator[HybridIndex]:
    if request.param == "embedded":
        with HybridIndex(embedder=HueEmbedder()) as made:
            yield filled(made)
        return
    servers = request.getfixturevalue("servers")
    if VERSIONS[0] not in servers:
        unavailable(f"HYBRID_SEARCH_TEST_SERVERS names none of version {VERSIONS[0]}")
    with place_on(servers[VERSIONS[0]]) as at, HybridIndex(at.url, name=at.name, embedder=HueEmbedder()) as made:
        yield filled(made)


# -- texts and probabilities -------------------------------------------------------------------------------------------


def test_a_class_is_the_mean_of_its_texts() -> None:
    embedder = HueEmbedder()
    np.testing.assert_allclose(class_vectors(embedder, ["red", " green "]), HueEmbedder.directions([0, 120]), atol=1e-6)
    # "red and red" is red, "red and blue" halfway between red and blue
    two = class_vectors(embedder, ["red", "green"], template=["a {} thing", "{} and blue"])
    np.testing.assert_allclose(two, HueEmbedder.directions([330, 150]), atol=1e-6)


@pytest.mark.parametrize(
    ("classes", "template", "says"),
    [
        ([], "a {}", "one or more names, each given once"),
        (["red", "red "], "a {}", "each given once"),
        (["red", " "], "a {}", "one or more names"),
        (["red"], "a thing", "a template has {} once"),
        (["red"], "{} or {}", "a template has {} once"),
        (["red"], [], "a template has {} once"),
        (["red", "lighthouse", "dog"], "a {}", "hue knows no word of 'lighthouse', 'dog'"),
    ],
)
def test_classes_that_cannot_be(classes: list[str], template: Any, says: str) -> None:
    with pytest.raises(QueryError) as raised:
        class_vectors(HueEmbedder(), classes, template=template)
    assert says in str(raised.value)


@given(
    st.lists(st.lists(st.floats(-1, 1), min_size=3, max_size=3), min_size=1, max_size=5),
    st.floats(0.05, 2),
    st.floats(-3, 3),
)
def test_probabilities_are_a_softmax_beside_none(rows: list[list[float]], temperature: float, floor: float) -> None:
    flat = [value for row in rows for value in row]
    columns = list(zip(*rows, strict=True))
    variances = [sum((value - sum(column) / len(column)) ** 2 for value in column) / len(column) for column in columns]
    none = sum(flat) / len(flat) + floor * max(math.sqrt(sum(variances) / 3), 1e-6)
    found = probabilities(np.array(rows), temperature=temperature, floor=floor)
    for row, given_row in zip(found, rows, strict=True):
        powers = [math.exp((value - none) / temperature) for value in given_row]
        assert row.tolist() == pytest.approx([power / (1 + sum(powers)) for power in powers], abs=1e-9)


def test_the_temperature_is_half_the_spread() -> None:
    cosines = np.array([[0.3, 0.1], [0.1, 0.3]])
    # each column has a spread of 0.1
    np.testing.assert_allclose(probabilities(cosines), probabilities(cosines, temperature=0.05))
    assert probabilities(np.zeros((0, 2))).shape == (0, 2)
    assert probabilities(np.full((2, 1), 0.5)).tolist() == [[pytest.approx(1 / (1 + math.exp(4)))]] * 2


# -- pictures ----------------------------------------------------------------------------------------------------------


def labels(index: HybridIndex, *classes: str, **options: Any) -> dict[str, list[str]]:
    return {each.id: [found.name for found in each.labels] for each in index.label_pictures(classes, **options)}


def test_each_picture_has_the_nearest_class_or_none(index: HybridIndex) -> None:
    found = labels(index, "red", "green", "blue", temperature=0.1, floor=0.5)
    assert found == {
        "h000": ["red"],
        "h010": ["red"],
        "h118": ["green"],
        "h125": ["green"],
        "h180": [],
        "h240": ["blue"],
    }
    # 180° is as far from green as from blue: each has less than a half, and more than a third
    assert set(labels(index, "green", "blue", temperature=0.1, floor=-9, threshold=0.3)["h180"]) == {"green", "blue"}
    only = {
        each.id: each for each in index.label_pictures(["red", "blue"], temperature=0.1, filter="tags:warm", floor=-9)
    }
    assert set(only) == {"h000", "h010"} and only["h000"].labels[0].score > 0.99


def test_labels_are_kept_beside_the_embedders_own(index: HybridIndex) -> None:
    index.label_pictures(["red", "green"], temperature=0.1, floor=1.0, write=True)
    assert set(index.search(filter="labels:green").ids()) == {"h118", "h125"}
    source = index.get("h118").source
    assert source["labels"] == ["leaf", "green"]
    own, given = source["label_scores"]
    assert own == {"label": "leaf", "score": 0.8}
    assert given["label"] == "green" and given["by"] == "zero-shot" and given["score"] > 0.9
    assert "labels" not in index.get("h180").source


def test_a_second_run_replaces_the_first_ones_labels_only(index: HybridIndex) -> None:
    options: dict[str, Any] = {"temperature": 0.1, "floor": 1.0, "write": True}
    index.label_pictures(["red", "green"], **options)
    index.label_pictures(["yellow", "blue"], **options)
    assert index.get("h118").source["labels"] == ["leaf", *labels(index, "yellow", "blue", **options)["h118"]]
    assert "red" not in index.get("h000").source["labels"]
    assert index.get("h240").source["labels"] == ["blue"]
    assert not [entry for entry in index.get("h118").source["label_scores"] if entry["label"] == "green"]
    # a class of the embedder's own name stays the embedder's when the run no longer gives it
    index.backend.bulk(
        [Action("update", "h240", {"labels": ["blue"], "label_scores": [{"label": "blue", "score": 0.7}]})]
    )
    index.refresh()
    index.label_pictures(["blue"], **options)
    index.label_pictures(["red"], **options)
    assert index.get("h240").source["labels"] == ["blue"]
    assert index.get("h240").source["label_scores"] == [{"label": "blue", "score": 0.7}]


def test_what_was_written_is_found_by_plain_words_and_what_was_predicted_is_not(index: HybridIndex) -> None:
    index.label_pictures(["red", "green"], temperature=0.1, floor=1.0, write=True)
    assert index.get("h118").source["written_labels"] == ["green"]

    def found(words: str) -> set[str]:
        hits = index.search(words, k=9, explain=True, literal=True)
        assert all(("text" in hit.legs) == any(name.startswith("term:") for name in hit.matched) for hit in hits)
        return {hit.id for hit in hits if "text" in hit.legs}

    assert found("green") == {"h118", "h125"} and found("green leaf") == {"h118", "h125"}
    assert "term:green@written_labels" in index.search("green", literal=True, k=1, explain=True)[0].matched
    assert found("red leaf") == {"h000", "h010"}, "a leaf was predicted in h118, and is in its vector"
    assert set(index.search("-green", filter="tags:cold").ids()) == {"h180", "h240"}
    assert set(index.search(filter="written_labels:green").ids()) == {"h118", "h125"}
    # once another run has taken its place, it is found no more
    index.label_pictures(["blue"], temperature=0.1, floor=1.0, write=True)
    assert not found("green") and found("blue") == {"h240"}
    assert index.get("h118").source["written_labels"] == [] and index.get("h118").source["labels"] == ["leaf"]


def test_an_index_from_before_can_be_searched_and_says_what_it_lacks(tmp_path: Path) -> None:
    older = load_definition(embeddings={"hue": spec_of(HueEmbedder())})
    del older["mappings"]["properties"]["written_labels"]
    with closing(open_backend(tmp_path / "index", name="images")) as backend:
        backend.create(older)
        backend.bulk([Action("index", "said", {"caption": "red"})])
        backend.refresh()
    with HybridIndex(tmp_path / "index", embedder=HueEmbedder()) as index:
        index.add(hue(0), id="red")
        found = {hit.id: hit.matched for hit in index.search("red", literal=True, explain=True)}
        assert found == {"red": (), "said": ("term:red@caption",)}
        assert index.search("-red").ids() == ["red"]
        assert [each.id for each in index.label_pictures(["red"], floor=-9)] == ["red"]
        with pytest.raises(MappingMismatch, match=r"written_labels.*transfer\.migrate`"):
            index.label_pictures(["red"], floor=-9, write=True)
        assert "labels" not in index.get("red").source


def test_a_run_that_changes_nothing_writes_nothing(index: HybridIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"temperature": 0.1, "floor": 1.0, "write": True}
    index.label_pictures(["red", "green"], **options)

    def refuse(actions: Any) -> Any:
        raise AssertionError("nothing is to be written")

    monkeypatch.setattr(index.backend, "bulk", refuse)
    index.label_pictures(["red", "green"], **options)


@pytest.mark.parametrize("options", [{"threshold": 0}, {"threshold": 1.1}, {"temperature": 0}, {"floor": math.nan}])
def test_numbers_out_of_range(index: HybridIndex, options: dict[str, float]) -> None:
    with pytest.raises(QueryError, match="threshold is above 0"):
        index.label_pictures(["red"], **options)  # type: ignore[arg-type]


def test_labels_need_an_embedder_that_has_vectors_for_words() -> None:
    with HybridIndex(embedder=ColourEmbedder()) as index, pytest.raises(TextNotSupported):
        index.label_pictures(["red"])
    with HybridIndex(embedder=[ColourEmbedder(), HueEmbedder()]) as index:
        index.add(hue(0), id="red")
        assert labels(index, "red", "blue", temperature=0.1, floor=-9) == {"red": ["red"]}
        with pytest.raises(TextNotSupported, match="'colour'"):
            index.label_pictures(["red"], embedder="colour")


# -- on the command line -----------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setitem(registry._ENTRIES, "hue", registry.EmbedderEntry("tests.support.fakes:HueEmbedder"))
    monkeypatch.setenv("HYBRID_SEARCH_INDEX", str(tmp_path / "index"))
    monkeypatch.chdir(tmp_path)
    with HybridIndex(tmp_path / "index", embedder=HueEmbedder()) as index:
        filled(index)

    def run(*arguments: str) -> SimpleNamespace:
        code = cli.run(("label", *arguments))
        out, err = capfd.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return run


def test_the_command(run: Any, tmp_path: Path) -> None:
    asked = ("--classes", "red, green,blue", "--temperature", "0.1", "--floor", "0.5")
    done = run(*asked)
    lines = dict(line.split("\t") for line in done.out.splitlines())
    assert done.code == exits.OK and len(lines) == 6
    assert lines["h180"] == "-" and lines["h240"].startswith("blue 1.0")
    assert done.err.strip() == "5 of 6 pictures: 2 red, 2 green, 1 blue"
    Path("classes.txt").write_text("red\n\n green\nblue\n")
    assert run("--classes", "classes.txt", *asked[2:]).out == done.out
    assert [entry["labels"] for entry in json.loads(run(*asked, "--json").out) if entry["id"] == "h180"] == [[]]
    assert len(run(*asked, "--jsonl").out.splitlines()) == 6
    assert (
        run(*asked, "--csv").out.splitlines()[0] == "id,path,label,score"
        and len(run(*asked, "--csv").out.splitlines()) == 6
    )
    with HybridIndex(tmp_path / "index") as index:
        assert not index.search(filter="labels:red")
    assert run(*asked, "--write", "--template", "a {} thing").err.endswith("; kept in the index\n")
    with HybridIndex(tmp_path / "index") as index:
        assert set(index.search(filter="labels:red").ids()) == {"h000", "h010"}


def test_classes_that_no_picture_shows_are_named(run: Any) -> None:
    asked = ("--temperature", "0.1", "--floor", "0.5")
    warm = ("--filter", "tags:warm")
    assert run("--classes", "blue,red,pink", *asked, *warm).err.strip() == "2 of 2 pictures: 2 red, 0 blue, 0 pink"
    # a label that is not the first of its picture counts too: h010 lies between red and yellow
    found = run("--classes", "red,yellow", "--temperature", "9", "--threshold", "0.2", "--floor", "-9").err
    assert found.strip() == "6 of 6 pictures: 6 red, 6 yellow"
    Path("many.txt").write_text("red\n" + "".join(f"blue {'and blue ' * number}\n" for number in range(12)))
    assert run("--classes", "many.txt", *asked, *warm).err.strip() == ("2 of 2 pictures: 2 red, 0 of 12 other classes")


def test_without_words_in_the_index_the_remedy_is_named(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._ENTRIES, "colour", registry.EmbedderEntry("tests.support.fakes:ColourEmbedder"))
    with HybridIndex("plain", embedder=ColourEmbedder()) as index:
        index.add(hue(0))
    for done in (run("--classes", "red", "--index", "plain"), run("--classes", "red", "--index", "plain", "--write")):
        assert done.code == exits.USAGE
        assert "by `hybrid-search --index plain embed lite+minilm` after `hybrid-search embedder fetch" in done.err


def test_mistakes_of_the_command(run: Any) -> None:
    for arguments, code, says in (
        (("--classes", ","), exits.USAGE, "classes are one or more names"),
        (("--classes", "red", "--template", "x"), exits.USAGE, "--template has {} once"),
        (("--classes", "red", "--threshold", "2"), exits.USAGE, "threshold is above 0"),
        (("--classes", "pink", "--floor", "9"), exits.NOTHING, "0 of 6 pictures: 0 pink"),
        (("--classes", "absent.txt"), exits.USAGE, "no file 'absent.txt'"),
        (("--classes", "./classes"), exits.USAGE, "no file './classes'"),
    ):
        done = run(*arguments)
        assert done.code == code and says in done.err, done.err
