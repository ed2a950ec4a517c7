"""All documents of one backend into another, vectors and all, nothing computed anew."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from hybrid_search.backends import Action, Backend
from hybrid_search.document.definition import SCHEMA_VERSION
from hybrid_search.document.schema_upgrade import upgraded
from hybrid_search.errors import AccessDenied, BulkError, IndexCorrupt

_TOGETHER = 1_000
"""Documents of one bulk; chosen, not measured."""


def carry(
    source: Backend,
    into: Backend,
    *,
    without: Collection[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write every document of one backend into another, which is empty, and return how many there are.

    Parameters
    ----------
    source, into : Backend
    without : collection of str
        Embeddings that are left behind, by their leaf under `embedding`.
    progress : callable, optional
        Called with the number of documents that are done, and of all.

    Raises
    ------
    BulkError
        When a document is refused.
    IndexCorrupt
        When not all have arrived.
    """
    with suppress(AccessDenied):
        # those who may only read copy what the server itself has made visible
        source.refresh()
    total, done = source.count(), 0
    for batch in _batches(source, without):
        outcomes = into.bulk(batch)
        refused = [(outcome.id, outcome.error) for outcome in outcomes if outcome.error is not None]
        if refused:
            raise BulkError(refused)
        done += len(batch)
        if progress is not None:
            progress(done, total)
    into.refresh()
    arrived = into.count()
    if arrived != done:
        raise IndexCorrupt(
            into.location, f"{done:,} documents were sent, {arrived:,} arrived", "the index they came from is as it was"
        )
    return done


def _batches(source: Backend, without: Collection[str]) -> Iterator[list[Action]]:
    documents = source.scan(vectors=True)
    schema = source.definition()["mappings"].get("_meta", {}).get("schema_version", SCHEMA_VERSION)
    while some := [(id, upgraded(fields, schema=schema)) for id, fields in islice(documents, _TOGETHER)]:
        yield [Action("index", id, _left(fields, without)) for id, fields in some]


def _left(source: dict[str, Any], without: Collection[str]) -> dict[str, Any]:
    held = source.get("embedding")
    if not without or not held:
        return source
    return {**source, "embedding": {key: vector for key, vector in held.items() if key not in without}}
