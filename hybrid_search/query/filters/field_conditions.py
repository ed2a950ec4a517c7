"""One condition on one field as one Elasticsearch clause; the field's type decides which."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from hybrid_search.document.search_fields import searched_as
from hybrid_search.document.search_text import compose, fold, phrase_text
from hybrid_search.errors import BadFilter
from hybrid_search.query.filters.combine import any_of
from hybrid_search.query.filters.field_names import field_type, wrap_nested
from hybrid_search.query.filters.filter_size import check_pattern
from hybrid_search.query.filters.geo_filters import GEO_HINT, parse_geo
from hybrid_search.query.filters.value_parsing import (
    INTEGERS,
    NUMBERS,
    as_text,
    has_zone,
    parse_boolean,
    parse_date,
    parse_number,
    whole_bound,
)

PATHS = frozenset({"path", "folder"})
"""Fields of paths, which begin and may end with a slash."""

_ORDERED = frozenset({*NUMBERS, "date", "keyword", "flattened"})
_TERMS = frozenset({"keyword", "text", "flattened"})
_CLOCKS = {"taken_at": "taken_at_utc"}
"""Dates that a clock showed, which have no zone, each with the field of the same moments in UTC, where known."""


@dataclass(frozen=True)
class Leaves:
    """Makes clauses for the fields of one mapping.

    Parameters
    ----------
    types : mapping of str to str
        What `mapping.field_types` returns.
    now : datetime
        What "now" means in dates.
    """

    types: Mapping[str, str]
    now: datetime

    def equals(self, field: str, value: str, *, phrase: bool = False) -> dict[str, Any]:
        """Return the clause for a field that has a value; a `phrase` has its words in this order (texts only)."""
        kind = field_type(field, self.types)
        clause: dict[str, Any]
        if kind == "text":
            words = phrase_text(value)
            matched: Any = words if phrase else {"query": words, "operator": "and"}
            clause = {"match_phrase" if phrase else "match": {searched_as(field, self.types): matched}}
        elif kind == "geo_point":
            clause = parse_geo(value, field=field)
        elif kind == "date":
            zoned = has_zone(value)
            period = parse_date(value, field=field, now=self._now(field, zoned=zoned))
            clause = self._when(field, {"gte": period.start, "lt": period.end}, zoned=zoned)
        elif kind == "boolean":
            clause = {"term": {field: parse_boolean(value, field=field)}}
        elif kind in NUMBERS:
            clause = {"term": {field: parse_number(value, kind=kind, field=field)}}
        else:
            value = value.rstrip("/") or value if field in PATHS else value
            clause = any_of([{"term": {field: form}} for form in _forms(field, value)])
        return wrap_nested(clause, field, self.types)

    def between(self, field: str, bounds: Mapping[str, str]) -> dict[str, Any]:
        """Return the clause for a range; `bounds` has some of gte, gt, lte, lt, and none means that any value will do.

        Raises
        ------
        BadFilter
            When the field has no order, a bound is not of its type, or no value can lie between the bounds.
        """
        kind = field_type(field, self.types)
        if kind == "geo_point":
            raise BadFilter(field, f"places have no order; {GEO_HINT}")
        if not bounds:
            return self.exists(field)
        if kind not in _ORDERED:
            raise BadFilter(field, f"{field!r} is {kind}, which has no order, so no range")
        if kind == "date":
            return wrap_nested(self._dates(field, bounds), field, self.types)
        if kind in NUMBERS:
            limits = self._numbers(field, kind, bounds)
        else:
            limits = _both_ends(bounds) if kind == "flattened" else dict(bounds)
        return wrap_nested({"range": {field: limits}}, field, self.types)

    def exists(self, field: str) -> dict[str, Any]:
        """Return the clause for documents that have the field; an object such as "camera" has any of its fields."""
        inside = [name for name in self.types if name.startswith(f"{field}.")]
        if inside and field not in self.types:
            kept = [name for name in inside if self.types[name] != "disabled"]
            return {"bool": {"should": [self.exists(name) for name in kept], "minimum_should_match": 1}}
        if self.types.get(field) not in ("dense_vector", "nested"):
            field_type(field, self.types)
        if self.types.get(field) == "nested":
            kept = [name for name in inside if self.types[name] != "disabled"]
            any_of = {"bool": {"should": [{"exists": {"field": name}} for name in kept], "minimum_should_match": 1}}
            return {"nested": {"path": field, "query": any_of}}
        return wrap_nested({"exists": {"field": field}}, field, self.types)

    def pattern(self, field: str, pattern: str) -> dict[str, Any]:
        """Return the clause for a pattern with * (anything) and ? (one character), backslash before literal ones."""
        self._with_terms(field, "wildcards", pattern)
        literal = _literal_prefix(pattern)
        if literal is not None:
            return self.prefix(field, literal)
        return self._any_form("wildcard", field, pattern)

    def prefix(self, field: str, start: str) -> dict[str, Any]:
        """Return the clause for values that start so."""
        self._with_terms(field, "wildcards", start)
        return self._any_form("prefix", field, start)

    def fuzzy(self, field: str, value: str, fuzziness: int | str) -> dict[str, Any]:
        """Return the clause for values that differ by at most `fuzziness` letters (0 to 2, or "AUTO" by length)."""
        kind = self._with_terms(field, "~", value)
        if kind == "flattened":
            raise BadFilter(f"{field}:{value}~", f"{field!r} is kept raw and is not searched with ~")
        name = searched_as(field, self.types)
        value = fold(value) if kind == "text" else compose(value)
        return wrap_nested({"fuzzy": {name: {"value": value, "fuzziness": fuzziness}}}, field, self.types)

    def near(self, field: str, phrase: str, slop: int) -> dict[str, Any]:
        """Return the clause for a text that has the phrase's words with at most `slop` moves between them."""
        if field_type(field, self.types) != "text":
            raise BadFilter(f'{field}:"{phrase}"~{slop}', f'{field!r} is not a text, so it takes no "…"~{slop}')
        matched = {searched_as(field, self.types): {"query": phrase_text(phrase), "slop": slop}}
        return wrap_nested({"match_phrase": matched}, field, self.types)

    def _any_form(self, kind: str, field: str, pattern: str) -> dict[str, Any]:
        name = searched_as(field, self.types)
        forms = [fold(pattern)] if self.types.get(field) == "text" else _forms(field, pattern)
        return wrap_nested(any_of([{kind: {name: form}} for form in forms]), field, self.types)

    def _with_terms(self, field: str, what: str, pattern: str) -> str:
        check_pattern(field, pattern)
        kind = field_type(field, self.types)
        if kind not in _TERMS:
            raise BadFilter(field, f"{what} are for words, and {field!r} is {kind}")
        return kind

    def _numbers(self, field: str, kind: str, bounds: Mapping[str, str]) -> dict[str, Any]:
        limits: dict[str, Any] = {}
        for operator, text in bounds.items():
            number = parse_number(text, kind=kind, field=field, exact=False)
            limits[operator] = whole_bound(number, operator=operator) if kind in INTEGERS else number
        low, high = limits.get("gte", limits.get("gt")), limits.get("lte", limits.get("lt"))
        _check_order(field, bounds, low, high, empty_when_equal=bool({"gt", "lt"} & limits.keys()))
        return limits

    def _dates(self, field: str, bounds: Mapping[str, str]) -> dict[str, Any]:
        edges: dict[str, datetime] = {}
        zoned = any(map(has_zone, bounds.values()))
        for operator, text in bounds.items():
            period = parse_date(text, field=field, now=self._now(field, zoned=zoned))
            # Dates are periods: above 2019 starts with 2020, and up to 2019 ends with the last of its days.
            edge = period.start if operator in ("gte", "lt") else period.end
            edges["gte" if operator in ("gte", "gt") else "lt"] = edge
        _check_order(field, bounds, edges.get("gte"), edges.get("lt"), empty_when_equal=True)
        return self._when(field, edges, zoned=zoned)

    def _now(self, field: str, *, zoned: bool) -> datetime:
        """Return the present as a field has it: a camera's clock shows the time of the place where it is."""
        return self.now.replace(tzinfo=timezone.utc) if field in _CLOCKS and not zoned else self.now

    def _when(self, field: str, edges: Mapping[str, datetime], *, zoned: bool) -> dict[str, Any]:
        """Return the clause for a stretch of time; with a zone it is one of moments, and clocks show others."""
        limits = {operator: as_text(edge) for operator, edge in edges.items()}
        instants = _CLOCKS.get(field)
        if instants is None:
            return {"range": {field: limits}}
        clock = {"range": {field: {operator: text.removesuffix("Z") for operator, text in limits.items()}}}
        if not zoned or instants not in self.types:
            return clock
        # whose clock is not known to have been off UTC is taken to have shown it
        of_unknown = {"bool": {"filter": [clock], "must_not": [{"exists": {"field": instants}}]}}
        return {"bool": {"should": [{"range": {instants: limits}}, of_unknown], "minimum_should_match": 1}}


def _check_order(field: str, bounds: Mapping[str, str], low: Any, high: Any, *, empty_when_equal: bool) -> None:
    if low is not None and high is not None and (low > high or (low == high and empty_when_equal)):
        written = " and ".join(f"{operator} {text}" for operator, text in bounds.items())
        raise BadFilter(f"{field}:{written}", f"no {field!r} can be {written}")


def _literal_prefix(pattern: str) -> str | None:
    plain: list[str] = []
    characters = iter(pattern[:-1])
    for character in characters:
        if character in "*?":
            return None
        plain.append(next(characters, "\\") if character == "\\" else character)
    ends_escaped = len(pattern[:-1]) - len(pattern[:-1].rstrip("\\"))
    return "".join(plain) if pattern.endswith("*") and ends_escaped % 2 == 0 else None


def _forms(field: str, value: str) -> list[str]:
    """Return what a value may be stored as: phones curl apostrophes, and disks have their own form of Unicode."""
    if field not in PATHS:
        value = compose(value)
        straight = value.replace("’", "'")
        return list(dict.fromkeys([value, straight, straight.replace("'", "’")]))
    return list(dict.fromkeys([value, *(unicodedata.normalize(form, value) for form in ("NFC", "NFD"))]))


def _both_ends(bounds: Mapping[str, str]) -> dict[str, str]:
    """Return a range with two ends: a server refuses an open one over a key of a flattened field."""
    lower = {} if "gt" in bounds or "gte" in bounds else {"gte": ""}
    upper = {} if "lt" in bounds or "lte" in bounds else {"lte": "\U0010ffff"}
    return {**bounds, **lower, **upper}
