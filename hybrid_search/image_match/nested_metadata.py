"""Metadata of any shape: how a document with a strict mapping keeps them, and how filters ask for them.

All goes into `exif`, the one field that takes any name, as whole values: the metadata as one JSON text, from which they
are given back, and every value under its dotted name behind "metadata.", where filters find it. Numbers stand a second
time behind "metadata_order.", as texts in the order of the numbers, for ranges.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from sys import float_info
from typing import Any
from uuid import UUID

import numpy as np

from hybrid_search.errors import MappingMismatch
from hybrid_search.ingest.caller_metadata import caller_metadata
from hybrid_search.metadata import Metadata
from hybrid_search.metadata.fields import flatten

KEPT_PATH = "image_match.path"
"""The key in `exif` of an entry's path as it was given."""
_KEPT, _PARENTS = "image_match.metadata", "image_match.objects"
_METADATA, _ORDER = "metadata", "metadata_order"
_LARGEST = float_info.max
_VALUES = ("value", "query", "terms")
_LONGEST_TERM = 8000  # bytes of name and value; a server refuses a document with a term of 32,766


def keep(path: str, metadata: Any, fields: Mapping[str, str]) -> Metadata:
    """Return what a document keeps of an entry: its path, its metadata as JSON text, each value under a dotted name.

    Raises
    ------
    MappingMismatch
        When the metadata are not JSON, or a value named by `fields` does not fit its field.

    Examples
    --------
    >>> kept = keep("a.jpg", {"shop": {"price": 3}, "note": "on sale"}, {"note": "caption"})
    >>> dict(kept.fields), kept.exif["metadata.shop.price"]
    ({'caption': 'on sale'}, ['3'])
    """
    exif: dict[str, Any] = {KEPT_PATH: path}
    if not metadata:
        return Metadata({}, exif)
    try:
        exif[_KEPT] = json.dumps(metadata, default=_plain, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise MappingMismatch(_METADATA, f"this is nothing that JSON can hold ({error})") from None
    plain = json.loads(exif[_KEPT])
    parents: dict[str, None] = {}
    for leaf, value in _leaves(plain, _METADATA):
        parts = leaf.split(".")
        parents.update(dict.fromkeys(".".join(parts[:depth]) for depth in range(1, len(parts))))
        _note(exif, leaf, _as_text(value))
        if _is_number(value):
            _note(exif, leaf.replace(_METADATA, _ORDER, 1), _sortable(value))
    for parent in parents:
        _note(exif, _PARENTS, parent)
    given = {**flatten(metadata), **metadata} if isinstance(metadata, Mapping) else {}
    chosen = {field: given[name] for name, field in fields.items() if name in given}
    return Metadata(caller_metadata(chosen).fields, exif)


def kept_metadata(exif: Mapping[str, Any]) -> Any:
    """Return the metadata of an entry as they were given, None where there were none."""
    return json.loads(exif[_KEPT]) if _KEPT in exif else None


def _note(exif: dict[str, Any], name: str, text: str) -> None:
    try:
        length = len(f"{name}{text}".encode())
    except UnicodeEncodeError:
        return
    if length <= _LONGEST_TERM and "\0" not in name:
        exif.setdefault(name, []).append(text)


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from _leaves(inside, f"{name}.{key}")
    elif isinstance(value, list):
        for inside in value:
            yield from _leaves(inside, name)
    elif value is not None:
        yield name.removesuffix(".keyword"), value


def _plain(value: Any) -> Any:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def _as_text(value: Any) -> str:
    """Return a value as it is kept and asked for: a number the same whether whole or not, true and false in words."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _is_number(value: Any) -> bool:
    # an integer beyond the floats has no place among them
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST


def _sortable(number: float) -> str:
    """Return a number as 16 letters whose order is that of the numbers: its bits, turned over where it is negative."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", number + 0.0))
    return f"{bits ^ (2**64 - 1 if bits >> 63 else 1 << 63):016x}"


def translate(pre_filter: Any) -> Any:
    """Return a filter of image-match's fields as one of ours; what is no clause is left for `make_query` to refuse.

    Examples
    --------
    >>> translate({"term": {"metadata.shop.price": 3.0}})
    {'term': {'exif.metadata.shop.price': '3'}}
    """
    if isinstance(pre_filter, (list, tuple)):
        return [translate(each) for each in pre_filter]
    if not isinstance(pre_filter, Mapping) or len(pre_filter) != 1:
        return pre_filter
    ((kind, body),) = pre_filter.items()
    if not isinstance(body, Mapping):
        return pre_filter
    if kind in ("bool", "constant_score"):
        return {kind: {occur: translate(inside) for occur, inside in body.items()}}
    if kind == "nested" and str(body.get("path")).split(".")[0] == _METADATA and "query" in body:
        return translate(body["query"])
    if kind == "exists":
        return _exists(body.get("field"))
    return {kind: dict(_condition(kind, name, value) for name, value in body.items())}


def _exists(name: Any) -> dict[str, Any]:
    field = _field(name)
    if field == name or not str(name).startswith(_METADATA):
        return {"exists": {"field": field}}
    either = [{"exists": {"field": field}}, {"term": {f"exif.{_PARENTS}": name}}]
    return {"bool": {"should": either, "minimum_should_match": 1}}


def _condition(kind: str, name: str, value: Any) -> tuple[str, Any]:
    field = _field(name)
    if not field.startswith(f"exif.{_METADATA}"):
        return field, value
    if kind == "range" and isinstance(value, Mapping):
        return _range(field, value)
    if isinstance(value, Mapping):
        return field, {key: _texts(inside) if key in _VALUES else inside for key, inside in value.items()}
    return field, _texts(value)


def _range(field: str, bounds: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    # a server takes no open ranges over keys of a flattened field
    if bounds and all(map(_is_number, bounds.values())):
        ordered = {name: _sortable(bound) for name, bound in bounds.items()}
        return field.replace(_METADATA, _ORDER, 1), _closed(ordered, "0" * 16, "f" * 16)
    return field, _closed(bounds, "", "\U0010ffff")


def _closed(bounds: Mapping[str, Any], least: str, greatest: str) -> dict[str, Any]:
    low = {} if {"gt", "gte"} & set(bounds) else {"gte": least}
    high = {} if {"lt", "lte"} & set(bounds) else {"lte": greatest}
    return {**low, **bounds, **high}


def _texts(value: Any) -> Any:
    return [_as_text(each) for each in value] if isinstance(value, (list, tuple)) else _as_text(value)


def _field(name: Any) -> Any:
    named = {"path": f"exif.{KEPT_PATH}", "path.keyword": f"exif.{KEPT_PATH}", "timestamp": "indexed_at"}
    if isinstance(name, str) and name.split(".")[0] == _METADATA:
        return f"exif.{name.removesuffix('.keyword')}"
    return named.get(name, name)
