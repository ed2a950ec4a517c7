"""What turns pixels (or text) into vectors: the protocol, and the registry that finds an embedder by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["Classifier", "ColourQuery", "Embedder", "Label", "Labeler", "Labels", "Preparer", "TextEmbedder"]


@runtime_checkable
class Embedder(Protocol):
    """Maps images, and perhaps texts, to unit vectors."""

    name: str
    """The registry name with its options, such as "lite"."""
    dims: int
    """Length of every vector."""
    version: str
    """Changes whenever the same picture would get another vector (weights, preprocessing)."""
    embeds_text: bool
    """Whether `embed_texts` works: images and texts share one space."""
    min_side: int
    """Pixels of the shorter side that are enough: larger images may be decoded at reduced size."""

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length, for n upright RGB images."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length; raises TextNotSupported when `embeds_text` is false."""


@runtime_checkable
class TextEmbedder(Protocol):
    """Maps texts to unit vectors: the text side of a joint space, or a text tower alone."""

    name: str
    """The registry name with its options, such as "minilm"."""
    dims: int
    """Length of every vector."""
    version: str
    """Changes whenever the same text would get another vector."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length; a text without a known word has a row of zeros."""


@runtime_checkable
class Classifier(Protocol):
    """An embedder whose vectors feed a classifier: each class weighs their components in its own way."""

    classes: tuple[str, ...]
    """Names of the classes that `class_rows` knows, in lower case; a category stands for all classes in it."""

    def class_rows(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, dims) float32: how much each component speaks for a class; raises UnknownClass."""


@runtime_checkable
class ColourQuery(Protocol):
    """An embedder that can be asked for colours."""

    def embed_colours(self, palettes: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length, for palettes such as "#c00" or "#c00:3,white:1"."""


@dataclass(frozen=True)
class Label:
    """What the embedder sees in an image, with its probability in [0, 1].

    `hypernyms` are the other words by which it is to be found: its synonyms, then its WordNet hypernyms, nearest first.
    """

    name: str
    score: float
    hypernyms: tuple[str, ...] = ()


Labels = tuple[Label, ...]


@runtime_checkable
class Labeler(Embedder, Protocol):
    """An embedder that names what it sees in the same pass."""

    def describe_images(self, images: Sequence[Image.Image]) -> tuple[NDArray[np.float32], list[Labels]]:
        """Return what `embed_images` returns, and for each image its labels, most probable first."""


@runtime_checkable
class Preparer(Labeler, Protocol):
    """A labeler whose work divides in two: pixels made ready, which any thread may do, and the network.

    What needs no network prepares the vector itself.

    Whoever decodes pictures in threads calls `prepare` there and keeps its small result in place of the picture;
    `describe_prepared` of a batch of such results gives what `describe_images` of their pictures gives.
    """

    def prepare(self, image: Image.Image) -> NDArray[Any]:
        """Return what the network takes of one upright RGB image, of the same shape and dtype for all."""

    def describe_prepared(self, prepared: Sequence[NDArray[Any]]) -> tuple[NDArray[np.float32], list[Labels]]:
        """Return the embeddings and the labels of images that went through `prepare`."""
