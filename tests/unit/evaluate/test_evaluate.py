"""Ranking figures, against examples worked out by hand and plain loops over the definitions."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.errors import BadVector, PackageMissing, QueryError
from hybrid_search.evaluate import (
    Figures,
    evaluate,
    evaluate_vectors,
    mean_average_precision,
    median_rank,
    precision_at_k,
    rank_gallery,
    recall_at_k,
    success_at_k,
)

RUN = {"dog": ["a", "b", "c", "d"], "sea": ["d", "c", "b", "a"], "car": ["b"], "elk": []}
TRUTH = {"dog": {"a", "c"}, "sea": {"a"}, "car": {"x", "b", "y"}, "elk": {"a"}}


def test_by_hand() -> None:
    figures = evaluate(RUN, TRUTH, cutoffs=[1, 3])
    assert figures.questions == 4
    # dog and car have something at the first place, nobody else within three
    assert figures.success == {1: 2 / 4, 3: 2 / 4}
    assert figures.recall == pytest.approx({1: (1 / 2 + 0 + 1 / 3 + 0) / 4, 3: (1 + 0 + 1 / 3 + 0) / 4})
    assert figures.precision == pytest.approx({1: (1 + 0 + 1 + 0) / 4, 3: (2 / 3 + 0 + 1 / 3 + 0) / 4})
    # dog: (1/1 + 2/3) / 2; sea: 1/4; car: one of three, at place 1; elk: nothing
    assert figures.mean_average_precision == pytest.approx((5 / 6 + 1 / 4 + 1 / 3 + 0) / 4)
    # ranks 1, 4, 1, none
    assert figures.median_rank == 2.5


def test_each_figure_alone() -> None:
    assert success_at_k(RUN, TRUTH, k=4) == 3 / 4
    assert recall_at_k(RUN, TRUTH, k=1) == pytest.approx(5 / 24)
    assert precision_at_k(RUN, TRUTH, k=1) == 1 / 2
    assert mean_average_precision(RUN, TRUTH) == pytest.approx(17 / 48)
    assert median_rank(RUN, TRUTH) == 2.5


def test_a_question_that_is_not_in_the_run_found_nothing() -> None:
    assert evaluate({"dog": ["a"]}, {"dog": ["a"], "sea": ["b"], "car": ["c"]}) == Figures(
        3, dict.fromkeys((1, 5, 10), 1 / 3), dict.fromkeys((1, 5, 10), 1 / 3), {1: 1 / 3, 5: 1 / 15, 10: 1 / 30},
        1 / 3, math.inf,
    )  # fmt: skip


def test_figures_as_json_knows_them() -> None:
    assert evaluate({}, {"dog": ["a"]}, cutoffs=[1]).to_dict() == {
        "questions": 1,
        "success": {1: 0.0},
        "recall": {1: 0.0},
        "precision": {1: 0.0},
        "mean_average_precision": 0.0,
        "median_rank": None,
    }
    assert evaluate({"dog": ["b", "a"]}, {"dog": ["a"]}).to_dict()["median_rank"] == 2


@pytest.mark.parametrize(
    ("run", "truth", "said"),
    [
        ({"dog": ["a", "a"]}, {"dog": ["a"]}, "twice"),
        ({"dog": ["a"]}, {}, "'dog': what is relevant"),
        ({"dog": ["a"]}, {"dog": []}, "nothing is relevant"),
        ({"dog": ["a"]}, {"dog": "a"}, "not one string"),
        ({}, {}, "no question"),
    ],
)
def test_what_cannot_be_judged_is_refused(run: Mapping[str, list[str]], truth: Mapping[str, str], said: str) -> None:
    with pytest.raises(QueryError, match=said):
        evaluate(run, truth)


# -- against plain loops ---------------------------------------------------------------------------------------------


def plainly(run: Mapping[str, Sequence[str]], truth: Mapping[str, Collection[str]], k: int) -> Figures:
    success, recall, precision, average, ranks = [], [], [], [], []
    for question, relevant in truth.items():
        hits = [id in relevant for id in run.get(question, [])]
        success.append(float(any(hits[:k])))
        recall.append(sum(hits[:k]) / len(relevant))
        precision.append(sum(hits[:k]) / k)
        average.append(sum(sum(hits[: at + 1]) / (at + 1) for at, hit in enumerate(hits) if hit) / len(relevant))
        ranks.append(hits.index(True) + 1 if any(hits) else math.inf)
    means = [statistics.fmean(values) for values in (success, recall, precision, average)]
    return Figures(len(truth), {k: means[0]}, {k: means[1]}, {k: means[2]}, means[3], statistics.median(ranks))


IDS = st.sampled_from(
    [*(f"id {number}" for number in range(40)), "", "0", "missed 0", "a\0b", "a\0c", "a b", "\udcff", "é"]
)
NAMES = st.text(st.characters(), max_size=3)


@given(
    st.dictionaries(NAMES, st.tuples(st.lists(IDS, unique=True), st.sets(IDS, min_size=1)), min_size=1),
    st.integers(1, 30),
)
def test_as_plain_loops(drawn: dict[str, tuple[list[str], set[str]]], k: int) -> None:
    run = {question: found for question, (found, _) in drawn.items()}
    truth = {question: relevant for question, (_, relevant) in drawn.items()}
    found, expected = evaluate(run, truth, cutoffs=[k]), plainly(run, truth, k)
    for figure in ("success", "recall", "precision", "mean_average_precision", "median_rank"):
        assert getattr(found, figure) == pytest.approx(getattr(expected, figure)), figure


# -- vectors ---------------------------------------------------------------------------------------------------------


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_vectors_by_hand() -> None:
    gallery = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], np.float32)
    questions = np.array([[0.8, 0.6], [0.0, 1.0]], np.float32)
    # cosines 0.8, 0.6, 0.96 and 0, 1, 0.8
    assert rank_gallery(questions, gallery).tolist() == [[2, 0, 1], [1, 2, 0]]
    relevant = np.array([[True, False, False], [True, True, False]])
    figures = evaluate_vectors(questions, gallery, relevant=relevant, cutoffs=[1])
    assert figures.success == {1: 0.5} and figures.recall == {1: 0.25}
    assert figures.mean_average_precision == pytest.approx((1 / 2 + (1 + 2 / 3) / 2) / 2)
    assert figures.median_rank == 1.5


def test_vectors_as_plain_loops_in_several_parts() -> None:
    random = np.random.default_rng(3)
    questions, gallery = unit(random.normal(size=(600, 8))), unit(random.normal(size=(90, 8)))
    relevant = random.random((600, 90)) < 0.05
    relevant[np.arange(600), random.integers(0, 90, 600)] = True
    run = {
        str(number): [
            str(row) for row in sorted(range(90), key=lambda row, question=question: -question @ gallery[row])
        ]
        for number, question in enumerate(questions)
    }
    truth = {str(number): {str(row) for row in np.flatnonzero(each)} for number, each in enumerate(relevant)}
    found, expected = evaluate_vectors(questions, gallery, relevant=relevant, cutoffs=[7]), plainly(run, truth, 7)
    assert found.questions == 600
    for figure in ("success", "recall", "precision", "mean_average_precision", "median_rank"):
        assert getattr(found, figure) == pytest.approx(getattr(expected, figure)), figure


def test_what_cannot_be_told_apart_is_no_merit() -> None:
    same = np.repeat(unit(np.random.default_rng(1).normal(size=(1, 300)).astype(np.float32)), 5, axis=0)
    relevant = np.zeros((1, 5), bool)
    relevant[0, 2] = True
    for question in (same[:1], np.zeros((1, 300), np.float32)):
        assert evaluate_vectors(question, same, relevant=relevant).median_rank == 5
    assert rank_gallery(same[:1], same).tolist() == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("questions", "gallery", "relevant", "said"),
    [
        (np.zeros((1, 3)), np.zeros((2, 4)), np.ones((1, 2), bool), "same length"),
        (np.zeros((1, 3)), np.zeros((2, 3)), np.ones((2, 1), bool), "column per picture"),
        (np.array([[math.nan]]), np.ones((2, 1)), np.ones((1, 2), bool), "not finite"),
    ],
)
def test_vectors_that_do_not_fit(questions: np.ndarray, gallery: np.ndarray, relevant: np.ndarray, said: str) -> None:
    with pytest.raises(BadVector, match=said):
        evaluate_vectors(questions, gallery, relevant=relevant)


def test_without_the_package_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(PackageMissing, match=r"hybrid-search\[evaluate\]"):
        evaluate({"dog": ["a"]}, {"dog": ["a"]})


def test_the_package_is_loaded_when_it_is_needed() -> None:
    code = "import sys, hybrid_search.evaluate; print('ir_measures' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
