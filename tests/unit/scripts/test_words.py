"""What is typed at the library: its files say what its plan says, and figures are counted as by hand."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from scripts.benchmarks.words import Answer
from scripts.pictures.library import Photo, plan
from scripts.pictures.library_files import photo_bytes, write_library
from scripts.pictures.library_queries import TypedQuery, library_queries


@pytest.fixture(scope="module")
def library(data: Path) -> tuple[Photo, ...]:
    return plan(data, year=2025)


def answer(shown: str, relevant: str) -> Answer:
    return Answer(TypedQuery("kind", "text", tuple(relevant), "a"), tuple(shown), 1.0)


@pytest.mark.parametrize(
    ("shown", "relevant", "found", "precision"),
    [
        ("abcdefghij", "ac", 1.0, 0.2),
        ("ab", "abcd", 0.5, 1.0),
        ("abx", "abcdefghijklmnop", 0.2, 2 / 3),
        ("", "a", 0.0, 0.0),
        ("", "", None, 1.0),
        ("x", "", None, 0.0),
    ],
)
def test_found_and_precision_are_those_of_the_first_page(
    shown: str, relevant: str, found: float | None, precision: float
) -> None:
    assert answer(shown, relevant).found == (None if found is None else pytest.approx(found))
    assert answer(shown, relevant).precision == pytest.approx(precision)


def test_the_plan_is_the_same_each_time_and_takes_no_photo_twice(library: tuple[Photo, ...], data: Path) -> None:
    assert library == plan(data, year=2025)
    sources = [photo.source for photo in library if photo.source]
    assert len(library) > 450 and len(set(sources)) == len(sources)


def test_queries_are_answered_by_what_is_written(library: tuple[Photo, ...]) -> None:
    queries = {query.text: query for query in library_queries(library, year=2025)}
    paris = {photo.path for photo in library if photo.position and 48.8 < photo.position[0] < 48.9}
    in_paris = set(queries["photos taken with Canon in Paris"].relevant)
    assert set(queries["Paris"].relevant) == paris
    assert in_paris < paris and in_paris < set(queries["Canon"].relevant)
    assert {path[:4] for path in queries["vor 2010"].relevant} == {"2008", "2009", "Scan"}
    assert len(queries["Anna"].relevant) == 30 and queries["asdfghjkl"].relevant == ()
    assert {query.half for query in queries.values()} == {"a", "b"}


def test_files_say_what_is_planned(library: tuple[Photo, ...], data: Path) -> None:
    photo = next(
        each for each in library if each.people and each.position and each.caption == "" and each.flash is False
    )
    with Image.open(io.BytesIO(photo_bytes(photo, data))) as image:
        exposure, gps = image.getexif().get_ifd(0x8769), image.getexif().get_ifd(0x8825)
        packet = image.info["xmp"].decode()
    assert photo.camera is not None and photo.taken is not None and photo.position is not None
    assert exposure[36867] == photo.taken.strftime("%Y:%m:%d %H:%M:%S") and exposure[34855] == photo.iso
    degrees, minutes, seconds = gps[2]
    assert float(degrees) + float(minutes) / 60 + float(seconds) / 3600 == pytest.approx(
        abs(photo.position[0]), abs=1e-4
    )
    assert all(f"<rdf:li>{name}</rdf:li>" in packet for name in (*photo.people, *photo.tags))


def test_a_library_is_written_once(library: tuple[Photo, ...], data: Path, tmp_path: Path) -> None:
    some = [photo for photo in library if photo.style in ("panorama", "raw", "screenshot")]
    folder = write_library(some, data, tmp_path)
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*")) == sorted(p.path for p in some)
    before = folder.stat().st_mtime_ns
    assert write_library(some, data, tmp_path) == folder and folder.stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == [folder.parent.name]
    with Image.open(folder / next(photo.path for photo in some if photo.style == "panorama")) as image:
        assert image.width >= 2.9 * image.height
