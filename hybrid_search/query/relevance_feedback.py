"""Relevance feedback: a query vector moved towards pictures that were liked, away from those that were not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid_search.query.query import unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALPHA, BETA, GAMMA = 1.0, 0.75, 0.15
"""Weights of the query, of what was liked and of what was not: C. D. Manning, P. Raghavan and H. Schütze,
"Introduction to Information Retrieval" (2008), § 9.1.1."""


def rocchio(
    query: NDArray[Any] | None,
    *,
    liked: Sequence[NDArray[Any]] = (),
    unliked: Sequence[NDArray[Any]] = (),
    alpha: float = ALPHA,
    beta: float = BETA,
    gamma: float = GAMMA,
) -> NDArray[np.float64] | None:
    """Return α · query + β · mean of the liked − γ · mean of the unliked, all at unit length before.

    Without a query, α counts for nothing, and one liked vector alone stays what it is. Where nothing is asked for
    and nothing liked, there is no direction to go: the farthest from what was not liked is only what is least like
    anything (J. J. Rocchio, "Relevance feedback in information retrieval", 1971).

    Parameters
    ----------
    query : (dims,) ndarray or None
        What else was asked.
    liked, unliked : sequence of (dims,) ndarray
        Vectors of documents.

    Returns
    -------
    (dims,) float64 ndarray or None
        Not of unit length; None where there is neither query nor liked.

    Examples
    --------
    >>> right, up = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    >>> rocchio(right, liked=[up], unliked=[-up]).tolist()
    [1.0, 0.9]
    """
    if query is None and not liked:
        return None
    parts = [(alpha, [query] if query is not None else []), (beta, liked), (-gamma, unliked)]
    means = [
        weight * np.mean([unit(vector) for vector in vectors], axis=0) for weight, vectors in parts if len(vectors)
    ]
    return np.asarray(np.sum(means, axis=0))
