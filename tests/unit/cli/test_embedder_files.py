"""Files of embedders that are there already: they are replaced only when that is asked for, and then it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hybrid_search import HybridIndex, cli
from hybrid_search.cli import exits
from hybrid_search.embedders import onnx_export, registry
from hybrid_search.training import joint, joint_sources
from tests.support.fakes import ColourEmbedder, hue
from tests.unit.cli.test_train import gives, trained_head


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that is there, beside an index."""
    monkeypatch.setitem(registry._ENTRIES, "colour", registry.EmbedderEntry("tests.support.fakes:ColourEmbedder"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYBRID_SEARCH_INDEX", raising=False)
    with HybridIndex("index", embedder=ColourEmbedder()) as index:
        index.add(hue(0))
    Path("my file").write_text("in use")
    return tmp_path / "my file"


@pytest.mark.parametrize(
    "command",
    [
        ("train", "head", "--from", "labels", "--out"),
        ("train", "joint", "--text-embedder", "nothing-is-loaded", "--out"),
        ("train", "autoencoder", "--out"),
        ("embedder", "export", "nothing-is-loaded"),
    ],
)
def test_a_file_that_is_there_is_not_replaced(
    command: tuple[str, ...], there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module, name in ((joint, "train_joint"), (joint_sources, "read_pairs"), (onnx_export, "export_onnx")):
        monkeypatch.setattr(module, name, None)
    assert cli.run(["--index", "index", *command, "my file"]) == exits.USAGE
    assert "there is a file my file, which an index may use by its name; --force replaces it" in capsys.readouterr().err
    assert there.read_text() == "in use"


def test_who_asks_for_it_is_told_what_indexes_need(
    there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    again = f"embed 'head:{there}' --again` gives such vectors, also to pictures that have older ones"
    gives(monkeypatch, trained_head(difference=0.0))
    asked = ["--index", "index", "train", "head", "--from", "labels", "--out", "my file"]
    assert cli.run([*asked, "--force"]) == exits.NOTHING
    assert there.read_text() == "in use", "without a gain nothing is written"
    gives(monkeypatch, trained_head(difference=0.1))
    assert cli.run([*asked, "--force"]) == exits.OK
    assert f"in place of an earlier file; `hybrid-search --index index {again}" in capsys.readouterr().err


def test_an_export_says_it_too(
    there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def export(_: Any, path: Path) -> None:
        path.write_bytes(b"network")

    monkeypatch.setattr(onnx_export, "export_onnx", export)
    assert cli.run(["embedder", "export", "colour", "my file", "--force"]) == exits.OK
    shown = capsys.readouterr()
    assert "its name is 'onnx:my file'" in shown.out and f"`hybrid-search embed 'onnx:{there}' --again`" in shown.err
    assert cli.run(["embedder", "export", "colour", "new.onnx"]) == exits.OK
    assert capsys.readouterr().err == ""
