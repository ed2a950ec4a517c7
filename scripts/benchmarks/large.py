"""All in one on a large embedded index beside a smaller one: time, processor time, memory, disk, recall.

One index is filled and copied at each size, so that the smaller ones hold the first documents of the larger. Each copy
is searched by a process of its own; they answer the same questions in turn, so that what else the machine does falls on
all. Documents have what these searches read (caption, iso, tags, vector, signature), and not the words of signatures
and the names of files, which are a third of the time that filling takes.
"""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search import HybridIndex
from hybrid_search.backends import Action
from hybrid_search.hits.hits import read_hits
from hybrid_search.query.body import build_body
from hybrid_search.query.query import make_query
from hybrid_search.signature.goldberg import norm
from scripts.benchmarks.collection import DIMS, SHARES, Collection, SyntheticEmbedder, document_id, kinds, recall
from scripts.benchmarks.machine import median, peak_megabytes, table

SIZES = (100_000, 1_000_000)
_KINDS = ("text, 3 words", "vector", "signature", "all in one, filtered")
_ROUNDS, _QUESTIONS = 6, 10
_RECALLED = 25
_BATCH = 5_000
_MB = 1 << 20


def measure(*, sizes: Sequence[int] = SIZES, folder: Path | None = None) -> str:
    """Return a table; with a folder, indexes that it holds already are used, and new ones stay there."""
    sizes = sorted(sizes)
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            return measure(sizes=sizes, folder=Path(temporary))
    collection = Collection(sizes[-1])
    places = [folder / f"at-{size}" for size in sizes]
    if not all(place.exists() for place in places):
        _fill(folder, collection, sizes)
    with _searchers(places) as searchers:
        runs = _timed(searchers, collection, among=sizes[0])
        columns = _figures(runs)
        for column, searcher, size, place in zip(columns, searchers, sizes, places, strict=True):
            files = [path.stat().st_size for path in place.rglob("*") if path.is_file()]
            column += [*_recalls(searcher, collection, size), _ask(searcher, "memory", None), sum(files) / _MB]
    names = [name for kind in _KINDS for name in (f"{kind}, processor ms", f"{kind}, ÷ smallest")]
    names += [*(f"recall@10 at {share:.1%}" for share in SHARES), "peak memory of a process, MB", "disk, MB"]
    rows = [list(row) for row in zip(names, *columns, strict=True)]
    title = f"## Large embedded indexes, {DIMS} dims\n\n"
    return title + table(["documents", *(f"{size:,}" for size in sizes)], rows)


def _fill(folder: Path, collection: Collection, sizes: Sequence[int]) -> None:
    whole = folder / "index"
    for first, size in zip([0, *sizes], sizes, strict=False):
        with HybridIndex(whole, embedder=SyntheticEmbedder()) as index:
            for start in range(first, size, _BATCH):
                numbers = range(start, min(start + _BATCH, size))
                index.backend.bulk([Action("index", document_id(each), _source(collection, each)) for each in numbers])
        shutil.copytree(whole, folder / f"at-{size}")
    shutil.rmtree(whole)


def _source(collection: Collection, number: int) -> dict[str, Any]:
    return {
        "sha256": document_id(number),
        "caption": collection.caption(number),
        "iso": int(collection.isos[number]),
        "tags": [f"part{collection.parts[number]}"],
        "embedding": {"synthetic": collection.vectors[number]},
        "signature": collection.signatures[number],
        "signature_norm": norm(collection.signatures[number]),
    }


def _timed(searchers: Sequence[Connection], collection: Collection, *, among: int) -> list[dict[str, list[float]]]:
    """Return processor milliseconds of each round by kind of search, for each index."""
    runs: list[dict[str, list[float]]] = [{kind: [] for kind in _KINDS} for _ in searchers]
    random = np.random.default_rng(11)
    for number in range(_ROUNDS + 1):
        for kind in _KINDS:
            chosen = random.integers(0, among, _QUESTIONS).tolist()
            questions = [kinds(collection, each)[kind] for each in chosen]
            for searcher, run in zip(searchers, runs, strict=True):
                spent = _ask(searcher, "time", questions)
                if number:  # the first round reads files and fills caches
                    run[kind].append(spent)
    return runs


def _figures(runs: Sequence[dict[str, list[float]]]) -> list[list[float]]:
    columns = []
    for run in runs:
        paired = {kind: [a / b for a, b in zip(run[kind], runs[0][kind], strict=True)] for kind in _KINDS}
        columns.append([value for kind in _KINDS for value in (median(run[kind]), median(paired[kind]))])
    return columns


def _recalls(searcher: Connection, collection: Collection, size: int) -> list[float]:
    found = []
    for share in SHARES:
        filter, allowed = collection.among(share)
        numbers = np.random.default_rng(13).integers(0, size, _RECALLED).tolist()
        vectors = [collection.near(number).vector for number in numbers]
        wanted = _nearest(collection, vectors, allowed[allowed < size], size)
        found.append(recall(_ask(searcher, "find", [(vector, filter) for vector in vectors]), wanted))
    return found


def _nearest(
    collection: Collection, vectors: Sequence[NDArray[np.float32]], allowed: NDArray[np.intp], size: int
) -> list[list[str]]:
    """Return the ids of the ten nearest to each vector, found by comparing with every document that is allowed."""
    rows = collection.vectors[:size] if len(allowed) == size else collection.vectors[allowed]
    cosines = rows @ np.stack(vectors).T
    best = np.argsort(-cosines, axis=0, kind="stable")[:10]
    return [[document_id(int(row)) for row in allowed[column]] for column in best.T]


@contextmanager
def _searchers(places: Sequence[Path]) -> Iterator[list[Connection]]:
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in places]
    processes = [
        context.Process(target=_answer, args=(place, there), daemon=True)
        for place, (_, there) in zip(places, pipes, strict=True)
    ]
    for process in processes:
        process.start()
    try:
        yield [here for here, _ in pipes]
    finally:
        for process in processes:
            process.terminate()


def _ask(searcher: Connection, what: str, questions: Any) -> Any:
    searcher.send((what, questions))
    return searcher.recv()


def _answer(place: Path, asked: Connection) -> None:
    """Answer what is asked of one index, in a process of its own."""
    with HybridIndex(place, embedder=SyntheticEmbedder(), create=False) as index:
        while True:
            what, questions = asked.recv()
            if what == "memory":
                asked.send(peak_megabytes())
            elif what == "find":
                asked.send([index.search(vector=vector, filter=filter, k=10).ids() for vector, filter in questions])
            else:
                asked.send(_time(index, questions))


def _time(index: HybridIndex, questions: Sequence[dict[str, Any]]) -> float:
    started = time.process_time()
    for question in questions:
        query = make_query(index.backend.known_definition(), **question)
        body = build_body(query)
        read_hits(index.backend.search_lazily(body), query, body)
    return (time.process_time() - started) * 1000 / len(questions)
