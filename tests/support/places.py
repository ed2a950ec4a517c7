"""Indexes of a test's own on real servers, gone at its end in whatever state it left them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from hybrid_search.backends import Action
from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server
from hybrid_search.document.search_fields import MADE
from tests.support.photos import definition, photo


@dataclass(frozen=True)
class Place:
    """A name that nobody else uses, on a server."""

    url: str
    name: str
    raw: Elasticsearch

    @property
    def index(self) -> str:
        return f"{self.name}-000001"

    @property
    def alias(self) -> str:
        return f"{self.name}-write"

    def backend(self, url: str | None = None, *, timeout: float = 10.0, deadline: float = 1.0) -> ElasticsearchBackend:
        """Return a backend for the name, through another URL if one is given."""
        return ElasticsearchBackend(url or self.url, name=self.name, server=Server(timeout=timeout, deadline=deadline))

    def make(self, documents: int = 0, *, whole: bool = True, **settings: Any) -> None:
        """Make the index with its aliases, and photos in it; where not `whole`, its shard may have no node."""
        made = definition("portable")
        made["settings"] |= {"number_of_replicas": 0, **settings}
        aliases: Mapping[str, Any] = {self.name: {}, self.alias: {"is_write_index": True}}
        self.raw.indices.create(index=self.index, **made, aliases=aliases, wait_for_active_shards=int(whole))
        if documents:
            backend = self.backend()
            outcomes = backend.bulk([Action("index", f"p{each}", photo(each)) for each in range(documents)])
            assert {outcome.status for outcome in outcomes} == {201}
            backend.refresh()
            backend.close()

    def change(self, **settings: Any) -> None:
        """Change settings of the index: `blocks_write=True` is index.blocks.write."""
        named = {f"index.{key.replace('_', '.', 1)}": value for key, value in settings.items()}
        self.raw.indices.put_settings(index=self.index, settings=named)

    def stored(self) -> dict[str, dict[str, Any]]:
        """Return all documents by id, straight from the server, without the fields of their words."""
        self.raw.indices.refresh(index=self.name)
        hits = self.raw.search(index=self.name, size=10_000)["hits"]["hits"]
        return {hit["_id"]: {name: value for name, value in hit["_source"].items() if name not in MADE} for hit in hits}


@contextmanager
def place_on(url: str) -> Iterator[Place]:
    """Give a name on a server; indexes that begin with it are unblocked and deleted at the end."""
    name = f"failures-{secrets.token_hex(4)}"
    with Elasticsearch(url) as raw:
        try:
            yield Place(url, name, raw)
        finally:
            free = {f"index.blocks.{each}": None for each in _BLOCKS}
            raw.indices.put_settings(index=f"{name}*", settings=free, expand_wildcards="all", allow_no_indices=True)
            if left := list(raw.indices.get_alias(index=f"{name}*", expand_wildcards="all", allow_no_indices=True)):
                raw.indices.delete(index=left)


_BLOCKS = ("write", "read", "read_only", "metadata", "read_only_allow_delete")
