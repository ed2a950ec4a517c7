"""Ranking figures of a run, question by question, by trec_eval's code (pytrec_eval through ir_measures)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hybrid_search.errors import PackageMissing, QueryError

Run = Mapping[str, Sequence[str]]
"""What was found for each question: ids, best first."""
Relevances = Mapping[str, Collection[str]]
"""What should be found for each question: ids, at least one."""
CUTOFFS = (1, 5, 10)
"""Lengths of the beginnings of rankings that are judged, unless told otherwise."""
INSTALL = "pip install 'hybrid-search[evaluate]'"


@dataclass(frozen=True)
class Figures:
    """How well the questions of a run were answered: means over all questions, in [0, 1].

    `success` of k is the share of questions with anything relevant among the first k, which papers on images and texts
    call R@k; `recall` of k is how much of what is relevant is among them. The two are the same where one picture is
    relevant. `precision` of k divides by k, also where fewer are relevant. `mean_average_precision` is taken over the
    whole ranking. `median_rank` is that of the first relevant id, from 1; infinite when most questions found none.
    """

    questions: int
    success: Mapping[int, float]
    recall: Mapping[int, float]
    precision: Mapping[int, float]
    mean_average_precision: float
    median_rank: float

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON knows them; an infinite median rank is None."""
        return {**asdict(self), "median_rank": self.median_rank if math.isfinite(self.median_rank) else None}


def evaluate(run: Run, relevances: Relevances, *, cutoffs: Sequence[int] = CUTOFFS) -> Figures:
    """Return the ranking figures of a run.

    Parameters
    ----------
    run : mapping of str to sequence of str
        The ids found for each question, best first. A question that is not in it found nothing.
    relevances : mapping of str to collection of str
        The ids relevant to each question, at least one.
    cutoffs : sequence of int
        The k of success, recall and precision.

    Raises
    ------
    PackageMissing
        When ir_measures is not installed.
    QueryError
        When an id is ranked twice, a question has nothing relevant or nothing known about it, or there is no question.

    Examples
    --------
    >>> figures = evaluate({"dog": ["b", "a"], "sea": ["c", "a"]}, {"dog": ["a"], "sea": ["c"]}, cutoffs=[1])
    >>> figures.success[1], figures.mean_average_precision, figures.median_rank
    (0.5, 0.75, 1.5)
    """
    return evaluate_parts([(run, relevances)], cutoffs=cutoffs)


def success_at_k(run: Run, relevances: Relevances, *, k: int) -> float:
    """Return the share of questions with anything relevant among the first k, in [0, 1]; else as `evaluate`."""
    return evaluate(run, relevances, cutoffs=[k]).success[k]


def recall_at_k(run: Run, relevances: Relevances, *, k: int) -> float:
    """Return the share of what is relevant that is among the first k, mean over questions; else as `evaluate`."""
    return evaluate(run, relevances, cutoffs=[k]).recall[k]


def precision_at_k(run: Run, relevances: Relevances, *, k: int) -> float:
    """Return the share of the first k that is relevant, mean over questions, in [0, 1]; else as `evaluate`."""
    return evaluate(run, relevances, cutoffs=[k]).precision[k]


def mean_average_precision(run: Run, relevances: Relevances) -> float:
    """Return the mean over questions of the precision at every relevant id, 0 for one not found; else as `evaluate`."""
    return evaluate(run, relevances, cutoffs=[]).mean_average_precision


def median_rank(run: Run, relevances: Relevances) -> float:
    """Return the median rank of the first relevant id, from 1, infinite where none was found; else as `evaluate`."""
    return evaluate(run, relevances, cutoffs=[]).median_rank


def evaluate_parts(parts: Iterable[tuple[Run, Relevances]], *, cutoffs: Sequence[int] = CUTOFFS) -> Figures:
    """Return the figures of runs over different questions, taken together: rankings of many ids in little memory."""
    values: dict[Any, list[float]] = {}
    for run, relevances in parts:
        _check(run, relevances)
        for measure, value in _values(run, relevances, cutoffs):
            values.setdefault(measure, []).append(value)
    if not values:
        raise QueryError("there is no question to judge")
    ranks = [1 / value if value else math.inf for value in values["RR"]]
    by_cutoff = {name: {k: _mean(values[f"{name}@{k}"]) for k in cutoffs} for name in ("Success", "R", "P")}
    return Figures(
        len(ranks),
        by_cutoff["Success"],
        by_cutoff["R"],
        by_cutoff["P"],
        _mean(values["AP"]),
        statistics.median(rank if math.isinf(rank) else round(rank) for rank in ranks),
    )


def _values(run: Run, relevances: Relevances, cutoffs: Sequence[int]) -> Iterator[tuple[str, float]]:
    try:
        from ir_measures import AP, RR, P, R, Success, pytrec_eval
    except ImportError as error:
        raise PackageMissing("evaluation", f"{INSTALL} ({error})") from error
    measures = [AP, RR, *(measure @ k for measure in (Success, R, P) for k in cutoffs)]
    judged, scored = {}, {}
    # trec_eval ends at a null character, and ranks by score alone: it is told numbers, and a score for each place
    for number, (question, relevant) in enumerate(relevances.items()):
        places = {id: str(place) for place, id in enumerate(run.get(question, ()))}
        missed = len(set(relevant) - places.keys())
        judged[str(number)] = dict.fromkeys([places[id] for id in set(relevant) & places.keys()], 1)
        judged[str(number)].update({f"missed {each}": 1 for each in range(missed)})
        if places:
            scored[str(number)] = {place: -float(place) for place in places.values()}
    for metric in pytrec_eval.iter_calc(measures, judged, scored):
        yield str(metric.measure), float(metric.value)


def _check(run: Run, relevances: Relevances) -> None:
    for question, ids in run.items():
        if question not in relevances:
            raise QueryError(f"question {question!r}: what is relevant to it is not said")
        if len(set(ids)) != len(ids):
            raise QueryError(f"question {question!r}: an id is ranked twice")
    for question, relevant in relevances.items():
        if isinstance(relevant, str):
            raise QueryError(f"question {question!r}: relevant is a collection of ids, not one string")
        if not relevant:
            raise QueryError(f"question {question!r}: nothing is relevant to it")


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
