"""Fingerprints that decide by one distance: ours, imagehash's and PDQ's, taken from files and compared alike."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.document.picture import prepare
from hybrid_search.duplicates.compare.judge import SIGNATURE_DISTANCE
from hybrid_search.images import read_source
from hybrid_search.signature.goldberg import SIGNATURE_MIN_SIDE
from hybrid_search.signature.orientations import oriented
from scripts.benchmarks.copies import open_photo, write_once
from scripts.benchmarks.machine import median

_CHUNK = 512


@dataclass(frozen=True)
class Method:
    """A fingerprint.

    Parameters
    ----------
    name : str
        As the tables call it.
    take : callable
        Path to array: the file is decoded in it.
    distances : callable
        (n, …) and (m, …) fingerprints to an (n, m) array.
    default : float
        The largest distance of what is called a copy.
    file : str
        Name under which fingerprints are kept; methods that compare the same ones in other ways share it.
    """

    name: str
    take: Callable[[Path], NDArray[Any]]
    distances: Callable[[NDArray[Any], NDArray[Any]], NDArray[np.float32]]
    default: float
    file: str


def take_all(
    folder: Path, method: Method, paths: Sequence[Path], *, progress: Callable[[str], None] = lambda line: None
) -> NDArray[Any]:
    """Return the fingerprints of files, kept in the folder from the last time the same were asked for."""
    stamps = [f"{path}:{path.stat().st_size}:{path.stat().st_mtime_ns}" for path in paths]
    stamps.append(code_stamp("signature/goldberg", "document/picture"))
    key = hashlib.sha256("\n".join(stamps).encode()).hexdigest()[:16]

    def taken() -> bytes:
        progress(f"{method.name} of {len(paths):,} pictures")
        buffer = io.BytesIO()
        np.save(buffer, np.stack([method.take(path) for path in paths]))
        return buffer.getvalue()

    return np.load(write_once(folder / f"{method.file}-{key}.npy", taken))


def times(each: Sequence[Method], paths: Sequence[Path]) -> dict[str, float]:
    """Return what a fingerprint of each method takes, median in milliseconds, the methods in turn on every file."""
    taken: dict[str, list[float]] = {method.name: [] for method in each}
    for path in paths:
        for method in each:
            start = time.perf_counter()
            method.take(path)
            taken[method.name].append((time.perf_counter() - start) * 1000)
    return {name: median(values) for name, values in taken.items()}


@cache
def code_stamp(*modules: str) -> str:
    """Return a hash of modules of the library, of all but the command line when none is named.

    What other code than the present gave is stale.
    """
    root = Path(__file__).parents[2] / "hybrid_search"
    files = [root / f"{name}.py" for name in modules] or sorted(root.rglob("*.py"))
    files = [path for path in files if "cli" not in path.relative_to(root).parts]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def signature_of(path: Path) -> NDArray[np.int8]:
    return prepare(read_source(path), min_side=SIGNATURE_MIN_SIDE).signature


def hash_of(name: str) -> Callable[[Path], NDArray[np.bool_]]:
    import imagehash

    function = getattr(imagehash, name)
    return lambda path: np.asarray(function(open_photo(path)).hash, bool).reshape(-1)


def pdq_of(path: Path) -> NDArray[np.bool_]:
    import pdqhash

    return np.asarray(pdqhash.compute(np.asarray(open_photo(path)))[0], bool)


def pdq_orientations_of(path: Path) -> NDArray[np.bool_]:
    import pdqhash

    return np.asarray(pdqhash.compute_dihedral(np.asarray(open_photo(path)))[0], bool)


def goldberg(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float32]:
    """Return normalised distances; a picture without a signature is 1 from all."""
    left, right = a.astype(np.float32), b.astype(np.float32)
    norms = np.linalg.norm(left, axis=1)[:, None], np.linalg.norm(right, axis=1)[None]
    squares = np.maximum(norms[0] ** 2 + norms[1] ** 2 - 2 * (left @ right.T), 0)
    apart = np.sqrt(squares) / np.maximum(norms[0] + norms[1], 1e-6)
    return np.where((norms[0] > 0) & (norms[1] > 0), apart, 1).astype(np.float32)


def goldberg_oriented(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float32]:
    """Return the least distance over the eight orientations of the first, and of its negative."""
    best = np.full((len(a), len(b)), 2, np.float32)
    for start in range(0, len(a), _CHUNK):
        rows = np.stack([oriented(one) for one in a[start : start + _CHUNK]])
        for turn in range(rows.shape[1]):
            part = best[start : start + _CHUNK]
            np.minimum(part, goldberg(rows[:, turn], b), out=part)
    return best


def hamming(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float32]:
    """Return numbers of bits that differ."""
    left, right = 2 * a.astype(np.float32) - 1, 2 * b.astype(np.float32) - 1
    return ((a.shape[1] - left @ right.T) / 2).astype(np.float32)


def hamming_oriented(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float32]:
    """Return the least number of bits over the orientations, (n, 8, bits), of the first; (m, 8, bits) upright first."""
    turns = [hamming(a[:, turn], b[:, 0]) for turn in range(a.shape[1])]
    return np.minimum.reduce(turns)


def methods() -> Iterator[Method]:
    """Yield all that are measured; what is not installed is an ImportError that names it.

    imagehash has no cutoff of its own; 10 of 64 bits is what imagededup takes by default. PDQ's own is 31 of 256.
    """
    yield Method("signature", signature_of, goldberg, SIGNATURE_DISTANCE, "signature")
    yield Method("signature, 16 ways", signature_of, goldberg_oriented, SIGNATURE_DISTANCE, "signature")
    for name in ("phash", "dhash", "whash"):
        yield Method(name, hash_of(name), hamming, 10, name)
    yield Method("PDQ", pdq_of, hamming, 31, "pdq")
    yield Method("PDQ, 8 ways", pdq_orientations_of, hamming_oriented, 31, "pdq8")
