"""Trained embedders in a file: what goes in comes out, and what is damaged is said to be."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hybrid_search.embedders.trained.trained_file import FORMAT, describe, load, save
from hybrid_search.errors import WeightsMissing

ARRAYS = {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "mean": np.float64(0.5), "on": np.array([True])}
METADATA = {"kind": "joint", "seed": 7, "figures": {"recall": [0.25, 0.5]}, "title": "plage à midi"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "models" / "mine.npz"


def test_arrays_and_metadata_come_back(path: Path) -> None:
    written = save(path, ARRAYS, METADATA)
    read = load(path, kind="joint")
    assert read.kind == "joint"
    assert {**METADATA, "format": FORMAT, "created": read.metadata["created"]} == dict(read.metadata)
    assert set(read.arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert read.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(read.arrays[name], array)
    assert written.sha256 == read.sha256
    assert [entry.name for entry in path.parent.iterdir()] == ["mine.npz"]


def test_numpy_alone_reads_the_file(path: Path) -> None:
    save(path, ARRAYS, METADATA)
    with np.load(path, allow_pickle=False) as file:
        assert json.loads(file["metadata"].tobytes())["title"] == "plage à midi"


def test_the_hash_is_of_what_was_learned(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = save(path, ARRAYS, METADATA)
    monkeypatch.setattr("hybrid_search.embedders.trained.trained_file.datetime", _Later)
    again = save(path, ARRAYS, METADATA)
    assert again.metadata["created"] != first.metadata["created"]
    assert again.sha256 == first.sha256
    assert save(path, ARRAYS, {**METADATA, "seed": 8}).sha256 != first.sha256
    assert save(path, {**ARRAYS, "mean": np.float64(0.25)}, METADATA).sha256 != first.sha256
    assert save(path, {**ARRAYS, "weights": ARRAYS["weights"].reshape(3, 2)}, METADATA).sha256 != first.sha256


class _Later:
    @staticmethod
    def now(zone: Any) -> Any:
        return SimpleNamespace(isoformat=lambda timespec: "2099-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("arrays", "metadata"),
    [
        (ARRAYS, {"seed": 1}),
        ({"weights": np.array([{}], object)}, METADATA),
        ({"weights": np.array(["a"])}, METADATA),
        ({"metadata": np.zeros(2)}, METADATA),
        (ARRAYS, {**METADATA, "loss": float("nan")}),
    ],
)
def test_what_cannot_be_kept_is_refused(path: Path, arrays: Any, metadata: Any) -> None:
    with pytest.raises(ValueError):
        save(path, arrays, metadata)
    assert not path.exists()


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"mine\.npz: No such file.*`hybrid_search\.training`"):
        load(path)


@pytest.mark.parametrize("keep", [0, 1, 30, 200, -1, -60])
def test_a_truncated_file_is_damaged(path: Path, keep: int) -> None:
    save(path, ARRAYS, METADATA)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsMissing, match="not a file of a trained embedder"):
        load(path)


def test_every_changed_byte_is_noticed_or_harmless(path: Path) -> None:
    sound = save(path, ARRAYS, METADATA)
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            assert load(path).sha256 == sound.sha256
        except WeightsMissing:
            continue


def test_pickled_arrays_are_never_read(path: Path) -> None:
    path.parent.mkdir()
    metadata = np.frombuffer(json.dumps({"kind": "joint", "format": 1}).encode(), np.uint8)
    np.savez(path, weights=np.array([print], object), metadata=metadata)
    with pytest.raises(WeightsMissing, match="not a file of a trained embedder") as refused:
        load(path)
    assert "allow_pickle" not in str(refused.value), "numpy advises to read it all the same"


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": 1}', '{"kind": "joint", "format": "1"}', "{", "\xff"])
def test_metadata_must_be_whole(path: Path, text: str) -> None:
    path.parent.mkdir()
    np.savez(path, metadata=np.frombuffer(text.encode("latin-1"), np.uint8))
    with pytest.raises(WeightsMissing, match="not a file of a trained embedder"):
        load(path)


def test_an_array_file_or_a_zip_of_something_else_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(WeightsMissing, match="not a file of a trained embedder"):
        load(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(WeightsMissing, match="not a file of a trained embedder"):
        load(path)


def test_a_later_format_and_another_kind_are_refused(path: Path) -> None:
    save(path, ARRAYS, METADATA)
    with pytest.raises(WeightsMissing, match="of kind 'joint', not 'head'"):
        load(path, kind="head")
    metadata = np.frombuffer(json.dumps({"kind": "joint", "format": FORMAT + 1}).encode(), np.uint8)
    np.savez(path, metadata=metadata)
    with pytest.raises(WeightsMissing, match=rf"format is {FORMAT + 1}, this version reads {FORMAT}; pip install"):
        load(path)


def test_the_embedder_must_be_the_one_it_was_trained_with(path: Path) -> None:
    base: Any = SimpleNamespace(name="lite", version="2", dims=1280)
    trained = save(path, ARRAYS, {**METADATA, "image": describe(base)})
    trained.check("image", base)
    with pytest.raises(WeightsMissing, match=r"trained with 'lite' \(2, 1280 dims\), this is 'lite' \(3, 1280 dims\)"):
        trained.check("image", SimpleNamespace(name="lite", version="3", dims=1280))  # type: ignore[arg-type]
    with pytest.raises(WeightsMissing, match="an embedder that it does not name"):
        trained.check("text", base)


def test_a_failed_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = save(path, ARRAYS, METADATA)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save(path, {"weights": np.zeros(3)}, METADATA)
    assert load(path).sha256 == sound.sha256
    assert [entry.name for entry in path.parent.iterdir()] == ["mine.npz"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_the_file_is_as_readable_as_any(path: Path) -> None:
    save(path, ARRAYS, METADATA)
    other = path.with_name("other")
    other.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)
