"""Local features: what a picture has at its corners and blobs, wherever they are and however it is turned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders.classical.classical_embedder import ClassicalEmbedder, need
from hybrid_search.embedders.option_values import choice
from hybrid_search.embedders.registry import full_name
from hybrid_search.embedders.unit_vectors import unit_or_even
from hybrid_search.errors import EmbedderUnavailable

SIDE = 320
"""Pixels of the longer side; chosen, not measured."""
THIN = SIDE // 4
MOST = 500
"""Features of a picture at most: what OpenCV's ORB takes by default."""
WORDS, PARTS = 16, 64
"""Visual words of a codebook, and principal components of a descriptor."""
KINDS: Mapping[str, Callable[[Any], Any]] = {
    "sift": lambda cv2: cv2.SIFT_create(nfeatures=MOST),
    "orb": lambda cv2: cv2.ORB_create(nfeatures=MOST, fastThreshold=10),
    "akaze": lambda cv2: cv2.AKAZE_create(threshold=0.0005),
}
"""How OpenCV makes each detector."""


class LocalFeatures(ClassicalEmbedder):
    """The strongest local features of a picture, gathered around 16 visual words (VLAD): 1,024 dims.

    H. Jégou, M. Douze, C. Schmid and P. Pérez, "Aggregating local descriptors into a compact image representation",
    CVPR 2010: each descriptor belongs to the nearest of the words, and each word keeps the sum of what its descriptors
    differ from it, here with its root taken. The words and the principal components of descriptors come with the
    package; `scripts/learn_codebooks.py` learnt them from scikit-image's free photos.

    Parameters
    ----------
    model : str
        "sift" (D. Lowe, IJCV 2004, as RootSIFT), "orb" (E. Rublee and others, ICCV 2011) or "akaze"
        (P. Alcantarilla and others, BMVC 2013), all by OpenCV.

    Raises
    ------
    BadEmbedderOption
        When there are no such features.
    EmbedderUnavailable
        When OpenCV is not installed, or, at the first picture, is one that has no AKAZE, as OpenCV 5.

    Examples
    --------
    >>> LocalFeatures("orb").embed_images([Image.new("RGB", (640, 480), "teal")]).shape
    (1, 1024)
    """

    dims = WORDS * PARTS
    min_side = SIDE * 3 // 4

    def __init__(self, model: str = "sift") -> None:
        self.name = full_name("local", model=model)
        choice(self.name, "model", model, KINDS)
        need("cv2", owner=self.name)
        self.version = f"{model}{SIDE}-{MOST}-vlad{WORDS}x{PARTS}-1"
        self._model = model

    def prepare(self, image: Image.Image) -> NDArray[np.float32]:
        """Return the features around their words, (1024,) float32 of unit length; all equal where there are none."""
        mean, parts, words = _codebook(self._model)
        features = (local_descriptors(self._model, image) - mean) @ parts
        nearest = ((features[:, None] - words[None]) ** 2).sum(axis=-1).argmin(axis=1)
        sums = np.zeros((WORDS, PARTS))
        np.add.at(sums, nearest, features - words[nearest])
        return unit_or_even((np.sign(sums) * np.sqrt(np.abs(sums))).reshape(1, -1)).ravel()


def local_descriptors(kind: str, image: Image.Image) -> NDArray[np.float32]:
    """Return the descriptors of the strongest features of an image, at most 500.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    image : PIL image
        Brought to 320 pixels on its longer side, and at least 80 on the other.

    Returns
    -------
    (n, length) float32 ndarray
        Rows of unit length: roots of SIFT's 128 values, or the bits of the others as −1 and 1 by their root number.

    Raises
    ------
    EmbedderUnavailable
        When this OpenCV does not have the detector.
    """
    detector = _detector(kind)
    points, found = detector.detectAndCompute(_grey(image), None)
    if found is None:
        return np.zeros((0, detector.descriptorSize() * (1 if kind == "sift" else 8)), np.float32)
    strongest = np.argsort([-point.response for point in points], kind="stable")[:MOST]
    found = np.asarray(found)[strongest]
    if kind == "sift":
        shares = found / np.maximum(found.sum(axis=1, keepdims=True), 1e-9)
        return np.asarray(np.sqrt(shares), np.float32)
    signs = np.unpackbits(found, axis=1).astype(np.float32) * 2 - 1
    return np.asarray(signs / np.sqrt(signs.shape[1]), np.float32)


def _detector(kind: str) -> Any:
    import cv2

    try:
        return KINDS[kind](cv2)
    except AttributeError as error:
        # OpenCV 5 has left AKAZE out
        install = f"pip install 'opencv-python-headless<5' (OpenCV {cv2.__version__} has no {kind.upper()})"
        raise EmbedderUnavailable(full_name("local", model=kind), install) from error


def _grey(image: Image.Image) -> NDArray[np.uint8]:
    scale = SIDE / max(image.size)
    # of pictures a few pixels wide AKAZE writes where it must not (OpenCV 4.14), and ORB finds nothing below 63
    size = [max(THIN, round(length * scale)) for length in image.size]
    small = image.convert("RGB").resize((size[0], size[1]), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(small.convert("L"))


@cache
def _codebook(kind: str) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean descriptor, its principal components as columns, and the words in terms of these."""
    with files(__package__).joinpath("codebooks.npz").open("rb") as file, np.load(file) as stored:
        mean, parts, words = (np.asarray(stored[f"{kind}_{each}"], np.float64) for each in ("mean", "parts", "words"))
    return mean, parts, words
