"""Reading a whole index as it is at one moment, page by page, with its vectors where they are wanted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.elasticsearch.aliases import find
from hybrid_search.backends.elasticsearch.client import Client
from hybrid_search.backends.elasticsearch.dense_vectors import DenseVectorField
from hybrid_search.backends.elasticsearch.error_translation import check_view
from hybrid_search.document.search_fields import MADE
from hybrid_search.errors import BackendError, ViewEnded

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

_KEEP_ALIVE = "5m"
_PAGE, _PAGE_OF_VECTORS = 1_000, 200
"""Documents of a page; with vectors, whose JSON takes some 25 kB at 1,280 dims, a page has about 5 MB."""
_VIEWS = 3
"""Points in time that are tried; chosen."""
Fields = Mapping[str, DenseVectorField]


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
    vectors : mapping of str to DenseVectorField
        The dense_vector fields.
    query : mapping, optional
        Which documents; all by default.
    fields : sequence of str, optional
        Dotted names; all by default.
    with_vectors : bool
        Also dense_vector fields, as arrays.

    Raises
    ------
    ViewEnded
        When the server has lost its view of the index after the first page, as it does with the node that kept it.
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
    for hits in _pages(client, name, body):
        for hit in hits:
            yield str(hit["_id"]), _source(hit, vectors)


def excluded(vectors: Fields) -> tuple[str, ...]:
    """Return what a source is read without: dense_vector fields, with the objects that hold nothing else, and words."""
    return (*dict.fromkeys(field.rpartition(".")[0] or field for field in vectors), *sorted(MADE))


def with_vectors(source: dict[str, Any], vectors: Fields) -> dict[str, Any]:
    """Return a source whose dense_vector fields are arrays, float32 or int8."""
    for field, kind in vectors.items():
        inner: Any = source
        *parents, leaf = field.split(".")
        for parent in parents:
            inner = inner.get(parent, {}) if isinstance(inner, dict) else {}
        if isinstance(inner, dict) and leaf in inner:
            values = inner.pop(leaf)
            # where an update took a vector away, 8.19 keeps a null
            inner.update({} if values is None else {leaf: kind.array(values)})
    # 9.2 leaves an empty object where it keeps the vectors apart
    bare = {name for name in excluded(vectors) if isinstance(source.get(name), dict) and not source[name]}
    return {name: value for name, value in source.items() if name not in bare and name not in MADE}


def without_words(response: dict[str, Any]) -> dict[str, Any]:
    """Return a response whose hits have the fields that were written, and not those that were made of them."""
    for hit in response.get("hits", {}).get("hits", ()):
        if not MADE.isdisjoint(source := hit.get("_source", {})):
            hit["_source"] = {name: value for name, value in source.items() if name not in MADE}
    return response


def _pages(client: Client, name: str, body: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    pit, hits = _first_page(client, name, body)
    try:
        while True:
            yield hits
            if len(hits) < body["size"]:
                return
            pit, hits = _page(client, name, {**body, "search_after": hits[-1]["sort"]}, pit)
    finally:
        _forget(client, pit)


def _first_page(client: Client, name: str, body: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Open a point in time and read its first page, again where the view is lost between the two."""
    views = count(1)
    while True:
        pit = client.ask(lambda raw: raw.open_point_in_time(index=name, keep_alive=_KEEP_ALIVE), name=name)["id"]
        try:
            return _page(client, name, body, pit)
        except BackendError as error:
            _forget(client, pit)
            if not isinstance(error, ViewEnded) or next(views) == _VIEWS:
                raise


def _page(client: Client, name: str, body: dict[str, Any], pit: str) -> tuple[str, list[dict[str, Any]]]:
    page = {**body, "pit": {"id": pit, "keep_alive": _KEEP_ALIVE}}

    def read(raw: Elasticsearch) -> Any:
        from elasticsearch import ApiError

        try:
            answer = raw.search(body=page)
        except ApiError as error:
            check_view(error.body, location=client.location)
            raise
        check_view(answer.body, location=client.location)
        return answer

    try:
        answer = client.ask(read, name=name).body
    except ViewEnded:
        # of an index that was deleted meanwhile the server says the same
        find(client, name)
        raise
    return answer.get("pit_id", pit), answer["hits"]["hits"]


def _forget(client: Client, pit: str) -> None:
    # it ends by itself too; whoever scans has seen the error that matters
    with contextlib.suppress(Exception):
        client.ask(lambda raw: raw.close_point_in_time(id=pit), name="", deadline=1.0)


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
