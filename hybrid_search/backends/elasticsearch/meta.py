"""Changes of what an index says of itself, by many writers at once.

A server takes `_meta` as a whole, of the last writer, and has no condition for it. So each change leaves a mark there,
and is looked for a little later: where the mark is gone, another had read before it was written, and wrote after it.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.elasticsearch.aliases import find
from hybrid_search.backends.elasticsearch.client import Client
from hybrid_search.document.definition import extra_fields
from hybrid_search.errors import BackendUnavailable, RequestRefused

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

Change = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
"""Given settings and mappings, returns mappings to merge with them, `_meta` whole; None where nothing is to be done."""

_MARKS, _KEPT = "changes", 16
"""Where changes leave their marks, and how many: of more writers at one moment the first would not find its own."""
_ATTEMPTS = 20
"""About 5 s at least; chosen."""
_SETTLED = 0.2
"""Seconds, at least, after which whoever had read before a change has written; three times what the change took."""


def change_meta(client: Client, name: str, change: Change) -> None:
    """Change `_meta`, and what else the change names of the mappings, so that no other writer's change is lost for it.

    Parameters
    ----------
    client : Client
    name : str
        The alias of the index.
    change : callable
        Asked again, with what the index says by then, whenever another has written over it.

    Raises
    ------
    BackendUnavailable
        When others keep writing over it.
    """
    mark = secrets.token_hex(4)
    for _ in range(_ATTEMPTS):
        started = time.monotonic()
        live = find(client, name)
        wanted = change(live.definition)
        if wanted is None:
            return
        marks = [*live.definition["mappings"].get("_meta", {}).get(_MARKS, ())[1 - _KEPT :], mark]
        mappings = {"properties": wanted.get("properties", {}), "_meta": {**wanted["_meta"], _MARKS: marks}}
        client.ask(partial(_put, index=live.index, mappings=mappings), name=name)
        # partly by chance, so that those who write at once do not do so again
        time.sleep(max(_SETTLED, 3 * (time.monotonic() - started)) * random.uniform(1.0, 1.5))
        if mark in find(client, name).definition["mappings"].get("_meta", {}).get(_MARKS, ()):
            return
    raise BackendUnavailable(
        f"{client.location}/{name}", "others keep changing its embedders at the same time; try again"
    )


def add_extra(client: Client, name: str, properties: Mapping[str, Mapping[str, Any]]) -> None:
    """Add own fields by their leaf under `extra`; those that the index has by then stay as they are.

    Parameters
    ----------
    client : Client
    name : str
        The alias of the index.
    properties : mapping
        What the mapping says of each.
    """
    for left in (2, 1, 0):
        live = find(client, name)
        missing = {leaf: each for leaf, each in properties.items() if leaf not in extra_fields(live.definition)}
        if not missing:
            return
        wanted = {"extra": {"properties": missing}}
        try:
            client.ask(partial(_put_properties, index=live.index, properties=wanted), name=name)
        except RequestRefused:
            # another has added one of them in the meantime, as something else
            if not left:
                raise


def _put_properties(raw: Elasticsearch, *, index: str, properties: Mapping[str, Any]) -> Any:
    return raw.indices.put_mapping(index=index, properties=properties)


def _put(raw: Elasticsearch, *, index: str, mappings: Mapping[str, Any]) -> Any:
    return raw.indices.put_mapping(index=index, properties=mappings["properties"], meta=mappings["_meta"])
