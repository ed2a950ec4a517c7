"""No action loses a picture: whatever changed, whoever else is at work, whenever it is broken off."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_search.duplicates.act import move_files
from hybrid_search.duplicates.act.actions import ACTIONS, ActionReport, FileResult, apply
from hybrid_search.duplicates.act.journal import Journal, journal_path, journals, journals_folder
from hybrid_search.duplicates.act.keep import parse_keep
from hybrid_search.duplicates.act.plan import Decision, Plan, choose, make_plan
from hybrid_search.duplicates.act.trash import can_look
from hybrid_search.duplicates.act.undo import undo
from hybrid_search.duplicates.act.verified_file import hold
from hybrid_search.errors import ActionRefused, DuplicatesError, StorageFull
from tests.support.action_faults import survive_in_home
from tests.support.picture_files import copies, indexed, pictures, sha256, tree, write
from tests.support.processes import call

ONE, TWO = b"first picture" * 50, b"second picture" * 50
REVERSIBLE = ("move", "hardlink", "symlink")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give journals and the trash a home of their own."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of two pictures with a copy each."""
    folder = tmp_path / "photos"
    write(folder / "2014/one.jpg", ONE, mtime=1_400_000_000)
    write(folder / "backup/2014/one.jpg", ONE, mtime=1_500_000_000, mode=0o640)
    write(folder / "2015/two.jpg", TWO, mtime=1_400_000_000)
    write(folder / "backup/two.jpg", TWO, mtime=1_500_000_000, mode=0o444)
    return folder


@pytest.fixture
def plan(photos: Path) -> Plan:
    return plan_of(photos)


def plan_of(photos: Path) -> Plan:
    first = copies([photos / "2014/one.jpg", photos / "backup/2014/one.jpg"])
    second = copies([photos / "2015/two.jpg", photos / "backup/two.jpg"])
    return make_plan([first, second], keep=parse_keep("oldest-file"))


def perform(plan: Plan, action: Any, folder: Path, **options: Any) -> ActionReport:
    target = folder / "moved" if action == "move" else None
    return apply(plan, action, folder=target, dry_run=False, **options)


def reasons(report: ActionReport) -> list[str]:
    return [f"{result.outcome}: {result.reason}" for result in report.results]


# -- what each action does ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTIONS)
def test_a_dry_run_is_the_default_and_touches_nothing(action: Any, plan: Plan, photos: Path, tmp_path: Path) -> None:
    before = tree(tmp_path)
    report = apply(plan, action, folder=tmp_path / "moved" if action == "move" else None)
    assert [result.outcome for result in report.results] == ["would", "would"]
    assert (report.dry_run, report.journal, report.freed) == (True, None, len(ONE) + len(TWO))
    assert tree(tmp_path) == before
    assert journals() == []


def test_move_keeps_the_tree_and_undo_restores_it(plan: Plan, photos: Path, tmp_path: Path) -> None:
    before, seen = tree(photos), list[FileResult]()
    report = apply(plan, "move", folder=tmp_path / "moved/away", dry_run=False, progress=seen.append)
    assert tuple(seen) == report.results == report.done
    assert [result.target for result in report.results] == [
        str(tmp_path / "moved/away/backup/2014/one.jpg"),
        str(tmp_path / "moved/away/backup/two.jpg"),
    ]
    moved = tree(tmp_path / "moved/away")
    assert moved["backup/two.jpg"] == before["backup/two.jpg"], "bytes, times and mode go along"
    assert not (photos / "backup/two.jpg").exists()
    assert report.journal is not None and journals() == [report.journal]
    dry = undo(report.journal)
    assert [result.outcome for result in dry.results] == ["would", "would"]
    back = undo(report.journal, dry_run=False)
    assert [result.outcome for result in back.results] == ["done", "done"]
    assert tree(photos) == before
    assert not (tmp_path / "moved").exists(), "folders that it made are gone again"


@pytest.mark.parametrize("action", ["hardlink", "symlink"])
def test_links_take_the_place_of_copies_and_undo_restores_them(
    action: Any, plan: Plan, photos: Path, tmp_path: Path
) -> None:
    before = tree(photos)
    report = perform(plan, action, tmp_path)
    assert len(report.done) == 2
    assert (photos / "backup/two.jpg").samefile(photos / "2015/two.jpg")
    assert (photos / "backup/two.jpg").is_symlink() == (action == "symlink")
    if action == "symlink":
        assert os.readlink(photos / "backup/2014/one.jpg") == "../../2014/one.jpg"
    assert tree(photos)["2015/two.jpg"] == before["2015/two.jpg"]
    assert report.journal is not None
    assert len(undo(report.journal, dry_run=False).done) == 2
    assert tree(photos) == before
    assert (photos / "backup/two.jpg").stat().st_nlink == 1


def test_delete_removes_for_good_and_undo_says_so(plan: Plan, photos: Path, tmp_path: Path) -> None:
    report = perform(plan, "delete", tmp_path)
    assert len(report.done) == 2
    assert sorted(tree(photos)) == ["2014", "2014/one.jpg", "2015", "2015/two.jpg", "backup", "backup/2014"]
    assert report.journal is not None
    back = undo(report.journal, dry_run=False)
    assert reasons(back)[0] == f"failed: it was deleted; the copy that was kept is {photos}/2015/two.jpg"


def test_trash_is_the_systems_own(plan: Plan, photos: Path, tmp_path: Path, home: Path) -> None:
    before = tree(photos)
    journal = _to_the_trash(photos)
    assert not (photos / "backup/two.jpg").exists()
    if not can_look():
        assert reasons(undo(journal, dry_run=False)) == ["failed: it is in the system's trash; restore it there"] * 2
        return
    trash = home / "data/Trash"
    assert pictures(trash / "files") == pictures(photos)
    stranger = write(trash / "files/other.jpg", b"of somebody else")
    write(trash / "info/other.jpg.trashinfo", b"[Trash Info]\nPath=" + os.fsencode(photos / "backup/two.jpg") + b"\n")
    assert [result.outcome for result in undo(journal).results] == ["would", "would"]
    assert not (photos / "backup/two.jpg").exists(), "it was only said"
    assert [result.outcome for result in undo(journal, dry_run=False).results] == ["done", "done"]
    assert tree(photos) == before
    assert [path.name for path in (trash / "files").iterdir()] == [stranger.name]
    assert [path.name for path in (trash / "info").iterdir()] == ["other.jpg.trashinfo"]
    assert reasons(undo(journal, dry_run=False)) == ["left: it was put back before"] * 2


def _to_the_trash(photos: Path) -> Path:
    """Put the copies into the trash in a process of its own, as the package reads where it is when it is imported."""
    code = (
        "import sys; from pathlib import Path; from tests.unit.duplicates.act.test_actions import *\n"
        "report = apply(plan_of(Path(sys.argv[1])), 'trash', dry_run=False); print(len(report.done), report.journal)"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(photos)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    done, journal = ran.stdout.strip().split(" ", 1)
    assert done == "2"
    return Path(journal)


@pytest.mark.skipif(not can_look(), reason="this system's trash does not tell where its files lay")
def test_what_has_left_the_trash_or_changed_in_it_is_not_put_back(plan: Plan, photos: Path, home: Path) -> None:
    journal = _to_the_trash(photos)
    (home / "data/Trash/files/one.jpg").unlink()
    (home / "data/Trash/files/two.jpg").chmod(0o644)
    (home / "data/Trash/files/two.jpg").write_bytes(b"edited in the trash" * 20)
    after = tree(photos)
    assert reasons(undo(journal, dry_run=False)) == [
        "failed: it has changed since",
        "failed: it is not in the trash any more",
    ]
    assert tree(photos) == after
    write(photos / "backup/two.jpg", b"a new picture")
    assert "its place is taken" in reasons(undo(journal, dry_run=False))[0]


def test_a_trash_that_refuses_leaves_the_file(
    plan: Plan, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(photos)

    def refuse(path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr("send2trash.send2trash", refuse)
    assert reasons(perform(plan, "trash", tmp_path)) == ["failed: Permission denied"] * 2
    monkeypatch.setattr("send2trash.send2trash", lambda path: None)
    assert reasons(perform(plan, "trash", tmp_path)) == ["failed: the system's trash did not take it"] * 2
    assert tree(photos) == before


# -- names at the target --------------------------------------------------------------------------------------------


def test_nothing_at_the_target_is_overwritten(plan: Plan, photos: Path, tmp_path: Path) -> None:
    write(tmp_path / "moved/backup/two.jpg", b"another picture")
    write(tmp_path / "moved/backup/TWO (2).JPG", b"and another")
    before = tree(photos)
    report = perform(plan, "move", tmp_path)
    assert report.results[1].target == str(tmp_path / "moved/backup/two (3).jpg")
    assert (tmp_path / "moved/backup/two.jpg").read_bytes() == b"another picture"
    assert (tmp_path / "moved/backup/two (3).jpg").read_bytes() == TWO
    assert report.journal is not None
    undo(report.journal, dry_run=False)
    assert tree(photos) == before
    assert sorted(tree(tmp_path / "moved")) == ["backup", "backup/TWO (2).JPG", "backup/two.jpg"]


def test_names_that_differ_in_case_or_accents_alone_count_as_one(tmp_path: Path) -> None:
    names = ["b/IMG.JPG", "b/img.jpg", "b/Img.jpg", "b/caf\u00e9.jpg", "b/cafe\u0301.jpg"]
    paths = [write(tmp_path / "photos" / name, ONE) for name in ("a/kept.jpg", *names)]
    plan = make_plan([copies(paths)], keep=parse_keep("path:*/kept.jpg"))
    report = perform(plan, "move", tmp_path)
    assert len(report.done) == len(names)
    assert sorted(path.name for path in (tmp_path / "moved/b").iterdir()) == sorted(
        ["IMG.JPG", "img (2).jpg", "Img (3).jpg", "caf\u00e9.jpg", "cafe\u0301 (2).jpg"]
    )


def test_a_name_that_is_taken_at_the_last_moment_is_not_overwritten(
    plan: Plan, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = tree(photos), os.makedirs

    def makedirs(path: Any, *args: Any, **options: Any) -> None:
        real(path, *args, **options)
        if (tmp_path / "moved/backup/2014/one.jpg").exists():
            write(tmp_path / "moved/backup/two.jpg", b"of another program")

    monkeypatch.setattr(os, "makedirs", makedirs)
    report = perform(plan, "move", tmp_path)
    assert reasons(report) == ["done: ", "failed: File exists"]
    assert (tmp_path / "moved/backup/two.jpg").read_bytes() == b"of another program"
    assert report.journal is not None
    assert len(undo(report.journal, dry_run=False).done) == 1
    assert tree(photos) == before
    assert (tmp_path / "moved/backup/two.jpg").read_bytes() == b"of another program"


def test_files_outside_the_root_keep_their_whole_path(photos: Path, tmp_path: Path) -> None:
    report = apply(plan_of(photos), "move", folder=tmp_path / "moved", root=photos / "backup/2014")
    assert [result.target for result in report.results] == [
        str(tmp_path / "moved/one.jpg"),
        f"{tmp_path}/moved{photos}/backup/two.jpg",
    ]


def test_files_in_the_target_folder_stay_there(plan: Plan, photos: Path) -> None:
    before = tree(photos)
    report = apply(plan, "move", folder=photos / "backup", dry_run=False)
    assert reasons(report) == ["left: it lies in the folder already to which it would be moved"] * 2
    assert tree(photos) == before


# -- what changed since it was indexed ------------------------------------------------------------------------------


def _vanish(path: Path) -> None:
    path.unlink()


def _grow(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"!")


def _edit_secretly(path: Path) -> None:
    """Change bytes while size and time stay as they were."""
    status = path.stat()
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _become_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _become_link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


CHANGES = [_vanish, _grow, _edit_secretly, _become_folder, _become_fifo, _become_link]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("change", CHANGES)
def test_nothing_goes_when_the_kept_file_is_not_what_it_was(
    change: Any, action: Any, plan: Plan, photos: Path, tmp_path: Path
) -> None:
    change(photos / "2014/one.jpg")
    before = (photos / "backup/2014/one.jpg").stat()
    report = perform(plan, action, tmp_path, root=photos) if action != "trash" else perform(plan, "delete", tmp_path)
    assert report.results[0].outcome == "left"
    assert report.results[0].reason.startswith(f"the file to keep, {photos}/2014/one.jpg: ")
    assert (photos / "backup/2014/one.jpg").stat() == before
    assert report.results[1].outcome == "done", "other groups are dealt with"


@pytest.mark.parametrize("action", ["move", "hardlink", "symlink", "delete"])
@pytest.mark.parametrize("change", [*CHANGES, lambda path: os.utime(path, (1, 1))])
def test_a_file_that_changed_is_left_alone(change: Any, action: Any, plan: Plan, photos: Path, tmp_path: Path) -> None:
    change(photos / "backup/two.jpg")
    before = tree(photos)
    report = perform(plan, action, tmp_path, root=photos)
    assert [result.outcome for result in report.results] == ["done", "left"]
    after = tree(photos)
    assert {name: facts for name, facts in after.items() if "two" in name} == {
        name: facts for name, facts in before.items() if "two" in name
    }


def test_a_file_whose_facts_are_unknown_is_left_alone(photos: Path, tmp_path: Path) -> None:
    plan = plan_of(photos)
    stored = plan.to_json()
    for decision in stored["decisions"]:
        decision["remove"][0]["facts"] = None
    report = perform(Plan.from_json(stored), "delete", tmp_path)
    assert reasons(report) == ["left: its size and time are not known; index its folder again"] * 2


def test_the_kept_file_is_looked_at_before_every_file_that_goes(tmp_path: Path) -> None:
    paths = [write(tmp_path / "photos" / name, ONE) for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg")]
    plan = make_plan([copies(paths)], keep=parse_keep("path:*/a.jpg"))

    def meddle(result: FileResult) -> None:
        if result.path.endswith("b.jpg"):
            paths[0].unlink()

    report = perform(plan, "delete", tmp_path, progress=meddle)
    assert [result.outcome for result in report.results] == ["done", "left", "left"]
    assert "it has vanished meanwhile" in report.results[1].reason
    assert sorted(path.name for path in (tmp_path / "photos").iterdir()) == ["c.jpg", "d.jpg"]


# -- one file under two names ---------------------------------------------------------------------------------------


def _hard(link: Path, to: Path) -> None:
    link.unlink()
    link.hardlink_to(to)


def _soft(link: Path, to: Path) -> None:
    link.unlink()
    link.symlink_to(to)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("link", [_hard, _soft])
@pytest.mark.parametrize("keep", ["2014", "backup"])
def test_a_file_is_never_a_copy_of_itself(link: Any, keep: str, action: Any, photos: Path, tmp_path: Path) -> None:
    link(photos / "backup/2014/one.jpg", photos / "2014/one.jpg")
    group = copies([photos / "2014/one.jpg", photos / "backup/2014/one.jpg"])
    plan = make_plan([group], keep=parse_keep(f"path:{photos}/{keep}/*"))
    before = tree(photos)
    report = perform(plan, action, tmp_path)
    assert report.results[0].outcome == "left"
    assert "under another name" in report.results[0].reason or "symbolic link" in report.results[0].reason
    assert tree(photos) == before
    dry = apply(plan, action, folder=tmp_path / "moved" if action == "move" else None)
    assert dry.results[0].outcome == "left", "a dry run tells it too"


@pytest.mark.parametrize("action", ACTIONS)
def test_a_file_reached_through_a_linked_folder_is_never_a_copy_of_itself(
    action: Any, photos: Path, tmp_path: Path
) -> None:
    (photos / "again").symlink_to(photos / "2014")
    group = copies([photos / "2014/one.jpg", photos / "again/one.jpg"])
    for keep in ("2014", "again"):
        report = perform(make_plan([group], keep=parse_keep(f"path:*/{keep}/*")), action, tmp_path)
        assert "under another name" in report.results[0].reason
    assert (photos / "2014/one.jpg").read_bytes() == ONE


def test_the_kept_file_may_not_be_a_mere_link_to_elsewhere(photos: Path, tmp_path: Path) -> None:
    write(tmp_path / "drive/one.jpg", ONE)
    _soft(photos / "2014/one.jpg", tmp_path / "drive/one.jpg")
    group = copies([photos / "2014/one.jpg", photos / "backup/2014/one.jpg"])
    report = perform(make_plan([group], keep=parse_keep("path:*/photos/2014/*")), "delete", tmp_path)
    assert reasons(report)[0].endswith("it is a symbolic link")
    assert (photos / "backup/2014/one.jpg").exists()


def test_what_one_group_keeps_no_other_removes(photos: Path, tmp_path: Path) -> None:
    here, there = photos / "2014/one.jpg", photos / "backup/2014/one.jpg"
    group = copies([here, there])
    both = Plan((choose(group, remove=[str(here)]), choose(group, remove=[str(there)])))
    before = tree(photos)
    report = perform(both, "delete", tmp_path)
    assert [result.reason.partition(",")[0] for result in report.results] == ["it is kept in another group"] * 2
    assert tree(photos) == before
    # by another name as well
    (photos / "link.jpg").hardlink_to(here)
    aliased = Plan(
        (choose(group, remove=[str(here)]), choose(copies([photos / "link.jpg", there]), remove=[str(there)]))
    )
    assert not perform(aliased, "delete", tmp_path).done


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Any]:
    """Return a function that mounts; tests are skipped, with the reason, where that is not allowed."""
    done: list[Path] = []

    def mount(at: Path, *options: str) -> None:
        at.mkdir(parents=True, exist_ok=True)
        ran = subprocess.run(["mount", *options, str(at)], capture_output=True, text=True)
        if ran.returncode:
            pytest.skip(f"this machine does not let the test mount a file system: {ran.stderr.strip()}")
        done.append(at)

    if shutil.which("mount") is None:
        pytest.skip("there is no mount command here")
    yield mount
    for at in reversed(done):
        subprocess.run(["umount", str(at)], check=True)


@pytest.mark.parametrize("action", ["move", "delete", "symlink"])
def test_a_file_seen_through_two_mounts_is_never_a_copy_of_itself(action: Any, mounted: Any, tmp_path: Path) -> None:
    top = tmp_path / "top"
    mounted(top, "-t", "tmpfs", "tmpfs")
    for name in ("lower", "upper", "work"):
        (top / name).mkdir()
    options = f"lowerdir={top}/lower,upperdir={top}/upper,workdir={top}/work"
    mounted(tmp_path / "union", "-t", "overlay", "overlay", "-o", options)
    write(top / "upper/one.jpg", ONE)
    real, seen = top / "upper/one.jpg", tmp_path / "union/one.jpg"
    if (real.stat().st_dev, real.stat().st_ino) == (seen.stat().st_dev, seen.stat().st_ino):
        pytest.skip("this overlay shows files under their own device")
    for keep in ("upper", "union"):
        report = perform(make_plan([copies([real, seen])], keep=parse_keep(f"path:*/{keep}/*")), action, tmp_path)
        assert "seen through another mount" in report.results[0].reason
        assert real.read_bytes() == seen.read_bytes() == ONE


@pytest.mark.parametrize("keep", ["upper", "union"])
@pytest.mark.parametrize("action", ["move", "delete", "symlink", "trash"])
def test_were_it_one_file_all_the_same_it_is_put_back_at_once(
    action: Any, keep: str, mounted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted(tmp_path / "top", "-t", "tmpfs", "tmpfs")
    top = tmp_path / "top"
    for name in ("lower", "upper", "work"):
        (top / name).mkdir()
    options = f"lowerdir={top}/lower,upperdir={top}/upper,workdir={top}/work"
    mounted(tmp_path / "union", "-t", "overlay", "overlay", "-o", options)
    write(top / "upper/one.jpg", ONE)
    # a network drive that tells neither device nor times truly is found out by what happens
    monkeypatch.setattr("hybrid_search.duplicates.act.protection._times", lambda status: object())
    group = copies([top / "upper/one.jpg", tmp_path / "union/one.jpg"])
    folder = top / "moved" if action == "move" else None
    report = apply(make_plan([group], keep=parse_keep(f"path:*/{keep}/*")), action, folder=folder, dry_run=False)
    assert report.results[0].outcome == "left"
    assert "it was put back" in report.results[0].reason
    assert (top / "upper/one.jpg").read_bytes() == ONE
    assert not list(top.rglob(".hybrid-search-*"))


def test_a_bind_mount_shows_the_same_file(mounted: Any, photos: Path, tmp_path: Path) -> None:
    mounted(tmp_path / "again", "--bind", str(photos / "2014"))
    group = copies([photos / "2014/one.jpg", tmp_path / "again/one.jpg"])
    for keep in ("2014", "again"):
        report = perform(make_plan([group], keep=parse_keep(f"path:*/{keep}/*")), "delete", tmp_path)
        assert "under another name" in report.results[0].reason
    assert (photos / "2014/one.jpg").read_bytes() == ONE


# -- links, protected folders, refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["hardlink", "symlink"])
def test_a_link_never_replaces_other_bytes(action: Any, photos: Path, tmp_path: Path) -> None:
    group = copies([photos / "2014/one.jpg", photos / "backup/two.jpg"], tier="near")
    plan = make_plan([group], keep=parse_keep("oldest-file"))
    before = tree(photos)
    assert "a link would replace it by other bytes" in reasons(perform(plan, action, tmp_path))[0]
    assert tree(photos) == before


@pytest.fixture
def other_drive() -> Iterator[Path]:
    """Return a folder on another drive than temporary files."""
    candidates = [Path("/dev/shm"), Path.home(), Path("/var/tmp")]
    here = os.stat(tempfile.gettempdir()).st_dev
    found = next((path for path in candidates if path.is_dir() and path.stat().st_dev != here), None)
    if found is None:
        pytest.skip("this machine has no second drive to write to")
    folder = Path(tempfile.mkdtemp(dir=found))
    yield folder
    shutil.rmtree(folder)


def test_a_hard_link_cannot_lead_to_another_drive(photos: Path, other_drive: Path, tmp_path: Path) -> None:
    write(other_drive / "one.jpg", ONE, mtime=1)
    plan = make_plan([copies([other_drive / "one.jpg", photos / "2014/one.jpg"])], keep=parse_keep("oldest-file"))
    assert "on another drive" in reasons(perform(plan, "hardlink", tmp_path))[0]
    report = perform(plan, "symlink", tmp_path)
    assert len(report.done) == 1
    assert (photos / "2014/one.jpg").samefile(other_drive / "one.jpg")
    assert report.journal is not None
    assert len(undo(report.journal, dry_run=False).done) == 1
    assert not (photos / "2014/one.jpg").is_symlink()


def test_files_move_to_another_drive_and_back(plan: Plan, photos: Path, other_drive: Path) -> None:
    before = tree(photos)
    report = apply(plan, "move", folder=other_drive / "moved", dry_run=False)
    assert len(report.done) == 2
    assert tree(other_drive / "moved")["backup/two.jpg"] == before["backup/two.jpg"]
    assert not (photos / "backup/two.jpg").exists()
    assert report.journal is not None
    assert len(undo(report.journal, dry_run=False).done) == 2
    assert tree(photos) == before
    assert not (other_drive / "moved").exists()


def test_attributes_come_back(plan: Plan, photos: Path, tmp_path: Path, other_drive: Path) -> None:
    path = photos / "backup/2014/one.jpg"
    try:
        os.setxattr(path, "user.xdg.tags", b"holiday")
    except (OSError, AttributeError) as error:
        pytest.skip(f"this file system keeps no extended attributes: {error}")
    for report in (
        perform(plan, "hardlink", tmp_path),
        apply(plan, "move", folder=other_drive / "moved", dry_run=False),
    ):
        assert report.journal is not None
        undo(report.journal, dry_run=False)
        assert os.getxattr(path, "user.xdg.tags") == b"holiday"
        assert path.stat().st_nlink == 1


def test_protected_folders_are_not_touched_by_any_way_into_them(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(photos / "backup")
    group = copies([photos / "2014/one.jpg", tmp_path / "way/2014/one.jpg"])
    plan = make_plan([group], keep=parse_keep("path:*/photos/2014/*"))
    for folder in (photos / "backup", tmp_path / "way", f"{photos}/2014/../backup"):
        report = perform(plan, "delete", tmp_path, protected=[str(folder)])
        assert "it is in the protected folder" in report.results[0].reason
        # a plan carries its own
        again = perform(Plan(plan.decisions, (str(folder),)), "delete", tmp_path)
        assert "it is in the protected folder" in again.results[0].reason
    assert (photos / "backup/2014/one.jpg").exists()
    with pytest.raises(ActionRefused, match="protected folder is not there"):
        perform(plan, "delete", tmp_path, protected=[str(photos / "bakcup")])


def test_what_cannot_be_meant_is_refused(plan: Plan, photos: Path, tmp_path: Path) -> None:
    before = tree(photos)
    for action, options in (
        ("shred", {}),
        ("move", {}),
        ("delete", {"folder": tmp_path}),
        ("delete", {"merge": True}),
    ):
        with pytest.raises(ActionRefused):
            apply(plan, action, dry_run=False, **options)  # type: ignore[arg-type]
    stored = plan.to_json()
    for decision in stored["decisions"]:
        decision["remove"][0]["path"] = os.path.relpath(decision["remove"][0]["path"])
    assert reasons(perform(Plan.from_json(stored), "delete", tmp_path)) == ["left: its path is not absolute"] * 2
    assert tree(photos) == before


# -- read-only folders, full disks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["move", "delete", "hardlink", "symlink", "trash"])
def test_a_read_only_drive_stays_as_it_is(action: Any, mounted: Any, tmp_path: Path) -> None:
    top = tmp_path / "drive"
    mounted(top, "-t", "tmpfs", "tmpfs")
    for name in ("a.jpg", "b.jpg"):
        write(top / name, ONE)
    plan = make_plan([copies([top / "a.jpg", top / "b.jpg"])], keep=parse_keep("path:*/a.jpg"))
    subprocess.run(["mount", "-o", "remount,ro", str(top)], check=True)
    report = perform(plan, action, tmp_path)
    assert reasons(report) == ["failed: Read-only file system"]
    assert sorted(path.name for path in top.iterdir()) == ["a.jpg", "b.jpg"]
    assert not [path for path in (tmp_path / "moved").rglob("*") if path.is_file()], "no copy is left behind"
    assert report.journal is not None
    assert [result.outcome for result in undo(report.journal, dry_run=False).results] == ["left"]


def test_a_folder_that_must_not_be_written_stays_as_it_is(plan: Plan, photos: Path, tmp_path: Path) -> None:
    (photos / "backup").chmod(0o555)
    try:
        if os.access(photos / "backup", os.W_OK):
            pytest.skip("this user may write into every folder; a read-only drive is tested in place of it")
        before = tree(photos)
        for action in ("delete", "hardlink"):
            assert reasons(perform(plan, action, tmp_path))[1] == "failed: Permission denied"
        assert tree(photos)["backup/two.jpg"] == before["backup/two.jpg"]
    finally:
        (photos / "backup").chmod(0o755)


def test_a_full_drive_costs_nothing(mounted: Any, tmp_path: Path) -> None:
    mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=64k", "tmpfs")
    large = bytes(range(256)) * 400
    paths = [write(tmp_path / "photos" / name, large) for name in ("a.jpg", "b.jpg")]
    small = [write(tmp_path / "photos" / name, ONE) for name in ("c.jpg", "d.jpg")]
    before = tree(tmp_path / "photos")
    plan = make_plan([copies(paths), copies(small)], keep=parse_keep("shortest-path"))
    report = apply(plan, "move", folder=tmp_path / "small/moved", dry_run=False)
    assert reasons(report) == ["failed: No space left on device", "done: "]
    assert [path.name for path in (tmp_path / "small").rglob("*") if path.is_file()] == ["d.jpg"]
    assert report.journal is not None
    assert [result.outcome for result in undo(report.journal, dry_run=False).results] == ["done", "left"]
    assert tree(tmp_path / "photos") == before


def test_without_room_for_the_journal_nothing_is_touched(
    plan: Plan, photos: Path, tmp_path: Path, mounted: Any
) -> None:
    mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=4k", "tmpfs")
    before = tree(photos)
    write(tmp_path / "small/filled", b"x" * 4096)
    with pytest.raises(StorageFull):
        perform(plan, "delete", tmp_path, journal=tmp_path / "small/journal")
    assert tree(photos) == before
    assert os.listdir(tmp_path / "small") == ["filled"]


def test_a_journal_that_fills_its_drive_stops_the_run(photos: Path, tmp_path: Path, mounted: Any) -> None:
    mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=4k", "tmpfs")
    paths = [write(photos / f"{number:02}.jpg", ONE) for number in range(12)]
    plan = make_plan([copies(paths)], keep=parse_keep("shortest-path"))
    before = tree(photos)
    report = perform(plan, "move", tmp_path, journal=tmp_path / "small/journal")
    assert 1 <= len(report.done) < 11
    assert len(report.failed) == 11 - len(report.done)
    assert "the journal cannot be written (No space left on device), so nothing more was touched" in reasons(report)[-1]
    assert report.journal is not None
    undo(report.journal, dry_run=False)
    assert tree(photos) == before


# -- broken off -----------------------------------------------------------------------------------------------------

SCENARIOS = [
    ("move", "near"),
    ("move", "far"),
    ("hardlink", "near"),
    ("symlink", "near"),
    ("delete", "near"),
    ("trash", "near"),
]
LEAST = {"kill": 30, "after": 30, "error": 30, "full": 8}
BREAKS = [
    *((action, distance, fault) for action, distance in SCENARIOS for fault in ("kill", "full")),
    *(("move", "far", "after"), ("symlink", "near", "after"), ("delete", "near", "after")),
    *(("move", "near", "error"), ("hardlink", "near", "error"), ("trash", "near", "error")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("action", "distance", "fault"), BREAKS)
def test_broken_at_every_step_a_run_loses_nothing(action: str, distance: str, fault: str, tmp_path: Path) -> None:
    assert _break(tmp_path, action, fault, "apply", distance) >= LEAST[fault]


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["kill", "full"])
@pytest.mark.parametrize(("action", "distance"), SCENARIOS[:4])
def test_broken_at_every_step_an_undoing_loses_nothing(action: str, distance: str, fault: str, tmp_path: Path) -> None:
    assert _break(tmp_path, action, fault, "undo", distance) >= LEAST[fault]


def _break(tmp_path: Path, *what: str) -> int:
    memory = Path("/dev/shm")
    # hundreds of runs wait for the disk at every step, where there is one
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        return int(call(survive_in_home, f"{folder}/x", *what))


CHILD = """
import sys
from pathlib import Path
from tests.unit.duplicates.act.test_actions import *

photos, target, journal = map(Path, sys.argv[1:])
groups = [copies([photos / f"a/{n}.jpg", photos / f"b/{n}.jpg", photos / f"c/{n}.jpg"]) for n in range(20)]
plan = make_plan(groups, keep=parse_keep("shortest-path"))
print("ready", flush=True)
apply(plan, "move", folder=target, journal=journal, dry_run=False, progress=lambda _: print("one", flush=True))
"""


@pytest.mark.slow
@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGINT])
def test_killed_or_interrupted_at_any_moment(signal_: signal.Signals, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for number in range(20):
        for folder in "abc":
            write(photos / f"{folder}/{number}.jpg", f"picture {number}".encode() * 200)
    before, broken = tree(photos), 0
    for attempt in range(4):
        command = [
            sys.executable,
            "-c",
            CHILD,
            str(photos),
            str(tmp_path / "moved"),
            str(tmp_path / f"{attempt}.jsonl"),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
            assert child.stdout is not None
            for _ in range(2 + attempt):
                assert child.stdout.readline(), "it ended before it began"
            time.sleep(0.002 * attempt)
            child.send_signal(signal_)
            child.stdout.read()
        broken += child.returncode != 0
        held = tree(photos)
        assert all(held[f"a/{number}.jpg"] == before[f"a/{number}.jpg"] for number in range(20))
        undo(tmp_path / f"{attempt}.jsonl", dry_run=False)
        assert tree(photos) == before
        assert not list((tmp_path / "moved").rglob("*"))
    assert broken, "no attempt was broken off"


def test_what_a_killed_run_hid_is_put_back_by_the_next(
    plan: Plan, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*args: Any, **options: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        # right after the file got its name for a moment; neither it nor the journal is cleaned up
        patched.setattr(move_files, "put_aside_back", die)
        with pytest.raises(Killed):
            perform(plan, "move", tmp_path)
    assert list(photos.rglob(".hybrid-search-*"))
    assert len(perform(plan, "move", tmp_path).done) == 2, "the same run again"
    assert not list(photos.rglob(".hybrid-search-*"))


def test_ctrl_c_between_two_files_leaves_a_whole_journal(plan: Plan, photos: Path, tmp_path: Path) -> None:
    before = tree(photos)

    def interrupt(result: FileResult) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        perform(plan, "move", tmp_path, progress=interrupt)
    (journal,) = journals()
    assert [result.outcome for result in undo(journal, dry_run=False).results] == ["done"]
    assert tree(photos) == before


# -- two at once ----------------------------------------------------------------------------------------------------

RIVAL = """
import sys
from pathlib import Path
from tests.unit.duplicates.act.test_actions import *

photos, keep, start = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
plan = make_plan([copies(sorted(photos.glob(f"?/{n}.jpg"))) for n in range(80)], keep=parse_keep(f"path:*/{keep}/*"))
print("ready", flush=True)
while not start.exists():
    pass
print([len(part) for part in (lambda r: (r.done, r.left, r.failed))(apply(plan, "delete", dry_run=False))])
"""


def test_two_runs_that_keep_different_copies_leave_one_of_each(photos: Path, tmp_path: Path) -> None:
    for number in range(80):
        for folder in "xy":
            write(photos / f"{folder}/{number}.jpg", f"picture {number}".encode() * 200)
    runs = []
    for keep in "xy":
        # homes of their own, so that nothing but the locks on the pictures keeps them apart
        environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / keep)}
        command = [sys.executable, "-c", RIVAL, str(photos), keep, str(tmp_path / "start")]
        runs.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
    for run in runs:
        assert run.stdout is not None and run.stdout.readline() == "ready\n"
    (tmp_path / "start").touch()
    for run in runs:
        with run:
            assert run.stdout is not None and run.stdout.read()
    for number in range(80):
        left = list(photos.glob(f"[xy]/{number}.jpg"))
        assert left, f"both copies of {number} are gone"


def test_a_file_that_is_kept_by_one_run_cannot_be_removed_by_another(photos: Path) -> None:
    path = photos / "2014/one.jpg"
    facts: Any = {"sha256": sha256(ONE), "bytes": len(ONE)}
    with hold(str(path), alone=False, **facts), hold(str(path), alone=False, **facts):
        with pytest.raises(ActionRefused, match="another program is using it"), hold(str(path), alone=True, **facts):
            pass
    with hold(str(path), alone=True, **facts):
        with pytest.raises(ActionRefused, match="another program is using it"), hold(str(path), alone=False, **facts):
            pass


def test_another_run_of_the_same_user_waits(plan: Plan, photos: Path, tmp_path: Path) -> None:
    refused = []

    def again(result: FileResult) -> None:
        with pytest.raises(ActionRefused, match="another run") as caught:
            perform(plan, "delete", tmp_path)
        refused.append(caught.value)
        (journal,) = journals()
        with pytest.raises(ActionRefused, match="another run"):
            undo(journal, dry_run=False)
        with pytest.raises(DuplicatesError, match="still at work"):
            undo(journal)

    perform(plan, "move", tmp_path, progress=again)
    assert len(refused) == 2


def test_a_home_that_cannot_be_written_does_not_matter_with_a_journal_elsewhere(
    plan: Plan, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "file", b"")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file/data"))
    report = perform(plan, "move", tmp_path, journal=tmp_path / "journal")
    assert len(report.done) == 2
    assert len(undo(tmp_path / "journal", dry_run=False).done) == 2


# -- journals -------------------------------------------------------------------------------------------------------


def test_the_journal_is_on_disk_before_a_picture_is_touched(
    plan: Plan, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable: list[int] = []
    fsync, replace = os.fsync, os.replace

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        if os.path.samestat(os.fstat(descriptor), (tmp_path / "journal").stat()):
            durable.append((tmp_path / "journal").stat().st_size)

    def touched(source: Any, target: Any) -> None:
        text = (tmp_path / "journal").read_bytes()
        assert durable[-1] == len(text) and str(source).encode() in text
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(os, "replace", touched)
    assert len(perform(plan, "move", tmp_path, journal=tmp_path / "journal").done) == 2
    assert len(durable) == 5, "the head, and two lines for each of two files"


def test_a_journal_that_exists_is_not_written_over(plan: Plan, photos: Path, tmp_path: Path) -> None:
    before = tree(photos)
    write(tmp_path / "journal", b"precious")
    with pytest.raises(ActionRefused, match="journal cannot be written"):
        perform(plan, "delete", tmp_path, journal=tmp_path / "journal")
    assert (tmp_path / "journal").read_bytes() == b"precious"
    assert tree(photos) == before


def test_a_torn_last_line_was_never_acted_upon(plan: Plan, photos: Path, tmp_path: Path) -> None:
    before = tree(photos)
    journal = tmp_path / "journal"
    perform(plan, "move", tmp_path, journal=journal)
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole.splitlines()[1][:40])
    undo(journal)
    assert journal.read_bytes().endswith(whole.splitlines()[1][:40]), "a dry run leaves the journal as it is"
    assert len(undo(journal, dry_run=False).done) == 2
    assert tree(photos) == before
    assert {result.reason for result in undo(journal, dry_run=False).results} == {"it was put back before"}


@pytest.mark.parametrize("what", ["flip", "cut", "garbage"])
def test_damaged_lines_are_not_believed(what: str, plan: Plan, photos: Path, tmp_path: Path) -> None:
    before = tree(photos)
    journal = tmp_path / "journal"
    perform(plan, "move", tmp_path, journal=journal)
    lines = journal.read_bytes().splitlines(keepends=True)
    if what == "flip":
        lines[1] = lines[1].replace(b"one.jpg", b"uno.jpg", 1)
    elif what == "cut":
        lines[1] = lines[1][:50] + b"\n"
    else:
        lines[1] = b"\x00\xff[[[[\n"
    journal.write_bytes(b"".join(lines))
    moved = tree(tmp_path / "moved")
    with pytest.raises(DuplicatesError, match=r"damaged lines \(2\)"):
        undo(journal, dry_run=False)
    assert tree(tmp_path / "moved") == moved
    report = undo(journal, dry_run=False, skip_damaged=True)
    assert [result.path for result in report.done] == [str(photos / "backup/two.jpg")]
    assert tree(photos)["backup/two.jpg"] == before["backup/two.jpg"]
    assert (tmp_path / "moved/backup/2014/one.jpg").read_bytes() == ONE, "what is not known is left where it is"


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"{}\n", b'{"journal": "hybrid-search duplicates"}\n', b"[" * 9999 + b"\n"]
)
def test_what_is_no_journal_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(DuplicatesError, match="cannot undo by the journal"):
        undo(write(tmp_path / "journal", data), dry_run=False)
    with pytest.raises(DuplicatesError, match="cannot undo by the journal"):
        undo(tmp_path / "absent", dry_run=False)
    with pytest.raises(DuplicatesError, match="cannot undo by the journal"):
        undo(tmp_path, dry_run=False)


def test_a_journal_of_a_later_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        later.setattr("hybrid_search.duplicates.act.journal._VERSION", 2)
        Journal.create(tmp_path / "journal", {}).close()
    with pytest.raises(DuplicatesError, match="version is 2"):
        undo(tmp_path / "journal")


def test_journals_are_listed_the_newest_first(plan: Plan, photos: Path, tmp_path: Path) -> None:
    for _ in range(3):
        perform(plan, "move", tmp_path)
        undo(journals()[0], dry_run=False)
    found = journals()
    assert [path.stat().st_mtime_ns for path in found] == sorted(
        (path.stat().st_mtime_ns for path in found), reverse=True
    )
    assert len(found) == 3
    assert {path.parent for path in found} == {journals_folder()}
    assert journal_path(tmp_path).parent == tmp_path
    assert found[0].stat().st_mode & 0o077 == 0, "names of private pictures are nobody else's concern"


# -- undo -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", REVERSIBLE)
def test_undoing_twice_is_harmless(action: Any, plan: Plan, photos: Path, tmp_path: Path) -> None:
    before = tree(photos)
    report = perform(plan, action, tmp_path)
    assert report.journal is not None
    undo(report.journal, dry_run=False)
    (photos / "backup/two.jpg").unlink()
    again = undo(report.journal, dry_run=False)
    assert [result.outcome for result in again.results] == ["left", "left"]
    del before["backup/two.jpg"]
    assert tree(photos) == before, "what happened later is not undone"


@pytest.mark.parametrize("action", REVERSIBLE)
def test_a_place_that_is_taken_now_stays_taken(action: Any, plan: Plan, photos: Path, tmp_path: Path) -> None:
    report = perform(plan, action, tmp_path)
    (photos / "backup/two.jpg").unlink(missing_ok=True)
    write(photos / "backup/two.jpg", b"a new picture")
    (photos / "backup/2014/one.jpg").unlink(missing_ok=True)
    (photos / "backup/2014/one.jpg").symlink_to("nowhere")
    held = tree(tmp_path / "moved") if action == "move" else {}
    assert report.journal is not None
    back = undo(report.journal, dry_run=False)
    assert [result.outcome for result in back.results] == ["failed", "failed"]
    assert "its place is taken" in back.results[0].reason
    assert (photos / "backup/two.jpg").read_bytes() == b"a new picture"
    assert os.readlink(photos / "backup/2014/one.jpg") == "nowhere"
    if action == "move":
        assert tree(tmp_path / "moved") == held
        assert back.results[0].reason.endswith(f"it lies at {tmp_path}/moved/backup/two.jpg")


def test_a_moved_file_that_changed_or_vanished_is_told(plan: Plan, photos: Path, tmp_path: Path) -> None:
    report = perform(plan, "move", tmp_path)
    _edit_secretly(tmp_path / "moved/backup/2014/one.jpg")
    (tmp_path / "moved/backup/two.jpg").unlink()
    assert report.journal is not None
    back = undo(report.journal, dry_run=False)
    assert reasons(back) == [
        f"failed: it is no longer at {tmp_path}/moved/backup/two.jpg",
        "failed: it has changed since",
    ]
    assert (tmp_path / "moved/backup/2014/one.jpg").exists()


def test_a_link_comes_back_without_the_kept_file(plan: Plan, photos: Path, tmp_path: Path) -> None:
    before = tree(photos)
    report = perform(plan, "hardlink", tmp_path)
    (photos / "2015/two.jpg").unlink()
    assert report.journal is not None
    assert len(undo(report.journal, dry_run=False).done) == 2
    del before["2015/two.jpg"]
    assert tree(photos) == before


@pytest.mark.parametrize("action", ["hardlink", "symlink"])
def test_a_link_to_what_changed_since_is_told(action: Any, plan: Plan, photos: Path, tmp_path: Path) -> None:
    report = perform(plan, action, tmp_path)
    _grow(photos / "2015/two.jpg")
    assert report.journal is not None
    back = undo(report.journal, dry_run=False)
    assert [result.outcome for result in back.results] == ["failed", "done"]
    assert (photos / "backup/two.jpg").samefile(photos / "2015/two.jpg")


def test_a_folder_that_is_gone_is_made_again(plan: Plan, photos: Path, tmp_path: Path) -> None:
    before = tree(photos)
    report = perform(plan, "move", tmp_path)
    shutil.rmtree(photos / "backup")
    assert report.journal is not None
    assert len(undo(report.journal, dry_run=False).done) == 2
    assert tree(photos) == before


# -- any tree, any rules, any action --------------------------------------------------------------------------------

FILES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "a/deep", "c"]),
        st.sampled_from(["1.jpg", "1.JPG", "2.jpg", "3.png"]),
        st.sampled_from([b"red", b"green" * 40, b"blue" * 9000]),
        st.sampled_from(["file", "file", "file", "hard", "soft"]),
    ),
    min_size=2,
    max_size=9,
    unique_by=lambda made: made[:2],
)


@settings(max_examples=60, deadline=None)
@given(
    files=FILES,
    action=st.sampled_from(["move", "hardlink", "symlink", "delete"]),
    choices=st.lists(st.integers(0, 2**9 - 1), min_size=3, max_size=6),
    rules=st.sampled_from(["oldest-file", "shortest-path", "path:*/a/*", "newest-file,avoid:*/b/*"]),
    by_hand=st.booleans(),
)
def test_no_plan_loses_the_last_copy_and_undo_restores_the_tree(
    files: list[Any], action: Any, choices: list[int], rules: str, by_hand: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = _grow_tree(folder / "photos", files)
        groups = [copies(same) for same in _same(paths).values() if len(same) > 1]
        plan = make_plan(groups, keep=parse_keep(rules))
        if by_hand:
            plan = Plan(tuple(_any_choice(groups[number % len(groups)], number) for number in choices if groups))
        before, held = tree(folder / "photos"), pictures(folder / "photos")
        options: Any = {"folder": folder / "moved", "root": folder / "photos"} if action == "move" else {}
        report = apply(plan, action, dry_run=False, journal=folder / "journal", **options)
        assert pictures(folder / "photos") == held, "the last copy of a picture went"
        assert len(report.results) == plan.removed
        if action != "delete":
            back = undo(folder / "journal", dry_run=False)
            assert not back.failed
            assert tree(folder / "photos") == before
            assert not (folder / "moved").exists()


def _grow_tree(folder: Path, files: list[Any]) -> list[Path]:
    paths: list[Path] = []
    for number, (parent, name, data, kind) in enumerate(files):
        path = folder / parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "hard" and paths:
            path.hardlink_to(paths[-1].resolve())
        elif kind == "soft" and paths:
            path.symlink_to(paths[-1])
        else:
            write(path, data, mtime=1_400_000_000 + number)
        paths.append(path)
    return paths


def _same(paths: list[Path]) -> dict[bytes, list[Path]]:
    found: dict[bytes, list[Path]] = {}
    for path in paths:
        found.setdefault(path.read_bytes(), []).append(path)
    return found


def _any_choice(group: Any, number: int) -> Decision:
    """Return a choice as careless as a person can make one: groups twice, other files kept each time."""
    paths = [str(member.path) for member in group.members]
    gone = [path for place, path in enumerate(paths) if number >> place & 1][: len(paths) - 1]
    return choose(group, remove=gone)


def test_the_facts_of_the_tests_are_those_of_the_index(tmp_path: Path) -> None:
    member = indexed(write(tmp_path / "a", ONE))
    assert member.source["files"] == [
        {"path": str(tmp_path / "a"), "bytes": len(ONE), "mtime_ns": (tmp_path / "a").stat().st_mtime_ns}
    ]


def test_a_copy_that_differs_from_its_source_is_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = write(tmp_path / "a", ONE), tmp_path / "b"

    def other_drive(*_: Any) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "replace", other_drive)
    with pytest.raises(OSError, match="same bytes"):
        move_files.move(str(source), str(target), str(tmp_path / "part"), sha256="0" * 64)
    assert os.listdir(tmp_path) == ["a"]
