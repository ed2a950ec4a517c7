"""One JSON value to what is indexed of it, checked as Elasticsearch checks it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from hybrid_search.backends.embedded.documents.date_math import parse_date
from hybrid_search.backends.embedded.documents.mapping_fields import INTEGERS, Field

_MAX_TERM = 32766
"""Bytes of Lucene's longest term, so that both backends refuse the same."""
_POINT = re.compile(r"POINT\s*\(\s*(?P<lon>\S+)\s+(?P<lat>\S+)\s*\)", re.IGNORECASE)
_LARGEST_FLOAT = {"half_float": 65504.0, "float": float(np.finfo(np.float32).max), "double": math.inf}


def number(field: Field, value: Any, *, rounding: Callable[[float], int] | None = math.trunc) -> int | float:
    """Return a whole or real number of the field's type; strings of digits are read.

    Raises
    ------
    ValueError
        When the value is no number, is not finite or does not fit the type.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, str, np.integer, np.floating)):
        raise ValueError(f"expected a number, got {_short(value)}")
    if isinstance(value, str) and "_" in value:  # which Python takes between digits
        raise ValueError(f"expected a number, got {_short(value)}")
    try:
        exact = int(value) if isinstance(value, (str, int, np.integer)) else None
    except ValueError:
        exact = None
    try:
        real = float(value)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"expected a number, got {_short(value)}") from error
    if not math.isfinite(real):
        raise ValueError(f"expected a finite number, got {_short(value)}")
    if field.kind not in INTEGERS:
        if abs(real) > _LARGEST_FLOAT[field.kind]:
            raise ValueError(f"{real:g} does not fit the type {field.kind}")
        return real + 0.0  # tantivy sorts -0.0 before 0.0
    whole = exact if exact is not None else (rounding or math.trunc)(real)
    limit = 1 << (INTEGERS[field.kind] - 1)
    if not -limit <= whole < limit:
        raise ValueError(f"{whole} does not fit the type {field.kind}")
    return whole


def boolean(value: Any) -> int:
    """Return 1 or 0; raises ValueError for anything but true and false, as values or words."""
    known = {True: 1, False: 0, "true": 1, "false": 0, "": 0}
    if isinstance(value, (bool, np.bool_, str)) and value in known:
        return known[bool(value) if isinstance(value, np.bool_) else value]
    raise ValueError(f"expected true or false, got {_short(value)}")


def keyword(value: Any) -> str:
    """Return a scalar as the string that Elasticsearch makes of it; raises ValueError for an object."""
    if type(value) is str and value.isascii():
        return value
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (str, int, float, np.integer, np.floating)):
        text = str(value)
        text.encode("utf-8")
        return text
    raise ValueError(f"expected a string, got {_short(value)}")


def term_fits(text: str, ignore_above: int | None) -> bool:
    """Tell whether a keyword is indexed; raises ValueError when it is too long and nothing says to leave it out."""
    if ignore_above is not None and len(text) > ignore_above:
        return False
    if 4 * len(text) > _MAX_TERM and len(text.encode("utf-8")) > _MAX_TERM:
        raise ValueError(f"a keyword has at most {_MAX_TERM} bytes, got {len(text.encode('utf-8'))}")
    return True


def date(field: Field, value: Any) -> int:
    """Return milliseconds since 1970; raises ValueError for what the field's format does not read."""
    return parse_date(value, formats=field.options.get("format"))


def point(value: Any) -> tuple[float, float]:
    """Return latitude and longitude in degrees, from {"lat", "lon"}, "lat,lon", [lon, lat] or "POINT (lon lat)".

    Raises
    ------
    ValueError
        When it is none of these, or out of range.
    """
    if isinstance(value, Mapping):
        if set(value) != {"lat", "lon"}:
            raise ValueError(f"a geo_point has 'lat' and 'lon', got {_short(value)}")
        pair: tuple[Any, Any] = (value["lat"], value["lon"])
    elif isinstance(value, str):
        match = _POINT.fullmatch(value.strip())
        lat_text, _, lon_text = value.partition(",")
        pair = (match["lat"], match["lon"]) if match else (lat_text, lon_text)
    elif isinstance(value, (list, tuple)) and len(value) == 2:
        pair = (value[1], value[0])
    else:
        raise ValueError(f"expected a geo_point, got {_short(value)}")
    try:
        lat, lon = float(pair[0]), float(pair[1])
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected a geo_point, got {_short(value)}") from error
    if not -90 <= lat <= 90:
        raise ValueError(f"illegal latitude {lat}, it must be from -90 to 90")
    if not -180 <= lon <= 180:
        raise ValueError(f"illegal longitude {lon}, it must be from -180 to 180")
    return lat + 0.0, lon + 0.0


def vector(field: Field, value: Any) -> Any:
    """Return numbers of a dense_vector, a hexadecimal string of bytes decoded, floats for a cosine at length 1."""
    byte = field.options.get("element_type") == "byte"
    if isinstance(value, str) and byte:
        value = np.frombuffer(bytes.fromhex(value), dtype=np.int8)
    if field.options.get("similarity", "cosine") != "cosine":
        return value
    values = np.asarray(value, dtype=np.float64)
    length = float(np.linalg.norm(values))
    if not length > 0:
        raise ValueError("a cosine vector must not be all zero")
    return value if byte else values / length


def flat_values(value: Any, *, depth_limit: int, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted key, string) of every leaf of a flattened object.

    Raises
    ------
    ValueError
        When a key has a NUL or the object is too deep.
    """
    if isinstance(value, Mapping):
        if depth_limit < 1:
            raise ValueError(f"a flattened object is deeper than its depth_limit at {prefix!r}")
        for key, inner in value.items():
            if "\0" in key:
                raise ValueError("a key of a flattened object must not contain NUL")
            yield from flat_values(inner, depth_limit=depth_limit - 1, prefix=f"{prefix}.{key}" if prefix else key)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from flat_values(inner, depth_limit=depth_limit, prefix=prefix)
    elif value is not None:
        if not prefix:
            raise ValueError(f"expected an object, got {_short(value)}")
        yield prefix, keyword(value)


def _short(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
