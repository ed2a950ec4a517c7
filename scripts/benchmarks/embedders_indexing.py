"""From a folder to an index, against the network alone: in pairs, one after the other in one process."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hybrid_search import HybridIndex
from hybrid_search.document.picture import working_image
from hybrid_search.embedders import Embedder, Preparer
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.images import load_image
from hybrid_search.ingest.picture_embedding import ready
from hybrid_search.signature.goldberg import SIGNATURE_MIN_SIDE
from scripts.benchmarks.machine import median, table
from scripts.benchmarks.vit import save_vit

LIGHT, HEAVY = ("lite", "lite+minilm"), "keras:resnet50?seed=0&weights=none"
VIT = "ViT-B/32 on ONNX Runtime, random weights"
MEGAPIXELS = (2, 12)
COUNT, HEAVY_COUNT, LARGE_COUNT, RUNS = 192, 64, 32, 3
BATCH = 32
NOISE, QUALITY = 6.0, 90
"""What makes an enlarged photo as large a file as a camera's: 3 to 5 MB at 12 megapixels."""


@dataclass(frozen=True)
class Spent:
    """Wall time and processor time of one run, seconds."""

    wall: float
    cores: float


def measure(photos: Path, *, quick: bool = False) -> str:
    """Return the table; an embedder that does not run here is listed with the reason."""
    count, runs = (16, 1) if quick else (COUNT, RUNS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = sorted(path for path in photos.iterdir() if path.suffix in (".jpg", ".png"))[:count]
        small = _copied(paths, folder / "small")
        tasks = [(f"`{each}`", each, small) for each in LIGHT[: 1 if quick else 2]]
        if not quick:
            fewer = _copied(paths[:HEAVY_COUNT], folder / "fewer")
            tasks += [(f"`{HEAVY}`", HEAVY, fewer), (VIT, f"dino:{save_vit(folder / 'vit')}", fewer)]
            for size in MEGAPIXELS:
                large = _enlarged(paths[:LARGE_COUNT], folder / str(size), size)
                tasks.append((f"`lite`, {size} megapixels", "lite", large))
        rows = [_row(title, embedder, place, runs=runs) for title, embedder, place in tasks]
    header = ["indexing", "photos", "photos/s", "inference alone", "÷ inference alone", "÷ all three in turn"]
    header += ["core-ms indexed", "core-ms inference", "÷ in core-ms"]
    return (
        f"### From end to end, embedded index\n\n{table(header, rows)}\n"
        f"Medians of {runs} pairs: inference of prepared pictures in batches of {BATCH}, then the folder. `all three` "
        "are decoding, preparing and inference one after the other, the first two on one core. Core-ms are processor "
        "time for each photo, which other work on the machine disturbs less. Larger photos are enlarged, with noise.\n"
    )


def _row(title: str, name: str, folder: Path, *, runs: int) -> list[object]:
    try:
        pairs = _pairs(get_embedder(name), folder, runs=runs)
    except Exception as error:
        return [title, f"{type(error).__name__}: {error}", *[""] * 7]
    count = len(list(folder.iterdir()))
    infer, turn, indexed = (median([pair[place].wall for pair in pairs]) for place in range(3))
    cores = [1000 * median([pair[place].cores for pair in pairs]) / count for place in (2, 0)]
    return [
        title,
        str(count),
        count / indexed,
        count / infer,
        median([pair[0].wall / pair[2].wall for pair in pairs]),
        turn / indexed,
        *cores,
        median([pair[0].cores / pair[2].cores for pair in pairs]),
    ]


def _pairs(embedder: Embedder, folder: Path, *, runs: int) -> list[tuple[Spent, Spent, Spent]]:
    """Return for each run what inference, decoding, preparing and inference in turn, and indexing took."""
    paths = sorted(folder.iterdir())

    def index() -> None:
        with HybridIndex(embedder=embedder) as made:
            made.add_folder(folder)

    prepared = [_ready(embedder, path) for path in paths]
    _infer(embedder, prepared[:BATCH])
    index()
    found = []
    for _ in range(runs):
        first = _spent(lambda: [_ready(embedder, path) for path in paths])
        infer = _spent(lambda: _infer(embedder, prepared))
        found.append((infer, Spent(first.wall + infer.wall, first.cores + infer.cores), _spent(index)))
    return found


def _ready(embedder: Embedder, path: Path) -> Any:
    enough = max(embedder.min_side, SIGNATURE_MIN_SIDE)
    return ready(embedder, working_image(load_image(path, min_side=enough), min_side=enough))


def _infer(embedder: Embedder, prepared: Sequence[Any]) -> None:
    run = embedder.describe_prepared if isinstance(embedder, Preparer) else embedder.embed_images
    for start in range(0, len(prepared), BATCH):
        run(prepared[start : start + BATCH])


def _spent(action: Callable[[], object]) -> Spent:
    wall, cores = time.perf_counter(), time.process_time()
    action()
    return Spent(time.perf_counter() - wall, time.process_time() - cores)


def _copied(paths: Sequence[Path], folder: Path) -> Path:
    folder.mkdir()
    for path in paths:
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def _enlarged(paths: Sequence[Path], folder: Path, megapixels: int) -> Path:
    folder.mkdir()
    random = np.random.default_rng(0)
    for path in paths:
        image = Image.open(path).convert("RGB")
        scale = (1e6 * megapixels / (image.width * image.height)) ** 0.5
        large = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
        noise = NOISE * random.standard_normal((large.height, large.width, 1), np.float32)
        noisy = np.clip(np.asarray(large) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / f"{path.stem}.jpg", quality=QUALITY)
    return folder
