"""The state of an open index: what it was opened with, what others have changed since, what is not yet refreshed."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hybrid_search.document.definition import EmbeddingSpec, default_embedding, embeddings, extra_fields
from hybrid_search.errors import BackendError, DocumentNotFound
from hybrid_search.query.completions import NameTable, index_names
from hybrid_search.query.query_builder import Asker
from hybrid_search.query.state_cache import StateCache
from hybrid_search.query.understood.vocabulary import IndexVocabulary, index_vocabulary

if TYPE_CHECKING:
    from hybrid_search.backends import Backend
    from hybrid_search.document.index_embedders import EmbedderSet
    from hybrid_search.images import Limits


class IndexState:
    """What the functions behind `HybridIndex` share: backend, definition, embedders, limits and pending writes.

    It stands in the earliest layer that knows all of them, so that searching, indexing and comparing can take it.

    Parameters
    ----------
    backend : Backend
    definition : mapping
        Settings and mappings of the index.
    embedders : EmbedderSet
        The embedders of the index, and which of them is its default.
    limits : Limits
        The largest picture that is accepted.

    Attributes
    ----------
    asker : Asker
        Turns questions about the index into queries.
    pending : set of str
        Paths that were written and are not refreshed yet; "" stands for a write of another kind.
    """

    definition: Mapping[str, Any]
    embedders: EmbedderSet
    asker: Asker

    def __init__(
        self, backend: Backend, definition: Mapping[str, Any], embedders: EmbedderSet, *, limits: Limits
    ) -> None:
        self.backend, self.limits = backend, limits
        self.pending: set[str] = set()
        self._closed = False
        self._refreshing = threading.RLock()
        self._vocabulary = StateCache(index_vocabulary)
        self._names = StateCache(index_names)
        self._set(definition, embedders)

    @property
    def key(self) -> str:
        """The key of the default embedding of pictures."""
        return self.embedders.default

    def check_open(self) -> None:
        """Raise BackendError after `close`."""
        if self._closed:
            place = self.backend.location
            remedy = "open it anew, or ask before the end of its `with` block"
            raise BackendError(f"the index at {place} has been closed", remedy=remedy, location=place)

    def refresh(self) -> None:
        """Make everything written so far durable and visible."""
        self.check_open()
        with self._refreshing:
            self._vocabulary.forget()
            self._names.forget()
            self.pending.clear()  # before the commit: what another thread adds meanwhile stays pending
            self.backend.refresh()
            self.asker.cosines.forget()

    def vocabulary(self) -> IndexVocabulary:
        """Return what can be asked of the index: its cameras, places, people, years and so on."""
        return self._vocabulary.current(self.backend, self.definition)

    def names(self) -> NameTable:
        """Return the names in the index, by how they begin."""
        return self._names.current(self.backend, self.definition)

    def see_own_writes(self) -> None:
        """Refresh where something is pending: what this object has written is there for what it does next."""
        self.check_open()
        with self._refreshing:  # what another thread commits just now may be no longer pending and not yet there
            if self.pending:
                self.refresh()

    def close(self) -> None:
        """Refresh and release the index."""
        self._closed = True
        self.pending.clear()
        self.backend.close()

    def contains(self, id_or_path: str) -> bool:
        """Tell whether there is a document with this id, or of a picture at this path; nothing is refreshed for it."""
        self.check_open()
        # what is not refreshed yet is known here: asked before every `add`, nothing is committed for it
        if id_or_path and {id_or_path, os.path.abspath(os.path.expanduser(id_or_path))} & self.pending:
            return True
        try:
            self.asker.find(id_or_path)
        except DocumentNotFound:
            return False
        return True

    def current_embedders(self) -> EmbedderSet:
        """Return the embedders of the index as it is now: others may have added or dropped one."""
        self._see(self.backend.definition())
        return self.embedders

    def follow(self) -> None:
        """See what others changed, as far as that costs next to nothing."""
        known = self.backend.known_definition()
        if known is not self.definition:
            self._see(known)

    def renew(self, definition: Mapping[str, Any], **changes: Any) -> None:
        """Take over another definition; `changes` are those of `EmbedderSet.renewed`."""
        self._set(definition, self.embedders.renewed(definition, **changes))

    def _see(self, definition: Mapping[str, Any]) -> None:
        if _fields(definition) != _fields(self.definition):
            self.renew(definition)
        self.definition = definition

    def _set(self, definition: Mapping[str, Any], embedders: EmbedderSet) -> None:
        self.definition, self.embedders = definition, embedders
        self.asker = Asker(self.backend, definition, embedders=embedders, limits=self.limits)


def _fields(definition: Mapping[str, Any]) -> tuple[dict[str, EmbeddingSpec], str, dict[str, Any]]:
    """Return what of a definition may change while an index is open."""
    return embeddings(definition), default_embedding(definition), extra_fields(definition)
