"""Search on synthetic documents at 1,000, 10,000 and 100,000: latency by leg, recall, memory, bytes per document."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search import HybridIndex
from hybrid_search.backends import Action, Backend
from hybrid_search.body import build_body
from hybrid_search.embedders import Embedder
from hybrid_search.hits import read_hits
from hybrid_search.query import SignatureLeg, VectorLeg, make_query
from hybrid_search.signature import norm, word_tokens
from scripts.benchmarks.machine import percentile, table

DIMS = 512
SIZES = (1_000, 10_000, 100_000)
QUERIES = 100
VOCABULARY = 20_000
MAKES = ("Canon", "NIKON CORPORATION", "SONY", "FUJIFILM", "Apple", "Google", "Panasonic", "OLYMPUS", "LEICA", "RICOH")


class SyntheticEmbedder:
    """Stands for an embedder of 512 dims; the documents of this benchmark are made, not read from pictures."""

    name = "synthetic"
    dims = DIMS
    version = "1"
    embeds_text = False
    min_side = 224

    def embed_images(self, images: object) -> NDArray[np.float32]:
        raise TypeError("synthetic documents have no pictures")

    def embed_texts(self, texts: object) -> NDArray[np.float32]:
        raise TypeError("synthetic documents have no texts")


class Collection:
    """Documents that resemble a photo library: clustered vectors, Zipf words, cameras, dates, signatures."""

    def __init__(self, size: int, seed: int = 7) -> None:
        random = np.random.default_rng(seed)
        self.size = size
        centres = random.standard_normal((max(16, size // 200), DIMS)).astype(np.float32)
        spread = random.standard_normal((size, DIMS), dtype=np.float32)
        vectors = centres[random.integers(0, len(centres), size)] + 0.9 * spread
        self.vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        self.signatures = random.choice(np.arange(-2, 3, dtype=np.int8), (size, 648))
        words = np.minimum(random.zipf(1.3, (size, 12)), VOCABULARY)
        self.captions = [" ".join(f"w{word}" for word in line) for line in words]
        self.makes = random.integers(0, len(MAKES), size)
        self.isos = 100 * 2 ** random.integers(0, 7, size)
        self.years = random.integers(2005, 2025, size)
        self.parts = random.integers(0, 1000, size)

    def source(self, number: int) -> dict[str, Any]:
        signature = self.signatures[number]
        return {
            "sha256": f"{number:064x}",
            "path": [f"/photos/{number % 500:03d}/IMG_{number:06d}.jpg"],
            "filename": [f"IMG_{number:06d}.jpg"],
            "bytes": 1_000_000 + number,
            "caption": self.captions[number],
            "camera": {"make": MAKES[self.makes[number]]},
            "iso": int(self.isos[number]),
            "taken_at": f"{self.years[number]}-06-01T12:00:00",
            "tags": [f"part{self.parts[number]}"],
            "signature": signature,
            "signature_norm": norm(signature),
            "words": list(word_tokens(signature)),
            "embedding": {"synthetic": self.vectors[number]},
        }

    def actions(self) -> Iterator[Action]:
        for number in range(self.size):
            yield Action("index", f"{number:064x}", self.source(number))


def build_index(folder: Path, documents: int) -> HybridIndex:
    """Fill an embedded index with a synthetic collection."""
    return _fill(folder, Collection(documents))


def _fill(folder: Path, collection: Collection) -> HybridIndex:
    embedder: Embedder = SyntheticEmbedder()
    index = HybridIndex(folder, embedder=embedder)
    backend: Backend = index._backend
    batch: list[Action] = []
    for action in collection.actions():
        batch.append(action)
        if len(batch) == 1_000:
            backend.bulk(batch)
            batch = []
    backend.bulk(batch)
    index.refresh()
    return index


def measure(photos: Path, *, quick: bool = False) -> str:
    """Measure each kind of search at each size; query embedding is not part of it."""
    lines, p50s = [], {}
    for size in (500, 1_000) if quick else SIZES:
        collection = Collection(size)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            with _fill(Path(folder), collection) as index:
                load = size / (time.perf_counter() - start)
            with HybridIndex(folder, embedder=SyntheticEmbedder(), create=False) as index:
                disk = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / size
                for kind, times in _latencies(index, collection).items():
                    p50s[size, kind] = percentile(times, 0.5)
                    lines.append([f"{size:,}", kind, percentile(times, 0.5), percentile(times, 0.95)])
                recalls = {share: _recall(index, collection, share) for share in (1.0, 0.1, 0.01, 0.001)}
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
    asked: dict[str, Callable[[int], dict[str, Any]]] = {
        "text, 3 words": lambda number: {"text": _words(collection, number)},
        "vector": lambda number: {"vectors": (_near(collection, number),)},
        "vector, filtered to 10 %": lambda number: {
            "vectors": (_near(collection, number),),
            "filter": f"camera.make:{MAKES[number % len(MAKES)].split()[0]}*",
        },
        "signature": lambda number: {"signature": _signature(collection, number)},
        "all in one, filtered": lambda number: {
            "text": _words(collection, number),
            "vectors": (_near(collection, number),),
            "signature": _signature(collection, number),
            "filter": "iso:[100 TO 800]",
        },
    }
    times: dict[str, list[float]] = {}
    for kind, options in asked.items():
        for count, number in enumerate(random.integers(0, collection.size, QUERIES + 5)):
            prepared = options(int(number))
            start = time.perf_counter()
            query = make_query(index._definition, **prepared)
            body = build_body(query)
            read_hits(index._backend.search(body), query, body)
            if count >= 5:
                times.setdefault(kind, []).append((time.perf_counter() - start) * 1000)
    return times


def _words(collection: Collection, number: int) -> str:
    return " ".join(dict.fromkeys(collection.captions[number].split()[:3]))


def _near(collection: Collection, number: int) -> VectorLeg:
    noise = np.random.default_rng(number).standard_normal(DIMS).astype(np.float32) * 0.01
    return VectorLeg("embedding.synthetic", collection.vectors[number] + noise)


def _signature(collection: Collection, number: int) -> SignatureLeg:
    values = collection.signatures[number].copy()
    values[:60] = 0
    return SignatureLeg(values, word_tokens(values))


def _recall(index: HybridIndex, collection: Collection, share: float) -> float:
    """Return recall@10 against brute force, among the documents that a filter of this selectivity lets through."""
    parts = max(1, round(1000 * share))
    allowed = np.flatnonzero(collection.parts < parts)
    tags = [f"part{part}" for part in range(parts)]
    filter = None if share == 1.0 else {"terms": {"tags": tags}}
    found = wanted = 0
    for number in np.random.default_rng(13).integers(0, collection.size, 50):
        leg = _near(collection, int(number))
        hits = index.search(vector=leg.vector, filter=filter, k=10)
        query = leg.vector / np.linalg.norm(leg.vector)
        order = allowed[np.argsort(-(collection.vectors[allowed] @ query), kind="stable")[:10]]
        wanted += len(order)
        found += len({f"{row:064x}" for row in order} & set(hits.ids()))
    return found / wanted if wanted else 1.0
