"""The embedders of an open index change: one comes, is computed anew, becomes the default, or goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hybrid_search.backends.transfer import drop_embedding
from hybrid_search.document.index_embedders import load_named, spec_of_given
from hybrid_search.ingest import fill_vectors

if TYPE_CHECKING:
    from hybrid_search.embedders import Embedder, TextEmbedder
    from hybrid_search.ingest.report import IngestReport, Progress
    from hybrid_search.query.index_state import IndexState


def add_embedder(
    index: IndexState,
    embedder: str | Embedder | TextEmbedder,
    *,
    again: bool,
    batch_size: int,
    progress: Callable[[Progress], None] | None,
) -> IngestReport:
    """Give every stored picture a vector of another embedder; see `HybridIndex.add_embedder`."""
    spec, loaded = load_named(embedder) if isinstance(embedder, str) else (spec_of_given(embedder), embedder)
    index.see_own_writes()
    try:
        return fill_vectors.add_embedder(
            index.backend,
            loaded,
            of=spec.of,
            again=again,
            limits=index.limits,
            batch_size=batch_size,
            progress=progress,
        )
    finally:
        index.renew(index.backend.definition(), given={spec.name: loaded})


def drop_embedder(index: IndexState, name: str, *, progress: Callable[[int, int], None] | None) -> int:
    """Remove an embedder and its vectors; returns how many documents there are."""
    index.see_own_writes()
    documents = drop_embedding(index.backend, index.current_embedders().key(name, asked="drop"), progress=progress)
    index.renew(index.backend.definition())
    return documents


def prefer_embedder(index: IndexState, name: str) -> None:
    """Make an embedder of pictures the index's default."""
    index.see_own_writes()
    key = index.current_embedders().key(name, asked="prefer")
    index.backend.prefer_embedding(key)
    index.renew(index.backend.definition(), default=key)
