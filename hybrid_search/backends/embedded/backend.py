"""The embedded backend: one folder, one writer, many readers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid_search.backends import Action, Backend, Outcome, Stored
from hybrid_search.backends.document_copy import carry
from hybrid_search.backends.embedded.clauses.clause_registry import compiler
from hybrid_search.backends.embedded.clauses.compound_clauses import everything
from hybrid_search.backends.embedded.documents.document_pages import pages
from hybrid_search.backends.embedded.documents.schema import Schema
from hybrid_search.backends.embedded.documents.segments import SegmentChecks
from hybrid_search.backends.embedded.documents.tantivy_documents import vector_kind, with_vectors
from hybrid_search.backends.embedded.error_translation import guarded, reading
from hybrid_search.backends.embedded.index_folder import Folder
from hybrid_search.backends.embedded.integrity_check import check_folder
from hybrid_search.backends.embedded.new_version import new_version
from hybrid_search.backends.embedded.read_only import ReadOnlyCopy, open_index
from hybrid_search.backends.embedded.reindex import take_over
from hybrid_search.backends.embedded.repair import repair_folder
from hybrid_search.backends.embedded.search.search_response import answer
from hybrid_search.backends.embedded.snapshot import Snapshot
from hybrid_search.backends.embedded.statistics import facts
from hybrid_search.backends.embedded.vectors.vector_field import VectorField, open_vectors
from hybrid_search.backends.embedded.writer import Writer, stored_document, sync_graphs
from hybrid_search.backends.integrity import IntegrityReport
from hybrid_search.document.definition import EmbeddingSpec, prefer, with_embedding, with_extra
from hybrid_search.errors import BackendUnavailable, DocumentNotFound, IndexNotFound

if TYPE_CHECKING:
    import tantivy


class EmbeddedBackend(Backend):
    """Documents in one folder, or in memory, searched in this process.

    Files are read at the first search, and the lock of the one writer is taken at the first write and kept until
    `close`. Any number of other objects and processes may search meanwhile; each search sees the latest commit.

    Parameters
    ----------
    folder : Path or None
        The index's folder; None keeps everything in memory.
    writable : bool
        Whether writes are allowed at all.

    Examples
    --------
    >>> backend = EmbeddedBackend(None)
    >>> backend.create({"mappings": {"dynamic": "strict", "properties": {"caption": {"type": "text"}}}})
    >>> backend.bulk([Action("index", "a", {"caption": "a red boat"}), Action("index", "b", {"caption": "a house"})])
    [Outcome(id='a', status=201, error=None), Outcome(id='b', status=201, error=None)]
    >>> backend.refresh()
    >>> [hit["_id"] for hit in backend.search({"query": {"match": {"caption": "boat"}}})["hits"]["hits"]]
    ['a']
    """

    name = "embedded"

    def __init__(self, folder: Path | None, *, writable: bool = True) -> None:
        self._folder = None if folder is None else Folder(Path(folder).absolute())
        self.location = "memory" if self._folder is None else self._folder.location
        self._writable = writable
        self._guard = threading.RLock()
        self._schema: Schema | None = None
        self._definition: Mapping[str, Any] | None = None
        self._index: tantivy.Index | None = None
        self._vectors: dict[str, VectorField] = {}
        self._writer: Writer | None = None
        self._snapshot: Snapshot | None = None
        self._stamp: Any = None
        self._place: tuple[int, ...] | None = None
        self._closed = False
        self._verified: SegmentChecks | None = None
        self._shadow: ReadOnlyCopy | None = None

    def exists(self) -> bool:
        """Tell whether there is an index at the location."""
        return self._definition is not None if self._folder is None else self._folder.exists()

    def create(self, definition: Mapping[str, Any]) -> None:
        """Make the index.

        Raises
        ------
        MappingMismatch
            When the definition has a type, parameter or analyser that the embedded backend does not know.
        BackendUnavailable
            When there is an index already, the folder holds other files, or the backend is not writable.
        IndexLocked
            When another process is making or writing one.
        """
        with self._guard:
            self._demand_writable()
            schema = Schema(definition)
            for field in schema.fields.vectors():
                vector_kind(field)
            if self._folder is None:
                if self._definition is not None:
                    raise BackendUnavailable(self.location, "there is an index already")
                self._start(schema, definition, schema.new_index(None))
                return
            self._folder.lock()
            try:
                self._folder.prepare(definition)
                with guarded(self.location):
                    schema.new_index(self._folder.tantivy)
                self._folder.complete()
            finally:
                self._folder.unlock()

    def definition(self) -> Mapping[str, Any]:
        """Return settings and mappings; raises IndexNotFound, FormatTooNew or IndexCorrupt."""
        self._open()
        if self._definition is None:
            raise IndexNotFound(self.location)
        return self._definition

    def bulk(self, actions: Iterable[Action]) -> list[Outcome]:
        """Write all actions in order and return the fate of each.

        Raises
        ------
        IndexLocked
            When another object or process is writing.
        StorageFull
            When the disk is full; what was not refreshed is lost, everything before is safe.
        """
        with self._guard:
            if self._closed:
                raise BackendUnavailable(self.location, "it has been closed; open it anew to write to it")
            writer = self._open_writer()
            try:
                return writer.apply(actions)
            except BaseException:
                self._give_up()
                raise

    def refresh(self) -> None:
        """Make everything written so far durable and visible to searches; raises StorageFull."""
        with self._guard:
            if self._writer is None or not self._writer.pending:
                return
            try:
                self._writer.commit()
            except BaseException:
                self._give_up()
                raise
            sync_graphs(self._current(), self._vector_field)

    @contextmanager
    def building(self, definition: Mapping[str, Any]) -> Iterator[EmbeddedBackend]:
        """Give a backend for a new version of the index; see `building.new_version`.

        Raises
        ------
        IndexLocked
            When another object or process is writing.
        """
        with self._guard:
            self._demand_writable()
            try:
                if self.exists():
                    # a merge that ends later would write its commit into the new version
                    self._end_writer()
                    self._take_lock()
                with new_version(self._folder, definition) as new:
                    yield new
            finally:
                self._release()
            if self._folder is None:
                for part in ("_schema", "_definition", "_index", "_vectors", "_writer", "_snapshot", "_stamp"):
                    setattr(self, part, getattr(new, part))

    def add_embedding(self, key: str, spec: EmbeddingSpec) -> None:
        """Add a vector field, empty; the whole index is written anew, nothing is computed."""
        with self.building(with_embedding(self.definition(), key, spec=spec, analysis=self.analysis())) as new:
            carry(self, new)

    def add_fields(self, properties: Mapping[str, Mapping[str, Any]]) -> None:
        """Add own fields; all documents are written anew, their vectors stay."""
        with self._guard, self.building(with_extra(self.definition(), properties)) as new:
            if self._folder and new._folder:
                take_over(self._current(), self._folder, new._folder, writer=new._open_writer)
            else:
                carry(self, new)

    def prefer_embedding(self, key: str) -> None:
        """Make one of the index's embeddings of pictures the default; raises IndexLocked."""
        with self._guard:
            self._open_writer()
            self._definition = prefer(self.definition(), key)
            if self._folder is not None:
                self._folder.write_definition(self._definition)

    def search(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Run a `_search` body; raises UnsupportedClause for what is not interpreted."""
        with reading(self.location):
            return answer(self._current(), body, index=self.location)

    def search_lazily(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Run a `_search` body; the `_source` of each hit is a mapping that is parsed when it is first used."""
        with reading(self.location):
            return answer(self._current(), body, index=self.location, lazy=True)

    def count(self, query: Mapping[str, Any] | None = None) -> int:
        """Count the documents that match a query (all when None)."""
        with reading(self.location):
            snapshot = self._current()
            return snapshot.documents if query is None else snapshot.count(compiler(snapshot).compile(query))

    def read(self, id: str, *, vectors: bool = False) -> Stored:
        """Return one document, written but not refreshed ones of this object too; nobody else writes meanwhile.

        Raises
        ------
        DocumentNotFound
            When there is no such document.
        """
        with self._guard, reading(self.location):
            snapshot = self._current()
            stored = stored_document(snapshot, id) if self._writer is None else self._writer.current(id)
            if stored is None:
                raise DocumentNotFound(id)
            source = dict(stored.source)
            return Stored(with_vectors(source, stored.rows, read=self._read_vector) if vectors else source)

    def scan(
        self, query: Mapping[str, Any] | None = None, *, fields: Sequence[str] | None = None, vectors: bool = False
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Stream (id, `_source`) of every match in the order of writing, from one commit, in bounded memory."""
        snapshot = self._current()
        matching = everything(0.0) if query is None else compiler(snapshot).filter(query)
        read = self._read_vector if vectors else None
        return pages(snapshot, matching, fields=fields, location=self.location, read_vector=read)

    def info(self) -> dict[str, Any]:
        """Return where the index is, and `facts.facts`."""
        with reading(self.location):
            numbers = facts(self._current(), self._folder, self._vector_field)
            return {"backend": self.name, "location": self.location, **numbers}

    def check(self, *, repair: bool = False) -> IntegrityReport:
        """Compare all files with their checksums, and mend what can be; see `checking` and `repairing`."""
        if self._folder is None:
            return IntegrityReport(self.location, files=0, bytes=0)
        with self._guard, guarded(self.location):
            self._release()
            return repair_folder(self._folder) if repair else check_folder(self._folder)

    def close(self) -> None:
        """Refresh, and release files and locks; calling it twice is harmless."""
        with self._guard:
            self._closed = True
            self._release()

    def _release(self) -> None:
        """Commit, and let go of files and lock; the next call opens them anew."""
        try:
            self._end_writer()
        finally:
            if self._folder is not None:
                self._close_vectors()
                if self._shadow is not None:
                    self._shadow.close()
                self._shadow = self._index = self._snapshot = self._schema = self._definition = self._stamp = None
                self._folder.unlock()

    def _end_writer(self) -> None:
        """Commit, and wait for merges under way; the lock stays."""
        try:
            self.refresh()
            if self._writer is not None:
                self._writer.finish()
        finally:
            self._writer = None

    def _start(self, schema: Schema, definition: Mapping[str, Any], index: tantivy.Index) -> None:
        schema.register(index)
        index.config_reader("manual")
        self._schema, self._definition, self._index = schema, definition, index

    def _open(self) -> tantivy.Index:
        with self._guard:
            if self._index and self._folder and not self._writer and self._folder.identity() != self._place:
                self._release()  # a newer version of the index has taken the folder's place
            if self._index is None:
                if self._folder is None:
                    raise IndexNotFound(self.location)
                self._place = self._folder.identity()
                definition = self._folder.definition()
                self._verified = SegmentChecks(self._folder.tantivy)
                self._verified.demand(self.location)
                with guarded(self.location):
                    index, self._shadow = open_index(self._folder.tantivy)
                    self._start(Schema(definition), definition, index)
            if self._index is None:
                raise IndexNotFound(self.location)
            return self._index

    def _current(self) -> Snapshot:
        """Return the snapshot of the latest commit, anew when there is a later one than last time."""
        with self._guard:
            index = self._open()
            stamp = self.stamp()
            if self._snapshot is None or stamp != self._stamp:
                if self._verified:
                    self._verified.demand(self.location)
                with guarded(self.location):
                    if self._shadow is not None:
                        self._shadow.refresh()
                    index.reload()
                    for vectors in self._vectors.values():
                        vectors.refresh()
                    self._snapshot = Snapshot(index.searcher(), self._known_schema(), self._vector_field)
                self._stamp = stamp
            return self._snapshot

    def stamp(self) -> object:
        """Return what tells one commit from another."""
        if self._folder is None:
            return 0 if self._writer is None else self._writer.commits
        with guarded(self.location):
            facts = (self._folder.tantivy / "meta.json").stat()
        return facts.st_mtime_ns, facts.st_ino, facts.st_size

    def _open_writer(self) -> Writer:
        if self._writer is None:
            self._demand_writable()
            index = self._take_lock()
            try:
                self._close_vectors()
                schema, place = self._known_schema(), self.location
                self._writer = Writer(
                    index, schema, self._folder, vectors=self._vector_field, committed=self._current, location=place
                )
            except BaseException:
                self._give_up()
                raise
        return self._writer

    def _take_lock(self) -> tantivy.Index:
        """Become the one writer of the version that is in the folder now, and clear away what killed ones left."""
        while True:
            index = self._open()
            if self._folder is None or self._folder.locked:
                return index
            self._folder.lock()
            try:
                if self._folder.identity() == self._place:
                    with guarded(self.location):
                        SegmentChecks(self._folder.tantivy).demand(self.location)  # what it names is kept, no more
                        self._folder.sweep()
                        self._folder.keep_copy()
                    return index
            except BaseException:
                self._folder.unlock()
                raise
            self._folder.unlock()  # another version took the folder's place meanwhile

    def _give_up(self) -> None:
        """Drop the writer and what it had not committed; the next write opens a new one."""
        if self._writer is not None:
            self._writer.drop()
        self._writer = None
        self._close_vectors()
        if self._folder is not None:
            self._folder.unlock()

    def _close_vectors(self) -> None:
        if self._folder is not None:
            for vectors in self._vectors.values():
                vectors.close()
            self._vectors.clear()

    def _vector_field(self, name: str) -> VectorField:
        with self._guard:
            if name not in self._vectors:
                field = self._known_schema().fields.find(name)
                with guarded(self.location):
                    self._vectors[name] = open_vectors(field, self._folder)
            return self._vectors[name]

    def _read_vector(self, name: str, row: int) -> Any:
        return self._vector_field(name).read([row])[0]

    def _known_schema(self) -> Schema:
        if self._schema is None:
            raise IndexNotFound(self.location)
        return self._schema

    def _demand_writable(self) -> None:
        if not self._writable:
            raise BackendUnavailable(self.location, "it was opened for searching only")
