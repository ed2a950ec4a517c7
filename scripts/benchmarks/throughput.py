"""Fingerprints of large JPEG files per second, decoding included: ours against imagehash's."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from scripts.benchmarks.fingerprints import signature_of
from scripts.benchmarks.machine import median, table

SIZE = (4000, 3000)


def throughput(photos: Sequence[Path], *, quick: bool = False) -> str:
    """Save photos as files of 12 megapixels, and time each way in turn on each of them."""
    import imagehash

    def phash(path: Path) -> object:
        with Image.open(path) as image:
            return imagehash.phash(image)

    def drafted(path: Path) -> object:
        with Image.open(path) as image:
            image.draft("L", (256, 256))
            return imagehash.phash(image)

    ways: dict[str, Callable[[Path], object]] = {
        "imagehash phash": phash,
        "the same after Pillow's `draft`": drafted,
        "our signature": signature_of,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        for number, photo in enumerate(photos[:: max(1, len(photos) // 12)][: 3 if quick else 12]):
            path = Path(folder) / f"{number}.jpg"
            with Image.open(photo) as image:
                image.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC).save(path, quality=90)
            for name, way in ways.items():
                times[name].append(min(_seconds(way, path) for _ in range(3)))
    base = median(times["imagehash phash"])
    rows = [[name, median(each) * 1000, 1 / median(each), base / median(each)] for name, each in times.items()]
    return "### Files of 12 megapixels\n\n" + table(
        ["JPEG files of 4000 × 3000", "ms", "files/s, one core", "throughput ÷ imagehash phash"], rows
    )


def _seconds(way: Callable[[Path], object], path: Path) -> float:
    start = time.perf_counter()
    way(path)
    return time.perf_counter() - start
