"""What can be made again of a damaged index, without a loss that is not said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from itertools import islice
from typing import Any

from hybrid_search.backends import Action
from hybrid_search.backends.embedded.documents.schema import Schema
from hybrid_search.backends.embedded.documents.tantivy_documents import vector_kind, with_vectors
from hybrid_search.backends.embedded.index_folder import Folder
from hybrid_search.backends.embedded.integrity_check import bad_blocks, check_folder, known_definition
from hybrid_search.backends.embedded.new_version import new_version
from hybrid_search.backends.embedded.salvage import SalvagedDocument, salvage
from hybrid_search.backends.embedded.vectors.vector_rows import (
    BLOCK,
    HEADER_BYTES,
    CommittedRows,
    FileRows,
    read_committed,
    sums_of,
    write_header,
)
from hybrid_search.backends.embedded.vectors.vector_scan import Kind
from hybrid_search.backends.integrity import IntegrityReport
from hybrid_search.errors import IndexCorrupt

_TOGETHER = 500
"""Documents that are written at once; chosen, not measured."""


def repair_folder(folder: Folder) -> IntegrityReport:
    """Check an index and mend what is damaged; the damaged files are kept beside it where documents were read anew.

    Raises
    ------
    IndexLocked
        When another process is writing.
    IndexCorrupt
        When the definition is lost with its copy, so that nothing says what the fields mean.
    """
    found = check_folder(folder)
    folder.lock()
    try:
        damaged = [each.file for each in found.damages]
        if not damaged:
            return found
        done = [*_small_files(folder, damaged), *_derived(folder, damaged)]
        left = check_folder(folder)
        if all(each.harmless for each in left.damages):
            return replace(left, repaired=tuple(done))
        trusted = not any(each.file == "tantivy/meta.json" for each in left.damages)
        return _written_anew(folder, done, trusted=trusted)
    finally:
        folder.unlock()


def _small_files(folder: Folder, damaged: list[str]) -> Iterator[str]:
    definition = known_definition(folder)
    if definition is None:
        raise IndexCorrupt(
            folder.location,
            "definition.json is lost, and so is the copy of it",
            "restore that file from a backup, or from another index of the same embedders; all else is kept as it is",
        )
    if "definition.json" in damaged:
        folder.write_definition(definition)
        yield "definition.json was restored from its copy"
    if "format.json" in damaged:
        folder.complete()
        yield "format.json was written again"
    if "statistics.json" in damaged:
        (folder.path / "statistics.json").unlink()
        yield "statistics.json was removed; it is counted anew"


def _derived(folder: Folder, damaged: list[str]) -> Iterator[str]:
    """Mend what follows from other files: counts and heads of rows, codes, graphs."""
    for field in Schema(folder.read_definition()).fields.vectors():
        place, kind = folder.vectors(field.name), vector_kind(field)
        shown = f"vectors/{place.name}"
        if f"{shown}/committed.json" in damaged and (identity := _identity(place)):
            rows = (place.joinpath("rows.bin").stat().st_size - HEADER_BYTES) // (kind.dtype.itemsize * kind.dims)
            _count_again(place, kind, CommittedRows(identity, rows))
            yield f"{shown}/committed.json was counted again: {rows:,} vectors"
        elif f"{shown}/rows.bin" in damaged:
            committed = read_committed(place / "committed.json")
            with suppress(OSError):
                if committed and write_header(place / "rows.bin", kind.dtype, kind.dims, committed.identity):
                    yield f"the head of {shown}/rows.bin was written again"
        for name in ("codes.bin", "graph.usearch"):
            if f"{shown}/{name}" in damaged:
                (place / name).unlink()
                yield f"{shown}/{name} is made again of the vectors at the next use"


def _identity(place: Any) -> str | None:
    try:
        data: bytes = (place / "rows.bin").read_bytes()[:HEADER_BYTES]
    except OSError:
        return None
    return data[20:36].hex() if data.startswith(b"HSVECTOR") and len(data) == HEADER_BYTES else None


def _count_again(place: Any, kind: Kind, committed: CommittedRows) -> None:
    path = place / "rows.bin"
    rows = FileRows(
        path, dtype=kind.dtype, width=kind.dims, identity=committed.identity, rows=committed.rows, writable=False
    )
    with closing(rows):
        replace(committed, sums=sums_of(rows.array(committed.rows))).save(place / "committed.json")


def _written_anew(folder: Folder, done: list[str], *, trusted: bool) -> IntegrityReport:
    """Write all documents that can be read into a new version, with those of their vectors that are sound."""
    definition = folder.read_definition()
    schema = Schema(definition)
    readers = {field.name: _reader(folder, field.name, vector_kind(field)) for field in schema.fields.vectors()}
    lost, incomplete, kept = 0, set[str](), folder.free_place()
    sound: dict[str, bool] = {}

    def actions() -> Iterator[Action]:
        nonlocal lost
        for document in salvage(folder, schema, trusted=trusted):
            if document is None:
                lost += 1
                continue
            if not (document.sound and sound.get(document.id, True)) and document.id in sound:
                lost += 1  # a damaged id became another's, and one document takes the place of two
            sound[document.id] = document.sound
            source, whole = _with_vectors(document, readers)
            (incomplete.discard if whole and document.sound else incomplete.add)(document.id)
            yield Action("index", document.id, source)

    with new_version(folder, definition, keep=kept) as new:
        written = actions()
        while batch := list(islice(written, _TOGETHER)):
            refused = [outcome for outcome in new.bulk(batch) if outcome.error is not None]
            lost += len(refused)
            incomplete.difference_update(outcome.id for outcome in refused)
        new.refresh()
        count = new.count()
    done.append(f"{count:,} documents were read from what is left, and written anew")
    after = check_folder(folder)
    return replace(after, repaired=tuple(done), incomplete=tuple(sorted(incomplete)), lost=lost, kept=str(kept))


def _with_vectors(document: SalvagedDocument, readers: dict[str, Callable[[int], Any]]) -> tuple[dict[str, Any], bool]:
    """Return a document with its sound vectors, and whether these are all that it had."""
    if document.rows is None:
        return document.source, False
    vectors = {name: readers[name](row) for name, row in document.rows.items()}
    sound = {name: row for name, row in document.rows.items() if vectors[name] is not None}
    whole = with_vectors(document.source, sound, read=lambda name, row: vectors[name])
    return whole, len(sound) == len(document.rows)


def _reader(folder: Folder, name: str, kind: Kind) -> Callable[[int], Any]:
    """Return what reads one row, None where it cannot be trusted."""
    place = folder.vectors(name)
    try:
        committed = read_committed(place / "committed.json")
        if committed is None:
            return lambda row: None
        rows = FileRows(
            place / "rows.bin",
            dtype=kind.dtype,
            width=kind.dims,
            identity=committed.identity,
            rows=0 if not committed.rows else committed.rows,
            writable=False,
        )
    except IndexCorrupt:
        return lambda row: None
    bad, values = set(bad_blocks(rows, committed)), rows.array(committed.rows)
    rows.close()

    def read(row: int) -> Any:
        if row >= len(values) or row // BLOCK in bad:
            return None
        return values[row].astype("f4" if kind.element_type == "float" else "i1")

    return read
