"""`train head` and `train autoencoder`: what they read, print and write, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid_search import HybridIndex, cli
from hybrid_search.cli import exits
from hybrid_search.embedders.trained.trained_file import load
from hybrid_search.training import autoencoder, examples, head, training_pictures
from hybrid_search.training.examples import Examples
from hybrid_search.training.ranking_gain import NeighbourRanking, compare, rank_neighbours
from tests.unit.training.test_autoencoder import saved_below

FEW = Examples(np.eye(4, dtype=np.float32), (frozenset("a"),) * 4, tuple("1234"))


def ranked(shift: float) -> NeighbourRanking:
    vectors = np.random.default_rng(0).normal(0, 1, (60, 4))
    found = rank_neighbours(vectors, np.equal.outer(np.arange(60) % 3, np.arange(60) % 3))
    return NeighbourRanking(found.rows, found.figures, found.precisions + shift)


def trained_head(*, difference: float, on_new: float | None = None) -> head.TrainedHead:
    """Return a head whose held-out pictures all rank better or worse by so much."""
    names = [str(at % 3) for at in range(60)]
    known = compare(ranked(0), ranked(difference), clusters=names)
    new = None if on_new is None else compare(ranked(0), ranked(on_new), clusters=names)
    parts = {"pictures": 60, "labels": 3, "new_labels": 0, "train": 40, "validation": 10, "test": 60, "new": 0}
    arrays = {"projection": np.eye(1956, 2, dtype=np.float32)}
    return head.TrainedHead(arrays, head.HeadOptions(), parts, 9, 4, known, new)


@pytest.fixture
def index(tmp_path: Path) -> str:
    """Return the folder of an index of six pictures in two folders."""
    saved_below(tmp_path / "photos")
    with HybridIndex(tmp_path / "index", embedder="histogram+hog") as opened:
        opened.add_folder(tmp_path / "photos")
    return str(tmp_path / "index")


def gives(monkeypatch: pytest.MonkeyPatch, trained: Any) -> None:
    """Let there be enough to learn from, and let training give this, or raise it."""

    def train(*_: object, **__: object) -> Any:
        if isinstance(trained, BaseException):
            raise trained
        return trained

    monkeypatch.setattr(examples, "read_examples", lambda *_, **__: FEW)
    monkeypatch.setattr(head, "train_head", train)
    monkeypatch.setattr(autoencoder, "train_autoencoder", train)


def run(index: str, *arguments: str) -> int:
    return cli.run(["--index", index, "train", *arguments])


def test_a_gain_is_written_and_said(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gives(monkeypatch, trained_head(difference=0.1, on_new=0.02))
    out = tmp_path / "mine.head"
    assert run(index, "head", "--from", "folders", "--out", str(out)) == exits.OK
    shown = capsys.readouterr()
    assert "60 held-out pictures" in shown.out and "kept what epoch 4 of 9 gave" in shown.out
    assert shown.err.startswith("gain: mAP +10.0 points (95 % interval +10.0 to +10.0) on held-out pictures, mAP +2.0 ")
    assert f"`hybrid-search --index {index} embed head:{out}`" in shown.err
    assert load(out, kind="head").metadata["gain"] is True


@pytest.mark.parametrize("more", [{"difference": 0.0}, {"difference": -0.1}, {"difference": 0.1, "on_new": -0.1}])
def test_without_a_gain_nothing_is_written_unless_it_is_kept(
    more: dict[str, float],
    index: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gives(monkeypatch, trained_head(**more))
    out = tmp_path / "mine.head"
    asked = ("head", "--from", "tags", "--out", str(out))
    assert run(index, *asked) == exits.NOTHING
    assert not out.exists() and "no gain" in capsys.readouterr().err
    assert run(index, *asked, "--keep", "--json") == exits.OK
    written, printed = load(out, kind="head"), json.loads(capsys.readouterr().out)
    assert written.metadata["gain"] is printed["gain"] is False
    assert written.metadata["base"]["name"] == printed["base"] == "histogram+hog"
    assert printed["from"] == "tags" and printed["file"] == str(out)


def test_an_interruption_leaves_nothing(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gives(monkeypatch, KeyboardInterrupt())
    for command in (("head", "--from", "folders"), ("autoencoder", str(tmp_path / "photos"))):
        assert run(index, *command, "--out", str(tmp_path / "out" / "mine")) == exits.INTERRUPTED
        assert capsys.readouterr().err == "interrupted: nothing was written\n"
    assert not (tmp_path / "out").exists()


def test_too_little_to_learn_from_is_said_in_one_line(
    index: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(index, "head", "--from", "folders", "--out", str(tmp_path / "mine")) == exits.FAILED
    assert "error: cannot train from folders: 2 folders are there, 0 of them with 8" in capsys.readouterr().err
    assert run(index, "autoencoder", "--out", str(tmp_path / "mine")) == exits.FAILED
    assert "there are 6 pictures, and 50 are the least" in capsys.readouterr().err
    assert run(index, "head", "--from", "folders", "--embedder", "lite", "--out", str(tmp_path / "m")) == exits.FAILED
    assert run(index, "autoencoder", "--size", "20", "--out", str(tmp_path / "mine")) == exits.USAGE
    assert "--size is a multiple of 8" in capsys.readouterr().err


def test_an_autoencoder_is_written_and_no_gain_is_said(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = autoencoder.AutoencoderOptions(dims=4, size=16)
    parts = {"pictures": 100, "train": 60, "validation": 20, "test": 20}
    arrays = {"encoder": np.zeros(9, np.uint8), "center": np.zeros(4), "scale": np.ones(4)}
    painted = autoencoder.Reconstruction(0.02, 0.05, 0.06)
    found = compare(ranked(0), ranked(-0.1), clusters=[str(at % 3) for at in range(60)])
    gives(monkeypatch, autoencoder.TrainedAutoencoder(arrays, chosen, parts, 5, 5, painted, found))
    out = tmp_path / "mine.auto"
    assert run(index, "autoencoder", str(tmp_path / "photos"), "--size", "16", "--out", str(out)) == exits.OK
    shown = capsys.readouterr()
    assert "0.0200; of the noisy pictures 0.0500, of the mean picture 0.0600" in shown.out
    assert "no gain over histogram+hog: mAP -10.0 points" in shown.err
    assert load(out, kind="autoencoder").metadata["gain"] is False


def test_an_index_gives_its_thumbnails_to_the_autoencoder(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[training_pictures.Pictures] = []

    def train(given: training_pictures.Pictures, **_: object) -> None:
        seen.append(given)
        raise KeyboardInterrupt

    monkeypatch.setattr(autoencoder, "train_autoencoder", train)
    assert run(index, "autoencoder", "--size", "24", "--out", str(tmp_path / "mine")) == exits.INTERRUPTED
    assert seen[0].pixels.shape == (6, 24, 24, 3)
