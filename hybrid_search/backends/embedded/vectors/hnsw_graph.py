"""The graph of a field: usearch's HNSW over the rows, derived from them, measured, and never trusted blindly.

Yu. Malkov and D. Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small
World graphs", 2016, as implemented by usearch. The graph is over the 8-bit codes of float rows (half the bytes of
float16, and faster) or over byte rows as they are; whatever it finds is scored again from the rows.

How well a graph finds the nearest rows depends on the data and on the query. Over embeddings of photographs 128
candidates find 99.7 % for another photograph, and only 80 % for the sum of two, which needs 1,000; over vectors without
any structure (random ones) 1,600 candidates find two thirds. So each time the graph has grown, it is calibrated: rows
are asked for before they are added, and sums of two rows, and what is kept is the smallest expansion that finds 99.5 %
of their true nearest, how near those are, and what a search costs. A graph that does not get there is not used, nor is
one that finds nothing as near for a query (one from another space, such as the embedding of a text).

File: usearch's own format, then a JSON object (which rows it covers, calibration, checksum), then its length and a
magic. It is replaced as a whole, so whoever has the old one mapped keeps it.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import time
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends.embedded.vectors.usearch_import import usearch_index
from hybrid_search.backends.embedded.vectors.vector_rows import storage, sync_folder
from hybrid_search.backends.embedded.vectors.vector_scan import Kind, RowSnapshot, best, encode, exact, scan, split
from hybrid_search.errors import StorageFull

_FORMAT = 1
_MAGIC = b"HSGRAPH\n"
_TAIL = struct.Struct("<Q8s")
_CONNECTIVITY = 16
_EXPANSION_ADD = 128
"""usearch's defaults."""
_BATCH = 1024
"""Rows that are added at once; chosen, not measured."""
_SHALLOW, _DEEP = 10, 100
"""Depths at which recall is measured; chosen."""
_LADDER = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
"""Expansions that are tried, each a third or a half above the one before."""
_RECALL = 0.995
"""Share of the true nearest that an expansion must find; chosen."""
_QUERIES = 64
"""Rows held out at most, with half as many sums of two; chosen, not measured."""
_FAMILIAR = 0.05
"""Share of the held-out rows that have their tenth nearest farther than a query may; chosen."""
# A graph that costs this many scans now may still pay when there are that many times the rows.
_WORTH = 4


@dataclass(frozen=True)
class Calibration:
    """What the graph was measured to need and to cost.

    Parameters
    ----------
    shallow, deep : int
        The expansion that finds 99.5 % of the nearest 10, 100; 0 when none tried does at less than a scan's cost.
    familiar : float
        How close the tenth nearest row is at least, for nineteen of twenty rows.
    expansion_s : float
        Seconds per unit of expansion of one search.
    row_s : float
        Seconds per row of one scan.
    """

    shallow: int
    deep: int
    familiar: float
    expansion_s: float
    row_s: float

    def expansion(self, depth: int) -> int:
        """Return the expansion that finds the nearest `depth` rows; 0 when the graph cannot be trusted with it."""
        if depth <= _SHALLOW:
            return self.shallow
        return -(-self.deep * max(depth, _DEEP) // _DEEP)

    def covers(self, closeness: NDArray[np.float64]) -> bool:
        """Tell by what was found whether the query is one of those that the graph was measured with."""
        if len(closeness) < _SHALLOW:
            return False
        return bool(np.partition(closeness, -_SHALLOW)[-_SHALLOW] >= self.familiar)

    def depth(self, expansion: int) -> int:
        """Return how many of the nearest rows a search with this expansion finds."""
        if self.deep and expansion >= self.deep:
            return expansion * _DEEP // self.deep
        return _SHALLOW if self.shallow and expansion >= self.shallow else 0


@dataclass(frozen=True)
class HnswGraph:
    """A graph that is no longer changed.

    Parameters
    ----------
    covered : int
        Rows 0 … covered are in it, or were left out because no document named them.
    keys : int
        Rows in it.
    """

    identity: str
    covered: int
    keys: int
    calibration: Calibration
    kind: Kind
    index: Any
    buffer: Any
    """The bytes that `index` looks at: usearch keeps no reference to them."""
    stamp: tuple[int, int, int] | None
    """Inode, size and time of the file, None in memory."""

    def nearest(self, query: NDArray[Any], expansion: int) -> NDArray[np.int64]:
        """Return about `expansion` rows near the query, nearest first by the graph's own 8-bit distance."""
        found = self.index.search(_asked(self.kind, query), min(expansion, self.keys), threads=1)
        return np.asarray(found.keys).astype(np.int64)

    def bytes(self) -> int:
        """Return the bytes that the graph takes, the copy of the codes in it included."""
        return len(self.buffer)


def _new_index(kind: Kind, *, lists_keys: bool) -> Any:
    if kind.coded:
        metric, dtype = "cos", "i8"
    else:
        metric = {"dot_product": "ip", "l2_norm": "l2sq", "cosine": "cos"}[kind.similarity]
        dtype = "f16" if kind.element_type == "float" else "i8"
    return usearch_index().Index(
        ndim=kind.dims,
        metric=metric,
        dtype=dtype,
        connectivity=_CONNECTIVITY,
        expansion_add=_EXPANSION_ADD,
        enable_key_lookups=lists_keys,
    )


def _asked(kind: Kind, query: NDArray[Any]) -> NDArray[Any]:
    if not kind.coded:
        return query.astype(kind.dtype)
    return np.ascontiguousarray(split(encode(query.reshape(1, -1)))[0][0])


def stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what tells one file at a path from the next; None when there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def open_graph(path: Path, *, kind: Kind, identity: str) -> HnswGraph | None:
    """Map the graph of these rows; None when there is none, or it is damaged or of other rows or format."""
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (FileNotFoundError, ValueError):
        return None
    facts = _facts(mapped)
    if facts is None or facts["identity"] != identity or facts["format"] != _FORMAT:
        return None
    payload = memoryview(mapped)[: facts["bytes"]]
    if zlib.crc32(payload) != facts["crc32"]:
        return None
    index = _new_index(kind, lists_keys=False)
    index.view(payload)
    return HnswGraph(
        identity=identity,
        covered=facts["covered"],
        keys=len(index),
        calibration=Calibration(**facts["calibration"]),
        kind=kind,
        index=index,
        buffer=payload,
        stamp=(found.st_ino, found.st_size, found.st_mtime_ns),
    )


def _facts(mapped: mmap.mmap) -> dict[str, Any] | None:
    end = len(mapped) - _TAIL.size
    if end < 0:
        return None
    length, magic = _TAIL.unpack(mapped[end:])
    if magic != _MAGIC or length > end:
        return None
    text = mapped[end - length : end]
    try:
        facts: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    return facts if facts.get("bytes") == end - length else None


def grow(
    old: HnswGraph | None, snapshot: RowSnapshot, *, identity: str, rows: NDArray[np.int64], path: Path | None
) -> HnswGraph:
    """Make a graph of the old one and more rows, calibrate it, and save it when there is a path.

    Parameters
    ----------
    old : HnswGraph or None
        Left as it is: searches go on in it meanwhile.
    snapshot : RowSnapshot
        All rows that the graph then covers.
    rows : (n,) int64
        The rows to add; n ≥ 1.

    Raises
    ------
    StorageFull
        When there is no space to save it; the old file stays.
    """
    index, covered = _new_index(snapshot.kind, lists_keys=True), len(snapshot)
    if old is not None:
        index.load(old.buffer)
    random = np.random.default_rng(covered)
    held = np.zeros(len(rows), dtype=bool)
    held[random.choice(len(rows), size=min(_QUERIES, len(rows) // 2), replace=False)] = True
    source = snapshot.rows if snapshot.codes is None else split(snapshot.codes)[0]
    _add(index, source, rows[~held])
    calibration = _calibrate(index, snapshot, rows[held], random)
    _add(index, source, rows[held])
    if path is None:
        buffer = index.save(None)
        index = _new_index(snapshot.kind, lists_keys=False)
        index.view(buffer)
        return HnswGraph(identity, covered, len(index), calibration, snapshot.kind, index, buffer, None)
    facts = {"format": _FORMAT, "identity": identity, "covered": covered, "calibration": asdict(calibration)}
    _save(index, facts, path)
    saved = open_graph(path, kind=snapshot.kind, identity=identity)
    if saved is None:
        raise StorageFull(str(path))
    return saved


def _add(index: Any, source: NDArray[Any], rows: NDArray[np.int64]) -> None:
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        # In one thread: of rows that usearch 2.26 adds in several at a time, up to 1 % are never found again.
        index.add(batch.astype(np.uint64), source[batch], threads=1)


def _save(index: Any, facts: dict[str, Any], path: Path) -> None:
    draft = path.with_name(path.name + ".draft")
    try:
        with storage(path):
            index.save(str(draft))
            with open(draft, "r+b") as file:
                if os.fstat(file.fileno()).st_size != index.serialized_length:
                    raise StorageFull(str(path))
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                    facts = {**facts, "bytes": len(mapped), "crc32": zlib.crc32(mapped)}
                text = json.dumps(facts).encode()
                file.seek(0, os.SEEK_END)
                file.write(text + _TAIL.pack(len(text), _MAGIC))
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
            sync_folder(path.parent)
    except RuntimeError as error:
        # What usearch raises when it cannot write all of it; it does not say why, and a full disk is the usual reason.
        raise StorageFull(str(path)) from error
    finally:
        draft.unlink(missing_ok=True)


def _calibrate(index: Any, snapshot: RowSnapshot, held: NDArray[np.int64], random: np.random.Generator) -> Calibration:
    known = np.asarray(index.keys[:]).astype(np.int64)
    if not len(held) or len(known) < 10 * _DEEP:
        return Calibration(0, 0, 0.0, 0.0, 0.0)
    queries = [*snapshot.rows[held].astype(np.float32 if snapshot.kind.element_type == "float" else np.int8)]
    if snapshot.kind.coded:
        queries += _sums(snapshot, random.choice(known, size=(len(held) // 2, 2)))
    known.sort()
    seconds, truths = [], []
    for query in queries:
        started = time.perf_counter()
        quick = scan(snapshot, query)
        seconds.append(time.perf_counter() - started)
        truths.append(best(snapshot, query, known, quick[known], _DEEP)[1])
    familiar = float(np.quantile([truth[_SHALLOW - 1] for truth in truths[: len(held)]], _FAMILIAR))
    row_s = float(np.median(seconds)) / len(snapshot)
    return _climb(index, snapshot, queries, truths, familiar=familiar, row_s=row_s)


def _sums(snapshot: RowSnapshot, pairs: NDArray[np.int64]) -> list[NDArray[Any]]:
    sums = snapshot.rows[pairs].astype(np.float32).sum(axis=1)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    some = lengths[:, 0] > 1e-3
    return [*(sums[some] / lengths[some])]


def _climb(
    index: Any,
    snapshot: RowSnapshot,
    queries: list[NDArray[Any]],
    truths: list[NDArray[np.float64]],
    *,
    familiar: float,
    row_s: float,
) -> Calibration:
    need = {_SHALLOW: 0, _DEEP: 0}
    expansion_s = 0.0
    for expansion in _LADDER:
        seconds, found = [], {_SHALLOW: 0, _DEEP: 0}
        for query, truth in zip(queries, truths, strict=True):
            asked = _asked(snapshot.kind, query)
            started = time.perf_counter()
            rows = np.asarray(index.search(asked, expansion, threads=1).keys).astype(np.int64)
            seconds.append(time.perf_counter() - started)
            closeness = exact(snapshot, query, rows)
            for depth in need:
                # By closeness, not by row: of equal rows any may be found.
                found[depth] += min(depth, int((closeness >= truth[depth - 1] - 1e-9).sum()))
        expansion_s = float(np.median(seconds)) / expansion
        for depth in need:
            if need[depth] == 0 and found[depth] >= _RECALL * depth * len(queries):
                need[depth] = expansion
        if all(need.values()) or expansion_s * expansion > row_s * len(index) * _WORTH:
            break
    return Calibration(need[_SHALLOW], need[_DEEP], familiar, expansion_s, row_s)
