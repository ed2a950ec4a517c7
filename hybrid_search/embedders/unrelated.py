"""The cosine of texts that have nothing to do with each other, which every text tower puts elsewhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hybrid_search.embedders import TextEmbedder

__all__ = ["unrelated_cosine"]

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
_known: dict[tuple[str, str], float | None] = {}


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
    key = (tower.name, tower.version)
    if key not in _known:
        _known[key] = _measured(tower)
    return _known[key]


def _measured(tower: TextEmbedder) -> float | None:
    from hybrid_search.embedders.words import words_untold

    with words_untold():
        vectors = np.asarray(tower.embed_texts(list(_TEXTS)), np.float64)
    vectors = vectors[np.linalg.norm(vectors, axis=1) > 0]
    if len(vectors) < _FEWEST:
        return None
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    found = float(cosines.mean() + 2 * cosines.std())
    return found if math.isfinite(found) and found < 1 else None
