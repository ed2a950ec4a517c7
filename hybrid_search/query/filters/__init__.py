"""Filters: exact conditions, never scored, written in Lucene query syntax or as Elasticsearch clauses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hybrid_search.errors import BadFilter
from hybrid_search.query.filters.combine import MAX_CHARACTERS
from hybrid_search.query.filters.field_conditions import Leaves
from hybrid_search.query.filters.filter_size import MAX_PARTS, check_size

__all__ = ["Filter", "parse_filter"]

Filter = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]
"""A filter in Lucene query syntax, an Elasticsearch filter clause, or several of these that must all hold."""


def parse_filter(
    filter: Filter | None, types: Mapping[str, str], *, now: datetime | None = None
) -> tuple[dict[str, Any], ...]:
    """Return Elasticsearch filter clauses, all of which must hold; none when there is nothing to filter.

    Conditions written side by side must all hold, unlike in Kibana, where one of them would do: a filter narrows.
    Values of keyword fields match whatever their case where the mapping has the lowercase normalizer.

    Parameters
    ----------
    filter : str, mapping, sequence of these, or None
        Such as `camera.make:canon AND iso:[400 TO *] AND NOT tags:night`,
        `location:within(48.85,2.35,10km)`, `{"term": {"tags": "night"}}`.
    types : mapping of str to str
        What `mapping.field_types` returns.
    now : datetime, optional
        What "now" means in dates, with its time zone; the present, in the zone of this computer, when absent. Of
        `taken_at`, which cameras' clocks showed, it is the time that a clock there shows.

    Raises
    ------
    BadFilter
        When the filter cannot be read, a value does not fit its field, or more is asked than filters do.
    UnknownField
        When the mapping lacks a field; close names are in `close_matches`.

    Examples
    --------
    >>> parse_filter("iso:>=400 -tags:night", {"iso": "integer", "tags": "keyword"})
    ({'range': {'iso': {'gte': 400}}}, {'bool': {'must_not': [{'term': {'tags': 'night'}}]}})
    """
    leaves = Leaves(types, now or datetime.now().astimezone())
    if filter is None:
        return ()
    if isinstance(filter, str):
        return _parse_text(filter, leaves)
    check_size(filter)
    if isinstance(filter, Mapping):
        return (_parse_clause(filter, leaves),)
    if isinstance(filter, (list, tuple)) and all(isinstance(part, (str, Mapping)) for part in filter):
        if len(filter) > MAX_PARTS:
            raise BadFilter("…", f"it is a list of {len(filter):,} filters, more than {MAX_PARTS}; join them by bool")
        return tuple(clause for part in filter for clause in parse_filter(part, types, now=leaves.now))
    raise BadFilter(str(filter)[:200], "a filter is a text, a mapping, or a list of these")


def _parse_text(text: str, leaves: Leaves) -> tuple[dict[str, Any], ...]:
    if len(text) > MAX_CHARACTERS:
        raise BadFilter(f"{text[:60]}…", f"it has {len(text):,} characters, more than {MAX_CHARACTERS:,}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadFilter(ascii(text[:60]), "it has characters that are not valid Unicode") from None
    if not text.strip():
        return ()
    # luqum is loaded by those who write in its syntax only.
    from hybrid_search.query.filters.lucene import parse_lucene

    return parse_lucene(text, leaves)


def _parse_clause(clause: Mapping[str, Any], leaves: Leaves) -> dict[str, Any]:
    from hybrid_search.query.filters.clauses import check_clause

    return check_clause(clause, leaves)
