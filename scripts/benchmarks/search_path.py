"""One search, all in one, by two checkouts in turn: processor time before and after, and whether the hits are the same.

Two processes have the same index open and answer the same questions, one after the other, so that what else the machine
does falls on both. Run by its own path, this file is the process of one checkout.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

KIND = "all in one, filtered"
_QUERIES = 40
_ROUNDS = 8
_AFTER = Path(__file__).parents[2]


def measure(before: Path, *, sizes: Sequence[int]) -> str:
    """Return a table of both checkouts: `before`, a folder with an earlier commit, and this one."""
    from scripts.benchmarks.machine import median, table
    from scripts.benchmarks.search import build_index

    lines = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            build_index(Path(folder), size).close()
            first, second = _rounds([before.absolute(), _AFTER], folder, size)
        ratio = median([after["cpu"] / earlier["cpu"] for earlier, after in zip(first, second, strict=True)])
        same = all(earlier["hits"] == after["hits"] for earlier, after in zip(first, second, strict=True))
        for name, run in (("before", first), ("after", second)):
            figures = [median([one[part] for one in run]) for part in ("cpu", "wall")]
            lines.append([f"{size:,}", name, *figures, max(one["peak"] for one in run)])
        lines.append([f"{size:,}", f"after ÷ before, hits {'the same' if same else 'DIFFER'}", ratio, "", ""])
    head = ["documents", "", "processor ms", "least wall ms", "peak memory MB"]
    return f"## {KIND}, embedded: {_ROUNDS} rounds of {_QUERIES} new questions in turn\n\n{table(head, lines)}"


def _rounds(checkouts: Sequence[Path], folder: str, size: int) -> list[list[dict[str, Any]]]:
    with _process(checkouts[0], folder, size) as first, _process(checkouts[1], folder, size) as second:
        answers: list[list[dict[str, Any]]] = [[], []]
        for number in range(_ROUNDS + 1):
            for answered, (asked, told) in zip(answers, (first, second), strict=True):
                asked.write(f"{number}\n")
                asked.flush()
                answered.append(json.loads(told.readline()))
    # the first round reads files and fills caches
    return [answered[1:] for answered in answers]


@contextmanager
def _process(checkout: Path, folder: str, size: int) -> Iterator[tuple[IO[str], IO[str]]]:
    command = [sys.executable, str(Path(__file__)), folder, str(size)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    with subprocess.Popen(command, cwd=checkout, env=environment, **pipes) as process:
        assert process.stdin is not None and process.stdout is not None
        yield process.stdin, process.stdout
        process.stdin.close()


def _answer(folder: str, size: int) -> None:
    """Answer each round that is named on standard input with a line of JSON: what it took, and a digest of its hits."""
    import numpy as np

    from hybrid_search import HybridIndex
    from hybrid_search.hits.hits import read_hits
    from hybrid_search.query.body import build_body
    from hybrid_search.query.query import make_query
    from scripts.benchmarks.collection import Collection, SyntheticEmbedder, kinds
    from scripts.benchmarks.machine import peak_megabytes

    collection = Collection(size)
    with HybridIndex(folder, embedder=SyntheticEmbedder(), create=False) as index:
        definition = index.backend.definition()
        search = getattr(index.backend, "search_lazily", index.backend.search)
        for line in sys.stdin:
            numbers = np.random.default_rng(int(line)).integers(0, size, _QUERIES).tolist()
            walls, found = [], []
            started = time.process_time()
            for prepared in (kinds(collection, number)[KIND] for number in numbers):
                began = time.perf_counter()
                query = make_query(definition, **prepared)
                if hasattr(query, "grouped"):  # as `HybridIndex.search` finds out once: there are no duplicate groups
                    query = replace(query, grouped=False)
                body = build_body(query)
                found.append(read_hits(search(body), query, body))
                walls.append(time.perf_counter() - began)
            cpu = (time.process_time() - started) / _QUERIES
            hits = json.dumps([[*(hit.to_dict() for hit in each), each.total] for each in found], sort_keys=True)
            digest = sha256(hits.encode()).hexdigest()
            figures = {"cpu": cpu * 1000, "wall": min(walls) * 1000, "peak": peak_megabytes(), "hits": digest}
            print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    sys.path[0] = os.environ["PYTHONPATH"]  # the checkout, in the place of the folder of this file
    _answer(sys.argv[1], int(sys.argv[2]))
