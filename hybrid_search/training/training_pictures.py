"""Small squares of many pictures to learn from, out of a folder or an index."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.backends import Backend
from hybrid_search.document.picture import prepare
from hybrid_search.embedders.trained.autoencoder_embedder import squash
from hybrid_search.errors import ImageError, TrainingImpossible
from hybrid_search.images import DEFAULT_LIMITS, read_source
from hybrid_search.ingest.folder_walk import walk
from hybrid_search.training.examples import Examples

MOST = 20_000
"""Pictures learned from at most, some at random of more: at 64 × 64 pixels they take 250 MB."""
_BATCH = 256  # pictures read together; no measurement is kept
_What = tuple[NDArray[np.uint8], str, str]


@dataclass(frozen=True)
class Pictures:
    """Small squares, and what is known of each.

    Parameters
    ----------
    pixels : (n, size, size, 3) uint8 ndarray
    folders : tuple of str
        The folder that each lies in, "" where it is in none.
    groups : tuple of str
        The group of copies that each is in; one of its own where it is in none.
    """

    pixels: NDArray[np.uint8]
    folders: tuple[str, ...]
    groups: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pixels)

    def as_examples(self) -> Examples:
        """Return the folders as labels; where all are in one, that says nothing."""
        known = {folder for folder in self.folders if folder}
        marks = tuple(frozenset([folder] if folder and len(known) > 1 else []) for folder in self.folders)
        return Examples(np.zeros((len(self), 0), np.float32), marks, self.groups)


def pictures_below(
    root: Path, *, size: int, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> Pictures:
    """Return the pictures below a folder; files that cannot be read are passed over, copies kept together.

    Parameters
    ----------
    root : Path
    size : int
        Pixels of their sides.
    seed : int
        Chooses 20,000 where there are more.
    progress : callable, optional
        Called with how many are read, of how many.

    Raises
    ------
    TrainingImpossible
        When there is no such folder, or no picture in it that can be read.
    """
    if not root.is_dir():
        raise TrainingImpossible("on this folder", f"there is no folder {str(root)!r}")
    paths = _some([found.path for found in walk(root)], seed)
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="hybrid-search-read") as pool:
        # in batches, so that an interruption does not wait for all of them
        batches = (paths[start : start + _BATCH] for start in range(0, len(paths), _BATCH))
        read = (each for batch in batches for each in pool.map(partial(_read, size=size), batch))
        return _gathered(_counted(read, len(paths), progress), str(root))


def pictures_in(
    backend: Backend, *, size: int, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> Pictures:
    """Return the pictures of an index, from their thumbnails: no file is read.

    Parameters
    ----------
    backend : Backend
    size, seed, progress
        As of `pictures_below`.

    Raises
    ------
    TrainingImpossible
        When the index has no thumbnails.
    """
    ids = set(_some([id for id, _ in backend.scan(fields=("sha256",))], seed))
    found = backend.scan(fields=("thumbnail", "path", "duplicate.group"))
    read = (_shown(id, source, size=size) for id, source in found if id in ids)
    return _gathered(_counted(read, len(ids), progress), backend.location)


def _some(names: list[str], seed: int) -> list[str]:
    if len(names) <= MOST:
        return names
    chosen = np.sort(np.random.default_rng(seed).choice(len(names), MOST, replace=False))
    return [names[at] for at in chosen]


def _read(path: str, *, size: int) -> _What | None:
    try:
        source = read_source(path, limits=DEFAULT_LIMITS)
        image = prepare(source, min_side=size, limits=DEFAULT_LIMITS).image
    except ImageError:
        return None
    return squash(image, size), str(PurePath(path).parent), source.sha256


def _shown(id: str, source: dict[str, object], *, size: int) -> _What | None:
    thumbnail = str(source.get("thumbnail") or "")
    if not thumbnail:
        return None
    with Image.open(BytesIO(base64.b64decode(thumbnail.partition(",")[2]))) as image:
        pixels = squash(image, size)
    paths = source.get("path")
    folder = next((str(PurePath(path).parent) for path in _texts(paths) if "://" not in path), "")
    duplicate = source.get("duplicate")
    group = duplicate.get("group") if isinstance(duplicate, dict) else None
    return pixels, folder, str(group or f"alone {id}")


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [value] if isinstance(value, str) else []


def _counted(read: Iterable[_What | None], total: int, progress: Callable[[int, int], None] | None) -> Iterator[_What]:
    for done, each in enumerate(read, 1):
        if progress is not None:
            progress(done, total)
        if each is not None:
            yield each


def _gathered(read: Iterable[_What], place: str) -> Pictures:
    found = list(islice(read, MOST))
    if not found:
        raise TrainingImpossible("on these pictures", f"{place} has none that can be read")
    pixels, folders, groups = zip(*found, strict=True)
    return Pictures(np.stack(pixels), tuple(folders), tuple(groups))
