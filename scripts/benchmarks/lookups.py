"""What `index.find_duplicates` and the judge say of every copy and every treacherous pair, kept as it goes.

A run that is cut off goes on where it stopped; results of other code than the present are not used.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hybrid_search import HybridIndex
from hybrid_search.hits.evidence import TIERS
from scripts.benchmarks.fingerprints import code_stamp
from scripts.benchmarks.holes import HolePair
from scripts.benchmarks.machine import median


@dataclass(frozen=True)
class Ask:
    """A picture to look up, and the only one that may be found, None for any."""

    path: Path
    only: Path | None = None

    @property
    def name(self) -> str:
        """What its result is kept by."""
        return str(self.path) if self.only is None else f"{self.path}|{self.only}"


@dataclass(frozen=True)
class Found:
    """What one lookup gave.

    Parameters
    ----------
    query : str
        What was asked: the picture's path, and the only one that might be found where there was such.
    hits : list of (path, tier, inliers or None, figure or None)
        Best first.
    """

    query: str
    hits: list[list[Any]]


class Results:
    """Results by query in a file of JSON Lines.

    Parameters
    ----------
    path : Path
        The file; the last line of a run that was cut off is passed over.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self.known: dict[str, dict[str, Any]] = {}
        if path.exists():
            text = path.read_text()
            if not text.endswith("\n"):
                path.write_text(text + "\n")
            for line in text.splitlines():
                try:
                    entry = json.loads(line)
                except json.JSONDecodeError:
                    continue
                self.known[entry["query"]] = entry

    def add(self, entry: dict[str, Any]) -> None:
        """Write one down."""
        self.known[entry["query"]] = entry
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")


def look_up(
    folder: Path,
    stored: Sequence[Path],
    queries: Sequence[Ask],
    *,
    embedder: str = "lite",
    workers: int = 1,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Found]:
    """Look pictures up in an index of others.

    More than one worker each read a copy of the index, as one process may open one.
    """
    stamp = _stamp(stored, embedder)
    results = Results(folder / f"lookups-{stamp}.jsonl")
    left = [ask for ask in queries if ask.name not in results.known]
    if left:
        with HybridIndex(folder / f"index-{stamp}", embedder=embedder) as index:
            _fill(index, stored, progress)
        for count, found in enumerate(_all(folder / f"index-{stamp}", embedder, left, workers)):
            results.add(asdict(found))
            if count % 200 == 199:
                progress(f"looked up {count + 1:,} of {len(left):,} pictures")
    return {ask.name: Found(**results.known[ask.name]) for ask in queries}


def _all(location: Path, embedder: str, asked: Sequence[Ask], workers: int) -> Iterator[Found]:
    if workers == 1:
        with HybridIndex(location, embedder=embedder) as index:
            yield from (_look_up(index, ask) for ask in asked)
        return
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        given = (location, Path(folder), embedder)
        with context.Pool(workers, initializer=_open_copy, initargs=given) as pool:
            yield from pool.imap_unordered(_look_up_in_copy, asked)


_opened: list[HybridIndex] = []


def _open_copy(location: Path, folder: Path, embedder: str) -> None:
    shutil.copytree(location, folder / str(os.getpid()))
    _opened.append(HybridIndex(folder / str(os.getpid()), embedder=embedder))


def _look_up_in_copy(ask: Ask) -> Found:
    return _look_up(_opened[0], ask)


def look_up_pairs(
    folder: Path, pairs: Sequence[HolePair], *, workers: int = 1, progress: Callable[[str], None] = lambda line: None
) -> list[str | None]:
    """Return the tier by which each pair's second picture finds the first, when no other is let through.

    So the first is always among the proposals, and no better match stops the search for parts of pictures.
    """
    stored = list(dict.fromkeys(pair.a for pair in pairs))
    asked = [Ask(pair.b, pair.a) for pair in pairs]
    found = look_up(folder, stored, asked, workers=workers, progress=progress)
    hits = [found[ask.name].hits for ask in asked]
    return [each[0][1] if each else None for each in hits]


def judge_pairs(
    folder: Path, pairs: Sequence[HolePair], *, progress: Callable[[str], None] = lambda line: None
) -> list[str | None]:
    """Return the tier that the judge gives each pair by itself, None where it sees nothing."""
    results = Results(folder / f"pairs-{code_stamp()}.jsonl")
    names = [f"{pair.a}|{pair.b}" for pair in pairs]
    left = [pair for pair, name in zip(pairs, names, strict=True) if name not in results.known]
    for name, tier in _judged(left):
        results.add({"query": name, "tier": tier})
    progress(f"judged {len(left):,} pairs")
    return [results.known[name]["tier"] for name in names]


def _judged(pairs: Sequence[HolePair]) -> Iterator[tuple[str, str | None]]:
    from hybrid_search.document.picture import prepare
    from hybrid_search.duplicates.compare.judge import Judge
    from hybrid_search.duplicates.model import Subject
    from hybrid_search.images import read_source
    from hybrid_search.signature.goldberg import SIGNATURE_MIN_SIDE

    subjects: dict[Path, Any] = {}

    def subject(path: Path) -> Any:
        if path not in subjects:
            source = read_source(path)
            prepared = prepare(source, min_side=SIGNATURE_MIN_SIDE)
            signature = prepared.signature if prepared.signature.any() else None
            subjects[path] = Subject(
                source.sha256, source.sha256, (str(path),), prepared.width, prepared.height, signature
            )
        return subjects[path]

    judge = Judge(tiers=TIERS)
    for pair in pairs:
        evidence = judge.judge(subject(pair.a), subject(pair.b))
        yield f"{pair.a}|{pair.b}", None if evidence is None else evidence.tier


def time_lookups(
    folder: Path, stored: Sequence[Path], queries: Sequence[Path], *, embedder: str = "lite", count: int = 64
) -> float:
    """Return the median time of a lookup in milliseconds, decoding and embedding in it, over copies of all kinds."""
    taken = []
    with HybridIndex(folder / f"index-{_stamp(stored, embedder)}", embedder=embedder) as index:
        # an odd step, so that it meets every kind of the 32 that follow one another
        for path in queries[:: max(1, len(queries) // count) | 1]:
            start = time.perf_counter()
            index.find_duplicates(path)
            taken.append((time.perf_counter() - start) * 1000)
    return median(taken)


def _look_up(index: HybridIndex, ask: Ask) -> Found:
    filter = None if ask.only is None else {"term": {"path": str(ask.only)}}
    hits = index.find_duplicates(ask.path, tiers=TIERS, filter=filter)
    return Found(ask.name, [[hit.path, hit.tier, *_figures(hit.evidence)] for hit in hits])


def _figures(evidence: Any) -> tuple[Any, Any]:
    return (None, None) if evidence is None else (evidence.inliers, evidence.strength[1])


def _fill(index: HybridIndex, stored: Sequence[Path], progress: Callable[[str], None]) -> None:
    have = {str(path) for document in index.backend.scan(fields=("path",)) for path in document[1].get("path", ())}
    left = [path for path in stored if str(path) not in have]
    for count, path in enumerate(left):
        index.add(path)
        if count % 200 == 199:
            progress(f"indexed {count + 1:,} of {len(left):,} pictures")
    index.refresh()


def _stamp(stored: Sequence[Path], embedder: str) -> str:
    names = "\n".join(str(path) for path in stored)
    return f"{code_stamp()}-{hashlib.sha256((embedder + names).encode()).hexdigest()[:8]}"
