"""One picture is said to be one: no command counts "1 pictures"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hybrid_search import cli
from tests.support.fakes import save_photo

PLURAL_OF_ONE = re.compile(
    r"(?<![\d.,/])1 (?:held-out )?(pictures|files|hits|copies|groups|pairs|texts|labels|documents)\b(?!/s)"
)


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYBRID_SEARCH_INDEX", str(tmp_path / "index"))
    save_photo(tmp_path / "photos" / "one.png", 1)

    def run(*arguments: str) -> str:
        cli.run(arguments)
        return "".join(capfd.readouterr())

    yield run


@pytest.mark.slow
def test_one_of_anything_is_in_the_singular(run: Callable[..., str], tmp_path: Path) -> None:
    said = {
        "1 picture in ": run("index", "photos", "--embedder", "histogram+hog"),
        "nothing found among 1 picture in ": run("search", "nowhere"),
        "1 hit in ": run("search", "--filter", "width:160"),
        "1 picture was given vectors of hog\n": run("embed", "hog"),
        "vectors of hog removed from 1 picture\n": run("embed", "hog", "--drop", "--yes"),
        "no duplicates among 1 picture": run("duplicates"),
        "1 picture in the new version of ": run("migrate"),
        "1 picture in /": run("copy", str(tmp_path / "index"), str(tmp_path / "twin")),
    }
    save_photo(tmp_path / "photos" / "twin.bmp", 1)
    said["2 pictures in "] = run("index", "photos")
    said["1 group of 2 files"] = run("duplicates")
    said["1 file could go"] = run("duplicates", "--keep", "largest")
    said["hit 1 of 2 in "] = run("search", "--filter", "width:160", "-k", "1")
    said["1 pair kept apart"] = run("duplicates", "apart", "photos/one.png", "photos/twin.bmp")
    said["1 picture removed from the index"] = run("delete", "photos/twin.bmp", "--yes")
    for part, out in said.items():
        assert part in out and not PLURAL_OF_ONE.search(out), out
