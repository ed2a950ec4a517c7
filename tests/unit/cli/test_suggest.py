"""The commands that messages suggest: pasted into a shell, they do what they say, on the index that was meant."""

from __future__ import annotations

import ast
import inspect
import json
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from pydoc import locate
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import hybrid_search
from hybrid_search import cli, errors
from hybrid_search.cli import exits, suggest
from hybrid_search.cli.suggest import command, forget_place, in_words, keep_index, keep_place, worded
from hybrid_search.embedders import registry
from hybrid_search.errors.remedies import Call, Remedy
from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder, HueEmbedder, hue

Run = Callable[..., SimpleNamespace]
PACKAGE = Path(hybrid_search.__file__).parent
PLACE = "my photos' index"


@pytest.fixture(autouse=True)
def nothing_typed() -> None:
    # what another test's command typed in this process would be suggested here
    forget_place()


class Stops(HueEmbedder):
    """Is interrupted at its fourth picture, once."""

    name = "stops"
    left = 3

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        if 0 <= Stops.left < len(images):
            Stops.left = -1
            raise KeyboardInterrupt
        Stops.left -= len(images)
        return super().embed_images(images)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run commands in a folder with an index of eight hues without captions, at a place that needs quotes."""
    for embedder in (ColourEmbedder, HueEmbedder, Stops):
        monkeypatch.setitem(registry._ENTRIES, embedder.name, registry.EmbedderEntry(f"{__name__}:{embedder.__name__}"))
    monkeypatch.setitem(
        registry._TEXT_ENTRIES, "colourwords", registry.EmbedderEntry("tests.support.fakes:ColourWords")
    )
    monkeypatch.setattr(Stops, "left", 3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYBRID_SEARCH_INDEX", raising=False)
    with HybridIndex(PLACE, embedder=ColourEmbedder()) as index:
        for angle in range(0, 360, 45):
            hue(angle).save(tmp_path / f"{angle}.png")
            index.add(tmp_path / f"{angle}.png")

    def run(*arguments: str) -> SimpleNamespace:
        code = cli.run(arguments)
        out, err = capfd.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    yield run


def suggested(text: str) -> list[list[str]]:
    """Return what a shell makes of the commands in a message, without the program's name."""
    commands = [shlex.split(each) for each in re.findall(r"`(hybrid-search [^`]+)`", text)]
    return [words[1:] for words in commands]


def test_what_a_shell_would_change_is_quoted() -> None:
    name = "onnx:/a b/it's.onnx?mean=clip&size=224"
    away = errors.LegUnavailable("vector", name, "its file is away")
    assert suggested(worded(away)) == [["embed", name, "--drop"]]
    none = errors.IndexNotFound("/my photos & more", "a-b")
    assert suggested(worded(none)) == [["--name", "a-b", "index", "FOLDER", "--index", "/my photos & more"]]


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Give every call that the library's remedies name, with the place where it stands."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Call"
            if named and "cli" not in path.parts and isinstance(node.args[0], ast.Constant):
                yield str(path.relative_to(PACKAGE)), node


def test_what_helps_can_be_called_and_has_a_command() -> None:
    named = [(place, str(call.args[0].value), call) for place, call in calls()]  # type: ignore[attr-defined]
    assert {name for _, name, _ in named} == set(suggest._COMMANDS)
    for place, name, call in named:
        thing = locate(name if name.startswith("hybrid_search.") else f"hybrid_search.{name}")
        assert thing is not None, f"{place} names {name}, which there is not"
        options = [each.value for each in call.keywords if each.arg == "options"] or call.args[2:]
        for key in (key for each in options if isinstance(each, ast.Dict) for key in each.keys):
            if isinstance(key, ast.Constant):
                assert key.value in inspect.signature(thing).parameters, f"{place}: {name} takes no {key.value}"


def test_every_command_that_helps_is_one(run: Run) -> None:
    for name in suggest._COMMANDS:
        (words,) = suggested(in_words("", Remedy((Call(name, ("x",)),))))
        wanted = [word for word in words if word not in ("--index", "x")]
        asked = run(*wanted, "--help") if wanted[-1] != "--default" else run(*wanted[:-1], "--help")
        assert asked.code == exits.OK, name
        assert all(word in asked.out for word in wanted if word.startswith("--")), name


def test_the_library_names_no_command() -> None:
    for path in PACKAGE.rglob("*.py"):
        if "cli" not in path.parts and path.name != "__main__.py":
            assert "`hybrid-search" not in path.read_text(encoding="utf-8"), path


def test_a_suggested_command_goes_to_the_index_that_was_typed(run: Run) -> None:
    for asked in (("--index", PLACE, "search"), ("search", "-i", PLACE)):
        done = run(*asked, "--image", "0.png", "--embedder", "hue")
        assert (done.code, suggested(done.err)) == (exits.FAILED, [["--index", PLACE, "embed", "hue"]])
    assert run(*suggested(done.err)[0]).code == exits.OK
    assert run(*asked, "--image", "0.png", "--embedder", "hue").code == exits.OK


def test_what_was_not_typed_is_not_repeated(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_SEARCH_INDEX", PLACE)
    assert suggested(run("search", "--image", "0.png", "--embedder", "hue").err) == [["embed", "hue"]]
    typed = ("--name", "images", "--config", "my own.ini")
    (words,) = suggested(run(*typed, "search", "--image", "0.png", "--embedder", "hue").err)
    assert words == ["--config", "my own.ini", "--name", "images", "embed", "hue"]
    assert suggested(run("--index", "none", "embedder", "fetch", "nothing").err) == [["embedder", "fetch", "--help"]]


def test_after_an_interruption_all_that_is_left_is_named(run: Run) -> None:
    done = run("--index", PLACE, "embed", "stops", "hue", "--default", "hue", "--batch-size", "2", "--no-progress")
    assert (done.code, done.out) == (exits.INTERRUPTED, "")
    assert "interrupted: 2 pictures were given a vector of stops; " in done.err
    (words,) = suggested(done.err)
    assert words == ["--index", PLACE, "embed", "stops", "hue", "--default", "hue"]
    done = run(*words, "--no-progress")
    assert done.out.startswith("6 pictures were given vectors of stops\n8 pictures were given vectors of hue\n")
    assert json.loads(run("info", "-i", PLACE, "--json").out)["default_embedder"] == "hue"


def test_after_an_early_interruption_nothing_is_said_to_be_kept(run: Run) -> None:
    done = run("embed", "stops", "--again", "--index", PLACE, "--no-progress")
    assert "interrupted: the first batch of stops was not done; " in done.err
    assert suggested(done.err) == [["--index", PLACE, "embed", "stops", "--again"]]


def test_an_embedder_that_searches_do_not_use_yet_is_said_to_be_so(run: Run) -> None:
    assert run("embed", "stops", "--index", PLACE).code == exits.INTERRUPTED
    done = run("embed", "stops", "--index", PLACE)
    assert done.err.startswith("words go to stops now, pictures to colour; ")
    asking, choosing = suggested(done.err)
    assert asking == ["--index", PLACE, "search", "WORDS", "--embedder", "stops"]
    done = run("embed", "hue", "--index", PLACE)
    assert done.err.startswith("searches that name no embedder go to colour; ")
    assert run(*choosing).out == "stops is used where none is named\n"
    assert run("embed", "stops", "--index", PLACE).err == ""
    assert run("embed", "hue", "--default", "hue", "--index", PLACE).err == ""


def test_captions_are_not_said_to_be_embedded_where_there_are_none(run: Run) -> None:
    done = run("embed", "caption:colourwords", "--index", PLACE)
    assert (done.code, done.err) == (exits.OK, "") and "no picture has words to embed" in done.out
    assert suggested(done.out) == [["--index", PLACE, "index", "FOLDER", "--captions", "FILE"]]
    Path("captions.csv").write_text("image,caption\n0.png,a red one\n")
    assert run("index", ".", "--captions", "captions.csv", "--index", PLACE, "--no-progress").code == exits.OK
    assert run("embed", "caption:colourwords", "--index", PLACE).out.startswith("no picture lacks a vector of caption:")


def test_secrets_are_not_repeated() -> None:
    keep_place({"api_key": "k3y", "password": "pa55", "username": "me", "vectors": "flat", "ca_certs": "my ca.pem"})
    keep_index("https://me:pa55@one:9200")
    try:
        (words,) = suggested(command("prune"))
    finally:
        forget_place()
    assert words == ["--username", "me", "--ca-certs", "my ca.pem", "--index", "https://one:9200", "prune"]
