"""What embedders have in common whose network takes batches of small squares of pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders import Labels
from hybrid_search.embedders.imagenet_labels import top_labels
from hybrid_search.embedders.unit_vectors import unit_or_even
from hybrid_search.errors import TextNotSupported

Outputs = tuple[NDArray[np.float32], NDArray[np.float32] | None]
"""Features (n, dims), and (n, 1000) probabilities of ImageNet's classes where the network knows them."""


class PixelNetwork(ABC):
    """A network in two halves, `prepare` for the threads that decode and `_infer` for batches.

    Parameters
    ----------
    name, dims, version, side
        As `Embedder` has them; `side` is the pixels of a side of the square.
    threshold : float
        Least probability of a label, in [0, 1].
    labels : int
        Labels per image at most; 0 for none.
    batch_size : int
        Images that the network takes at once.
    """

    embeds_text = False

    def __init__(
        self, *, name: str, dims: int, version: str, side: int, threshold: float, labels: int, batch_size: int
    ) -> None:
        self.name = name
        self.dims = dims
        self.version = version
        self.min_side = side
        self._threshold = threshold
        self._count = labels
        self._batch_size = batch_size

    @abstractmethod
    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return the pixels that the network takes, (side, side, 3) uint8; any thread may do it."""

    @abstractmethod
    def _infer(self, pixels: NDArray[np.uint8]) -> Outputs:
        """Return what the network says of (n, side, side, 3) uint8, n ≥ 1; several threads may ask at once."""

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length."""
        return self._run([self.prepare(image) for image in images])[0]

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Raise TextNotSupported: the network has no text side; words reach pictures through their labels."""
        raise TextNotSupported(self.name)

    def describe_images(self, images: Sequence[Image.Image]) -> tuple[NDArray[np.float32], list[Labels]]:
        """Return the embeddings, and for each image its labels, most probable first; none if it knows no classes."""
        return self.describe_prepared([self.prepare(image) for image in images])

    def describe_prepared(self, prepared: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.float32], list[Labels]]:
        """Return what `describe_images` returns, for images that went through `prepare`."""
        vectors, probabilities = self._run(prepared)
        if not self._count or len(probabilities) < len(vectors):
            return vectors, [()] * len(vectors)
        return vectors, [top_labels(row, threshold=self._threshold, count=self._count) for row in probabilities]

    def _run(self, prepared: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        vectors = np.zeros((len(prepared), self.dims), np.float32)
        known: list[NDArray[np.float32]] = []
        for start in range(0, len(prepared), self._batch_size):
            rows = slice(start, start + self._batch_size)
            vectors[rows], probabilities = self._infer(np.stack(prepared[rows]))
            known.extend(() if probabilities is None else probabilities)
        return unit_or_even(vectors), known
