"""A trained head: another embedder's vectors, mapped such that what belongs together lies closer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders import Embedder, Labeler, Preparer
from hybrid_search.embedders.registry import full_name, get_embedder
from hybrid_search.embedders.trained.trained_file import TrainedFile, load
from hybrid_search.embedders.trained.vector_map import Labeling, Preparing, VectorMapEmbedder
from hybrid_search.embedders.unit_vectors import unit_or_zero
from hybrid_search.errors import TextNotSupported, WeightsMissing

KIND = "head"
"""Of its files, see `hybrid_search.embedders.trained.trained_file`."""
_LAYER = ("inner", "inner_bias", "outer")


class Head(VectorMapEmbedder):
    """Vectors of another embedder through a trained map, on numpy alone.

    Parameters
    ----------
    file : TrainedFile
        What `train_head` made.
    base : Embedder
        The embedder on whose vectors it was trained.

    Raises
    ------
    WeightsMissing
        When the file does not hold a head, or was trained on vectors of another embedder.
    """

    embeds_text = False

    def __init__(self, file: TrainedFile, base: Embedder) -> None:
        file.check("base", base)
        _check(file, base.dims)
        super().__init__(base)
        self._file = file
        self.name = full_name(KIND, model=file.path)
        self.dims = int(file.arrays["projection"].shape[1])
        self.version = f"head-{file.sha256[:16]}"

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Raise TextNotSupported: the map was learned from pictures, and would not fit the vectors of words."""
        raise TextNotSupported(self.name)

    def map(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length, for (n, dims of the base) vectors of the base."""
        return map_vectors(vectors, self._file.arrays)


class LabelingHead(Labeling, Head):
    """A head on an embedder that names what it sees."""


class PreparingHead(Preparing, Head):
    """A head on an embedder whose pixels are made ready by the threads that decode."""


def open_head(*, model: str) -> Head:
    """Return the head in a file, over its base embedder, with the abilities of that.

    Parameters
    ----------
    model : str
        Path of the file.

    Raises
    ------
    WeightsMissing
        When the file is absent, damaged, or no head, or its base has changed since.
    UnknownEmbedder, EmbedderUnavailable
        When its base cannot be had.
    """
    file = load(model, kind=KIND)
    base = get_embedder(file.embedder("base"))
    kind = PreparingHead if isinstance(base, Preparer) else LabelingHead if isinstance(base, Labeler) else Head
    return kind(file, base)


def map_vectors(vectors: NDArray[Any], arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Return vectors through a head's weights, rows of unit length.

    Parameters
    ----------
    vectors : (n, d) ndarray
    arrays : mapping of str to ndarray
        `projection` (d, dims), and where it has a hidden layer `inner` (d, h), `inner_bias` (h,), `outer` (h, dims):
        x·projection + max(0, x·inner + inner_bias)·outer, then divided by its length.

    Examples
    --------
    >>> map_vectors(np.array([[3.0, 4.0]]), {"projection": np.eye(2)}).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """
    mapped = vectors @ arrays["projection"]
    if "inner" in arrays:
        mapped = mapped + np.maximum(vectors @ arrays["inner"] + arrays["inner_bias"], 0) @ arrays["outer"]
    return unit_or_zero(mapped)


def _check(file: TrainedFile, dims: int) -> None:
    arrays = file.arrays
    projection = arrays.get("projection")
    fits = projection is not None and projection.ndim == 2 and projection.shape[0] == dims
    if fits and projection is not None and any(name in arrays for name in _LAYER):
        fits = all(name in arrays for name in _LAYER) and (
            arrays["inner"].shape == (dims, *arrays["inner_bias"].shape)
            and arrays["outer"].shape == (*arrays["inner_bias"].shape, projection.shape[1])
        )
    if not fits or not all(np.isfinite(array).all() for array in arrays.values()):
        raise WeightsMissing(file.path, "its arrays are not those of a head, or not finite; train it again")
