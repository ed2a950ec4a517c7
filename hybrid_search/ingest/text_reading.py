"""Text inside pictures that are indexed already: read from their files while the index is used."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from hybrid_search.backends import Action, Backend, Outcome, Stored
from hybrid_search.backends.optimistic_update import Change, change_document
from hybrid_search.embedders.onnx_session import processors
from hybrid_search.errors import MappingMismatch
from hybrid_search.errors.remedies import MIGRATE
from hybrid_search.images import DEFAULT_LIMITS, Limits, Source, decode
from hybrid_search.ingest.report import Failure, Progress
from hybrid_search.ingest.stored_pictures import ReadPicture, read_stored
from hybrid_search.ocr.text_line import TextLine, text_fields
from hybrid_search.ocr.text_reader import MIN_SIDE, TextReader

if TYPE_CHECKING:
    from PIL import Image

    from hybrid_search.query.index_state import IndexState

_BATCH = 8
"""Pictures that are read before they are written: what an interruption loses, up to a second's work of each thread."""
_COMMIT = 128
_EMPTIED = {"text_in_picture": None, "text_lines": None}
"""What an update takes away of an earlier reading; it leaves alone what it does not name."""
Lines = tuple[TextLine, ...]
IdAndSource = tuple[str, Mapping[str, Any]]


class Reader(Protocol):
    """What reads the text inside a picture, as `TextReader` does."""

    @property
    def version(self) -> str:
        """What reads, and how."""

    def read(self, image: Image.Image) -> Lines:
        """Return the lines of text of an upright image."""


@dataclass(frozen=True)
class TextReport:
    """What became of every picture whose text was to be read.

    Parameters
    ----------
    read : int
        Pictures that were looked at; they are marked, so that they are not looked at again.
    with_text : int
        Of these, pictures with text inside.
    failed : tuple of Failure
        Pictures whose files are away, have other bytes now, or cannot be decoded.
    seconds : float
        Wall time.
    """

    read: int = 0
    with_text: int = 0
    failed: tuple[Failure, ...] = ()
    seconds: float = 0.0


def read_text_of(
    index: IndexState, *, again: bool, workers: int | None, progress: Callable[[Progress], None] | None
) -> TextReport:
    """Read the text inside the pictures of an index; see `HybridIndex.read_text`."""
    reader = TextReader()
    index.see_own_writes()
    return read_text(index.backend, reader, again=again, limits=index.limits, workers=workers, progress=progress)


def read_text(
    backend: Backend,
    reader: Reader,
    *,
    again: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> TextReport:
    """Read the text inside every picture that was not read yet, and keep it in the documents.

    Searches and other writers go on meanwhile; a run that was interrupted goes on where it ended, since documents say
    that their pictures were read, also of those without text. Pictures whose files have vanished wait until these are
    back.

    Parameters
    ----------
    backend : Backend
    reader : Reader
    again : bool
        Also read pictures that another version of the reader has read.
    limits : Limits
        The largest picture that is accepted.
    workers : int, optional
        Pictures read at once; by default one for each processor.
    progress : callable, optional
        Called with a `Progress` after every batch.

    Raises
    ------
    MappingMismatch
        When the index was made by a version that did not read text; nothing is read.
    """
    if "text_read_by" not in backend.definition()["mappings"]["properties"]:
        remedy = MIGRATE + " brings it up to date"
        raise MappingMismatch("text_in_picture", "the index was made before text inside pictures was read", remedy)
    started, query = time.perf_counter(), _unread(reader.version, again=again)
    total, failed, read, with_text, uncommitted = backend.count(query), list[Failure](), 0, 0, 0
    documents = backend.scan(query, fields=("path", "sha256"))
    reading = _reading(reader, limits)
    pool = ThreadPoolExecutor(workers or processors(), thread_name_prefix="hybrid-search-ocr")
    try:
        while batch := list(islice(documents, _BATCH)):
            pictures = list(pool.map(lambda found: read_stored(found[0], found[1], reading, limits=limits), batch))
            problems = _write(backend, pictures, reader.version, before=_EMPTIED if again else {})
            failed += problems
            read += len(batch) - len(problems)
            with_text += sum(bool(picture.made) for picture in pictures)
            uncommitted += len(batch)
            if uncommitted >= _COMMIT:
                backend.refresh()
                uncommitted = 0
            if progress is not None:
                progress(Progress(read + len(failed), total, len(failed), pictures[-1].path))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        # whatever ends the run, what was read before is kept
        backend.refresh()
    return TextReport(read, with_text, tuple(failed), time.perf_counter() - started)


def _unread(version: str, *, again: bool) -> dict[str, Any]:
    done = {"term": {"text_read_by": version}} if again else {"exists": {"field": "text_read_by"}}
    return {"bool": {"must_not": [done, {"term": {"missing": True}}]}}


def _reading(reader: Reader, limits: Limits) -> Callable[[Source], Lines]:
    return lambda source: reader.read(decode(source, min_side=MIN_SIDE, limits=limits).image)


def _write(
    backend: Backend, pictures: Sequence[ReadPicture[Lines]], version: str, *, before: Mapping[str, Any]
) -> list[Failure]:
    """Keep what was read, and return the pictures that failed, each with the reason."""
    fields = {
        picture.id: {**before, **text_fields(picture.made, read_by=version)}
        for picture in pictures
        if picture.made is not None
    }
    own = {picture.id for picture in pictures if picture.id == picture.sha256}
    outcomes = _submitted(backend, (Action("update", id, fields[id]) for id in fields if id in own))
    # an id that a caller gave may stand for other bytes by now
    outcomes += [
        change_document(backend, picture.id, _of_same_bytes(picture, fields[picture.id]))
        for picture in pictures
        if picture.id in fields and picture.id not in own
    ]
    # a document that was removed meanwhile needs nothing
    refused = {outcome.id: outcome.error for outcome in outcomes if outcome.error is not None and outcome.status != 404}
    problems = ((picture.path, picture.failure or refused.get(picture.id, "")) for picture in pictures)
    return [Failure(path, problem) for path, problem in problems if problem]


def _submitted(backend: Backend, actions: Iterable[Action]) -> list[Outcome]:
    listed = list(actions)
    return backend.bulk(listed) if listed else []


def _of_same_bytes(picture: ReadPicture[Lines], fields: Mapping[str, Any]) -> Change:
    def change(stored: Stored | None) -> Action | None:
        if stored is None or stored.source.get("sha256") != picture.sha256:
            return None
        return Action("update", "", fields)

    return change
