"""How much there is of each colour: a histogram in soft bins, which can also be asked for by colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders.classical.classical_embedder import ClassicalEmbedder, need
from hybrid_search.embedders.classical.palette import read_palette
from hybrid_search.embedders.option_values import choice
from hybrid_search.embedders.registry import full_name
from hybrid_search.embedders.unit_vectors import unit_or_even

SIDE = 64
"""Pixels of a side; chosen, not measured."""
BITS = 4
"""Bits of each channel by which pixels are told apart: 4,096 colours."""


class Colours(ClassicalEmbedder):
    """Histogram of the colours of an image, in soft bins; the cosine of two is their Bhattacharyya coefficient.

    A pixel counts for all bins near it, by a Gaussian of half a bin's width, so that a colour that changes a little
    does not jump into another bin. A colour asked for is the histogram of a picture that has no other: its cosine with
    a picture is the root of the share that the colour has in it.

    Parameters
    ----------
    model : str
        The space of the bins: "lab", CIELAB as people see differences, bins 20 wide; or "hsv", the cone of hue,
        saturation and value, bins 0.21 wide.

    Raises
    ------
    BadEmbedderOption
        When there is no such space.
    EmbedderUnavailable
        When scikit-image is not installed.

    Examples
    --------
    >>> colours = Colours("lab")
    >>> red, _ = colours.embed_images([Image.new("RGB", (90, 60), "#c00"), Image.new("RGB", (90, 60), "#0c0")])
    >>> [round(float(cosine), 2) for cosine in colours.embed_colours(["#c00", "#b00", "navy"]) @ red]
    [1.0, 0.96, 0.0]
    """

    min_side = SIDE

    def __init__(self, model: str = "lab") -> None:
        self.name = full_name("colour", model=model)
        space = _SPACES[choice(self.name, "model", model, _SPACES)]
        self.dims = space.bins
        self.version = f"{model}-{space.width:g}-{BITS}bit-{SIDE}-1"
        self._model = model
        need("skimage", owner=self.name)

    def prepare(self, image: Image.Image) -> NDArray[np.float32]:
        """Return the root of the histogram, (dims,) float32 of unit length."""
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
        seen = np.bincount(_code(np.asarray(small)).ravel(), minlength=1 << 3 * BITS)
        return self._root(seen / SIDE**2)

    def embed_colours(self, palettes: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length, for colours such as "#c00", "navy" or "#c00:3,white:1".

        Raises
        ------
        QueryError
            When a colour or a share cannot be read.
        """
        rows = []
        for palette in palettes:
            shares = np.zeros(1 << 3 * BITS)
            for shade in read_palette(palette):
                shares[_code(np.array(shade.rgb, np.uint8))] += shade.share
            rows.append(self._root(shares))
        return np.stack(rows) if rows else np.zeros((0, self.dims), np.float32)

    def _root(self, shares: NDArray[np.float64]) -> NDArray[np.float32]:
        present = np.flatnonzero(shares)
        return unit_or_even(np.sqrt(shares[present] @ _weights(self._model)[present])[None]).ravel()


@dataclass(frozen=True)
class _Space:
    """Where colours lie, how wide the bins are, and how many of them hold any colour."""

    coordinates: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    width: float
    bins: int


def _lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    from skimage.color import rgb2lab

    return np.asarray(rgb2lab(rgb), np.float64)


def _cone(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    from skimage.color import rgb2hsv

    hue, saturation, value = np.asarray(rgb2hsv(rgb), np.float64).T
    # in the cone, not the cylinder, what is dark is near black whatever its hue, which noise decides there
    out, angle = saturation * value, 2 * np.pi * hue
    return np.stack([out * np.cos(angle), out * np.sin(angle), value], axis=1)


_SPACES = {"lab": _Space(_lab, 20.0, 207), "hsv": _Space(_cone, 0.21, 222)}


def _code(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the number of the colour of each pixel, (…, 3) → (…)."""
    top = pixels.astype(np.int64) >> (8 - BITS)
    return np.asarray(((top[..., 0] << BITS) | top[..., 1]) << BITS | top[..., 2])


@cache
def _weights(model: str) -> NDArray[Any]:
    """Return how much each of the 4,096 colours counts for each bin, (4096, bins), rows summing to 1."""
    space = _SPACES[model]
    levels = (np.arange(1 << BITS) + 0.5) / (1 << BITS)
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    places = space.coordinates(rgb) / space.width
    centres = np.unique(np.round(places), axis=0)
    squares = ((places[:, None] - centres[None]) ** 2).sum(axis=-1)
    weights = np.exp(-squares / (2 * 0.5**2))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
