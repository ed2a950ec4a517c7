"""Whether vectors became better by training: rankings of held-out pictures before and after, and chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.evaluate import Figures, evaluate, rank_gallery

QUESTIONS = 1_000
"""Pictures at most that are asked for their neighbours; the figures of more would differ in the third digit."""
_ROUNDS = 10_000
_AT_ONCE = 500  # rounds drawn together
_CONFIDENCE = 0.95
_LEAST_CLUSTERS = 20  # of fewer the questions themselves are drawn, and the interval is doubled; no measurement is kept


@dataclass(frozen=True)
class NeighbourRanking:
    """How well each picture finds those that belong with it among all the others.

    Parameters
    ----------
    rows : (questions,) intp ndarray
        The pictures that have others to find.
    figures : Figures
        Over all of them.
    precisions : (questions,) float64 ndarray
        The average precision of each, in [0, 1].
    """

    rows: NDArray[np.intp]
    figures: Figures
    precisions: NDArray[np.float64]


@dataclass(frozen=True)
class RankingGain:
    """The figures before and after, and the difference in mean average precision with its 95 % interval.

    Parameters
    ----------
    pictures : int
        Among which neighbours were sought.
    before, after : Figures
    difference : float
        Of the mean average precisions, after minus before.
    low, high : float
        Where that difference lies in 95 % of paired bootstrap samples.
    """

    pictures: int
    before: Figures
    after: Figures
    difference: float
    low: float
    high: float

    @property
    def is_gain(self) -> bool:
        """Whether the difference is above what chance does."""
        return self.low > 0

    @property
    def is_loss(self) -> bool:
        """Whether the difference is below what chance does."""
        return self.high < 0

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON knows it."""
        return {
            "pictures": self.pictures,
            "questions": self.before.questions,
            "before": _shown(self.before),
            "after": _shown(self.after),
            "difference": round(self.difference, 5),
            "interval": [round(self.low, 5), round(self.high, 5)],
            "gain": self.is_gain,
        }


def rank_neighbours(vectors: NDArray[Any], same: NDArray[np.bool_], *, seed: int = 0) -> NeighbourRanking:
    """Let pictures find those that belong with them among all the others.

    Parameters
    ----------
    vectors : (n, dims) ndarray
        Rows of unit length.
    same : (n, n) bool ndarray
        Which pictures belong together; the diagonal does not count. Pictures that belong with none ask nothing.
    seed : int
        Chooses 1,000 questions where there are more.

    Raises
    ------
    QueryError
        When no two pictures belong together.
    PackageMissing
        When ir_measures is not installed.
    """
    rows, run, wanted = _questions(vectors, same, seed=seed)
    each = [evaluate({row: run[row]}, {row: wanted[row]}, cutoffs=[]).mean_average_precision for row in run]
    return NeighbourRanking(rows, evaluate(run, wanted), np.asarray(each))


def neighbours_precision(vectors: NDArray[Any], same: NDArray[np.bool_], *, seed: int = 0) -> float:
    """Return the mean average precision of `rank_neighbours` alone, which takes less time."""
    _, run, wanted = _questions(vectors, same, seed=seed)
    return evaluate(run, wanted, cutoffs=[]).mean_average_precision


def compare(
    before: NeighbourRanking, after: NeighbourRanking, *, clusters: Sequence[str], seed: int = 0
) -> RankingGain:
    """Compare two rankings of the same questions.

    Parameters
    ----------
    before, after : NeighbourRanking
    clusters : sequence of str
        For each picture what it was drawn with, its label: neighbours rise and fall together.
    seed : int

    Raises
    ------
    ValueError
        When the questions differ.
    """
    if not np.array_equal(before.rows, after.rows):
        raise ValueError("the two rankings answer different questions")
    differences = after.precisions - before.precisions
    low, high = bootstrap_interval(differences, [clusters[row] for row in before.rows], seed=seed)
    return RankingGain(len(clusters), before.figures, after.figures, float(differences.mean()), low, high)


def bootstrap_interval(
    differences: NDArray[np.float64], clusters: Sequence[str], *, seed: int = 0
) -> tuple[float, float]:
    """Return where the mean of paired differences lies in 95 % of 10,000 bootstrap samples.

    B. Efron, "Bootstrap methods: another look at the jackknife", 1979. Whole clusters are drawn where there are twenty
    or more; with fewer, single differences are, and the interval is made twice as wide. For every picture is a question
    and also among the answers to the others, so that it moves their mean by up to twice its own part: with labels at
    random, 22 % of differences lay outside the single interval, under 1 % outside the double.

    Parameters
    ----------
    differences : (n,) float64 ndarray
    clusters : sequence of str
        What each difference belongs to.
    seed : int

    Examples
    --------
    >>> bootstrap_interval(np.full(20, 0.1), ["one"] * 20)
    (0.1, 0.1)
    """
    names, cluster = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    widened = 1
    if len(names) < _LEAST_CLUSTERS:
        cluster, widened = np.arange(len(differences)), 2
    sums, sizes = np.bincount(cluster, differences), np.bincount(cluster)
    random = np.random.default_rng(seed)
    means = np.empty(_ROUNDS)
    for start in range(0, _ROUNDS, _AT_ONCE):
        drawn = random.integers(0, len(sums), (_AT_ONCE, len(sums)))
        means[start : start + _AT_ONCE] = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    tail = 100 * (1 - _CONFIDENCE) / 2
    bounds, middle = np.percentile(means, [tail, 100 - tail]), differences.mean()
    low, high = middle + widened * (bounds - middle)
    return round(float(low), 12), round(float(high), 12)


def _questions(
    vectors: NDArray[Any], same: NDArray[np.bool_], *, seed: int
) -> tuple[NDArray[np.intp], dict[str, list[str]], dict[str, list[str]]]:
    """Return the rows that ask, what each finds, itself left out, and what it should find."""
    relevant = same & ~np.eye(len(same), dtype=np.bool_)
    rows = np.flatnonzero(relevant.any(axis=1))
    if len(rows) > QUESTIONS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, QUESTIONS, replace=False))
    order = rank_gallery(vectors[rows], vectors, relevant=relevant[rows])
    ids = np.asarray([str(row) for row in range(len(vectors))], dtype=object)
    run = {ids[row]: ids[found[found != row]].tolist() for row, found in zip(rows, order, strict=True)}
    return rows, run, {ids[row]: ids[relevant[row]].tolist() for row in rows}


def _shown(figures: Figures) -> dict[str, float]:
    found = {f"recall@{k}": round(share, 5) for k, share in figures.success.items()}
    return {**found, "mAP": round(figures.mean_average_precision, 5)}
