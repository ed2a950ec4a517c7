"""One embedder in a process of its own: what it takes to load, to prepare and to infer, and its peak memory.

`python -m scripts.benchmarks.embedders_alone NAME FOLDER --count 64 --cores 2 --batches 1 8 32` prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid_search.embedders import Embedder, Preparer
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.images import load_image
from hybrid_search.ingest.folder_walk import walk
from scripts.benchmarks.machine import median, peak_megabytes

RUNS = 3
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Alone:
    """What one embedder takes: seconds until its first vector, then milliseconds a picture, infer by batch size."""

    dims: int
    load: float
    decode: float
    prepare: float
    infer: dict[int, float]
    megabytes: float


def alone(name: str, photos: Path, *, count: int, cores: int = 2, batches: Sequence[int] = (32,)) -> Alone:
    """Measure an embedder in a process that may use so many cores.

    Raises
    ------
    RuntimeError
        When it does not run; the text is the last line of what it said.
    """
    command = [sys.executable, "-m", __name__, name, str(photos), "--count", str(count), "--cores", str(cores)]
    ran = subprocess.run(
        [*command, "--batches", *map(str, batches)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if ran.returncode:
        raise RuntimeError((ran.stderr.strip() or "it said nothing").splitlines()[-1])
    found = json.loads(ran.stdout.splitlines()[-1])
    return Alone(**{**found, "infer": {int(size): value for size, value in found["infer"].items()}})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--batches", type=int, nargs="+", default=[32])
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    print(json.dumps(_measure(options.name, options.photos, options.count, options.batches)))


def _measure(name: str, photos: Path, count: int, batches: Sequence[int]) -> dict[str, Any]:
    paths = [found.path for found in walk(photos)][:count]
    first = load_image(paths[0], min_side=512)
    started = time.perf_counter()
    embedder = get_embedder(name)
    embedder.embed_images([first])
    load = time.perf_counter() - started
    decode = [_spent(lambda path=path: load_image(path, min_side=embedder.min_side))[0] for path in paths]
    images = [load_image(path, min_side=embedder.min_side) for path in paths]
    prepared, prepare = images, 0.0
    if isinstance(embedder, Preparer):
        prepare, prepared = min(
            (_spent(lambda: [embedder.prepare(image) for image in images]) for _ in range(RUNS)), key=lambda run: run[0]
        )
    infer = {size: _infer(embedder, prepared, size) for size in batches}
    return {
        "dims": embedder.dims,
        "load": load,
        "decode": 1000 * sum(decode) / len(paths),
        "prepare": 1000 * prepare / len(paths),
        "infer": {size: 1000 * spent / len(paths) for size, spent in infer.items()},
        "megabytes": peak_megabytes(),
    }


def _infer(embedder: Embedder, prepared: Sequence[Any], size: int) -> float:
    run = embedder.describe_prepared if isinstance(embedder, Preparer) else embedder.embed_images
    parts = [prepared[start : start + size] for start in range(0, len(prepared), size)]
    run(parts[0])
    return median([_spent(lambda: [run(part) for part in parts])[0] for _ in range(RUNS)])


def _spent(action: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = action()
    return time.perf_counter() - started, found


if __name__ == "__main__":
    main()
