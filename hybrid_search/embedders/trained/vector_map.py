"""Embedders whose vectors are those of another one, mapped, with the abilities of that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders import Embedder, Labeler, Labels, Preparer


class VectorMapEmbedder(ABC):
    """Vectors of another embedder through a map.

    Parameters
    ----------
    base : Embedder
        Whose vectors are mapped.
    """

    def __init__(self, base: Embedder) -> None:
        self.base = base
        self.min_side = base.min_side

    @abstractmethod
    def map(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length, for (n, dims of the base) vectors of the base."""

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length."""
        return self.map(self.base.embed_images(images))


class Labeling(VectorMapEmbedder):
    """A map over an embedder that names what it sees; the names stay those of the base."""

    base: Labeler

    def describe_images(self, images: Sequence[Image.Image]) -> tuple[NDArray[np.float32], list[Labels]]:
        """Return what `embed_images` returns, and the base's labels of each image."""
        vectors, labels = self.base.describe_images(images)
        return self.map(vectors), labels


class Preparing(Labeling):
    """A map over an embedder whose pixels are made ready by the threads that decode."""

    base: Preparer

    def prepare(self, image: Image.Image) -> NDArray[Any]:
        """Return what the base takes of one upright RGB image."""
        return self.base.prepare(image)

    def describe_prepared(self, prepared: Sequence[NDArray[Any]]) -> tuple[NDArray[np.float32], list[Labels]]:
        """Return what `describe_images` returns, for images that went through `prepare`."""
        vectors, labels = self.base.describe_prepared(prepared)
        return self.map(vectors), labels
