"""Ingest throughput, against a bare loop that only decodes and embeds the same photos."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hybrid_search import HybridIndex
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.images import load_image
from hybrid_search.ingest.folder import walk
from scripts.benchmarks.machine import median, seconds, table

BATCH = 32


def measure(photos: Path, *, quick: bool = False) -> str:
    """Index the photos and run the bare loop in turn; the ratio of medians is what counts."""
    embedder = get_embedder("lite")
    paths = [found.path for found in walk(photos)]
    paths = paths[:64] if quick else paths
    bare_loop(embedder, paths[:BATCH])
    ours, bare, again = [], [], []
    for _ in range(1 if quick else 3):
        bare.append(seconds(lambda: bare_loop(embedder, paths)))
        with tempfile.TemporaryDirectory() as folder:
            with HybridIndex(folder, embedder=embedder) as index:
                ours.append(seconds(lambda index=index: add_all(index, photos, paths, quick)))
                again.append(seconds(lambda index=index: add_all(index, photos, paths, quick)))
    rows = [
        ["bare decode + embed", len(paths) / median(bare), 1.0],
        [
            "index: metadata, signature, thumbnail, documents too",
            len(paths) / median(ours),
            median(bare) / median(ours),
        ],
    ]
    unchanged = median(again) / len(paths) * 1000
    return (
        f"## Ingest\n\n{len(paths)} photos, `lite`, medians of {len(ours)} runs in turn\n\n"
        + table(["loop", "photos/s", "÷ bare loop"], rows)
        + f"\nA second run over unchanged files: {unchanged:.2f} ms per file.\n"
    )


def bare_loop(embedder: object, paths: list[str]) -> None:
    """Decode and embed, batch after batch, and keep nothing."""
    for start in range(0, len(paths), BATCH):
        images = [load_image(path, min_side=embedder.min_side) for path in paths[start : start + BATCH]]
        embedder.embed_images(images)


def add_all(index: HybridIndex, photos: Path, paths: list[str], quick: bool) -> None:
    """Index the folder, or its first photos only."""
    names = [Path(path).name for path in paths] if quick else []
    index.add_folder(photos, include=names, batch_size=BATCH)
