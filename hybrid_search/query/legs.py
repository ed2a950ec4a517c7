"""What pictures are ranked by besides words: nearness to a vector, and near-identity."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hybrid_search.document.definition import EmbeddingSpec

_FOLDERS = re.compile(r"(?<=[:=+])(?:[A-Za-z]:)?[/\\](?:[^/\\?&+]*[/\\])*")


_MOST = 0.8
_HALF = 2.5
"""How many times the least cosine, above the mean, has half of the most evidence; see docs/benchmarks.md."""
_STRONG = 2.0
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Sort:
    """One field to order hits by, instead of by score."""

    field: str
    order: Literal["asc", "desc"]


@dataclass(frozen=True)
class Resemblance:
    """How a cosine with words is read as evidence.

    Parameters
    ----------
    unrelated : float
        The cosine of what has nothing to do with the words, in the mean.
    step : float
        So much above it is the nearest of all that has nothing to do with them.
    least : float
        In steps, from where on something resembles the words.
    """

    unrelated: float
    step: float
    least: float = 1.0

    def least_cosine(self, *, strong: bool = False) -> float:
        """Return the cosine from which on something resembles the words, or does so beside others that hold them."""
        steps = max(self.least, _STRONG) if strong else self.least
        return min(1.0, self.unrelated + steps * self.step)

    def evidence(self, cosine: float) -> float:
        """Return the evidence of a cosine, in [0, 0.8]; none below the least.

        Examples
        --------
        >>> [round(Resemblance(0.0, 0.12).evidence(cosine), 2) for cosine in (0.11, 0.12, 0.3, 0.6)]
        [0.0, 0.11, 0.4, 0.64]
        """
        if cosine < self.least_cosine() - _ROUNDING:
            return 0.0
        steps = (cosine - self.unrelated) / self.step
        return _MOST * steps**2 / (steps**2 + _HALF**2)


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
        The vector is that of the words that are asked.
    of : {"image", "caption"}
        What it is compared with: pictures, or what is written about them.
    unrelated : float, optional
        The cosine of texts that have nothing to do with what is asked; a hit gets the more of the leg's weight, the
        further it is above.
    related : float
        The cosine of texts that say the same, above that; a hit there has the whole weight.
    resemblance : Resemblance, optional
        Of words alone: how a cosine is read as evidence.
    nearest : bool
        The nearest are what is asked for, since a picture, a sum or a vector is part of it.
    """

    field: str
    vector: NDArray[np.float32]
    name: str = "vector"
    min_cosine: float | None = None
    oversample: float | None = None
    words: bool = False
    of: Literal["image", "caption"] = "image"
    unrelated: float | None = None
    related: float = 1.0
    resemblance: Resemblance | None = None
    nearest: bool = False


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


def leg_names(specs: Mapping[str, EmbeddingSpec]) -> dict[str, str]:
    """Return what the leg of each embedding is called: "vector:" and its embedder's name, without folders of files.

    Examples
    --------
    >>> joint = EmbeddingSpec("joint:/home/ann/words.npz", "1", 384, embeds_text=True)
    >>> words = EmbeddingSpec("caption:minilm", "1", 384, embeds_text=True, of="caption")
    >>> leg_names({"joint_home_ann_words_npz_1f0c": joint, "caption_minilm_a3b6": words})
    {'joint_home_ann_words_npz_1f0c': 'vector:joint:words.npz', 'caption_minilm_a3b6': 'vector:caption:minilm'}
    """
    short = {key: _FOLDERS.sub("", spec.name) for key, spec in specs.items()}
    often = Counter(short.values())
    return {key: f"vector:{name if often[name] == 1 else specs[key].name}" for key, name in short.items()}
