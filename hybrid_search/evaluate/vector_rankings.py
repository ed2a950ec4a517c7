"""Ranking figures of vectors: every vector of a gallery ranked by its cosine with each of the questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.errors import BadVector
from hybrid_search.evaluate.metrics import CUTOFFS, Figures, Relevances, Run, evaluate_parts

_PART = 256
"""Questions ranked at once: 256 rankings of 10,000 ids take some 250 MB."""


def rank_gallery(
    questions: NDArray[Any], gallery: NDArray[Any], *, relevant: NDArray[np.bool_] | None = None
) -> NDArray[np.intp]:
    """Return for each question the rows of the gallery, greatest inner product first.

    Parameters
    ----------
    questions, gallery : (n, dims) and (m, dims) ndarray
        Rows of unit length, where inner products shall be cosines; a row of zeros is equally far from all.
    relevant : (n, m) bool ndarray, optional
        Rows of equal score are ranked with the relevant ones last, so that what cannot be told apart is no merit; by
        default they keep the order of the gallery.

    Returns
    -------
    (n, m) intp ndarray

    Raises
    ------
    BadVector
        When the shapes do not fit, or a number is not finite.

    Examples
    --------
    >>> gallery = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    >>> rank_gallery(np.array([[0.0, 1.0]]), gallery).tolist()
    [[1, 2, 0]]
    """
    questions, gallery = np.asarray(questions, np.float64), np.asarray(gallery, np.float64)
    if questions.ndim != 2 or gallery.ndim != 2 or questions.shape[1] != gallery.shape[1]:
        raise BadVector(f"questions and gallery are rows of the same length (got {questions.shape}, {gallery.shape})")
    if relevant is not None and relevant.shape != (len(questions), len(gallery)):
        raise BadVector(f"relevant has a row per question and a column per picture (got {relevant.shape})")
    if not (np.isfinite(questions).all() and np.isfinite(gallery).all()):
        raise BadVector("a number is not finite")
    # equal vectors have products that differ in the last bits, by how the product is divided into blocks
    scores = np.round(questions @ gallery.T, 7)
    last = np.zeros(scores.shape, np.bool_) if relevant is None else relevant
    return np.lexsort((last, -scores), axis=1)


def evaluate_vectors(
    questions: NDArray[Any],
    gallery: NDArray[Any],
    *,
    relevant: NDArray[np.bool_],
    cutoffs: Sequence[int] = CUTOFFS,
) -> Figures:
    """Return the ranking figures of questions over a gallery, the whole gallery ranked, ties against us.

    Parameters
    ----------
    questions, gallery : (n, dims) and (m, dims) ndarray
        Rows of unit length.
    relevant : (n, m) bool ndarray
        Which rows of the gallery are relevant to which question; at least one to each.
    cutoffs : sequence of int
        The k of success, recall and precision.

    Raises
    ------
    PackageMissing
        When ir_measures is not installed.
    BadVector
        When the shapes do not fit, or a number is not finite.
    QueryError
        When nothing is relevant to a question, or there is no question.

    Examples
    --------
    >>> gallery = np.eye(3)
    >>> evaluate_vectors(gallery, gallery, relevant=np.eye(3, dtype=bool)).mean_average_precision
    1.0
    """
    relevant = np.asarray(relevant, np.bool_)
    return evaluate_parts(_parts(questions, gallery, relevant), cutoffs=cutoffs)


def _parts(
    questions: NDArray[Any], gallery: NDArray[Any], relevant: NDArray[np.bool_]
) -> Iterator[tuple[Run, Relevances]]:
    ids = np.array([str(row) for row in range(len(gallery))], dtype=object)
    for start in range(0, len(questions), _PART):
        rows = slice(start, start + _PART)
        order = rank_gallery(questions[rows], gallery, relevant=relevant[rows])
        run = {str(start + at): ids[places].tolist() for at, places in enumerate(order)}
        yield run, {str(start + at): ids[each].tolist() for at, each in enumerate(relevant[rows])}
