"""Documents read from what is left of an index: the stored ones, segment by segment, without any other file.

tantivy opens a segment with all its files or not at all. What is damaged or lost of it is replaced by the file of a
segment with one empty document, so that the documents, and where it is sound the column of rows, can still be read.
"""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid_search.backends.embedded.documents.schema import ID, SEQUENCE, Schema
from hybrid_search.backends.embedded.documents.segments import PARTS, damage
from hybrid_search.backends.embedded.documents.tantivy_documents import read_source
from hybrid_search.backends.embedded.error_translation import reading
from hybrid_search.backends.embedded.index_folder import Folder
from hybrid_search.backends.embedded.orphan_files import named_files
from hybrid_search.errors import IndexCorrupt

if TYPE_CHECKING:
    import tantivy

_MOST = 1 << 31
"""More documents than a segment has: how many there are says a commit alone, which may be lost."""


@dataclass(frozen=True)
class SalvagedDocument:
    """A document that could be read.

    Parameters
    ----------
    rows : dict or None
        Rows of its vectors by field; None where that is not known any more.
    sound : bool
        Whether the file that it was read from is as it was written.
    """

    id: str
    source: dict[str, Any]
    rows: dict[str, int] | None
    sound: bool


@dataclass(frozen=True)
class _Segment:
    name: str
    documents: int | None
    deletions: int | None


def salvage(folder: Folder, schema: Schema, *, trusted: bool) -> Iterator[SalvagedDocument | None]:
    """Give what can be read of every document, None for each that cannot; of one with several versions the last last.

    Parameters
    ----------
    folder : Folder
        The caller holds its lock.
    schema : Schema
    trusted : bool
        Whether the last commit can be believed; otherwise all files are read of which there are documents.
    """
    with tempfile.TemporaryDirectory(prefix="hybrid-search-") as name, _quiet():
        blank = _blank(Path(name) / "blank", schema)
        segments = list(_segments(folder.tantivy, trusted=trusted))
        # of documents that are there twice, those that can be trusted are to win
        for segment in sorted(segments, key=lambda each: damage(folder.tantivy / f"{each.name}.store") is None):
            yield from _documents(folder.tantivy, segment, schema, blank, Path(name) / segment.name)


def _segments(tantivy: Path, *, trusted: bool) -> Iterator[_Segment]:
    """Give the segments of the last commit, or where it is lost all of which there are documents."""
    named = named_files(tantivy)
    if named is not None and trusted and all((tantivy / f"{name}.store").exists() for name in named):
        for segment in json.loads((tantivy / "meta.json").read_bytes())["segments"]:
            name = uuid.UUID(segment["segment_id"]).hex
            yield _Segment(name, int(segment["max_doc"]), _deletions(tantivy, name, named[name]))
        return
    for store in sorted(tantivy.glob("*.store"), key=lambda path: path.stat().st_mtime_ns):
        yield _Segment(store.stem, None, _deletions(tantivy, store.stem, None))


def _deletions(tantivy: Path, name: str, said: int | None) -> int | None:
    """Return the number of the deletions that hold: those that the commit names, else the last that are there."""
    numbers = [int(path.name.split(".")[1]) for path in tantivy.glob(f"{name}.*.del")]
    return said if said in numbers else max(numbers, default=None)


def _documents(
    tantivy: Path, segment: _Segment, schema: Schema, blank: Path, place: Path
) -> Iterator[SalvagedDocument | None]:
    sound = {part: damage(tantivy / f"{segment.name}.{part}") is None for part in PARTS}
    removed = _removed(tantivy, segment)
    unreadable = [None] * max(0, (segment.documents or 0) - len(removed))
    if not (tantivy / f"{segment.name}.store").exists():
        yield from unreadable
        return
    try:
        searcher = _opened(tantivy, segment, schema, blank, place, sound)
    except (IndexCorrupt, ValueError):
        yield from unreadable
        return
    failures = 0
    for number in range(segment.documents or _MOST):
        if number in removed:
            continue
        found = _document(searcher, number, schema, fast=sound["fast"], sound=sound["store"])
        failures = 0 if found else failures + 1
        if segment.documents is None and failures:
            return
        yield found


def _opened(
    tantivy: Path, segment: _Segment, schema: Schema, blank: Path, place: Path, sound: dict[str, bool]
) -> tantivy.Searcher:
    from tantivy import Index

    place.mkdir()
    for part in PARTS:
        own = tantivy / f"{segment.name}.{part}"
        taken = own if part == "store" or (part == "fast" and sound[part]) else next(blank.glob(f"*.{part}"))
        os.symlink(os.path.abspath(taken), place / own.name)
    meta = json.loads((blank / "meta.json").read_bytes())
    facts = {"segment_id": str(uuid.UUID(segment.name)), "max_doc": segment.documents or _MOST, "deletes": None}
    (place / "meta.json").write_text(json.dumps({**meta, "segments": [facts]}))
    with reading(str(tantivy)):
        index = Index.open(str(place))
        schema.register(index)
        return index.searcher()


def _document(
    searcher: tantivy.Searcher, number: int, schema: Schema, *, fast: bool, sound: bool
) -> SalvagedDocument | None:
    from tantivy import DocAddress

    address = DocAddress(0, number)
    try:
        with reading(""):
            native = searcher.doc(address)
            source = read_source(native)
            rows = None
            if fast:
                fields = [field.name for field in schema.fields.vectors()]
                numbers = [searcher.fast_field_values(f"{name}#row", [address])[0] for name in fields]
                rows = {name: int(row) for name, row in zip(fields, numbers, strict=True) if row is not None}
            id = native.get_first(ID)
    except (IndexCorrupt, ValueError, TypeError, OverflowError):
        return None
    return SalvagedDocument(str(id), source, rows, sound) if isinstance(id, str) and isinstance(source, dict) else None


def _removed(tantivy: Path, segment: _Segment) -> set[int]:
    """Return the numbers of removed documents: a file of deletions is a count and one bit for each that is there."""
    path = tantivy / f"{segment.name}.{segment.deletions}.del"
    if segment.deletions is None or damage(path) is not None:
        return set()
    data = path.read_bytes()
    count = int.from_bytes(data[:4], "little")
    words = np.frombuffer(data, dtype=np.uint8, offset=4, count=-(-count // 64) * 8)
    return set(np.flatnonzero(np.unpackbits(words, bitorder="little")[:count] == 0).tolist())


def _blank(place: Path, schema: Schema) -> Path:
    """Make an index with one empty document."""
    from tantivy import Document, Index

    place.mkdir()
    index = Index(schema.tantivy, str(place))
    schema.register(index)
    writer = index.writer(15_000_000, 1)
    document = Document()
    document.add_unsigned(SEQUENCE, 0)
    writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    return place


@contextmanager
def _quiet() -> Iterator[None]:
    """Send what tantivy writes to stderr when it panics over damaged files nowhere; only a repair does this."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
