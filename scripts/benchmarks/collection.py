"""Documents that resemble a photo library, made from random numbers: any number of them, and the searches for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends import Action, Backend
from hybrid_search.evaluate import recall_at_k
from hybrid_search.query.query import SignatureLeg, VectorLeg
from hybrid_search.signature.goldberg import norm, word_tokens

DIMS = 512
SHARES = (1.0, 0.1, 0.01, 0.001)
VOCABULARY = 20_000
MAKES = ("Canon", "NIKON CORPORATION", "SONY", "FUJIFILM", "Apple", "Google", "Panasonic", "OLYMPUS", "LEICA", "RICOH")

_PARTS = 1000
_BATCH = 20_000


class SyntheticEmbedder:
    """Stands for an embedder; the documents of this benchmark are made, not read from pictures."""

    name = "synthetic"
    version = "1"
    embeds_text = False
    min_side = 224

    def __init__(self, dims: int = DIMS) -> None:
        self.dims = dims

    def embed_images(self, images: object) -> NDArray[np.float32]:
        raise TypeError("synthetic documents have no pictures")

    def embed_texts(self, texts: object) -> NDArray[np.float32]:
        raise TypeError("synthetic documents have no texts")


class Collection:
    """Clustered vectors, Zipf words, cameras, dates, signatures.

    Every document has one of 1,000 tags by chance, so that filters on tags let through any share of the collection.
    Where there are fewer signatures than documents, the rest has none.
    """

    def __init__(
        self, size: int, *, dims: int = DIMS, seed: int = 7, signatures: NDArray[np.int8] | None = None
    ) -> None:
        random = np.random.default_rng(seed)
        self.size, self.dims = size, dims
        self.vectors = _clustered(random, size, dims)
        self.signatures = random.integers(-2, 3, (size, 648), np.int8) if signatures is None else signatures
        self.words = np.minimum(random.zipf(1.3, (size, 12)), VOCABULARY).astype(np.int16)
        self.makes = random.integers(0, len(MAKES), size)
        self.isos = 100 * 2 ** random.integers(0, 7, size)
        self.years = random.integers(2005, 2025, size)
        self.parts = random.integers(0, _PARTS, size)

    def caption(self, number: int) -> str:
        return " ".join(f"w{word}" for word in self.words[number])

    def source(self, number: int) -> dict[str, Any]:
        return {
            "sha256": document_id(number),
            "path": [f"/photos/{number % 500:03d}/IMG_{number:06d}.jpg"],
            "filename": [f"IMG_{number:06d}.jpg"],
            "bytes": 1_000_000 + number,
            "caption": self.caption(number),
            "camera": {"make": MAKES[self.makes[number]]},
            "iso": int(self.isos[number]),
            "taken_at": f"{self.years[number]}-06-01T12:00:00",
            "tags": [f"part{self.parts[number]}"],
            "embedding": {"synthetic": self.vectors[number]},
            **(self._signed(self.signatures[number]) if number < len(self.signatures) else {}),
        }

    @staticmethod
    def _signed(signature: NDArray[np.int8]) -> dict[str, Any]:
        return {"signature": signature, "signature_norm": norm(signature), "words": list(word_tokens(signature))}

    def actions(self) -> Iterator[Action]:
        for number in range(self.size):
            yield Action("index", document_id(number), self.source(number))

    def text(self, number: int) -> str:
        """Return three words of a document."""
        return " ".join(dict.fromkeys(self.caption(number).split()[:3]))

    def near(self, number: int) -> VectorLeg:
        """Return a search for what is near a document's vector."""
        noise = np.random.default_rng(number).standard_normal(self.dims).astype(np.float32) * 0.01
        return VectorLeg("embedding.synthetic", self.vectors[number] + noise)

    def like(self, number: int) -> SignatureLeg:
        """Return a search for copies of a document whose border was changed."""
        values = self.signatures[number % len(self.signatures)].copy()
        values[:60] = 0
        return SignatureLeg(values)

    def among(self, share: float) -> tuple[dict[str, Any] | None, NDArray[np.intp]]:
        """Return a filter that lets through this share of the documents, and the numbers of these documents."""
        if share == 1.0:
            return None, np.arange(self.size)
        parts = max(1, round(_PARTS * share))
        return {"terms": {"tags": [f"part{part}" for part in range(parts)]}}, np.flatnonzero(self.parts < parts)

    def nearest(self, vector: NDArray[np.float32], allowed: NDArray[np.intp], k: int = 10) -> list[str]:
        """Return the ids of the nearest of the documents that are allowed, found by comparing with each."""
        cosines = (self.vectors if len(allowed) == self.size else self.vectors[allowed]) @ vector
        best = np.argpartition(-cosines, min(k, len(cosines) - 1))[:k]
        return [document_id(int(row)) for row in allowed[best[np.argsort(-cosines[best], kind="stable")]]]


def document_id(number: int) -> str:
    """Return the id of a document by its number."""
    return f"{number:064x}"


def fill(backend: Backend, collection: Collection, *, batch: int = 1_000) -> None:
    """Write a whole collection, as `add_folder` would: batch after batch, then a refresh."""
    waiting: list[Action] = []
    for action in collection.actions():
        waiting.append(action)
        if len(waiting) == batch:
            backend.bulk(waiting)
            waiting = []
    backend.bulk(waiting)
    backend.refresh()


def recall(found: Sequence[Sequence[str]], wanted: Sequence[Sequence[str]]) -> float:
    """Return recall@10 of searches, each with what a comparison with every document finds; 1 where that is nothing."""
    run = {str(number): ids for number, ids in enumerate(found) if wanted[number]}
    relevances = {str(number): ids for number, ids in enumerate(wanted) if ids}
    return recall_at_k(run, relevances, k=10) if relevances else 1.0


def kinds(collection: Collection, number: int) -> Mapping[str, dict[str, Any]]:
    """Return what is asked of `make_query` for each kind of search."""
    text, near, like = collection.text(number), collection.near(number), collection.like(number)
    make = MAKES[number % len(MAKES)].split()[0]
    return {
        "text, 3 words": {"text": text},
        "vector": {"vectors": (near,)},
        "vector, filtered to 10 %": {"vectors": (near,), "filter": f"camera.make:{make}*"},
        "signature": {"signature": like},
        "all in one, filtered": {
            "text": text,
            "vectors": (near,),
            "signature": like,
            "filter": "iso:[100 TO 800]",
        },
    }


def _clustered(random: np.random.Generator, size: int, dims: int) -> NDArray[np.float32]:
    """Return unit vectors around centres, made in place: a million of them are half of the memory."""
    centres = random.standard_normal((max(16, size // 200), dims)).astype(np.float32)
    vectors = np.empty((size, dims), np.float32)
    for start in range(0, size, _BATCH):
        rows = vectors[start : start + _BATCH]
        random.standard_normal(out=rows, dtype=np.float32)
        rows *= np.float32(0.9)
        rows += centres[random.integers(0, len(centres), len(rows))]
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return vectors
