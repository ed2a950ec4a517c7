"""A trained joint space: the vectors of an image embedder and of a text tower, each through its own map, into one.

Where the image embedder is one of pictures and words already, by the same tower, as `lite+minilm` is, its own meanings
may stand beside what was learned, with a share that validation chose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders import Embedder, Labeler, Preparer, TextEmbedder
from hybrid_search.embedders.registry import full_name, get_embedder, get_text_embedder
from hybrid_search.embedders.trained.trained_file import TrainedFile, load
from hybrid_search.embedders.trained.vector_map import Labeling, Preparing, VectorMapEmbedder
from hybrid_search.embedders.unit_vectors import unit_or_zero
from hybrid_search.errors import WeightsMissing

KIND = "joint"
"""Of its files, see `hybrid_search.embedders.trained.trained_file`."""


class Joint(VectorMapEmbedder):
    """Pictures and words in one space, learned from captions: another embedder's vectors, through maps on numpy alone.

    Parameters
    ----------
    file : TrainedFile
        What `train_joint` made.
    base : Embedder
        The image embedder whose vectors it was trained on.
    tower : TextEmbedder
        The text tower that it was trained with.

    Raises
    ------
    WeightsMissing
        When the file does not hold a joint space, or was trained with another embedder or tower.
    """

    embeds_text = True

    def __init__(self, file: TrainedFile, base: Embedder, tower: TextEmbedder) -> None:
        file.check("image_embedder", base)
        file.check("text_embedder", tower)
        self.dims = _check(file, base.dims, tower.dims)
        super().__init__(base)
        self._arrays, self.tower = file.arrays, tower
        self.name = full_name(KIND, model=file.path)
        self.version = f"joint-{file.sha256[:16]}"

    def map(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length, for (n, dims of the base) vectors of the base."""
        return map_images(vectors, self._arrays)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length; a text without a known word has a row of zeros."""
        return map_texts(self.tower.embed_texts(texts), self._arrays)


class LabelingJoint(Labeling, Joint):
    """A joint space on an embedder that names what it sees."""


class PreparingJoint(Preparing, Joint):
    """A joint space on an embedder whose pixels are made ready by the threads that decode."""


def open_joint(*, model: str) -> Joint:
    """Return the joint space in a file, over its image embedder and text tower, with the abilities of the former.

    Parameters
    ----------
    model : str
        Path of the file.

    Raises
    ------
    WeightsMissing
        When the file is absent, damaged, or no joint space, or an embedder has changed since.
    UnknownEmbedder, EmbedderUnavailable
        When its embedder or its tower cannot be had.
    """
    file = load(model, kind=KIND)
    image, text = file.embedder("image_embedder"), file.embedder("text_embedder")
    base, tower = get_embedder(image), get_text_embedder(text)
    kind = PreparingJoint if isinstance(base, Preparer) else LabelingJoint if isinstance(base, Labeler) else Joint
    return kind(file, base, tower)


def map_images(vectors: NDArray[Any], arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Return pictures' vectors in the joint space, rows of unit length.

    Parameters
    ----------
    vectors : (n, d) ndarray
        Of the image embedder.
    arrays : mapping of str to ndarray
        `image_weight` (d, k) and `image_bias` (k,); with a hidden layer `image_inner` (d, h) and
        `image_inner_bias` (h,) too, and `image_weight` (h, k): max(0, x·inner + inner_bias)·weight + bias. With a
        `share` () the last t of the d numbers, where the image embedder itself has its meanings, stand beside them.

    Examples
    --------
    >>> arrays = {"image_weight": np.eye(2), "image_bias": np.array([0, 1])}
    >>> map_images(np.array([[3.0, 3.0]]), arrays).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """
    inner = vectors
    if "image_inner" in arrays:
        inner = np.maximum(vectors @ arrays["image_inner"] + arrays["image_inner_bias"], 0)
    learned = unit_or_zero(inner @ arrays["image_weight"] + arrays["image_bias"])
    own = vectors[:, -_text_dims(arrays) :] if "share" in arrays else vectors
    return _beside(learned, own, arrays)


def map_texts(vectors: NDArray[Any], arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Return texts' vectors in the joint space, rows of unit length; a row of zeros stays one.

    Parameters
    ----------
    vectors : (n, t) ndarray
        Of the text tower.
    arrays : mapping of str to ndarray
        `text_bias` (k,), and unless the joint space is that of the texts `text_weight` (t, k): x·weight + bias. With a
        `share` () the t numbers as they are stand beside these.

    Examples
    --------
    >>> arrays = {"text_bias": np.array([0, 1]), "share": np.array(0.36)}
    >>> map_texts(np.array([[1.0, 0.0]]), arrays).round(2)
    array([[0.57, 0.57, 0.6 , 0.  ]], dtype=float32)
    """
    mapped = vectors @ arrays["text_weight"] if "text_weight" in arrays else vectors
    known = np.any(vectors != 0, axis=1, keepdims=True)
    return _beside(unit_or_zero((mapped + arrays["text_bias"]) * known), vectors, arrays)


def _beside(learned: NDArray[np.float32], own: NDArray[Any], arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Return what was learned with the embedder's own meanings beside it: cosines of the two are added by shares."""
    if "share" not in arrays:
        return learned
    share = float(arrays["share"])
    return unit_or_zero(np.hstack([np.sqrt(1 - share) * learned, np.sqrt(share) * unit_or_zero(own)]))


def _text_dims(arrays: Mapping[str, NDArray[Any]]) -> int:
    """Return the length of the text tower's vectors."""
    return len(arrays["text_weight"] if "text_weight" in arrays else arrays["text_bias"])


def _check(file: TrainedFile, image_dims: int, text_dims: int) -> int:
    """Return the dims of the joint space, if the arrays are such that they can be used."""
    arrays = dict(file.arrays)
    shapes = {name: array.shape for name, array in arrays.items()}
    dims = int((shapes.get("image_bias") or (0,))[-1])
    hidden = (shapes.get("image_inner_bias") or (image_dims,))[-1]
    fitting: dict[str, tuple[int, ...]] = {
        "image_weight": (hidden, dims),
        "image_bias": (dims,),
        "image_inner": (image_dims, hidden),
        "image_inner_bias": (hidden,),
        "text_weight": (text_dims, dims),
        "text_bias": (dims,),
        "share": (),
    }
    needed = {"image_weight", "image_bias", "text_bias"}
    layer = {"image_inner", "image_inner_bias"} & shapes.keys()
    whole = needed <= shapes.keys() and len(layer) != 1 and ("text_weight" in shapes or dims == text_dims)
    if not whole or any(shape != fitting.get(name) for name, shape in shapes.items()):
        raise WeightsMissing(file.path, "its arrays are not those of a joint space; train it again")
    if not dims or not all(np.isfinite(array).all() for array in arrays.values()):
        raise WeightsMissing(file.path, "its arrays are empty or not finite; train it again")
    if "share" not in arrays:
        return dims
    if not 0 < arrays["share"] < 1 or image_dims < text_dims:
        raise WeightsMissing(file.path, "the share of its image embedder's own meanings is wrong; train it again")
    return dims + text_dims
