"""What people type, over photos without captions and over a library with metadata: found, shown rightly, and nothing.

Everything is asked through `HybridIndex.search` as people ask it, with its defaults. `found@10` is how much of what
could be among the first ten is there: the relevant ones among them ÷ min(10, relevant). `precision` is how much of what
is shown on the first page of ten is relevant; of a query for which there is nothing to find it is 1 where nothing is
shown. Both are means over queries.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import hybrid_search
from hybrid_search import HybridIndex
from hybrid_search.evaluate import evaluate
from scripts.benchmarks.machine import median, table
from scripts.pictures.library import plan
from scripts.pictures.library_files import default_cache, write_library
from scripts.pictures.library_queries import TypedQuery, library_queries, write_queries

EMBEDDERS = ("lite", "lite+minilm")
SETS = ("typed", "own")
PAGE = 10
_ROOT = Path(__file__).parents[2]
_ASKS = ("cli", "duplicates", "errors", "evaluate", "hits", "image_match", "query", "training")
"""Folders of the package that leave an index as it is; the code of all others says what it holds."""


@dataclass(frozen=True)
class Options:
    """What is measured: see the options of `scripts/bench.py`."""

    embedders: Sequence[str] = EMBEDDERS
    sets: Sequence[str] = SETS
    half: str = ""
    year: int = field(default_factory=lambda: date.today().year - 1)
    search: Mapping[str, Any] = field(default_factory=dict)
    per_query: bool = False
    fresh: bool = False
    read_text: bool = False


@dataclass(frozen=True)
class Answer:
    """What was shown for a query, best first, as paths below the folder that was indexed, and how long it took."""

    query: TypedQuery
    shown: tuple[str, ...]
    milliseconds: float

    @property
    def found(self) -> float | None:
        """Relevant ones among the first ten ÷ min(10, relevant); None where there is nothing to find."""
        if not self.query.relevant:
            return None
        return self._figures().recall[PAGE] * len(self.query.relevant) / min(PAGE, len(self.query.relevant))

    @property
    def precision(self) -> float:
        """Relevant ÷ shown on the first page; of nothing 1 where there is nothing to find, else 0."""
        if not self.shown:
            return float(not self.query.relevant)
        if not self.query.relevant:
            return 0.0
        return self._figures().precision[PAGE] * PAGE / len(self.shown)

    def _figures(self) -> Any:
        return evaluate({"": self.shown}, {"": self.query.relevant}, cutoffs=[PAGE])


def measure(data: Path, options: Options) -> str:
    """Return the tables of each set and embedder, after those of each query where they are wanted."""
    parts = []
    for name in options.sets:
        folder, queries = _typed(data) if name == "typed" else _own(data, options.year)
        asked = [query for query in queries if options.half in ("", query.half)]
        answers = {each: _answers(folder, each, asked, options) for each in options.embedders}
        half = f", half {options.half}" if options.half else ""
        parts.append(f"### {name}: {len(asked)} queries{half} over {_count(folder)} pictures of {_TITLES[name]}\n")
        parts += [_each_query(answers)] if options.per_query else []
        parts.append(_by_kind(answers))
    return "\n".join(parts)


def is_checkout(folder: Path) -> bool:
    """Tell whether the package that is measured comes from this folder."""
    return Path(hybrid_search.__file__).resolve().is_relative_to(folder.resolve())


def measure_checkout(checkout: Path, arguments: Sequence[str]) -> str:
    """Return what `scripts/bench.py` prints with the package of another checkout, such as an earlier commit."""
    program = (
        "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); import hybrid_search; sys.path.pop(0); "
        f"sys.argv[0] = {str(_ROOT / 'scripts' / 'bench.py')!r}; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-c", program, str(checkout.absolute()), *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


# -- the two sets ----------------------------------------------------------------------------------------------------

_TITLES = {"typed": "Flickr8k without captions", "own": "a library with metadata"}


def _typed(data: Path) -> tuple[Path, list[TypedQuery]]:
    """Return the photos of Flickr8k, and the queries of the shared data."""
    with (data / "typed" / "queries.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    queries = [
        TypedQuery("what it shows", row["query"], tuple(row["relevant"].split()), "ab"[number % 2])
        for number, row in enumerate(rows)
    ]
    return data / "flickr8k" / "images", queries


def _own(data: Path, year: int) -> tuple[Path, tuple[TypedQuery, ...]]:
    photos = plan(data, year=year)
    queries = library_queries(photos, year=year)
    folder = write_library(photos, data, default_cache())
    write_queries(queries, folder.parent / "queries.tsv")
    return folder, queries


def _count(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


# -- questions and answers -------------------------------------------------------------------------------------------


def _answers(folder: Path, embedder: str, queries: Sequence[TypedQuery], options: Options) -> list[Answer]:
    with open_index(folder, embedder, options) as index:
        # the first one loads what later ones find loaded
        index.search("a photo", **options.search)
        return [_answer(index, folder, query, options.search) for query in queries]


def _answer(index: HybridIndex, folder: Path, query: TypedQuery, how: Mapping[str, Any]) -> Answer:
    start = time.perf_counter()
    hits = index.search(query.text, **how)
    milliseconds = 1000 * (time.perf_counter() - start)
    shown = tuple(Path(str(hit.path)).relative_to(folder).as_posix() for hit in hits[:PAGE])
    return Answer(query, shown, milliseconds)


def open_index(folder: Path, embedder: str, options: Options) -> HybridIndex:
    """Return the index of a folder, from the cache where pictures and the code that writes indexes are the same."""
    package = Path(hybrid_search.__file__).parent
    folders = sorted(path for path in package.iterdir() if path.is_dir() and path.name not in _ASKS)
    code = sorted(path for each in folders for path in each.resolve().rglob("*") if path.is_file())
    content = sha256(f"{folder} {embedder} {options.read_text}".encode())
    for path in code:
        if path.suffix != ".pyc":
            content.update(path.read_bytes())
    place = default_cache() / f"index-{content.hexdigest()[:16]}"
    known = (place / "whole").is_file() and not options.fresh
    index = HybridIndex(place / "index", embedder=embedder)
    if not known:
        report = index.add_folder(folder)
        if report.failed:
            raise RuntimeError(f"{len(report.failed)} pictures cannot be read: {report.failed[:3]}")
        if options.read_text:
            index.read_text()
        (place / "whole").touch()
    return index


# -- tables ----------------------------------------------------------------------------------------------------------


def _by_kind(answers: Mapping[str, Sequence[Answer]]) -> str:
    """Return the figures of each kind of query, and of those with something and with nothing to find together."""
    first = next(iter(answers.values()))
    kinds = list(dict.fromkeys(answer.query.kind for answer in first))
    header = ["queries", "", *(f"`{name}`: {what}" for name in answers for what in ("found@10", "precision"))]
    rows = [
        _row(kind, {name: [each for each in told if each.query.kind == kind] for name, told in answers.items()})
        for kind in kinds
    ]
    if len(kinds) > 1:
        rows += [
            _row(
                "all that have answers", {name: [e for e in told if e.query.relevant] for name, told in answers.items()}
            ),
            _row(
                "all that have none",
                {name: [e for e in told if not e.query.relevant] for name, told in answers.items()},
            ),
            _row("all", answers),
        ]
    times = ", ".join(
        f"`{name}` {median([each.milliseconds for each in told]):.1f} ms" for name, told in answers.items()
    )
    nothing = [
        f"`{name}` {sum(not each.shown for each in told if not each.query.relevant)}"
        for name, told in answers.items()
        if any(not each.query.relevant for each in told)
    ]
    honest = f" Nothing is shown where there is nothing to find: {', '.join(nothing)} times." if nothing else ""
    return f"{table(header, rows)}\np50 of one search: {times}.{honest}\n"


def _row(kind: str, answers: Mapping[str, Sequence[Answer]]) -> list[object]:
    cells: list[object] = []
    for told in answers.values():
        found = [answer.found for answer in told if answer.found is not None]
        cells.append(f"{_mean(found):.2f}" if found else "")
        cells.append(f"{_mean([answer.precision for answer in told]):.2f}")
    return [kind, len(next(iter(answers.values()))), *cells]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _each_query(answers: Mapping[str, Sequence[Answer]]) -> str:
    rows = []
    for told in zip(*answers.values(), strict=True):
        query = told[0].query
        cells: list[object] = []
        for answer in told:
            cells += [
                "" if answer.found is None else f"{answer.found:.2f}",
                f"{answer.precision:.2f}",
                len(answer.shown),
            ]
        rows.append([query.kind, query.text, len(query.relevant), *cells])
    columns = ("found@10", "precision", "shown")
    return table(["", "query", "relevant", *(f"`{name}`: {what}" for name in answers for what in columns)], rows)
