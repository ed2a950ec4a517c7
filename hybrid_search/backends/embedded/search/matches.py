"""The documents that a body matches: those of its query and those of its `knn` legs, OR-ed as Elasticsearch does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from hybrid_search.backends.embedded.clauses.compound_clauses import everything
from hybrid_search.backends.embedded.snapshot import Snapshot

if TYPE_CHECKING:
    import tantivy

    CountedHits = tuple[int, list[tuple[float, tantivy.DocAddress]]]


class Matches:
    """Documents by their write numbers, with their scores: the query's, plus those of every leg they are in.

    Parameters
    ----------
    snapshot : Snapshot
    query : tantivy.Query or None
        None matches nothing beside legs, and everything without them.
    legs : sequence of mapping
        Per `knn` leg, write number to score, boost included.
    addresses : sequence of mapping
        Per `knn` leg, write number to address.
    ahead : Future, optional
        The query's count and best hits, asked for while the legs were searched.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        query: tantivy.Query | None,
        *,
        legs: Sequence[Mapping[int, float]] = (),
        addresses: Sequence[Mapping[int, tantivy.DocAddress]] = (),
        ahead: Future[CountedHits] | None = None,
    ) -> None:
        self.snapshot = snapshot
        self._query = everything(1.0) if query is None and not legs else query
        self._near: dict[int, float] = {}
        for leg in legs:
            for sequence, score in leg.items():
                self._near[sequence] = self._near.get(sequence, 0.0) + score
        self._addresses: dict[int, tantivy.DocAddress] = {}
        for known in addresses:
            self._addresses.update(known)
        self._both: dict[int, float] | None = None
        self._known: dict[int, float] = {}
        self._count: int | None = None
        self._ahead = ahead
        self._asked: tuple[list[int], tantivy.Query] = ([], snapshot.among([]))

    def address(self, sequence: int) -> tantivy.DocAddress:
        """Return the address of a document that was returned before."""
        return self._addresses[sequence]

    def learn(self, addresses: Sequence[tantivy.DocAddress]) -> list[int]:
        """Return the write numbers of documents, and remember where they are."""
        sequences = self.snapshot.sequences(addresses)
        self._addresses.update(zip(sequences, addresses, strict=True))
        return sequences

    def best(self, limit: int) -> list[tuple[int, float]]:
        """Return (write number, score) of the best documents, best first, ties in the order of writing."""
        scored = dict(self._near)
        if self._query is not None:
            found = self._ahead.result() if self._ahead else self.snapshot.counted_hits(self._query, limit)
            self._count, hits = found
            sequences = self.learn([address for _, address in hits])
            self._known = {sequence: score for sequence, (score, _) in zip(sequences, hits, strict=True)}
            scored.update(self._known)
            for sequence, score in self._near_and_query().items():
                scored[sequence] = self._near[sequence] + score
        return sorted(scored.items(), key=lambda item: (-item[1], item[0]))[:limit]

    def scores(self, sequences: Sequence[int]) -> dict[int, float]:
        """Return write number to score of documents that match."""
        scored = {sequence: self._near.get(sequence, 0.0) for sequence in sequences}
        if self._query is not None:
            for sequence, score in self.scores_of(self._query, sequences).items():
                scored[sequence] += score
        return scored

    def total(self) -> int:
        """Return how many documents match."""
        if self._query is None:
            return len(self._near)
        if self._count is None:
            self._count = self.snapshot.count(self._query)
        return self._count + len(self._near) - len(self._near_and_query())

    def query(self) -> tantivy.Query:
        """Return the query for all of them; its scores mean nothing."""
        from tantivy import Occur, Query

        if self._query is None:
            return self.snapshot.among(self._near)
        if not self._near:
            return self._query
        return Query.boolean_query([(Occur.Should, self._query), (Occur.Should, self.snapshot.among(self._near))])

    def known_scores(self, sequences: Iterable[int]) -> dict[int, float]:
        """Return write number to the query's own score of those documents for which it has been computed."""
        known = {**self._known, **(self._both or {})}
        return {sequence: known[sequence] for sequence in sequences if sequence in known}

    def scores_of(self, query: tantivy.Query, sequences: Iterable[int]) -> dict[int, float]:
        """Return write number to score of those documents that match a query."""
        from tantivy import Occur, Query

        wanted = list(sequences)
        if not wanted:
            return {}
        if wanted != self._asked[0]:
            # each name of a body is asked of the same hits
            self._asked = (wanted, self.snapshot.among(wanted))
        _, among = self._asked
        hits = self.snapshot.hits(Query.boolean_query([(Occur.Must, query), (Occur.Must, among)]), len(wanted))
        return dict(zip(self.learn([address for _, address in hits]), (score for score, _ in hits), strict=True))

    def at_least(self, score: float) -> Matches:
        """Return the documents with this score or a higher one; what they score stays."""
        kept = {
            sequence: value
            for sequence, value in self.best(self.snapshot.documents + len(self._near))
            if value >= score
        }
        return Matches(self.snapshot, None, legs=[kept], addresses=[self._addresses])

    def _near_and_query(self) -> dict[int, float]:
        if self._both is None:
            known = {sequence: self._known[sequence] for sequence in self._near if sequence in self._known}
            others = [sequence for sequence in self._near if sequence not in known]
            self._both = {**known, **(self.scores_of(self._query, others) if self._query is not None else {})}
        return self._both
