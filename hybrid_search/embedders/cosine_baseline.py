"""The cosine of texts that have nothing to do with each other, which every text tower puts elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hybrid_search.embedders import TextEmbedder

_TEXTS = (
    "A dog sleeps in front of the fireplace.",
    "Invoice number 4711, due at the end of March.",
    "Fresh bread on a wooden table",
    "night sky, stars, telescope",
    "A cyclist climbs a mountain pass in the rain.",
    "Children play football in the school yard",
    "The engine of an old locomotive",
    "two elephants at a water hole",
    "A man plays the piano on a stage",
    "sailing boats in the harbour",
)
_FEWEST = 6
"""Of the ten texts; chosen, not measured."""
_MOSTLY_COMMON = 0.5
"""Mean cosine above which texts share more than they have apart: by half, the common part is the larger one."""
_LEAST_OWN = 1e-3
"""Length below which what a text has apart is no direction; chosen."""


@dataclass(frozen=True, eq=False)
class Relation:
    """How a tower's texts lie that have nothing to do with each other.

    Parameters
    ----------
    cosine : float
        Above which two texts have something to do with each other, as a rule.
    common : (dims,) ndarray or None
        The direction that all texts share, of unit length, where they share more than they have apart.
    amount : float
        The mean cosine of a text with that direction.
    apart : float
        As `cosine`, of what is left of texts without that direction.
    """

    cosine: float
    common: NDArray[np.float64] | None = None
    amount: float = 0.0
    apart: float = 0.0


_known: dict[tuple[str, str], Relation | None] = {}


def unrelated_cosine(tower: TextEmbedder) -> float | None:
    """Return the cosine above which two texts have something to do with each other, as a rule.

    It is the mean over ten texts on different things, and two standard deviations more; embedded once per process.

    Parameters
    ----------
    tower : TextEmbedder
        Of which the texts get their vectors.

    Returns
    -------
    float or None
        Below 1; None where the tower knows the words of fewer than six of the texts.
    """
    relation = _relation(tower)
    return None if relation is None else relation.cosine


def cosine_range(tower: TextEmbedder, vector: NDArray[Any]) -> tuple[float, float] | None:
    """Return between which cosines a text has something to do with what is asked: from unrelated to the same.

    Means of word vectors are all alike, through the words that are in every text: of GloVe, captions of different
    things have a cosine of 0.8, and a single word is nearer to none of them than 0.8. There what all texts share is
    taken out of both sides, as of sentences in S. Arora et al., "A simple but tough-to-beat baseline for sentence
    embeddings", ICLR 2017; of the text, which is not known yet, as much as texts have of it in the mean.

    Parameters
    ----------
    tower : TextEmbedder
    vector : (dims,) array
        What is asked, of any length but 0.

    Returns
    -------
    tuple of float, or None
        None where `unrelated_cosine` has none.
    """
    relation = _relation(tower)
    if relation is None:
        return None
    if relation.common is None:
        return relation.cosine, 1.0
    asked = np.asarray(vector, np.float64)
    shared = float(asked @ relation.common / np.linalg.norm(asked))
    own = math.sqrt(max(0.0, 1 - shared**2) * (1 - relation.amount**2))
    if own < _LEAST_OWN:
        return relation.cosine, 1.0
    middle = shared * relation.amount
    return middle + relation.apart * own, middle + own


def _relation(tower: TextEmbedder) -> Relation | None:
    key = (tower.name, tower.version)
    if key not in _known:
        _known[key] = _measured(tower)
    return _known[key]


def _measured(tower: TextEmbedder) -> Relation | None:
    from hybrid_search.embedders.word_vectors import words_untold

    with words_untold():
        vectors = np.asarray(tower.embed_texts(list(_TEXTS)), np.float64)
    vectors = vectors[np.linalg.norm(vectors, axis=1) > 0]
    if len(vectors) < _FEWEST:
        return None
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = np.triu_indices(len(vectors), 1)
    cosines = (vectors @ vectors.T)[pairs]
    found = float(cosines.mean() + 2 * cosines.std())
    if not math.isfinite(found) or found >= 1:
        return None
    if cosines.mean() <= _MOSTLY_COMMON:
        return Relation(found)
    common = vectors.mean(axis=0)
    common /= np.linalg.norm(common)
    amounts = vectors @ common
    rest = vectors - amounts[:, None] * common
    rest /= np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), _LEAST_OWN)
    apart = (rest @ rest.T)[pairs]
    least = float(apart.mean() + 2 * apart.std())
    return Relation(found, common, float(amounts.mean()), least) if least < 1 else Relation(found)
