"""The order of matches: by score or by sorted fields, and one per group where collapsed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hybrid_search.backends.embedded.clauses.clause_compiler import only
from hybrid_search.backends.embedded.clauses.geo_clauses import distances
from hybrid_search.backends.embedded.documents.index_values import point
from hybrid_search.backends.embedded.documents.mapping_fields import Field
from hybrid_search.backends.embedded.documents.schema import PRESENT, SEQUENCE
from hybrid_search.backends.embedded.search.matches import Matches
from hybrid_search.errors import BadFilter, MappingMismatch, UnsupportedClause

_MANY = 2048
"""Documents up to which a further key is read of these alone, and not of all that match; chosen, not measured."""


@dataclass(frozen=True)
class RankedDocument:
    """One document of an ordered list.

    Parameters
    ----------
    sequence : int
        Its write number.
    score : float or None
        None when the order does not need it.
    sort : tuple, optional
        The values that it was sorted by.
    group : (str, value), optional
        The field that it was collapsed on, and its value.
    """

    sequence: int
    score: float | None
    sort: tuple[Any, ...] | None = None
    group: tuple[str, Any] | None = None


@dataclass(frozen=True)
class _Key:
    name: str
    descending: bool
    missing_first: bool = False
    place: tuple[float, float] | None = None


def ranking(matches: Matches, sort: Any, limit: int, *, track_scores: bool = False) -> list[RankedDocument]:
    """Return the first matches in order: by `sort`, or by score when there is none.

    Parameters
    ----------
    matches : Matches
    sort : str, mapping or list of them, or None
        The body's `sort`.
    limit : int
    track_scores : bool
        Whether documents sorted by fields get their scores too.

    Raises
    ------
    UnsupportedClause, UnknownField, MappingMismatch
        When `sort` has something that is not interpreted, or a field that is not there or has no order.
    """
    keys = [_key(entry) for entry in (sort if isinstance(sort, (list, tuple)) else [sort])] if sort else []
    if not keys or (keys[0].name == "_score" and keys[0].descending and len(keys) == 1):
        best = matches.best(limit)
        return [RankedDocument(sequence, score, (score,) if keys else None) for sequence, score in best]
    columns = [_column(matches, key) for key in keys]
    if limit < 1:
        return []
    pairs = _leading(matches, keys[0], columns[0], limit)
    sequences = [sequence for sequence, _ in pairs]
    among = matches.query() if len(pairs) > _MANY else matches.snapshot.among(sequences)
    values = [dict(pairs)] if columns[0] is not None and not keys[0].missing_first else []
    values += [_values(matches, key, sequences, among) for key in keys[len(values) :]]
    order = sorted(sequences)
    for key, known in reversed(list(zip(keys, values, strict=True))):
        order = [sequence for sequence, _ in _sorted_by([(each, known.get(each)) for each in order], key)]
    page = order[:limit]
    scored = track_scores or any(key.name == "_score" for key in keys)
    scores = matches.scores(page) if scored else {}
    return [RankedDocument(each, scores.get(each), tuple(known.get(each) for known in values)) for each in page]


def _key(entry: Any) -> _Key:
    if isinstance(entry, str):
        entry = {entry: {}}
    if not isinstance(entry, Mapping) or len(entry) != 1:
        raise BadFilter("sort", f"expected a field or one field with its options, got {entry!r}")
    name, options = next(iter(entry.items()))
    if name == "_geo_distance":
        return _geo_key(options)
    if isinstance(options, str):
        options = {"order": options}
    options = only(f"sort.{name}", options, {"order", "missing", "unmapped_type"} if name != "_score" else {"order"})
    order = str(options.get("order", "desc" if name == "_score" else "asc")).lower()
    missing = options.get("missing", "_last")
    if order not in ("asc", "desc"):
        raise BadFilter("sort", f"order must be 'asc' or 'desc', got {order!r}")
    if missing not in ("_first", "_last"):
        raise UnsupportedClause(f"sort.{name}.missing={missing!r}", "embedded")
    return _Key(str(name), order == "desc", missing == "_first")


def _geo_key(options: Any) -> _Key:
    names = [key for key in options if key not in ("order", "unit", "mode", "distance_type")]
    if len(names) != 1 or options.get("unit", "m") != "m" or "mode" in options or "distance_type" in options:
        raise UnsupportedClause("sort._geo_distance with more than a field, order and unit m", "embedded")
    try:
        place = point(options[names[0]])
    except ValueError as error:
        raise BadFilter("sort", str(error)) from error
    # Elasticsearch takes what has no place to be infinitely far away
    descending = str(options.get("order", "asc")).lower() == "desc"
    return _Key(names[0], descending, missing_first=descending, place=place)


def _column(matches: Matches, key: _Key) -> str | None:
    """Return the tantivy column that has a key's order; None where the values must be looked at."""
    if key.name in ("_score", "_doc"):
        return SEQUENCE if key.name == "_doc" else None
    field = matches.snapshot.schema.fields.find(key.name)
    if key.place is not None:
        if field.kind != "geo_point":
            raise MappingMismatch(key.name, f"a {field.kind} has no distance")
        return None
    _demand_order(field)
    if key.descending and matches.snapshot.stored(f"{key.name}#max"):
        return None
    return key.name


def _demand_order(field: Field) -> None:
    if not field.columnar or field.kind in ("geo_point", "flattened"):
        raise MappingMismatch(field.name, f"is a {field.kind} that cannot be sorted or grouped by")


def _leading(matches: Matches, key: _Key, column: str | None, limit: int) -> list[tuple[int, Any]]:
    """Return (write number, value) of the first matches by one key, with all that tie with the last of them.

    Without a column that has the order, all matches are returned, their values None.
    """
    query = matches.query()
    if column is None or key.missing_first:
        hits: list[tuple[Any, Any]] = list(matches.snapshot.hits(query, matches.snapshot.documents))
        hits = [(None, address) for _, address in hits]
    else:
        asked = limit
        while True:
            hits = matches.snapshot.ordered(query, column, limit=asked, descending=key.descending)
            if len(hits) < asked or asked >= matches.snapshot.documents or hits[-1][0] != hits[limit - 1][0]:
                break
            asked *= 8
    sequences = matches.learn([address for _, address in hits])
    return list(zip(sequences, (value for value, _ in hits), strict=True))


def _sorted_by(pairs: list[tuple[int, Any]], key: _Key) -> list[tuple[int, Any]]:
    """Order (write number, value) by value, keeping the order of equals; None stands last, or first."""
    known = sorted((pair for pair in pairs if pair[1] is not None), key=lambda pair: pair[1], reverse=key.descending)
    missing = [pair for pair in pairs if pair[1] is None]
    return missing + known if key.missing_first else known + missing


def _values(matches: Matches, key: _Key, sequences: list[int], query: Any) -> dict[int, Any]:
    """Return write number to the value that a key sorts by, for those documents that have one."""
    snapshot = matches.snapshot
    if key.name == "_score":
        return matches.scores(sequences)
    if key.name == "_doc":
        return {sequence: sequence for sequence in sequences}
    if key.place is not None:
        addresses = [matches.address(sequence) for sequence in sequences]
        far = distances(snapshot, key.name, addresses, lat=key.place[0], lon=key.place[1])
        return {each: float(value) for each, value in zip(sequences, far, strict=True) if value == value}
    values = _column_values(matches, key.name, query)
    if key.descending and snapshot.stored(f"{key.name}#max"):
        values.update(_column_values(matches, f"{key.name}#max", _with_several(matches, key.name, query)))
    return values


def _with_several(matches: Matches, name: str, query: Any) -> Any:
    """Narrow a query to documents that have several values of a field."""
    from tantivy import Occur, Query

    several = Query.const_score_query(matches.snapshot.term(PRESENT, f"{name}#max"), 0.0)
    return Query.boolean_query([(Occur.Must, query), (Occur.Must, several)])


def _column_values(matches: Matches, column: str, query: Any) -> dict[int, Any]:
    hits = matches.snapshot.ordered(query, column)
    sequences = matches.learn([address for _, address in hits])
    return {each: value for each, (value, _) in zip(sequences, hits, strict=True) if value is not None}


def collapsed(
    matches: Matches, sort: Any, collapse: Any, limit: int, *, track_scores: bool = False
) -> list[RankedDocument]:
    """Return the first match of each group, in order; documents without a value are one group.

    Raises
    ------
    UnsupportedClause, UnknownField, MappingMismatch
        As `ranking`, for `collapse` too.
    """
    options = only("collapse", collapse, {"field"})
    field = matches.snapshot.schema.fields.find(str(options.get("field")))
    _demand_order(field)
    asked = limit * 4
    while True:
        ranked = ranking(matches, sort, asked, track_scores=track_scores)
        groups = _first_of_groups(matches, field.name, ranked)
        if len(groups) >= limit or len(ranked) < asked or not ranked:
            return groups[:limit]
        asked *= 4


def _first_of_groups(matches: Matches, name: str, ranked: Iterable[RankedDocument]) -> list[RankedDocument]:
    listed = list(ranked)
    values = _column_values(matches, name, matches.snapshot.among([each.sequence for each in listed]))
    first: dict[Any, RankedDocument] = {}
    for each in listed:
        value = values.get(each.sequence)
        first.setdefault(value, replace(each, group=(name, value)))
    return list(first.values())
