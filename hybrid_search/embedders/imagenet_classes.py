"""The rows of a classifier over ImageNet's classes, by the names that people use for them."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders.imagenet_labels import vocabulary
from hybrid_search.errors import UnknownClass


@cache
def classes_by_name() -> Mapping[str, tuple[int, ...]]:
    """Return the numbers of the classes that a name stands for: a class, another name of one, or a category of some.

    Examples
    --------
    >>> classes_by_name()["beagle"], len(classes_by_name()["dog"])
    ((162,), 118)
    """
    numbers = defaultdict[str, set[int]](set)
    for number, known in enumerate(vocabulary().classes):
        for name in (known.name, *known.synonyms, *(kind[0] for kind in known.kinds)):
            numbers[name.lower()].add(number)
    return {name: tuple(sorted(found)) for name, found in numbers.items()}


def class_rows(kernel: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
    """Return (names, dims) float32: a class's row of the classifier, or the mean of those that a name stands for.

    Parameters
    ----------
    kernel : (dims, 1000) float32 ndarray
        Of the classifier.
    names : sequence of str
        Classes and categories; upper and lower case are the same.

    Raises
    ------
    UnknownClass
        When a name stands for no class.
    """
    known = classes_by_name()
    rows = np.zeros((len(names), len(kernel)), np.float32)
    for row, name in enumerate(names):
        if name.lower() not in known:
            raise UnknownClass(name, difflib.get_close_matches(name.lower(), known))
        rows[row] = kernel[:, list(known[name.lower()])].mean(axis=1)
    return rows
