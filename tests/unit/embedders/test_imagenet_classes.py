"""More dog, less grass: a classifier's rows by name, and where they move a query."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid_search.embedders import Classifier
from hybrid_search.embedders.imagenet_classes import class_rows, classes_by_name
from hybrid_search.embedders.imagenet_labels import vocabulary
from hybrid_search.embedders.lite import Lite
from hybrid_search.embedders.state_dict import read_state_dict
from hybrid_search.errors import QueryError, UnknownClass
from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder, HueClassifier, HueEmbedder, hue

# -- names of classes --------------------------------------------------------------------------------------------------


def test_a_category_stands_for_all_classes_in_it() -> None:
    known = vocabulary().classes
    dogs = {known[index].name for index in classes_by_name()["dog"]}
    assert {"Chihuahua", "beagle", "dalmatian", "Siberian husky"} <= dogs and not dogs & {
        "tabby",
        "red fox",
        "timber wolf",
    }
    assert len(dogs) == 118
    assert classes_by_name()["chihuahua"] == (151,)


def test_rows_are_means_over_the_classes() -> None:
    kernel = np.random.default_rng(1).normal(size=(5, 1000)).astype(np.float32)
    rows = class_rows(kernel, ["dalmatian", "Dog"])
    numbers = [index for index, each in enumerate(vocabulary().classes) if any("dog" == kind[0] for kind in each.kinds)]
    np.testing.assert_allclose(rows[1], np.mean([kernel[:, number] for number in numbers], axis=0), atol=1e-6)
    (dalmatian,) = (index for index, each in enumerate(vocabulary().classes) if each.name == "dalmatian")
    np.testing.assert_array_equal(rows[0], kernel[:, dalmatian])


def test_unknown_classes_name_what_comes_close() -> None:
    with pytest.raises(UnknownClass) as raised:
        class_rows(np.zeros((2, 1000), np.float32), ["dog", "dalmation"])
    assert raised.value.name == "dalmation" and "dalmatian" in raised.value.close_matches


def test_lite_takes_its_rows_from_its_last_layer() -> None:
    from hybrid_search.embedders.lite import _weights

    lite = Lite()
    assert isinstance(lite, Classifier) and {"dog", "beagle"} <= set(lite.classes)
    kernel = read_state_dict(_weights())["_fc.weight"]
    (pizza,) = (index for index, each in enumerate(vocabulary().classes) if each.name == "pizza")
    np.testing.assert_array_equal(lite.class_rows(["pizza"])[0], kernel[pizza])


# -- searches ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel() -> Iterator[HybridIndex]:
    """Twelve hues, named by their angles; the classifier knows red 0°, yellow 60°, green 120°, blue 240°."""
    with HybridIndex(embedder=HueClassifier()) as index:
        for angle in range(0, 360, 30):
            index.add(hue(angle), id=f"h{angle:03}")
        yield index


def of(*parts: tuple[float, float]) -> Any:
    total = sum(weight * complex(math.cos(math.radians(at)), math.sin(math.radians(at))) for weight, at in parts)
    return pytest.approx(math.degrees(math.atan2(total.imag, total.real)) % 360, abs=0.5)


@pytest.mark.parametrize(
    ("asked", "angle"),
    [
        ({"classes": {"green": 1}}, of((1, 120))),
        ({"classes": {"green": 3.5}}, of((1, 120))),
        ({"classes": {"green": -1}}, of((1, 300))),
        ({"classes": {"green": 2, "red": -1}}, of((2, 120), (-1, 0))),
        ({"image": hue(60), "classes": {"green": 1}}, of((1, 60), (1, 120))),
        ({"image": hue(60), "classes": {"green": 0.5, "blue": -2}}, of((1, 60), (0.5, 120), (-2, 240))),
        ({"like": "h030", "classes": {"blue": 1}}, of((1, 30), (1, 240))),
        # the example and what is liked make one step of length one together, the class another
        ({"image": hue(0), "like": "h090", "classes": {"blue": 1}}, of((0.8, 0), (0.6, 90), (1, 240))),
        ({"image": hue(60), "classes": {"green": 0}}, of((1, 60))),
        ({"image": hue(60), "classes": {}}, of((1, 60))),
    ],
)
def test_classes_move_the_query(wheel: HybridIndex, asked: dict[str, Any], angle: Any) -> None:
    (clause,) = wheel.request(**asked)["knn"]
    x, y = clause["query_vector"]
    assert math.degrees(math.atan2(y, x)) % 360 == angle


def test_the_index_stays_as_it_is(wheel: HybridIndex) -> None:
    before = wheel.get("h060", vectors=True).source["embedding"]["hueclasses"]
    hits = wheel.search(image=hue(60), classes={"green": 2}, k=12)
    assert hits.ids()[:2] == ["h090", "h120"] or hits.ids()[:2] == ["h120", "h090"]
    np.testing.assert_array_equal(wheel.get("h060", vectors=True).source["embedding"]["hueclasses"], before)


@pytest.mark.parametrize(
    ("classes", "error", "says"),
    [
        ({"gren": 1}, UnknownClass, "no class 'gren'. Did you mean 'green'"),
        ("green", QueryError, "classes says how much of each, such as {'dog': 2, 'grass': -1}"),
        (["green"], QueryError, "classes says how much of each"),
        ({"green": "much"}, QueryError, "the weight of class 'green' is a finite number"),
        ({"green": math.nan}, QueryError, "the weight of class 'green' is a finite number"),
        ({3: 1}, QueryError, "class 3"),
    ],
)
def test_what_is_no_class(wheel: HybridIndex, classes: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error) as raised:
        wheel.search(classes=classes)
    assert says in str(raised.value)


def test_classes_need_an_embedder_that_classifies() -> None:
    with HybridIndex(embedder=[ColourEmbedder(), HueClassifier()]) as index:
        index.add(hue(0))
        with pytest.raises(
            QueryError, match=r"knows words; 'colour' does neither; `HybridIndex\.add_embedder\('lite'\)`"
        ):
            index.search(classes={"red": 1})
        assert len(index.search(classes={"red": 1}, embedder="hueclasses")) == 1
        both = index.request(image=hue(0), classes={"red": 1}, embedder=["colour", "hueclasses"])
        assert [clause["_name"] for clause in both["knn"]] == ["vector:colour", "vector:hueclasses"]


class WordyClassifier(HueClassifier):
    """Knows words, and of the colours red alone as a class, half a turn away from the word."""

    embeds_text = True
    classes = ("red",)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return HueEmbedder().embed_texts(texts)

    def class_rows(self, names: Sequence[str]) -> NDArray[np.float32]:
        return -super().class_rows(names)


@pytest.mark.parametrize(
    ("embedder", "classes", "angle"),
    [
        (HueEmbedder(), {"green": 1, "blue": -1}, of((1, 120), (-1, 240))),
        (WordyClassifier(), {"red": 1, "green": 0.5}, of((1, 180), (0.5, 120))),
    ],
)
def test_words_stand_in_for_classes_that_a_classifier_lacks(
    embedder: HueEmbedder, classes: dict[str, float], angle: Any
) -> None:
    with HybridIndex(embedder=embedder) as index:
        index.add(hue(0))
        (clause,) = index.request(classes=classes)["knn"]
        x, y = clause["query_vector"]
        assert math.degrees(math.atan2(y, x)) % 360 == angle
        with pytest.raises(UnknownClass, match="no class 'zyzzyva'"):
            index.search(classes={"zyzzyva": 1})


# -- real photos -------------------------------------------------------------------------------------------------------

FOLDERS = ("accordion", "pizza", "umbrella", "dalmatian", "grand_piano", "butterfly", "car_side", "flamingo")
NAMES = {folder: folder.removesuffix("_side").replace("_", " ") for folder in FOLDERS}


@pytest.fixture(scope="module")
def photos(data: Path) -> Iterator[tuple[HybridIndex, dict[str, Path]]]:
    """Index eight categories' gallery in documents "category/number"; the first query of each."""
    split = [line.split() for line in (data / "caltech101" / "split.txt").read_text().splitlines()]
    queries: dict[str, Path] = {}
    with HybridIndex(embedder="lite") as index:
        for number, (path, kind) in enumerate(split):
            folder = path.partition("/")[0]
            if folder in NAMES and kind == "gallery":
                index.add(data / "caltech101" / path, id=f"{folder}/{number}")
            elif folder in NAMES:
                queries.setdefault(folder, data / "caltech101" / path)
        yield index, queries


@pytest.mark.slow
def test_more_of_a_class_brings_it_and_less_takes_it_away(photos: tuple[HybridIndex, dict[str, Path]]) -> None:
    index, queries = photos
    folders = list(NAMES)

    def share(folder: str, **asked: Any) -> float:
        hits = index.search(**asked, k=10, weights={"signature": 0})
        return float(np.mean([hit.id.startswith(f"{folder}/") for hit in hits]))

    alone = [share(folder, classes={NAMES[folder]: 1}) for folder in folders]
    assert np.mean(alone) > 0.9, "0.96 measured, 0.125 by chance"
    pairs = list(zip(folders, folders[1:] + folders[:1], strict=True))
    plain = [share(other, image=queries[folder]) for folder, other in pairs]
    more = [share(other, image=queries[folder], classes={NAMES[other]: 2}) for folder, other in pairs]
    assert np.mean(plain) < 0.1 and np.mean(more) > 0.6, (plain, more)
    own = [share(folder, image=queries[folder]) for folder in folders]
    less = [share(folder, image=queries[folder], classes={NAMES[folder]: -2}) for folder in folders]
    assert np.mean(own) > 0.8 and np.mean(less) < 0.2, (own, less)
