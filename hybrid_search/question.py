"""What a person asks becomes a checked query: an example picture turns into a vector and a signature."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from hybrid_search.backends import Backend
from hybrid_search.embedder_set import EmbedderSet
from hybrid_search.errors import BadVector, DocumentNotFound, QueryError
from hybrid_search.query import Fusion, Query, SignatureLeg, VectorLeg, make_query, unit
from hybrid_search.text import parse_text

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from hybrid_search.filters import Filter
    from hybrid_search.images import ImageLike, Limits

__all__ = ["Asker", "SearchOptions"]


class SearchOptions(TypedDict, total=False):
    """The options of `HybridIndex.search`, each as explained there."""

    image: ImageLike | None
    like: str | os.PathLike[str] | None
    vector: ArrayLike | None
    filter: Filter | None
    k: int
    offset: int
    num_candidates: int | None
    weights: Mapping[str, float] | None
    fusion: Fusion
    sort: str | Sequence[str] | None
    min_score: float | Mapping[str, float] | None
    facets: Sequence[str]
    collapse_duplicates: bool
    explain: bool


class Asker:
    """Turns questions about one index into queries.

    Parameters
    ----------
    backend : Backend
        Where `like` is looked up.
    definition : mapping
        Settings and mappings of the index.
    embedders : EmbedderSet
        The embedders of the index; one is loaded only when a question needs it, which takes longer than a text search.
    limits : Limits
        The largest picture that is accepted.
    """

    def __init__(
        self,
        backend: Backend,
        definition: Mapping[str, Any],
        *,
        embedders: EmbedderSet,
        limits: Limits,
    ) -> None:
        self._backend = backend
        self._definition = definition
        self._embedders = embedders
        self._key = embedders.default
        self._spec = embedders.specs[embedders.default]
        self._limits = limits

    def query(self, text: str | None, options: SearchOptions) -> Query:
        """Return the checked query of a question."""
        if text is not None and not isinstance(text, str):
            raise QueryError(f"text is words (got {text!r}); a picture goes to image=…, a stored one to like=…")
        checked = {name: value for name, value in options.items() if name not in ("image", "like", "vector")}
        vectors: list[NDArray[Any]] = []
        signature: NDArray[np.int8] | None = None
        exclude: tuple[str, ...] = ()
        if (vector := options.get("vector")) is not None:
            vectors.append(self._vector(vector))
        if (image := options.get("image")) is not None:
            embedded, signature = self._image(image)
            vectors.append(embedded)
        if (like := options.get("like")) is not None:
            id, stored = self.find(like, vectors=True)
            embedding = stored.get("embedding", {}).get(self._key)
            vectors.extend([] if embedding is None else [np.asarray(embedding)])
            signature, exclude = signature if signature is not None else stored.get("signature"), (id,)
        if text and self._spec.embeds_text and (asked := parse_text(text).asked):
            vectors.append(self._text(asked))
        leg = VectorLeg(f"embedding.{self._key}", _together(vectors)) if vectors else None
        return make_query(
            self._definition,
            text=text,
            vectors=(leg,) if leg else (),
            signature=_signature_leg(signature),
            exclude=exclude,
            **checked,  # type: ignore[arg-type]
        )

    def find(self, named: str | os.PathLike[str], *, vectors: bool = False) -> tuple[str, dict[str, Any]]:
        """Return id and source of the document with this id, or of the one at this path.

        Raises
        ------
        DocumentNotFound
            When there is neither.
        """
        id_or_path = os.fspath(named)
        try:
            id_or_path.encode("utf-8")
        except UnicodeEncodeError:
            raise DocumentNotFound(id_or_path) from None
        try:
            return id_or_path, self._backend.get(id_or_path, vectors=vectors)
        except DocumentNotFound:
            path = id_or_path if "://" in id_or_path else os.path.abspath(os.path.expanduser(id_or_path))
            for id, _ in self._backend.scan({"term": {"path": path}}, fields=("path",)):
                return id, self._backend.get(id, vectors=vectors)
            raise

    def _image(self, image: ImageLike) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        from hybrid_search.images import read_source
        from hybrid_search.picture import prepare

        embedder = self._embedders.image()
        prepared = prepare(read_source(image, limits=self._limits), min_side=embedder.min_side, limits=self._limits)
        return embedder.embed_images([prepared.image])[0], prepared.signature

    def _vector(self, vector: ArrayLike) -> NDArray[Any]:
        try:
            values = np.asarray(vector)
        except ValueError:
            raise BadVector("its rows have different lengths") from None
        if values.shape != (self._spec.dims,):
            raise BadVector(f"the index has vectors of {self._spec.dims} dims, this one has shape {values.shape}")
        if values.dtype.kind not in "fiu":
            raise BadVector(f"its values are {values.dtype}, not numbers")
        if not np.isfinite(values).all():
            raise BadVector("it has values that are not finite")
        return values

    def _text(self, text: str) -> NDArray[np.float32]:
        return np.asarray(self._embedders.image().embed_texts([text])[0])


def _signature_leg(signature: NDArray[np.int8] | None) -> SignatureLeg | None:
    if signature is None:
        return None
    return SignatureLeg(np.asarray(signature, np.int8))


def _together(vectors: Sequence[NDArray[Any]]) -> NDArray[Any]:
    if len(vectors) == 1:
        return vectors[0]
    return np.asarray(np.sum([unit(vector) for vector in vectors], axis=0))
