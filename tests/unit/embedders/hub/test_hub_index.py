"""An index whose embedder is a model in a folder: pictures found by words and by pictures, in every layout."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hybrid_search import HybridIndex
from hybrid_search.document.picture import prepare
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.images import read_source
from tests.support import tiny_models
from tests.support.fakes import save_photo
from tests.support.tiny_models import Tiny

LAYOUTS: dict[str, Callable[[Path], str]] = {
    "transformers.js": lambda folder: _made(tiny_models.transformers_clip(folder, Tiny()), f"clip:{folder}"),
    "siglip": lambda folder: _made(
        tiny_models.transformers_siglip(folder, Tiny(length=64), weights=True), f"siglip:{folder}"
    ),
    "immich": lambda folder: _made(tiny_models.immich(folder, Tiny()), f"clip:{folder}"),
    "rclip": lambda folder: f"clip:{tiny_models.rclip(folder, Tiny())}",
    "fastembed": lambda folder: _made(
        tiny_models.fastembed(folder / "vision", folder / "text", Tiny()),
        f"clip:{folder / 'vision'}?text={folder / 'text'}",
    ),
    "rocca": lambda folder: _made(tiny_models.rocca(folder, Tiny()), f"clip:{folder}"),
}


def _made(_: object, name: str) -> str:
    return name


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pictures_are_found_by_words_and_by_pictures(layout: str, tmp_path: Path) -> None:
    name = LAYOUTS[layout](tmp_path / "model")
    paths = [save_photo(tmp_path / "photos" / f"{seed}.png", seed) for seed in range(6)]
    embedder = get_embedder(name)
    # the index shrinks large pictures by whole factors before any embedder sees them
    sources = [read_source(path) for path in paths]
    vectors = embedder.embed_images([prepare(source, min_side=embedder.min_side).image for source in sources])
    with HybridIndex(tmp_path / "index", embedder=name) as index:
        for path in paths:
            index.add(path)
        index.refresh()
        like = index.search(image=paths[3], k=6)
        assert like[0].path == str(paths[3])
        words = index.search(text="a small dog", k=6, everything=True)
        expected = dict(zip(map(str, paths), vectors @ embedder.embed_texts(["a small dog"])[0], strict=True))
        # by meaning, nothing is captioned; the index keeps vectors with fewer digits
        assert {hit.path: hit.legs["vector"] for hit in words} == pytest.approx(expected, abs=1e-3)
        best = max(expected, key=lambda path: expected[path])
        assert words[0].path == best
    with HybridIndex(tmp_path / "index") as again:
        assert again.search(text="a small dog", k=1, everything=True)[0].path == best, "its embedder is got by name"


def test_an_index_made_with_a_relative_folder_is_searched_from_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_models.fastembed(tmp_path / "models" / "vision", tmp_path / "models" / "text", Tiny())
    photo = save_photo(tmp_path / "photos" / "0.png", 0)
    monkeypatch.chdir(tmp_path / "models")
    with HybridIndex(tmp_path / "index", embedder="clip:vision?text=./text&batch_size=2") as index:
        index.add(photo)
        assert index.embedders == (f"clip:{tmp_path}/models/vision?text={tmp_path}/models/text",)
    monkeypatch.chdir(tmp_path / "photos")
    with HybridIndex(tmp_path / "index") as again:
        assert again.search(text="a small dog", k=1, everything=True)[0].path == str(photo)


def test_dino_finds_by_pictures_alone(tmp_path: Path) -> None:
    tiny_models.dino(tmp_path / "model", Tiny())
    paths = [save_photo(tmp_path / "photos" / f"{seed}.png", seed) for seed in range(4)]
    with HybridIndex(tmp_path / "index", embedder=f"dino:{tmp_path / 'model'}") as index:
        for path in paths:
            index.add(path)
        index.refresh()
        assert index.search(image=paths[2], k=1)[0].path == str(paths[2])
        assert list(index.search(text="dog", k=4)) == []


def test_nothing_heavy_is_loaded_by_making_one(tmp_path: Path) -> None:
    tiny_models.transformers_clip(tmp_path, Tiny())
    code = (
        "import sys; from hybrid_search.embedders.registry import get_embedder; "
        f"e = get_embedder('clip:{tmp_path}'); e.version; e.dims; e.min_side; "
        "print([m for m in ('onnxruntime', 'onnx', 'tokenizers', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
