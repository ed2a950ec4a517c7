"""What a body's clauses say of each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def listed(clauses: Any) -> list[Any]:
    """Return clauses as a list; a body may have one alone, or none."""
    if clauses is None:
        return []
    return list(clauses) if isinstance(clauses, (list, tuple)) else [clauses]


def sole_clause(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the clause that a document matches where it passes the filters and matches the query; None if several do.

    It is the only one of `must`, and every document that can be a hit passes the query's filters: all legs have them.
    """
    query, legs = body.get("query"), listed(body.get("knn"))
    if not isinstance(query, Mapping) or set(query) != {"bool"}:
        return None
    parts = query["bool"]
    must = listed(parts.get("must"))
    if len(must) != 1 or not set(parts) <= {"must", "filter"} or not isinstance(must[0], Mapping):
        return None
    filters = listed(parts.get("filter"))
    if not all(clause in listed(leg.get("filter")) for leg in legs for clause in filters):
        return None
    clause: Mapping[str, Any] = must[0]
    return clause


def name_of(clause: Any) -> str | None:
    """Return the `_name` of a clause."""
    parameters = next(iter(clause.values()), None) if isinstance(clause, Mapping) else None
    return str(parameters["_name"]) if isinstance(parameters, Mapping) and "_name" in parameters else None


def alternatives(clause: Mapping[str, Any]) -> tuple[list[Any], int] | None:
    """Return the `should` of a clause, and how many of them suffice for a document to match it; None if none do."""
    ((kind, parameters),) = clause.items()
    if kind != "bool" or not set(parameters) <= {"should", "minimum_should_match", "boost", "_name"}:
        return None
    least = parameters.get("minimum_should_match", 1)
    if not isinstance(least, int) or isinstance(least, bool) or least < 1:
        return None
    return listed(parameters.get("should")), least


def sufficient_names(clause: Mapping[str, Any]) -> set[str]:
    """Return names of clauses inside a clause that no document matches without matching the whole."""
    found = alternatives(clause)
    if found is None or found[1] > 1:
        return set()
    parts = list(found[0])
    for part in found[0]:
        if isinstance(part, Mapping) and isinstance(best := part.get("dis_max"), Mapping):
            parts += listed(best.get("queries"))
    return {name for part in parts if (name := name_of(part)) is not None}
