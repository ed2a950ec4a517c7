"""Shapes alone: scikit-image's histogram of oriented gradients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders.classical.classical_embedder import ClassicalEmbedder, need
from hybrid_search.embedders.preprocess import squash
from hybrid_search.embedders.unit_vectors import unit_or_even

SIDE = 96
CELL = 16
ORIENTATIONS = 9
"""As Dalal and Triggs found best, with blocks of 2 × 2 cells; side and cell are chosen, for 5 × 5 blocks."""


class Hog(ClassicalEmbedder):
    """Histogram of oriented gradients (N. Dalal and B. Triggs, CVPR 2005) of the image squashed to 96 × 96 pixels.

    Nine unsigned orientations in cells of 16 × 16 pixels, blocks of 2 × 2 cells normalised by L2-Hys, all by
    scikit-image. What every picture has, a little of each gradient, is taken off.

    Raises
    ------
    EmbedderUnavailable
        When scikit-image is not installed.

    Examples
    --------
    >>> Hog().embed_images([Image.new("RGB", (640, 480), "teal")]).shape
    (1, 900)
    """

    name = "hog"
    dims = (SIDE // CELL - 1) ** 2 * 4 * ORIENTATIONS
    version = f"hog{SIDE}-{CELL}-{ORIENTATIONS}-1"
    min_side = SIDE

    def __init__(self) -> None:
        need("skimage", owner=self.name)

    def prepare(self, image: Image.Image) -> NDArray[np.float32]:
        """Return the gradients, (900,) float32 of unit length; of a flat image all components are equal."""
        from skimage.feature import hog

        grey = np.asarray(Image.fromarray(squash(image, SIDE)).convert("L"), np.float64) / 255
        cells = {"pixels_per_cell": (CELL, CELL), "cells_per_block": (2, 2), "orientations": ORIENTATIONS}
        found = np.asarray(hog(grey, block_norm="L2-Hys", **cells), np.float64)
        return unit_or_even((found - found.mean())[None]).ravel()
