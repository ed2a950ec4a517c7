"""The encoder of an autoencoder that was trained on somebody's own pictures, on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders.onnx_session import OnnxSession
from hybrid_search.embedders.option_values import whole
from hybrid_search.embedders.registry import full_name
from hybrid_search.embedders.trained.trained_file import load
from hybrid_search.embedders.unit_vectors import unit_or_even
from hybrid_search.errors import TextNotSupported, WeightsMissing

KIND = "autoencoder"
"""Of its files, see `hybrid_search.embedders.trained.trained_file`."""
INPUT, OUTPUT = "pixels", "code"
"""Names in its graph: (n, size, size, 3) float32 in [0, 1], and (n, dims) float32."""
_BATCH = 64
"""Images that the network takes at once; chosen, not measured."""


class Autoencoder:
    """Codes from which an autoencoder could paint a picture again; learned without labels.

    Parameters
    ----------
    model : str
        Path of a file that `train_autoencoder` made.
    threads : int, optional
        Threads of the network; by default one for each processor.

    Raises
    ------
    WeightsMissing
        When the file is absent, damaged, or no autoencoder.
    BadEmbedderOption
        When `threads` is not a whole number above 0.
    """

    embeds_text = False

    def __init__(self, *, model: str, threads: int | str | None = None) -> None:
        self.name = full_name(KIND, model=model)
        count = None if threads is None else whole(self.name, "threads", threads, least=1)
        file = load(model, kind=KIND)
        try:
            self.dims, size = int(file.metadata["dims"]), int(file.metadata["size"])
            self._graph = file.arrays["encoder"].astype(np.uint8).tobytes()
            self._center, self._scale = file.arrays["center"], file.arrays["scale"]
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsMissing(model, f"it lacks what an autoencoder has ({error}); train it again") from error
        shapes = {self._center.shape, self._scale.shape}
        if shapes != {(self.dims,)} or not (np.isfinite(self._center).all() and (self._scale > 0).all()):
            raise WeightsMissing(model, "its arrays are not those of an autoencoder; train it again")
        self.version = f"autoencoder-{file.sha256[:16]}"
        self.min_side = size
        self._session = OnnxSession(lambda: self._graph, owner=self.name, threads=count)

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length."""
        rows = [np.zeros((0, self.dims), np.float32)]
        for start in range(0, len(images), _BATCH):
            pixels = np.stack([squash(image, self.min_side) for image in images[start : start + _BATCH]])
            rows.append(encode(self._session, pixels, {"center": self._center, "scale": self._scale}))
        return np.concatenate(rows)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Raise TextNotSupported: an autoencoder knows no words."""
        raise TextNotSupported(self.name)


def squash(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """Return all of an image as (size, size, 3) uint8, its sides made equal.

    Examples
    --------
    >>> squash(Image.new("RGB", (8, 4), "red"), 2).tolist()
    [[[255, 0, 0], [255, 0, 0]], [[255, 0, 0], [255, 0, 0]]]
    """
    return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BOX))


def encode(session: OnnxSession, pixels: NDArray[np.uint8], arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Return the vectors of squashed images: their codes less `center`, divided by `scale`, to unit length.

    Parameters
    ----------
    session : OnnxSession
        Of the encoder.
    pixels : (n, size, size, 3) uint8 ndarray
        At least one.
    arrays : mapping of str to (dims,) ndarray
        Mean and standard deviation of each number of the codes of what was learned from.
    """
    (codes,) = session.run([OUTPUT], {INPUT: pixels.astype(np.float32) / 255})
    # a code that is exactly the mean points nowhere
    return unit_or_even((codes - arrays["center"]) / arrays["scale"])
