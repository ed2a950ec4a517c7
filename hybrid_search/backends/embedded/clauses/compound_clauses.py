"""Clauses made of clauses: bool, constant_score, dis_max, and those that name all or nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.embedded.clauses.clause_compiler import Compiler, Handler, only
from hybrid_search.errors import BadFilter

if TYPE_CHECKING:
    import tantivy


def least(wanted: Any, clauses: int, *, clause: str) -> int:
    """Return how many of `clauses` optional clauses must match for Elasticsearch's `minimum_should_match`.

    Parameters
    ----------
    wanted : int or str
        3, -1, "75%" or "-25%"; a negative one says how many may be missing.
    clauses : int
    clause : str
        Name for messages.

    Raises
    ------
    BadFilter
        When it is anything else.
    """
    text = str(wanted).strip()
    try:
        if text.endswith("%"):
            share = float(text[:-1]) * clauses / 100
            count = math.floor(share) if share >= 0 else clauses - math.floor(-share)
        else:
            count = int(text) if int(text) >= 0 else clauses + int(text)
    except ValueError as error:
        raise BadFilter(clause, f"minimum_should_match must be like 2, -1 or 75%, got {wanted!r}") from error
    return max(0, count)


def _bool(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    from tantivy import Occur, Query

    options = only("bool", params, {"must", "should", "filter", "must_not", "minimum_should_match"})
    must = [(Occur.Must, compiler.compile(clause)) for clause in _listed(options.get("must"))]
    must += [(Occur.Must, compiler.filter(clause)) for clause in _listed(options.get("filter"))]
    should = [(Occur.Should, compiler.compile(clause)) for clause in _listed(options.get("should"))]
    never = [(Occur.MustNot, compiler.filter(clause)) for clause in _listed(options.get("must_not"))]
    if not must and not should:
        return Query.boolean_query([(Occur.Must, everything(0.0)), *never]) if never else everything(1.0), options
    wanted = least(options.get("minimum_should_match", 0 if must else 1), len(should), clause="bool")
    if not must and should:
        wanted = max(1, wanted)
    if wanted > len(should):
        return Query.empty_query(), options
    return Query.boolean_query([*must, *should, *never], wanted or None), options


def everything(score: float) -> tantivy.Query:
    """Return the query for all documents; tantivy's own loses its score as soon as it is one of several clauses."""
    from tantivy import Query

    return Query.const_score_query(Query.all_query(), score)


def _listed(clauses: Any) -> list[Any]:
    if clauses is None:
        return []
    return list(clauses) if isinstance(clauses, (list, tuple)) else [clauses]


def _constant_score(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    from tantivy import Query

    options = only("constant_score", params, {"filter"})
    return Query.const_score_query(compiler.compile(options.get("filter")), 1.0), options


def _dis_max(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    from tantivy import Query

    options = only("dis_max", params, {"queries", "tie_breaker"})
    queries = [compiler.compile(clause) for clause in _listed(options.get("queries"))]
    if not queries:
        raise BadFilter("dis_max", "needs queries")
    return Query.disjunction_max_query(queries, float(options.get("tie_breaker", 0.0))), options


def _match_all(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    return everything(1.0), only("match_all", params, set())


def _match_none(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    from tantivy import Query

    return Query.empty_query(), only("match_none", params, set())


COMPOUND: dict[str, Handler] = {
    "bool": _bool,
    "constant_score": _constant_score,
    "dis_max": _dis_max,
    "match_all": _match_all,
    "match_none": _match_none,
}
"""Clause name to its handler."""
