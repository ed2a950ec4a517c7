"""What an index offers about its embedders: which there are, and how one comes, is computed anew, and goes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hybrid_search.document.definition import EmbeddingSpec, default_embedding, embeddings, extra_fields
from hybrid_search.query.query_builder import Asker

if TYPE_CHECKING:
    from hybrid_search.backends import Backend
    from hybrid_search.document.index_embedders import EmbedderSet
    from hybrid_search.embedders import Embedder, TextEmbedder
    from hybrid_search.images import Limits
    from hybrid_search.ingest import IngestReport, Progress
    from hybrid_search.ingest.embedding_batch import Embedders

__all__ = ["HoldsEmbeddings"]


class HoldsEmbeddings(ABC):
    """The part of `HybridIndex` that deals with its embedders."""

    _backend: Backend
    _limits: Limits
    _definition: Mapping[str, Any]
    _embedders: EmbedderSet
    _asker: Asker
    _key: str

    @abstractmethod
    def _see_own_writes(self) -> None: ...

    @property
    def embedder(self) -> Embedder:
        """The default embedder, loaded at its first use and checked against what the index was made with."""
        self._follow()
        return self._embedders.image()

    @property
    def embedders(self) -> tuple[str, ...]:
        """The names of all embedders that the index has now, the default first."""
        return self._now().names

    def add_embedder(
        self,
        embedder: str | Embedder | TextEmbedder,
        *,
        again: bool = False,
        batch_size: int = 32,
        progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Give every stored picture a vector of another embedder, beside those that it has.

        Files are read again, but for `head:FILE` and `joint:FILE` where the index has the vectors that these map.

        The index can be searched and written meanwhile; a run that was interrupted goes on where it ended.

        Parameters
        ----------
        embedder : str, Embedder or TextEmbedder
            A name, such as "histogram+hog", or "caption:NAME" for what embeds the words about pictures by NAME.
        again : bool
            Compute the vectors of an embedder that the index has anew. Those of another version of it are removed
            before, so that vectors of two versions are never compared.
        batch_size : int
            Pictures, or texts, embedded together.
        progress : callable, optional
            Called with a `Progress` after every batch.

        Returns
        -------
        IngestReport
            `updated` pictures, how many of them `from_stored` vectors, and those that failed: whose files are away, or
            have other bytes now.

        Raises
        ------
        EmbedderMismatch
            When the index has vectors of another version of the embedder, and `again` is false.
        EmbedderError
            When the embedder cannot be loaded.

        Examples
        --------
        >>> from hybrid_search import HybridIndex
        >>> with HybridIndex(embedder="lite") as index:
        ...     report = index.add_embedder("histogram+hog")
        ...     index.embedders
        ('lite', 'histogram+hog')
        """
        from hybrid_search.document.index_embedders import load_named, spec_of_given
        from hybrid_search.ingest.add_embedder import add_embedder

        spec, loaded = load_named(embedder) if isinstance(embedder, str) else (spec_of_given(embedder), embedder)
        self._see_own_writes()
        options: Any = {"limits": self._limits, "batch_size": batch_size, "progress": progress}
        try:
            return add_embedder(self._backend, loaded, of=spec.of, again=again, **options)
        finally:
            self._renew(self._backend.definition(), given={spec.name: loaded})

    def drop_embedder(self, name: str, *, progress: Callable[[int, int], None] | None = None) -> int:
        """Remove an embedder and its vectors.

        Where it was the default, another of pictures takes its place, if possible one that has vectors for words.
        The next version of the index is built without them: searches go on meanwhile, writes are refused.

        Parameters
        ----------
        name : str
        progress : callable, optional
            Called with the number of documents that are done, and of all.

        Returns
        -------
        int
            How many documents there are.

        Raises
        ------
        EmbedderMismatch
            When the index has no vectors of it.
        MappingMismatch
            When it is the only embedder of pictures.
        """
        from hybrid_search.backends.transfer import drop_embedding

        self._see_own_writes()
        documents = drop_embedding(self._backend, self._now().key(name, asked="drop"), progress=progress)
        self._renew(self._backend.definition())
        return documents

    def prefer_embedder(self, name: str) -> None:
        """Make an embedder of pictures the index's default: what searches use where none is named.

        Raises
        ------
        EmbedderMismatch
            When the index has no vectors of it.
        MappingMismatch
            When it embeds what is written about pictures.
        """
        self._see_own_writes()
        key = self._now().key(name, asked="prefer")
        self._backend.prefer_embedding(key)
        self._renew(self._backend.definition(), default=key)

    def _now(self) -> EmbedderSet:
        """Return the embedders of the index as it is now: others may have added or dropped one."""
        self._see(self._backend.definition())
        return self._embedders

    def _follow(self) -> None:
        """See what others changed, as far as that costs next to nothing."""
        known = self._backend.known_definition()
        if known is not self._definition:
            self._see(known)

    def _see(self, definition: Mapping[str, Any]) -> None:
        if _said(definition) != _said(self._definition):
            self._renew(definition)
        self._definition = definition

    def filling(self) -> Embedders:
        """Return the embedders that fill the index as it is now, for those who write into its backend."""
        from hybrid_search.ingest.embedding_batch import Embedders

        held = self._now()
        return Embedders(held.for_images(), held.for_captions())

    def _renew(self, definition: Mapping[str, Any], **changes: Any) -> None:
        held = self._embedders.renewed(definition, **changes)
        self._definition, self._embedders, self._key = definition, held, held.default
        self._asker = Asker(self._backend, definition, embedders=held, limits=self._limits)


def _said(definition: Mapping[str, Any]) -> tuple[dict[str, EmbeddingSpec], str, dict[str, Any]]:
    return embeddings(definition), default_embedding(definition), extra_fields(definition)
