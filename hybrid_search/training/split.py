"""Which pictures are learned from, which tell when to stop, and which judge: copies never part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_search.training.examples import Examples

SHARES = (0.6, 0.2, 0.2)
"""Of the pictures whose labels are learned: to learn from, to tell when to stop, to judge by."""
_NEW_SHARE = 0.2  # of the labels; no measurement is kept
_LEAST_LABELS = 10  # of fewer none is held out; no measurement is kept
_NONE = ""


@dataclass(frozen=True)
class Split:
    """Rows of examples, each in one part alone.

    Parameters
    ----------
    train, validation, test : (n,) intp ndarray
        Pictures to learn from, to tell when to stop, and to judge by.
    new : (n,) intp ndarray
        All pictures with one of the labels `new_labels`, none of which is in any other part; empty where there are
        too few labels to spare some.
    new_labels : tuple of str
        Labels of which nothing is learned.
    """

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]
    new: NDArray[np.intp]
    new_labels: tuple[str, ...] = ()


def split_examples(examples: Examples, *, seed: int = 0, hold_out_labels: bool = True) -> Split:
    """Divide examples: first whole labels are set aside, then pictures of the others, each label in proportion.

    Parameters
    ----------
    examples : Examples
    seed : int
        The same seed gives the same parts.
    hold_out_labels : bool
        Set aside a fifth of the labels, where there are ten or more.

    Examples
    --------
    >>> marks = tuple(frozenset([label]) for label in "ab" * 10)
    >>> some = Examples(np.zeros((20, 2), np.float32), marks, tuple(map(str, range(20))))
    >>> [len(part) for part in (split_examples(some).train, split_examples(some).test)]
    [12, 4]
    """
    random = np.random.default_rng(seed)
    units = _units(examples)
    new_labels = _new_labels(examples, random) if hold_out_labels else frozenset()
    marks = [frozenset[str]().union(*(examples.marks[row] for row in rows)) for rows in units]
    new = [unit for unit, held in enumerate(marks) if held & new_labels]
    kept = [unit for unit, held in enumerate(marks) if not held & new_labels]
    parts = stratify([marks[unit] for unit in kept], [len(units[unit]) for unit in kept], shares=SHARES, seed=seed)
    train, validation, test = (_rows(units, [kept[at] for at in part]) for part in parts)
    return Split(train, validation, test, _rows(units, new), tuple(sorted(new_labels)))


def stratify(
    marks: Sequence[frozenset[str]], sizes: Sequence[int], *, shares: Sequence[float], seed: int
) -> list[list[int]]:
    """Divide things with several labels each such that every part has its share of every label.

    K. Sechidis, G. Tsoumakas and I. Vlahavas, "On the stratification of multi-label data", ECML PKDD 2011: the
    rarest label is dealt first, each thing to the part that lacks most of that label, then most of all.

    Parameters
    ----------
    marks : sequence of frozenset of str
        The labels of each thing.
    sizes : sequence of int
        How much each counts.
    shares : sequence of float
        Of the parts, summing to 1.
    seed : int
        Decides the order within a label, and between parts that lack the same.

    Returns
    -------
    list of list of int
        The positions of the things in each part, ascending.

    Examples
    --------
    >>> marks = [frozenset("a")] * 4 + [frozenset("b")] * 4
    >>> [[*map(len, (set(part) & {0, 1, 2, 3}, part))] for part in stratify(marks, [1] * 8, shares=(0.5, 0.5), seed=1)]
    [[2, 4], [2, 4]]
    """
    random = np.random.default_rng(seed)
    weight: dict[str, int] = defaultdict(int)
    having: dict[str, set[int]] = defaultdict(set)
    for at, held in enumerate(marks):
        # what has no label is dealt like one more label, the last
        for mark in held or {_NONE}:
            weight[mark] += sizes[at]
            having[mark].add(at)
    lacks = {mark: [share * total for share in shares] for mark, total in weight.items()}
    lacks_all = [share * sum(sizes) for share in shares]
    parts: list[list[int]] = [[] for _ in shares]
    while having:
        rarest = min(having, key=lambda mark: (mark == _NONE, len(having[mark]), mark))
        for at in random.permutation(sorted(having[rarest])).tolist():
            draw = random.random(len(shares))
            best = max(range(len(shares)), key=lambda part: (lacks[rarest][part], lacks_all[part], draw[part]))
            parts[best].append(at)
            lacks_all[best] -= sizes[at]
            for mark in marks[at] or {_NONE}:
                lacks[mark][best] -= sizes[at]
                having[mark].discard(at)
        having = {mark: left for mark, left in having.items() if left}
    return [sorted(part) for part in parts]


def _units(examples: Examples) -> list[list[int]]:
    """Return the rows of each group of copies."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, group in enumerate(examples.groups):
        rows[group].append(row)
    return list(rows.values())


def _new_labels(examples: Examples, random: np.random.Generator) -> frozenset[str]:
    labels, table = examples.labels, examples.incidence()
    if len(labels) < _LEAST_LABELS:
        return frozenset()
    chosen: list[int] = []
    for label in random.permutation(len(labels)).tolist():
        trial = [*chosen, label]
        # tags go together: a few of them may take most pictures along
        if len(trial) > _NEW_SHARE * len(labels) or table[:, trial].any(axis=1).mean() > _NEW_SHARE + 0.1:
            continue
        chosen = trial
    return frozenset(labels[label] for label in chosen)


def _rows(units: Sequence[Sequence[int]], chosen: Sequence[int]) -> NDArray[np.intp]:
    return np.asarray(sorted(row for unit in chosen for row in units[unit]), np.intp)
