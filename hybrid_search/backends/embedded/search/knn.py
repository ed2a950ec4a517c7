"""One `knn` leg of a body: the nearest documents on a dense_vector field, under a filter."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends.embedded.clauses.clause_compiler import Compiler, only
from hybrid_search.backends.embedded.documents.index_values import vector
from hybrid_search.backends.embedded.documents.mapping_fields import Field
from hybrid_search.backends.embedded.documents.schema import PRESENT
from hybrid_search.backends.embedded.snapshot import Snapshot
from hybrid_search.backends.embedded.vectors.vector_field import VectorField
from hybrid_search.errors import BadFilter, BadVector, MappingMismatch

if TYPE_CHECKING:
    import tantivy

_FEW = 2000
"""Documents up to which those that pass a filter are listed, and only their rows compared; chosen, not measured."""
_BROAD = 0.2
"""Share that passes from which all rows are searched, deeper, and the filter asked afterwards; chosen."""
_DEEPEST = 4000
"""Rows that are found so at most; chosen."""
_KNOWN = {"field", "query_vector", "k", "num_candidates", "filter", "similarity", "rescore_vector"}

Rows = tuple[NDArray[np.int64], NDArray[np.float64]]
Few = tuple[NDArray[np.int64], "list[tantivy.DocAddress]"]
Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Nearest:
    """What one `knn` leg found.

    Parameters
    ----------
    name : str or None
        Its `_name`.
    scores : dict
        Score, boost included, by write number; at most k of them.
    """

    name: str | None
    scores: Mapping[int, float]
    addresses: Mapping[int, tantivy.DocAddress]


def nearest(compiler: Compiler, leg: Any, *, size: int) -> Nearest:
    """Find the k nearest documents.

    Parameters
    ----------
    compiler : Compiler
    leg : mapping
        The body's `knn` object; scores are exact, so that `rescore_vector` has nothing to do.
    size : int
        The body's size, the default of `k`.

    Raises
    ------
    UnknownField, MappingMismatch
        When the field is not there, or is no indexed dense_vector.
    BadVector
        When the query vector does not fit the field.
    BadFilter
        When k or num_candidates is out of range.
    """
    options = only("knn", leg, _KNOWN)
    field = _vector_field(compiler, options)
    k, candidates = _depth(options, size)
    boost = float(options.get("boost", 1.0))
    asked = _query_vector(field, options)
    found, addresses = _find(
        compiler,
        field,
        asked,
        k=k,
        candidates=candidates,
        filter=options.get("filter"),
        least=_least_score(field, options.get("similarity")),
    )
    sequences = compiler.snapshot.sequences(addresses)
    return Nearest(
        name=str(options["_name"]) if "_name" in options else None,
        scores={sequence: boost * float(score) for sequence, score in zip(sequences, found, strict=True)},
        addresses=dict(zip(sequences, addresses, strict=True)),
    )


def _vector_field(compiler: Compiler, options: Mapping[str, Any]) -> Field:
    field = compiler.field(str(options.get("field")))
    if field.kind != "dense_vector":
        raise MappingMismatch(field.name, f"is a {field.kind}, knn needs a dense_vector")
    return field


def _depth(options: Mapping[str, Any], size: int) -> tuple[int, int]:
    k = options.get("k", size)
    candidates = options.get("num_candidates", max(k, min(10_000, math.ceil(1.5 * k))))
    if not isinstance(k, int) or not isinstance(candidates, int) or not 1 <= k <= candidates <= 10_000:
        raise BadFilter("knn", f"needs 1 <= k <= num_candidates <= 10000, got k={k}, num_candidates={candidates}")
    return k, candidates


def _query_vector(field: Field, options: Mapping[str, Any]) -> Any:
    if options.get("query_vector") is None:
        raise BadFilter("knn", "needs 'query_vector'")
    try:
        return vector(field, options["query_vector"])
    except (TypeError, ValueError) as error:
        raise BadVector(str(error)) from error


def _least_score(field: Field, similarity: Any) -> float | None:
    """Return the score of a raw similarity: of a dot product, or of a distance."""
    if similarity is None:
        return None
    raw = float(similarity)
    if field.options.get("similarity") == "l2_norm":
        return 1 / (1 + raw * raw * (1 + 1e-12))  # a distance of exactly the limit is within it, however it is rounded
    if field.options.get("element_type") == "byte" and field.options.get("similarity") == "dot_product":
        return 0.5 + raw / (32768 * int(field.options["dims"]))
    return (1 + raw) / 2


def _find(
    compiler: Compiler, field: Field, asked: Any, *, k: int, candidates: int, filter: Any, least: float | None
) -> tuple[Sequence[float], list[tantivy.DocAddress]]:
    """Choose between searching all rows and then looking which documents pass, and listing the rows that pass first."""
    snapshot, vectors = compiler.snapshot, compiler.snapshot.vectors(field.name)
    allowed = snapshot.living(field.name)
    if filter is not None:
        allowed, few = _counted(compiler, field, filter)
        if few is not None:
            return _nearest_listed(vectors, asked, few, k=k, least=least)
    query = _passing(compiler, field, filter)
    if not allowed:
        return [], []
    share = allowed / max(1, len(vectors))
    deep = k if share >= 1 else math.ceil(1.25 * k / share) + 16
    if share >= _BROAD and deep <= _DEEPEST:
        found = vectors.search(asked, k=deep, num_candidates=max(candidates, deep), min_score=least)
        scores, addresses = _documents(snapshot, field, found, query)
        if len(addresses) >= min(k, allowed) or len(found[0]) < deep:
            return scores[:k], addresses[:k]
    rows = _rows(snapshot, field, query, filter)
    mask = np.zeros(int(rows[-1]) + 1, dtype=bool)
    mask[rows] = True
    found = vectors.search(asked, k=k, num_candidates=candidates, mask=mask, min_score=least)
    return _documents(snapshot, field, found, query)


def _passing(compiler: Compiler, field: Field, filter: Any) -> tantivy.Query:
    """Return the query, scoring 0, for documents that have a vector and pass the filter.

    As with Elasticsearch, names inside the filter are not among the names that hits matched.
    """
    from tantivy import Occur, Query

    having = Query.const_score_query(compiler.snapshot.term(PRESENT, field.name), 0.0)
    if filter is None:
        return having
    clauses = filter if isinstance(filter, (list, tuple)) else [filter]
    inner = compiler.unnamed()
    return Query.boolean_query([*((Occur.Must, inner.filter(clause)) for clause in clauses), (Occur.Must, having)])


def _counted(compiler: Compiler, field: Field, filter: Any) -> tuple[int, Few | None]:
    """Return how many documents pass a filter, and where they are few, their rows in order and their addresses."""

    def count() -> tuple[int, Few | None]:
        query = _passing(compiler, field, filter)
        allowed, listed = compiler.snapshot.ordered_and_counted(query, f"{field.name}#row", limit=_FEW)
        rows = np.array([row for row, _ in listed], dtype=np.int64)
        return allowed, (rows, [address for _, address in listed]) if allowed <= _FEW else None

    return _kept(compiler.snapshot, f"counted {field.name}", filter, count)


def _nearest_listed(
    vectors: VectorField, asked: Any, few: Few, *, k: int, least: float | None
) -> tuple[Sequence[float], list[tantivy.DocAddress]]:
    rows, addresses = few
    found, scores = vectors.search_rows(asked, rows, k=k, min_score=least)
    return scores.tolist(), [addresses[place] for place in np.searchsorted(rows, found).tolist()]


def _documents(
    snapshot: Snapshot, field: Field, found: Rows, query: tantivy.Query
) -> tuple[list[float], list[tantivy.DocAddress]]:
    """Return scores and addresses, in order, of the rows that living documents name and whose documents pass.

    The place of a row in the list travels through tantivy as the score of its term.
    """
    from tantivy import Occur, Query

    rows, scores = found
    if not len(rows):
        return [], []
    places = [float(place) for place in range(1, len(rows) + 1)]
    terms = snapshot.any_of(f"{field.name}#row", rows.tolist(), scores=places)
    hits = snapshot.hits(Query.boolean_query([(Occur.Must, terms), (Occur.Must, query)]), len(rows))
    hits.reverse()
    return [float(scores[int(place) - 1]) for place, _ in hits], [address for _, address in hits]


_CACHED = 64
"""Answers of filters that a snapshot keeps; chosen, not measured."""


def _rows(snapshot: Snapshot, field: Field, query: tantivy.Query, filter: Any) -> NDArray[np.int64]:
    """Return the rows that pass a filter."""
    return _kept(snapshot, f"rows {field.name}", filter, lambda: snapshot.rows(query, field.name))


def _kept(snapshot: Snapshot, what: str, filter: Any, find: Callable[[], Kept]) -> Kept:
    """Return what passes a filter; the latest answers are kept, for a filter often comes again."""
    key = f"{what} {json.dumps(filter, sort_keys=True, default=str)}"
    if "now" in key:
        return find()
    found: Kept | None = snapshot.cache.pop(key, None)
    if found is None:
        found = find()
    snapshot.cache[key] = found
    if len(snapshot.cache) > _CACHED:
        # other threads search the same snapshot and may have been faster
        snapshot.cache.pop(next(iter(list(snapshot.cache)), key), None)
    return found
