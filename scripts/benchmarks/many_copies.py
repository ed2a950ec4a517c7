"""Further copies of one picture, in processor time, beside as many copies of different pictures."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from hybrid_search import HybridIndex
from scripts.benchmarks.machine import table

SIZES = (500, 1000, 2000, 4000)


def measure(photos: Path, *, quick: bool = False) -> str:
    """Index N copies beside a picture that has N already, and let them vanish; a constant is the same in all lines."""
    rows: list[list[object]] = []
    for number in SIZES[:2] if quick else SIZES:
        with tempfile.TemporaryDirectory() as folder:
            one = _milliseconds(Path(folder) / "one", number, pictures=1)
            many = _milliseconds(Path(folder) / "many", number, pictures=number)
        rows.append([number, one[0], many[0], one[0] / many[0], one[1]])
    header = ["N", "a copy of one picture, CPU ms", "of N pictures, CPU ms", "ratio", "vanished, CPU ms"]
    return "## Many copies\n\n`colour:lab`, pictures of 64 × 48 pixels; per file\n\n" + table(header, rows)


def _milliseconds(root: Path, number: int, *, pictures: int) -> tuple[float, float]:
    """Return what each further copy costs, and what each costs that has vanished again."""
    noise = np.random.default_rng(pictures)
    for each in range(pictures):
        path = root / "first" / f"{each}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (48, 64, 3), np.uint8)).save(path)
    for each in range(pictures, number):
        os.link(root / "first" / "0.png", root / "first" / f"{each}.png")
    with HybridIndex(root.with_suffix(".index"), embedder="colour:lab") as index:
        index.add_folder(root)
        shutil.copytree(root / "first", root / "more", copy_function=os.link)
        spent = [_processor_seconds(index, root)]
        shutil.rmtree(root / "more")
        spent.append(_processor_seconds(index, root))
    return spent[0] / number * 1000, spent[1] / number * 1000


def _processor_seconds(index: HybridIndex, root: Path) -> float:
    start = time.process_time()
    index.add_folder(root)
    return time.process_time() - start
