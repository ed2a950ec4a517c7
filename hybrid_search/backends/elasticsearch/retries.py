"""Writes that were sent again because the reply was lost: a conflict with what was written the first time is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hybrid_search.backends.elasticsearch.client import Client
from hybrid_search.backends.elasticsearch.dense_vectors import DenseVectorField
from hybrid_search.backends.elasticsearch.encode import BulkEntry
from hybrid_search.backends.elasticsearch.point_in_time import excluded


def written_before(
    entries: Sequence[BulkEntry], client: Client, target: str, *, vectors: Mapping[str, DenseVectorField]
) -> set[int]:
    """Return the places of those whose document is already what the action was to make of it.

    Vectors are not compared: a server may keep them rounded, or apart.

    Parameters
    ----------
    entries : sequence of BulkEntry
        Actions that the server refused with a conflict after their first reply was lost.
    target : str
        The alias or index that they were written to.
    """
    if not entries:
        return set()
    without = excluded(vectors)
    ids = [entry.id for entry in entries]
    answer = client.ask(lambda raw: raw.mget(index=target, ids=ids, source_excludes=list(without)), name=target)
    stored = [document.get("_source") if document.get("found") else None for document in answer.body["docs"]]
    pairs = zip(entries, stored, strict=True)
    return {entry.place for entry, source in pairs if _is_done(entry, source, without)}


def _is_done(entry: BulkEntry, stored: Any, without: Sequence[str]) -> bool:
    import orjson

    head, *rest = entry.lines.split(b"\n")
    (operation,) = orjson.loads(head)
    if operation == "delete" or stored is None:
        return operation == "delete" and stored is None
    body = orjson.loads(rest[0])
    if operation == "update":
        return bool(_merged(stored, _apart(body["doc"], without)) == stored)
    return bool(_apart(body, without) == stored)


def _merged(stored: Any, given: Any) -> Any:
    """Return what an update makes of a value: objects are merged, everything else is replaced."""
    if isinstance(stored, dict) and isinstance(given, dict):
        return {**stored, **{key: _merged(stored.get(key), value) for key, value in given.items()}}
    return given


def _apart(source: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return a source without some fields, dotted names."""
    kept: dict[str, Any] = {}
    for key, value in source.items():
        inner = [name.partition(".")[2] for name in names if name.partition(".")[0] == key]
        if "" not in inner:
            kept[key] = _apart(value, inner) if inner and isinstance(value, Mapping) else value
    return kept
