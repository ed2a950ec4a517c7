"""Signature time, against image-match's algorithm done as its code goes, decoding included."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from hybrid_search.document.picture import prepare
from hybrid_search.images import read_source
from hybrid_search.ingest.folder_walk import walk
from hybrid_search.signature.goldberg import SIGNATURE_MIN_SIDE, distance, signature
from scripts.benchmarks.machine import median, table
from scripts.reference.goldberg import naive_grey, naive_signature

SIZES = {"500 × 375": (500, 375), "12 megapixels": (4000, 3000)}


def measure(photos: Path, *, quick: bool = False) -> str:
    """Take real photos, bring them to each size, save them as JPEG, and compute their signatures both ways."""
    paths = [found.path for found in walk(photos)][: 3 if quick else 12]
    rows, apart = [], []
    for name, size in SIZES.items():
        ours, naive, bare, naive_bare = [], [], [], []
        for path in paths:
            with Image.open(path) as image:
                enlarged = image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
            data = _jpeg(enlarged)
            naive.append(_seconds(lambda data=data: naive_signature(naive_grey(Image.open(io.BytesIO(data))))))
            ours.append(_seconds(lambda data=data: prepare(read_source(data), min_side=SIGNATURE_MIN_SIDE)))
            naive_bare.append(_seconds(lambda enlarged=enlarged: naive_signature(naive_grey(enlarged))))
            bare.append(_seconds(lambda enlarged=enlarged: signature(enlarged)))
            fast = prepare(read_source(data), min_side=SIGNATURE_MIN_SIDE).signature
            apart.append(distance(fast, naive_signature(naive_grey(Image.open(io.BytesIO(data))))))
        for kind, theirs, mine in ((name, naive, ours), (f"{name}, pixels in memory", naive_bare, bare)):
            rows.append([kind, median(theirs) * 1000, median(mine) * 1000, median(mine) / median(theirs)])
    return (
        "## Signature of a JPEG file\n\n"
        + table(["picture", "image-match's algorithm, ms", "ours, ms", "ours ÷ image-match's"], rows)
        + f"\nDistance between the signature of draft-decoded and of all pixels: median {np.median(apart):.3f}, "
        f"largest {max(apart):.3f} (a copy is below 0.45).\n"
    )


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _seconds(action: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)
