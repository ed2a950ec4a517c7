"""Clauses on places: geo_distance and geo_bounding_box, and distances in metres."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends.embedded.clauses.clause_compiler import COMMON, Compiler, Handler, only, single
from hybrid_search.backends.embedded.documents.index_values import point
from hybrid_search.backends.embedded.documents.mapping_fields import Field
from hybrid_search.backends.embedded.snapshot import Snapshot
from hybrid_search.errors import BadFilter, MappingMismatch

if TYPE_CHECKING:
    import tantivy

_RADIUS = 6_371_008.7714
"""Mean radius of the Earth in metres, as Lucene has it."""
_UNITS = {
    "m": 1.0,
    "meters": 1.0,
    "km": 1000.0,
    "kilometers": 1000.0,
    "cm": 0.01,
    "mm": 0.001,
    "mi": 1609.344,
    "miles": 1609.344,
    "yd": 0.9144,
    "ft": 0.3048,
    "in": 0.0254,
    "nmi": 1852.0,
    "NM": 1852.0,
    "nauticalmiles": 1852.0,
}
_DISTANCE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]*)\s*", re.ASCII)


def metres(distance: Any, *, clause: str = "geo_distance") -> float:
    """Return a distance such as "10km", "3 mi" or 500 in metres; raises BadFilter."""
    match = _DISTANCE.fullmatch(str(distance))
    if match is None or match[2] not in {"", *_UNITS}:
        raise BadFilter(clause, f"a distance is a number and one of {', '.join(_UNITS)}, got {distance!r}")
    return float(match[1]) * _UNITS[match[2] or "m"]


def distances(
    snapshot: Snapshot, name: str, addresses: Sequence[Any], *, lat: float, lon: float
) -> NDArray[np.float64]:
    """Return the distance of documents from a point, in metres along the great circle; NaN where there is no point."""
    lats = np.radians(np.array(snapshot.values(f"{name}#lat", addresses), dtype=np.float64))
    lons = np.radians(np.array(snapshot.values(f"{name}#lon", addresses), dtype=np.float64))
    share = (
        np.sin((lats - math.radians(lat)) / 2) ** 2
        + np.cos(lats) * math.cos(math.radians(lat)) * np.sin((lons - math.radians(lon)) / 2) ** 2
    )
    return np.asarray(2 * _RADIUS * np.arcsin(np.sqrt(np.clip(share, 0, 1))), dtype=np.float64)


def _geo_distance(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    name, value = _named_field(compiler, "geo_distance", params, beside={*COMMON, "distance", "distance_type"})
    only("geo_distance", params, {name, "distance", "distance_type"})
    if params.get("distance_type", "arc") != "arc":
        raise BadFilter("geo_distance", "distance_type must be 'arc'")
    if "distance" not in params:
        raise BadFilter("geo_distance", "needs 'distance'")
    field = _point_field(compiler, name)
    lat, lon = _point(value, "geo_distance")
    return _circle(compiler.snapshot, field.name, lat, lon, metres(params["distance"])), params


def _circle(snapshot: Snapshot, name: str, lat: float, lon: float, radius: float) -> tantivy.Query:
    """Documents in a box inside the circle are in; those in the box around it are measured."""
    from tantivy import Occur, Query

    key = f"circle {name} {lat!r} {lon!r} {radius!r}"
    if key not in snapshot.cache:
        inner = _inner_box(snapshot, name, lat, lon, radius)
        ring = [(Occur.Must, _outer_box(snapshot, name, lat, lon, radius))]
        if inner is not None:
            ring.append((Occur.MustNot, inner))
        found = [address for _, address in snapshot.hits(Query.boolean_query(ring), snapshot.documents)]
        near = distances(snapshot, name, found, lat=lat, lon=lon) <= radius
        close = [sequence for sequence, inside in zip(snapshot.sequences(found), near, strict=True) if inside]
        parts = [(Occur.Should, snapshot.among(close))]
        if inner is not None:
            parts.append((Occur.Should, inner))
        snapshot.cache[key] = Query.const_score_query(Query.boolean_query(parts), 1.0)
    query: tantivy.Query = snapshot.cache[key]
    return query


def _outer_box(snapshot: Snapshot, name: str, lat: float, lon: float, radius: float) -> tantivy.Query:
    angle = radius / _RADIUS * (1 + 1e-9) + 1e-12
    top, bottom = math.radians(lat) + angle, math.radians(lat) - angle
    if top >= math.pi / 2 or bottom <= -math.pi / 2:
        return _box(snapshot, name, math.degrees(top), math.degrees(bottom), -180.0, 180.0)
    wide = math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(math.radians(lat)))))
    return _box(snapshot, name, math.degrees(top), math.degrees(bottom), _wrapped(lon - wide), _wrapped(lon + wide))


def _inner_box(snapshot: Snapshot, name: str, lat: float, lon: float, radius: float) -> tantivy.Query | None:
    """Return a box whose corners lie just within the circle, None where the circle is too large or holds a pole."""
    angle = radius / _RADIUS
    high = angle / math.sqrt(2)
    middle = math.radians(lat)
    if angle > 1 or abs(middle) + high >= math.pi / 2:
        return None
    widest = 1.0 if abs(middle) <= high else math.cos(abs(middle) - high)
    share = (math.sin(angle / 2) ** 2 - math.sin(high / 2) ** 2) / (math.cos(middle) * widest)
    wide = 2 * math.degrees(math.asin(math.sqrt(min(1.0, share)))) * (1 - 1e-9)
    tall = math.degrees(high)
    return _box(snapshot, name, lat + tall, lat - tall, _wrapped(lon - wide), _wrapped(lon + wide))


def _wrapped(lon: float) -> float:
    return (lon + 180) % 360 - 180 if not -180 <= lon <= 180 else lon


def _box(snapshot: Snapshot, name: str, top: float, bottom: float, left: float, right: float) -> tantivy.Query:
    """Return the query for points in a box; one whose left is right of its right crosses the date line."""
    from tantivy import FieldType, Occur, Query

    def within(column: str, low: float, high: float) -> tantivy.Query:
        return Query.range_query(snapshot.schema.tantivy, f"{name}#{column}", FieldType.Float, low + 0.0, high + 0.0)

    if left <= right:
        across = within("lon", left, right)
    else:
        across = Query.boolean_query(
            [(Occur.Should, within("lon", left, 180.0)), (Occur.Should, within("lon", -180.0, right))]
        )
    return Query.const_score_query(
        Query.boolean_query([(Occur.Must, within("lat", bottom, top)), (Occur.Must, across)]), 1.0
    )


def _geo_bounding_box(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    name, value = _named_field(compiler, "geo_bounding_box", params, beside=COMMON)
    only("geo_bounding_box", params, {name})
    field = _point_field(compiler, name)
    corners = only("geo_bounding_box", value, _CORNERS | _SIDES)
    if set(corners) == {"top_left", "bottom_right"}:
        top, left = _point(corners["top_left"], "geo_bounding_box")
        bottom, right = _point(corners["bottom_right"], "geo_bounding_box")
    elif set(corners) == {"top_right", "bottom_left"}:
        top, right = _point(corners["top_right"], "geo_bounding_box")
        bottom, left = _point(corners["bottom_left"], "geo_bounding_box")
    elif set(corners) == _SIDES:
        top, left = _point([corners["left"], corners["top"]], "geo_bounding_box")
        bottom, right = _point([corners["right"], corners["bottom"]], "geo_bounding_box")
    else:
        raise BadFilter("geo_bounding_box", "needs top_left and bottom_right, or top, left, bottom and right")
    if top < bottom:
        raise BadFilter("geo_bounding_box", f"top is below bottom: {top} vs. {bottom}")
    return _box(compiler.snapshot, field.name, top, bottom, left, right), params


_CORNERS = {"top_left", "bottom_right", "top_right", "bottom_left"}
_SIDES = {"top", "left", "bottom", "right"}


def _named_field(compiler: Compiler, clause: str, params: Any, *, beside: Collection[str]) -> tuple[str, Any]:
    """Return the field of a clause that has it beside its parameters: of several strange names, the mapping's own."""
    fields = {field.name for field in compiler.snapshot.schema.fields}
    known = [key for key in params if key in fields] if isinstance(params, Mapping) else []
    return (known[0], params[known[0]]) if len(known) == 1 else single(clause, params, beside=beside)


def _point_field(compiler: Compiler, name: str) -> Field:
    field = compiler.field(name)
    if field.kind != "geo_point":
        raise MappingMismatch(name, f"a {field.kind} has no place")
    return field


def _point(value: Any, clause: str) -> tuple[float, float]:
    try:
        return point(value)
    except ValueError as error:
        raise BadFilter(clause, str(error)) from error


GEO: dict[str, Handler] = {"geo_distance": _geo_distance, "geo_bounding_box": _geo_bounding_box}
"""Clause name to its handler."""
