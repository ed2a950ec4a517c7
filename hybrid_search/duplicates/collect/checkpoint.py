"""Which documents have been compared with all others, kept in the index in a few of its documents.

A picture's document carries a mark beside its own fields: the rule, and fingerprints of up to 1,024 documents that have
been compared by it. No clock is trusted with it, so that a document that comes late, or from another index, is compared
too. A mark goes with its document, and then its part is compared again: nothing is missed.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hybrid_search.backends import Action, Backend, Stored
from hybrid_search.backends.optimistic_update import Change
from hybrid_search.duplicates.collect.documents import PRINT_BYTES, Documents, fingerprint
from hybrid_search.duplicates.collect.links import update_duplicate

_TOGETHER = 1024  # fingerprints in one document: 8 kB in base64
_SPARE = 16  # documents with marks that are left as they are; no measurement is kept


@dataclass
class Checkpoint:
    """The marks of one rule, and of others.

    Parameters
    ----------
    rule : str
    prints : set of bytes
        Fingerprints of documents that have been compared.
    hosts : dict
        Ids of documents that carry a mark of this rule.
    others : list of str
        Ids of documents that carry a mark of another rule.
    """

    rule: str
    prints: set[bytes] = field(default_factory=set)
    hosts: dict[str, None] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, backend: Backend, rule: str) -> Checkpoint:
        """Read all marks of an index."""
        marks = cls(rule)
        marked = {"exists": {"field": "duplicate.compared_by"}}
        for id, source in backend.scan(marked, fields=("duplicate",)):
            found = source["duplicate"]
            if found["compared_by"] != rule:
                marks.others.append(id)
                continue
            marks.hosts[id] = None
            packed = base64.b64decode(found["compared"]["prints"])
            marks.prints.update(packed[start : start + PRINT_BYTES] for start in range(0, len(packed), PRINT_BYTES))
        return marks

    def is_compared(self, documents: Documents, row: int) -> bool:
        """Tell whether a document has been compared with all others that were there then."""
        return fingerprint(documents.ids[row], documents.shas[row]) in self.prints

    def forget_others(self, backend: Backend) -> None:
        """Take away the marks of other rules, whose links are about to be replaced."""
        for id in self.others:
            update_duplicate(backend, id, _changed(_NONE))
        if self.others:
            backend.refresh()
            self.others.clear()

    def add(self, backend: Backend, documents: Documents, rows: Sequence[int]) -> None:
        """Note that some documents have been compared with all others; their links are in the index already."""
        for start in range(0, len(rows), _TOGETHER):
            self._put(backend, documents, rows[start : start + _TOGETHER])

    def tidy(self, backend: Backend, documents: Documents) -> None:
        """Put many small marks together, when all documents have been compared."""
        if len(self.hosts) <= _SPARE + 2 * (len(documents) // _TOGETHER):
            return
        before, self.hosts, self.prints = self.hosts, {}, set()
        self.add(backend, documents, range(len(documents)))
        for id in before:
            if id not in self.hosts:
                update_duplicate(backend, id, _changed(_NONE))

    def _put(self, backend: Backend, documents: Documents, rows: Sequence[int]) -> None:
        prints = [fingerprint(documents.ids[row], documents.shas[row]) for row in rows]
        host = next((documents.ids[row] for row in rows if documents.ids[row] not in self.hosts), None)
        if host is None:
            return
        packed = base64.b64encode(b"".join(prints)).decode("ascii")
        update_duplicate(backend, host, _changed({"compared_by": self.rule, "compared": {"prints": packed}}))
        self.hosts[host] = None
        self.prints.update(prints)


_NONE: Mapping[str, Any] = {"compared_by": None, "compared": None}


def _changed(fields: Mapping[str, Any]) -> Change:
    def change(stored: Stored | None) -> Action | None:
        return None if stored is None else Action("update", "", {"duplicate": dict(fields)})

    return change
