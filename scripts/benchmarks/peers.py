"""All in one beside LanceDB: the same documents, the same questions, in turn, in one process.

LanceDB is no dependency: `pip install lancedb` into an environment of its own, and run there. It is asked by its own
hybrid query (text and vector, joined by its RRF, with a filter) and, since one query takes one vector column, once more
for the signature. Vectors are compared one by one, as here, unless `indexed`.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_search import HybridIndex
from hybrid_search.hits.hits import read_hits
from hybrid_search.query.body import build_body
from hybrid_search.query.query import make_query
from scripts.benchmarks.collection import DIMS, MAKES, Collection, document_id, kinds, recall
from scripts.benchmarks.machine import median, percentile, table
from scripts.benchmarks.search import filled

SIZE = 100_000
KIND = "all in one, filtered"
_QUERIES = 60
_WARM = 5
_BATCH = 5_000
_WHERE = "iso >= 100 AND iso <= 800"  # the filter of KIND
_SHOWN = ["id", "path", "filename", "bytes", "caption", "make", "iso", "taken_at", "tags"]
Search = Callable[[int], object]


def measure(*, size: int = SIZE) -> str:
    """Return a table of both, or a line that says why there is none."""
    os.environ.setdefault("LANCEDB_LOG", "error")  # it warns at every search that its columns will change
    try:
        import lancedb
    except ImportError:
        return "Peers: LanceDB is not installed; `pip install lancedb` in an environment of its own."
    collection = Collection(size)
    with tempfile.TemporaryDirectory() as folder, filled(Path(folder) / "ours", collection) as index:
        peer = _lance_table(lancedb.connect(Path(folder) / "lance"), collection)
        ways: dict[str, Search] = {
            "here, one request": lambda number: _ours(index, collection, number),
            "LanceDB, hybrid query": lambda number: _hybrid(peer, collection, number),
            "LanceDB, signature": lambda number: _signature(peer, collection, number),
        }
        walls, cpus = _timed(ways, size)
        found = _recall(lambda number: _nearest(peer, collection, number), collection)
    for times in (walls, cpus):
        parts = (times["LanceDB, hybrid query"], times["LanceDB, signature"])
        times["LanceDB, both"] = [sum(pair) for pair in zip(*parts, strict=True)]
    ours, our_cpus = walls["here, one request"], cpus["here, one request"]
    rows = []
    for way, times in walls.items():
        ratios = [_paired(times, ours), _paired(cpus[way], our_cpus)]
        rows.append([way, median(times), percentile(times, 0.95), median(cpus[way]), *ratios])
    head = ["", "p50 ms", "p95 ms", "processor ms", "÷ ours", "processor ÷ ours"]
    return (
        f"### Beside LanceDB {lancedb.__version__}: {size:,} documents of {DIMS} dims, {_QUERIES} questions in turn\n\n"
        f"{table(head, rows)}\nRecall@10 of LanceDB's vector search under the filter: {found:.3g}\n"
    )


def _timed(ways: dict[str, Search], size: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    walls: dict[str, list[float]] = {way: [] for way in ways}
    cpus: dict[str, list[float]] = {way: [] for way in ways}
    for count, number in enumerate(np.random.default_rng(11).integers(0, size, _QUERIES + _WARM).tolist()):
        for way, search in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            search(number)
            if count >= _WARM:
                walls[way].append((time.perf_counter() - wall) * 1000)
                cpus[way].append((time.process_time() - cpu) * 1000)
    return walls, cpus


def _ours(index: HybridIndex, collection: Collection, number: int) -> object:
    query = make_query(index.backend.known_definition(), **kinds(collection, number)[KIND])
    body = build_body(query)
    return read_hits(index.backend.search_lazily(body), query, body)


def _hybrid(peer: Any, collection: Collection, number: int) -> object:
    from lancedb.rerankers import RRFReranker

    asked = peer.search(query_type="hybrid", vector_column_name="vector", fts_columns="caption")
    asked = asked.vector(collection.near(number).vector).text(collection.text(number)).distance_type("cosine")
    return asked.where(_WHERE, prefilter=True).rerank(RRFReranker()).select(_SHOWN).limit(10).to_list()


def _signature(peer: Any, collection: Collection, number: int) -> object:
    values = collection.like(number).signature.astype(np.float32)
    asked = peer.search(values, vector_column_name="signature").distance_type("l2")
    return asked.where(_WHERE, prefilter=True).select(["id", "_distance"]).limit(10).to_list()


def _nearest(peer: Any, collection: Collection, number: int) -> list[str]:
    asked = peer.search(collection.near(number).vector, vector_column_name="vector").distance_type("cosine")
    found = asked.where(_WHERE, prefilter=True).select(["id", "_distance"]).limit(10).to_list()
    return [each["id"] for each in found]


def _recall(search: Callable[[int], list[str]], collection: Collection) -> float:
    allowed = np.flatnonzero((collection.isos >= 100) & (collection.isos <= 800))
    numbers = np.random.default_rng(13).integers(0, collection.size, 20).tolist()
    wanted = [collection.nearest(collection.near(number).vector, allowed) for number in numbers]
    return recall([search(number) for number in numbers], wanted)


def _lance_table(database: Any, collection: Collection) -> Any:
    import pyarrow

    schema = pyarrow.schema(
        [(name, pyarrow.int64() if name in ("bytes", "iso") else pyarrow.string()) for name in _SHOWN]
        + [("vector", pyarrow.list_(pyarrow.float32(), DIMS)), ("signature", pyarrow.list_(pyarrow.float32(), 648))]
    )
    peer = database.create_table("images", _batches(collection, schema), schema=schema)
    peer.create_fts_index("caption")
    peer.create_scalar_index("iso")
    peer.optimize()
    return peer


def _batches(collection: Collection, schema: Any) -> Iterator[Any]:
    import pyarrow

    for start in range(0, collection.size, _BATCH):
        numbers = range(start, min(start + _BATCH, collection.size))
        columns: list[Any] = [[_row(collection, number)[name] for number in numbers] for name in _SHOWN]
        for values in (collection.vectors[start : start + _BATCH], collection.signatures[start : start + _BATCH]):
            flat = pyarrow.array(values.astype(np.float32).reshape(-1))
            columns.append(pyarrow.FixedSizeListArray.from_arrays(flat, values.shape[1]))
        yield pyarrow.record_batch(columns, schema=schema)


def _row(collection: Collection, number: int) -> dict[str, Any]:
    return {
        "id": document_id(number),
        "path": f"/photos/{number % 500:03d}/IMG_{number:06d}.jpg",
        "filename": f"IMG_{number:06d}.jpg",
        "bytes": 1_000_000 + number,
        "caption": collection.caption(number),
        "make": MAKES[collection.makes[number]],
        "iso": int(collection.isos[number]),
        "taken_at": f"{collection.years[number]}-06-01T12:00:00",
        "tags": f"part{collection.parts[number]}",
    }


def _paired(times: list[float], others: list[float]) -> float:
    return median([mine / other for mine, other in zip(times, others, strict=True)])
