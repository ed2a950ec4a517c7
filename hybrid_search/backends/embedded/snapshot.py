"""One commit of the index as searches see it: tantivy's searcher, and the vectors beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends.embedded.documents.schema import EVERY, ID, PRESENT, SEQUENCE, Schema
from hybrid_search.backends.embedded.vectors.vector_field import VectorField

if TYPE_CHECKING:
    import tantivy


class Snapshot:
    """A searcher with what is computed once per commit.

    Parameters
    ----------
    searcher : tantivy.Searcher
    schema : Schema
    vectors : callable
        dense_vector field to its VectorField.
    """

    def __init__(self, searcher: tantivy.Searcher, schema: Schema, vectors: Callable[[str], VectorField]) -> None:
        self.searcher = searcher
        self.schema = schema
        self.vectors = vectors
        self._present: dict[str, int] = {}
        self._living: dict[str, int] = {}
        self._values: dict[str, float] = {}
        self.cache: dict[str, Any] = {}
        self.counts: dict[str, int] = {}
        self._ids: dict[int, str] = {}

    @property
    def documents(self) -> int:
        """Documents, deleted ones not counted."""
        return self.searcher.num_docs

    def stored(self, name: str = EVERY) -> int:
        """Return how many documents have a field, those counted that are deleted and not yet merged away."""
        if name not in self._present:
            self._present[name] = self.searcher.doc_freq(PRESENT, name)
        return self._present[name]

    def living(self, name: str) -> int:
        """Return how many documents have a field, deleted ones not counted."""
        if name not in self._living:
            self._living[name] = self.count(self.term(PRESENT, name))
        return self._living[name]

    def term(self, column: str, value: Any) -> tantivy.Query:
        """Return the query for one exact term of a tantivy field."""
        from tantivy import Query

        return Query.term_query(self.schema.tantivy, column, value, "basic")

    def bm25_term(self, column: str, token: str) -> tantivy.Query:
        """Return the query for a token of a text field, scored as Elasticsearch does: BM25 with k1 = 1.2, b = 0.75.

        Both keep the factor k1 + 1 that Lucene itself has dropped, and both round lengths over 40 tokens alike.
        """
        from tantivy import Query

        found = self.searcher.doc_freq(column, token)
        if not found:
            return Query.empty_query()
        query = Query.term_query(self.schema.tantivy, column, token, "freq")
        return Query.boost_query(query, self.idf(column, found) / self.native_idf(found))

    def keyword_term(self, column: str, text: str) -> tantivy.Query:
        """Return the query for an exact value, scored as Elasticsearch scores keywords.

        They have no lengths of their own, so that each document counts as one value long; but the average length is
        that of all values, which makes fields with many values score higher.
        """
        from tantivy import Query

        name = column.partition("#")[0]
        found = self.searcher.doc_freq(column, text)
        if not found:
            return Query.empty_query()
        query = self.term(column, text)
        if column not in self._values:
            self._values[column] = self._mean_values(query) * self.stored() / max(1, self.stored(name))
        return Query.const_score_query(query, self.idf(name, found) * _one_of(self._values[column]))

    def boolean_term(self, column: str, value: int) -> tantivy.Query:
        """Return the query for true (1) or false (0), which Elasticsearch scores as a keyword of its own."""
        from tantivy import Query

        found = self.searcher.doc_freq(column, value)
        if not found:
            return Query.empty_query()
        values = found + self.searcher.doc_freq(column, 1 - value)
        weight = self.idf(column, found) * _one_of(values / max(1, self.stored(column)))
        return Query.const_score_query(self.term(column, value), weight)

    def _mean_values(self, query: tantivy.Query) -> float:
        """Return how many values all documents have on average, which tantivy tells in its explanations alone."""
        hits = self.hits(query, 1)
        if not hits:
            return 0.0
        details = [json.loads(query.explain(self.searcher, hits[0][1]).to_json())]
        for detail in details:
            if detail["description"].startswith("avgdl"):
                return float(detail["value"])
            details.extend(detail.get("details", ()))
        return 0.0

    def idf(self, column: str, found: int) -> float:
        """Return Elasticsearch's weight of a term that is in `found` documents of those with the field."""
        return _idf(max(self.stored(column), found), found)

    def native_idf(self, found: int) -> float:
        """Return tantivy's weight of it, whose base is all documents."""
        return _idf(max(self.stored(), found), found)

    def count(self, query: tantivy.Query) -> int:
        """Return how many documents match: counted by their write numbers, which asks for no scores."""
        counted = self.searcher.aggregate(query, {"all": {"value_count": {"field": SEQUENCE}}})
        return int(counted["all"]["value"])

    def hits(self, query: tantivy.Query, limit: int) -> list[tuple[float, tantivy.DocAddress]]:
        """Return (score, address) of the best matches, best first."""
        if limit < 1 or not self.documents:
            return []
        return self.searcher.search(query, min(limit, self.documents), count=False).hits

    def counted_hits(self, query: tantivy.Query, limit: int) -> tuple[int, list[tuple[float, tantivy.DocAddress]]]:
        """Return how many documents match, and (score, address) of the best."""
        found = self.searcher.search(query, max(1, min(limit, self.documents or 1)))
        return int(found.count), found.hits[:limit]  # type: ignore[attr-defined]

    def ordered(
        self, query: tantivy.Query, column: str, *, limit: int | None = None, descending: bool = False
    ) -> list[tuple[Any, tantivy.DocAddress]]:
        """Return (value, address) of matches in the order of a column; documents without a value come last, as None."""
        from tantivy import Order

        limit = self.documents if limit is None else min(limit, self.documents)
        if limit < 1:
            return []
        order = Order.Desc if descending else Order.Asc
        return self.searcher.search(query, limit, count=False, order_by_field=column, order=order).hits

    def ordered_and_counted(
        self, query: tantivy.Query, column: str, *, limit: int
    ) -> tuple[int, list[tuple[Any, tantivy.DocAddress]]]:
        """Return how many documents match, and the first of them in the order of a column as `ordered` does."""
        from tantivy import Order

        if not self.documents:
            return 0, []
        limit = max(1, min(limit, self.documents))
        found = self.searcher.search(query, limit, order_by_field=column, order=Order.Asc)
        return int(found.count), found.hits  # type: ignore[attr-defined]

    def values(self, column: str, addresses: Sequence[tantivy.DocAddress]) -> list[Any]:
        """Return the numbers of a column for documents, None where there is none."""
        return self.searcher.fast_field_values(column, list(addresses)) if addresses else []

    def id(self, sequence: int, address: tantivy.DocAddress) -> str:
        """Return the id of a document; the latest are kept, for it costs as much as to read the document."""
        found = self._ids.get(sequence)
        if found is None:
            if len(self._ids) >= _IDS:
                self._ids.clear()
            found = self._ids[sequence] = str(self.searcher.doc(address).get_first(ID))
        return found

    def sequences(self, addresses: Sequence[tantivy.DocAddress]) -> list[int]:
        """Return the write numbers of documents, which name them within this snapshot."""
        return self.values(SEQUENCE, addresses)

    def rows(self, query: tantivy.Query, field: str) -> NDArray[np.int64]:
        """Return the rows of a dense_vector field that matching documents name, ascending."""
        found = [row for row, _ in self.ordered(query, f"{field}#row")]
        while found and found[-1] is None:
            found.pop()
        return np.array(found, dtype=np.int64)

    def among(self, sequences: Iterable[int]) -> tantivy.Query:
        """Return the query, scoring 0, for documents by their write numbers."""
        return self.any_of(SEQUENCE, sequences, scores=None)

    def any_of(self, column: str, values: Iterable[Any], *, scores: Sequence[float] | None) -> tantivy.Query:
        """Return the query for documents with any of the values, each giving its score, or 0 where there are none."""
        from tantivy import Occur, Query

        terms = list(values)
        if not terms:
            return Query.empty_query()
        if scores is None and len(terms) > _SET_FROM:
            return Query.const_score_query(Query.term_set_query(self.schema.tantivy, column, terms), 0.0)
        schema, term, constant, should = (
            self.schema.tantivy,
            Query.term_query,
            Query.const_score_query,
            Occur.Should,
        )
        wanted = scores or [0.0] * len(terms)
        return Query.boolean_query(
            [
                (should, constant(term(schema, column, value, "basic"), score))
                for value, score in zip(terms, wanted, strict=True)
            ]
        )


_SET_FROM = 2048
"""Values from which a set of terms is built, and not a clause for each; chosen, not measured."""
_IDS = 10_000
"""Ids that are kept, 1.5 MB of them: all of a small collection, of a large one what is found again and again."""


def _idf(documents: int, found: int) -> float:
    return math.log(1 + (documents - found + 0.5) / (found + 0.5))


def _one_of(values: float) -> float:
    """Return BM25's share of one value, where documents have so many of a field on average."""
    return 2.2 / (1 + 1.2 * (0.25 + 0.75 / max(1.0, values)))
