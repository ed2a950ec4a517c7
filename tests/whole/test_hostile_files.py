"""Folders of hostile, odd and real files: each one a document or one line of the report, and found by its facts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder

ROOT = Path(__file__).parents[2]
FOLDERS = ("corrupt", "formats", "exif")
SECONDS = 240
"""Far more than the few that it takes; a file that hangs a decoder takes all of them."""

RUN = """
import json, sys, warnings
from pathlib import Path
from hybrid_search.index import HybridIndex

warnings.simplefilter("error")
data, location = map(Path, sys.argv[1:])
told, chosen = [], {"include": ["*"], "exclude": ["caltech101", "flickr8k", "typed", "README.md"]}
with HybridIndex(location, embedder="histogram+hog") as index:
    report = index.add_folder(data, progress=told.append, **chosen)
    again = index.add_folder(data, **chosen)
    paths = {document.id: document.source["path"] for document in index}
print(json.dumps({
    "added": report.added, "copies": report.copies, "failed": [[f.path, f.error] for f in report.failed],
    "again": [again.added, again.updated, again.unchanged, len(again.failed)], "paths": paths,
    "told": [len(told), told[-1].done, told[-1].total, told[-1].failed],
}))
"""


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Index the three folders in one run of another process, and again; a crash or a hang fails here."""
    location = tmp_path_factory.mktemp("hostile") / "index"
    command = [sys.executable, "-c", RUN, str(data), str(location)]
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr == "", "decoders in C write nothing over the terminal"
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def files(data: Path, folder: str) -> list[Path]:
    return [path for path in (data / folder).rglob("*") if path.is_file()]


def test_every_file_is_a_document_or_one_failure(data: Path, run: dict[str, Any]) -> None:
    there = {str(path) for folder in FOLDERS for path in files(data, folder)}
    indexed = [path for paths in run["paths"].values() for path in paths]
    failed = [path for path, _ in run["failed"]]
    assert Counter([*indexed, *failed]) == Counter(there), "each exactly once"
    assert len(there) == 349 + 109 + 99
    assert run["added"] == len(run["paths"]) and run["added"] + run["copies"] == len(indexed)
    assert run["told"] == [len(there), len(there), len(there), len(failed)]


def test_the_counts_are_those_of_before(data: Path, run: dict[str, Any]) -> None:
    failed = Counter(Path(path).relative_to(data).parts[0] for path, _ in run["failed"])
    assert (failed["formats"], failed["exif"]) == (5, 1)
    # What decoders newly accept or refuse moves this number a little; a broken one moves it a lot.
    assert 240 <= failed["corrupt"] <= 300


def test_a_failure_is_one_line_with_a_reason(run: dict[str, Any]) -> None:
    for path, error in run["failed"]:
        assert error and len(error) < 400 and error.isprintable(), (path, error)
        assert "Traceback" not in error and " object at " not in error and "Error:" not in error, (path, error)


def test_a_second_run_reads_only_what_failed(run: dict[str, Any]) -> None:
    assert run["again"] == [0, 0, run["added"] + run["copies"], len(run["failed"])]


# -- the cameras, by what the dump beside them says --------------------------------------------------------------------

Dump = dict[str, dict[str, str]]
WITHOUT_DUMP = {"jpg/tests/32-lens_data", "heic/IMG_5195"}
DATED_BY_XMP_OR_IPTC = {"jpg/xmp/no_exif"} | {
    f"jpg/invalid/image{number:05}" for number in (971, 1088, 1137, 1551, 1713, 1980, 2206)
}
"""Files without a date in EXIF, about whose other metadata the dump says nothing."""


@pytest.fixture(scope="module")
def cameras(data: Path) -> Iterator[HybridIndex]:
    with HybridIndex(embedder=ColourEmbedder()) as index:
        report = index.add_folder(data / "exif")
        assert (report.added, report.failed) == (98, ())
        yield index


@pytest.fixture(scope="module")
def dump(data: Path) -> Dump:
    """Return the tags of each picture that is there, by path without suffix."""
    there = {path.relative_to(data / "exif").with_suffix("").as_posix() for path in files(data, "exif")} - {"dump"}
    sections: Dump = {}
    tags: dict[str, str] = {}
    for line in (data / "exif" / "dump").read_text("utf-8", "replace").split("\n"):
        if line.startswith("Opening: "):
            name = Path(line.removeprefix("Opening: exif-samples-master/")).with_suffix("").as_posix()
            tags = sections.setdefault(name, {})
        elif match := re.match(r"((?:EXIF|GPS|Image) [^()]*?) \([\w ()-]*?\): ?(.*)$", line):
            tags[match[1]] = match[2].replace("\0", "").strip()
    assert there - set(sections) == WITHOUT_DUMP
    return {name: tags for name, tags in sections.items() if name in there}


def found(index: HybridIndex, data: Path, filter: str) -> set[str]:
    """Return the pictures that a filter finds, of those that the dump describes."""
    hits = index.search(filter=filter, k=200)
    assert hits.total == len(hits)
    names = {Path(hit.path or "").relative_to(data / "exif").with_suffix("").as_posix() for hit in hits}
    return names - WITHOUT_DUMP


def make(tags: dict[str, str]) -> str:
    return tags.get("Image Make", "").lower()


def iso(tags: dict[str, str]) -> int:
    return int(tags.get("EXIF ISOSpeedRatings", "0"))


def year(tags: dict[str, str]) -> str:
    names = ("EXIF DateTimeOriginal", "EXIF DateTimeDigitized", "Image DateTime")
    return next((tags[name][:4] for name in names if tags.get(name, "0000")[:4] != "0000"), "")


def place(tags: dict[str, str]) -> tuple[float, float] | None:
    degrees = []
    for name in ("GPS GPSLatitude", "GPS GPSLongitude"):
        parts = re.fullmatch(r"\[(.+), (.+), (.+)\]", tags.get(name, ""))
        if parts is None:
            return None
        value = sum(float(Fraction(part)) / 60**power for power, part in enumerate(parts.groups()))
        degrees.append(-value if tags[f"{name}Ref"] in "SW" else value)
    return degrees[0], degrees[1]


def inside(tags: dict[str, str], south: float, north: float, west: float, east: float) -> bool:
    point = place(tags)
    return point is not None and south <= point[0] <= north and west <= point[1] <= east


QUESTIONS: tuple[tuple[str, Callable[[dict[str, str]], bool], int], ...] = (
    ("camera.make:canon", lambda tags: make(tags) == "canon", 10),
    ('camera.make:"nikon corporation"', lambda tags: make(tags) == "nikon corporation", 2),
    ("camera.make:nikon*", lambda tags: make(tags).startswith("nikon"), 13),
    ("NOT camera.make:*", lambda tags: not make(tags), 41),
    ("iso:[100 TO 200]", lambda tags: 100 <= iso(tags) <= 200, 20),
    ("iso:<100", lambda tags: 0 < iso(tags) < 100, 15),
    ("iso:{200 TO *]", lambda tags: iso(tags) > 200, 6),
    ("taken_at:2008", lambda tags: year(tags) == "2008", 18),
    ("taken_at:[2003 TO 2005}", lambda tags: "2003" <= year(tags) < "2005", 3),
    ("location:*", lambda tags: place(tags) is not None, 16),
    ("location:box(43.47,11.87,43.46,11.89)", lambda tags: inside(tags, 43.46, 43.47, 11.87, 11.89), 9),
    ("location:box(41,-4,40,-3)", lambda tags: inside(tags, 40, 41, -4, -3), 3),
)


@pytest.mark.parametrize(("filter", "expected", "count"), QUESTIONS, ids=[question[0] for question in QUESTIONS])
def test_real_cameras_are_found_by_their_facts(
    cameras: HybridIndex, data: Path, dump: Dump, filter: str, expected: Callable[[dict[str, str]], bool], count: int
) -> None:
    names = {name for name, tags in dump.items() if expected(tags)}
    assert found(cameras, data, filter) - (DATED_BY_XMP_OR_IPTC if "taken_at" in filter else set()) == names
    assert len(names) == count, "the question is worth asking"


def test_years_of_all_files_are_those_of_the_dump(cameras: HybridIndex, data: Path, dump: Dump) -> None:
    counted = cameras.search(filter="NOT filename:none", facets=["taken_at:year"], k=1).facets["taken_at:year"]
    others = [
        str(document.source["taken_at"])[:4]
        for document in cameras
        if Path(document.path or "").relative_to(data / "exif").with_suffix("").as_posix()
        in WITHOUT_DUMP | DATED_BY_XMP_OR_IPTC
    ]
    expected = Counter(filter(None, map(year, dump.values()))) + Counter(others)
    assert {str(key): count for key, count in counted.items()} == dict(expected)


def test_words_find_cameras(cameras: HybridIndex, data: Path, dump: Dump) -> None:
    hits = cameras.search("canon", k=200)
    names = {Path(hit.path or "").relative_to(data / "exif").with_suffix("").as_posix() for hit in hits} - WITHOUT_DUMP
    assert names >= {name for name, tags in dump.items() if make(tags) == "canon"}
    assert all("canon" in json.dumps(hit.source).lower() for hit in hits)
