"""Search on synthetic documents at 1,000, 10,000 and 100,000: latency by leg, recall, memory, bytes per document."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from hybrid_search import HybridIndex
from hybrid_search.hits.hits import read_hits
from hybrid_search.query.body import build_body
from hybrid_search.query.query import make_query
from scripts.benchmarks.collection import DIMS, SHARES, Collection, SyntheticEmbedder, fill, kinds, recall
from scripts.benchmarks.machine import percentile, table

SIZES = (1_000, 10_000, 100_000)
QUERIES = 100


def build_index(folder: Path, documents: int) -> HybridIndex:
    """Fill an embedded index with a synthetic collection."""
    return filled(folder, Collection(documents))


def filled(folder: Path, collection: Collection) -> HybridIndex:
    """Return an embedded index of a collection."""
    index = HybridIndex(folder, embedder=SyntheticEmbedder(collection.dims))
    fill(index.backend, collection)
    return index


def measure(photos: Path, *, quick: bool = False) -> str:
    """Measure each kind of search at each size; query embedding is not part of it."""
    lines, p50s = [], {}
    for size in (500, 1_000) if quick else SIZES:
        collection = Collection(size)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            with filled(Path(folder), collection) as index:
                load = size / (time.perf_counter() - start)
            with HybridIndex(folder, embedder=SyntheticEmbedder(), create=False) as index:
                disk = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / size
                for kind, times in _latencies(index, collection).items():
                    p50s[size, kind] = percentile(times, 0.5)
                    lines.append([f"{size:,}", kind, percentile(times, 0.5), percentile(times, 0.95)])
                recalls = {share: _recall(index, collection, share) for share in SHARES}
        lines.append([f"{size:,}", "load, documents/s", load, ""])
        lines.append([f"{size:,}", "disk, bytes per document", disk, ""])
        lines.extend([f"{size:,}", f"recall@10 at {share:.1%}", value, ""] for share, value in recalls.items())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    text = table(["documents", "search", "p50 ms (or figure)", "p95 ms"], lines)
    kinds = dict.fromkeys(kind for _, kind in p50s)
    sizes = sorted({size for size, _ in p50s})
    growth = [[kind, p50s[sizes[-1], kind] / p50s[sizes[-2], kind]] for kind in kinds]
    return (
        f"## Search, embedded backend, synthetic documents of {DIMS} dims\n\n{text}\n"
        + table([f"growth of p50 from {sizes[-2]:,} to {sizes[-1]:,} documents", "×"], growth)
        + f"\nPeak memory of the whole run, collection in memory included: {peak:,.0f} MB.\n"
    )


def _latencies(index: HybridIndex, collection: Collection) -> dict[str, list[float]]:
    random = np.random.default_rng(11)
    times: dict[str, list[float]] = {}
    for kind in kinds(collection, 0):
        for count, number in enumerate(random.integers(0, collection.size, QUERIES + 5)):
            prepared = kinds(collection, int(number))[kind]
            start = time.perf_counter()
            query = make_query(index._state.definition, **prepared)
            body = build_body(query)
            read_hits(index.backend.search_lazily(body), query, body)
            if count >= 5:
                times.setdefault(kind, []).append((time.perf_counter() - start) * 1000)
    return times


def _recall(index: HybridIndex, collection: Collection, share: float) -> float:
    """Return recall@10 against brute force, among the documents that a filter of this selectivity lets through."""
    filter, allowed = collection.among(share)
    found, wanted = [], []
    for number in np.random.default_rng(13).integers(0, collection.size, 50):
        vector = collection.near(int(number)).vector
        found.append(index.search(vector=vector, filter=filter, k=10).ids())
        wanted.append(collection.nearest(vector, allowed))
    return recall(found, wanted)
