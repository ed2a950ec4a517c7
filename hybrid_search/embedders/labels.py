"""The 1,000 classes of ImageNet as labels: names, synonyms and WordNet hypernyms."""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders import Label, Labels

__all__ = ["ImageNetClass", "imagenet_classes", "top_labels"]

_TOO_GENERAL = frozenset(
    {"entity", "physical entity", "abstraction", "whole", "object", "artifact", "instrumentality", "thing", "matter"}
)
"""Hypernyms that half of all pictures would share: as words of a search they say nothing."""


class ImageNetClass:
    """One class: its first name, and what else it is called or belongs to, nearest first."""

    def __init__(self, names: str, hypernyms: str) -> None:
        self.name, *synonyms = (name.strip() for name in names.split(","))
        chain = (name.strip() for part in hypernyms.split(">") for name in part.split(","))
        above = (name for name in chain if name and name not in _TOO_GENERAL)
        self.also = tuple(dict.fromkeys((*synonyms, *above)))


@cache
def imagenet_classes() -> tuple[ImageNetClass, ...]:
    """Return the classes in the order of the network's outputs."""
    text = resources.files("hybrid_search.embedders").joinpath("imagenet-1k-classes.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines()[1:])
    return tuple(ImageNetClass(names, hypernyms) for _, _, names, hypernyms in rows)


def top_labels(probabilities: NDArray[np.float32], *, threshold: float, count: int) -> Labels:
    """Return the most probable classes, (1000,) probabilities in, at most `count` of at least `threshold`."""
    classes = imagenet_classes()
    best = np.argsort(-probabilities, kind="stable")[:count]
    return tuple(
        Label(classes[index].name, float(probabilities[index]), classes[index].also)
        for index in best.tolist()
        if probabilities[index] >= threshold
    )
