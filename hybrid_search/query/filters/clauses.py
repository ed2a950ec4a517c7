"""Filters given as Elasticsearch clauses: those that only select are taken, checked and put in one form."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hybrid_search.document.search_fields import searched_as
from hybrid_search.document.search_text import phrase_text
from hybrid_search.errors import BadFilter
from hybrid_search.query.filters.combine import MAX_CLAUSES, MAX_DEPTH
from hybrid_search.query.filters.field_conditions import Leaves
from hybrid_search.query.filters.field_names import field_type, wrap_nested
from hybrid_search.query.filters.geo_filters import box, parse_point, within

_OCCUR = ("must", "filter", "should", "must_not")
_BOUNDS = ("gte", "gt", "lte", "lt")
_CORNERS = (("top_left", "bottom_right"), ("top_right", "bottom_left"))
_FLOAT_BITS = 1023
_MAX_VALUES = 65_536  # what an Elasticsearch server takes in one `terms`


def check_clause(clause: Mapping[str, Any], leaves: Leaves) -> dict[str, Any]:
    """Return a filter clause of the whitelist in its short form, its fields and values checked.

    Raises
    ------
    BadFilter
        When the clause, or one inside it, is not one of `CLAUSES`, or has parameters that only ranking uses.
    UnknownField
        When the mapping lacks a field.
    """
    _refuse_giants(clause)
    return _Check(leaves).clause(clause, depth=0)


def _refuse_giants(clause: Any) -> None:
    """Raise BadFilter for a whole number that no float holds, wherever it stands: Python's own have no end."""
    pending, seen = [clause], 0
    while pending and seen < MAX_CLAUSES * _MAX_VALUES:
        seen, value = seen + 1, pending.pop()
        if isinstance(value, Mapping):
            pending.extend(value.values())
        elif isinstance(value, (list, tuple)):
            pending.extend(value)
        elif isinstance(value, int) and value.bit_length() > _FLOAT_BITS:
            raise BadFilter("…", "it has a number of more than 308 digits, and no field holds such")


@dataclass
class _Check:
    leaves: Leaves
    clauses: int = field(default=0)

    def clause(self, clause: Any, *, depth: int) -> dict[str, Any]:
        if depth > MAX_DEPTH:
            raise BadFilter("…", f"it is nested deeper than {MAX_DEPTH} levels")
        if not isinstance(clause, Mapping) or len(clause) != 1:
            raise BadFilter(str(clause)[:200], 'a clause is one name and its body, such as {"term": {"tags": "night"}}')
        self.clauses += 1
        if self.clauses > MAX_CLAUSES:
            raise BadFilter("…", f"it has more than {MAX_CLAUSES:,} conditions")
        ((name, body),) = clause.items()
        if not isinstance(body, Mapping):
            raise BadFilter(str(clause)[:200], f"the body of {name!r} is a mapping")
        if name == "bool":
            return self._bool(body, depth)
        if name == "constant_score":
            # In a filter nothing is scored, so its inside is all there is to it.
            return self.clause(_only(name, body, "filter", ignored="boost")["filter"], depth=depth + 1)
        if name not in _LEAF:
            known = ", ".join(CLAUSES)
            raise BadFilter(str(clause)[:200], f"{name!r} is not taken in a filter; these are: {known}")
        return _LEAF[name](self.leaves, body)

    def _bool(self, body: Mapping[str, Any], depth: int) -> dict[str, Any]:
        _only("bool", body, *_OCCUR, "minimum_should_match", required=0)
        checked: dict[str, Any] = {}
        for occur in _OCCUR:
            inside = body.get(occur, [])
            listed = [inside] if isinstance(inside, Mapping) else _listed(f"bool.{occur}", inside)
            if listed:
                checked[occur] = [self.clause(one, depth=depth + 1) for one in listed]
        if not checked:
            raise BadFilter(str(dict(body))[:200], "an empty bool holds always; leave it out, or write match_all")
        if "minimum_should_match" in body:
            checked["minimum_should_match"] = _minimum(body["minimum_should_match"])
        return {"bool": checked}


def _term(leaves: Leaves, body: Mapping[str, Any]) -> dict[str, Any]:
    name, given = _one_field("term", body)
    value = _scalar(name, given["value"] if isinstance(given, Mapping) and set(given) == {"value"} else given)
    if field_type(name, leaves.types) in ("text", "geo_point"):
        raise BadFilter(f"{name}:{value}", f"{name!r} is not kept as whole values; use match, or a geo clause")
    return leaves.equals(name, value)


def _terms(leaves: Leaves, body: Mapping[str, Any]) -> dict[str, Any]:
    name, values = _one_field("terms", body)
    if field_type(name, leaves.types) in ("text", "geo_point", "date"):
        raise BadFilter(name, f"{name!r} is not kept as whole values; join several clauses by bool.should")
    plain = Leaves({name: leaves.types.get(name, "flattened")}, leaves.now)
    equal = [plain.equals(name, _scalar(name, value)) for value in _listed("terms", values)]
    terms = [term for one in equal for term in (one["terms"][name] if "terms" in one else [one["term"][name]])]
    return wrap_nested({"terms": {name: terms}}, name, leaves.types)


def _terms_set(leaves: Leaves, body: Mapping[str, Any]) -> dict[str, Any]:
    name, given = _one_field("terms_set", body)
    given = _only("terms_set", given, "terms", "minimum_should_match")
    values = _terms(leaves, {name: given["terms"]})["terms"][name]
    return {"terms_set": {name: {"terms": values, "minimum_should_match": _minimum(given["minimum_should_match"])}}}


def _range(leaves: Leaves, body: Mapping[str, Any]) -> dict[str, Any]:
    name, given = _one_field("range", body)
    given = _only("range", given, *_BOUNDS, required=0)
    bounds = {operator: _scalar(name, bound) for operator, bound in given.items() if bound is not None}
    if {"gte", "gt"} <= bounds.keys() or {"lte", "lt"} <= bounds.keys():
        raise BadFilter(name, "a range has one lower and one upper bound at most")
    return leaves.between(name, bounds)


def _exists(leaves: Leaves, body: Mapping[str, Any]) -> dict[str, Any]:
    return leaves.exists(_string("exists", _only("exists", body, "field")["field"]))


def _ids(leaves: Leaves, body: Mapping[str, Any]) -> dict[str, Any]:
    values = _listed("ids", _only("ids", body, "values")["values"])
    return {"ids": {"values": [_string("ids", value) for value in values]}}


def _prefix(leaves: Leaves, body: Mapping[str, Any]) -> dict[str, Any]:
    return leaves.prefix(*_text_value("prefix", body))


def _wildcard(leaves: Leaves, body: Mapping[str, Any]) -> dict[str, Any]:
    return leaves.pattern(*_text_value("wildcard", body))


def _fuzzy(leaves: Leaves, body: Mapping[str, Any]) -> dict[str, Any]:
    name, given = _one_field("fuzzy", body)
    given = _only("fuzzy", given if isinstance(given, Mapping) else {"value": given}, "value", "fuzziness", required=1)
    fuzziness = given.get("fuzziness", "AUTO")
    if str(fuzziness) not in ("0", "1", "2", "AUTO"):
        raise BadFilter(f"{name}~{fuzziness}", 'fuzziness is 0, 1, 2 or "AUTO"')
    return leaves.fuzzy(name, _string("fuzzy", given["value"]), fuzziness if fuzziness == "AUTO" else int(fuzziness))


def _match(leaves: Leaves, body: Mapping[str, Any]) -> dict[str, Any]:
    name, given = _one_field("match", body)
    given = _only("match", given if isinstance(given, Mapping) else {"query": given}, "query", "operator", required=1)
    operator = str(given.get("operator", "or")).lower()
    if operator not in ("and", "or"):
        raise BadFilter(f"{name}:{given['query']}", f"operator is and, or or; not {operator!r}")
    if field_type(name, leaves.types) != "text":
        return leaves.equals(name, _scalar(name, given["query"]))
    query = phrase_text(str(_scalar(name, given["query"])))
    matched = {"match": {searched_as(name, leaves.types): {"query": query, "operator": operator}}}
    return wrap_nested(matched, name, leaves.types)


def _match_phrase(leaves: Leaves, body: Mapping[str, Any]) -> dict[str, Any]:
    name, given = _one_field("match_phrase", body)
    given = _only(
        "match_phrase", given if isinstance(given, Mapping) else {"query": given}, "query", "slop", required=1
    )
    phrase, slop = _scalar(name, given["query"]), given.get("slop", 0)
    if isinstance(slop, bool) or not isinstance(slop, int) or not 0 <= slop <= 100:
        raise BadFilter(f"{name}:{phrase}", f"slop is a whole number from 0 to 100, not {slop!r}")
    return leaves.near(name, phrase, slop) if slop else leaves.equals(name, phrase, phrase=True)


def _geo_distance(leaves: Leaves, body: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(body)
    distance = given.pop("distance", None)
    name, point = _one_field("geo_distance", given)
    _geo_field("geo_distance", name, leaves)
    return wrap_nested(within(name, parse_point(point, field=name), distance), name, leaves.types)


def _geo_box(leaves: Leaves, body: Mapping[str, Any]) -> dict[str, Any]:
    name, corners = _one_field("geo_bounding_box", body)
    _geo_field("geo_bounding_box", name, leaves)
    corners = corners if isinstance(corners, Mapping) else {}
    if set(corners) == {"top", "left", "bottom", "right"}:
        corners = {
            "top_left": {"lat": corners["top"], "lon": corners["left"]},
            "bottom_right": {"lat": corners["bottom"], "lon": corners["right"]},
        }
    for upper, lower in _CORNERS:
        if set(corners) == {upper, lower}:
            one, other = parse_point(corners[upper], field=name), parse_point(corners[lower], field=name)
            left, right = (one, other) if upper == "top_left" else (other, one)
            top_left = {"lat": one["lat"], "lon": left["lon"]}
            return wrap_nested(box(name, top_left, {"lat": other["lat"], "lon": right["lon"]}), name, leaves.types)
    raise BadFilter(str(dict(body))[:200], "a box has top_left and bottom_right, or top, left, bottom and right")


def _match_all(leaves: Leaves, body: Mapping[str, Any]) -> dict[str, Any]:
    _only("match_all", body, ignored="boost", required=0)
    return {"match_all": {}}


_LEAF: Mapping[str, Callable[[Leaves, Mapping[str, Any]], dict[str, Any]]] = {
    "term": _term,
    "terms": _terms,
    "terms_set": _terms_set,
    "range": _range,
    "exists": _exists,
    "ids": _ids,
    "prefix": _prefix,
    "wildcard": _wildcard,
    "fuzzy": _fuzzy,
    "match": _match,
    "match_phrase": _match_phrase,
    "geo_distance": _geo_distance,
    "geo_bounding_box": _geo_box,
    "match_all": _match_all,
}
CLAUSES = ("bool", *_LEAF, "constant_score")
"""Names of the clauses that a filter may have."""


def _one_field(clause: str, body: Mapping[str, Any]) -> tuple[str, Any]:
    if len(body) != 1:
        raise BadFilter(str({clause: dict(body)})[:200], f"{clause!r} takes one field and nothing beside it")
    ((name, given),) = body.items()
    return _string(clause, name), given


def _geo_field(clause: str, name: str, leaves: Leaves) -> None:
    if (kind := field_type(name, leaves.types)) != "geo_point":
        raise BadFilter(f"{clause}:{name}", f"{name!r} is {kind}, not a place")


def _only(clause: str, body: Any, *keys: str, required: int | None = None, ignored: str = "") -> Mapping[str, Any]:
    first = keys if required is None else keys[:required]
    if not isinstance(body, Mapping) or not set(first) <= set(body) <= {*keys, ignored}:
        shown = dict(body) if isinstance(body, Mapping) else body
        raise BadFilter(str({clause: shown})[:200], f"in {clause!r} a filter takes {', '.join(keys) or 'nothing'} only")
    return body


def _listed(clause: str, values: Any) -> list[Any]:
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Sequence):
        raise BadFilter(f"{clause}: {str(values)[:100]}", f"{clause!r} takes a list")
    if len(values) > _MAX_VALUES:
        raise BadFilter(clause, f"{clause!r} has {len(values):,} values, more than {_MAX_VALUES:,}")
    return list(values)


def _text_value(clause: str, body: Mapping[str, Any]) -> tuple[str, str]:
    name, given = _one_field(clause, body)
    return name, _string(clause, given["value"] if isinstance(given, Mapping) and set(given) == {"value"} else given)


def _string(clause: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadFilter(f"{clause}: {str(value)[:100]}", f"{value!r} is not a text")
    return value


def _scalar(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)) and math.isfinite(value):
        return repr(value)
    return _string(name, value)


def _minimum(value: Any) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value[-1:] == "%" and value[:-1].isdecimal() and int(value[:-1]) <= 100:
        return value
    raise BadFilter(f"minimum_should_match: {value!r}", 'it is a number of clauses, or a share such as "50%"')
