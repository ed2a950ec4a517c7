"""Stored pictures as the judge takes them, read a few hundred at a time; the latest are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from hybrid_search.backends import Backend
from hybrid_search.duplicates.collect.documents import Documents
from hybrid_search.duplicates.collect.vector_file import VectorFile
from hybrid_search.duplicates.model import SUBJECT_FIELDS, Subject

_KEPT = 20_000  # subjects; no measurement is kept
_TOGETHER = 500  # documents of one request; no measurement is kept


class SubjectCache:
    """Subjects by row.

    Parameters
    ----------
    backend : Backend
    documents : Documents
    vectors : VectorFile or None
        Where signatures are at hand; they are read from the index otherwise.
    """

    def __init__(self, backend: Backend, documents: Documents, vectors: VectorFile | None) -> None:
        self._backend, self._documents, self._vectors = backend, documents, vectors
        self._known: OrderedDict[int, Subject] = OrderedDict()

    def of(self, rows: Iterable[int]) -> Mapping[int, Subject]:
        """Return subjects by row; documents that have vanished meanwhile are left out."""
        wanted = list(dict.fromkeys(rows))
        missing = [row for row in wanted if row not in self._known]
        for start in range(0, len(missing), _TOGETHER):
            self._read(missing[start : start + _TOGETHER])
        found = {row: self._known[row] for row in wanted if row in self._known}
        while len(self._known) > max(_KEPT, len(wanted)):
            self._known.popitem(last=False)
        return found

    def _read(self, rows: list[int]) -> None:
        ids = {"ids": {"values": [self._documents.ids[row] for row in rows]}}
        vectors = self._vectors
        fields = SUBJECT_FIELDS if vectors is not None else (*SUBJECT_FIELDS, "signature")
        for id, source in self._backend.scan(ids, fields=fields, vectors=vectors is None):
            row = self._documents.rows[id]
            signature = None if vectors is None else vectors.signature(row)
            self._known[row] = Subject.of(id, source, signature=signature)
