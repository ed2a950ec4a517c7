"""Groups of a whole collection: how the time grows with the documents, and how many pairs are found.

Documents are made from real photos: signatures of pictures that do not exist (`synthetic_signatures`), and among them
those of photos with their copies, altered and turned. There are no files, so that signatures alone decide; vectors are
there already, random ones of the length of a real embedding.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from hybrid_search.backends import Action
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.document.definition import EmbeddingSpec, load_definition
from hybrid_search.duplicates.collect.collection import duplicate_groups
from hybrid_search.duplicates.collect.similarity_join import cosine_neighbours, signature_pairs
from hybrid_search.duplicates.compare.judge import Judge
from hybrid_search.hits.evidence import Tier
from hybrid_search.signature.goldberg import signature
from scripts.benchmarks.machine import table
from scripts.benchmarks.synthetic_signatures import Signatures, read_photos, synthetic_signatures
from scripts.pictures.altered_copies import ALTERATIONS

SIZES = (1_000, 10_000, 100_000)
REACH = 0.45
DIMS = 512
NEW = 100
TIERS: tuple[Tier, ...] = ("bytes", "pixels", "near", "transformed")
_PHOTOS = 100
_SEEDS = 300
_TOGETHER = 2_000
_ASKED = 500


def measure(photos: Path, *, quick: bool, sizes: Sequence[int] = SIZES) -> str:
    """Return the tables."""
    pictures = read_photos(photos)
    sizes = (300, 1_000) if quick else sizes
    copies = with_copies(pictures[: 20 if quick else _PHOTOS])
    made = synthetic_signatures(pictures[-_SEEDS:], max(sizes))
    rows, found = [], []
    for size in sizes:
        share = copies[: size // 5]
        signatures = np.concatenate([share, made[: size - len(share)]])
        signatures = signatures[np.random.default_rng(size).permutation(size)]
        rows.append([f"{size:,}", *whole_collection(signatures)])
        found.append([f"{size:,}", *joined(signatures)])
    grouped = ("documents", "first run s", "of processor", "nothing new s", f"{NEW} new s", "groups", "most memory MB")
    recall = ("documents", "pairs of 500 within 0.45", "found", "signatures s", "embeddings s")
    return f"## Grouping\n\n{table(grouped, rows)}\n\n{table(recall, found)}\n"


def with_copies(photos: Sequence[Image.Image]) -> Signatures:
    """Return the signatures of photos, each with its copies behind it: altered, turned, negative."""
    turns = [*(lambda image, turn=turn: image.transpose(turn) for turn in Image.Transpose), ImageOps.invert]
    rows = []
    for photo in photos:
        altered = [alter(photo) for alter in ALTERATIONS.values()]
        turned = [turn(copy) for turn, copy in zip(turns, altered, strict=False)]
        rows += [signature(image) for image in (photo, *altered, *(turn(photo) for turn in turns), *turned)]
    return np.stack(rows)


def whole_collection(signatures: Signatures) -> Iterator[str]:
    """Group a collection for the first time, again, and with some new documents; give a table's cells."""
    with tempfile.TemporaryDirectory() as folder:
        backend = EmbeddedBackend(Path(folder) / "index")
        backend.create(load_definition(embeddings={"made": EmbeddingSpec("made", "1", dims=DIMS)}))
        _fill(backend, signatures[:-NEW])
        before = time.process_time()
        first, groups = _timed(backend)
        yield f"{first:.1f}"
        yield f"{time.process_time() - before:.1f}"
        yield f"{_timed(backend)[0]:.1f}"
        _fill(backend, signatures[-NEW:], start=len(signatures) - NEW)
        yield f"{_timed(backend)[0]:.1f}"
        yield f"{groups:,}"
        backend.close()
    yield f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}"


def joined(signatures: Signatures) -> Iterator[str]:
    """Compare the pairs that are found with all there are, for 500 rows of all."""
    asked = np.arange(min(len(signatures), _ASKED))
    truth = _pairs(signature_pairs(signatures, asked=asked, max_distance=REACH, exact=True))
    started = time.perf_counter()
    found = _pairs(signature_pairs(signatures, max_distance=REACH, exact=False))
    seconds = time.perf_counter() - started
    yield f"{len(truth):,}"
    yield f"{len(truth & found) / max(1, len(truth)):.2%}"
    yield f"{seconds:.1f}"
    vectors = _unit_vectors(len(signatures), seed=7)
    started = time.perf_counter()
    _pairs(cosine_neighbours(vectors, k=5))
    yield f"{time.perf_counter() - started:.1f}"


def _pairs(found: Iterator[Any]) -> set[tuple[int, int]]:
    return set(chain.from_iterable(map(tuple, each.rows.tolist()) for each in found))


def _timed(backend: EmbeddedBackend) -> tuple[float, int]:
    started = time.perf_counter()
    judge = Judge(tiers=TIERS, check_pixels=False)
    count = sum(1 for _ in duplicate_groups(backend, "made", judge=judge, tiers=TIERS))
    return time.perf_counter() - started, count


def _unit_vectors(count: int, *, seed: int) -> NDArray[np.float32]:
    """Return random vectors that lie in heaps, as embeddings do."""
    random = np.random.default_rng(seed)
    heaps = random.normal(size=(64, DIMS)).astype(np.float32)
    vectors = heaps[random.integers(0, 64, count)] + random.normal(size=(count, DIMS)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _fill(backend: EmbeddedBackend, signatures: Signatures, *, start: int = 0) -> None:
    for low in range(0, len(signatures), _TOGETHER):
        some = signatures[low : low + _TOGETHER]
        vectors = _unit_vectors(len(some), seed=start + low)
        pairs = enumerate(zip(some, vectors, strict=True), start=start + low)
        backend.bulk(_action(number, row, vector) for number, (row, vector) in pairs)
    backend.refresh()


def _action(number: int, row: Signatures, vector: NDArray[np.float32]) -> Action:
    id, path = f"{number * 2654435761 % 2**32:08x}{number:056x}", f"/photos/{number % 100}/{number}.jpg"
    source = {
        "sha256": id,
        "path": [path],
        "folder": ["/", "/photos", f"/photos/{number % 100}"],
        "files": [{"path": path, "bytes": 1_000_000 + number, "mtime_ns": 1}],
        "bytes": 1_000_000 + number,
        "width": 4000 if number % 3 else 2000,
        "height": 3000,
        "indexed_at": "2026-01-01T00:00:00.000+00:00",
        "embedding": {"made": vector},
        **({"signature": row} if row.any() else {}),
    }
    return Action("create", id, source)
