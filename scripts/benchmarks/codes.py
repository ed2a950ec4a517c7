"""Codes shorter than 8 bits as the first stage of a scan: time, memory, and recall@10 on real and synthetic vectors."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends.embedded.vectors.vector_scan import Kind, RowSnapshot, best, encode, scan, split
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.images import decode, read_source
from scripts.benchmarks.collection import SHARES, Collection
from scripts.benchmarks.machine import median, table

_DOCUMENTS = 100_000
_QUERIES = 40
_CANDIDATES = (1_000, 2_000, 4_000)
_BLOCK = 4_096
_NOISE = 0.7
"""Length of what is added to each photo's vector of length 1: copies have a cosine of 0.67 with each other."""


@dataclass(frozen=True)
class Codes:
    """What a first stage compares: `compare` gives the closeness of a query to every row."""

    name: str
    bytes_per_row: int
    compare: Callable[[NDArray[np.float32]], NDArray[Any]]


def measure(photos: Path, *, quick: bool = False) -> str:
    """Compare first stages on the embeddings of photos, each many times with noise, and on synthetic ones."""
    documents = 5_000 if quick else _DOCUMENTS
    parts = []
    for name, vectors in (("lite, photos with noise", _real(photos, documents)), ("synthetic", _synthetic(documents))):
        parts.append(f"### {name}, {len(vectors):,} × {vectors.shape[1]}\n\n{_compared(vectors)}")
    return (
        "## Codes for the first stage of a scan\n\n"
        "Processor time of one thread; recall@10 against all rows in float32, of as many candidates as named. Half "
        "of the questions are near one document, half are the sum of eight.\n\n" + "\n".join(parts)
    )


def _real(photos: Path, documents: int) -> NDArray[np.float32]:
    embedder, random = get_embedder("lite"), np.random.default_rng(3)
    paths = sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))[:600]
    embedded = np.concatenate([embedder.embed_images([decode(read_source(path)).image]) for path in paths])
    rows = np.empty((documents, embedded.shape[1]), np.float32)
    for start in range(0, documents, _BLOCK):
        picked = embedded[np.arange(start, min(documents, start + _BLOCK)) % len(embedded)]
        noise = random.standard_normal(picked.shape, np.float32) * np.float32(_NOISE / np.sqrt(picked.shape[1]))
        rows[start : start + len(picked)] = picked + noise
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _synthetic(documents: int) -> NDArray[np.float32]:
    return Collection(documents).vectors


def _compared(vectors: NDArray[np.float32]) -> str:
    random = np.random.default_rng(11)
    # half are near one document; half are the sum of eight, as words and several examples are
    queries = vectors[random.integers(0, len(vectors), _QUERIES)]
    queries[1::2] = [vectors[random.integers(0, len(vectors), 8)].sum(axis=0) / np.sqrt(8) for _ in queries[1::2]]
    queries = queries + random.standard_normal(queries.shape, np.float32) * np.float32(0.3 / np.sqrt(queries.shape[1]))
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    shares = {share: np.flatnonzero(random.random(len(vectors)) < share) for share in SHARES}
    wanted = {share: [_best(vectors[rows] @ query, rows, 10) for query in queries] for share, rows in shares.items()}
    lines = [_int8(vectors, queries, shares, wanted)]
    for codes in (_signs("sign bits", vectors), _signs("sign bits, centred", vectors, centred=True), _nibbles(vectors)):
        timed, closeness = zip(*(_timed(codes.compare, query) for query in queries), strict=True)
        for candidates in _CANDIDATES:
            recalls = []
            for share, rows in shares.items():
                found = [
                    _rescored(vectors, q, _best(c[rows], rows, candidates))
                    for q, c in zip(queries, closeness, strict=True)
                ]
                recalls.append(_recall(found, wanted[share]))
            lines.append([f"{codes.name}, {candidates:,}", codes.bytes_per_row, median(timed) * 1000, *recalls])
    return table(["first stage, candidates", "bytes a row", "ms", *(f"{share:.1%}" for share in SHARES)], lines)


def _int8(vectors: NDArray[np.float32], queries: NDArray[np.float32], shares: Any, wanted: Any) -> list[object]:
    rows = vectors.astype(np.float16)
    snapshot = RowSnapshot(Kind(vectors.shape[1], "float", "dot_product"), rows, encode(rows))
    timed = [_timed(lambda query: _compare_codes(snapshot, query), query)[0] for query in queries]
    recalls = []
    for share, among in shares.items():
        found = [best(snapshot, query, among, scan(snapshot, query)[among], 10)[0].tolist() for query in queries]
        recalls.append(_recall(found, wanted[share]))
    return ["8-bit, as many as may be nearest (in use)", vectors.shape[1] + 4, median(timed) * 1000, *recalls]


def _compare_codes(snapshot: RowSnapshot, query: NDArray[np.float32]) -> NDArray[Any]:
    assert snapshot.codes is not None
    (asked, _), (numbers, _) = split(encode(query.reshape(1, -1))), split(snapshot.codes)
    return _cdist(asked, numbers, "dot")


def _signs(name: str, vectors: NDArray[np.float32], *, centred: bool = False) -> Codes:
    middle = vectors.mean(axis=0) if centred else np.float32(0)
    bits = np.packbits(vectors > middle, axis=1)

    def compare(query: NDArray[np.float32]) -> NDArray[Any]:
        return -_cdist(np.packbits(query > middle).reshape(1, -1), bits, "hamming", dtype="uint1")

    return Codes(name, bits.shape[1], compare)


def _nibbles(vectors: NDArray[np.float32]) -> Codes:
    packed, scales = _packed(vectors)

    def compare(query: NDArray[np.float32]) -> NDArray[Any]:
        return _cdist(_packed(query.reshape(1, -1))[0], packed, "dot", dtype="int4") * scales

    return Codes("4-bit", packed.shape[1] + 4, compare)


def _packed(vectors: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    scales = np.abs(vectors).max(axis=1) / 7
    numbers = np.rint(vectors / scales[:, None]).astype(np.int8).view(np.uint8) & 15
    return (numbers[:, 0::2] << 4) | numbers[:, 1::2], scales


def _cdist(query: NDArray[Any], rows: NDArray[Any], metric: str, **dtype: str) -> NDArray[Any]:
    import numkong

    starts = range(0, len(rows), _BLOCK)
    parts = [np.asarray(numkong.cdist(query, rows[at : at + _BLOCK], metric=metric, **dtype))[0] for at in starts]
    return np.concatenate(parts)


def _timed(
    compare: Callable[[NDArray[np.float32]], NDArray[Any]], query: NDArray[np.float32]
) -> tuple[float, NDArray[Any]]:
    start = time.thread_time()
    closeness = compare(query)
    return time.thread_time() - start, closeness


def _best(closeness: NDArray[Any], rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    if count >= len(rows):
        return rows
    return rows[np.argpartition(-closeness, count)[:count]]


def _rescored(vectors: NDArray[np.float32], query: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.intp]:
    return _best(vectors[rows] @ query, rows, 10)


def _recall(found: Any, wanted: Any) -> float:
    return float(np.mean([len({*map(int, f)} & {*map(int, w)}) / len(w) for f, w in zip(found, wanted, strict=True)]))
