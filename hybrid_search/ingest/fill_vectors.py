"""Another embedder for pictures that are indexed already: its vectors are filled in while the index is used."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, ClassVar, Literal, Protocol, cast

from hybrid_search.backends import Backend
from hybrid_search.document.definition import EmbeddingSpec, check, embeddings, spec_of
from hybrid_search.document.document import first_path
from hybrid_search.embedders import Embedder, TextEmbedder
from hybrid_search.errors import MappingMismatch
from hybrid_search.images import DEFAULT_LIMITS, Limits
from hybrid_search.ingest.report import Failure, IngestReport, Progress

_COMMIT = 1_000  # documents between two commits; no measurement is kept
_MAPPED = 256
"""Documents at least whose vectors are read, mapped and written together: there is nothing to decode."""
_ATTEMPTS = 5
IdAndSource = tuple[str, Mapping[str, Any]]


class Filler(Protocol):
    """Makes the vectors of one field."""

    fields: tuple[str, ...]
    """What it needs to know of a document."""
    reads_vectors: ClassVar[bool]
    """Whether vectors are among that."""
    from_stored: int
    """How many vectors it has made of stored ones."""
    wanted: ClassVar[Mapping[str, Any]]
    """The query of the documents that can have such a vector."""

    def fill(self, batch: Iterable[IdAndSource]) -> list[Failure]:
        """Write the vectors of a batch of documents, and return those that got none, each with the reason."""

    def close(self) -> None:
        """End its threads."""


def add_embedder(
    backend: Backend,
    embedder: Embedder | TextEmbedder,
    *,
    of: Literal["image", "caption"] = "image",
    again: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    batch_size: int = 32,
    progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Give every document that lacks it a vector of this embedder; see `HybridIndex.add_embedder`.

    Where the embedder is a map of another one's vectors, such as a trained head, and the index holds these, they are
    mapped, and files are opened for documents that lack them alone. Only the new field is written, so that nothing that
    others change at the same time is lost. Where vectors of another version are removed first, searches by this
    embedder find only what the run has done until it is over.

    Parameters
    ----------
    of : {"image", "caption"}
        What is embedded: pictures, or what is written about them.
    """
    spec = spec_of(embedder, of=of)
    key = _made(backend, spec, again=again)
    filler = _filler(backend, embedder, spec, key, limits=limits, batch_size=batch_size)
    lacking = {"bool": {"must_not": [{"exists": {"field": f"embedding.{key}"}}]}}
    query = {"bool": {"filter": [filler.wanted, *([] if again else [lacking])]}}
    started, total, done, failed = time.perf_counter(), backend.count(query), 0, list[Failure]()
    together = max(batch_size, _MAPPED) if filler.reads_vectors else batch_size
    documents, uncommitted = backend.scan(query, fields=filler.fields, vectors=filler.reads_vectors), 0
    try:
        while batch := list(islice(documents, together)):
            failed += filler.fill(batch)
            done += len(batch)
            uncommitted += len(batch)
            if uncommitted >= _COMMIT:
                backend.refresh()
                uncommitted = 0
            if progress is not None:
                progress(Progress(done, total, len(failed), first_path(batch[-1][1]) or batch[-1][0]))
    finally:
        filler.close()
        # whatever ends the run, what was embedded before is kept
        backend.refresh()
    _ensure(backend, key, spec)
    seconds = time.perf_counter() - started
    return IngestReport(0, done - len(failed), 0, tuple(failed), seconds=seconds, from_stored=filler.from_stored)


def _made(backend: Backend, spec: EmbeddingSpec, *, again: bool) -> str:
    """Return the key of an embedder's field, which is there afterwards, and for this version."""
    from hybrid_search.backends.transfer import renew_embedding
    from hybrid_search.embedders.registry import embedding_key

    definition = backend.definition()
    held = embeddings(definition)
    key = next((key for key, each in held.items() if each.name == spec.name), embedding_key(spec.name))
    if again and held.get(key, spec) != spec:
        renew_embedding(backend, key, spec=spec)
    _ensure(backend, key, spec)
    check(backend.definition(), key, spec)
    return key


def _ensure(backend: Backend, key: str, spec: EmbeddingSpec) -> None:
    """Make an embedder's field, also again: a version of the index that others built meanwhile may lack it."""
    for _ in range(_ATTEMPTS):
        if key in embeddings(backend.definition()):
            return
        # another may make it at this moment
        with suppress(MappingMismatch):
            backend.add_embedding(key, spec)


def _filler(
    backend: Backend,
    embedder: Embedder | TextEmbedder,
    spec: EmbeddingSpec,
    key: str,
    *,
    limits: Limits,
    batch_size: int,
) -> Filler:
    from hybrid_search.ingest.vector_sources import MappedFiller, PictureFiller, WordFiller, stored_base

    if spec.of == "caption":
        return WordFiller(backend, embedder, key)
    image = cast("Embedder", embedder)
    pictures = PictureFiller(backend, image, key, limits=limits)
    base = stored_base(image, embeddings(backend.definition()))
    return pictures if base is None else MappedFiller(backend, pictures, key, base=base, batch_size=batch_size)
