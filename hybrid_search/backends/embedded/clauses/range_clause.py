"""The clause on order: range."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.embedded.clauses.clause_compiler import Compiler, Handler, only, single
from hybrid_search.backends.embedded.clauses.term_clauses import matching, presence, token
from hybrid_search.backends.embedded.clauses.term_patterns import interval
from hybrid_search.backends.embedded.documents.date_math import parse_date
from hybrid_search.backends.embedded.documents.index_values import boolean, number
from hybrid_search.backends.embedded.documents.mapping_fields import INTEGERS, Field
from hybrid_search.errors import BadFilter, MappingMismatch

if TYPE_CHECKING:
    import tantivy

_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_BOUNDS = {"gte", "gt", "lte", "lt"}


def _range(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    from tantivy import Query

    name, value = single("range", params)
    options = only("range", value, _BOUNDS)
    bounds = {key: options[key] for key in sorted(_BOUNDS) if options.get(key) is not None}
    field = compiler.field(name)
    if {"gt", "gte"} <= set(bounds) or {"lt", "lte"} <= set(bounds):
        raise BadFilter("range", f"field {name!r} has two lower or two upper bounds")
    if not bounds:
        return Query.const_score_query(presence(compiler, name), 1.0), options
    try:
        query = _bounded(compiler, field, bounds)
    except ValueError as error:
        raise BadFilter("range", f"field {name!r}: {error}") from error
    return Query.const_score_query(query, 1.0), options


def _bounded(compiler: Compiler, field: Field, bounds: Mapping[str, Any]) -> tantivy.Query:
    from tantivy import FieldType, Query

    schema = compiler.snapshot.schema.tantivy
    if field.kind in ("keyword", "flattened", "text"):
        return _between_terms(compiler, field, bounds)
    if field.kind in ("boolean", "date") or field.kind in INTEGERS:
        low, high = whole_bounds(field, bounds)
        if (low is not None and high is not None and low > high) or not _fits(low) or not _fits(high):
            low, high = _clamped(low, high)
            if low is None:
                return Query.empty_query()
        return Query.range_query(schema, field.name, FieldType.Integer, low, high)
    if field.numeric:
        return _between_reals(compiler, field, bounds)
    raise MappingMismatch(field.name, f"a {field.kind} has no order")


def _between_reals(compiler: Compiler, field: Field, bounds: Mapping[str, Any]) -> tantivy.Query:
    from tantivy import FieldType, Query

    double = Field("", "double")
    reals = {key: float(value if _infinite(value) else number(double, value)) for key, value in bounds.items()}
    low, high = reals.get("gte", reals.get("gt")), reals.get("lte", reals.get("lt"))
    return Query.range_query(
        compiler.snapshot.schema.tantivy, field.name, FieldType.Float, low, high, "gt" not in reals, "lt" not in reals
    )


def _infinite(value: Any) -> bool:
    return isinstance(value, float) and math.isinf(value)


def whole_bounds(field: Field, bounds: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return the smallest and the largest whole number within bounds; None where there is no bound.

    Dates are rounded as Elasticsearch rounds what is left out: up for gt and lte, down for gte and lt.
    """
    low = high = None
    if "gte" in bounds:
        low = _whole(field, bounds["gte"], up=False, ceiling=True)
    if "gt" in bounds:
        low = _whole(field, bounds["gt"], up=True, ceiling=False) + 1
    if "lte" in bounds:
        high = _whole(field, bounds["lte"], up=True, ceiling=False)
    if "lt" in bounds:
        high = _whole(field, bounds["lt"], up=False, ceiling=True) - 1
    return low, high


def _whole(field: Field, value: Any, *, up: bool, ceiling: bool) -> int:
    if field.kind == "date":
        return parse_date(value, formats=field.options.get("format"), up=up, math=True)
    if field.kind == "boolean":
        return boolean(value)
    if _infinite(value):
        return 1 << 64 if value > 0 else -(1 << 64)
    real = number(Field("", "double"), value)
    if isinstance(value, int) or (isinstance(value, str) and _WHOLE.fullmatch(value)):
        return int(value)  # exactly: a float holds 53 bits
    return math.ceil(real) if ceiling else math.floor(real)


_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
"""Whole numbers have 64 bits in tantivy."""


def _fits(bound: int | None) -> bool:
    return bound is None or _LOWEST <= bound <= _HIGHEST


def _clamped(low: int | None, high: int | None) -> tuple[int | None, int | None]:
    lowest = _LOWEST if low is None else max(low, _LOWEST)
    highest = _HIGHEST if high is None else min(high, _HIGHEST)
    return (lowest, highest) if lowest <= highest else (None, None)


def _between_terms(compiler: Compiler, field: Field, bounds: Mapping[str, Any]) -> tantivy.Query:
    """The order of terms is that of their code points; below a flattened field only the key's own terms count."""
    from tantivy import Query

    low = high = None
    from_low = to_high = True
    if field.key is not None:
        low, high, to_high = f"{field.key}\0", f"{field.key}\1", False
    for key, value in bounds.items():
        text = token(compiler, field, value)
        if key.startswith("g"):
            low, from_low = text, key.endswith("e")
        else:
            high, to_high = text, key.endswith("e")
    pattern = interval(low, high, from_low=from_low, to_high=to_high)
    return Query.empty_query() if pattern is None else matching(compiler, field, pattern, "range")


RANGES: dict[str, Handler] = {"range": _range}
"""Clause name to its handler."""
