"""What is said of files before and after something is done with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hybrid_search.cli.commands.duplicates_actions import print_report
from hybrid_search.duplicates.act.actions import apply
from hybrid_search.duplicates.act.keep import parse_keep
from hybrid_search.duplicates.act.plan import make_plan
from hybrid_search.duplicates.act.undo import undo
from tests.support.picture_files import copies, write


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("home")))


def said(capfd: pytest.CaptureFixture[str], report: Any) -> list[str]:
    capfd.readouterr()
    print_report(report)
    return capfd.readouterr().err.splitlines()


def test_what_was_deleted_is_counted_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    paths = [write(tmp_path / f"{name}.jpg", b"picture") for name in "abcd"]
    write(tmp_path / "b.jpg.xmp", b"<x/>")
    plan = make_plan([copies(paths)], keep=parse_keep("path:*/a.jpg"))
    before = said(capfd, apply(plan, "delete"))
    assert before[0] == "3 files (21 bytes) with 1 sidecar would be deleted; nothing was done, --yes does it"
    assert before[1].startswith("what is deleted cannot be brought back")
    report = apply(plan, "delete", dry_run=False)
    done = said(capfd, report)
    assert done[0] == "3 files (21 bytes) with 1 sidecar deleted", "the counts agree"
    assert done[1].endswith("; what was deleted cannot be brought back")
    assert report.journal is not None
    assert said(capfd, undo(report.journal)) == [
        "0 files would be put back, 4 files deleted that cannot be brought back; there is nothing to do"
    ]


@pytest.mark.parametrize("action", ["move", "hardlink"])
def test_what_can_be_put_back_is_said(action: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    paths = [write(tmp_path / f"{name}.jpg", b"picture") for name in "ab"]
    plan = make_plan([copies(paths)], keep=parse_keep("path:*/a.jpg"))
    report = apply(plan, action, folder=tmp_path / "moved" if action == "move" else None, dry_run=False)
    assert said(capfd, report)[1].endswith("`hybrid-search duplicates undo` puts the files back")
    assert report.journal is not None
    assert (
        said(capfd, undo(report.journal))[-1] == "1 file (7 bytes) would be put back; nothing was done, --yes does it"
    )
    assert said(capfd, undo(report.journal, dry_run=False))[-1] == "1 file (7 bytes) put back"
