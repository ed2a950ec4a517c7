"""Counts and extremes over matches: terms, range, date_histogram, min, max and their kin, each with ones inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.embedded.clauses.clause_compiler import Compiler, only
from hybrid_search.backends.embedded.clauses.compound_clauses import everything
from hybrid_search.backends.embedded.clauses.term_clauses import presence, term
from hybrid_search.backends.embedded.documents.date_math import UNITS, iso, parse_date, round_down, step
from hybrid_search.backends.embedded.documents.mapping_fields import Field
from hybrid_search.errors import BadFilter, MappingMismatch, UnsupportedClause

if TYPE_CHECKING:
    import tantivy

_MOST_BUCKETS = 65_000
"""tantivy's own limit; Elasticsearch has 65,536."""
Aggregation = Callable[[Compiler, "tantivy.Query", Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]


def aggregate(compiler: Compiler, query: tantivy.Query, wanted: Any) -> dict[str, Any]:
    """Return the `aggregations` of an answer.

    Parameters
    ----------
    compiler : Compiler
    query : tantivy.Query
        The documents to look at.
    wanted : mapping
        The body's `aggs`.

    Raises
    ------
    UnsupportedClause
        When an aggregation, or a parameter of one, is not interpreted.
    UnknownField, MappingMismatch
        When a field is not there, or cannot be aggregated.
    """
    if not isinstance(wanted, Mapping):
        raise BadFilter("aggs", f"expected an object, got {type(wanted).__name__}")
    results = {}
    for name, spec in wanted.items():
        if not isinstance(spec, Mapping):
            raise BadFilter(f"aggs.{name}", "expected an object")
        inner = spec.get("aggs", spec.get("aggregations", {}))
        kinds = [key for key in spec if key not in ("aggs", "aggregations", "meta")]
        if len(kinds) != 1:
            raise BadFilter(f"aggs.{name}", f"needs exactly one kind, got {kinds}")
        if kinds[0] not in _KINDS:
            raise UnsupportedClause(f"aggs.{kinds[0]}", "embedded")
        if inner and kinds[0] in _METRICS:
            raise BadFilter(f"aggs.{name}", f"{kinds[0]} has no aggregations inside")
        results[name] = _KINDS[kinds[0]](compiler, query, spec[kinds[0]], inner)
        if "meta" in spec:
            results[name]["meta"] = spec["meta"]
    return results


def _field(compiler: Compiler, options: Mapping[str, Any], kind: str, *, numeric: bool = False) -> Field:
    if options.get("field") is None:
        raise BadFilter(f"aggs.{kind}", "needs 'field'")
    field = compiler.snapshot.schema.fields.find(str(options["field"]))
    if not field.columnar or field.key is not None or field.kind == "geo_point":
        raise MappingMismatch(field.name, f"is a {field.kind} that cannot be aggregated")
    if numeric and not (field.numeric or field.kind == "date"):
        raise MappingMismatch(field.name, f"is a {field.kind}, {kind} needs numbers or dates")
    return field


def _native(compiler: Compiler, query: tantivy.Query, spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compiler.snapshot.searcher.aggregate(query, {"it": spec})["it"]
    return found


def _both(first: tantivy.Query, second: tantivy.Query) -> tantivy.Query:
    from tantivy import Occur, Query

    return Query.boolean_query([(Occur.Must, first), (Occur.Must, second)])


def _bucket(
    compiler: Compiler, query: tantivy.Query, bucket: dict[str, Any], inner: Mapping[str, Any]
) -> dict[str, Any]:
    return {**bucket, **aggregate(compiler, query, inner)} if inner else bucket


def _terms(compiler: Compiler, query: tantivy.Query, params: Any, inner: Mapping[str, Any]) -> dict[str, Any]:
    options = only("aggs.terms", params, {"field", "size", "order", "min_doc_count", "missing"})
    if "missing" in options:
        raise UnsupportedClause("aggs.terms.missing", "embedded")
    field = _field(compiler, options, "terms")
    by, direction = _order(options.get("order", {"_count": "desc"}))
    size, least = int(options.get("size", 10)), int(options.get("min_doc_count", 1))
    if size < 1 or least < 1:
        raise BadFilter("aggs.terms", "size and min_doc_count must be at least 1")
    found, rest = _top_terms(compiler, query, field, size, by, direction)
    chosen = [bucket for bucket in found if bucket["doc_count"] >= least]
    others = rest + sum(bucket["doc_count"] for bucket in chosen[size:])
    buckets = []
    for bucket in chosen[:size]:
        key = bucket["key"]
        if not isinstance(key, str):
            key = float(key) if field.kind in ("float", "double", "half_float") else int(key)
        shown = {"key": key, "doc_count": bucket["doc_count"], **_key_as_string(field, key)}
        value = iso(int(key)) if field.kind == "date" else bool(key) if field.kind == "boolean" else key
        inside = _both(query, term(compiler, field, value, "aggs.terms")) if inner else query
        buckets.append(_bucket(compiler, inside, shown, inner))
    return {"doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": buckets}


def _order(order: Any) -> tuple[str, str]:
    if not isinstance(order, Mapping) or len(order) != 1 or next(iter(order)) not in ("_count", "_key"):
        raise UnsupportedClause(f"aggs.terms.order={order!r}", "embedded")
    by, direction = next(iter(order.items()))
    if direction not in ("asc", "desc"):
        raise BadFilter("aggs.terms", f"order must be 'asc' or 'desc', got {direction!r}")
    return by, direction


def _top_terms(
    compiler: Compiler, query: tantivy.Query, field: Field, size: int, by: str, direction: str
) -> tuple[list[dict[str, Any]], int]:
    """Return buckets in order, those that tie with the last wanted one included, and the count of the others."""
    asked = size + 50
    while True:
        spec = {"field": field.name, "size": asked, "segment_size": _MOST_BUCKETS, "order": {by: direction}}
        found = _native(compiler, query, {"terms": spec})
        buckets, rest = list(found["buckets"]), int(found["sum_other_doc_count"])
        tied = len(buckets) > size and buckets[-1]["doc_count"] == buckets[size - 1]["doc_count"]
        if by == "_key" or not rest or not tied or asked >= _MOST_BUCKETS:
            break
        asked = min(asked * 8, _MOST_BUCKETS)
    buckets.sort(key=lambda bucket: bucket["key"], reverse=by == "_key" and direction == "desc")
    if by == "_count":
        buckets.sort(key=lambda bucket: bucket["doc_count"], reverse=direction == "desc")
    return buckets, rest


def _key_as_string(field: Field, key: Any) -> dict[str, str]:
    if field.kind == "date":
        return {"key_as_string": iso(key)}
    if field.kind == "boolean":
        return {"key_as_string": "true" if key else "false"}
    return {}


def _range(compiler: Compiler, query: tantivy.Query, params: Any, inner: Mapping[str, Any]) -> dict[str, Any]:
    options = only("aggs.range", params, {"field", "ranges", "keyed"})
    field = _field(compiler, options, "range", numeric=True)
    buckets = []
    for entry in options.get("ranges", ()):
        bounds = only("aggs.range.ranges", entry, {"from", "to", "key"})
        clause = {name: bounds[key] for key, name in (("from", "gte"), ("to", "lt")) if bounds.get(key) is not None}
        inside = _both(query, compiler.filter({"range": {field.name: clause}}))
        shown: dict[str, Any] = {"key": bounds.get("key", f"{_end(field, bounds, 'from')}-{_end(field, bounds, 'to')}")}
        for key in ("from", "to"):
            if bounds.get(key) is not None:
                shown[key] = _bound(field, bounds[key])
        shown["doc_count"] = compiler.snapshot.count(inside)
        buckets.append(_bucket(compiler, inside, shown, inner))
    buckets.sort(key=lambda bucket: (bucket.get("from", float("-inf")), bucket.get("to", float("inf"))))
    return {"buckets": {bucket.pop("key"): bucket for bucket in buckets} if options.get("keyed") else buckets}


def _bound(field: Field, value: Any) -> float:
    try:
        if field.kind == "date":
            return float(parse_date(value, formats=field.options.get("format"), math=True))
        return float(value)
    except (TypeError, ValueError) as error:
        raise BadFilter("aggs.range", f"field {field.name!r}: {error}") from error


def _end(field: Field, bounds: Mapping[str, Any], key: str) -> str:
    if bounds.get(key) is None:
        return "*"
    bound = _bound(field, bounds[key])
    return iso(int(bound)) if field.kind == "date" else str(bound)


def _date_histogram(compiler: Compiler, query: tantivy.Query, params: Any, inner: Mapping[str, Any]) -> dict[str, Any]:
    known = {"field", "calendar_interval", "format", "min_doc_count", "keyed", "order"}
    options = only("aggs.date_histogram", params, known)
    field = _field(compiler, options, "date_histogram")
    unit = UNITS.get(str(options.get("calendar_interval")))
    if field.kind != "date":
        raise MappingMismatch(field.name, f"is a {field.kind}, date_histogram needs dates")
    if unit is None:
        raise BadFilter("aggs.date_histogram", f"calendar_interval must be one of {', '.join(UNITS)}")
    least, show = int(options.get("min_doc_count", 0)), _format(options.get("format"))
    buckets = []
    for start, end, count in _calendar(compiler, query, field, unit):
        if count < least:
            continue
        inside = query
        if inner:
            inside = _both(query, _within(compiler, field, start, end - 1))
        shown = {"key_as_string": show(start), "key": start, "doc_count": count}
        buckets.append(_bucket(compiler, inside, shown, inner))
    by, direction = _order(options.get("order", {"_key": "asc"}))
    buckets.sort(key=lambda bucket: bucket["key" if by == "_key" else "doc_count"], reverse=direction == "desc")
    return {"buckets": {each["key_as_string"]: each for each in buckets} if options.get("keyed") else buckets}


def _calendar(compiler: Compiler, query: tantivy.Query, field: Field, unit: str) -> list[tuple[int, int, int]]:
    """Return (start, end, documents) of every calendar interval from the first date to the last, empty ones too."""
    low = _native(compiler, query, {"min": {"field": field.name}})["value"]
    if low is None:
        return []
    high = _largest(compiler, query, field)
    edges = [round_down(int(low), unit)]
    while edges[-1] <= high:
        edges.append(step(edges[-1], unit, 1))
        if len(edges) > _MOST_BUCKETS:
            raise BadFilter("aggs.date_histogram", f"more than {_MOST_BUCKETS} intervals; ask for longer ones")
    ranges = [{"from": start, "to": end} for start, end in pairwise(edges)]
    found = _native(compiler, query, {"range": {"field": field.name, "ranges": ranges}})["buckets"]
    counts = {int(bucket["from"]): int(bucket["doc_count"]) for bucket in found if "from" in bucket}
    return [(start, end, counts.get(start, 0)) for start, end in pairwise(edges)]


def _within(compiler: Compiler, field: Field, low: int, high: int) -> tantivy.Query:
    from tantivy import FieldType, Query

    query = Query.range_query(compiler.snapshot.schema.tantivy, field.name, FieldType.Integer, low, high)
    return Query.const_score_query(query, 0.0)


_FORMATS = {"yyyy": "%Y", "yyyy-MM": "%Y-%m", "yyyy-MM-dd": "%Y-%m-%d"}


def _format(pattern: Any) -> Callable[[int], str]:
    if pattern is None:
        return iso
    if pattern not in _FORMATS:
        raise UnsupportedClause(f"aggs.date_histogram.format={pattern}", "embedded")
    length = len(pattern)
    return lambda millis: iso(millis)[:length]


def _extreme(compiler: Compiler, query: tantivy.Query, params: Any, *, kind: str) -> dict[str, Any]:
    options = only(f"aggs.{kind}", params, {"field"})
    field = _field(compiler, options, kind, numeric=True)
    if kind == "max":
        value = _largest(compiler, query, field)
    else:
        value = _native(compiler, query, {kind: {"field": field.name}})["value"]
    shown = {"value": None if value is None else float(value)}
    return {**shown, "value_as_string": iso(int(value))} if value is not None and field.kind == "date" else shown


def _largest(compiler: Compiler, query: tantivy.Query, field: Field) -> Any:
    return _native(compiler, query, {"max": {"field": field.name}})["value"]


def _cardinality(compiler: Compiler, query: tantivy.Query, params: Any, inner: Mapping[str, Any]) -> dict[str, Any]:
    options = only("aggs.cardinality", params, {"field"})
    field = _field(compiler, options, "cardinality")
    return {"value": int(_native(compiler, query, {"cardinality": {"field": field.name}})["value"])}


def _filter(compiler: Compiler, query: tantivy.Query, params: Any, inner: Mapping[str, Any]) -> dict[str, Any]:
    inside = _both(query, compiler.filter(params))
    return _bucket(compiler, inside, {"doc_count": compiler.snapshot.count(inside)}, inner)


def _global(compiler: Compiler, query: tantivy.Query, params: Any, inner: Mapping[str, Any]) -> dict[str, Any]:
    only("aggs.global", params, set())
    return _bucket(compiler, everything(0.0), {"doc_count": compiler.snapshot.documents}, inner)


def _missing(compiler: Compiler, query: tantivy.Query, params: Any, inner: Mapping[str, Any]) -> dict[str, Any]:
    from tantivy import Occur, Query

    options = only("aggs.missing", params, {"field"})
    field = compiler.snapshot.schema.fields.find(str(options.get("field")))
    if not field.columnar:
        raise MappingMismatch(field.name, f"is a {field.kind} that cannot be aggregated")
    having = presence(compiler, str(options["field"]))
    inside = Query.boolean_query([(Occur.Must, query), (Occur.MustNot, having)])
    return _bucket(compiler, inside, {"doc_count": compiler.snapshot.count(inside)}, inner)


_METRICS = {"min", "max", "cardinality"}
_KINDS: dict[str, Aggregation] = {
    "terms": _terms,
    "range": _range,
    "date_histogram": _date_histogram,
    "min": lambda compiler, query, params, inner: _extreme(compiler, query, params, kind="min"),
    "max": lambda compiler, query, params, inner: _extreme(compiler, query, params, kind="max"),
    "cardinality": _cardinality,
    "filter": _filter,
    "global": _global,
    "missing": _missing,
}
