"""Pictures through the embedders: what any thread may do of it, and what a batch goes through together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.document.picture import working_image
from hybrid_search.embedders import Embedder, Labeler, Labels, Preparer
from hybrid_search.signature.goldberg import SIGNATURE_MIN_SIDE

Pixels = Image.Image | NDArray[np.uint8]
"""A picture as it waits for its embedding: as it is, or already as the network takes it."""
Ready = Mapping[str, Pixels]
"""A picture as each embedder takes it, by the leaf of its field under `embedding`."""
Vectors = dict[str, NDArray[np.float32]]
"""Unit vectors, (dims,) float32, by the leaf of their field under `embedding`."""


class PictureEmbedding:
    """Turns pictures into vectors and labels; as `CaptionEmbedding` does with the words about them.

    Parameters
    ----------
    embedders : mapping of str to Embedder
        By the leaf of their fields under `embedding`, as `EmbedderSet.for_images` gives them: at least one; the first
        that names anything in a picture gives its labels.
    """

    def __init__(self, embedders: Mapping[str, Embedder]) -> None:
        self._embedders = embedders

    def load(self) -> None:
        """Load the embedders: one that cannot be had ends a run before it begins."""
        for key in self._embedders:
            self._embedders[key]

    @property
    def min_side(self) -> int:
        """Pixels of the shorter side that are enough for all: a picture is decoded once."""
        return max(embedder.min_side for embedder in self._embedders.values())

    def ready(self, image: Image.Image) -> Ready:
        """Do what can be done outside the networks; called by the threads that decode."""
        return {key: ready(embedder, _fitting(image, embedder)) for key, embedder in self._embedders.items()}

    def embed(self, batch: Sequence[Ready]) -> list[tuple[Vectors, Labels]]:
        """Return the vectors and the labels of each picture that `ready` gave."""
        vectors: list[Vectors] = [{} for _ in batch]
        labels: list[Labels] = [() for _ in batch]
        for key, embedder in self._embedders.items():
            for place, (vector, seen) in enumerate(embed(embedder, [pixels[key] for pixels in batch])):
                vectors[place][key] = vector
                labels[place] = labels[place] or seen
        return list(zip(vectors, labels, strict=True))


def ready(embedder: Embedder, image: Image.Image) -> Pixels:
    """Do what can be done of the embedding outside the network; called by the threads that decode."""
    return embedder.prepare(image) if _prepares(embedder) else image


def embed(embedder: Embedder, batch: Sequence[Pixels]) -> list[tuple[NDArray[np.float32], Labels]]:
    """Return the unit vector, (dims,) float32, and the labels of each picture that `ready` gave."""
    if _prepares(embedder):
        vectors, labels = embedder.describe_prepared(cast("Sequence[NDArray[np.uint8]]", batch))
    elif isinstance(embedder, Labeler):
        vectors, labels = embedder.describe_images(cast("Sequence[Image.Image]", batch))
    else:
        vectors = embedder.embed_images(cast("Sequence[Image.Image]", batch))
        labels = [()] * len(batch)
    return list(zip(vectors, labels, strict=True))


def _prepares(embedder: Embedder) -> TypeGuard[Preparer]:
    """Tell whether an embedder is a Preparer; isinstance looks at every member, which takes 50 µs for each picture."""
    return hasattr(embedder, "prepare") and hasattr(embedder, "describe_prepared")


def _fitting(image: Image.Image, embedder: Embedder) -> Image.Image:
    """Return the picture at the size at which this embedder alone would have had it decoded."""
    return working_image(image, min_side=max(embedder.min_side, SIGNATURE_MIN_SIDE))
