"""The one writer of an index: actions to tantivy documents and rows, committed together.

The order of a commit is rows first (synced), then documents (tantivy's atomic commit), then statistics. Whatever dies
in between leaves the previous commit; rows that no committed document names are taken back by the next writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid_search.backends import Action, Outcome
from hybrid_search.backends.embedded.documents.field_lengths import Lengths
from hybrid_search.backends.embedded.documents.schema import EVERY, ID, PRESENT, SEQUENCE, Schema
from hybrid_search.backends.embedded.documents.tantivy_documents import (
    PreparedDocument,
    RefusedDocument,
    merged,
    prepare,
    read_source,
    to_tantivy,
)
from hybrid_search.backends.embedded.error_translation import HEAP, guarded
from hybrid_search.backends.embedded.index_folder import Folder
from hybrid_search.backends.embedded.snapshot import Snapshot
from hybrid_search.backends.embedded.vectors.vector_field import VectorField
from hybrid_search.errors import IndexCorrupt, StorageFull

if TYPE_CHECKING:
    import tantivy

_STAGED = 512
"""Vectors of a field that wait for one write; chosen, not measured."""
_PENDING = 8192
"""Documents after which a commit is made; chosen, not measured."""


@dataclass(frozen=True)
class Current:
    """A document as the writer sees it: its JSON and the rows of its vectors."""

    source: Mapping[str, Any]
    rows: Mapping[str, int]


class Writer:
    """Applies actions and commits them; the caller holds the folder's lock and sees to it that one thread is inside.

    Parameters
    ----------
    index : tantivy.Index
    schema : Schema
    folder : Folder or None
        Where statistics are kept; None for an index in memory.
    vectors : callable
        dense_vector field to its VectorField, opened for writing.
    committed : callable
        Returns the snapshot of the last commit.
    location : str
        Name of the index in messages.
    """

    def __init__(
        self,
        index: tantivy.Index,
        schema: Schema,
        folder: Folder | None,
        *,
        vectors: Callable[[str], VectorField],
        committed: Callable[[], Snapshot],
        location: str,
    ) -> None:
        self._schema, self._folder, self._location = schema, folder, location
        self._vectors, self._committed = vectors, committed
        with guarded(location):
            self._native = index.writer(HEAP, 1)
        statistics = folder.statistics() if folder else {}
        self._lengths = _lengths(statistics.get("lengths"))
        self._sequence = self._largest(SEQUENCE) + 1
        self._take_back(statistics.get("rows"))
        self.commits = 1
        self._pending: dict[str, Current | None] = {}
        self._staged: dict[str, list[Any]] = {}

    @property
    def pending(self) -> bool:
        """Whether there is something to commit."""
        return bool(self._pending)

    def current(self, id: str) -> Current | None:
        """Return a document with what is not committed yet, None when there is none."""
        return self._pending[id] if id in self._pending else stored_document(self._committed(), id)

    def apply(self, actions: Iterable[Action]) -> list[Outcome]:
        """Write actions in order and return the fate of each.

        Raises
        ------
        StorageFull
            When the disk is full; nothing since the last commit is kept, and the writer must be given up.
        """
        outcomes = []
        for action in actions:
            outcomes.append(self._apply(action))
            if len(self._pending) >= _PENDING:
                self.commit()
        self._append_staged()
        return outcomes

    def keep(self, id: str, current: Current) -> None:
        """Write a document of another version, whose vectors lie in the same rows here."""
        self._write(prepare(id, current.source, self._schema), current.rows, replaces=False)
        if len(self._pending) >= _PENDING:
            self.commit()

    def commit(self) -> None:
        """Make everything applied durable and visible; raises as `apply`."""
        self._append_staged()
        for field in self._schema.fields.vectors():
            self._vectors(field.name).flush()
        with guarded(self._location):
            self._native.commit()
        self.commits += 1
        self._pending.clear()
        if self._folder is not None:
            rows = {field.name: len(self._vectors(field.name)) for field in self._schema.fields.vectors()}
            self._folder.write_statistics({"lengths": self._lengths.counts, "rows": rows})

    def finish(self) -> None:
        """Wait for merges under way and release tantivy's writer, which cannot be used any more."""
        with guarded(self._location):
            self._native.wait_merging_threads()

    def drop(self) -> None:
        """Release tantivy's writer without a commit, at once: a traceback may keep this object, and so its lock."""
        del self._native

    def _apply(self, action: Action) -> Outcome:
        try:
            if action.op == "delete":
                return self._delete(action.id)
            if action.op not in ("index", "create", "update"):
                raise RefusedDocument(f"no operation {action.op!r}; known: index, create, update, delete")
            before = self.current(action.id)
            if action.op == "create" and before is not None:
                return Outcome(action.id, 409, f"there is a document {action.id!r} already")
            if action.op == "update":
                if before is None:
                    return Outcome(action.id, 404, f"no document {action.id!r}")
                document = prepare(action.id, merged(before.source, action.source), self._schema)
                kept: Mapping[str, int] = before.rows
            else:
                document, kept = prepare(action.id, action.source, self._schema), {}
        except RefusedDocument as error:
            return Outcome(action.id, 400, str(error))
        self._write(document, kept, replaces=before is not None)
        return Outcome(action.id, 200 if before is not None else 201)

    def _delete(self, id: str) -> Outcome:
        if self.current(id) is None:
            return Outcome(id, 404)
        with guarded(self._location):
            self._native.delete_documents_by_term(ID, id)
        self._pending[id] = None
        return Outcome(id, 200)

    def _write(self, document: PreparedDocument, kept: Mapping[str, int], *, replaces: bool) -> None:
        rows = {name: row for name, row in kept.items() if name not in document.vectors}
        for name, values in document.vectors.items():
            if values is not None:
                staged = self._staged.setdefault(name, [])
                rows[name] = len(self._vectors(name)) + len(staged)
                staged.append(values)
                if len(staged) >= _STAGED:
                    self._append_staged()
        native = to_tantivy(document, self._schema, sequence=self._sequence, rows=rows, lengths=self._lengths)
        self._sequence += 1
        with guarded(self._location):
            if replaces:
                self._native.delete_documents_by_term(ID, document.id)
            self._native.add_document(native)
        self._pending[document.id] = Current(document.source, rows)

    def _append_staged(self) -> None:
        for name, staged in self._staged.items():
            if staged:
                expected = len(self._vectors(name))
                first = int(self._vectors(name).append(np.stack(staged))[0])
                staged.clear()
                if first != expected:
                    raise IndexCorrupt(self._location, f"row {expected} of {name!r} was given to another vector")

    def _largest(self, column: str) -> int:
        snapshot = self._committed()
        found = snapshot.ordered(snapshot.term(PRESENT, EVERY), column, limit=1, descending=True)
        return -1 if not found or found[0][0] is None else int(found[0][0])

    def _take_back(self, counted: Any) -> None:
        """Drop rows that no commit named: those behind the last commit's count and behind every row in use."""
        for field in self._schema.fields.vectors():
            before = counted.get(field.name, 0) if isinstance(counted, dict) else 0
            needed = max(int(before), self._largest(f"{field.name}#row") + 1)
            vectors = self._vectors(field.name)
            if needed > len(vectors) and self._largest(f"{field.name}#row") >= len(vectors):
                raise IndexCorrupt(
                    self._location, f"documents name {needed} vectors of {field.name!r}, there are {len(vectors)}"
                )
            if needed < len(vectors):
                vectors.truncate(needed)


def sync_graphs(snapshot: Snapshot, vectors: Callable[[str], VectorField]) -> None:
    """Let graphs catch up; they can be made again, so that a full disk is no reason to fail."""
    for field in snapshot.schema.fields.vectors():
        rows, mask = vectors(field.name), None
        if snapshot.living(field.name) < len(rows):
            mask = np.zeros(len(rows), dtype=bool)
            mask[snapshot.rows(snapshot.term(PRESENT, field.name), field.name)] = True
        with suppress(StorageFull):
            rows.sync_graph(mask=mask)


def stored_document(snapshot: Snapshot, id: str) -> Current | None:
    """Return a committed document, None when there is none."""
    try:
        id.encode("utf-8")
    except UnicodeEncodeError:
        return None
    found = snapshot.hits(snapshot.term(ID, id), 1)
    if not found:
        return None
    address = found[0][1]
    return Current(read_source(snapshot.searcher.doc(address)), stored_rows(snapshot, address))


def stored_rows(snapshot: Snapshot, address: tantivy.DocAddress) -> dict[str, int]:
    """Return the rows of a committed document's vectors by field."""
    rows = {}
    for field in snapshot.schema.fields.vectors():
        row = snapshot.values(f"{field.name}#row", [address])[0]
        if row is not None:
            rows[field.name] = int(row)
    return rows


def _lengths(counts: Any) -> Lengths:
    try:
        return Lengths({str(name): [int(values[place]) for place in range(4)] for name, values in counts.items()})
    except (AttributeError, TypeError, ValueError, IndexError):
        return Lengths()
