"""Places in filters: within a distance of a point, or inside a box."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hybrid_search.errors import BadFilter

GEO_HINT = "write within(LAT,LON,DISTANCE) such as within(48.85,2.35,10km), or box(TOP,LEFT,BOTTOM,RIGHT) in degrees"

_CALL = re.compile(r"\s*(within|box)\s*\(([^()]*)\)\s*", re.ASCII)
_DISTANCE = re.compile(r"\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*(m|km|mi)?\s*", re.ASCII)
_METRES = {"m": 1.0, "km": 1_000.0, "mi": 1_609.344}
_EQUATOR = 40_076_000.0


def parse_geo(text: str, *, field: str) -> dict[str, Any]:
    """Return the clause for `within(…)` or `box(…)`; raises BadFilter for anything else."""
    match = _CALL.fullmatch(text)
    if match is None:
        raise BadFilter(f"{field}:{text}", f"{field!r} is a place; {GEO_HINT}")
    arguments = [argument.strip() for argument in match[2].split(",")]
    if match[1] == "within" and len(arguments) == 3:
        return within(field, parse_point(",".join(arguments[:2]), field=field), arguments[2])
    if match[1] == "box" and len(arguments) == 4:
        top, left, bottom, right = arguments
        corners = (parse_point(f"{top},{left}", field=field), parse_point(f"{bottom},{right}", field=field))
        return box(field, *corners)
    raise BadFilter(f"{field}:{text}", f"wrong number of values; {GEO_HINT}")


def within(field: str, point: Mapping[str, float], distance: Any) -> dict[str, Any]:
    """Return the clause for everything within a distance ("10km") of a point."""
    return {"geo_distance": {"distance": parse_distance(distance, field=field), field: dict(point)}}


def box(field: str, top_left: Mapping[str, float], bottom_right: Mapping[str, float]) -> dict[str, Any]:
    """Return the clause for everything inside a box; one whose left is east of its right crosses the date line."""
    if top_left["lat"] < bottom_right["lat"]:
        raise BadFilter(field, f"the top of the box ({top_left['lat']}) is south of its bottom ({bottom_right['lat']})")
    return {"geo_bounding_box": {field: {"top_left": dict(top_left), "bottom_right": dict(bottom_right)}}}


def parse_distance(distance: Any, *, field: str) -> str:
    """Return a distance with its unit, metres when none was written; raises BadFilter unless it is in m, km or mi."""
    text = f"{distance}" if isinstance(distance, str) or _is_number(distance) else ""
    match = _DISTANCE.fullmatch(text) if len(text) <= 40 else None
    if match is None:
        raise BadFilter(f"{field}:{distance}", f"{distance!r} is not a distance; write 500m, 10km or 6mi")
    metres = float(match[1]) * _METRES[match[2] or "m"]
    if not 0 < metres <= _EQUATOR:
        raise BadFilter(f"{field}:{distance}", "a distance is more than nothing and less than the way round the earth")
    return f"{match[1]}{match[2] or 'm'}"


def parse_point(point: Any, *, field: str) -> dict[str, float]:
    """Return a point in degrees from {"lat": …, "lon": …}, "lat,lon" or [lon, lat]; raises BadFilter otherwise."""
    pair: tuple[Any, Any]
    if isinstance(point, Mapping) and set(point) == {"lat", "lon"}:
        pair = (point["lat"], point["lon"])
    elif isinstance(point, str) and point.count(",") == 1:
        first, second = point.split(",")
        pair = (first, second)
    elif isinstance(point, Sequence) and not isinstance(point, str) and len(point) == 2:
        pair = (point[1], point[0])
    else:
        raise BadFilter(f"{field}:{point}", f'{point!r} is not a point; write {{"lat": 48.85, "lon": 2.35}}')
    lat, lon = (_degrees(value, field=field) for value in pair)
    if abs(lat) > 90 or abs(lon) > 180:
        raise BadFilter(f"{field}:{lat},{lon}", "latitude is within ±90 degrees, longitude within ±180")
    return {"lat": lat, "lon": lon}


def _degrees(value: Any, *, field: str) -> float:
    try:
        degrees = float(value) if isinstance(value, str) or _is_number(value) else math.nan
    except (ValueError, OverflowError):
        degrees = math.nan
    if not math.isfinite(degrees):
        raise BadFilter(f"{field}:{value}", f"{value!r} is not a number of degrees")
    return degrees


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
