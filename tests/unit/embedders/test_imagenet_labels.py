"""What is said of a picture, given the probabilities of its classes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid_search.embedders.imagenet_labels import top_labels, vocabulary

POSITION = {known.name: index for index, known in enumerate(vocabulary().classes)}


def probabilities(**shares: float) -> NDArray[np.float32]:
    """Give the named classes their shares ("_" is a space), and every class an equal part of the rest."""
    values = np.full(1000, (1 - sum(shares.values())) / (1000 - len(shares)), np.float32)
    for name, share in shares.items():
        values[POSITION[name.replace("_", " ")]] = share
    return values


def named(shares: NDArray[np.float32], *, threshold: float = 0.2, count: int = 5) -> dict[str, float]:
    return {label.name: round(label.score, 2) for label in top_labels(shares, threshold=threshold, count=count)}


def test_classes_are_in_the_order_of_the_network() -> None:
    classes = vocabulary().classes
    assert len(classes) == 1000
    # the first, one in the middle and the last of the published list of ILSVRC 2012
    assert [classes[index].name for index in (0, 151, 999)] == ["tench", "Chihuahua", "toilet tissue"]


def test_a_category_holds_its_classes() -> None:
    known = vocabulary()
    (dog,) = (row for row, kind in enumerate(known.kinds) if kind[0] == "dog")
    dogs = np.split(known.members, known.starts[1:])[dog]
    # ImageNet has 118 breeds, from Chihuahua to Mexican hairless
    assert sorted(dogs) == list(range(151, 269)) and known.shares[dog] == np.float32(0.118)


def test_a_category_is_as_probable_as_its_classes_together() -> None:
    known = vocabulary()
    shares = np.random.default_rng(0).dirichlet(np.full(1000, 0.1)).astype(np.float32)
    classes = [set(each.kinds) for each in known.classes]
    naive = [sum(float(shares[i]) for i in range(1000) if kind in classes[i]) for kind in known.kinds]
    np.testing.assert_allclose(known.sums(shares), naive, atol=1e-6)


def test_categories_of_one_name_but_two_meanings_are_two() -> None:
    cars = [kind for kind in vocabulary().kinds if kind[0] == "car"]
    assert len(cars) == 2, "motor cars and railway cars"


def test_a_sure_class_is_the_only_label_and_carries_other_names() -> None:
    (label,) = top_labels(probabilities(Chihuahua=0.9), threshold=0.2, count=5)
    assert (label.name, round(label.score, 2)) == ("Chihuahua", 0.9)
    assert label.hypernyms == ("toy dog", "dog", "domestic animal", "animal")
    (whale,) = top_labels(probabilities(killer_whale=0.9), threshold=0.2, count=5)
    assert {"orca", "Orcinus orca", "whale", "mammal"} <= set(whale.hypernyms)


def test_what_many_classes_share_is_named_when_none_of_them_is() -> None:
    breeds = {"beagle": 0.15, "Saluki": 0.15, "pug": 0.15, "boxer": 0.15, "collie": 0.15, "Chihuahua": 0.15}
    found = named(probabilities(**breeds))
    assert list(found) == ["dog"] and found["dog"] == pytest.approx(0.9, abs=0.02)


def test_a_sure_category_comes_before_a_guessed_class() -> None:
    found = named(probabilities(beagle=0.3, pug=0.3, collie=0.35))
    assert next(iter(found)) == "dog" and {"beagle", "pug", "collie"} < set(found)


def test_an_unsure_class_keeps_only_categories_that_are_likely() -> None:
    laptop, cat = top_labels(probabilities(laptop=0.75, Egyptian_cat=0.24), threshold=0.2, count=5)
    assert laptop.name == "laptop"
    # 123 classes are domestic animals: (0.24 - 0.123) / (1 - 0.123) = 0.13 beyond chance
    assert cat.hypernyms == ("domestic cat",)


def test_knowing_nothing_names_nothing() -> None:
    assert top_labels(probabilities(), threshold=0.05, count=5) == ()


def test_too_general_categories_are_never_named() -> None:
    words = {name for kind in vocabulary().kinds for name in kind}
    assert words.isdisjoint({"instrumentality", "container", "device", "matter", "chordate", "covering"})
    assert {"dog", "cat", "boat", "food", "musical instrument", "vehicle", "building"} <= words
    assert "instrumentality" not in named(probabilities(crutch=0.3, nail=0.3, cradle=0.3), threshold=0.1)


def test_threshold_and_count_bound_the_labels() -> None:
    shares = probabilities(pizza=0.4, umbrella=0.3, laptop=0.2)
    assert set(named(shares, threshold=0.25)) == {"pizza", "umbrella"}
    assert list(named(shares, threshold=0.0, count=2)) == ["pizza", "umbrella"]
    assert named(shares, count=0) == {}


@pytest.mark.parametrize("seed", range(20))
def test_labels_are_ordered_and_within_the_threshold(seed: int) -> None:
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.full(1000, 0.01)).astype(np.float32)
    labels = top_labels(shares, threshold=0.15, count=5)
    scores = [label.score for label in labels]
    assert len(labels) <= 5 and scores == sorted(scores, reverse=True)
    assert all(0.15 <= score <= 1 for score in scores)
    assert len({label.name for label in labels}) == len(labels)
    classes = {label.name for label in labels} & POSITION.keys()
    assert int(np.argmax(shares)) in {POSITION[name] for name in classes} or shares.max() < 0.15
