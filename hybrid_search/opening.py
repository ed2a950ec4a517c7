"""Opening an index: made when there is none, and matched with the embedder that it is asked with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hybrid_search.backends import Backend
from hybrid_search.errors import BackendUnavailable, EmbedderMismatch
from hybrid_search.mapping import EmbeddingSpec, check_schema, embeddings, load_definition, spec_of

if TYPE_CHECKING:
    from hybrid_search.embedders import Embedder

__all__ = ["Opened", "open_or_create"]


@dataclass(frozen=True)
class Opened:
    """An index as it was opened.

    Parameters
    ----------
    definition : mapping
        Its settings and mappings.
    key : str
        The leaf, under `embedding`, of the vectors that pictures are compared by.
    spec : EmbeddingSpec
        What made those vectors.
    embedder : Embedder or None
        The embedder, where it was given or had to be loaded.
    """

    definition: Mapping[str, Any]
    key: str
    spec: EmbeddingSpec
    embedder: Embedder | None


def open_or_create(backend: Backend, embedder: str | Embedder | None) -> Opened:
    """Return the index of a backend, made for this embedder, or for "lite", when there is none.

    Raises
    ------
    EmbedderMismatch
        When the index has no vectors of the embedder.
    MappingMismatch
        When the index was made by a version with another schema.
    """
    name = embedder if isinstance(embedder, str) else None
    loaded = None if embedder is None or isinstance(embedder, str) else embedder
    if not backend.exists():
        loaded = _create(backend, name or "lite", loaded)
    definition = backend.definition()
    check_schema(definition)
    key, spec = _choose(definition, loaded.name if loaded is not None else name)
    return Opened(definition, key, spec, loaded)


def _create(backend: Backend, name: str, embedder: Embedder | None) -> Embedder:
    from hybrid_search.embedders.registry import embedding_key, get_embedder

    embedder = embedder or get_embedder(name)
    spec = spec_of(embedder)
    held = {embedding_key(spec.name): spec}
    try:
        backend.create(load_definition(analysis=backend.analysis(), embeddings=held))
    except BackendUnavailable:
        # another may have made it at the same moment
        if not backend.exists():
            raise
    return embedder


def _choose(definition: Mapping[str, Any], wanted: str | None) -> tuple[str, EmbeddingSpec]:
    stored = embeddings(definition)
    for key, spec in stored.items():
        if wanted is None or spec.name == wanted:
            return key, spec
    raise EmbedderMismatch(", ".join(str(spec) for spec in stored.values()), str(wanted))
