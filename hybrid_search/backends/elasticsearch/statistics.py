"""What there is to say of an index on a server: as much of it as the credentials may know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hybrid_search.backends.elasticsearch.aliases import find
from hybrid_search.backends.elasticsearch.client import Client
from hybrid_search.errors import AccessDenied, RequestRefused


def facts(client: Client, name: str, vectors: Iterable[str]) -> dict[str, Any]:
    """Return facts for people; what needs more than the right to read is left out where that is missing."""
    live = find(client, name)
    counts = _vector_counts(client, name, list(vectors))
    replicas = live.settings.get("auto_expand_replicas", "false")
    told: dict[str, Any] = {
        "index": live.index,
        "documents": counts.pop(""),
        "version": _allowed(lambda: server_version(client)),
        "bytes": _allowed(lambda: _bytes(client, name)),
        "health": _allowed(lambda: _health(client, name)),
        "shards": int(live.settings["number_of_shards"]),
        "replicas": live.settings["number_of_replicas"] if replicas == "false" else replicas,
        "vectors": {field: {"documents": count} for field, count in counts.items()},
    }
    return {key: value for key, value in told.items() if value is not None}


def server_version(client: Client) -> str | None:
    """Return the server's version; the core distribution tells it by its nodes only."""
    try:
        answer = client.ask(lambda raw: raw.info(), name="").body
        return str(answer["version"]["number"])
    except RequestRefused:
        nodes = client.ask(lambda raw: raw.nodes.info(metric="http", filter_path="nodes.*.version"), name="").body
        versions = sorted({str(node["version"]) for node in nodes["nodes"].values()})
        return ", ".join(versions)


def _vector_counts(client: Client, name: str, fields: list[str]) -> dict[str, int]:
    aggs = {str(place): {"filter": {"exists": {"field": field}}} for place, field in enumerate(fields)}
    body = {"size": 0, "track_total_hits": True, **({"aggs": aggs} if aggs else {})}
    answer = client.ask(lambda raw: raw.search(index=name, body=body), name=name).body
    found = {"": int(answer["hits"]["total"]["value"])}
    for place, field in enumerate(fields):
        found[field] = int(answer["aggregations"][str(place)]["doc_count"])
    return found


def _bytes(client: Client, name: str) -> int:
    answer = client.ask(lambda raw: raw.indices.stats(index=name, metric="store"), name=name).body
    return int(answer["_all"]["primaries"]["store"]["size_in_bytes"])


def _health(client: Client, name: str) -> str:
    answer = client.ask(lambda raw: raw.cluster.health(index=name, level="indices"), name=name).body
    return str(answer["status"])


def _allowed(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except AccessDenied:
        return None
