"""Every file of an embedded index compared with its checksum, and the parts with each other."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from hybrid_search.backends.embedded.documents.schema import EVERY, PRESENT, Schema
from hybrid_search.backends.embedded.documents.segments import damage, segment_files
from hybrid_search.backends.embedded.documents.tantivy_documents import vector_kind
from hybrid_search.backends.embedded.error_translation import guarded, reading
from hybrid_search.backends.embedded.index_folder import Folder
from hybrid_search.backends.embedded.snapshot import Snapshot
from hybrid_search.backends.embedded.vectors.hnsw_graph import open_graph
from hybrid_search.backends.embedded.vectors.vector_rows import BLOCK, CommittedRows, FileRows, blocks, read_committed
from hybrid_search.backends.embedded.vectors.vector_scan import Kind, encode
from hybrid_search.backends.integrity import Damage, IntegrityReport
from hybrid_search.errors import BackendUnavailable, FormatTooNew, IndexCorrupt

_AFFECTED = {
    "store": "what the documents say, captions and decisions too",
    "fast": "sorting, ranges, and which vectors belong to which picture",
    "del": "which documents were removed",
}
_ROWS = "vectors of {name}"


def check_folder(folder: Folder) -> IntegrityReport:
    """Read all files of an index; changes nothing.

    Raises
    ------
    IndexNotFound, FormatTooNew
        When there is none, or one of a newer version.
    """
    try:
        folder.check_format()
        damages = []
    except IndexCorrupt as error:
        damages = [Damage("format.json", error.reason, "the whole index, which is refused")]
    damages += _definition(folder)
    damages += _segments(folder)
    definition, unsummed = known_definition(folder), []
    if folder.copied_definitions() is None:
        unsummed.append("definition.json")
    for field in [] if definition is None else Schema(definition).fields.vectors():
        damages += _vectors(folder, field.name, vector_kind(field))
        committed = _committed(folder, field.name)
        if committed is not None and committed.rows and committed.sums is None:
            unsummed.append(f"vectors/{folder.vectors(field.name).name}/rows.bin")
    if definition is not None and not any(not each.harmless for each in damages):
        try:
            with guarded(folder.location), reading(folder.location):
                damages += _agreement(folder, definition)
        except IndexCorrupt:
            damages.append(Damage("tantivy/meta.json", "is damaged", "all documents: it says how to read them"))
    files = [path for path in folder.path.rglob("*") if path.is_file()]
    return IntegrityReport(folder.location, len(files), folder.bytes(), tuple(damages), unsummed=tuple(unsummed))


def known_definition(folder: Folder) -> dict[str, Any] | None:
    """Return the definition, or the copy of it where it is lost; None when both are."""
    copies = folder.copied_definitions()
    try:
        found = folder.read_definition()
    except (IndexCorrupt, BackendUnavailable):
        return copies[-1] if copies else None
    return found if not copies or found in copies else copies[-1]


def bad_blocks(rows: FileRows, committed: CommittedRows) -> list[int]:
    """Return which blocks of rows are not as they were written."""
    if committed.sums is None:
        return []
    values = rows.array(committed.rows)
    found = []
    for number in range(blocks(committed.rows)):
        block = np.ascontiguousarray(values[number * BLOCK : (number + 1) * BLOCK])
        if zlib.crc32(block.data) != committed.sums[number]:
            found.append(number)
    return found


def _definition(folder: Folder) -> Iterator[Damage]:
    affects = "all fields, what they mean and how they are searched"
    try:
        found = folder.read_definition()
    except IndexCorrupt as error:
        yield Damage("definition.json", error.reason, affects)
        return
    copies = folder.copied_definitions()
    if copies and found not in copies:
        yield Damage("definition.json", "is not as it was written", affects)
    if (folder.path / "statistics.json").exists() and not folder.statistics():
        yield Damage("statistics.json", "is not as it was written", "weights of words that are indexed later", True)


def _segments(folder: Folder) -> Iterator[Damage]:
    files = segment_files(folder.tantivy)
    if files is None:
        yield Damage("tantivy/meta.json", "is missing or damaged", "all documents: it names the files that hold them")
        return
    for name in files:
        if wrong := damage(folder.tantivy / name):
            part = name.rpartition(".")[2]
            yield Damage(f"tantivy/{name}", wrong, _AFFECTED.get(part, "searches by words and filters"))


def _committed(folder: Folder, name: str) -> CommittedRows | None:
    try:
        return read_committed(folder.vectors(name) / "committed.json")
    except (IndexCorrupt, FormatTooNew):
        return None


def _vectors(folder: Folder, name: str, kind: Kind) -> Iterator[Damage]:
    place, affects = folder.vectors(name), _ROWS.format(name=name)
    shown = f"vectors/{place.name}"
    try:
        committed = read_committed(place / "committed.json")
    except IndexCorrupt as error:
        yield Damage(f"{shown}/committed.json", error.reason, affects)
        return
    if committed is None or not committed.rows:
        return
    try:
        rows = _rows(place / "rows.bin", kind.dtype, kind.dims, committed)
    except IndexCorrupt as error:
        yield Damage(f"{shown}/rows.bin", error.reason, affects)
        return
    with closing(rows):
        bad = bad_blocks(rows, committed)
        for block in bad:
            last = min(committed.rows, (block + 1) * BLOCK)
            few = f"{affects}, rows {block * BLOCK:,} to {last:,}"
            yield Damage(f"{shown}/rows.bin", "does not have the checksum that it was written with", few)
        if kind.coded and not bad and not _codes_fit(place, kind, rows, committed):
            yield Damage(f"{shown}/codes.bin", "does not fit the vectors", f"which {affects} are found")
    graph = place / "graph.usearch"
    if graph.exists() and open_graph(graph, kind=kind, identity=committed.identity) is None:
        yield Damage(f"{shown}/graph.usearch", "is damaged, and not used", f"the speed of searches in {affects}", True)


def _rows(path: Path, dtype: DTypeLike, width: int, committed: CommittedRows) -> FileRows:
    identity, rows = committed.identity, committed.rows
    return FileRows(path, dtype=dtype, width=width, identity=identity, rows=rows, writable=False)


def _codes_fit(place: Path, kind: Kind, rows: FileRows, committed: CommittedRows) -> bool:
    """Tell whether the codes are those of the rows; where there are none they are made at the next opening."""
    if not (place / "codes.bin").exists():
        return True
    try:
        codes = _rows(place / "codes.bin", np.int8, kind.code_width, committed)
    except (IndexCorrupt, FormatTooNew):
        return False
    with closing(codes):
        there, values = codes.array(committed.rows), rows.array(committed.rows)
        starts = range(0, committed.rows, BLOCK)
        return all(np.array_equal(there[at : at + BLOCK], encode(values[at : at + BLOCK])) for at in starts)


def _agreement(folder: Folder, definition: dict[str, Any]) -> Iterator[Damage]:
    """Compare what the commit says with what is in its files."""
    from tantivy import Index

    schema = Schema(definition)
    index = Index.open(str(folder.tantivy))
    schema.register(index)
    searcher = index.searcher()
    snapshot = Snapshot(searcher, schema, lambda name: None)  # type: ignore[arg-type, return-value]
    segments = json.loads((folder.tantivy / "meta.json").read_bytes())["segments"]
    everything = snapshot.term(PRESENT, EVERY)
    written, living = sum(segment["max_doc"] for segment in segments), snapshot.count(everything)
    if index.schema != schema.tantivy:
        yield Damage("tantivy/meta.json", "has other fields than definition.json", "searches by these fields")
    elif (searcher.doc_freq(PRESENT, EVERY), searcher.num_docs) != (written, living):
        yield Damage("tantivy/meta.json", "counts other documents than there are", "numbers of documents")
    for field in schema.fields.vectors():
        committed = _committed(folder, field.name)
        found = snapshot.ordered(everything, f"{field.name}#row", limit=1, descending=True)
        named = -1 if not found or found[0][0] is None else int(found[0][0])
        if named >= (committed.rows if committed else 0):
            name = f"vectors/{folder.vectors(field.name).name}"
            reason = f"documents name {named + 1:,} vectors, {committed.rows if committed else 0:,} are there"
            yield Damage(f"{name}/committed.json", reason, _ROWS.format(name=field.name))
