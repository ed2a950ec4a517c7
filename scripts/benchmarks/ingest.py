"""Ingest throughput, against a bare loop that only decodes and embeds the same photos."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from hybrid_search import HybridIndex
from hybrid_search.embedders import Embedder
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.images import load_image
from hybrid_search.ingest.folder_walk import walk
from scripts.benchmarks.machine import median, seconds, table

BATCH = 32
CAMERA = (4000, 3000)


def measure(photos: Path, *, quick: bool = False) -> str:
    """Index photos and run the bare loop over them in turn; the ratio of medians is what counts."""
    embedder = get_embedder("lite")
    bare_loop(embedder, [found.path for found in walk(photos)][:BATCH])
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small", Path(folder) / "large"
        _copy(photos, small, count=64 if quick else 600)
        _copy(photos, large, count=16 if quick else 96, size=CAMERA)
        lines, unchanged = [], 0.0
        for kind, chosen in (("as they are", small), ("enlarged to 12 megapixels", large)):
            rows, unchanged_here = _compare(embedder, kind, chosen, runs=1 if quick else 5)
            lines += rows
            unchanged = unchanged or unchanged_here
    return (
        "## Ingest\n\n`lite`; medians of runs in turn\n\n"
        + table(["photos", "loop", "photos/s", "÷ bare loop"], lines)
        + f"\nA second run over unchanged files: {unchanged:.2f} ms per file.\n"
    )


def _compare(embedder: Embedder, kind: str, photos: Path, *, runs: int) -> tuple[list[list[object]], float]:
    paths = [found.path for found in walk(photos)]
    ours, bare, again = [], [], []
    for _ in range(runs):
        bare.append(seconds(lambda: bare_loop(embedder, paths)))
        with tempfile.TemporaryDirectory() as folder, HybridIndex(folder, embedder=embedder) as index:
            ours.append(seconds(lambda index=index: index.add_folder(photos)))
            again.append(seconds(lambda index=index: index.add_folder(photos)))
    name, count = f"{len(paths)}, {kind}", len(paths)
    rows: list[list[object]] = [
        [name, "bare decode + embed", count / median(bare), 1.0],
        [
            name,
            "index: signature, metadata, thumbnail, document too",
            count / median(ours),
            median(bare) / median(ours),
        ],
    ]
    return rows, median(again) / count * 1000


def bare_loop(embedder: Embedder, paths: list[str]) -> None:
    """Decode and embed, batch after batch, and keep nothing."""
    for start in range(0, len(paths), BATCH):
        images = [load_image(path, min_side=embedder.min_side) for path in paths[start : start + BATCH]]
        embedder.embed_images(images)


def _copy(photos: Path, folder: Path, *, count: int, size: tuple[int, int] | None = None) -> None:
    folder.mkdir()
    for number, found in enumerate(list(walk(photos))[:count]):
        if size is None:
            (folder / f"{number:04d}{Path(found.path).suffix}").write_bytes(Path(found.path).read_bytes())
        else:
            load_image(found.path).resize(size, Image.Resampling.BICUBIC).save(folder / f"{number:04d}.jpg", quality=90)
