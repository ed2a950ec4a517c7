"""Where documents live: one interface, an embedded engine and Elasticsearch behind it.

A backend is given Elasticsearch `_search` bodies and answers in the shape of an Elasticsearch response, so that what
builds bodies and what reads hits is written once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal

from hybrid_search.backends.integrity import IntegrityReport
from hybrid_search.document.definition import EmbeddingSpec
from hybrid_search.errors import BackendUnavailable

__all__ = ["Action", "Analysis", "Backend", "Outcome", "Stored", "Version"]

Analysis = Literal["english", "portable"]
"""How texts become terms, see `mapping.load_definition`."""
Version = tuple[int, int]
"""What a document was when it was read: changes are numbered, and so are the servers that number them."""


@dataclass(frozen=True)
class Action:
    """One write of a bulk: what to do to one document.

    Parameters
    ----------
    op : {"index", "create", "update", "delete"}
        `index` replaces the whole document, `create` writes it where there is none, `update` merges `source` into it
        (objects deeply, lists replaced, vectors kept unless given), `delete` removes it.
    id : str
        The document's id, 1 to 512 bytes.
    source : mapping
        The document's JSON fields; dense_vector fields may be numpy arrays.
    version : Version, optional
        Write only if the document is still what it was when this version was read.
    """

    op: Literal["index", "create", "update", "delete"]
    id: str
    source: Mapping[str, Any] = field(default_factory=dict)
    version: Version | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one action: `status` 200/201 written, 404 absent, 400 refused, 409 changed by another writer.

    What was refused, or changed meanwhile, has an `error`.
    """

    id: str
    status: int
    error: str | None = None


@dataclass(frozen=True)
class Stored:
    """A document as it was read: its `_source`, and its version where others may write at the same time."""

    source: dict[str, Any]
    version: Version | None = None


class Backend(ABC):
    """A store of documents that interprets Elasticsearch `_search` bodies."""

    name: str
    """The backend's name in messages: "embedded" or "elasticsearch"."""
    location: str
    """Where the documents are, without secrets."""
    is_remote: bool = False
    """Whether each question is a request to a server, so that one less is worth more than a simpler one."""

    @abstractmethod
    def exists(self) -> bool:
        """Tell whether there is an index at the location."""

    @abstractmethod
    def create(self, definition: Mapping[str, Any]) -> None:
        """Make the index from `{"settings": …, "mappings": …}`."""

    def analysis(self) -> Analysis:
        """Return the best analysis that a new index at this location can have."""
        return "english"

    def plan(self, definition: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `create` would make of a definition here, as JSON; nothing is made."""
        return dict(definition)

    @abstractmethod
    def definition(self) -> Mapping[str, Any]:
        """Return the live `{"settings": …, "mappings": …}`, `mappings._meta` included; raises IndexNotFound."""

    def known_definition(self) -> Mapping[str, Any]:
        """Return the definition at next to no cost: the same object until it has changed.

        What others change is seen here at once, or, where that has to be asked for, a little later.
        """
        return self.definition()

    def stamp(self) -> object:
        """Return what is equal as long as no document has changed, None where that cannot be told at no cost."""
        return None

    @abstractmethod
    def bulk(self, actions: Iterable[Action]) -> list[Outcome]:
        """Write all actions in order and return the fate of each; one bad document never fails the others.

        An empty bulk writes nothing and raises what any write would, such as IndexLocked.
        """

    @abstractmethod
    def refresh(self) -> None:
        """Make everything written so far durable and visible to searches."""

    @abstractmethod
    def building(self, definition: Mapping[str, Any]) -> AbstractContextManager[Backend]:
        """Give a backend for a new version of the index, which takes the index's place at the end of the block.

        Until then searches go on over the old version, and others cannot write. A block that fails leaves all as it
        was. Where there is no index yet, one is made.
        """

    @abstractmethod
    def add_embedding(self, key: str, spec: EmbeddingSpec) -> None:
        """Add a vector field, empty, to the index; raises MappingMismatch when there is one of that key already."""

    @abstractmethod
    def prefer_embedding(self, key: str) -> None:
        """Make one of the index's embeddings of pictures the default."""

    @abstractmethod
    def add_fields(self, properties: Mapping[str, Mapping[str, Any]]) -> None:
        """Add own fields to the index, by their leaf under `extra`; those that it has stay as they are."""

    def roll_back(self) -> tuple[str, str]:
        """Put the version before in the place of the one in use; returns the names of both, the former first."""
        raise BackendUnavailable(self.location, "an embedded index has no earlier version; keep a copy of its folder")

    def remove_old(self) -> list[str]:
        """Remove all versions but the one in use, to which no way back is wanted; returns their names."""
        return []

    def abandon(self) -> list[str]:
        """Remove versions that a killed process left half built, and let the index be written again."""
        return []

    @abstractmethod
    def search(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Run a `_search` body; raises UnsupportedClause for what the backend does not interpret.

        Returns
        -------
        dict
            An Elasticsearch response: `took`, `hits.total.value`, `hits.hits[]` with `_id`, `_score`, `_source`,
            `sort`, `matched_queries` as {name: score, boost included}, and `aggregations`.
        """

    def search_lazily(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Run a `_search` body more of whose hits are ranked than shown: `search`, unless a backend can do with less.

        The `_source` of a hit may be any mapping, which is read when it is first used.
        """
        return self.search(body)

    def msearch(self, bodies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Run several `_search` bodies; raises as `search`."""
        return [self.search(body) for body in bodies]

    @abstractmethod
    def count(self, query: Mapping[str, Any] | None = None) -> int:
        """Count the documents that match a query (all when None)."""

    @abstractmethod
    def read(self, id: str, *, vectors: bool = False) -> Stored:
        """Return one document; with `vectors`, dense_vector fields as arrays. Raises DocumentNotFound."""

    def get(self, id: str, *, vectors: bool = False) -> dict[str, Any]:
        """Return one document's `_source`; with `vectors`, dense_vector fields as arrays. Raises DocumentNotFound."""
        return self.read(id, vectors=vectors).source

    @abstractmethod
    def scan(
        self, query: Mapping[str, Any] | None = None, *, fields: Sequence[str] | None = None, vectors: bool = False
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Stream (id, `_source`) of every match in bounded memory; `fields` are dotted names, None means all."""

    @abstractmethod
    def info(self) -> dict[str, Any]:
        """Return facts for people: documents, bytes on disk, version, per-field vector counts."""

    def check(self, *, repair: bool = False) -> IntegrityReport:
        """Look whether all that was written is as it was written; with `repair`, mend what can be mended.

        Raises
        ------
        BackendUnavailable
            Where that is the server's business.
        """
        raise BackendUnavailable(
            self.location,
            "a server checks its own files; `GET _cluster/health` says which shards cannot be read",
        )

    @abstractmethod
    def close(self) -> None:
        """Refresh, and release files and locks; calling it twice is harmless."""
