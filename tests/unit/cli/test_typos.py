"""Typos on the command line: what was searched instead, what is asked, and the code that the command ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybrid_search import cli
from hybrid_search.cli import exits
from tests.support.fakes import save_photo


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("typos")
    for seed, tag in enumerate(("harbour", "quill")):
        save_photo(folder / "photos" / f"{seed}.png", seed)
        (folder / "photos" / f"{seed}.json").write_text(json.dumps({"tags": [tag]}))
    command = ["index", f"{folder}/photos", "-i", f"{folder}/index", "--embedder", "histogram+hog"]
    assert cli.run(command) == exits.OK
    return f"{folder}/index"


@pytest.mark.parametrize(
    ("words", "line", "code", "searched"),
    [
        ("harbuor", "searched harbour; harbuor is not in this index", exits.OK, True),
        ("quilt", 'did you mean "quill"? (quilt is not in this index)', exits.NOTHING, False),
    ],
)
def test_a_line_and_a_field_say_what_was_meant(
    index: str, capfd: pytest.CaptureFixture[str], words: str, line: str, code: int, searched: bool
) -> None:
    capfd.readouterr()
    assert cli.run(["search", words, "-i", index, "--json"]) == code
    out, err = capfd.readouterr()
    assert line in err.splitlines()
    found = json.loads(out)
    (correction,) = found["did_you_mean"]
    assert (correction["typed"], correction["searched"], len(found["hits"])) == (words, searched, int(searched))


@pytest.mark.parametrize(
    ("words", "lines", "code"),
    [
        (("har",), ["harbour\ttag\t1"], exits.OK),
        (("1",), ["1.png\tfile\t1"], exits.OK),
        (("zz",), [], exits.NOTHING),
    ],
)
def test_names_are_suggested_line_by_line(
    index: str, capfd: pytest.CaptureFixture[str], words: tuple[str, ...], lines: list[str], code: int
) -> None:
    capfd.readouterr()
    assert cli.run(["suggest", *words, "-i", index]) == code
    assert capfd.readouterr().out.splitlines() == lines


def test_suggestions_as_json(index: str, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    assert cli.run(["suggest", "qui", "-i", index, "--json"]) == exits.OK
    assert json.loads(capfd.readouterr().out) == {"suggestions": [{"text": "quill", "kind": "tag", "pictures": 1}]}


def test_a_text_in_another_language_is_told_so(index: str, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    assert cli.run(["search", "Schnee", "-i", index, "--json"]) == exits.NOTHING
    out, err = capfd.readouterr()
    assert json.loads(out)["foreign"] == {"language": "German"}
    said = (
        "this looks German, and the models of this index know English; "
        "a model from `hybrid-search embedder fetch --language any` knows others"
    )
    assert said in err.splitlines()
    assert cli.run(["search", "snow", "-i", index, "--json"]) == exits.NOTHING
    assert "foreign" not in json.loads(capfd.readouterr().out)
