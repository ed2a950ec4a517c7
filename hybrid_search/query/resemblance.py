"""From which cosine on a picture resembles words, by how near pictures of the index are to words that are in none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid_search.embedders.cosine_baseline import cosine_range
from hybrid_search.embedders.reference_texts import ReferenceTexts, reference_texts
from hybrid_search.query.legs import Resemblance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hybrid_search.backends import Backend
    from hybrid_search.document.definition import EmbeddingSpec

_SAMPLE = 256
_LEAST_COUNT = 100
"""As few pictures as a threshold is made for: of five, the nearest to nonsense would be nearly the mean."""
_NOT_SEEN = 1.5
_CAPTION_STEPS = 6
"""Of a caption's way from unrelated to the same, a sixth has as much evidence as the least of a picture's."""


@dataclass(frozen=True)
class _Chance:
    """Cosines of the pictures of an index with texts that name nothing to be seen."""

    mean: float
    spread: float
    documents: int


class CosineReader:
    """What cosines mean in one index; it is looked at once for each embedding, and again after `forget`.

    Parameters
    ----------
    backend : Backend
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._chances: dict[str, _Chance | None] = {}
        self._documents: int | None = None
        self._grouped: bool | None = None

    def forget(self) -> None:
        """Look again: the index has changed."""
        self._chances.clear()
        self._documents = self._grouped = None

    @property
    def documents(self) -> int:
        """How many documents there are."""
        if self._documents is None:
            self._documents = self._backend.count()
        return self._documents

    @property
    def grouped(self) -> bool:
        """Whether some documents are known to be copies, so that it is worth to read of each which."""
        if self._grouped is None:
            self._grouped = bool(self._backend.count({"exists": {"field": "duplicate.group"}}))
        return self._grouped

    def resemblance(self, key: str, *, spec: EmbeddingSpec, tower: Any, vector: NDArray[Any]) -> Resemblance | None:
        """Return how cosines with the vector of words are read, None where that cannot be known.

        Unrelated words are as near to pictures as a normal distribution says, so that the nearest of N is about
        √(2 ln N) deviations above the mean: what is nearer than that, resembles. Names, numbers and nonsense have to
        be nearer by a half, since something is always nearest to them.

        Parameters
        ----------
        key : str
            Of the embedding.
        spec : EmbeddingSpec
        tower : TextEmbedder
            What made the vector.
        vector : (dims,) array
            Of the words, of any length but 0.
        """
        if spec.of == "caption":
            between = cosine_range(tower, vector)
            if between is None:
                return None
            return Resemblance(between[0], (between[1] - between[0]) / _CAPTION_STEPS)
        texts = reference_texts(tower)
        if texts is None:
            return None
        chance = self._chance(key, texts)
        if chance is None:
            return None
        deviations = math.sqrt(2 * math.log(max(chance.documents, _LEAST_COUNT)))
        factor = _NOT_SEEN if texts.names_nothing_seen(vector) else 1.0
        return Resemblance(chance.mean, chance.spread * deviations, least=factor)

    def _chance(self, key: str, texts: ReferenceTexts) -> _Chance | None:
        if key not in self._chances:
            rows = np.array(list(self._sample(key)), np.float64)
            self._chances[key] = _measured(rows, texts, self.documents)
        return self._chances[key]

    def _sample(self, key: str) -> Iterator[NDArray[Any]]:
        """Yield vectors of pictures that are chosen by their hashes: the same on every backend."""
        among: dict[str, Any] = {"exists": {"field": f"embedding.{key}"}}
        if self.documents > 2 * _SAMPLE:
            below = f"{round(2**32 * _SAMPLE / self.documents):08x}"
            among = {"bool": {"filter": [among, {"range": {"sha256": {"lt": below}}}]}}
        for _, source in self._backend.scan(among, fields=(f"embedding.{key}",), vectors=True):
            vector = source.get("embedding", {}).get(key)
            if vector is not None:
                yield np.asarray(vector)


def _measured(rows: NDArray[np.float64], texts: ReferenceTexts, documents: int) -> _Chance | None:
    if not len(rows):
        return None
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = (rows / np.maximum(lengths, 1e-9)) @ texts.not_seen.T
    spread = float(cosines.std())
    return _Chance(float(cosines.mean()), spread, documents) if spread > 0 else None
