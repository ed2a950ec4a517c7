"""Pictures against pictures: categories of Caltech101, and parts of photos that were turned."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.embedders import Embedder, Preparer
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.evaluate import evaluate_vectors
from hybrid_search.images import load_image
from scripts.benchmarks.machine import table

EMBEDDERS = (
    *("lite", "lite+minilm", "histogram+hog", "hog", "colour:lab", "colour:hsv"),
    *("local:sift", "local:orb", "local:akaze"),
)
TURNED, POOL = 100, 600
BATCH, WORKERS = 32, 2


def measure(photos: Path, *, quick: bool = False) -> str:
    """Return the tables of image to image; the data lies beside the photos of Flickr8k."""
    caltech = photos.parent.parent / "caltech101"
    names, asked = read_split(caltech, quick=quick)
    rows, missing = [], []
    for name in ("lite", "colour:lab", "local:orb") if quick else EMBEDDERS:
        try:
            embedder = get_embedder(name)
            embedder.embed_images([])
            vectors = embedded(embedder, [caltech / picture for picture in names])
            rows.append([f"`{name}`", *categories(vectors, names, asked), *_turned(embedder, photos, quick=quick)])
        except Exception as error:
            missing.append(f"- `{name}`: {type(error).__name__}: {error}\n")
    header = ["embedder", "mAP %", "first of its class %", "of its class in the first 10 %"]
    header += ["turned part: its photo first %", "in the first 10 %"]
    return (
        "### Image to image: 1,010 questions of Caltech101 over 1,010 others, and turned parts of photos\n\n"
        f"{table(header, rows)}\nEach of 101 classes has 10 questions and 10 pictures to be found (`split.txt`); by "
        f"chance the mAP is about 1.6 %. A turned part is three quarters of the width and height of one of {TURNED} "
        f"photos, turned by 90°, to be found among {POOL}.\n"
    ) + ("\nNot measured:\n\n" + "".join(missing) if missing else "")


def read_split(folder: Path, *, quick: bool = False) -> tuple[list[str], NDArray[np.bool_]]:
    """Return the pictures of `split.txt` by their paths in the folder, and which of them are questions."""
    split = folder / "split.txt"
    lines = split.read_text(encoding="utf-8").splitlines() if split.is_file() else []
    pairs = [line.split() for line in lines[: 100 if quick else None]]
    return [name for name, _ in pairs], np.array([kind == "query" for _, kind in pairs], bool)


def categories(vectors: NDArray[np.float32], names: Sequence[str], asked: NDArray[np.bool_]) -> list[object]:
    """Return mAP, how often the first is of the same folder, and how many of the first ten, in percent."""
    if not len(names):
        return ["", "", ""]
    classes = np.array([name.partition("/")[0] for name in names])
    relevant = classes[asked][:, None] == classes[~asked][None, :]
    figures = evaluate_vectors(vectors[asked], vectors[~asked], relevant=relevant)
    return [100 * figures.mean_average_precision, 100 * figures.success[1], 100 * figures.precision[10]]


def _turned(embedder: Embedder, photos: Path, *, quick: bool) -> list[object]:
    paths = sorted(path for path in photos.iterdir() if path.suffix == ".jpg")[: 60 if quick else POOL]
    chosen = range(0, len(paths), max(1, len(paths) // (10 if quick else TURNED)))
    gallery = embedded(embedder, paths)
    questions = embedder.embed_images([_part(load_image(paths[at])) for at in chosen])
    relevant = np.zeros((len(chosen), len(paths)), bool)
    relevant[np.arange(len(chosen)), list(chosen)] = True
    figures = evaluate_vectors(questions, gallery, relevant=relevant)
    return [100 * figures.success[1], 100 * figures.success[10]]


def _part(photo: Image.Image) -> Image.Image:
    width, height = photo.size
    box = (width // 8, height // 8, width * 7 // 8, height * 7 // 8)
    return photo.crop(box).transpose(Image.Transpose.ROTATE_90)


def embedded(embedder: Embedder, paths: Sequence[Path]) -> NDArray[np.float32]:
    """Return the vectors of pictures, decoded in threads."""

    def ready(path: Path) -> Any:
        image = load_image(path, min_side=embedder.min_side)
        return embedder.prepare(image) if isinstance(embedder, Preparer) else image

    rows = [np.zeros((0, embedder.dims), np.float32)]
    with ThreadPoolExecutor(WORKERS) as pool:
        for start in range(0, len(paths), BATCH):
            batch = list(pool.map(ready, paths[start : start + BATCH]))
            if isinstance(embedder, Preparer):
                rows.append(embedder.describe_prepared(batch)[0])
            else:
                rows.append(embedder.embed_images(batch))
    return np.concatenate(rows)
