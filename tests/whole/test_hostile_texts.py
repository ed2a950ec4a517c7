"""Texts that nobody means well with: each costs one clear line."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hybrid_search.cli import run as command
from hybrid_search.duplicates.collect.decisions import import_decisions
from hybrid_search.duplicates.report.choices import read_choices
from hybrid_search.errors import BadFilter, CaptionsUnreadable, ChoicesUnreadable, DuplicatesError, HybridSearchError
from hybrid_search.hits.display import spreadsheet_cell
from hybrid_search.index import HybridIndex
from hybrid_search.metadata import load_captions, read_sidecars
from tests.support.fakes import ColourEmbedder

DEEP = "[" * 100_000 + "]" * 100_000
GIANT = 10**400


@pytest.fixture
def index() -> Any:
    with HybridIndex(embedder=ColourEmbedder()) as opened:
        opened.add(Image.new("RGB", (40, 40), "red"), metadata={"iso": 200, "caption": "red"})
        yield opened


# -- homes that nobody has ---------------------------------------------------------------------------------------------

NOBODY = "~nobody-has-this-name/x"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--index", NOBODY, "search", "x"],
        ["search", "--image", f"{NOBODY}.png"],
        ["index", NOBODY],
        ["duplicates", "find", f"{NOBODY}.png"],
        ["label", "--classes", f"{NOBODY}.txt"],
        ["index", ".", "--captions", f"{NOBODY}.csv"],
    ],
    ids=lambda arguments: " ".join(arguments[:3]),
)
def test_the_home_of_an_unknown_user_is_a_path_that_is_not_there(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYBRID_SEARCH_INDEX", str(tmp_path / "index"))
    with HybridIndex(tmp_path / "index", embedder="colour:lab") as made:
        made.add(Image.new("RGB", (40, 40)))
    assert command(arguments) in (1, 2, 3)
    told = capfd.readouterr()
    assert "RuntimeError" not in told.err and "defect" not in told.err
    assert len((told.out + told.err).splitlines()) == 1


def test_the_home_of_an_unknown_user_in_python(index: HybridIndex) -> None:
    with pytest.raises(HybridSearchError, match="no such file or folder"):
        index.add_folder(NOBODY)
    with pytest.raises(HybridSearchError):
        HybridIndex(NOBODY, create=False)


# -- captions, choices, decisions, sidecars ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.json", DEEP, "it is not JSON: maximum recursion depth"),
        ("a.jsonl", '{"path": "a.png"}\n{"path": ' + DEEP + "}", "line 2 is not JSON: maximum recursion depth"),
        ("a.json", '{"a":' * 450 + "1" + "}" * 450, r"key 'a': 'a\.a\.a\.[a.]*…' is neither a field"),
        (
            "a.jsonl",
            '{"path": "0.png", "caption": "' + "a" * 2**24 + '"}\n{"path": "b"}',
            "line 1 has more than 16,777,216",
        ),
        ("a.csv", "path,caption\n0.png," + "a" * (2**24 + 1), "line 2 has a text of more than 16,777,216 characters"),
        ("a.jsonl", '{"path": "0.png", "iso": 1' + "0" * 400 + "}", "iso 10+… is not a number"),
        ("a.jsonl", '{"path": "0.png", "iso": 1' + "0" * 5000 + "}", "is not JSON: Exceeds the limit"),
    ],
    ids="deep deep-line deep-names long-line long-cell giant longer".split(),
)
def test_captions_that_cannot_be_used(name: str, text: str, line: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CaptionsUnreadable, match=line) as error:
        load_captions(tmp_path / name)
    assert len(str(error.value)) < 400 + len(str(tmp_path)) and "\n" not in str(error.value)


def test_tags_that_only_look_like_json_are_tags(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('path,tags\n0.png,"' + "[" * 100_000 + '"\n')
    assert list(load_captions(tmp_path / "a.csv")) == ["0.png"]


@pytest.mark.parametrize("id", [[1], {"a": 1}, None, [[]], True])
def test_coco_ids_of_any_kind(id: Any, tmp_path: Path) -> None:
    images = [{"id": id, "file_name": "0.png"}, {"id": 7, "file_name": "7.png"}]
    path = tmp_path / "coco.json"
    path.write_text(json.dumps({"images": images, "annotations": [{"image_id": 7, "caption": "seven"}]}))
    assert load_captions(path)["7.png"].fields == {"caption": "seven"}
    path.write_text(json.dumps({"images": images, "annotations": [{"image_id": id, "caption": "x"}]}))
    if id is True:
        assert list(load_captions(path)) == ["0.png"]
        return
    with pytest.raises(CaptionsUnreadable, match=r"annotation 1 is about image .*, which is not among the images"):
        load_captions(path)


def test_choices_nested_without_end(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    path.write_text('{"kind": "x", "groups": ' + DEEP + "}")
    with pytest.raises(ChoicesUnreadable, match=r"it is no JSON \(maximum recursion depth"):
        read_choices(path)


def test_decisions_nested_without_end(index: HybridIndex, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    nested: list[Any] = []
    for _ in range(sys.getrecursionlimit() * 2):
        nested = [nested]
    kind = {"kind": "hybrid-search duplicate decisions", "version": 1}
    for pairs in ([[nested, "b"]], nested):
        with pytest.raises(DuplicatesError, match="these decisions are damaged"):
            import_decisions(index.backend, {**kind, "not_duplicates": pairs, "reviewed": []})
    (tmp_path / "decisions.json").write_text(DEEP)
    with HybridIndex(tmp_path / "index", embedder="colour:lab"):
        pass
    arguments = ["--index", str(tmp_path / "index"), "duplicates", "decisions"]
    assert command([*arguments, "--load", str(tmp_path / "decisions.json")]) == 2
    assert "is no JSON" in capfd.readouterr().err


@pytest.mark.parametrize(
    "text", [DEEP, '{"a":' * 900 + "1" + "}" * 900, '{"iso": 1' + "0" * 4000 + "}", '{"iso": NaN}']
)
def test_sidecars_that_cannot_be_used_are_one_warning(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.png.json").write_text(text)
    found = read_sidecars(tmp_path / "a.png")
    assert found.fields == {} and len(found.warnings) == 1
    assert len(found.warnings[0]) < 200


# -- numbers without end -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "clause",
    [
        {"term": {"iso": GIANT}},
        {"term": {"iso": -GIANT}},
        {"terms": {"iso": [1, 10**5000]}},
        {"range": {"iso": {"gt": GIANT}}},
        {"range": {"taken_at": {"lte": GIANT}}},
        {"term": {"path": GIANT}},
        {"match": {"caption": 10**5000}},
        {"geo_distance": {"distance": GIANT, "location": {"lat": 1, "lon": 2}}},
        {"geo_distance": {"distance": "1km", "location": [GIANT, 2]}},
        {"bool": {"must": {"match_all": {}}, "minimum_should_match": GIANT}},
        {"ids": {"values": [GIANT]}},
    ],
)
def test_a_number_that_no_field_holds_is_refused_in_a_clause(index: HybridIndex, clause: dict[str, Any]) -> None:
    with pytest.raises(BadFilter, match="it has a number of more than 308 digits"):
        index.search(filter=clause)
    assert len(index.search(filter={"bool": {"must_not": {"term": {"iso": 10**9}}}})) == 1


def test_a_number_that_no_field_holds_is_refused_in_words(index: HybridIndex) -> None:
    for text in (f"iso:{GIANT}", f"iso:>{GIANT}", f"iso:[1 TO {GIANT}]"):
        with pytest.raises(BadFilter, match="is not a number"):
            index.search(filter=text)


@pytest.mark.parametrize("option", [{"weights": {"text": GIANT}}, {"min_score": GIANT}, {"classes": {"dog": GIANT}}])
def test_weights_that_no_float_holds(index: HybridIndex, option: dict[str, Any]) -> None:
    with pytest.raises(HybridSearchError):
        index.search("red", **option)


# -- formulas ----------------------------------------------------------------------------------------------------------

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("sign", SIGNS)
def test_no_cell_is_a_formula_with_any_separator(sign: str, separator: str) -> None:
    text = io.StringIO()
    values = [f"{sign}1+1", f"x;{sign}1+1", f"a\t{sign}1", f"b|{sign}1", f'c;"{sign}1"', f"d; {sign}1", f"e\n{sign}1"]
    csv.writer(text).writerow(spreadsheet_cell(value) for value in values)
    for delimiter in (",", separator):
        for line in csv.reader(io.StringIO(text.getvalue()), delimiter=delimiter):
            assert not [cell for cell in line if cell.lstrip(' "')[:1] in SIGNS and cell.strip()]


def test_text_that_is_no_formula_stays_as_it_is() -> None:
    for text in ("a-b.jpg", "1+1=2", "x; y", "a, -b", "you@example.org", "half;time", "/a/b-c;d/e.png"):
        assert spreadsheet_cell(text) == text


def test_cells_are_bounded_whatever_other_packages_allow(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("path,caption\n0.png," + "a" * (2**24 + 1))
    before = csv.field_size_limit(2**30)
    try:
        with pytest.raises(CaptionsUnreadable, match="more than 16,777,216 characters"):
            load_captions(tmp_path / "a.csv")
    finally:
        csv.field_size_limit(before)
