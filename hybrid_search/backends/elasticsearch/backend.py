"""The Elasticsearch backend: the same bodies, answered by a cluster."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import replace
from typing import Any, TypeVar

from hybrid_search.backends import Action, Analysis, Backend, Outcome, Stored
from hybrid_search.backends.elasticsearch.aliases import (
    Live,
    aliases,
    check_name,
    find,
    make,
    next_version,
    with_layout,
    write_alias,
)
from hybrid_search.backends.elasticsearch.bulk import BulkWriter
from hybrid_search.backends.elasticsearch.client import Client
from hybrid_search.backends.elasticsearch.dense_vectors import DenseVectorField, vector_fields
from hybrid_search.backends.elasticsearch.encode import fits
from hybrid_search.backends.elasticsearch.error_messages import alias_error, block_error, closed_error
from hybrid_search.backends.elasticsearch.flattened_patterns import answerable
from hybrid_search.backends.elasticsearch.meta import add_extra, change_meta
from hybrid_search.backends.elasticsearch.new_version import abandon, new_version, put_back, remove_old
from hybrid_search.backends.elasticsearch.point_in_time import excluded, scan, with_vectors, without_words
from hybrid_search.backends.elasticsearch.server import Server
from hybrid_search.backends.elasticsearch.statistics import facts
from hybrid_search.document.definition import EmbeddingSpec, default_embedding, embeddings, load_definition, prefer
from hybrid_search.document.search_fields import with_search_fields
from hybrid_search.errors import (
    AccessDenied,
    BackendUnavailable,
    DocumentNotFound,
    IndexCorrupt,
    IndexNotFound,
    MappingMismatch,
    RequestRefused,
    UnknownField,
)

T = TypeVar("T")
_FRESH = 30.0
"""Seconds for which it is believed that nobody else changed the index's definition."""


class ElasticsearchBackend(Backend):
    """Documents in an index of an Elasticsearch server, 8.19 or 9.x, read and written through two aliases.

    Opening costs nothing: the first request connects. Any number of objects may read and write at the same time.

    Parameters
    ----------
    location : str or None
        The server's URL, or several of one cluster separated by commas; None with a `cloud_id`.
    name : str
        The alias to read through; documents are written through `<name>-write`.
    server : Server
        Credentials, trust, patience, and the layout of a new index.
    """

    name = "elasticsearch"
    is_remote = True

    def __init__(self, location: str | None, *, name: str, server: Server) -> None:
        check_name(name)
        self._client = Client(location, server)
        self._alias, self._target = name, write_alias(name)
        self._live: Live | None = None
        self._asked = 0.0
        self._unseen = False
        # the same copy of a shard answers every page of a search: copies break ties differently
        self._preference = secrets.token_hex(8)
        self.location = f"{self._client.location}/{name}"

    def exists(self) -> bool:
        """Tell whether there is an index of this name."""
        try:
            # not by HEAD: an error would have no text
            self._ask(lambda raw: raw.indices.get(index=self._alias, filter_path="*.settings.index.uuid"))
        except IndexNotFound:
            return False
        return True

    def analysis(self) -> Analysis:
        """Return "english" where the server has the filters of English, "portable" otherwise.

        To ask takes a right over the whole cluster; without it, it is what the index has, and "english" for a new one.
        """
        chain = ["lowercase", "asciifolding", {"type": "stemmer", "language": "porter2"}]
        try:
            self._ask(lambda raw: raw.indices.analyze(body={"tokenizer": "standard", "filter": chain, "text": "a"}))
        except RequestRefused:
            return "portable"
        except AccessDenied:
            return self._kept_analysis()
        return "english"

    def plan(self, definition: Mapping[str, Any]) -> dict[str, Any]:
        """Return aliases, settings and mappings of a new index, as `PUT <name>-000001` takes them."""
        return {"aliases": aliases(self._alias), **with_layout(definition, self._client.server)}

    def create(self, definition: Mapping[str, Any]) -> None:
        """Make the first version of the index, with both aliases.

        Raises
        ------
        BackendUnavailable
            When there is an index already.
        RequestRefused
            When the server does not accept the definition.
        """
        whole = self.plan(definition)
        index = next_version(self._client, self._alias)
        if self.exists():
            raise BackendUnavailable(self.location, "there is an index already")
        try:
            make(self._client, index, whole)
        except RequestRefused as error:
            if "already exists" in error.reason:
                raise BackendUnavailable(self.location, "there is an index already") from error
            raise

    def definition(self) -> Mapping[str, Any]:
        """Return settings and mappings as they are on the server now; raises IndexNotFound, IndexCorrupt."""
        self._live = None
        return self._known().definition

    def known_definition(self) -> Mapping[str, Any]:
        """Return settings and mappings as they were at most half a minute ago, or when this object changed them."""
        if time.monotonic() - self._asked > _FRESH:
            self._live = None
        return self._known().definition

    def bulk(self, actions: Iterable[Action]) -> list[Outcome]:
        """Write all actions in order and return the fate of each; safe to repeat.

        Raises
        ------
        IndexCorrupt
            When there is no alias to write through.
        IndexLocked, ServerBusy, BackendUnavailable
            When the server refuses writes (a full disk, a block), or had no room or was away until the deadline.
        """
        waiting = list(actions)
        if not waiting:
            self._check_writable()
            return []
        aliased = self._target != self._alias
        self._unseen = True
        try:
            known = self._known().definition["mappings"].get("properties", {})
            waiting = [replace(action, source=with_search_fields(action.source, known)) for action in waiting]
            return BulkWriter(self._client, self._target, vectors=self._vectors(), alias=aliased).run(waiting)
        except IndexCorrupt as error:
            self._check_exists(error)
            raise

    def refresh(self) -> None:
        """Make everything written so far visible to searches; durable it was when it was acknowledged."""
        self._unseen = False  # before it: what another thread writes meanwhile stays unseen
        try:
            self._ask(lambda raw: raw.indices.refresh(index=self._alias))
        except BackendUnavailable:
            # a refresh waits for a part that is on no node; a count says so at once
            self._client.ask(lambda raw: raw.count(index=self._alias), name=self._alias, deadline=0)
            raise

    @contextmanager
    def building(self, definition: Mapping[str, Any]) -> Iterator[Backend]:
        """Give a backend for a new version of the index; see `building.new_version`."""
        with new_version(self._client, self._alias, definition) as index:
            new = copy(self)
            new._alias = new._target = index
            new._live = None
            yield new
        self._live = None

    def add_embedding(self, key: str, spec: EmbeddingSpec) -> None:
        """Add a vector field, empty, to the index while it is used.

        Raises
        ------
        MappingMismatch
            When there is a field of that key already.
        """
        written = False

        def change(definition: Mapping[str, Any]) -> Mapping[str, Any] | None:
            nonlocal written
            stored, held = definition["mappings"]["_meta"], embeddings(definition)
            if written and held.get(key) == spec:
                return None
            if key in held:
                raise MappingMismatch(f"embedding.{key}", "the index has this embedding already")
            written = True
            wanted = load_definition(analysis=stored["analysis"], embeddings={key: spec})
            field = with_layout(wanted, self._client.server)["mappings"]["properties"]["embedding"]
            specs = {**stored["embeddings"], key: spec.to_json()}
            meta = {**stored, "default_embedding": default_embedding(definition), "embeddings": specs}
            return {"properties": {"embedding": field}, "_meta": meta}

        self._change(change)

    def add_fields(self, properties: Mapping[str, Mapping[str, Any]]) -> None:
        """Add own fields to the index while it is used; what another writer adds at the same time stays."""
        self._live = None
        add_extra(self._client, self._alias, properties)

    def prefer_embedding(self, key: str) -> None:
        """Make one of the index's embeddings of pictures the default."""

        def change(definition: Mapping[str, Any]) -> Mapping[str, Any] | None:
            meta = prefer(definition, key)["mappings"]["_meta"]
            return None if meta == definition["mappings"]["_meta"] else {"_meta": meta}

        self._change(change)

    def remove_old(self) -> list[str]:
        """Remove all versions but the one in use, to which no way back is wanted; returns their names."""
        return remove_old(self._client, self._alias)

    def abandon(self) -> list[str]:
        """Remove versions that a killed process left half built, and let the index be written again."""
        return abandon(self._client, self._alias)

    def roll_back(self) -> tuple[str, str]:
        """Put the version before in the place of the one in use; returns the names of both, the former first."""
        self._live = None
        return put_back(self._client, self._alias)

    def search(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Run a `_search` body.

        Raises
        ------
        UnknownField
            When a kNN clause names no vector field: the server would find nothing there, without a word.
        RequestRefused
            When the server does not accept the body.
        IncompleteAnswer, BackendUnavailable
            When a part of the index did not answer.
        """
        self._check_knn(body)
        asked = answerable(body, self._client, self._alias)
        answer = self._asked_for_vectors(
            lambda raw: raw.search(
                index=self._alias,
                body=asked,
                include_named_queries_score=True,
                allow_partial_search_results=False,
                preference=self._preference,
            )
        )
        found = without_words(answer.body)
        self._check_lists(body, found)
        return found

    def msearch(self, bodies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Run several `_search` bodies in one request; raises as `search`."""
        for body in bodies:
            self._check_knn(body)
        head = {"allow_partial_search_results": False, "preference": self._preference}
        lines = [line for body in bodies for line in (head, answerable(body, self._client, self._alias))]
        answer = self._asked_for_vectors(
            lambda raw: raw.msearch(index=self._alias, searches=lines, include_named_queries_score=True)
        )
        found = [without_words(response) for response in answer.body["responses"]]
        for body, response in zip(bodies, found, strict=True):
            self._check_lists(body, response)
        return found

    def count(self, query: Mapping[str, Any] | None = None) -> int:
        """Count the documents that match a query (all when None)."""
        wanted = None if query is None else answerable(query, self._client, self._alias)
        return int(self._ask(lambda raw: raw.count(index=self._alias, query=wanted)).body["count"])

    def read(self, id: str, *, vectors: bool = False) -> Stored:
        """Return one document with its version, written but not refreshed ones too.

        Raises
        ------
        DocumentNotFound
            When there is no such document.
        """
        if not fits(id):
            raise DocumentNotFound(id)
        wanted = {"source_includes": "*"} if vectors else {"source_excludes": list(excluded(self._vectors()))}
        answer = self._ask(lambda raw: raw.get(index=self._alias, id=id, **wanted)).body
        source = with_vectors(answer["_source"], self._vectors()) if vectors else answer["_source"]
        return Stored(source, (int(answer["_seq_no"]), int(answer["_primary_term"])))

    def scan(
        self, query: Mapping[str, Any] | None = None, *, fields: Sequence[str] | None = None, vectors: bool = False
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Stream (id, `_source`) of every match from one point in time, in bounded memory."""
        wanted = query and answerable(query, self._client, self._alias)
        yield from scan(
            self._client, self._alias, vectors=self._vectors(), query=wanted, fields=fields, with_vectors=vectors
        )

    def info(self) -> dict[str, Any]:
        """Return `documents`, `bytes`, `index`, `version`, `health`, shards and replicas, and vectors per field."""
        return {"backend": self.name, "location": self.location, **facts(self._client, self._alias, self._vectors())}

    def close(self) -> None:
        """Refresh what was written, and close the connections; calling it twice is harmless."""
        try:
            if self._unseen:
                # who may not refresh leaves it to the server, which does so in its own time
                with suppress(IndexNotFound, AccessDenied):
                    self.refresh()
        finally:
            self._unseen = False
            self._client.close()

    def _ask(self, request: Any) -> Any:
        return self._client.ask(request, name=self._alias)

    def _check_writable(self) -> None:
        """Raise what any write would: no alias to write through, a closed index, a block."""
        target = self._target
        try:
            answer = self._client.ask(lambda raw: raw.indices.get_settings(index=target), name=target).body
        except IndexCorrupt as error:
            self._check_exists(error)
            raise
        if len(answer) != 1:
            raise alias_error(self.location, target, f"it names {len(answer)} indexes")
        ((_, found),) = answer.items()
        if found["settings"]["index"].get("verified_before_close") == "true":
            raise closed_error(self._client.location, self._alias)
        blocks = found["settings"]["index"].get("blocks", {})
        for block in ("read_only_allow_delete", "read_only", "write"):
            if blocks.get(block) == "true":
                raise block_error(self._client.location, f"index {block}")

    def _check_exists(self, error: IndexCorrupt) -> None:
        """Raise IndexNotFound when not only the alias to write through is gone, but the index."""
        if not self.exists():
            raise IndexNotFound(self._client.location, self._alias) from error

    def _kept_analysis(self) -> Analysis:
        try:
            kept = find(self._client, self._alias).definition["mappings"]["_meta"]["analysis"]
        except (AccessDenied, IndexNotFound, KeyError):
            return "english"
        return "portable" if kept == "portable" else "english"

    def _check_knn(self, body: Mapping[str, Any]) -> None:
        clauses = body.get("knn", ())
        for clause in [clauses] if isinstance(clauses, Mapping) else clauses:
            field = str(clause.get("field"))
            if field not in self._vectors():
                # another writer may have added an embedding since this index was opened
                self._live = None
                if field not in self._vectors():
                    raise UnknownField(field, tuple(self._vectors()))

    def _check_lists(self, body: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        """Raise UnknownField where another writer has dropped a field: a server finds nothing there, without a word."""
        clauses = body.get("knn", ())
        fields = [str(clause.get("field")) for clause in ([clauses] if isinstance(clauses, Mapping) else clauses)]
        if not any(field.startswith("embedding.") for field in fields):
            return
        index = next((hit["_index"] for hit in found["hits"]["hits"]), None)
        # an embedding is dropped, or emptied, by a new version of the index
        if index is None or index != self._known().index:
            self._live = None
            self._check_knn(body)

    def _asked_for_vectors(self, request: Any) -> Any:
        try:
            return self._ask(request)
        except RequestRefused:
            # it may be that another writer has changed the fields that are asked
            self._live = None
            raise

    def _change(self, change: Any) -> None:
        self._live = None
        change_meta(self._client, self._alias, change)

    def _known(self) -> Live:
        if self._live is None:
            self._asked, self._live = time.monotonic(), find(self._client, self._alias)
        return self._live

    def _vectors(self) -> dict[str, DenseVectorField]:
        """Return the dense_vector fields."""
        return vector_fields(self._known().definition["mappings"].get("properties", {}))
