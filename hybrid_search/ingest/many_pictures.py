"""Many pictures that a caller hands over: decoded side by side, embedded together, written in batches."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import cast

from hybrid_search.backends import Action, Backend, Outcome
from hybrid_search.backends.optimistic_update import Change, change_document, in_turn
from hybrid_search.document.document import FileFacts, build_source, caption_text
from hybrid_search.document.index_embedders import EmbedderSet
from hybrid_search.document.picture import Picture, read_picture
from hybrid_search.errors import BulkError, HybridSearchError, ImageUnreadable, MappingMismatch
from hybrid_search.images import Source, read_source
from hybrid_search.ingest.batches import Batches, Embedded, ReadFile, read_of
from hybrid_search.ingest.caller_metadata import caller_metadata
from hybrid_search.ingest.caption_embedding import CaptionEmbedding
from hybrid_search.ingest.input_items import Item as Item
from hybrid_search.ingest.one_picture import check_id, file_facts, replacement, take_paths
from hybrid_search.ingest.own_fields import fit_each
from hybrid_search.ingest.picture_embedding import PictureEmbedding
from hybrid_search.ingest.report import Failure, IngestOptions, IngestReport, Progress
from hybrid_search.metadata import Metadata

_CREATED, _CONFLICT = 201, 409  # HTTP status codes


def add_pictures(
    backend: Backend,
    embedders: EmbedderSet,
    items: Iterable[Item | ImageUnreadable],
    *,
    options: IngestOptions,
    ahead: bool = True,
    total: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Index pictures, each as `add_picture` would, and say what became of them; `ids` are in the order of the items.

    Parameters
    ----------
    backend : Backend
    embedders : EmbedderSet
    items : iterable of Item
        Taken as they are needed, some batches ahead; for one that is no picture, the reason.
    options : IngestOptions
        Sizes, limits, and what to do with pictures that cannot be used.
    ahead : bool
        Whether files stay as they are after the item is given; otherwise they are read at once.
    total : int, optional
        How many items there are, where that is known.
    progress : callable, optional
        Told of every item that is done.

    Raises
    ------
    HybridSearchError
        For the first picture that cannot be used, when `on_error` is "raise".
    """
    backend.bulk([])  # an index that another writes is told of before the work, not after it
    return _AddRun(backend, embedders, options=options, ahead=ahead, total=total, progress=progress).of(items)


@dataclass(frozen=True)
class _Numbered(ReadFile):
    """A picture with its place among the items; `id` is what its document is to be called."""

    number: int = 0

    @property
    def name(self) -> str:
        """What a failure is reported by."""
        return self.facts.path or f"item {self.number + 1}"


_Taken = tuple[int, str, "Future[_Numbered] | HybridSearchError"]


class _AddRun:
    def __init__(
        self,
        backend: Backend,
        embedders: EmbedderSet,
        *,
        options: IngestOptions,
        ahead: bool,
        total: int | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._backend, self._options = backend, options
        self._ahead, self._total, self._progress = ahead, total, progress
        self._embedding, self._captions = PictureEmbedding(embedders.for_images()), embedders.for_captions()
        self._wording = CaptionEmbedding(self._captions)
        self._workers = options.workers or os.cpu_count() or 1
        self._ids: list[str | None] = []
        self._failed: dict[int, Failure] = {}
        self._added = self._updated = self._uncommitted = 0
        self._paths: set[str] = set()

    def of(self, items: Iterable[Item | ImageUnreadable]) -> IngestReport:
        start = time.perf_counter()
        batches = Batches(self._embedding, self._options.batch_size)
        try:
            for read in self._reads(items):
                batches.add(read)
                if batches.full:
                    self._write(batches.turn())
            for _ in range(2):
                self._write(batches.turn())
        except (KeyboardInterrupt, HybridSearchError):
            self._write(batches.land())
            raise
        finally:
            batches.close()
            self._backend.refresh()
        failed = tuple(self._failed[number] for number in sorted(self._failed))
        seconds = time.perf_counter() - start
        return IngestReport(self._added, self._updated, failed=failed, seconds=seconds, ids=tuple(self._ids))

    def _reads(self, items: Iterable[Item | ImageUnreadable]) -> Iterator[_Numbered]:
        """Read and decode in worker threads, a bounded number ahead, and hand over in the order of the items."""
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="hybrid-search-read")
        pending: deque[_Taken] = deque()
        window = self._options.batch_size + 2 * self._workers
        try:
            for number, item in enumerate(items):
                self._ids.append(None)
                pending.append(self._taken(number, item, pool))
                if len(pending) >= window and (read := self._landed(*pending.popleft())):
                    yield read
            while pending:
                if read := self._landed(*pending.popleft()):
                    yield read
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _taken(self, number: int, item: Item | ImageUnreadable, pool: ThreadPoolExecutor) -> _Taken:
        """Take over an item: what may change once the next is asked for is read now, all else by the workers."""
        if isinstance(item, ImageUnreadable):
            return number, str(item.path), item
        name = str(item.image) if isinstance(item.image, (str, os.PathLike)) else f"item {number + 1}"
        try:
            here = file_facts(item.image)
            name = here.path if here else name
            check_id(item.id)
            described = caller_metadata(item.metadata)
            source = None if self._stays(item, here) else read_source(item.image, limits=self._options.limits)
            if source is not None and source.pixels is not None:
                source = replace(source, pixels=source.pixels.copy())
        except HybridSearchError as error:
            return number, name, error
        self._embedding.load()
        return number, name, pool.submit(self._read, number, item, here, source, described)

    def _stays(self, item: Item, here: FileFacts | None) -> bool:
        """Tell whether a picture is the same when it is read later: bytes and URLs are, and files of a list."""
        if here is not None and here.is_file:
            return self._ahead
        return isinstance(item.image, (str, bytes, os.PathLike))

    def _read(
        self, number: int, item: Item, here: FileFacts | None, source: Source | None, described: Metadata
    ) -> _Numbered:
        limits, embedding = self._options.limits, self._embedding
        source = source or read_source(item.image, limits=limits)
        picture = read_picture(source, min_side=embedding.min_side, described=described, limits=limits)
        pixels = embedding.ready(picture.prepared.image)
        id = item.id or picture.sha256
        return _Numbered(here or FileFacts(""), id, picture.metadata, picture, pixels, number=number)

    def _landed(self, number: int, name: str, taken: Future[_Numbered] | HybridSearchError) -> _Numbered | None:
        read = taken if isinstance(taken, HybridSearchError) else read_of(taken, name)
        if isinstance(read, HybridSearchError):
            self._fail(number, name, read)
            return None
        return read

    def _write(self, batch: list[Embedded]) -> None:
        reads = [cast("_Numbered", read) for read, _, _ in batch]
        fitting = fit_each(self._backend, [read.metadata for read in reads])
        good: list[tuple[_Numbered, Embedded]] = []
        for read, (_, vectors, labels), (metadata, problems) in zip(reads, batch, fitting, strict=True):
            if problems:
                self._fail(read.number, read.name, problems[0])
                continue
            whole = replace(read, metadata=metadata, picture=replace(cast("Picture", read.picture), metadata=metadata))
            good.append((whole, (whole, vectors, labels)))
        self._wording.read(caption_text(read.metadata.fields) for read, _ in good)
        self._take_paths([read for read, _ in good])
        for read, outcome in self._submitted(good):
            if outcome.error is not None:
                self._fail(read.number, read.name, BulkError([(read.id, outcome.error)]))
                continue
            self._ids[read.number] = read.id
            self._added += outcome.status == _CREATED
            self._updated += outcome.status != _CREATED
            self._advance(read.facts.path)

    def _submitted(self, good: list[tuple[_Numbered, Embedded]]) -> Iterator[tuple[_Numbered, Outcome]]:
        """Write new documents together, and those that are there already one by one, with all copies of a batch."""
        actions, changes = [], []
        for read, (_, found, labels) in good:
            picture, here = cast("Picture", read.picture), read.facts if read.facts.path else None
            vectors = {**found, **self._wording.vectors(read.metadata.fields)}
            source = build_source(picture, files=[here] if here else [], embeddings=vectors, labels=labels)
            actions.append(Action("create", read.id, source))
            changes.append(
                replacement(picture, read.id, here=here, vectors=vectors, labels=labels, words=self._captions)
            )
        written = self._backend.bulk(actions) if actions else []
        known: dict[str, list[tuple[_Numbered, Change]]] = {}
        for (read, _), outcome, change in zip(good, written, changes, strict=True):
            if outcome.status == _CONFLICT:
                known.setdefault(read.id, []).append((read, change))
            else:
                yield read, outcome
        for id, copies in known.items():
            outcome = change_document(self._backend, id, in_turn([change for _, change in copies]), vectors=True)
            yield from ((read, outcome) for read, _ in copies)
        self._uncommitted += len(actions)
        if self._uncommitted >= self._options.commit_size:
            self._backend.refresh()
            self._uncommitted, self._paths = 0, set()

    def _take_paths(self, reads: Iterable[_Numbered]) -> None:
        owners: dict[str, set[str]] = {}
        for read in reads:
            if read.facts.is_file:
                owners.setdefault(read.facts.path, set()).update((read.id, cast("Picture", read.picture).sha256))
        if not self._paths.isdisjoint(owners):
            # what this run has written of these paths is to be found
            self._backend.refresh()
        self._paths.update(owners)
        take_paths(self._backend, owners)

    def _fail(self, number: int, name: str, error: HybridSearchError) -> None:
        if self._options.on_error == "raise":
            raise error
        # of a file the line names it already, of a field the reason does not
        reason = str(error) if isinstance(error, MappingMismatch) else str(getattr(error, "reason", error))
        self._failed[number] = Failure(name, reason)
        self._advance(name)

    def _advance(self, name: str) -> None:
        if self._progress is not None:
            done = self._added + self._updated + len(self._failed)
            self._progress(Progress(done, self._total, len(self._failed), name))
