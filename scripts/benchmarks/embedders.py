"""Embedders: how fast they are, what a search in words costs to start, and what they find."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from scripts.benchmarks import (
    embedders_dtypes,
    embedders_indexing,
    embedders_named,
    embedders_people,
    embedders_similar,
    embedders_speed,
    embedders_start,
    embedders_words,
    joint_methods,
)

PARTS: Mapping[str, Callable[..., str]] = {
    "speed": embedders_speed.measure,
    "indexing": embedders_indexing.measure,
    "start": embedders_start.measure,
    "words": embedders_words.measure,
    "similar": embedders_similar.measure,
    "joint": joint_methods.measure,
    "people": embedders_people.measure,
    "dtypes": embedders_dtypes.measure,
}


def measure(photos: Path, *, quick: bool = False, only: Sequence[str] = (), names: Sequence[str] = ()) -> str:
    """Return the tables of the parts that are asked for, all by default; of embedders by name instead where given."""
    if names:
        return f"## Embedders\n\n{embedders_named.measure(photos, quick=quick, names=names)}"
    texts = [part(photos, quick=quick) for name, part in PARTS.items() if not only or name in only]
    return "\n".join(["## Embedders\n", *texts])
