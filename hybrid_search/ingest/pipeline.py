"""Files become documents: decode, signature and embedding overlap, in bounded memory, resumable at any point."""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from hybrid_search.backends import Action, Backend, Outcome, Stored
from hybrid_search.backends.optimistic_update import Change, change_document
from hybrid_search.document.document import FileFacts, build_source, caption_text, file_fields, is_below
from hybrid_search.document.index_embedders import EmbedderSet
from hybrid_search.document.picture import Picture, read_picture
from hybrid_search.embedders import Labels
from hybrid_search.errors import DocumentNotFound, HybridSearchError, ImageError, ImageUnreadable
from hybrid_search.images import Source, read_source, sniff
from hybrid_search.ingest.batches import Batches, Embedded, ReadFile, read_of
from hybrid_search.ingest.caption_embedding import CaptionEmbedding
from hybrid_search.ingest.catalog import Catalog
from hybrid_search.ingest.folder_walk import FolderFile
from hybrid_search.ingest.moved_files import MovedFiles
from hybrid_search.ingest.own_fields import fit_all
from hybrid_search.ingest.picture_embedding import PictureEmbedding, Vectors
from hybrid_search.ingest.report import Failure, IngestOptions, IngestReport, Progress
from hybrid_search.ingest.text_updates import added_fields, described_too
from hybrid_search.metadata import Captions, Metadata, add_places, merge, read_metadata, read_sidecars


@dataclass
class _Tally:
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    copies: int = 0
    failed: list[Failure] = field(default_factory=list)

    def report(self, seconds: float) -> IngestReport:
        return IngestReport(
            self.added, self.updated, self.unchanged, tuple(self.failed), copies=self.copies, seconds=seconds
        )


class Pipeline:
    """Writes pictures into a backend: workers read and decode ahead while one thread embeds and writes.

    Parameters
    ----------
    backend : Backend
        Where documents go; its `refresh` commits.
    embedders : EmbedderSet
        Fill the fields under `embedding`.
    captions : Captions, optional
        What a captions file says of the pictures.
    options : IngestOptions
        Sizes, limits, and what to do with unusable files.
    progress : callable, optional
        Told of every file that is done, of `total`.
    root : str
        The folder under way: of files elsewhere nothing is concluded.
    """

    def __init__(
        self,
        backend: Backend,
        embedders: EmbedderSet,
        *,
        captions: Captions | None = None,
        options: IngestOptions,
        progress: Callable[[Progress], None] | None = None,
        total: int | None = None,
        root: str = os.sep,
    ) -> None:
        self._backend = backend
        self._embedding = PictureEmbedding(embedders.for_images())
        self._wording = CaptionEmbedding(embedders.for_captions())
        self._captions = captions
        self._options = options
        self._workers = options.workers or os.cpu_count() or 1
        self._progress = progress
        self._total = total
        self._root = root
        self._uncommitted = 0
        self._done = 0
        self._plain: set[str] = set()

    def run(self, found: Iterator[FolderFile], catalog: Catalog) -> IngestReport:
        """Index the found files; whatever ends the run, what was embedded before is committed.

        Raises
        ------
        ImageError
            For the first unusable file, when `on_error` is "raise".
        StorageFull, IndexLocked
            When the index cannot be written.
        """
        start, tally = time.perf_counter(), _Tally()
        batches = Batches(self._embedding, self._options.batch_size)
        moves = MovedFiles(self._change, catalog, self._wording, root=self._root)
        try:
            for facts, read in self._reads(found, catalog, tally):
                if isinstance(read, HybridSearchError):
                    self._fail(facts.path, read, tally)
                else:
                    self._take(self._keep_id(read, catalog), batches, moves, catalog, tally)
                if batches.full:
                    self._write(batches.turn(), moves, catalog, tally)
                if len(moves) >= self._options.commit_size:
                    self._settle(moves, tally)
            for _ in range(2):
                self._write(batches.turn(), moves, catalog, tally)
            self._settle(moves, tally, last=True)
            moves.write_robbed(last=True)
        except (KeyboardInterrupt, ImageError):
            self._write(batches.land(), moves, catalog, tally)
            self._settle(moves, tally, last=True)
            raise
        finally:
            batches.close()
            self._backend.refresh()
        return tally.report(time.perf_counter() - start)

    def _take(self, read: ReadFile, batches: Batches, moves: MovedFiles, catalog: Catalog, tally: _Tally) -> None:
        """Put a new picture into the batch; note the path of one that the batch or the index has already."""
        twin = batches.find(read.id)
        if twin is not None:
            replaces = moves.take_path(read)
            catalog.put(read.id, read.facts)
            batches.replace(twin, described_too(twin, read.metadata))
            tally.updated += replaces
            tally.copies += not replaces
            self._advance(read.facts.path, tally)
        elif read.picture is None or (not read.named and self._is_known(read.id, catalog)):
            (metadata,) = fit_all(self._backend, [read.metadata])
            moves.add(replace(read, metadata=metadata))
            self._advance(read.facts.path, tally)
        else:
            batches.add(replace(read, replaces=moves.take_path(read) or read.named))
            catalog.put(read.id, read.facts)

    def _settle(self, moves: MovedFiles, tally: _Tally, *, last: bool = False) -> None:
        """Write documents of files that wait, and count these."""
        for settled in moves.write(last=last):
            if settled.error is not None:
                self._refuse(settled.path, ImageUnreadable(settled.path, settled.error), tally)
            else:
                tally.copies += settled.is_copy
                tally.updated += not settled.is_copy

    def _keep_id(self, read: ReadFile, catalog: Catalog) -> ReadFile:
        """Keep the id that a caller gave to the document at this path, whatever bytes the file has now."""
        known = catalog.at(read.facts.path)
        if known is None or known[0] == read.id or known[0] in self._plain:
            return read
        try:
            stored = self._backend.get(known[0])
        except DocumentNotFound:
            # another writer has removed it meanwhile
            return read
        if stored.get("sha256") == known[0]:
            # asked once: all files of a document with many may have other bytes now
            self._plain.add(known[0])
            return read
        same = stored.get("sha256") == read.id
        return replace(read, id=known[0], picture=None if same else read.picture, named=True)

    def _reads(
        self, found: Iterator[FolderFile], catalog: Catalog, tally: _Tally
    ) -> Iterator[tuple[FileFacts, ReadFile | HybridSearchError]]:
        """Read files in worker threads, a bounded number ahead, and hand them over in the order of the folder."""
        pending: deque[tuple[FileFacts, Future[ReadFile]]] = deque()
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="hybrid-search-read")
        try:
            for file in found:
                described = (self._captions.find(Path(file.path)) if self._captions else None) or Metadata({}, {}, ())
                known = catalog.at(file.path)
                facts = _facts(file, described, known[1] if known else None, root=self._root)
                if known is not None and known[1] == facts and known[1].root in ("", facts.root):
                    tally.unchanged += 1
                    self._advance(file.path, tally)
                    continue
                if known is not None and replace(known[1], missing=False) == facts:
                    yield facts, ReadFile(facts, known[0], Metadata({}, {}, ()))
                    continue
                self._embedding.load()
                pending.append((facts, pool.submit(self._read, facts, file.sidecars, described, catalog)))
                if len(pending) >= self._options.batch_size + 2 * self._workers:
                    facts, future = pending.popleft()
                    yield facts, read_of(future, facts.path)
            while pending:
                facts, future = pending.popleft()
                yield facts, read_of(future, facts.path)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _read(
        self, facts: FileFacts, sidecars: tuple[tuple[str, int], ...], described: Metadata, catalog: Catalog
    ) -> ReadFile:
        """Do one worker's part: read the bytes, and decode them unless the index has them already."""
        check_name(facts.path)
        source = read_source(facts.path, limits=self._options.limits)
        beside = read_sidecars(Path(facts.path), names=[name for name, _ in sidecars]) if sidecars else None
        outside = merge(beside, described) if beside else described
        if source.sha256 in catalog:
            return self._reread(source, facts, outside, catalog, described=bool(described.fields))
        embedding, limits = self._embedding, self._options.limits
        picture = read_picture(source, min_side=embedding.min_side, described=outside, limits=limits)
        return ReadFile(facts, source.sha256, outside, picture, embedding.ready(picture.prepared.image))

    def _reread(
        self, source: Source, facts: FileFacts, outside: Metadata, catalog: Catalog, *, described: bool
    ) -> ReadFile:
        known = catalog.at(facts.path)
        if known is None or source.data is None:
            return ReadFile(facts, source.sha256, outside)
        if (known[1].sidecars, known[1].captions) == (facts.sidecars, facts.captions):
            return ReadFile(facts, source.sha256, outside)
        inside = read_metadata(source.data, format=sniff(source.data) or "", name=source.name)
        return ReadFile(
            facts, source.sha256, add_places(merge(inside, outside)), redescribe=described or not facts.captions
        )

    def _is_known(self, id: str, catalog: Catalog) -> bool:
        if id in catalog:
            return True
        try:
            stored = self._backend.get(id)
        except DocumentNotFound:
            return False
        for facts in map(FileFacts.from_json, stored.get("files", ())):
            # a path that another picture has taken in this run stays with it
            if catalog.at(facts.path) is None:
                catalog.put(id, facts, known=True)
        return True

    def _write(self, batch: list[Embedded], moves: MovedFiles, catalog: Catalog, tally: _Tally) -> None:
        if not batch:
            return
        moves.write_robbed()
        batch = self._fitting(batch)
        self._wording.read(caption_text(_words(read)) for read, _, _ in batch)
        sources = [self._source(read, catalog, vectors, labels) for read, vectors, labels in batch]
        create = [
            Action("create", read.id, source)
            for (read, _, _), source in zip(batch, sources, strict=True)
            if not read.named
        ]
        written = {outcome.id: outcome for outcome in self._backend.bulk(create)} if create else {}
        self._count(len(create))
        for (read, _, _), source in zip(batch, sources, strict=True):
            if read.named or written[read.id].status == 409:
                written[read.id] = self._change(read.id, self._written_too(read, catalog, source))
        refused = {id: outcome.error for id, outcome in written.items() if outcome.error is not None}
        for read, _, _ in batch:
            if read.id in refused:
                catalog.drop(read.facts.path)
                self._fail(read.facts.path, ImageUnreadable(read.facts.path, refused[read.id]), tally)
            else:
                tally.updated += read.replaces
                tally.added += not read.replaces
                self._advance(read.facts.path, tally)

    def _fitting(self, batch: list[Embedded]) -> list[Embedded]:
        """Return a batch whose own fields the index has, as it has them."""
        pictures = [cast("Picture", read.picture) for read, _, _ in batch]
        fitting = fit_all(self._backend, [picture.metadata for picture in pictures])
        return [
            (replace(read, picture=replace(picture, metadata=metadata)), vectors, labels)
            for (read, vectors, labels), picture, metadata in zip(batch, pictures, fitting, strict=True)
        ]

    def _source(self, read: ReadFile, catalog: Catalog, vectors: Vectors, labels: Labels) -> dict[str, Any]:
        every = {**vectors, **self._wording.vectors(_words(read))}
        return build_source(
            cast("Picture", read.picture), files=catalog.files(read.id), embeddings=every, labels=labels
        )

    def _written_too(self, read: ReadFile, catalog: Catalog, whole: Mapping[str, Any]) -> Change:
        """Return the change for a picture whose document is there already: the caller's own, or another writer's."""

        def change(stored: Stored | None) -> Action:
            if stored is None:
                return Action("index", read.id, whole)
            files = file_fields(catalog.files_now(read.id, stored))
            if read.named:
                return Action("index", read.id, {**whole, **files})
            described = added_fields(stored.source, cast("Picture", read.picture).metadata)
            words = self._wording.put({**stored.source, **described})
            return Action("update", read.id, {**described, **files, "embedding": {**whole["embedding"], **words}})

        return change

    def _change(self, id: str, change: Change, *, vectors: bool = False) -> Outcome:
        outcome = change_document(self._backend, id, change, vectors=vectors)
        self._count(1)
        return outcome

    def _count(self, actions: int) -> None:
        self._uncommitted += actions
        if self._uncommitted >= self._options.commit_size:
            self._backend.refresh()
            self._uncommitted = 0

    def _fail(self, path: str, error: HybridSearchError, tally: _Tally) -> None:
        self._refuse(path, error, tally)
        self._advance(path, tally)

    def _refuse(self, path: str, error: HybridSearchError, tally: _Tally) -> None:
        if self._options.on_error == "raise":
            raise error
        # the line names the file already: the reason alone is left to say
        tally.failed.append(Failure(path, str(getattr(error, "reason", error))))

    def _advance(self, path: str, tally: _Tally) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(Progress(self._done, self._total, len(tally.failed), path))


def _words(read: ReadFile) -> Mapping[str, Any]:
    return cast("Picture", read.picture).metadata.fields


def _facts(file: FolderFile, described: Metadata, known: FileFacts | None, *, root: str) -> FileFacts:
    sidecars = _fingerprint(file.sidecars) if file.sidecars else ""
    captions = known.captions if known else ""
    if described.fields:
        captions = _fingerprint(sorted(described.fields.items(), key=lambda item: item[0]))
    # of a folder that was indexed as part of another, the names of both say what is in it
    outer = known.root if known and known.root and is_below(root, known.root) else root
    return FileFacts(file.path, file.bytes, file.mtime_ns, sidecars, captions, root=outer)


def _fingerprint(description: object) -> str:
    return hashlib.sha256(repr(description).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def check_name(path: str) -> None:
    """Raise ImageUnreadable when a path is not valid UTF-8, so that no document could hold it."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        shown = path.encode("utf-8", "backslashreplace").decode()
        raise ImageUnreadable(shown, "its name is not valid UTF-8; rename the file and index it again") from None
