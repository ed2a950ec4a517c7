"""How fast embedders are: decode, prepare, infer apart; batches and cores; ONNX against Keras."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from hybrid_search.embedders.onnx_export import export_onnx
from hybrid_search.embedders.registry import get_embedder
from scripts.benchmarks.embedders_alone import alone
from scripts.benchmarks.machine import table
from scripts.benchmarks.vit import save_vit

BATCHES = (1, 8, 32)
CORES = (1, 2)
LIGHT = ("lite", "lite+minilm", "histogram+hog", "colour:lab", "colour:hsv", "hog")
LOCAL = ("local:sift", "local:orb", "local:akaze")
RANDOM = "?seed=0&weights=none"
"""Weights of no worth: they take the time of real ones."""
NETWORKS = tuple(f"keras:{model}{RANDOM}" for model in ("mobilenet_v3_large", "efficientnet_b0", "resnet50"))
BOTH = tuple(f"keras:{model}{RANDOM}" for model in ("mobilenet_v3_large", "resnet50"))
VIT = "ViT-B/32 on ONNX Runtime, random weights"
COUNT = 64


def measure(photos: Path, *, quick: bool = False) -> str:
    """Return the tables; an embedder that does not run here is listed with the reason."""
    count = 8 if quick else COUNT
    with tempfile.TemporaryDirectory() as folder:
        large = {} if quick else {VIT: f"dino:{save_vit(Path(folder) / 'vit')}"}
        parts = [
            _each(photos, large, count=count, quick=quick),
            _sweep(photos, Path(folder), large, count=count // 2, quick=quick),
        ]
    return "\n".join(parts)


def _named(*names: str) -> dict[str, str]:
    return {f"`{name}`": name for name in names}


def _each(photos: Path, large: Mapping[str, str], *, count: int, quick: bool) -> str:
    names = _named(*(LIGHT[:1] + LIGHT[3:4] if quick else (*LIGHT, *LOCAL, *NETWORKS)))
    rows: list[list[object]] = []
    missing = []
    for title, name in {**names, **large}.items():
        try:
            found = alone(name, photos, count=count)
        except RuntimeError as error:
            missing.append(f"- {title}: {error}")
            continue
        infer = found.infer[32]
        whole = found.decode + found.prepare + infer
        rows.append(
            [
                title,
                str(found.dims),
                found.decode,
                found.prepare,
                infer,
                1000 / whole,
                found.load,
                found.megabytes,
            ]
        )
    header = ["embedder", "dims", "decode ms", "prepare ms", "infer ms", "images/s", "first vector s", "peak MB"]
    text = f"### Each in a process of its own, 2 cores, {count} photos in batches of 32\n\n{table(header, rows)}"
    note = "\n`decode` and `prepare` on one core, one photo after the other; `images/s` is of all three in sequence.\n"
    return text + note + ("\nNot measured:\n\n" + "\n".join(missing) + "\n" if missing else "")


def _sweep(photos: Path, folder: Path, large: Mapping[str, str], *, count: int, quick: bool) -> str:
    rows: list[list[object]] = []
    ratios: list[str] = []
    for title, name in {**_named("lite"), **large}.items():
        rows += _swept(title, name, photos, count=count)[0]
    for name in BOTH[:1] if quick else BOTH:
        path = folder / "exported.onnx"
        try:
            export_onnx(get_embedder(name), path)
            keras, by_keras = _swept(f"`{name}`", name, photos, count=count)
            onnx, by_onnx = _swept("the same, exported to ONNX", f"onnx:{path}", photos, count=count)
        except Exception as error:
            rows.append([f"`{name}`: {type(error).__name__}: {error}", *[""] * (1 + len(BATCHES))])
            continue
        rows += keras + onnx
        ratios.append(f"`{name}`: " + ", ".join(f"{by_onnx[size] / by_keras[size]:.2f}" for size in BATCHES))
    header = ["inference alone, images/s", "cores", *(f"batches of {size}" for size in BATCHES)]
    told = f"\nONNX ÷ Keras on {CORES[-1]} cores, in batches of {', '.join(map(str, BATCHES))}: {'; '.join(ratios)}.\n"
    return f"### Batches and cores, ONNX and Keras\n\n{table(header, rows)}{told if ratios else ''}"


def _swept(title: str, name: str, photos: Path, *, count: int) -> tuple[list[list[object]], dict[int, float]]:
    """Return a row for each number of cores, and images/s by batch size on all of them."""
    rows: list[list[object]] = []
    rates: dict[int, float] = {}
    for cores in CORES:
        found = alone(name, photos, count=count, cores=cores, batches=BATCHES)
        rates = {size: 1000 / found.infer[size] for size in BATCHES}
        rows.append([title, str(cores), *rates.values()])
    return rows, rates
