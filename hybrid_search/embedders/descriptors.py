"""Colour and shape without a network: an HSV histogram beside a histogram of oriented gradients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.errors import TextNotSupported

__all__ = ["HistogramHog", "colour_histogram", "oriented_gradients"]

SIDE = 128
CELL = 16
ORIENTATIONS = 9
HUES, SATURATIONS, VALUES = 12, 4, 4


class HistogramHog:
    """HSV histogram and HOG of the squashed image, each of unit length, side by side; it has no weights."""

    name = "histogram+hog"
    dims = HUES * SATURATIONS * VALUES + (SIDE // CELL - 1) ** 2 * 4 * ORIENTATIONS
    version = f"hsv{HUES}x{SATURATIONS}x{VALUES}-hog{SIDE}-1"
    embeds_text = False
    min_side = SIDE

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length."""
        rows = [self._embed(image) for image in images]
        return np.stack(rows) if rows else np.zeros((0, self.dims), np.float32)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Raise TextNotSupported: colours and gradients know no words."""
        raise TextNotSupported(self.name)

    def _embed(self, image: Image.Image) -> NDArray[np.float32]:
        square = image.resize((SIDE, SIDE), Image.Resampling.BOX)
        colours = np.sqrt(colour_histogram(square))  # Hellinger: many pixels of one colour do not drown the others
        shapes = oriented_gradients(np.asarray(square.convert("L"), np.float64) / 255)
        joined = np.concatenate([colours, shapes / (np.linalg.norm(shapes) or 1.0)])
        return np.asarray(joined / np.linalg.norm(joined), np.float32)


def colour_histogram(image: Image.Image) -> NDArray[np.float64]:
    """Return the share of pixels in each of 12 × 4 × 4 bins of hue, saturation and value, (192,), summing to 1."""
    hsv = np.asarray(image.convert("HSV"), np.int64).reshape(-1, 3)
    bins = hsv * (HUES, SATURATIONS, VALUES) // 256
    index = (bins[:, 0] * SATURATIONS + bins[:, 1]) * VALUES + bins[:, 2]
    return np.bincount(index, minlength=HUES * SATURATIONS * VALUES) / len(hsv)


def oriented_gradients(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the histogram of oriented gradients of a grey image.

    N. Dalal and B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005: 9 unsigned orientations
    in cells of 16 × 16 pixels, blocks of 2 × 2 cells normalised by L2-Hys (clipped at 0.2).

    Parameters
    ----------
    grey : (M, N) float64 ndarray
        Sides are multiples of 16, at least 32.

    Returns
    -------
    ((M / 16 − 1) * (N / 16 − 1) * 36,) float64 ndarray
        Block by block, row by row; all zero for a flat image.
    """
    rows, columns = np.zeros_like(grey), np.zeros_like(grey)
    rows[1:-1] = grey[2:] - grey[:-2]
    columns[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    angle = np.rad2deg(np.arctan2(rows, columns)) % 180
    orientation = np.minimum((angle / (180 / ORIENTATIONS)).astype(int), ORIENTATIONS - 1)
    height, width = (side // CELL for side in grey.shape)
    down, across = np.indices(grey.shape) // CELL
    flat = (down * width + across) * ORIENTATIONS + orientation
    sums = np.bincount(flat.ravel(), np.hypot(rows, columns).ravel(), minlength=height * width * ORIENTATIONS)
    cells = sums.reshape(height, width, ORIENTATIONS) / CELL**2
    blocks = np.stack([cells[:-1, :-1], cells[:-1, 1:], cells[1:, :-1], cells[1:, 1:]], axis=2)
    flattened = blocks.reshape(height - 1, width - 1, -1)
    return _normalise(np.minimum(_normalise(flattened), 0.2)).ravel()


def _normalise(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + 1e-10))
