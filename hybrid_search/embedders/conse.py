"""Pictures and words in one space without training: what a classifier sees, told as the meaning of its labels.

ConSE (M. Norouzi et al., "Zero-shot learning by convex combination of semantic embeddings", ICLR 2014): a picture is
where the texts of its labels are, each counted by its probability. Here every class counts, not the best ten alone, and
the probabilities are flattened first: a network that is trained to name one thing is too sure of it for photos of
several. The mean of all labels is taken away: what they have in common says nothing of a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders import TextEmbedder
from hybrid_search.embedders.imagenet_labels import vocabulary
from hybrid_search.embedders.lite import Lite
from hybrid_search.embedders.minilm import MiniLM
from hybrid_search.embedders.pixel_network import Outputs
from hybrid_search.embedders.unit_vectors import unit_or_even, unit_or_zero

CONSE_VERSION = "1"
MEANINGS_FILE = "label-meanings.npz"
TEMPERATURE = 2.0
"""Probabilities are taken to the power 1 / this; chosen, no comparison is kept."""
VISUAL_SHARE = 0.7
"""What features contribute to the cosine of two pictures; the meaning of their labels contributes the rest."""
_ABOVE, _FADING, _HIGHEST = 0.15, 0.7, 4
"""Weight of the category above a class, what each further one has of the one before, and how many count; chosen."""
_LEAST = 1e-12
"""Lower probabilities count as this; chosen."""


class LiteMinilm(Lite):
    """`lite` and `minilm` in one space: 1280 features, then 384 dims of meaning; words find pictures without captions.

    The cosine of two pictures is 0.7 times that of their features plus 0.3 times that of their meanings; that of a text
    and a picture is √0.3 times that of their meanings. Labels come in the same pass, as from `lite`.

    Parameters
    ----------
    threshold, labels, batch_size, threads, providers
        As `Lite` has them; threads and providers of both networks.

    Raises
    ------
    BadEmbedderOption
        When an option is no number, or out of its range.
    ModelMissing
        At the first text, when `minilm` has not been fetched: pictures do not need it.
    """

    name = "lite+minilm"
    dims = Lite.dims + MiniLM.dims
    version = f"{Lite.version}+{MiniLM.version}+conse-{CONSE_VERSION}"
    embeds_text = True

    def __init__(
        self,
        *,
        threshold: float | str = 0.2,
        labels: int | str = 5,
        batch_size: int | str = 32,
        threads: int | str | None = None,
        providers: Sequence[str] | str | None = None,
    ) -> None:
        super().__init__(
            threshold=threshold, labels=labels, batch_size=batch_size, threads=threads, providers=providers
        )
        self._tower = MiniLM(threads=threads, providers=providers)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, 1664) float32, rows of unit length whose features are zero; a blank text has a row of zeros."""
        meant = self._tower.embed_texts(texts)
        return np.pad(meant, ((0, 0), (Lite.dims, 0)))

    def class_rows(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, 1664) float32: how much each feature speaks for a class, of meanings nothing."""
        return np.pad(super().class_rows(names), ((0, 0), (0, MiniLM.dims)))

    def _infer(self, pixels: NDArray[np.uint8]) -> Outputs:
        features, probabilities = super()._infer(pixels)
        meant = meanings(np.asarray(probabilities), known_meanings())
        joined = [np.sqrt(VISUAL_SHARE) * unit_or_even(features), np.sqrt(1 - VISUAL_SHARE) * meant]
        return np.hstack(joined).astype(np.float32), probabilities


def meanings(probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what is meant by class probabilities, (n, dims) float32 of unit length.

    Parameters
    ----------
    probabilities : (n, classes) float32 ndarray
        Rows summing to 1.
    labels : (classes, dims) float32 ndarray
        The meaning of each class.

    Examples
    --------
    >>> meanings(np.array([[0.8, 0.2]], np.float32), np.array([[1, 0], [0, 1]], np.float32)).round(2)
    array([[ 0.71, -0.71]], dtype=float32)
    """
    flat = np.maximum(probabilities, _LEAST) ** (1 / TEMPERATURE)
    shares = flat / flat.sum(axis=1, keepdims=True)
    # a product by BLAS takes a sixth of the time, and then its threads spin on the processors that the network needs
    return unit_or_zero(np.einsum("ij,jk->ik", shares, labels - labels.mean(axis=0)))


def label_meanings(tower: TextEmbedder) -> NDArray[np.float32]:
    """Return the meaning of each of ImageNet's 1,000 classes, (1000, dims) float32 of unit length.

    That of its name as a caption would have it, of all its names, and, less and less, of the categories above it.
    """
    known = vocabulary()
    named = tower.embed_texts([f"a photo of a {each.name}" for each in known.classes])
    listed = tower.embed_texts([", ".join((each.name, *each.synonyms)) for each in known.classes])
    kinds = dict(zip(known.kinds, tower.embed_texts([f"a photo of a {kind[0]}" for kind in known.kinds]), strict=True))
    vectors = unit_or_zero(named + listed)
    for row, each in enumerate(known.classes):
        for step, kind in enumerate(each.kinds[:_HIGHEST]):
            vectors[row] += _ABOVE * _FADING**step * kinds[kind]
    return unit_or_zero(vectors)


def label_origin() -> str:
    """Return what the meanings that come with the package must have been made of: tower, recipe, names of classes."""
    names = sha256(resources.files(__package__).joinpath("imagenet-1k-classes.tsv").read_bytes()).hexdigest()
    return f"{MiniLM.version}+conse-{CONSE_VERSION}+{names[:12]}"


@cache
def known_meanings() -> NDArray[np.float32]:
    """Return what `label_meanings` gives for `minilm`, from the package; `scripts/embed_labels.py` puts it there.

    Half floats: the meaning of a picture is theirs to within a cosine of 1e-6, and the tower need not be here.
    """
    with resources.files(__package__).joinpath(MEANINGS_FILE).open("rb") as file, np.load(file) as stored:
        found = np.asarray(stored["meanings"], np.float32)
    found.setflags(write=False)
    return found
