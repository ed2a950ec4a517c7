"""Batches in which every picture meets others of its label and others without it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def label_batches(
    incidence: NDArray[np.bool_], *, labels: int, pictures: int, random: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    """Give the batches of one epoch: some labels at random, some pictures of each (P × K sampling).

    A. Hermans, L. Beyer and B. Leibe, "In defense of the triplet loss for person re-identification", 2017. Labels come
    equally often, so that those with many pictures do not crowd out the others; the epoch is over when as many pictures
    have come as there are.

    Parameters
    ----------
    incidence : (n, number of labels) bool ndarray
        Which picture has which label.
    labels, pictures : int
        Labels in a batch, and pictures of each; of fewer labels more pictures come.
    random : Generator

    Yields
    ------
    (m,) intp ndarray
        Rows of pictures, ascending, each once.

    Examples
    --------
    >>> table = np.repeat(np.eye(2, dtype=bool), 6, axis=0)
    >>> [len(rows) for rows in label_batches(table, labels=2, pictures=3, random=np.random.default_rng(0))]
    [6, 6]
    """
    usable = np.flatnonzero(incidence.sum(axis=0) >= 2)
    size = labels * pictures
    labels = min(labels, len(usable))
    pictures = size // max(1, labels)
    drawn = 0
    order = np.zeros(0, np.intp)
    while drawn < len(incidence) and labels:
        if len(order) < labels:
            order = random.permutation(usable)
        chosen, order = order[:labels], order[labels:]
        rows = [random.permutation(np.flatnonzero(incidence[:, label]))[:pictures] for label in chosen]
        yield np.unique(np.concatenate(rows))
        drawn += size
