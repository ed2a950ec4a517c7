"""The 1,000 classes of ImageNet as labels: what the network is sure of, as exactly as it is sure of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders import Label, Labels

Kind = tuple[str, ...]
"""A WordNet category and those above it, nearest first; its first name alone can mean two things, as "car" does."""

_TOO_GENERAL = frozenset(
    name.strip()
    for name in """
    agent, attribute, causal agent, chordate, commodity, consumer goods, container, conveyance, course, covering, craft,
    device, durables, equipment, establishment, furnishing, implement, instrumentality, matter, mechanism,
    mechanical device, mercantile establishment, natural object, nutriment, obstruction, participant, peer,
    place of business, plant organ, plant part, protective covering, reproductive structure, restraint, round shape,
    shape, solid, structure, substance, support, supporting structure, surface, system, vertebrate,
    anapsid, angiosperm, diapsid, metatherian, placental, prototherian, spermatophyte, vascular plant
    """.split(",")
)
"""Categories that nobody would name a picture by, or search it by and mean this: WordNet's cars are containers."""

_LIKELY = 0.4
"""Probability beyond chance from which a category is preferred to less probable ones below it."""


@dataclass(frozen=True)
class ImageNetClass:
    """One class: its name, its other names, and the categories above it, nearest first."""

    name: str
    synonyms: tuple[str, ...]
    hypernyms: tuple[str, ...]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return the categories that hold the class, each with those above it, nearest first."""
        return (self.hypernyms, *_above(self.hypernyms)) if self.hypernyms else ()


@dataclass(frozen=True)
class Vocabulary:
    """The classes in the order of the network's outputs, and the categories above them.

    Parameters
    ----------
    classes : tuple of ImageNetClass
        1,000 of them.
    kinds : tuple of Kind
        Every category that holds a class, once.
    members : (n,) int64 ndarray
        The classes of each category, one category after the other.
    starts : (kinds,) int64 ndarray
        Where among the members each category begins.
    shares : (kinds,) float32 ndarray
        Share of the classes that the category holds: its probability by chance.
    """

    classes: tuple[ImageNetClass, ...]
    kinds: tuple[Kind, ...]
    members: NDArray[np.int64]
    starts: NDArray[np.int64]
    shares: NDArray[np.float32]

    def sums(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability of each category, (kinds,) float32: the sum of its classes."""
        # as a product of matrices it would wake the threads of NumPy's BLAS for each picture, which then spin on the
        # processors that the network needs
        return np.minimum(np.add.reduceat(probabilities[self.members], self.starts), 1)


@cache
def vocabulary() -> Vocabulary:
    """Return the classes of ImageNet (ILSVRC 2012) with their WordNet categories."""
    text = resources.files("hybrid_search.embedders").joinpath("imagenet-1k-classes.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines()[1:])
    classes = tuple(_parse(names, hypernyms) for _, _, names, hypernyms in rows)
    kinds = tuple(dict.fromkeys(kind for known in classes for kind in known.kinds))
    position = {kind: row for row, kind in enumerate(kinds)}
    held = np.array([(position[kind], column) for column, known in enumerate(classes) for kind in known.kinds])
    rows, members = held[np.argsort(held[:, 0], kind="stable")].T
    starts, counts = np.unique(rows, return_index=True, return_counts=True)[1:]
    members.setflags(write=False)
    return Vocabulary(classes, kinds, members, starts, (counts / len(classes)).astype(np.float32))


def top_labels(probabilities: NDArray[np.float32], *, threshold: float, count: int) -> Labels:
    """Return what is in a picture, most probable first: classes, and what they have in common.

    A network that wavers between five breeds is sure of a dog. So besides classes, categories are named, each with
    the sum of its classes: the most specific one that is rather sure, else the most specific one that reaches the
    threshold (after J. Deng et al., "Hedging your bets", CVPR 2012). A label carries its other names, and
    those of its categories that reach the threshold.

    Parameters
    ----------
    probabilities : (1000,) float32 ndarray
        Of the classes, summing to 1.
    threshold : float
        Least probability of a label, in [0, 1]; that of a category is taken beyond chance.
    count : int
        Labels at most.
    """
    known = vocabulary()
    sums = known.sums(probabilities)
    # four classes in ten are animals: a network that sees nothing says "animal" with probability 0.4
    beyond_chance = (sums - known.shares) / (1 - known.shares)
    sure = np.flatnonzero(beyond_chance >= threshold)
    kinds = {known.kinds[row]: float(beyond_chance[row]) for row in sure}
    scores = {known.kinds[row]: float(sums[row]) for row in sure}
    best = np.argsort(-probabilities, kind="stable")[:count]
    classes = {index: float(probabilities[index]) for index in best if probabilities[index] >= threshold}
    labels = [Label(kind[0], scores[kind], kind[1:]) for kind in _worth_naming(kinds, classes)]
    for index, score in classes.items():
        seen = known.classes[index]
        above = (kind[0] for kind in seen.kinds if kind in kinds)
        labels.append(Label(seen.name, score, (*seen.synonyms, *above)))
    return tuple(sorted(labels, key=lambda label: -label.score)[:count])


def _worth_naming(kinds: Mapping[Kind, float], classes: Mapping[int, float]) -> list[Kind]:
    """Return the categories that say something which no likely class or category below or above them says better."""
    likely = {kind for kind, score in kinds.items() if score >= _LIKELY}
    above_all, above_likely = set[Kind](), set[Kind]()
    for kind, score in kinds.items():
        above_all.update(_above(kind))
        above_likely.update(_above(kind) if score >= _LIKELY else ())
    for index, score in classes.items():
        above_all.update(vocabulary().classes[index].kinds)
        above_likely.update(vocabulary().classes[index].kinds if score >= _LIKELY else ())
    unlikely = (kind for kind in kinds if kind not in above_all and likely.isdisjoint((kind, *_above(kind))))
    return [*(kind for kind in kinds if kind in likely - above_likely), *unlikely]


def _above(kind: Kind) -> tuple[Kind, ...]:
    return tuple(kind[start:] for start in range(1, len(kind)))


def _parse(names: str, hypernyms: str) -> ImageNetClass:
    name, *synonyms = (name.strip() for name in names.split(","))
    chain = (name.strip() for name in hypernyms.split(">"))
    return ImageNetClass(name, tuple(synonyms), tuple(name for name in chain if name and name not in _TOO_GENERAL))
