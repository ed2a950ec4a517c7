"""Vectors for stored documents: of their pictures, whose files are read again, of other vectors, or of their words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends import Action, Backend, Outcome, Stored
from hybrid_search.backends.optimistic_update import Change, change_document
from hybrid_search.document.definition import EmbeddingSpec, spec_of
from hybrid_search.document.document import caption_text, first_path
from hybrid_search.document.picture import prepare
from hybrid_search.embedders import Embedder, TextEmbedder
from hybrid_search.embedders.trained.vector_map import VectorMapEmbedder
from hybrid_search.images import Limits, Source
from hybrid_search.ingest.caption_embedding import WORDS, CaptionEmbedding
from hybrid_search.ingest.picture_embedding import Pixels, embed, ready
from hybrid_search.ingest.report import Failure
from hybrid_search.ingest.stored_pictures import ReadPicture, read_stored

IdAndSource = tuple[str, Mapping[str, Any]]


class PictureFiller:
    """Fills a field with vectors of pictures, from their files.

    Parameters
    ----------
    backend : Backend
    embedder : Embedder
    key : str
        The leaf of the field under `embedding`.
    limits : Limits
        The largest picture that is accepted.
    """

    fields: tuple[str, ...] = ("path", "sha256")
    reads_vectors: ClassVar[bool] = False
    from_stored: int = 0
    wanted: ClassVar[Mapping[str, Any]] = {"match_all": {}}

    def __init__(self, backend: Backend, embedder: Embedder, key: str, *, limits: Limits) -> None:
        self._backend, self._embedder, self._key, self._limits = backend, embedder, key, limits
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="hybrid-search-read")

    def fill(self, batch: Iterable[IdAndSource]) -> list[Failure]:
        """Write the vectors of a batch of documents, and return those that got none, each with the reason."""
        pictures = list(
            self._pool.map(lambda found: read_stored(found[0], found[1], self._pixels, limits=self._limits), batch)
        )
        readable = [picture for picture in pictures if picture.made is not None]
        embedded = embed(self._embedder, [picture.made for picture in readable if picture.made is not None])
        vectors = {picture.id: vector for picture, (vector, _) in zip(readable, embedded, strict=True)}
        own = {picture.id: picture.id == picture.sha256 for picture in readable}
        outcomes = _update(self._backend, self._key, {id: vectors[id] for id in vectors if own[id]})
        # an id that a caller gave may stand for other bytes by now
        outcomes += [
            change_document(self._backend, picture.id, self._of_same_bytes(picture, vectors[picture.id]))
            for picture in readable
            if not own[picture.id]
        ]
        refused = {outcome.id: _problem(outcome) for outcome in outcomes}
        problems = ((picture.path, picture.failure or refused.get(picture.id, "")) for picture in pictures)
        return [Failure(path, problem) for path, problem in problems if problem]

    def close(self) -> None:
        """End the threads that read."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _of_same_bytes(self, picture: ReadPicture[Pixels], vector: Any) -> Change:
        def change(stored: Stored | None) -> Action | None:
            if stored is None or stored.source.get("sha256") != picture.sha256:
                return None
            return Action("update", picture.id, {"embedding": {self._key: vector}})

        return change

    def _pixels(self, read: Source) -> Pixels:
        image = prepare(read, min_side=self._embedder.min_side, limits=self._limits).image
        return ready(self._embedder, image)


@dataclass(frozen=True)
class StoredBase:
    """Stored vectors of which others can be made.

    Parameters
    ----------
    key : str
        The leaf of their field under `embedding`.
    maps : sequence of VectorMapEmbedder
        What they go through, one after the other.
    """

    key: str
    maps: Sequence[VectorMapEmbedder]

    def vectors(self, stored: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length, for (n, dims of the base) stored vectors."""
        for mapped in self.maps:
            stored = mapped.map(stored)
        return stored


def stored_base(embedder: Embedder, held: Mapping[str, EmbeddingSpec]) -> StoredBase | None:
    """Return the stored vectors of which an embedder's can be made, None where the index holds no such.

    Those of its base, in the same version: an index keeps what an embedder gave as it was, to the precision of its
    field (float32 on Elasticsearch, float16 in a folder), so that no more than a rounding stands between the two.

    Parameters
    ----------
    embedder : Embedder
    held : mapping of str to EmbeddingSpec
        What the index says it holds.
    """
    maps: list[VectorMapEmbedder] = []
    while isinstance(embedder, VectorMapEmbedder):
        maps.insert(0, embedder)
        embedder = embedder.base
        spec = spec_of(embedder)
        if (key := next((key for key, each in held.items() if each == spec), None)) is not None:
            return StoredBase(key, maps)
    return None


class MappedFiller:
    """Fills a field with vectors made of those of another field; files are read where a document lacks these alone.

    Parameters
    ----------
    backend : Backend
    pictures : PictureFiller
        For documents without a vector of the base.
    key : str
        The leaf of the field under `embedding`.
    base : StoredBase
    batch_size : int
        Pictures decoded and embedded together.
    """

    wanted: ClassVar[Mapping[str, Any]] = PictureFiller.wanted
    reads_vectors: ClassVar[bool] = True

    def __init__(
        self, backend: Backend, pictures: PictureFiller, key: str, *, base: StoredBase, batch_size: int
    ) -> None:
        self._backend, self._pictures, self._key = backend, pictures, key
        self._base, self._batch_size = base, batch_size
        self.fields = (*pictures.fields, f"embedding.{base.key}")
        self.from_stored = 0

    def fill(self, batch: Iterable[IdAndSource]) -> list[Failure]:
        """Write the vectors of a batch of documents, and return those that got none, each with the reason."""
        documents = list(batch)
        stored = {id: vector for id, source in documents if (vector := self._stored(source)) is not None}
        failures, lacking = list[Failure](), (found for found in documents if found[0] not in stored)
        while some := list(islice(lacking, self._batch_size)):
            failures += self._pictures.fill(some)
        if not stored:
            return failures
        made = dict(zip(stored, self._base.vectors(np.stack(list(stored.values()))), strict=True))
        own = {id for id, source in documents if id in made and id == source.get("sha256")}
        outcomes = _update(self._backend, self._key, {id: made[id] for id in made if id in own})
        # an id that a caller gave may stand for another picture by now
        outcomes += [change_document(self._backend, id, self._of_now, vectors=True) for id in made if id not in own]
        refused = {outcome.id: problem for outcome in outcomes if (problem := _problem(outcome))}
        self.from_stored += len(made) - len(refused)
        paths = {id: first_path(source) or id for id, source in documents}
        return [*failures, *(Failure(paths[id], problem) for id, problem in refused.items())]

    def close(self) -> None:
        """End the threads that read."""
        self._pictures.close()

    def _stored(self, source: Mapping[str, Any]) -> NDArray[np.float32] | None:
        vector = source.get("embedding", {}).get(self._base.key)
        return None if vector is None else np.asarray(vector, np.float32)

    def _of_now(self, stored: Stored | None) -> Action | None:
        vector = self._stored(stored.source) if stored else None
        if vector is None:
            return None
        return Action("update", "", {"embedding": {self._key: self._base.vectors(vector[None])[0]}})


class WordFiller:
    """Fills a field with vectors of what is written about pictures; no file is read.

    Parameters
    ----------
    backend : Backend
    embedder : TextEmbedder
    key : str
        The leaf of the field under `embedding`.
    """

    fields: tuple[str, ...] = (*WORDS, "path")
    reads_vectors: ClassVar[bool] = False
    from_stored: int = 0
    wanted: ClassVar[Mapping[str, Any]] = {
        "bool": {"should": [{"exists": {"field": name}} for name in WORDS], "minimum_should_match": 1}
    }

    def __init__(self, backend: Backend, embedder: TextEmbedder, key: str) -> None:
        self._backend, self._wording = backend, CaptionEmbedding({key: embedder})

    def fill(self, batch: Iterable[IdAndSource]) -> list[Failure]:
        """Write the vectors of a batch of documents, and return those that got none, each with the reason."""
        documents = list(batch)
        self._wording.read(caption_text(source) for _, source in documents)
        failures = []
        for id, source in documents:
            outcome = change_document(self._backend, id, self._now)
            if problem := _problem(outcome):
                failures.append(Failure(first_path(source) or id, problem))
        return failures

    def close(self) -> None:
        """Do nothing: there are no threads."""

    def _now(self, stored: Stored | None) -> Action | None:
        """Return the change for a document as it is now: another writer may have changed its words meanwhile."""
        if stored is None:
            return None
        return Action("update", "", {"embedding": self._wording.put(stored.source)})


def _update(backend: Backend, key: str, vectors: Mapping[str, NDArray[np.float32]]) -> list[Outcome]:
    actions = [Action("update", id, {"embedding": {key: vector}}) for id, vector in vectors.items()]
    return backend.bulk(actions) if actions else []


def _problem(outcome: Outcome) -> str:
    """Return why a vector was not written; a document that was removed meanwhile needs none."""
    return "" if outcome.status == 404 or outcome.error is None else outcome.error
