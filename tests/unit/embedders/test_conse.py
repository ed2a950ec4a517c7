"""Pictures and words in one space: the meaning of labels, and photos that nobody captioned found by sentences."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hybrid_search import HybridIndex
from hybrid_search.embedders import Classifier, Embedder, Preparer
from hybrid_search.embedders.conse import LiteMinilm, known_meanings, label_meanings, label_origin, meanings
from hybrid_search.embedders.imagenet_labels import vocabulary
from hybrid_search.embedders.lite import Lite
from hybrid_search.embedders.minilm import MiniLM
from hybrid_search.embedders.minilm import model_files as minilm_files
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.errors import ModelMissing

pytestmark = pytest.mark.usefixtures("minilm")


@pytest.fixture(scope="module")
def joint() -> Embedder:
    return get_embedder("lite+minilm")


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    ramp = np.linspace(0, 255, 300, dtype=np.uint8)
    stripes = np.tile(ramp[:, None, None], (1, 240, 3))
    return [Image.new("RGB", (320, 240), "teal"), Image.fromarray(stripes)]


class Axes:
    """A tower for which every text is one of a thousand directions, by its length."""

    name, dims, version = "axes", 1000, "1"

    def embed_texts(self, texts: list[str]) -> np.ndarray:
        return np.eye(1000, dtype=np.float32)[[len(text) % 1000 for text in texts]]


def test_meanings_are_the_flattened_shares_of_centred_labels() -> None:
    labels = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], np.float32)
    probabilities = np.array([[0.64, 0.36, 0.0], [0.0, 0.0, 1.0]], np.float32)
    # by hand: roots 0.8, 0.6, 0 are shares 4/7, 3/7, 0; the labels' mean is (0, 1/3)
    first = np.array([4 / 7, 3 / 7 - 1 / 3])
    second = np.array([-1.0, -1 / 3])
    expected = [first / np.linalg.norm(first), second / np.linalg.norm(second)]
    # the floor of the probabilities, 1e-12, has a root of 1e-6
    np.testing.assert_allclose(meanings(probabilities, labels), expected, atol=5e-6)


def test_a_label_means_its_name_its_names_and_the_categories_above_it() -> None:
    known = vocabulary()
    row = next(number for number, each in enumerate(known.classes) if each.name == "goldfish")
    each = known.classes[row]
    axes = Axes()
    named, listed = axes.embed_texts([f"a photo of a {each.name}", ", ".join((each.name, *each.synonyms))])
    expected = (named + listed) / np.linalg.norm(named + listed)
    for step, kind in enumerate(each.kinds[:4]):
        expected = expected + 0.15 * 0.7**step * axes.embed_texts([f"a photo of a {kind[0]}"])[0]
    np.testing.assert_allclose(label_meanings(axes)[row], expected / np.linalg.norm(expected), atol=1e-6)


def test_the_meanings_in_the_package_are_those_of_the_tower_and_the_classes_of_today() -> None:
    with np.load(files("hybrid_search.embedders") / "label-meanings.npz") as stored:
        assert str(stored["origin"]) == label_origin(), "run scripts/embed_labels.py"
        assert stored["meanings"].dtype == np.float16
    for part in (MiniLM.version, "conse-"):
        assert part in label_origin()


def test_the_meanings_in_the_package_are_what_the_tower_says_of_names_and_categories() -> None:
    tower, known = MiniLM(), vocabulary()
    assert known_meanings().shape == (1000, 384)
    for row in (1, 207, 443, 671, 817, 963):
        each = known.classes[row]
        texts = [f"a photo of a {each.name}", ", ".join([each.name, *each.synonyms])]
        found = tower.embed_texts([*texts, *(f"a photo of a {kind[0]}" for kind in each.kinds[:4])]).astype(float)
        expected = (found[0] + found[1]) / np.linalg.norm(found[0] + found[1])
        expected += sum(0.15 * 0.7**step * vector for step, vector in enumerate(found[2:]))
        # half floats near 0.25 are 0.0002 apart
        np.testing.assert_allclose(known_meanings()[row], expected / np.linalg.norm(expected), atol=1.5e-4)


def test_pictures_need_no_tower(photos: list[Image.Image], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm_files, "PACKAGE", "a_package_that_is_not_there")
    monkeypatch.setattr(minilm_files, "NAME", "a_folder_that_is_not_there")
    fresh = get_embedder("lite+minilm")
    assert fresh.embed_images(photos).shape == (2, 1664)
    with pytest.raises(ModelMissing, match=r"minilm\.wheel\.fetch"):
        fresh.embed_texts(["a dog"])


def test_pictures_are_as_alike_as_features_and_meanings_together(joint: Embedder, photos: list[Image.Image]) -> None:
    both = joint.embed_images(photos)
    features = Lite().embed_images(photos)
    np.testing.assert_allclose(np.linalg.norm(both, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(both[:, :1280], np.sqrt(0.7) * features, atol=1e-5)
    meant = both[:, 1280:] / np.sqrt(0.3)
    assert both[0] @ both[1] == pytest.approx(0.7 * features[0] @ features[1] + 0.3 * meant[0] @ meant[1], abs=1e-5)


def test_texts_have_meaning_and_no_features(joint: Embedder) -> None:
    vectors = joint.embed_texts(["a dog running on a beach", "  "])
    assert not vectors[:, :1280].any()
    np.testing.assert_allclose(vectors[0, 1280:], MiniLM().embed_texts(["a dog running on a beach"])[0], atol=1e-6)
    assert not vectors[1].any()


def test_it_labels_and_classifies_as_lite_does(joint: Embedder, photos: list[Image.Image]) -> None:
    assert isinstance(joint, Preparer)
    assert isinstance(joint, Classifier)
    assert joint.describe_images(photos)[1] == Lite().describe_images(photos)[1]
    rows = joint.class_rows(["beagle"])
    assert rows.shape == (1, joint.dims)
    np.testing.assert_array_equal(rows[:, :1280], Lite().class_rows(["beagle"]))
    assert not rows[:, 1280:].any()


def test_its_version_names_all_that_its_vectors_come_from() -> None:
    for part in (Lite.version, MiniLM.version, "conse-"):
        assert part in LiteMinilm.version


def test_sentences_find_photos_that_nobody_captioned(data: Path, tmp_path: Path) -> None:
    """Of 40 photos whose human captions all speak of a dog, and 40 that none does, words find the former."""
    import csv

    with open(data / "flickr8k" / "captions.csv", encoding="utf-8", newline="") as file:
        captions: dict[str, list[str]] = {}
        for row in csv.DictReader(file):
            captions.setdefault(row["image"], []).append(row["caption"].lower())
    dogs = [name for name, said in sorted(captions.items()) if all("dog" in each for each in said)][:40]
    others = [name for name, said in sorted(captions.items()) if not any("dog" in each for each in said)][:40]
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in (*dogs, *others):
        path = next((data / "flickr8k").rglob(name))
        (folder / name).symlink_to(path)
    with HybridIndex(embedder="lite+minilm") as index:
        report = index.add_folder(folder)
        assert report.added == 80
        hits = index.search("a dog running on a beach", k=10)
        assert all({"vector"} <= set(hit.legs) for hit in hits)
        assert sum(Path(str(hit.path)).name in dogs for hit in hits) >= 9
        # what the network takes a picture for ranks by its vector, not once more as words
        assert not any("text" in hit.legs for hit in hits)
        assert index.search("dog", weights={"vector": 0})[0].legs["text"] > 0
