"""Clauses on exact values: term, terms, terms_set, exists, ids, prefix, wildcard, fuzzy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.embedded.clauses.clause_compiler import COMMON, Compiler, Handler, only, single
from hybrid_search.backends.embedded.clauses.compound_clauses import least
from hybrid_search.backends.embedded.clauses.term_patterns import escape, wildcard
from hybrid_search.backends.embedded.documents.date_math import parse_date
from hybrid_search.backends.embedded.documents.index_values import boolean, keyword, number
from hybrid_search.backends.embedded.documents.mapping_fields import Field
from hybrid_search.backends.embedded.documents.schema import ID, PRESENT
from hybrid_search.errors import BadFilter, MappingMismatch, UnsupportedClause

if TYPE_CHECKING:
    import tantivy


def column(field: Field) -> str:
    """Return the tantivy field that holds the terms which a clause on this field means."""
    return f"{field.name}#keyed" if field.key is not None else field.name


def token(compiler: Compiler, field: Field, value: Any) -> str:
    """Return a value as the term that text, keyword and flattened fields hold of it."""
    text = keyword(value)
    if field.kind == "keyword":
        return compiler.snapshot.schema.analysis.normalizer(field.options.get("normalizer"))(text)
    return f"{field.key}\0{text}" if field.key is not None else text


def term(compiler: Compiler, field: Field, value: Any, clause: str) -> tantivy.Query:
    """Return the query for documents with one exact value, scored as Elasticsearch scores a term.

    Raises
    ------
    BadFilter
        When the field cannot have this value.
    MappingMismatch
        When the field's type has no exact values.
    """
    from tantivy import FieldType, Query

    snapshot = compiler.snapshot
    try:
        if field.kind == "text":
            return snapshot.bm25_term(field.name, keyword(value))
        if field.kind in ("keyword", "flattened"):
            return snapshot.keyword_term(column(field), token(compiler, field, value))
        if field.kind == "boolean":
            return snapshot.boolean_term(field.name, boolean(value))
        if field.kind == "date":
            formats = field.options.get("format")
            low = parse_date(value, formats=formats, math=True)
            high = parse_date(value, formats=formats, math=True, up=True)
            return Query.range_query(snapshot.schema.tantivy, field.name, FieldType.Integer, low, high)
        if field.numeric:
            exact = number(field, value, rounding=_refuse_fraction)
            return Query.const_score_query(snapshot.term(field.name, exact), 1.0)
    except _NoSuchWhole:
        return Query.empty_query()
    except ValueError as error:
        raise BadFilter(clause, f"field {field.name!r}: {error}") from error
    raise MappingMismatch(field.name, f"a {field.kind} has no terms to search")


class _NoSuchWhole(Exception):
    """A whole-number field is asked for a fraction."""


def _refuse_fraction(value: float) -> int:
    if value != int(value):
        raise _NoSuchWhole
    return int(value)


def _term(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    name, value = single("term", params)
    options = only("term", value if isinstance(value, Mapping) else {"value": value}, {"value", "case_insensitive"})
    _needs(options, "value", "term")
    field = compiler.field(name)
    if options.get("case_insensitive"):
        pattern = escape(token(compiler, field, options["value"]), any_case=True)
        return matching(compiler, field, pattern, "term"), options
    return term(compiler, field, options["value"], "term"), options


def _terms(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    from tantivy import Occur, Query

    name, values = single("terms", params, beside=COMMON)
    if not isinstance(values, (list, tuple)):
        raise UnsupportedClause(f"terms.{name} as {type(values).__name__}", "embedded")
    field = compiler.field(name)
    if field.kind in ("keyword", "flattened", "text"):
        wanted = [_checked_token(compiler, field, value) for value in values]
        query = compiler.snapshot.any_of(column(field), wanted, scores=None)
    elif values:
        query = Query.boolean_query([(Occur.Should, term(compiler, field, value, "terms")) for value in values])
    else:
        query = Query.empty_query()
    return Query.const_score_query(query, 1.0), params


def _checked_token(compiler: Compiler, field: Field, value: Any) -> str:
    try:
        return token(compiler, field, value)
    except ValueError as error:
        raise BadFilter("terms", f"field {field.name!r}: {error}") from error


def _terms_set(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    from tantivy import Occur, Query

    name, value = single("terms_set", params)
    options = only("terms_set", value, {"terms", "minimum_should_match"})
    _needs(options, "terms", "terms_set")
    _needs(options, "minimum_should_match", "terms_set")
    field = compiler.field(name)
    queries = [term(compiler, field, item, "terms_set") for item in options["terms"]]
    wanted = max(1, least(options["minimum_should_match"], len(queries), clause="terms_set"))
    if wanted > len(queries):
        return Query.empty_query(), options
    return Query.boolean_query([(Occur.Should, query) for query in queries], wanted), options


def _ids(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    from tantivy import Query

    options = only("ids", params, {"values"})
    _needs(options, "values", "ids")
    values = options["values"] if isinstance(options["values"], (list, tuple)) else [options["values"]]
    query = compiler.snapshot.any_of(ID, [keyword(value) for value in values], scores=None)
    return Query.const_score_query(query, 1.0), options


def _exists(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    from tantivy import Query

    options = only("exists", params, {"field"})
    _needs(options, "field", "exists")
    return Query.const_score_query(presence(compiler, str(options["field"])), 1.0), options


def presence(compiler: Compiler, name: str) -> tantivy.Query:
    """Return the query for documents that have a value of a field, or of any field inside an object."""
    if compiler.snapshot.schema.fields.container(name) == "object":
        vectors = [field.name for field in compiler.snapshot.schema.fields.vectors()]
        inside = [vector for vector in vectors if vector.startswith(f"{name}.")]
        return compiler.snapshot.any_of(PRESENT, [name, *inside], scores=None)
    field = compiler.field(name)
    if field.key is not None:
        return matching(compiler, field, f"{escape(field.key + chr(0))}{_ANY}", "exists")
    return compiler.snapshot.term(PRESENT, name)


_ANY = "(?s:.)*"


def _prefix(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    name, value = single("prefix", params)
    options = only("prefix", value if isinstance(value, Mapping) else {"value": value}, {"value", "case_insensitive"})
    _needs(options, "value", "prefix")
    field = compiler.field(name)
    pattern = escape(token(compiler, field, options["value"]), any_case=bool(options.get("case_insensitive"))) + _ANY
    return matching(compiler, field, pattern, "prefix"), options


def _wildcard(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    name, value = single("wildcard", params)
    known = {"value", "wildcard", "case_insensitive"}
    options = only("wildcard", value if isinstance(value, Mapping) else {"value": value}, known)
    text = options.get("value", options.get("wildcard"))
    if text is None:
        raise BadFilter("wildcard", "needs 'value'")
    field = compiler.field(name)
    pattern = wildcard(token(compiler, field, text), any_case=bool(options.get("case_insensitive")))
    return matching(compiler, field, pattern, "wildcard"), options


def matching(compiler: Compiler, field: Field, pattern: str, clause: str) -> tantivy.Query:
    """Return the query for documents with a term that a regular expression matches as a whole."""
    from tantivy import Occur, Query

    if field.kind not in ("text", "keyword", "flattened"):
        raise MappingMismatch(field.name, f"a {field.kind} cannot be searched by {clause}")
    try:
        query = Query.regex_query(compiler.snapshot.schema.tantivy, column(field), pattern)
    except ValueError as error:
        raise BadFilter(clause, f"field {field.name!r}: {error}") from error
    if field.kind == "text":
        having = compiler.snapshot.term(PRESENT, field.name)
        query = Query.boolean_query([(Occur.Must, query), (Occur.Must, having)])
    return Query.const_score_query(query, 1.0)


def _fuzzy(compiler: Compiler, params: Any) -> tuple[tantivy.Query, Mapping[str, Any]]:
    name, value = single("fuzzy", params)
    known = {"value", "fuzziness", "transpositions"}
    options = only("fuzzy", value if isinstance(value, Mapping) else {"value": value}, known)
    _needs(options, "value", "fuzzy")
    field = compiler.field(name)
    if field.kind not in ("text", "keyword"):
        raise MappingMismatch(name, f"a {field.kind} cannot be searched by fuzzy")
    text = token(compiler, field, options["value"])
    distance = edits(options.get("fuzziness", "AUTO"), text, "fuzzy")
    return fuzzy_term(
        compiler, field, text, distance=distance, transpositions=bool(options.get("transpositions", True))
    ), options


def edits(fuzziness: Any, text: str, clause: str) -> int:
    """Return how many edits Elasticsearch's `fuzziness` allows for a term: 0, 1, 2 or "AUTO" (by its length).

    An empty term has no others near it.
    """
    if str(fuzziness).upper() == "AUTO":
        return 0 if len(text) < 3 else 1 if len(text) < 6 else 2
    if str(fuzziness) in ("0", "1", "2"):
        return int(fuzziness) if text else 0
    raise BadFilter(clause, f"fuzziness must be 0, 1, 2 or AUTO, got {fuzziness!r}")


def fuzzy_term(compiler: Compiler, field: Field, text: str, *, distance: int, transpositions: bool) -> tantivy.Query:
    """Return the query for documents with a term at most `distance` edits away; each scores 1 - distance / length."""
    from tantivy import Occur, Query

    schema = compiler.snapshot.schema.tantivy
    near = Query.fuzzy_term_query(schema, field.name, text, distance, transpositions)
    if field.kind == "text":
        having = compiler.snapshot.term(PRESENT, field.name)
        near = Query.boolean_query([(Occur.Must, near), (Occur.Must, having)])
    return Query.const_score_query(near, max(0.1, 1 - distance / max(1, len(text))))


def _needs(options: Mapping[str, Any], key: str, clause: str) -> None:
    if options.get(key) is None:
        raise BadFilter(clause, f"needs {key!r}")


TERMS: dict[str, Handler] = {
    "term": _term,
    "terms": _terms,
    "terms_set": _terms_set,
    "ids": _ids,
    "exists": _exists,
    "prefix": _prefix,
    "wildcard": _wildcard,
    "fuzzy": _fuzzy,
}
"""Clause name to its handler."""
