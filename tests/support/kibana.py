"""What the file of Kibana objects says, read piece by piece, and what the mapping says of fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from tests.support.photos import definition

TEXT = files("hybrid_search.mappings").joinpath("kibana", "images.ndjson").read_text(encoding="utf-8")
OBJECTS = [json.loads(line) for line in TEXT.splitlines()]
BY_ID = {one["id"]: one for one in OBJECTS}
VIEW = "hybrid-search-images"
VERSIONS = {
    "index-pattern": "8.0.0",
    "search": "8.0.0",
    "lens": "8.9.0",
    "map": "8.4.0",
    "dashboard": "8.9.0",
}
"""What Kibana 8.9 writes into its exports: later 8.x and 9.x migrate from there."""
NUMBERS = {"integer", "long", "float"}
COUNTABLE = NUMBERS | {"keyword", "date", "boolean"}
AGGREGATIONS = {"terms": "terms", "date_histogram": "date_histogram", "sum": "sum"}


def of_type(kind: str) -> list[dict[str, Any]]:
    return [one for one in OBJECTS if one["type"] == kind]


def name_of(entry: Mapping[str, Any]) -> str:
    return str(entry["id"]).removeprefix(f"{VIEW}-")


def field(name: str) -> dict[str, Any]:
    """Return a field's mapping, {} when there is none."""
    found: dict[str, Any] = definition()["mappings"]
    for part in name.split("."):
        found = {**found.get("properties", {}), **found.get("fields", {})}.get(part, {})
    return found


def is_countable(name: str) -> bool:
    """Tell whether Elasticsearch can sort by a field and aggregate over it."""
    return field(name).get("type") in COUNTABLE and field(name).get("doc_values", True) is not False


def decoded(entry: Mapping[str, Any], attribute: str) -> Any:
    return json.loads(entry["attributes"][attribute])


def source_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(entry["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
    return found


def columns_of(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    layers = entry["attributes"]["state"]["datasourceStates"]["formBased"]["layers"]
    return [column for layer in layers.values() for column in layer["columns"].values()]


@dataclass(frozen=True)
class Asked:
    """What one object asks of Elasticsearch: KQL, the fields named outside it, and (field, aggregation, detail)."""

    name: str
    kql: tuple[str, ...] = ()
    sort: tuple[tuple[str, str], ...] = ()
    aggregations: frozenset[tuple[str, str, Any]] = frozenset()
    places: tuple[str, ...] = ()


def asked() -> Iterator[Asked]:
    for entry in OBJECTS:
        name = name_of(entry)
        if entry["type"] == "search":
            query = source_of(entry)["query"]["query"]
            yield Asked(name, (query,) if query else (), tuple(map(tuple, entry["attributes"]["sort"])))
        if entry["type"] == "lens":
            params = [(column, column.get("params", {})) for column in columns_of(entry)]
            yield Asked(
                name,
                tuple(one["input"]["query"] for _, param in params for one in param.get("filters", ())),
                aggregations=frozenset(
                    (
                        column["sourceField"],
                        AGGREGATIONS[column["operationType"]],
                        param.get("size", param.get("interval")),
                    )
                    for column, param in params
                    if column["operationType"] not in ("count", "filters")
                ),
            )
        if entry["type"] == "map":
            for layer in decoded(entry, "layerListJSON"):
                where = layer["sourceDescriptor"]
                if "geoField" in where:
                    sort = ((where["sortField"], where["sortOrder"]),) if "sortField" in where else ()
                    yield Asked(f"{name}/{layer['id']}", sort=sort, places=(where["geoField"],))


def kql_fields(kql: str) -> set[str]:
    return set(re.findall(r"([\w.]+) :", kql))
