"""What pictures are ranked by besides words: nearness to a vector, and near-identity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SignatureLeg", "VectorLeg"]


@dataclass(frozen=True, eq=False)
class VectorLeg:
    """A search for the nearest vectors of one field.

    Parameters
    ----------
    field : str
        Dotted name of a dense_vector field, such as "embedding.lite".
    vector : (dims,) float32 ndarray
        The query vector; `make_query` brings it to unit length.
    name : str
        The leg's name in weights and hits; "vector" unless a search has several.
    min_cosine : float, optional
        Vectors with a smaller cosine, in [-1, 1], are no hits.
    oversample : float, optional
        For fields with rounded vectors: how many times k candidates are scored again with exact ones.
    words : bool
        The vector is that of the words that are asked, among those of pictures.
    """

    field: str
    vector: NDArray[np.float32]
    name: str = "vector"
    min_cosine: float | None = None
    oversample: float | None = None
    words: bool = False


@dataclass(frozen=True, eq=False)
class SignatureLeg:
    """A search for near-duplicates by signature.

    Parameters
    ----------
    signature : (648,) int8 ndarray
        The query image's signature, values −2 to 2. That of a flat image is all zero, and has no duplicates.
    max_distance : float
        Images at a larger normalised distance, in (0, 1), are no hits.
    """

    signature: NDArray[np.int8]
    max_distance: float = 0.45

    @property
    def length(self) -> float:
        """Euclidean length of the signature."""
        return float(np.linalg.norm(self.signature.astype(np.float64)))
