"""Walking a folder: what is taken, what is skipped, what is survived."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hybrid_search.ingest.folder_walk import is_video, walk
from tests.support.fakes import save_photo


def _touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def _names(root: Path, **options: object) -> list[str]:
    return [os.path.relpath(found.path, root) for found in walk(root, **options)]  # type: ignore[arg-type]


def test_takes_images_below_the_folder_in_order_of_names(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt", "sub/c.heic", "sub/deep/d.webp"):
        _touch(tmp_path / name)
    assert _names(tmp_path) == ["a.png", "b.JPG", "sub/c.heic", "sub/deep/d.webp"]


def test_skips_hidden_and_system_folders(tmp_path: Path) -> None:
    for name in (".hidden.jpg", ".cache/a.jpg", "@eaDir/a.jpg", "node_modules/a.jpg", "__MACOSX/a.jpg", "kept.jpg"):
        _touch(tmp_path / name)
    assert _names(tmp_path) == ["kept.jpg"]
    assert _names(tmp_path, hidden=True) == [".hidden.jpg", "kept.jpg", ".cache/a.jpg"]


def test_include_overrides_suffixes_and_exclude_wins(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.dat", "trip/c.dat", "trip/private/d.dat"):
        _touch(tmp_path / name)
    assert _names(tmp_path, include=["*.dat"]) == ["b.dat", "trip/c.dat", "trip/private/d.dat"]
    assert _names(tmp_path, include=["trip/*"], exclude=["private"]) == ["trip/c.dat"]


@pytest.mark.parametrize("follow", [False, True])
def test_symlink_loops_end(tmp_path: Path, follow: bool) -> None:
    _touch(tmp_path / "one" / "a.jpg")
    (tmp_path / "one" / "up").symlink_to(tmp_path)
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert _names(tmp_path, follow_symlinks=follow) == ["one/a.jpg"]


def test_linked_folders_are_followed_only_when_asked_and_never_give_a_second_path(tmp_path: Path) -> None:
    _touch(tmp_path / "library" / "trip" / "a.jpg")
    _touch(tmp_path / "elsewhere" / "b.jpg")
    (tmp_path / "library" / "again").symlink_to(tmp_path / "library" / "trip")
    (tmp_path / "library" / "out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "library" / "out too").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "way").symlink_to(tmp_path / "library")
    assert _names(tmp_path / "library") == ["trip/a.jpg"]
    assert _names(tmp_path / "library", follow_symlinks=True) == ["trip/a.jpg", "out/b.jpg"]
    assert _names(tmp_path / "way") == ["trip/a.jpg"], "what is named may be a link"


def test_reports_folders_that_cannot_be_listed(tmp_path: Path) -> None:
    told: list[str] = []
    assert list(walk(tmp_path / "absent", on_error=lambda folder, error: told.append(folder))) == []
    assert told == [str(tmp_path / "absent")]


def test_a_file_is_its_own_root(tmp_path: Path) -> None:
    picture = _touch(tmp_path / "a.unknown")
    (found,) = walk(picture)
    assert (found.path, found.bytes, found.mtime_ns) == (str(picture), 1, picture.stat().st_mtime_ns)


def test_names_sidecars_with_their_times(tmp_path: Path) -> None:
    _touch(tmp_path / "a.jpg")
    times = {name: _touch(tmp_path / name).stat().st_mtime_ns for name in ("a.xmp", "a.jpg.json")}
    (found,) = walk(tmp_path)
    assert dict(found.sidecars) == times


def test_files_of_other_names_are_looked_into_when_asked(tmp_path: Path) -> None:
    picture = save_photo(tmp_path / "a.png", 1).read_bytes()
    for name in ("noending", "b.dat", "trip/c.PNG_original"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(picture)
    for name, data in {
        "notes": b"P1 is a road",
        "d.bin": bytes(64),
        "e.txt": b"",
        "clip.mp4": b"\0\0\0\x18ftypmp42",
    }.items():
        (tmp_path / name).write_bytes(data)
    assert _names(tmp_path) == ["a.png"]
    assert _names(tmp_path, all_files=True) == ["a.png", "b.dat", "noending", "trip/c.PNG_original"]
    assert _names(tmp_path, all_files=True, include=["*.dat"]) == ["b.dat"]


def test_what_is_left_out_is_told_but_for_what_belongs_to_pictures_and_systems(tmp_path: Path) -> None:
    for name in ("a.jpg", "film.MOV", "notes.txt", "a.jpg.xmp", "a.json", "Thumbs.db", ".DS_Store", "old/x.doc"):
        _touch(tmp_path / name)
    told: list[str] = []
    assert _names(tmp_path, on_other=told.append, exclude=["old"]) == ["a.jpg"]
    assert [os.path.basename(path) for path in told] == ["film.MOV", "notes.txt"]
    assert [is_video(path) for path in told] == [True, False]
    assert _names(tmp_path, on_other=told.append, include=["*.jpg"]) == ["a.jpg"] and len(told) == 2
