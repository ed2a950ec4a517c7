"""The Kibana objects are whole: JSON within JSON parses, references lead somewhere, fields have types that allow it."""

from __future__ import annotations

import configparser
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from hybrid_search.backends.elasticsearch.kibana import load_objects, to_ndjson
from tests.support.kibana import (
    BY_ID,
    NUMBERS,
    OBJECTS,
    TEXT,
    VERSIONS,
    VIEW,
    Asked,
    asked,
    columns_of,
    decoded,
    field,
    is_countable,
    kql_fields,
    name_of,
    of_type,
    source_of,
)


def test_the_file_has_one_object_a_line() -> None:
    assert TEXT.endswith("}\n") and "\n\n" not in TEXT
    assert len(TEXT.encode()) < 100_000
    assert Counter(one["type"] for one in OBJECTS) == {
        "index-pattern": 1,
        "search": 5,
        "lens": 6,
        "map": 1,
        "dashboard": 1,
    }


def test_the_file_is_installed() -> None:
    config = configparser.ConfigParser()
    config.read(Path(__file__).parents[4] / "setup.cfg", encoding="utf-8")
    assert "kibana/*.ndjson" in config["options.package_data"]["hybrid_search.mappings"].replace(",", " ").split()


def test_ids_are_unique_and_objects_have_the_shape_of_an_export() -> None:
    assert len(BY_ID) == len(OBJECTS)
    for one in OBJECTS:
        assert set(one) == {
            *("attributes", "coreMigrationVersion", "id", "managed", "references", "type", "typeMigrationVersion")
        }
        # without a type version Kibana would run every migration since 4.0, with a newer one refuse the object
        assert (one["coreMigrationVersion"], one["typeMigrationVersion"]) == ("8.8.0", VERSIONS[one["type"]])
        assert one["id"].startswith(VIEW)
        assert one["attributes"]["title"]


def strings_of_json(value: Any) -> Iterator[tuple[str, Any]]:
    """Give every attribute that Kibana keeps as a string of JSON."""
    for name, inner in value.items() if isinstance(value, Mapping) else ():
        if name.endswith("JSON") or name in (
            "fields",
            "fieldAttrs",
            "fieldFormatMap",
            "runtimeFieldMap",
            "sourceFilters",
        ):
            yield name, inner
        elif isinstance(inner, Mapping):
            yield from strings_of_json(inner)


@pytest.mark.parametrize("entry", OBJECTS, ids=name_of)
def test_json_within_json_parses(entry: dict[str, Any]) -> None:
    found = list(strings_of_json(entry["attributes"])) if entry["type"] != "lens" else []
    assert found or entry["type"] == "lens", "a Lens object is JSON through and through"
    for name, text in found:
        assert isinstance(text, str), name
        json.loads(text)


def names_used(entry: Mapping[str, Any]) -> list[str]:
    """Return the names by which an object's attributes mean its references."""
    if entry["type"] == "search":
        return [source_of(entry)["indexRefName"]]
    if entry["type"] == "lens":
        layers = entry["attributes"]["state"]["datasourceStates"]["formBased"]["layers"]
        return [f"indexpattern-datasource-layer-{layer}" for layer in layers]
    if entry["type"] == "map":
        layers = decoded(entry, "layerListJSON")
        found = [layer["sourceDescriptor"].get("indexPatternRefName") for layer in layers]
        return [name for name in found if name]
    if entry["type"] == "dashboard":
        return [f"{panel['panelIndex']}:{panel['panelRefName']}" for panel in decoded(entry, "panelsJSON")]
    return []


@pytest.mark.parametrize("entry", OBJECTS, ids=name_of)
def test_references_are_used_and_lead_to_an_object_of_their_type(entry: dict[str, Any]) -> None:
    assert sorted(names_used(entry)) == sorted(one["name"] for one in entry["references"])
    for one in entry["references"]:
        assert BY_ID[one["id"]]["type"] == one["type"]
    if entry["type"] in ("search", "lens", "map"):
        assert {one["id"] for one in entry["references"]} == {VIEW}


def test_a_layer_is_named_the_same_everywhere_in_a_chart() -> None:
    for entry in of_type("lens"):
        state = entry["attributes"]["state"]
        (layer,) = state["datasourceStates"]["formBased"]["layers"].items()
        assert set(layer[1]["columnOrder"]) == set(layer[1]["columns"])
        look = state["visualization"]
        for part in look.get("layers", [look]):
            assert part["layerId"] == layer[0]
            accessors = [*part.get("accessors", ()), *part.get("metrics", ()), *part.get("primaryGroups", ())]
            accessors += [part[name] for name in ("xAccessor", "splitAccessor") if name in part]
            accessors += [column["columnId"] for column in part.get("columns", ())]
            assert sorted(accessors) == sorted(layer[1]["columns"])
        for column in layer[1]["columns"].values():
            if "orderBy" in column.get("params", {}):
                assert column["params"]["orderBy"]["columnId"] in layer[1]["columns"]


def test_the_dashboard_shows_every_chart_without_overlap() -> None:
    (board,) = of_type("dashboard")
    panels = decoded(board, "panelsJSON")
    shown = {one["id"] for one in board["references"]}
    assert {one["id"] for one in (*of_type("lens"), *of_type("map"))} | {f"{VIEW}-all"} == shown
    cells = Counter(
        (x, y)
        for panel in panels
        for x in range(panel["gridData"]["x"], panel["gridData"]["x"] + panel["gridData"]["w"])
        for y in range(panel["gridData"]["y"], panel["gridData"]["y"] + panel["gridData"]["h"])
    )
    assert set(cells.values()) == {1}
    assert max(x for x, _ in cells) == 47, "Kibana's grid has 48 columns"
    assert all(panel["panelIndex"] == panel["gridData"]["i"] for panel in panels)
    types = {one["name"].split(":")[0]: one["type"] for one in board["references"]}
    assert {panel["panelIndex"]: panel["type"] for panel in panels} == types


def test_nothing_is_hidden_by_the_last_fifteen_minutes() -> None:
    """With a time field, or a histogram bound to the time picker, old pictures would be missing at first sight."""
    (view,) = of_type("index-pattern")
    assert "timeFieldName" not in view["attributes"]
    for entry in of_type("lens"):
        for column in columns_of(entry):
            if column["operationType"] == "date_histogram":
                assert column["params"]["ignoreTimeRange"] is True
                assert column["params"]["interval"] in ("1M", "1y"), "there is no range to choose it from"
    for layer in decoded(of_type("map")[0], "layerListJSON"):
        assert not layer["sourceDescriptor"].get("applyGlobalTime")
    assert all(one["attributes"]["timeRestore"] is False for one in (*of_type("search"), *of_type("dashboard")))


def test_the_data_view_reads_the_alias_and_shows_thumbnails_as_pictures() -> None:
    (view,) = of_type("index-pattern")
    assert view["attributes"]["title"] == "images", "a pattern would also match the indexes behind the alias"
    formats = decoded(view, "fieldFormatMap")
    thumbnail = formats.pop("thumbnail")
    assert thumbnail["id"] == "url"
    assert thumbnail["params"]["type"] == "img"
    assert thumbnail["params"]["urlTemplate"] == "{{rawValue}}", "{{value}} would be encoded for a URL"
    assert "{{" not in thumbnail["params"]["labelTemplate"], "else the whole picture is its own description"
    assert field("thumbnail")["type"] == "keyword"
    allowed = {"bytes": NUMBERS, "date": {"date"}}
    assert all(field(name)["type"] in allowed[form["id"]] for name, form in formats.items())


def test_vectors_and_fields_of_words_are_left_out_of_what_discover_fetches() -> None:
    patterns = [one["value"] for one in decoded(of_type("index-pattern")[0], "sourceFilters")]
    names = ["embedding.tiny", "signature", "words", "caption_text"]
    assert all(any(fnmatch(name, pattern) for pattern in patterns) for name in names)
    assert all(any(fnmatch(name, pattern) for name in names) for pattern in patterns)
    assert all(field(name) for name in names)
    shown = {column for entry in of_type("search") for column in entry["attributes"]["columns"]}
    assert not [name for name in shown if any(fnmatch(name, pattern) for pattern in patterns)]


@pytest.mark.parametrize("entry", of_type("search"), ids=name_of)
def test_columns_and_sort_fields_are_there(entry: dict[str, Any]) -> None:
    columns = entry["attributes"]["columns"]
    assert columns[0] == "thumbnail"
    assert entry["attributes"]["rowHeight"] == -1, "other rows cut pictures off"
    for name in (*columns, *entry["attributes"]["grid"]["columns"]):
        assert field(name).get("enabled", True) and "type" in field(name), name
    for name, order in entry["attributes"]["sort"]:
        assert is_countable(name) and order in ("asc", "desc"), name


@pytest.mark.parametrize("ask", list(asked()), ids=lambda ask: ask.name)
def test_fields_of_queries_and_aggregations_have_a_type_that_allows_it(ask: Asked) -> None:
    for kql in ask.kql:
        for name in kql_fields(kql):
            assert field(name).get("index", True) is not False and "type" in field(name), name
    for name, aggregation, _ in ask.aggregations:
        assert is_countable(name), name
        assert field(name)["type"] in {"date_histogram": {"date"}, "sum": NUMBERS, "terms": {"keyword"}}[aggregation]
    assert all(is_countable(name) for name, _ in ask.sort)
    assert all(field(name)["type"] == "geo_point" for name in ask.places)


def test_tooltips_of_the_map_are_there() -> None:
    layers = [layer["sourceDescriptor"] for layer in decoded(of_type("map")[0], "layerListJSON")]
    names = [name for layer in layers for name in layer.get("tooltipProperties", ())]
    assert names and all("type" in field(name) for name in names)


def test_objects_for_another_index_share_nothing_with_the_first() -> None:
    other = load_objects("trip")
    assert load_objects() == OBJECTS
    assert not {(one["type"], one["id"]) for one in other} & {(one["type"], one["id"]) for one in OBJECTS}
    assert all(one["id"].startswith("hybrid-search-trip") for one in other)
    titles = [one["attributes"]["title"] for one in other if one["type"] != "index-pattern"]
    assert all(title.startswith("[trip] ") for title in titles)
    (view,) = (one["attributes"] for one in other if one["type"] == "index-pattern")
    assert (view["title"], view["name"]) == ("trip", "[trip] Pictures")
    ids = {one["id"] for one in other}
    assert all(ref["id"] in ids for one in other for ref in one["references"])
    assert to_ndjson(other).replace("trip", "images") == to_ndjson(OBJECTS)
