"""Reading a whole index as it is at one moment, page by page, with its vectors where they are wanted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hybrid_search.backends.elasticsearch.client import Client
from hybrid_search.backends.elasticsearch.failures import check_answer
from hybrid_search.backends.elasticsearch.vectors import VectorField

__all__ = ["excluded", "scan", "with_vectors"]

_KEEP_ALIVE = "5m"
_PAGE, _PAGE_OF_VECTORS = 1_000, 200
Fields = Mapping[str, VectorField]


def scan(
    client: Client,
    name: str,
    *,
    vectors: Fields,
    query: Mapping[str, Any] | None = None,
    fields: Sequence[str] | None = None,
    with_vectors: bool = False,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Stream (id, source) of every match from a point in time, which later writes do not change.

    Parameters
    ----------
    name : str
        The index or alias.
    vectors : mapping of str to VectorField
        The dense_vector fields.
    query : mapping, optional
        Which documents; all by default.
    fields : sequence of str, optional
        Dotted names; all by default.
    with_vectors : bool
        Also dense_vector fields, as arrays.
    """
    chosen = [field for field in vectors if fields is None or any(_covers(each, field) for each in fields)]
    body: dict[str, Any] = {
        "size": _PAGE_OF_VECTORS if with_vectors and chosen else _PAGE,
        "query": dict(query) if query is not None else {"match_all": {}},
        "sort": [{"_shard_doc": "asc"}],
        "track_total_hits": False,
        "_source": _wanted(fields, vectors),
    }
    if with_vectors and chosen:
        body["fields"] = chosen
    opened = client.ask(lambda raw: raw.open_point_in_time(index=name, keep_alive=_KEEP_ALIVE), name=name)
    pit = opened["id"]
    try:
        while True:
            page = {**body, "pit": {"id": pit, "keep_alive": _KEEP_ALIVE}}
            answer = client.ask(lambda raw, page=page: raw.search(body=page), name=name).body  # type: ignore[misc]
            check_answer(answer, location=client.location)
            pit = answer.get("pit_id", pit)
            hits = answer["hits"]["hits"]
            for hit in hits:
                yield str(hit["_id"]), _source(hit, vectors)
            if len(hits) < body["size"]:
                return
            body["search_after"] = hits[-1]["sort"]
    finally:
        # it ends by itself too; whoever scans has seen the error that matters
        with contextlib.suppress(Exception):
            client.raw.close_point_in_time(id=pit)


def excluded(vectors: Fields) -> tuple[str, ...]:
    """Return what a source is read without: dense_vector fields, with the objects that hold nothing else."""
    return tuple(dict.fromkeys(field.rpartition(".")[0] or field for field in vectors))


def with_vectors(source: dict[str, Any], vectors: Fields) -> dict[str, Any]:
    """Return a source whose dense_vector fields are arrays, float32 or int8."""
    for field, kind in vectors.items():
        inner: Any = source
        *parents, leaf = field.split(".")
        for parent in parents:
            inner = inner.get(parent, {}) if isinstance(inner, dict) else {}
        if isinstance(inner, dict) and inner.get(leaf) is not None:
            inner[leaf] = kind.array(inner[leaf])
    # 9.2 leaves an empty object where it keeps the vectors apart
    bare = {name for name in excluded(vectors) if isinstance(source.get(name), dict) and not source[name]}
    return {name: value for name, value in source.items() if name not in bare}


def _wanted(fields: Sequence[str] | None, vectors: Fields) -> Any:
    """Return the source filter; vectors come as `fields`, which 9.2 fills only if includes and excludes do not meet."""
    if fields is None:
        return {"excludes": list(excluded(vectors))}
    plain = [name for name in fields if not any(_covers(name, field) for field in vectors)]
    return {"includes": plain} if plain else False


def _source(hit: Mapping[str, Any], vectors: Fields) -> dict[str, Any]:
    source: dict[str, Any] = dict(hit.get("_source", {}))
    for field, values in hit.get("fields", {}).items():
        inner = source
        *parents, leaf = field.split(".")
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[leaf] = vectors[field].array(values)
    return source


def _covers(wanted: str, field: str) -> bool:
    return field == wanted or field.startswith(f"{wanted}.")
