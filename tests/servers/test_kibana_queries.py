"""Every query in the Kibana objects gives what a person would count by hand, on real servers.

No Kibana runs here: what it would send is written as Elasticsearch bodies by hand.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.support.kibana import AGGREGATIONS, asked, field, kql_fields, name_of, of_type
from tests.support.photos import Source, definition, lower, month, photos, values


def has(name: str) -> Callable[[Source], bool]:
    return lambda source: bool(values(source, name))


def pictures() -> dict[str, dict[str, Any]]:
    """Return forty photos: all with a thumbnail, eight without a caption, ten of them in three duplicate groups."""
    made = photos()
    groups = {"g1": (1, 2, 3), "g2": (10, 11), "g3": (20, 21, 22, 23, 24)}
    for number, source in enumerate(made.values()):
        source["thumbnail"] = f"data:image/webp;base64,{number:04d}UklGRg=="
        source["indexed_at"] = f"2024-03-{number % 27 + 1:02d}T{number % 24:02d}:00:00Z"
        if number % 5 == 2:
            del source["caption"]
        for group, members in groups.items():
            if number in members:
                source["duplicate"] = {"group": group, "keep": number == members[0], "reviewed": group == "g2"}
    return made


PICTURES = pictures()


def key_of(source: Source, name: str, order: str) -> tuple[bool, Any]:
    """Return what Python sorts by as Elasticsearch does: without a value last, in either order."""
    found = values(source, name)
    if not found:
        return (True, 0)
    value = found[0].lower() if isinstance(found[0], str) else found[0]
    if isinstance(value, str) and re.match(r"\d{4}-", value):
        value = int(re.sub(r"\D", "", value))
    if order == "asc":
        return (False, value)
    assert not isinstance(value, str), "strings are sorted upwards here"
    return (False, -value)


def ordered(sort: Sequence[tuple[str, str]], keep: Callable[[Source], bool] = bool) -> list[str]:
    found = [id for id, source in PICTURES.items() if keep(source)]
    return sorted(found, key=lambda id: [*(key_of(PICTURES[id], name, order) for name, order in sort), id])


def ids(answer: Mapping[str, Any]) -> list[str]:
    return [hit["_id"] for hit in answer["hits"]["hits"]]


def counts(answer: Mapping[str, Any], name: str, key: str = "key") -> dict[str, int]:
    buckets = answer["aggregations"][name]["buckets"]
    if isinstance(buckets, Mapping):
        return {name: bucket["doc_count"] for name, bucket in buckets.items()}
    return {str(bucket[key]): bucket["doc_count"] for bucket in buckets}


def some(name: str) -> dict[str, Any]:
    return {"exists": {"field": name}}


def none(*names: str) -> dict[str, Any]:
    return {"bool": {"must_not": [some(name) for name in names]}}


def listing(query: Mapping[str, Any], sort: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {"query": query, "sort": [{name: order} for name, order in sort], "size": 500}


def tile(source: Source, zoom: int) -> str:
    """Return the map tile of a place, by the usual formula of web maps."""
    lat, lon = math.radians(source["location"]["lat"]), source["location"]["lon"]
    size = 2**zoom
    across = int((lon + 180) / 360 * size)
    down = int((1 - math.asinh(math.tan(lat)) / math.pi) / 2 * size)
    return f"{zoom}/{across}/{down}"


@dataclass(frozen=True)
class Check:
    """One query of the objects in Elasticsearch's words, how to read its answer, and what must come out.

    `kql` pairs every KQL text of the object with its translation, which the body contains.
    """

    body: dict[str, Any]
    read: Callable[[Mapping[str, Any]], Any]
    expected: Any
    kql: Mapping[str, dict[str, Any]]


NEWEST = (("taken_at", "desc"),)
GROUPED = (("duplicate.group", "asc"), ("duplicate.keep", "desc"), ("bytes", "desc"))
BY_CAMERA = (("camera.make", "asc"), ("camera.model", "asc"), ("taken_at", "desc"))
HAS_CAMERA = {"bool": {"should": [some("camera.make"), some("camera.model")], "minimum_should_match": 1}}
SHARES = {
    "not duplicate.group : *": none("duplicate.group"),
    "duplicate.group : * and duplicate.keep : true": {
        "bool": {"filter": [some("duplicate.group"), {"match": {"duplicate.keep": True}}]}
    },
    "duplicate.group : * and not duplicate.keep : true": {
        "bool": {"filter": some("duplicate.group"), "must_not": {"match": {"duplicate.keep": True}}}
    },
}
GAPS = {
    "not location : *": none("location"),
    "not caption : *": none("caption"),
    "not taken_at : *": none("taken_at"),
    "not camera.make : * and not camera.model : *": none("camera.make", "camera.model"),
    "missing : true": {"match": {"missing": True}},
}


def split(filters: Mapping[str, Any]) -> dict[str, Any]:
    return {"size": 0, "aggs": {"split": {"filters": {"filters": filters}}}}


def histogram(interval: str) -> dict[str, Any]:
    return {"date_histogram": {"field": "taken_at", "calendar_interval": interval, "min_doc_count": 1}}


def years(answer: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    found = answer["aggregations"]["camera"]["buckets"]
    return {one["key"]: counts({"aggregations": one}, "year", "key_as_string") for one in found}


def by_year() -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for source in PICTURES.values():
        for model in lower(source, "camera.model"):
            found.setdefault(model, Counter())
            if "taken_at" in source:
                found[model][f"{month(source)[:4]}-01-01T00:00:00.000Z"] += 1
    return {model: dict(each) for model, each in found.items()}


CHECKS: dict[str, Check] = {
    "all": Check(listing({"match_all": {}}, [("indexed_at", "desc")]), ids, ordered([("indexed_at", "desc")]), {}),
    "no-location": Check(
        listing(GAPS["not location : *"], NEWEST),
        ids,
        # every fourth photo has neither place nor date
        [f"p{number:02d}" for number in range(0, 40, 4)],
        {"not location : *": GAPS["not location : *"]},
    ),
    "no-caption": Check(
        listing(GAPS["not caption : *"], NEWEST),
        ids,
        ordered(NEWEST, lambda source: "caption" not in source),
        {"not caption : *": GAPS["not caption : *"]},
    ),
    "duplicates": Check(
        listing(some("duplicate.group"), GROUPED),
        ids,
        # the one to keep, then the others from large to small: every photo is larger than the one before
        ["p01", "p03", "p02", "p10", "p11", "p20", "p24", "p23", "p22", "p21"],
        {"duplicate.group : *": some("duplicate.group")},
    ),
    "by-camera": Check(
        listing(HAS_CAMERA, BY_CAMERA),
        ids,
        ordered(BY_CAMERA, has("camera")),
        {"camera.make : * or camera.model : *": HAS_CAMERA},
    ),
    "timeline": Check(
        {"size": 0, "aggs": {"month": histogram("1M")}},
        lambda answer: counts(answer, "month", "key_as_string"),
        {
            f"{when}-01T00:00:00.000Z": count
            for when, count in Counter(month(source) for source in PICTURES.values() if month(source)).items()
        },
        {},
    ),
    "cameras": Check(
        {"size": 0, "aggs": {"camera": {"terms": {"field": "camera.model", "size": 10}}}},
        lambda answer: counts(answer, "camera"),
        dict(Counter(model for source in PICTURES.values() for model in lower(source, "camera.model"))),
        {},
    ),
    "cameras-by-year": Check(
        {
            "size": 0,
            "aggs": {"camera": {"terms": {"field": "camera.model", "size": 8}, "aggs": {"year": histogram("1y")}}},
        },
        years,
        by_year(),
        {},
    ),
    "duplicate-share": Check(
        split(SHARES), lambda answer: counts(answer, "split"), dict(zip(SHARES, [30, 3, 7], strict=True)), SHARES
    ),
    "largest-groups": Check(
        {
            "size": 0,
            "aggs": {
                "group": {
                    "terms": {"field": "duplicate.group", "size": 50},
                    "aggs": {"bytes": {"sum": {"field": "bytes"}}},
                }
            },
        },
        lambda answer: [
            (one["key"], one["doc_count"], one["bytes"]["value"]) for one in answer["aggregations"]["group"]["buckets"]
        ],
        # photo n has 1,000,000 + 10,000 n bytes
        [("g3", 5, 6_100_000), ("g1", 3, 3_060_000), ("g2", 2, 2_210_000)],
        {},
    ),
    "gaps": Check(
        split(GAPS),
        lambda answer: counts(answer, "split"),
        # each fourth, each fifth from 2, each fourth, each fifth, each tenth of forty
        dict(zip(GAPS, [10, 8, 10, 8, 4], strict=True)),
        GAPS,
    ),
    "map/clusters": Check(
        {
            "size": 0,
            "aggs": {
                "tiles": {
                    "geotile_grid": {"field": "location", "precision": 3},
                    "aggs": {"middle": {"geo_centroid": {"field": "location"}}},
                }
            },
        },
        lambda answer: counts(answer, "tiles"),
        dict(Counter(tile(source, 3) for source in PICTURES.values() if "location" in source)),
        {},
    ),
    "map/pictures": Check(
        listing({"geo_bounding_box": {"location": {"top": 70, "left": -100, "bottom": -20, "right": 60}}}, NEWEST),
        ids,
        ordered(
            NEWEST,
            lambda one: (
                "location" in one and -20 <= one["location"]["lat"] <= 70 and -100 <= one["location"]["lon"] <= 60
            ),
        ),
        {},
    ),
}
"""By the name of the object: the table that test_every_query_has_its_translation holds against the file."""


def details(body: Any) -> Iterator[tuple[str, str, Any]]:
    """Give field, aggregation and size or interval of every aggregation in a body, but for the map's."""
    for name, inner in body.items() if isinstance(body, Mapping) else ():
        if name in AGGREGATIONS.values() and isinstance(inner, Mapping) and "field" in inner:
            yield inner["field"], name, inner.get("size", inner.get("calendar_interval"))
        yield from details(inner)


def within(part: Any, whole: Any) -> bool:
    if part == whole:
        return True
    inner = whole.values() if isinstance(whole, Mapping) else whole if isinstance(whole, list) else ()
    return any(within(part, one) for one in inner)


def clause_fields(clause: Any) -> set[str]:
    """Return the fields that a translated clause asks, by `exists` or `match`."""
    if isinstance(clause, list):
        return {name for one in clause for name in clause_fields(one)}
    found = set()
    for kind, inner in clause.items() if isinstance(clause, Mapping) else ():
        found |= {inner["field"]} if kind == "exists" else set(inner) if kind == "match" else clause_fields(inner)
    return found


def test_every_query_has_its_translation() -> None:
    found = {ask.name: ask for ask in asked()}
    assert set(found) == set(CHECKS)
    for name, ask in found.items():
        check = CHECKS[name]
        assert ask.kql == tuple(check.kql), name
        for kql, clause in check.kql.items():
            assert within(clause, check.body), f"{name}: {kql}"
            assert kql_fields(kql) == clause_fields(clause), f"{name}: {kql}"
        assert [{field: order} for field, order in ask.sort] == check.body.get("sort", []), name
        assert ask.aggregations == frozenset(details(check.body)), name
        assert all(f"'{place}'" in str(check.body) for place in ask.places), name


class Server:
    """One Elasticsearch server with the pictures in an index of its own, spoken to in plain HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.index = f"kibana-test-{uuid.uuid4().hex[:12]}"

    def call(self, method: str, path: str, body: Any = None, *, lines: str | None = None) -> Any:
        data = lines if lines is not None else None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/x-ndjson" if lines is not None else "application/json"}
        answer = requests.request(method, f"{self.url}/{self.index}{path}", data=data, headers=headers, timeout=60)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def fill(self) -> None:
        self.call("PUT", "", definition())
        lines = []
        for id, source in PICTURES.items():
            lines += [{"index": {"_id": id}}, source]
        text = "".join(json.dumps(line, default=lambda array: array.tolist()) + "\n" for line in lines)
        assert not self.call("POST", "/_bulk?refresh=true", lines=text)["errors"]


@pytest.fixture(scope="module")
def server(elasticsearch_url: str) -> Iterator[Server]:
    server = Server(elasticsearch_url.rstrip("/"))
    server.fill()
    yield server
    server.call("DELETE", "")


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_queries_find_what_is_there(server: Server, name: str) -> None:
    body = dict(CHECKS[name].body)
    if "sort" in body:
        body["sort"] = [*body["sort"], {"sha256": "asc"}]
    assert CHECKS[name].read(server.call("POST", "/_search", body)) == CHECKS[name].expected


@pytest.mark.parametrize("entry", of_type("search"), ids=name_of)
def test_columns_come_as_discover_fetches_them(server: Server, entry: dict[str, Any]) -> None:
    """Discover reads columns through `fields`, which need not be searchable: that is how thumbnails get there."""
    columns = entry["attributes"]["columns"]
    body = {**CHECKS[name_of(entry)].body, "fields": columns, "_source": False}
    hits = server.call("POST", "/_search", body)["hits"]["hits"]
    assert hits
    for hit in hits:
        source = PICTURES[hit["_id"]]
        assert hit["fields"]["thumbnail"] == [source["thumbnail"]]
        assert set(hit["fields"]) == {name for name in columns if values(source, name)}


def test_servers_agree_on_what_can_be_counted(server: Server) -> None:
    caps = server.call("GET", "/_field_caps?fields=*")["fields"]
    sorts = {name for ask in asked() for name, _ in ask.sort} | {
        name for ask in asked() for name, *_ in ask.aggregations
    }
    assert all(caps[name][field(name)["type"]]["aggregatable"] for name in sorts)
    searched = {name for ask in asked() for kql in ask.kql for name in kql_fields(kql)}
    assert all(caps[name][field(name)["type"]]["searchable"] for name in searched)
    # Kibana lists it as a field, and offers neither a filter nor a chart of it
    assert caps["thumbnail"]["keyword"] == caps["thumbnail"]["keyword"] | {"searchable": False, "aggregatable": False}


def test_an_alias_counts_every_picture_once_and_a_pattern_twice(server: Server) -> None:
    """What the data view's title is for: during a migration two indexes of the same pictures match `images*`."""
    second = Server(server.url)
    second.index = f"{server.index}-000002"
    second.fill()
    alias = f"{server.index}-alias"
    try:
        second.call("PUT", f"/_alias/{alias}")
        count = lambda name: requests.get(f"{server.url}/{name}/_count", timeout=60).json()["count"]  # noqa: E731
        assert (count(alias), count(f"{server.index}*")) == (40, 80)
    finally:
        second.call("DELETE", "")
