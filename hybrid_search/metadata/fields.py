"""The fields that describe an image: what each of them may hold, and the one gate that every value passes."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from hybrid_search.metadata.extra_fields import EXTRA, extra_name, read_extra
from hybrid_search.metadata.model import FieldValue, Metadata, unique
from hybrid_search.metadata.taken_at import split_offset
from hybrid_search.metadata.values import (
    clean_text,
    first_number,
    parse_date,
    parse_offset,
    shown,
    split_tags,
    texts,
)

MAX_TAGS = 256
"""Tags kept of one image."""
EDGES = ("left", "top", "width", "height")
"""Of a face's box, in fractions of the picture as it is stored, before its EXIF orientation turns it."""
MAX_WARNINGS = 50
"""Warnings kept of one image."""

Reader = Callable[[object], FieldValue]


def _text(limit: int) -> Reader:
    def read(value: object) -> str:
        if isinstance(value, (bytes, Mapping, bool)) or value is None:
            raise ValueError("is not text")
        if isinstance(value, Sequence) and not isinstance(value, str):
            value = "\n".join(texts(value, limit=limit))
        return clean_text(str(value), limit=limit)

    return read


def _number(low: float, high: float, *, whole: bool = False, above: bool = False) -> Reader:
    """Return a reader of numbers in [low, high], or in (low, high] with `above`."""

    def read(value: object) -> int | float:
        number = first_number(value)
        if number is None:
            raise ValueError("is not a number")
        if not low <= number <= high or (above and number == low):
            raise ValueError("is out of range")
        if whole and number != math.floor(number):
            raise ValueError("is not a whole number")
        return int(number) if whole else number

    return read


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    word = str(value).strip().lower()
    if word not in words:
        raise ValueError("is neither true nor false")
    return words[word]


def _date(value: object) -> str:
    if isinstance(value, (int, float)) and float(value).is_integer():
        # JSON and tables hold a year as a number
        value = str(int(value))
    if not isinstance(value, str):
        raise ValueError("is not a date")
    return parse_date(value)


def _offset(value: object) -> str:
    offset = parse_offset(value) if isinstance(value, str) else None
    if offset is None:
        raise ValueError("is not an offset from UTC such as +02:00")
    return offset


def _tags(value: object) -> list[str]:
    if isinstance(value, str):
        value = split_tags(value)
    if not isinstance(value, Sequence) or isinstance(value, bytes):
        raise ValueError("is not a list of tags")
    return unique(texts(value))[:MAX_TAGS]


def _location(value: object) -> dict[str, float]:
    if isinstance(value, str):
        parts = value.split(",")
        value = {"lat": parts[0], "lon": parts[1]} if len(parts) == 2 else None
    if not isinstance(value, Mapping):
        raise ValueError('is not a location such as "48.85,2.35"')
    lat, lon = first_number(value.get("lat")), first_number(value.get("lon"))
    if lat is None or lon is None:
        raise ValueError('is not a location such as "48.85,2.35"')
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise ValueError("is out of range")
    return {"lat": lat, "lon": lon}


def _faces(value: object) -> list[dict[str, str | float]]:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise ValueError("is not a list of faces")
    faces: list[dict[str, str | float]] = []
    for face in value[:MAX_TAGS]:
        edges = {edge: first_number(face.get(edge)) for edge in EDGES} if isinstance(face, Mapping) else {}
        if not edges or None in edges.values() or not isinstance(face.get("name"), str):
            raise ValueError("is not a list of faces, each with name, left, top, width and height")
        faces.append({"name": clean_text(face["name"], limit=1000), **cast("dict[str, float]", edges)})
    return faces


_KEYWORD = _text(1000)

FIELDS: Mapping[str, Reader] = {
    "title": _text(1000),
    "caption": _text(10_000),
    "headline": _text(1000),
    "alt": _text(10_000),
    "prompt": _text(10_000),
    "tags": _tags,
    "people": _tags,
    "faces": _faces,
    "rating": _number(-1, 5, whole=True),
    "artist": _KEYWORD,
    "copyright": _KEYWORD,
    "software": _KEYWORD,
    "camera.make": _KEYWORD,
    "camera.model": _KEYWORD,
    "camera.serial": _KEYWORD,
    "lens": _KEYWORD,
    "taken_at": _date,
    "taken_offset": _offset,
    "exposure_time": _number(0, 1e7, above=True),
    "f_number": _number(0, 1000, above=True),
    "iso": _number(1, 100_000_000, whole=True),
    "focal_length": _number(0, 1e6, above=True),
    "focal_length_35mm": _number(0, 1e6, above=True),
    "exposure_bias": _number(-100, 100),
    "exposure_program": _KEYWORD,
    "flash": _flag,
    "metering": _KEYWORD,
    "white_balance": _KEYWORD,
    "location": _location,
    "altitude": _number(-12_000, 1e6),
    "direction": _number(0, 360),
    "place.sublocation": _KEYWORD,
    "place.settlement": _KEYWORD,
    "place.city": _KEYWORD,
    "place.region": _KEYWORD,
    "place.country": _KEYWORD,
    "place.country_code": _KEYWORD,
}
"""Fields of the mapping that metadata fills, each with what reads a value or raises ValueError with a reason."""


def is_field(name: str) -> bool:
    """Tell whether a dotted name is that of a field which describes a picture, an own one among them.

    Examples
    --------
    >>> is_field("camera.make"), is_field("extra.price"), is_field("price")
    (True, True, False)
    """
    return name in FIELDS or name.startswith(EXTRA)


def read_field(name: str, value: object) -> tuple[str, FieldValue]:
    """Return the name and the value of a field as they are kept.

    Parameters
    ----------
    name : str
        One for which `is_field` holds.

    Raises
    ------
    ValueError
        When an own field cannot be called so, or the value does not fit the field.

    Examples
    --------
    >>> read_field("iso", "400"), read_field("extra.Client", "ACME")
    (('iso', 400), ('extra.client', 'ACME'))
    """
    return (extra_name(name), read_extra(value)) if name.startswith(EXTRA) else (name, FIELDS[name](value))


class Gate:
    """Collects fields of one image; a value that cannot be used becomes a warning.

    Examples
    --------
    >>> gate = Gate()
    >>> gate.put("iso", 400)
    >>> gate.put("altitude", float("nan"), source="GPSAltitude", found="0/0")
    >>> gate.metadata()
    Metadata(fields={'iso': 400}, exif={}, warnings=('GPSAltitude 0/0 is not a number',))
    """

    def __init__(self) -> None:
        self.fields: dict[str, FieldValue] = {}
        self.warnings: list[str] = []

    def put(self, name: str, value: object, *, source: str = "", found: object = None) -> None:
        """Set a field to a value, unless the value is missing or empty, or cannot be used.

        Parameters
        ----------
        name : str
            A key of `FIELDS`, or an own field.
        value : object
            What was found; None and "" mean that there is none.
        source, found : str, object
            What a warning names and shows instead of the field's name and the value.
        """
        if value is None or value == "" or value == []:
            return
        try:
            name, read = read_field(name, value)
        except ValueError as error:
            self.warn(f"{source or name} {shown(value if found is None else found)} {error}")
            return
        if read == "" or read == []:
            return
        self.fields[name] = read
        if name == "taken_at":
            self.fields["taken_at"], offset = split_offset(str(read))
            self.fields.update({"taken_offset": offset} if offset else {})

    def put_first(self, name: str, *values: object, source: str = "") -> None:
        """Set a field to the first of the values that can be used."""
        for value in values:
            if name not in self.fields:
                self.put(name, value, source=source)

    def warn(self, warning: str) -> None:
        """Record that something was found and not used."""
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(warning)

    def metadata(self, exif: Mapping[str, str] | None = None) -> Metadata:
        """Return what was collected."""
        return Metadata(dict(self.fields), dict(exif or {}), tuple(dict.fromkeys(self.warnings)))


def close_names(name: str) -> str:
    """Return a hint that names the fields which resemble a name, or the empty string."""
    leaves = {field.rpartition(".")[2]: field for field in FIELDS}
    key = name.strip().lower()
    found = difflib.get_close_matches(key, [*FIELDS, *leaves, "path"], n=3, cutoff=0.7)
    names = list(dict.fromkeys(leaves.get(match, match) for match in found))
    return f"; did you mean {' or '.join(repr(match) for match in names)}?" if names else ""


def flatten(values: Mapping[str, object], *, prefix: str = "") -> dict[str, object]:
    """Return nested values under dotted names; a location stays whole.

    Examples
    --------
    >>> flatten({"camera": {"make": "Canon"}, "location": {"lat": 1.0, "lon": 2.0}})
    {'camera.make': 'Canon', 'location': {'lat': 1.0, 'lon': 2.0}}
    """
    flat: dict[str, object] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and name not in FIELDS:
            flat.update(flatten(cast("Mapping[str, object]", value), prefix=f"{name}."))
        else:
            flat[name] = value
    return flat
