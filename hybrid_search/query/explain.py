"""Names on clauses, by which a response says which filters and which words a hit matched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from hybrid_search.document.search_fields import field_shown
from hybrid_search.document.search_text import phrase_text, spellings
from hybrid_search.query.text import ParsedText, file_stem, is_stop_word, with_every_word

FILTER = "filter:"
TERM = "term:"

_VALUE_KEY = {"term": "value", "prefix": "value", "wildcard": "value", "match": "query", "match_phrase": "query"}
_FIELD_INSIDE = {*_VALUE_KEY, "range", "fuzzy", "terms_set"}


def name_filters(clauses: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the clauses with a `_name` such as "filter:camera.make:canon" on each leaf that a hit can match."""
    return [_named(clause) for clause in clauses]


def sure_names(clauses: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the names of the leaves that every hit matches, whatever the response says."""
    return tuple(FILTER + name_of(leaf) for clause in clauses for leaf in _certain(clause))


def term_clauses(parsed: ParsedText) -> list[dict[str, Any]]:
    """Return one unscored named clause ("term:dog@labels") for each word or phrase in each text field."""
    clauses: list[dict[str, Any]] = []
    for word in parsed.sought:
        for field in with_every_word(parsed.fields) if is_stop_word(word) else parsed.fields:
            name = {"boost": 0, "_name": f"{TERM}{word}@{field_shown(field)}"}
            ways: list[dict[str, Any]] = [
                {"match": {field: {"query": way, "operator": "and"}}} for way in spellings(word)
            ]
            if field == "filename_text" and (stem := file_stem(word)):
                ways += [{"term": {"filename": word}}, {"match": {field: {"query": stem, "operator": "and"}}}]
            ((kind, first),) = ways[0].items()
            one = {kind: {field: {**first[field], **name}}}
            clauses.append(one if len(ways) == 1 else {"dis_max": {"queries": ways, **name}})
    for phrase, field in product(parsed.phrases, with_every_word(parsed.fields)):
        name = {"boost": 0, "_name": f"{TERM}{phrase}@{field_shown(field)}"}
        clauses.append({"match_phrase": {field: {"query": phrase_text(phrase), **name}}})
    return clauses


def name_of(clause: Mapping[str, Any]) -> str:
    """Return a clause in words near to Lucene syntax.

    Examples
    --------
    >>> name_of({"range": {"iso": {"gte": 400}}})
    'iso:[400 TO *]'
    """
    ((kind, body),) = clause.items()
    if kind in ("match_all", "bool", "nested"):
        return "*" if kind == "match_all" else json.dumps(clause, ensure_ascii=False)
    if kind == "ids":
        return f"_id:{_either(body['values'])}"
    if kind == "exists":
        return f"_exists_:{body['field']}"
    field, value = _field_and_value(kind, body)
    return f"{field_shown(field)}:{value}"


def _field_and_value(kind: str, body: Mapping[str, Any]) -> tuple[str, str]:
    if kind == "geo_distance":
        ((field, point),) = ((key, value) for key, value in body.items() if key != "distance")
        return field, f"within({point['lat']:g},{point['lon']:g},{body['distance']})"
    ((field, given),) = body.items()
    if kind == "geo_bounding_box":
        top, bottom = given["top_left"], given["bottom_right"]
        return field, f"box({top['lat']:g},{top['lon']:g},{bottom['lat']:g},{bottom['lon']:g})"
    if kind == "range":
        low, high = given.get("gte", given.get("gt", "*")), given.get("lte", given.get("lt", "*"))
        return field, f"{'{' if 'gt' in given else '['}{low} TO {high}{'}' if 'lt' in given else ']'}"
    if kind == "terms":
        return field, _either(given)
    if kind == "terms_set":
        return field, f"{given['minimum_should_match']} of {_either(given['terms'])}"
    value = given.get("value", given.get("query")) if isinstance(given, Mapping) else given
    quote, end = ('"', "") if kind == "match_phrase" else ("", {"prefix": "*", "fuzzy": "~"}.get(kind, ""))
    return field, f"{quote}{_shown(value)}{quote}{end}"


def _named(clause: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, body),) = clause.items()
    if kind == "bool":
        # What must not match never does in a hit, so a name there would say nothing.
        parts = {key: name_filters(part) for key, part in body.items() if key in ("must", "filter", "should")}
        return {"bool": {**body, **parts}}
    if kind == "nested":
        return {"nested": {**body, "_name": FILTER + name_of(body["query"])}}
    name = FILTER + name_of(clause)
    if kind not in _FIELD_INSIDE:
        return {kind: {**body, "_name": name}}
    ((field, given),) = body.items()
    inside = given if isinstance(given, Mapping) else {_VALUE_KEY[kind]: given}
    return {kind: {field: {**inside, "_name": name}}}


def _certain(clause: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    ((kind, body),) = clause.items()
    if kind == "nested":
        yield body["query"]
    elif kind == "bool":
        for occur in ("must", "filter"):
            for inside in body.get(occur, ()):
                yield from _certain(inside)
    else:
        yield clause


def _either(values: Sequence[Any]) -> str:
    shown = [_shown(value) for value in values[:5]] + (["…"] if len(values) > 5 else [])
    return shown[0] if len(shown) == 1 else f"({' OR '.join(shown)})"


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
