"""Sidecars go where their picture goes, and come back with it; one that another picture needs stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid_search.duplicates.act.action_report import ActionReport
from hybrid_search.duplicates.act.actions import apply
from hybrid_search.duplicates.act.companion_files import companion, sidecars_of
from hybrid_search.duplicates.act.keep import parse_keep
from hybrid_search.duplicates.act.plan import Plan, make_plan
from hybrid_search.duplicates.act.undo import undo
from hybrid_search.metadata import SidecarNames
from tests.support.picture_files import copies, tree, write

XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
TAKEOUT = json.dumps({"title": "IMG.jpg", "photoTakenTime": {"timestamp": "1400000000"}}).encode()
FIELDS = json.dumps({"caption": "a boat"}).encode()


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("home")))


def library(folder: Path, *sidecars: tuple[str, bytes]) -> Plan:
    """Write a picture, its copy in another folder, and files beside the copy."""
    kept, copy = write(folder / "album/IMG.jpg", b"picture"), write(folder / "copy/IMG.jpg", b"picture")
    for name, data in sidecars:
        write(folder / "copy" / name, data, mtime=1_400_000_000, mode=0o640)
    return make_plan([copies([kept, copy])], keep=parse_keep("path:*/album/*"))


def perform(plan: Plan, action: Any, folder: Path, **options: Any) -> ActionReport:
    target = folder / "moved" if action == "move" else None
    return apply(plan, action, folder=target, root=folder, **options)


NAMES = [
    ("IMG.xmp", XMP),
    ("IMG.XMP", XMP),
    ("IMG.jpg.xmp", XMP),
    ("IMG.json", FIELDS),
    ("IMG.jpg.json", TAKEOUT),
    ("IMG.jpg.supplemental-metadata.json", TAKEOUT),
    ("IMG.jpg.supplemental-meta.json", TAKEOUT),
    ("IMG.jpg.su.json", TAKEOUT),
]


@pytest.mark.parametrize(("name", "data"), NAMES)
def test_a_sidecar_of_any_name_goes_and_comes_back(name: str, data: bytes, tmp_path: Path) -> None:
    plan = library(tmp_path / "p", (name, data))
    before = tree(tmp_path / "p")
    dry = perform(plan, "move", tmp_path / "p")
    assert [result.outcome for result in dry.results] == ["would", "would"]
    assert (len(dry.done), len(dry.sidecars)) == (1, 1)
    report = perform(plan, "move", tmp_path / "p", dry_run=False)
    assert (len(report.done), len(report.sidecars), report.freed) == (1, 1, len(b"picture"))
    assert report.sidecars[0].sidecar_of == str(tmp_path / "p/copy/IMG.jpg")
    assert not list((tmp_path / "p/copy").iterdir())
    moved = tree(tmp_path / "p/moved/copy")
    assert moved == {each: before[f"copy/{each}"] for each in ("IMG.jpg", name)}
    assert report.journal is not None
    back = undo(report.journal, dry_run=False)
    assert (len(back.done), len(back.sidecars), back.failed) == (1, 1, ())
    assert tree(tmp_path / "p") == before


def test_deleted_with_its_picture(tmp_path: Path) -> None:
    report = perform(library(tmp_path, *NAMES[2:5]), "delete", tmp_path, dry_run=False)
    assert (len(report.done), len(report.sidecars)) == (1, 3)
    assert not list((tmp_path / "copy").iterdir())


@pytest.mark.parametrize("action", ["hardlink", "symlink"])
def test_a_link_in_the_place_of_a_picture_keeps_what_lies_beside_it(action: Any, tmp_path: Path) -> None:
    report = perform(library(tmp_path, ("IMG.xmp", XMP)), action, tmp_path, dry_run=False)
    assert (len(report.done), report.sidecars) == (1, ())
    assert (tmp_path / "copy/IMG.xmp").read_bytes() == XMP


def test_a_shared_sidecar_stays_until_the_last_picture_goes(tmp_path: Path) -> None:
    plan = library(tmp_path, ("IMG.xmp", XMP))
    raw, other = write(tmp_path / "copy/IMG.dng", b"raw"), write(tmp_path / "album/IMG.dng", b"raw")
    report = perform(plan, "delete", tmp_path, dry_run=False)
    assert report.sidecars == ()
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["IMG.dng", "IMG.xmp"]
    again = make_plan([copies([other, raw])], keep=parse_keep("path:*/album/*"))
    assert len(perform(again, "delete", tmp_path, dry_run=False).sidecars) == 1
    # both in one run, and said beforehand
    plan = library(tmp_path, ("IMG.xmp", XMP))
    write(raw, b"raw")
    both = Plan((*plan.decisions, *make_plan([copies([other, raw])], keep=parse_keep("path:*/album/*")).decisions))
    assert len(perform(both, "delete", tmp_path).sidecars) == 1
    assert len(perform(both, "delete", tmp_path, dry_run=False).sidecars) == 1
    assert not list((tmp_path / "copy").iterdir())


def test_what_is_no_sidecar_stays(tmp_path: Path) -> None:
    others = [("IMG.json", b'{"name": "a package"}'), ("IMG.jpg.json", b"not JSON"), ("IMG.txt", b"notes")]
    plan = library(tmp_path, *others, ("IMG (1).xmp", XMP), ("IMG.jpg.other.json", TAKEOUT))
    (tmp_path / "copy/IMG.jpg.xmp").symlink_to(tmp_path / "elsewhere.xmp")
    report = perform(plan, "delete", tmp_path, dry_run=False)
    assert (len(report.done), report.sidecars) == (1, ())
    assert len(list((tmp_path / "copy").iterdir())) == 6


def test_a_sidecar_takes_the_new_name_of_its_picture(tmp_path: Path) -> None:
    plan = library(tmp_path, ("IMG.xmp", XMP), ("IMG.jpg.json", TAKEOUT))
    write(tmp_path / "moved/copy/IMG.jpg", b"another")
    write(tmp_path / "moved/copy/IMG (2).XMP", b"of another")
    perform(plan, "move", tmp_path, dry_run=False)
    names = {path.name for path in (tmp_path / "moved/copy").iterdir()}
    assert names == {"IMG.jpg", "IMG (2).XMP", "IMG (3).jpg", "IMG (3).xmp", "IMG (3).jpg.json"}


@pytest.mark.parametrize("name", ["IMG.jpg(1).json", "IMG.jpg.supplemental-metadata(1).json", "IMG.jpg.supple(1).json"])
def test_takeout_counts_sidecars_behind_the_name(name: str, tmp_path: Path) -> None:
    for beside in (name, "IMG.jpg.json"):
        write(tmp_path / beside, TAKEOUT)
    assert sidecars_of(str(tmp_path / "IMG(1).jpg")) == [str(tmp_path / name)]
    assert sidecars_of(str(tmp_path / "IMG.jpg")) == [str(tmp_path / "IMG.jpg.json")]


def test_a_name_that_is_cut_is_of_one_picture_alone(tmp_path: Path) -> None:
    name = "a" * 50
    cut = f"{(name + '.jpg')[:46]}.json"
    write(tmp_path / f"{name}.jpg", b"one")
    write(tmp_path / cut, TAKEOUT.replace(b"IMG.jpg", f"{name}.jpg".encode()))
    write(tmp_path / f"{name}b.jpg", b"two")
    assert sidecars_of(str(tmp_path / f"{name}.jpg")) == [str(tmp_path / cut)]
    assert sidecars_of(str(tmp_path / f"{name}b.jpg")) == [], "of the title of the other"
    write(tmp_path / cut, TAKEOUT.replace(b"IMG.jpg", f"{name}bc.jpg".encode()))
    assert sidecars_of(str(tmp_path / f"{name}.jpg")) == [], "nobody knows of which"


@pytest.mark.parametrize("name", ["IMG.jpg.json", "IMG.jpg.supplemental-metadata.json", "IMG.HEIC.suppl.json"])
def test_the_sidecar_of_a_picture_and_its_edited_copy_stays_until_the_last_goes(name: str, tmp_path: Path) -> None:
    pictures = [f"IMG{name[3 : name.index('.', 4)]}", "IMG-edited.jpg"]
    for picture in pictures:
        write(tmp_path / picture, b"picture")
    write(tmp_path / name, TAKEOUT)
    for picture, other in (pictures, pictures[::-1]):
        assert sidecars_of(str(tmp_path / picture)) == []
        without = {str(tmp_path / other)}
        assert sidecars_of(str(tmp_path / picture), without=without) == [str(tmp_path / name)]
    # one of its own is no other's
    write(tmp_path / "IMG-edited.jpg.json", TAKEOUT)
    assert sidecars_of(str(tmp_path / pictures[0])) == [str(tmp_path / name)]
    assert sidecars_of(str(tmp_path / pictures[1])) == [str(tmp_path / "IMG-edited.jpg.json")]


@pytest.mark.parametrize(
    ("sidecar", "renamed"), [("IMG.jpg.xmp", "a (2).jpg.xmp"), ("IMG.xmp", "a (2).xmp"), ("other.json", "other.json")]
)
def test_names_follow(sidecar: str, renamed: str) -> None:
    assert companion(sidecar, "IMG.jpg", "a (2).jpg") == renamed


@pytest.mark.parametrize("sidecar", ["IMG.jpg(1).json", "IMG.jpg.supplemental-metadata(1).json"])
def test_a_counted_sidecar_still_belongs_to_its_picture_under_its_new_name(sidecar: str) -> None:
    renamed = companion(sidecar, "IMG(1).jpg", "IMG(1) (2).jpg")
    assert renamed == "IMG(1) (2).jpg.json"
    assert [each.name for each in SidecarNames([renamed, sidecar]).of("IMG(1) (2).jpg")] == [renamed]


def test_a_picture_that_stays_keeps_its_sidecar(tmp_path: Path) -> None:
    plan = library(tmp_path, ("IMG.xmp", XMP))
    (tmp_path / "copy/IMG.jpg").write_bytes(b"changed")
    report = perform(plan, "delete", tmp_path, dry_run=False)
    assert [result.outcome for result in report.results] == ["left"]
    assert (tmp_path / "copy/IMG.xmp").exists()
