"""Texts by which a tower's cosines are read: some that name nothing to be seen, and some that do."""

from __future__ import annotations

import hashlib
import io
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders.atomic_files import write_whole
from hybrid_search.embedders.graph_cache import cache_folder

if TYPE_CHECKING:
    from hybrid_search.embedders import TextEmbedder

_NOT_SEEN = (
    *("qwertz uiop", "xyzzy", "zxcvbnm", "foo bar", "lorem ipsum", "untitled", "thank you", "Monday", "account number"),
    *("DSC00042.JPG", "IMG_4711", "2017", "March 2015", "invoice 4711", "Nikon D90", "Samsung Galaxy", "Hamburg"),
    *("Chicago", "Katharina Weber", "Peter Meier", "John Miller", "Maria", "Thomas", "Dr. Brown"),
)
_SEEN = (
    *("dog", "a red car", "woman with a hat", "a lake", "city street at night", "food on a plate", "wedding", "bird"),
    *("flowers in a garden", "sunset over the sea", "football match", "an old house", "snow", "people dancing", "tree"),
    *("a cat on a sofa", "forest", "bridge over a river", "portrait of a man", "children at school", "train station"),
    *("a family at the table", "concert", "airplane"),
)
_FEWEST = 12
_NEAREST = 5
_CLEARLY = 0.3
"""How far towards what is not seen a text must lie, where texts of that kind lie at 1 in the mean, the others at −1.

By `minilm`, of 24 typed queries for what pictures show and 23 words for things none lies further; of 36 names, years,
cameras and nonsense 32 do.
"""


@dataclass(frozen=True, eq=False)
class ReferenceTexts:
    """Vectors of texts that name nothing to be seen, and of texts that do.

    Parameters
    ----------
    not_seen, seen : (n, dims) float64 ndarray
        Of unit length.
    """

    not_seen: NDArray[np.float64]
    seen: NDArray[np.float64]

    def names_nothing_seen(self, vector: NDArray[Any]) -> bool:
        """Tell whether a text lies nearer to names, numbers and nonsense than to what pictures show.

        Parameters
        ----------
        vector : (dims,) array
            Of the text, of any length but 0.
        """
        unit = np.asarray(vector, np.float64) / np.linalg.norm(vector)
        lean = _nearness(self.not_seen @ unit) - _nearness(self.seen @ unit)
        half = (self._own_lean(self.not_seen, self.seen) + self._own_lean(self.seen, self.not_seen)) / 2
        return half > 0 and lean > _CLEARLY * half

    @staticmethod
    def _own_lean(mine: NDArray[np.float64], other: NDArray[np.float64]) -> float:
        """Return by how much texts are nearer to the others of their kind than to the other kind, in the mean."""
        own = mine @ mine.T
        np.fill_diagonal(own, -np.inf)
        return float(np.mean([_nearness(row) for row in own]) - np.mean([_nearness(row) for row in mine @ other.T]))


_known: dict[tuple[str, str], ReferenceTexts | None] = {}


def reference_texts(tower: TextEmbedder) -> ReferenceTexts | None:
    """Return the reference texts as a tower embeds them; None where it knows fewer than half of either kind.

    They are embedded once, and kept in the user's cache.
    """
    key = (tower.name, tower.version)
    if key not in _known:
        _known[key] = _read(tower)
    return _known[key]


def _read(tower: TextEmbedder) -> ReferenceTexts | None:
    rows = _cached(tower)
    parts = []
    for part in (rows[: len(_NOT_SEEN)], rows[len(_NOT_SEEN) :]):
        lengths = np.linalg.norm(part, axis=1, keepdims=True)
        known = lengths[:, 0] > 0
        parts.append(part[known] / lengths[known])
    return None if min(map(len, parts)) < _FEWEST else ReferenceTexts(*parts)


def _cached(tower: TextEmbedder) -> NDArray[np.float64]:
    from hybrid_search.embedders.word_vectors import words_untold

    with words_untold():
        # two embedders may have one name; that they embed a text alike tells them for one
        probe = np.asarray(tower.embed_texts([_SEEN[1]]), np.float32)
        if not probe.any():
            return np.zeros((len(_NOT_SEEN) + len(_SEEN), probe.shape[1]))
        path = _path(tower, probe)
        with suppress(OSError, ValueError, KeyError):
            return np.asarray(np.load(path, allow_pickle=False)["rows"], np.float64)
        rows = np.asarray(tower.embed_texts([*_NOT_SEEN, *_SEEN]), np.float32)
    content = io.BytesIO()
    np.savez(content, rows=rows)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content.getvalue())
    return np.asarray(rows, np.float64)


def _path(tower: TextEmbedder, probe: NDArray[np.float32]) -> Path:
    told = repr((tower.name, tower.version, _NOT_SEEN, _SEEN)).encode() + np.round(probe, 3).tobytes()
    return cache_folder() / f"texts-{hashlib.sha256(told).hexdigest()[:16]}.npz"


def _nearness(cosines: NDArray[np.float64]) -> float:
    """Return the mean of the largest cosines: a text is like its kind when it is like some of it."""
    return float(np.sort(cosines)[-_NEAREST:].mean())
