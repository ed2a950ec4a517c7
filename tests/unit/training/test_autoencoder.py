"""The autoencoder for somebody's own pictures: noise, what it paints, its file, and what it claims."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hybrid_search import HybridIndex
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.embedders.trained.trained_file import load, save
from hybrid_search.errors import TextNotSupported, TrainingImpossible, WeightsMissing
from hybrid_search.training import autoencoder as training
from hybrid_search.training import training_pictures as reading
from hybrid_search.training.training_pictures import Pictures

pytestmark = pytest.mark.skipif(
    find_spec("tensorflow") is None, reason="TensorFlow is not installed: pip install 'hybrid-search[tensorflow]'"
)

SMALL = training.AutoencoderOptions(dims=8, size=16, epochs=30, batch=16, rate=2e-3)


def squares(number: int, *, size: int = 16, seed: int = 0) -> NDArray[np.uint8]:
    """Return pictures of one bright square each on dark, uneven ground, of two colours by turns."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 40, (number, size, size, 3), dtype=np.uint8)
    for at, picture in enumerate(pixels):
        top, left = random.integers(0, size // 2, 2)
        picture[top : top + size // 2, left : left + size // 2] = (230, 40, 40) if at % 2 else (40, 40, 230)
    return pixels


def all_pictures(number: int = 160) -> Pictures:
    folders = tuple("/red" if at % 2 else "/blue" for at in range(number))
    return Pictures(squares(number), folders, tuple(map(str, range(number))))


@pytest.fixture(scope="module")
def trained() -> training.TrainedAutoencoder:
    return training.train_autoencoder(all_pictures(), options=SMALL)


@pytest.fixture(scope="module")
def file(trained: training.TrainedAutoencoder, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("autoencoder") / "mine"
    save(path, trained.arrays, {"kind": "autoencoder", "dims": 8, "size": 16, **trained.to_dict()})
    return str(path)


# -- noise -------------------------------------------------------------------------------------------------------------


def test_noise_has_the_spread_and_the_share_of_black_that_were_asked() -> None:
    grey = np.full((20, 32, 32, 3), 0.5, np.float32)
    noisy = training.add_noise(grey, gaussian=0.05, masked=0.3, random=np.random.default_rng(0))
    black = (noisy == 0).all(axis=-1)
    assert black.mean() == pytest.approx(0.3, abs=0.01)
    assert noisy[~black].std() == pytest.approx(0.05, abs=0.002)
    assert noisy.dtype == np.float32 and noisy.min() >= 0 and noisy.max() <= 1


# -- training ----------------------------------------------------------------------------------------------------------


def test_what_it_paints_of_held_out_pictures_beats_what_takes_no_learning(trained: training.TrainedAutoencoder) -> None:
    errors = trained.reconstruction
    assert errors.is_learned
    assert errors.autoencoder < errors.noisy / 2 and errors.autoencoder < errors.mean


def test_the_errors_of_the_baselines_are_those_of_their_definition(trained: training.TrainedAutoencoder) -> None:
    # by the same division into parts, in plain loops
    pictures = all_pictures()
    parts = training.split_examples(pictures.as_examples(), seed=0, hold_out_labels=False)
    pixels = pictures.pixels.astype(np.float64) / 255
    mean = np.mean([pixels[row] for row in parts.train], axis=0)
    wanted = np.mean([np.mean((pixels[row] - mean) ** 2) for row in parts.test])
    assert trained.reconstruction.mean == pytest.approx(wanted, rel=1e-5)
    # a quarter of the pixels are black, the others have noise of 0.1, less what is clipped
    squared = np.mean([np.mean(pixels[row] ** 2) for row in parts.test])
    assert 0.25 * squared < trained.reconstruction.noisy < 0.25 * squared + 0.75 * 0.01


def test_retrieval_is_compared_with_what_needs_no_training(trained: training.TrainedAutoencoder) -> None:
    found = trained.to_dict()
    assert found["baseline"] == "histogram+hog"
    assert found["retrieval"]["pictures"] == trained.learned_from["test"] == 32
    assert found["gain"] is trained.is_gain is (found["retrieval"]["interval"][0] > 0)


def test_of_folders_at_random_no_gain_is_claimed(trained: training.TrainedAutoencoder) -> None:
    pictures = all_pictures()
    shuffled = np.random.default_rng(5).permutation(pictures.folders).tolist()
    pictures = Pictures(pictures.pixels, tuple(shuffled), pictures.groups)
    rows = np.arange(len(pictures))
    before = training._baseline(pictures, rows, seed=0)
    assert before is not None
    assert not training._retrieval(pictures, rows, trained.arrays, before=before, seed=0).is_gain


def test_without_folders_nothing_is_claimed() -> None:
    pictures = Pictures(squares(60), ("/all",) * 60, tuple(map(str, range(60))))
    told: list[Any] = []
    options = training.AutoencoderOptions(dims=4, size=16, epochs=2)
    found = training.train_autoencoder(pictures, options=options, progress=told.append)
    assert found.retrieval is None and not found.is_gain and found.to_dict()["retrieval"] is None
    assert [epoch.number for epoch in told] == [1, 2]


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(TrainingImpossible, match="there are 8 pictures, and 50 are the least"):
        training.train_autoencoder(all_pictures(8), options=SMALL)


@pytest.mark.parametrize("wrong", [{"size": 20}, {"size": 0}, {"dims": 0}, {"epochs": 0}])
def test_options_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        training.AutoencoderOptions(**wrong)


# -- where pictures come from ------------------------------------------------------------------------------------------


def saved_below(root: Path) -> None:
    for at, pixels in enumerate(squares(6, size=64)):
        folder = root / ("red" if at % 2 else "blue")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{at}.png")


def test_pictures_of_a_folder_are_read_and_broken_files_passed_over(tmp_path: Path) -> None:
    saved_below(tmp_path)
    (tmp_path / "red" / "broken.jpg").write_bytes(b"\xff\xd8nothing")
    (tmp_path / "red" / "copy.png").write_bytes((tmp_path / "red" / "1.png").read_bytes())
    told: list[tuple[int, int]] = []
    found = reading.pictures_below(tmp_path, size=16, progress=lambda done, total: told.append((done, total)))
    assert found.pixels.shape == (7, 16, 16, 3)
    assert [Path(folder).name for folder in found.folders] == ["blue"] * 3 + ["red"] * 4
    assert len(set(found.groups)) == 6, "a copy stays with its original"
    assert told[-1] == (8, 8)
    assert found.as_examples().labels == (str(tmp_path / "blue"), str(tmp_path / "red"))


def test_pictures_of_an_index_are_its_thumbnails(tmp_path: Path) -> None:
    saved_below(tmp_path)
    with HybridIndex(embedder="histogram+hog") as index:
        index.add_folder(tmp_path)
        found = reading.pictures_in(index.backend, size=16)
    assert found.pixels.shape == (6, 16, 16, 3)
    assert sorted(Path(folder).name for folder in found.folders) == ["blue"] * 3 + ["red"] * 3
    from_files = reading.pictures_below(tmp_path, size=16).pixels.astype(float)
    difference = np.abs(np.sort(found.pixels.astype(float), axis=0) - np.sort(from_files, axis=0))
    assert difference.mean() < 4, "JPEG changes little"


def test_of_many_pictures_some_are_chosen_by_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved_below(tmp_path)
    monkeypatch.setattr(reading, "MOST", 3)
    one, again = (reading.pictures_below(tmp_path, size=16, seed=1).groups for _ in range(2))
    assert len(one) == 3 and one == again
    assert len({reading.pictures_below(tmp_path, size=16, seed=seed).groups for seed in range(6)}) > 1


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingImpossible, match="none that can be read"):
        reading.pictures_below(tmp_path, size=16)
    with pytest.raises(TrainingImpossible, match="no folder"):
        reading.pictures_below(tmp_path / "absent", size=16)


# -- the embedder ------------------------------------------------------------------------------------------------------


def test_a_saved_encoder_gives_codes_of_unit_length(file: str) -> None:
    opened = get_embedder(f"autoencoder:{file}")
    assert (opened.dims, opened.min_side, opened.embeds_text) == (8, 16, False)
    images = [Image.fromarray(pixels) for pixels in squares(70, size=48, seed=9)]
    found = opened.embed_images(images)
    assert found.shape == (70, 8) and found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(opened.embed_images(images[3:4])[0], found[3], atol=1e-5)
    assert opened.embed_images([]).shape == (0, 8)
    with pytest.raises(TextNotSupported):
        opened.embed_texts(["red"])


def test_onnx_gives_what_keras_gave(trained: training.TrainedAutoencoder, file: str) -> None:
    # of all that was learned from the standardised codes have mean 0 and spread 1
    parts = training.split_examples(all_pictures().as_examples(), seed=0, hold_out_labels=False)
    session = training.OnnxSession(lambda: trained.arrays["encoder"].tobytes(), owner="test")
    pixels = all_pictures().pixels[parts.train].astype(np.float32) / 255
    (codes,) = session.run(["code"], {"pixels": pixels})
    np.testing.assert_allclose(codes.mean(axis=0), trained.arrays["center"], atol=1e-3)
    np.testing.assert_allclose(codes.std(axis=0), trained.arrays["scale"], atol=1e-3)


def test_the_version_is_that_of_the_weights(file: str, tmp_path: Path) -> None:
    held = load(file)
    save(tmp_path / "other", {**held.arrays, "center": held.arrays["center"] + 1}, held.metadata)
    names = (f"autoencoder:{file}", f"autoencoder:{tmp_path / 'other'}")
    assert len({get_embedder(name).version for name in names}) == 2


def test_damaged_files_are_refused(file: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="No such file"):
        get_embedder(f"autoencoder:{tmp_path / 'absent'}")
    cut = tmp_path / "cut"
    cut.write_bytes(Path(file).read_bytes()[:500])
    with pytest.raises(WeightsMissing, match="or a damaged one"):
        get_embedder(f"autoencoder:{cut}")
    held = load(file)
    wrong = {"without": {"center": np.zeros(8)}, "narrow": {**held.arrays, "scale": np.ones(3)}}
    for name, arrays in wrong.items():
        save(tmp_path / name, arrays, held.metadata)
        with pytest.raises(WeightsMissing, match="train it again"):
            get_embedder(f"autoencoder:{tmp_path / name}")
    save(tmp_path / "head", {"projection": np.eye(2)}, {"kind": "head"})
    with pytest.raises(WeightsMissing, match="kind 'head', not 'autoencoder'"):
        get_embedder(f"autoencoder:{tmp_path / 'head'}")


def test_an_encoder_needs_no_tensorflow(file: str) -> None:
    code = f"""if True:
        import json, sys
        from PIL import Image
        from hybrid_search.embedders.registry import get_embedder
        shape = get_embedder("autoencoder:{file}").embed_images([Image.new("RGB", (80, 80), "red")]).shape
        print(json.dumps([shape, [name for name in ("tensorflow", "keras") if name in sys.modules]]))"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == [[1, 8], []]
