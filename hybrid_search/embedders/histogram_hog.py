"""Colour and shape without a network: an HSV histogram beside a histogram of oriented gradients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.errors import TextNotSupported

SIDE = 64
CELL = 8
ORIENTATIONS = 9
"""As Dalal and Triggs found best, in their cells of 8 pixels; the side is chosen, not measured."""
HUES, SATURATIONS, VALUES = 12, 4, 4
"""Bins; chosen, not measured."""
COLOUR_SHARE = 0.25
"""What colours contribute to the cosine of two images; shapes contribute the rest."""


class HistogramHog:
    """HSV histogram and HOG of the image squashed to 64 × 64 pixels, side by side; it has no weights.

    The cosine of two images is 0.25 times that of their colours plus 0.75 times that of their shapes. On 101 classes
    of Caltech101 (1,010 queries in 1,010 pictures) it reaches a mean average precision of 17.8 %, chance is 1.6 %.
    """

    name = "histogram+hog"
    dims = HUES * SATURATIONS * VALUES + (SIDE // CELL - 1) ** 2 * 4 * ORIENTATIONS
    version = f"hsv{HUES}x{SATURATIONS}x{VALUES}-hog{SIDE}-2"
    embeds_text = False
    min_side = SIDE

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return (n, 1956) float32, rows of unit length: 192 colours, then 1764 gradients."""
        rows = [_embed(image) for image in images]
        return np.stack(rows) if rows else np.zeros((0, self.dims), np.float32)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Raise TextNotSupported: colours and gradients know no words."""
        raise TextNotSupported(self.name)


def _embed(image: Image.Image) -> NDArray[np.float32]:
    square = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    # the root of a histogram has length 1, and many pixels of one colour do not drown the others (Hellinger)
    colours = np.sqrt(colour_histogram(square))
    shapes = oriented_gradients(np.asarray(square.convert("L"), np.float64) / 255)
    # what all pictures have in common, a little of every gradient, would make any two alike: without the mean the
    # mean average precision on Caltech101 is 18 %, with it 12 %
    shapes = shapes - shapes.mean()
    length = np.linalg.norm(shapes)
    joined = np.concatenate(
        [np.sqrt(COLOUR_SHARE) * colours, np.sqrt(1 - COLOUR_SHARE) * shapes / (length if length else 1.0)]
    )
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
    in cells of 8 × 8 pixels, blocks of 2 × 2 cells normalised by L2-Hys (clipped at 0.2). The values are those of
    scikit-image's `hog` with the same parameters.

    Parameters
    ----------
    grey : (M, N) float64 ndarray
        Sides are multiples of 8, at least 16.

    Returns
    -------
    ((M / 8 − 1) * (N / 8 − 1) * 36,) float64 ndarray
        Block by block, row by row; all zero for a flat image.
    """
    rows, columns = np.zeros_like(grey), np.zeros_like(grey)
    rows[1:-1] = grey[2:] - grey[:-2]
    columns[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    angle = np.rad2deg(np.arctan2(rows, columns)) % 180
    # the remainder of a tiny negative angle rounds to 180
    orientation = np.minimum((angle / (180 / ORIENTATIONS)).astype(int), ORIENTATIONS - 1)
    height, width = (side // CELL for side in grey.shape)
    down, across = np.indices(grey.shape) // CELL
    flat = (down * width + across) * ORIENTATIONS + orientation
    sums = np.bincount(flat.ravel(), np.hypot(rows, columns).ravel(), minlength=height * width * ORIENTATIONS)
    cells = sums.reshape(height, width, ORIENTATIONS) / CELL**2
    blocks = np.stack([cells[:-1, :-1], cells[:-1, 1:], cells[1:, :-1], cells[1:, 1:]], axis=2)
    flattened = blocks.reshape(height - 1, width - 1, -1)
    return _normalised(np.minimum(_normalised(flattened), 0.2)).ravel()


def _normalised(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + 1e-10))
