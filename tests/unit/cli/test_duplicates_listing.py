"""What two folders share is told once, with the option that decides."""

from __future__ import annotations

import pytest

from hybrid_search.cli.commands.duplicates_listing import Undecided
from hybrid_search.duplicates.act.keep import parse_keep
from hybrid_search.duplicates.act.plan import decide
from tests.support.picture_files import described, grouped


def test_files_of_two_folders_are_counted_together(capfd: pytest.CaptureFixture[str]) -> None:
    undecided = Undecided()
    for number in range(5):
        copies = [f"/one/x/{number}.jpg", f"/two/x/{number}.jpg"]
        members = [described(path, sha256=str(number), tier="bytes" if at else None) for at, path in enumerate(copies)]
        undecided.add(decide(grouped(members), parse_keep()))
    undecided.note()
    (line,) = capfd.readouterr().err.splitlines()
    assert "5 files are the same in /one and in /two; left alone: name --reference '/one' or" in line
