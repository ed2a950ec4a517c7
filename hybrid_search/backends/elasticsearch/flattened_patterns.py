"""Patterns over one key of a flattened field ("exif.LensModel:*50mm*"), which a server does not take."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from hybrid_search.backends.elasticsearch.aliases import find
from hybrid_search.backends.elasticsearch.client import Client
from hybrid_search.document.definition import field_types
from hybrid_search.errors import BadFilter

_MOST_VALUES = 10_000  # far below the 65,536 buckets that a server gives by default (search.max_buckets)
_WILDCARDS = {"*": ".*", "?": "."}


def answerable(body: Mapping[str, Any], client: Client, index: str) -> dict[str, Any]:
    """Return a body in which the values that the index holds stand for each pattern over a key of a flattened field.

    Raises
    ------
    BadFilter
        When the key has too many values to look at them all.
    """
    if not _has_pattern(body):
        return dict(body)
    types = field_types(find(client, index).definition)
    whole: dict[str, Any] = _answerable(body, lambda field: _values(field, types, client, index))
    return whole


def _has_pattern(body: Any) -> bool:
    if isinstance(body, Mapping):
        clause = body.get("wildcard")
        found = isinstance(clause, Mapping) and any("." in str(name) for name in clause)
        return found or any(map(_has_pattern, body.values()))
    return isinstance(body, (list, tuple)) and any(map(_has_pattern, body))


def _answerable(body: Any, values: Callable[[str], list[str] | None]) -> Any:
    if isinstance(body, (list, tuple)):
        return [_answerable(inside, values) for inside in body]
    if not isinstance(body, Mapping):
        return body
    clause = body.get("wildcard")
    if isinstance(clause, Mapping) and len(clause) == 1:
        ((field, given),) = clause.items()
        if (held := values(field)) is not None:
            options = dict(given) if isinstance(given, Mapping) else {"value": given}
            any_case = bool(options.pop("case_insensitive", False))
            matching = _matching(str(options.pop("value")), held, any_case=any_case)
            return {"terms": {field: matching, **options}}
    return {name: _answerable(inside, values) for name, inside in body.items()}


def _values(field: str, types: Mapping[str, str], client: Client, index: str) -> list[str] | None:
    """Return the values of a key of a flattened field, None of another field."""
    if field in types or types.get(field.partition(".")[0]) != "flattened":
        return None
    aggregation = {"values": {"terms": {"field": field, "size": _MOST_VALUES}}}
    answer = client.ask(lambda raw: raw.search(index=index, size=0, aggregations=aggregation), name=index)
    found = answer.body["aggregations"]["values"]
    if found["sum_other_doc_count"]:
        reason = f"{field!r} has more than {_MOST_VALUES:,} values; only a * at the end is taken there"
        raise BadFilter(f"{field}:*", reason)
    return [bucket["key"] for bucket in found["buckets"]]


def _matching(pattern: str, values: list[str], *, any_case: bool) -> list[str]:
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    expression = "".join(_WILDCARDS.get(part) or re.escape(part[-1]) for part in parts)
    # a server ignores the case of ASCII letters only
    flags = re.DOTALL | (re.IGNORECASE | re.ASCII if any_case else 0)
    return [value for value in values if re.fullmatch(expression, value, flags)]
