"""Pictures through the embedder: what any thread may do of it, and what a batch goes through together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders import Embedder, Labeler, Labels, Preparer

__all__ = ["Pixels", "embed", "ready"]

Pixels = Image.Image | NDArray[np.uint8]
"""A picture as it waits for its embedding: as it is, or already as the network takes it."""


def ready(embedder: Embedder, image: Image.Image) -> Pixels:
    """Do what can be done of the embedding outside the network; called by the threads that decode."""
    return embedder.prepare(image) if isinstance(embedder, Preparer) else image


def embed(embedder: Embedder, batch: Sequence[Pixels]) -> list[tuple[NDArray[np.float32], Labels]]:
    """Return the unit vector, (dims,) float32, and the labels of each picture that `ready` gave."""
    if isinstance(embedder, Preparer):
        vectors, labels = embedder.describe_prepared(cast("Sequence[NDArray[np.uint8]]", batch))
    elif isinstance(embedder, Labeler):
        vectors, labels = embedder.describe_images(cast("Sequence[Image.Image]", batch))
    else:
        vectors = embedder.embed_images(cast("Sequence[Image.Image]", batch))
        labels = [()] * len(batch)
    return list(zip(vectors, labels, strict=True))
