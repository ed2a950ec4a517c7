"""Clauses joined by and, or, not; and how many of them a filter may have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MAX_CHARACTERS = 10_000
MAX_CLAUSES = 1_000
MAX_DEPTH = 20


def all_of(clauses: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the clause that holds when all of these do."""
    return clauses[0] if len(clauses) == 1 else {"bool": {"filter": list(clauses)}}


def any_of(clauses: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the clause that holds when at least one of these does; values of one field become one `terms`."""
    if len(clauses) == 1:
        return clauses[0]
    fields = {next(iter(clause["term"])) for clause in clauses if set(clause) == {"term"}}
    if len(fields) == 1 and all("term" in clause for clause in clauses):
        (field,) = fields
        return {"terms": {field: list(dict.fromkeys(clause["term"][field] for clause in clauses))}}
    return {"bool": {"should": list(clauses), "minimum_should_match": 1}}


def negate(clause: dict[str, Any]) -> dict[str, Any]:
    """Return the clause that holds when this one does not."""
    return {"bool": {"must_not": [clause]}}
