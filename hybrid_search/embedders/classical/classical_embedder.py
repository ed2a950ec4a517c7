"""What embedders without a network share: all of their work is done where a picture is decoded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders import Labels
from hybrid_search.errors import EmbedderUnavailable, TextNotSupported

INSTALL = "pip install 'hybrid-search[classical]'"


class ClassicalEmbedder(ABC):
    """An embedder of single pictures, without labels: `prepare` gives the vector, a batch is stacked."""

    name: str
    dims: int
    version: str
    embeds_text = False
    min_side: int

    @abstractmethod
    def prepare(self, image: Image.Image) -> NDArray[np.float32]:
        """Return the vector of one upright image, (dims,) float32 of unit length; any thread may do it."""

    def describe_prepared(self, prepared: Sequence[NDArray[Any]]) -> tuple[NDArray[np.float32], list[Labels]]:
        """Return (n, dims) float32, rows of unit length, and no labels."""
        rows = np.stack(prepared) if len(prepared) else np.zeros((0, self.dims), np.float32)
        return rows, [()] * len(rows)

    def describe_images(self, images: Sequence[Image.Image]) -> tuple[NDArray[np.float32], list[Labels]]:
        """Return the embeddings, and no labels."""
        return self.describe_prepared([self.prepare(image) for image in images])

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length."""
        return self.describe_images(images)[0]

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Raise TextNotSupported: there are no words in it."""
        raise TextNotSupported(self.name)


def need(package: str, *, owner: str) -> None:
    """Raise EmbedderUnavailable, with the remedy, when a package is not installed; it is not imported yet."""
    if find_spec(package) is None:
        raise EmbedderUnavailable(owner, f"{INSTALL} ({package} is not installed)")
