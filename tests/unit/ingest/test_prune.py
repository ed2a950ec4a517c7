"""A drive that is not mounted looks like an emptied folder: nothing is marked then, and prune removes no majority."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hybrid_search.cli import exits, run
from hybrid_search.errors import MostAreMissing
from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder, save_photo

Filled = Callable[[int], HybridIndex]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return tmp_path / "photos"


@pytest.fixture
def filled(photos: Path) -> Filled:
    """Return an index in memory of so many pictures in a folder."""

    def fill(number: int) -> HybridIndex:
        for seed in range(number):
            save_photo(photos / f"{seed:03d}.png", seed, (40, 32))
        index = HybridIndex(embedder=ColourEmbedder())
        index.add_folder(photos)
        return index

    return fill


def marked(index: HybridIndex) -> int:
    return index.backend.count({"term": {"missing": True}})


def unlink(folder: Path, number: int) -> None:
    for path in sorted(folder.glob("*.png"))[:number]:
        path.unlink()


@pytest.mark.parametrize("number", [1, 3, 25])
def test_an_empty_mount_point_marks_nothing_and_everything_is_there_when_it_is_back(
    number: int, photos: Path, filled: Filled
) -> None:
    index = filled(number)
    photos.rename(photos.with_name("away"))
    photos.mkdir()
    report = index.add_folder(photos)
    assert (report.missing, report.withheld, marked(index)) == (0, number, 0)
    assert index.prune() == [] and len(index) == number
    photos.rmdir()
    photos.with_name("away").rename(photos)
    report = index.add_folder(photos)
    assert (report.unchanged, report.withheld) == (number, 0)


def test_what_lies_on_the_bare_mount_point_is_no_collection(photos: Path, filled: Filled) -> None:
    index = filled(25)
    shutil.rmtree(photos)
    (photos / "lost+found").mkdir(parents=True)
    (photos / ".unmounted").write_text("")
    save_photo(photos / "by mistake.png", 900, (40, 32))
    assert index.add_folder(photos).withheld == 25 and marked(index) == 0


@pytest.mark.parametrize(
    ("number", "gone", "missing"),
    [(30, 26, 26), (30, 27, 27), (30, 28, 0), (21, 20, 20), (22, 21, 0), (3, 2, 2)],
)
def test_an_album_that_was_deleted_is_marked_as_ever(
    number: int, gone: int, missing: int, photos: Path, filled: Filled
) -> None:
    """Nearly all means more than nine tenths, and more than 20."""
    index = filled(number)
    unlink(photos, gone)
    report = index.add_folder(photos)
    assert (report.missing, report.withheld) == (missing, gone - missing)


def test_it_is_marked_when_it_is_meant(photos: Path, filled: Filled) -> None:
    index = filled(3)
    unlink(photos, 3)
    report = index.add_folder(photos, accept_missing=True)
    assert (report.missing, report.withheld, marked(index)) == (3, 0, 3)


def test_pictures_that_were_moved_have_not_vanished(photos: Path, filled: Filled) -> None:
    index = filled(3)
    moved = photos.with_name("moved")
    photos.rename(moved)
    index.add_folder(moved)
    photos.mkdir()
    report = index.add_folder(photos)
    assert report.withheld == 0 and marked(index) == 0
    assert all(document.path is not None and "moved" in document.path for document in index)


def test_prune_removes_no_majority_unless_told(photos: Path, filled: Filled) -> None:
    index = filled(44)
    unlink(photos, 23)
    index.add_folder(photos)
    with pytest.raises(MostAreMissing, match=r"23 of 44.*prune\(accept_missing=True\)") as refused:
        index.prune()
    assert (refused.value.missing, refused.value.documents, len(index)) == (23, 44, 44)
    assert len(index.prune(dry_run=True)) == 23
    assert len(index.prune(accept_missing=True)) == 23 and len(index) == 21


@pytest.mark.parametrize(("number", "gone"), [(44, 22), (22, 20)])
def test_half_of_an_index_or_a_few_go_as_ever(number: int, gone: int, photos: Path, filled: Filled) -> None:
    index = filled(number)
    unlink(photos, gone)
    index.add_folder(photos)
    assert len(index.prune()) == gone


def test_what_is_back_is_not_pruned(photos: Path, filled: Filled) -> None:
    index = filled(4)
    data = (photos / "000.png").read_bytes()
    unlink(photos, 2)
    index.add_folder(photos)
    (photos / "000.png").write_bytes(data)
    assert [document.path for document in index.prune()] == [str(photos / "001.png")]
    assert len(index) == 3


def test_a_nightly_job_stops_at_a_drive_that_is_away(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(3):
        save_photo(photos / f"{seed}.png", seed, (40, 32))
    at = ["--index", str(tmp_path / "index")]
    assert run([*at, "index", str(photos), "--embedder", "colour:lab", "--no-progress"]) == exits.OK
    unlink(photos, 3)
    capsys.readouterr()
    assert run([*at, "index", str(photos), "--no-progress"]) == exits.PARTIAL
    said = capsys.readouterr().err
    assert said.count("vanished") == 1 and "is a drive not mounted?" in said and "--accept-missing` does" in said
    assert run([*at, "prune", "--yes"]) == exits.OK
    assert capsys.readouterr().out == "0 pictures removed from the index\n"
    assert run([*at, "index", str(photos), "--accept-missing", "--no-progress"]) == exits.OK
    assert run([*at, "prune", "--yes"]) == exits.OK
    assert capsys.readouterr().out.endswith("3 pictures removed from the index\n")
