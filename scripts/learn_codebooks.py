"""Learn the visual words of `local:…` from scikit-image's free photos: `python scripts/learn_codebooks.py`.

Writes hybrid_search/embedders/classical/codebooks.npz. Other words are other vectors: raise the version in local.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from hybrid_search.embedders.classical.local_features import KINDS, PARTS, WORDS, local_descriptors

PHOTOS = (
    *("astronaut.png", "brick.png", "camera.png", "chelsea.png", "clock_motion.png", "coffee.png", "coins.png"),
    *("grass.png", "gravel.png", "horse.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png"),
    *("page.png", "retina.jpg", "rocket.jpg"),
)
TARGET = Path(__file__).parent.parent / "hybrid_search" / "embedders" / "classical" / "codebooks.npz"
MOST = 30_000


def main() -> None:
    learnt: dict[str, NDArray[np.float16]] = {}
    for kind in KINDS:
        found = np.concatenate([local_descriptors(kind, view) for view in views()])
        for name, values in zip(("mean", "parts", "words"), codebook(found), strict=True):
            learnt[f"{kind}_{name}"] = values.astype(np.float16)
        print(f"{kind}: {len(found)} descriptors")
    np.savez(TARGET, **learnt)
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


def views() -> Iterator[Image.Image]:
    """Give each photo whole, and nine overlapping quarters of it."""
    for name in PHOTOS:
        with Image.open(Path(skimage.__file__).parent / "data" / name) as opened:
            photo = opened.convert("RGB")
        width, height = photo.size
        yield photo
        for left in (0, width // 4, width // 2):
            for top in (0, height // 4, height // 2):
                yield photo.crop((left, top, left + width // 2, top + height // 2))


def codebook(found: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean, the principal components as columns, and the words, by k-means with a fixed seed."""
    mean = found.mean(axis=0, dtype=np.float64)
    _, components = np.linalg.eigh(np.cov((found - mean).T))
    parts = components[:, ::-1][:, :PARTS]
    # an eigenvector's sign is anyone's choice: the largest of its values is positive
    parts = parts * np.sign(parts[np.abs(parts).argmax(axis=0), np.arange(PARTS)])
    chosen = np.random.default_rng(0).permutation(len(found))[:MOST]
    features = ((found[chosen] - mean) @ parts).astype(np.float32)
    cv2.setRNGSeed(1)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 1e-4)
    _, _, words = cv2.kmeans(features, WORDS, np.empty(0, np.int32), criteria, 2, cv2.KMEANS_PP_CENTERS)
    return mean, parts, np.asarray(words, np.float64)


if __name__ == "__main__":
    main()
