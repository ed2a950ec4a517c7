"""Embedders: how fast they are, what a search in words costs to start, and what they find."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from scripts.benchmarks import embedders_similar, embedders_speed, embedders_start, embedders_words, joint_methods

PARTS: Mapping[str, Callable[..., str]] = {
    "speed": embedders_speed.measure,
    "start": embedders_start.measure,
    "words": embedders_words.measure,
    "similar": embedders_similar.measure,
    "joint": joint_methods.measure,
}


def measure(photos: Path, *, quick: bool = False, only: Sequence[str] = ()) -> str:
    """Measure the parts that are asked for, all by default, and return their tables."""
    texts = [part(photos, quick=quick) for name, part in PARTS.items() if not only or name in only]
    return "\n".join(["## Embedders\n", *texts])
