"""The `fields` of hits: vectors of a whole answer read together, when the first of them is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends.embedded.documents.source_filter import SourceFilter, leaves
from hybrid_search.backends.embedded.documents.tantivy_documents import read_source
from hybrid_search.backends.embedded.snapshot import Snapshot
from hybrid_search.errors import UnsupportedClause

if TYPE_CHECKING:
    import tantivy


class AnswerFields:
    """The wanted `fields` of all hits of an answer.

    Parameters
    ----------
    snapshot : Snapshot
    names : sequence of str or mapping
        The body's `fields`: dotted names with `*`, or objects with a `field`.
    addresses : sequence of tantivy.DocAddress
        Of the hits.

    Raises
    ------
    UnsupportedClause
        When an object has more than a field.
    """

    def __init__(self, snapshot: Snapshot, names: Sequence[Any], addresses: Sequence[tantivy.DocAddress]) -> None:
        self._snapshot, self._addresses = snapshot, addresses
        patterns = [_pattern(entry) for entry in names]
        self._wanted = SourceFilter(patterns)
        vectors = [field.name for field in snapshot.schema.fields.vectors()]
        self._vectors = [name for name in vectors if self._wanted.may_want(name)]
        self._texts = not set(patterns) <= set(vectors)

    @cached_property
    def _rows(self) -> dict[str, tuple[dict[int, int], NDArray[Any]]]:
        """By vector field the place of each hit that has one, and the vectors."""
        read: dict[str, tuple[dict[int, int], NDArray[Any]]] = {}
        for name in self._vectors:
            rows = self._snapshot.values(f"{name}#row", self._addresses)
            having = [place for place, row in enumerate(rows) if row is not None]
            vectors = self._snapshot.vectors(name).read(np.array([rows[place] for place in having], np.int64))
            read[name] = ({place: number for number, place in enumerate(having)}, vectors)
        return read

    def of_hit(self, place: int) -> dict[str, Any]:
        """Return the fields of the hit at a place: lists, or of a vector an array."""
        values: dict[str, Any] = {}
        if self._texts:
            document = self._snapshot.searcher.doc(self._addresses[place])
            for name, value in leaves(self._wanted.apply(read_source(document, wanted=self._wanted.may_want))):
                values.setdefault(name, []).append(value)
        for name, (places, vectors) in self._rows.items():
            if place in places:
                values[name] = vectors[places[place]]
        return values


class HitFields(Mapping[str, Any]):
    """The fields of one hit, read when they are first used."""

    def __init__(self, fields: AnswerFields, place: int) -> None:
        self._fields, self._place = fields, place

    @cached_property
    def _read(self) -> dict[str, Any]:
        return self._fields.of_hit(self._place)

    def __getitem__(self, name: str) -> Any:
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)

    def listed(self) -> dict[str, list[Any]]:
        """Return them as JSON has them."""
        return {name: value if isinstance(value, list) else value.tolist() for name, value in self._read.items()}


def _pattern(entry: Any) -> str:
    if isinstance(entry, Mapping) and set(entry) != {"field"}:
        raise UnsupportedClause(f"fields.{next((key for key in entry if key != 'field'), '')}", "embedded")
    return str(entry["field"] if isinstance(entry, Mapping) else entry)
