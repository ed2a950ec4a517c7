"""Groups of a whole folder of photos with altered copies, and lookups in it: processor time, with what it compares.

The folder holds photos and four altered copies of some, of all 32 kinds in turn. It is grouped twice, each time as if
nothing had been compared before: first without any features of its pictures, then with those that the first run kept.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from hybrid_search import HybridIndex
from scripts.benchmarks.copies import choose, find_photos, open_photo, write_once
from scripts.benchmarks.machine import median, table
from scripts.pictures.alterations import ALTERATIONS, Company

_FILES, _SOURCES, _EACH = 1_344, 64, 4
_ASKED = 32


def measure(photos: Path, *, quick: bool) -> str:
    """Return the table."""
    files, sources = (60, 4) if quick else (_FILES, _SOURCES)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        originals, copies = make_folder(place / "copies", find_photos(photos), files=files, sources=sources)
        with HybridIndex(place / "index", embedder="lite") as index:
            for path in (*originals, *copies):
                index.add(path)
        with cache_in(place / "cache"):
            rows = [[name, *grouped(place)] for name in ("no features known", "features known")]
            asked = copies[:: max(1, len(copies) // _ASKED)]
            with HybridIndex(place / "index", embedder="lite") as index:
                index.find_duplicates(asked[0])
                taken = [_timed(partial(index.find_duplicates, path))[0] for path in asked]
    header = ("run", "processor s", "groups", "files in them")
    told = f"{len(originals) + len(copies):,} files, of which {len(copies)} are altered copies of {sources} photos.\n\n"
    looked = (
        f"\nA lookup of one of the copies takes {median(taken) * 1000:.0f} ms of processor (median of {len(taken)}).\n"
    )
    return f"## Grouping files\n\n{told}{table(header, rows)}{looked}"


def make_folder(folder: Path, photos: Sequence[Path], *, files: int, sources: int) -> tuple[list[Path], list[Path]]:
    """Write the copies below a folder; return the photos and the copies, `files` together."""
    chosen, kinds = choose(photos, originals=files - _EACH * sources, sources=sources), list(ALTERATIONS)
    copies: list[Path] = []
    for place, source in enumerate(chosen[:sources]):
        image, others = open_photo(source), chosen[sources + 3 * place :]
        for number in range(_EACH):
            kind = kinds[(_EACH * place + number) % len(kinds)]
            alteration = ALTERATIONS[kind]
            company = Company(tuple(open_photo(other) for other in others[: alteration.others]), seed=place)
            path = folder / kind / f"{place}.{alteration.suffix}"
            copies.append(write_once(path, partial(alteration.encode, image, company)))
    return chosen, copies


def grouped(place: Path) -> Iterator[str]:
    """Group a copy of the index, in which nothing has been compared; give a table's cells."""
    copy = place / "copy"
    shutil.copytree(place / "index", copy)
    with HybridIndex(copy, embedder="lite") as index:
        seconds, groups = _timed(lambda: list(index.duplicate_groups()))
    shutil.rmtree(copy)
    yield f"{seconds:.1f}"
    yield f"{len(groups):,}"
    yield f"{sum(len(group.members) for group in groups):,}"


@contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Keep features in a folder of their own, so that none are known at first."""
    before = os.environ.get("HYBRID_SEARCH_CACHE")
    os.environ["HYBRID_SEARCH_CACHE"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("HYBRID_SEARCH_CACHE")
        if before is not None:
            os.environ["HYBRID_SEARCH_CACHE"] = before


def _timed(action: Callable[[], Any]) -> tuple[float, Any]:
    before = time.process_time()
    result = action()
    return time.process_time() - before, result
