"""Counts per value of a field: how they are asked for, and how they are read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from hybrid_search.document.search_fields import field_shown
from hybrid_search.errors import QueryError
from hybrid_search.query.filters.field_names import field_type, nested_path
from hybrid_search.query.filters.value_parsing import NUMBERS

_INTERVALS = {"year": "%Y", "month": "%Y-%m", "day": "%Y-%m-%d"}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_DEFAULT_SIZE = 10
_MAX_SIZE = 1_000
_HELP = (
    "write a field, with a number of values (labels:20), an interval of dates (taken_at:year), or edges (iso:100,400)"
)


@dataclass(frozen=True)
class Facet:
    """One count per value: of the commonest `size` values, per `interval` of dates, or between `edges`."""

    name: str
    field: str
    size: int = _DEFAULT_SIZE
    interval: str | None = None
    edges: tuple[float, ...] = ()
    boolean: bool = False


def parse_facet(text: str, types: Mapping[str, str]) -> Facet:
    """Return what a facet asks for: "camera.make", "labels:20", "taken_at:month", "iso:100,400,1600".

    Numbers are counted value by value, commonest first, unless edges are given; dates by year, unless another
    interval is given.

    Raises
    ------
    UnknownField
        When the mapping lacks the field.
    QueryError
        When the values of the field cannot be counted so.
    """
    field, _, how = text.partition(":")
    kind = field_type(field, types)
    if kind not in {*NUMBERS, "keyword", "date", "boolean", "flattened"} or nested_path(field, types):
        raise QueryError(f"facet {text!r}: values of {field!r} ({kind}) cannot be counted{_other(field, types)}")
    if kind == "date" and how in ("", *_INTERVALS):
        return Facet(text, field, interval=how or "year")
    if how == "":
        return Facet(text, field, boolean=kind == "boolean")
    if kind != "date" and re.fullmatch("[0-9]{1,5}", how) and 1 <= int(how) <= _MAX_SIZE:
        return Facet(text, field, size=int(how), boolean=kind == "boolean")
    if kind in NUMBERS and re.fullmatch(r"-?[0-9.]+(,-?[0-9.]+)+", how):
        return Facet(text, field, edges=_edges(text, how))
    raise QueryError(f"facet {text!r}: {how!r} is not a way to count {field!r}; {_HELP}")


def facet_aggs(facets: Sequence[Facet]) -> dict[str, Any]:
    """Return the aggregations of facets, each under the text it was asked with."""
    return {facet.name: _agg(facet) for facet in facets}


def read_facets(facets: Sequence[Facet], aggregations: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return the counts per facet and value, in the order of the response, without values that nothing has."""
    return {facet.name: _counts(facet, aggregations[facet.name]["buckets"]) for facet in facets}


def _agg(facet: Facet) -> dict[str, Any]:
    if facet.interval:
        return {"date_histogram": {"field": facet.field, "calendar_interval": facet.interval, "min_doc_count": 1}}
    if facet.edges:
        pairs = zip((None, *facet.edges), (*facet.edges, None), strict=True)
        ranges = [
            {**({} if low is None else {"from": low}), **({} if high is None else {"to": high})} for low, high in pairs
        ]
        return {"range": {"field": facet.field, "ranges": ranges}}
    return {"terms": {"field": facet.field, "size": facet.size}}


def _counts(facet: Facet, buckets: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {_key(facet, bucket): int(bucket["doc_count"]) for bucket in buckets if bucket["doc_count"]}


def _key(facet: Facet, bucket: Mapping[str, Any]) -> str:
    if facet.interval:
        return (_EPOCH + timedelta(milliseconds=bucket["key"])).strftime(_INTERVALS[facet.interval])
    if facet.edges:
        low, high = bucket.get("from"), bucket.get("to")
        if low is None:
            return f"<{high:g}"
        return f"≥{low:g}" if high is None else f"{low:g}–{high:g}"
    if facet.boolean:
        return "true" if bucket["key"] in (1, True, "true") else "false"
    key = bucket["key"]
    return f"{key:g}" if isinstance(key, float) else str(key)


def _edges(text: str, how: str) -> tuple[float, ...]:
    try:
        edges = tuple(float(edge) for edge in how.split(","))
    except ValueError:
        raise QueryError(f"facet {text!r}: {how!r} has an edge that is not a number") from None
    if list(edges) != sorted(set(edges)):
        raise QueryError(f"facet {text!r}: the edges go up, each more than the one before")
    return edges


def _other(field: str, types: Mapping[str, str]) -> str:
    parent = field_shown(field)
    return f"; {parent!r} can" if types.get(parent) == "keyword" else ""
