"""Clauses that analyse text: match, multi_match, match_phrase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.embedded.clauses.clause_compiler import COMMON, Compiler, Handler, only, single
from hybrid_search.backends.embedded.clauses.compound_clauses import least
from hybrid_search.backends.embedded.clauses.term_clauses import edits, fuzzy_term, term
from hybrid_search.backends.embedded.documents.mapping_fields import Field
from hybrid_search.backends.embedded.documents.schema import analyzer_name
from hybrid_search.errors import BadFilter, UnsupportedClause

if TYPE_CHECKING:
    import tantivy

_MATCH = {"query", "operator", "minimum_should_match", "fuzziness"}
_PHRASE = {"query", "slop"}
_MULTI = _MATCH | {"fields", "type", "tie_breaker", "slop"}
_TIE_BREAKERS = {"best_fields": 0.0, "phrase": 0.0, "most_fields": 1.0}


def _tokens(compiler: Compiler, field: Field, text: Any) -> Sequence[tuple[int, str]]:
    name = str(field.options.get("search_analyzer", analyzer_name(field)))
    return compiler.snapshot.schema.analysis.tokens(name, str(text))


def _match_field(compiler: Compiler, name: str, options: Mapping[str, Any], clause: str) -> tantivy.Query:
    from tantivy import Occur, Query

    field = compiler.field(name)
    if field.kind != "text":
        return term(compiler, field, options["query"], clause)
    tokens = [token for _, token in _tokens(compiler, field, options["query"])]
    operator = str(options.get("operator", "or")).lower()
    if operator not in ("or", "and"):
        raise BadFilter(clause, f"operator must be 'or' or 'and', got {operator!r}")
    if "fuzziness" in options:
        edits(options["fuzziness"], "", clause)
    queries = [_token(compiler, field, token, options, clause) for token in tokens]
    if not queries:
        return Query.empty_query()
    wanted = max(1, least(options.get("minimum_should_match", 1), len(queries), clause=clause))
    if len(queries) == 1:
        return queries[0]  # as with Elasticsearch, which counts several words only
    if operator == "and":
        return Query.boolean_query([(Occur.Must, query) for query in queries])
    if wanted > len(queries):
        return Query.empty_query()
    return Query.boolean_query([(Occur.Should, query) for query in queries], wanted)


def _token(compiler: Compiler, field: Field, token: str, options: Mapping[str, Any], clause: str) -> tantivy.Query:
    from tantivy import Query

    exact = compiler.snapshot.bm25_term(field.name, token)
    distance = edits(options["fuzziness"], token, clause) if "fuzziness" in options else 0
    if not distance:
        return exact
    near = fuzzy_term(compiler, field, token, distance=distance, transpositions=True)
    return Query.disjunction_max_query([exact, near], 0.0)


def _match(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    name, value = single("match", params)
    options = only("match", value if isinstance(value, Mapping) else {"query": value}, _MATCH)
    _needs(options, "query", "match")
    return _match_field(compiler, name, options, "match"), options


def _match_phrase(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    name, value = single("match_phrase", params)
    options = only("match_phrase", value if isinstance(value, Mapping) else {"query": value}, _PHRASE)
    _needs(options, "query", "match_phrase")
    return _phrase(compiler, name, options, "match_phrase"), options


def _phrase(compiler: Compiler, name: str, options: Mapping[str, Any], clause: str) -> tantivy.Query:
    from tantivy import Query

    field = compiler.field(name)
    if field.kind != "text":
        return term(compiler, field, options["query"], clause)
    snapshot = compiler.snapshot
    tokens = _tokens(compiler, field, options["query"])
    if not tokens:
        return Query.empty_query()
    if len(tokens) == 1:
        return snapshot.bm25_term(field.name, tokens[0][1])
    found = [snapshot.searcher.doc_freq(field.name, token) for _, token in tokens]
    if 0 in found:
        return Query.empty_query()
    words: list[str | tuple[int, str]] = [(position - tokens[0][0], token) for position, token in tokens]
    query = Query.phrase_query(snapshot.schema.tantivy, field.name, words, int(options.get("slop", 0)))
    wanted = sum(snapshot.idf(field.name, count) for count in found)
    return Query.boost_query(query, wanted / sum(snapshot.native_idf(count) for count in found))


def _multi_match(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    options = only("multi_match", params, _MULTI)
    _needs(options, "query", "multi_match")
    _needs(options, "fields", "multi_match")
    kind = options.get("type", "best_fields")
    if kind not in _TIE_BREAKERS:
        raise UnsupportedClause(f"multi_match.type={kind}", "embedded")
    if "slop" in options and kind != "phrase":
        raise UnsupportedClause("multi_match.slop", "embedded")
    if not options["fields"]:
        raise BadFilter("multi_match", "needs fields")
    # a body asks for a word several times: to rank by it, to count it, and with all others
    known = tuple((name, str(value)) for name, value in sorted(options.items()) if name not in COMMON)
    if known not in compiler.matches:
        compiler.matches[known] = _in_fields(compiler, options, kind)
    return compiler.matches[known], options


def _in_fields(compiler: Compiler, options: Mapping[str, Any], kind: str) -> tantivy.Query:
    from tantivy import Occur, Query

    one = _phrase if kind == "phrase" else _match_field
    queries = []
    for entry in options["fields"]:
        name, _, boost = str(entry).partition("^")
        factor = _boost(boost) if boost else 1.0
        # of the fourteen fields that words are looked for in, few collections have half
        if compiler.field(name).kind == "text" and not compiler.snapshot.stored(name) and options["query"]:
            continue
        query = one(compiler, name, options, "multi_match")
        queries.append(Query.boost_query(query, factor) if boost else query)
    if not queries:
        return Query.empty_query()
    if len(queries) == 1:
        return queries[0]
    if kind == "most_fields" and "tie_breaker" not in options:
        return Query.boolean_query([(Occur.Should, query) for query in queries])
    return Query.disjunction_max_query(queries, float(options.get("tie_breaker", _TIE_BREAKERS[kind])))


def _boost(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise BadFilter("multi_match", f"a field's boost must be a number, got {text!r}") from error


def _needs(options: Mapping[str, Any], key: str, clause: str) -> None:
    if options.get(key) is None:
        raise BadFilter(clause, f"needs {key!r}")


TEXTUAL: dict[str, Handler] = {"match": _match, "match_phrase": _match_phrase, "multi_match": _multi_match}
"""Clause name to its handler."""
