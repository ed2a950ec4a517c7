"""One index as a server has it: numbered versions, an alias to read through and an alias to write through."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from hybrid_search.backends.elasticsearch.client import Client
from hybrid_search.backends.elasticsearch.error_messages import alias_error
from hybrid_search.backends.elasticsearch.server import Server
from hybrid_search.errors import BackendUnavailable, IndexNotFound, RequestRefused

_DIGITS = 6  # as Elasticsearch numbers the indexes of a rollover: images-000001
# As 9.1 and later do it by default, a filtered search does not look beyond neighbours that the filter excludes: where
# pictures form clusters, it found 90 % of the nearest under a filter that 5 % pass, and fewer the larger the index.
_WHOLE_SEARCH = {"index.dense_vector.hnsw_filter_heuristic": "fanout"}


@dataclass(frozen=True)
class Live:
    """The index behind a name.

    Parameters
    ----------
    index : str
        Its own name, such as "images-000001".
    definition : mapping
        `{"settings": …, "mappings": …}`.
    settings : mapping
        All of `settings.index`.
    aliased : bool
        Whether the name is an alias, as it should be, or the index's own.
    """

    index: str
    definition: Mapping[str, Any]
    settings: Mapping[str, Any]
    aliased: bool


def write_alias(name: str) -> str:
    """Return the alias through which an index is written."""
    return f"{name}-write"


def aliases(name: str) -> dict[str, Any]:
    """Return the aliases of the version that is in use, as a new index takes them."""
    return {name: {}, write_alias(name): {"is_write_index": True}}


def find(client: Client, name: str) -> Live:
    """Return what is behind a name.

    Raises
    ------
    IndexNotFound
        When there is nothing.
    IndexCorrupt
        When the alias names several indexes: their hits would be mixed, and some of them missing.
    """
    found = client.ask(lambda raw: raw.indices.get(index=name), name=name).body
    if not found:
        raise IndexNotFound(client.location, name)
    if len(found) > 1:
        raise alias_error(client.location, name, f"it names {len(found)} indexes: {', '.join(sorted(found))}")
    ((index, facts),) = found.items()
    settings = facts["settings"]["index"]
    definition = {"settings": {"analysis": settings.get("analysis", {})}, "mappings": facts["mappings"]}
    return Live(index, definition, settings, aliased=index != name)


def versions(client: Client, name: str) -> dict[str, frozenset[str]]:
    """Return the numbered versions of an index, the oldest first, each with its aliases."""
    found = client.ask(lambda raw: raw.indices.get_alias(index=f"{name}-*", allow_no_indices=True), name=name).body
    numbered = sorted(index for index in found if _number(index, name) is not None)
    return {index: frozenset(found[index].get("aliases", {})) for index in numbered}


def next_version(client: Client, name: str) -> str:
    """Return the name of the next version of an index."""
    numbers = [_number(index, name) or 0 for index in versions(client, name)]
    return f"{name}-{max(numbers, default=0) + 1:0{_DIGITS}d}"


def with_layout(definition: Mapping[str, Any], server: Server, *, like: Live | None = None) -> dict[str, Any]:
    """Return a definition with shards, replicas, and how vectors are searched.

    Parameters
    ----------
    definition : mapping
        Settings and mappings of a new index.
    server : Server
        What is asked for.
    like : Live, optional
        The version before, whose layout is kept where nothing is asked for.
    """
    whole: dict[str, Any] = deepcopy(dict(definition))
    before = like.settings if like else {}
    shards = server.shards or int(before.get("number_of_shards", 1))
    whole["settings"] = {**whole.get("settings", {}), "number_of_shards": shards, **_replicas(server, before)}
    known = like.definition["mappings"] if like else {}
    kept = known.get("properties", {}).get("embedding", {}).get("properties", {})
    for key, field in whole["mappings"]["properties"].get("embedding", {}).get("properties", {}).items():
        type_before = kept.get(key, {}).get("index_options", {}).get("type", "hnsw")
        field["index_options"] = {"type": server.vectors or type_before}
    return whole


def make(client: Client, index: str, whole: Mapping[str, Any]) -> None:
    """Make an index of aliases, settings and mappings; filters on its vectors miss nothing on any version.

    Raises
    ------
    RequestRefused
        When the server does not accept them.
    """
    settings = {**whole["settings"], **_WHOLE_SEARCH}
    try:
        client.ask(lambda raw: raw.indices.create(index=index, **{**whole, "settings": settings}), name=index)
    except RequestRefused as error:
        # 8.19 knows no other search than this one, and does not know the setting
        if next(iter(_WHOLE_SEARCH)) not in error.reason:
            raise
        client.ask(lambda raw: raw.indices.create(index=index, **whole), name=index)


def _replicas(server: Server, before: Mapping[str, Any]) -> dict[str, Any]:
    replicas = server.replicas
    if replicas is None and before:
        expanding = before.get("auto_expand_replicas", "false")
        replicas = before["number_of_replicas"] if expanding == "false" else expanding
    replicas = replicas or "0-1"
    return {"auto_expand_replicas": replicas} if "-" in replicas else {"number_of_replicas": int(replicas)}


def check_name(name: str) -> None:
    """Raise BackendUnavailable when a server would take a name for something else than one index."""
    if name[:1] in "-_+." or len(name) > 255 - _DIGITS - 1 or name.endswith("-write"):
        raise BackendUnavailable(
            repr(name[:40]), "an index name begins with a letter or digit, is short, and does not end with -write"
        )


def _number(index: str, name: str) -> int | None:
    digits = index.removeprefix(f"{name}-")
    return int(digits) if len(digits) == _DIGITS and digits.isdigit() and index.startswith(f"{name}-") else None
