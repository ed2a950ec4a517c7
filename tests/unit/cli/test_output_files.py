"""No command takes the place of a file that it did not write, unless it is told to."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from PIL import Image

from hybrid_search import cli
from hybrid_search.cli import exits
from hybrid_search.cli.output.contact_sheet import save_sheet
from hybrid_search.cli.output.output_files import is_ours, replacing
from tests.support.fakes import save_photo


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "tif"])
def test_a_sheet_takes_the_place_of_a_sheet_alone(suffix: str, tmp_path: Path) -> None:
    photo, sheet = save_photo(tmp_path / f"photo.{suffix}", 1), tmp_path / f"sheet.{suffix}"
    before = photo.read_bytes()
    with pytest.raises(typer.BadParameter, match="--force"):
        save_sheet(Image.new("RGB", (9, 9), "red"), photo)
    assert photo.read_bytes() == before
    assert not is_ours(photo)
    for colour in ("red", "blue"):
        save_sheet(Image.new("RGB", (9, 9), colour), sheet)
    with Image.open(sheet) as read:
        red, _, blue = read.convert("RGB").getpixel((4, 4))  # type: ignore[misc]
    assert blue > red
    save_sheet(Image.new("RGB", (9, 9), "red"), photo, force=True)
    assert is_ours(photo)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"photo.{suffix}", f"sheet.{suffix}"]


def test_a_link_to_a_page_and_a_folder_are_not_replaced(tmp_path: Path) -> None:
    page, link, folder = tmp_path / "page.html", tmp_path / "link.html", tmp_path / "folder.html"
    with replacing(page) as draft:
        draft.write_text('<!doctype html><meta name="generator" content="hybrid-search">')
    link.symlink_to(page)
    folder.mkdir()
    for path in (link, folder, Path("/dev/null")):
        with pytest.raises(typer.BadParameter), replacing(path) as draft:
            raise AssertionError("it is refused before anything is written")


def test_what_fails_and_what_comes_meanwhile_stay_as_they_are(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with pytest.raises(typer.BadParameter), replacing(page) as draft:
        draft.write_text("new")
        page.write_text("of somebody else")
    with pytest.raises(ZeroDivisionError), replacing(page, force=True) as draft:
        draft.write_text("half")
        raise ZeroDivisionError
    assert page.read_text() == "of somebody else"
    assert list(tmp_path.iterdir()) == [page]


@pytest.mark.parametrize(
    "command",
    [
        ("search", "boat", "--sheet", "p/a.png"),
        ("similar", "p/a.png", "--sheet", "p/a.png"),
        ("duplicates", "--html", "p/a.png"),
        ("duplicates", "--html", "p/notes.html"),
        ("train", "head", "--from", "folders", "--out", "p/a.png"),
        ("train", "autoencoder", "--out", "p/a.png"),
        ("train", "joint", "--out", "p/a.png"),
        ("embedder", "export", "lite", "p/a.png"),
        ("demo", "p", "--out", "p"),
    ],
)
def test_no_command_overwrites_a_photo(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYBRID_SEARCH_INDEX", str(tmp_path / "index"))
    for name in ("a.png", "contact-sheet.png", "duplicates.html"):
        save_photo(tmp_path / "p" / name, 1, format="png")
    (tmp_path / "p/notes.html").write_text("<html>mine</html>")
    before = {path: path.read_bytes() for path in (tmp_path / "p").iterdir()}
    from hybrid_search import HybridIndex

    with HybridIndex(tmp_path / "index", embedder="colour:lab") as index:
        index.add_folder(tmp_path / "p")
    assert cli.run(command) == exits.USAGE, capfd.readouterr().err
    assert ("--out" if command[0] == "demo" else "--force") in capfd.readouterr().err
    assert {path: path.read_bytes() for path in (tmp_path / "p").iterdir()} == before


def test_a_page_is_replaced_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYBRID_SEARCH_INDEX", str(tmp_path / "index"))
    from hybrid_search import HybridIndex

    with HybridIndex(tmp_path / "index", embedder="colour:lab") as index:
        index.add(save_photo(tmp_path / "a.png", 1))
    command = ("duplicates", "--no-progress", "--html", "page.html")
    assert cli.run(command) == cli.run(command) == exits.NOTHING
    assert is_ours(tmp_path / "page.html")
    (tmp_path / "page.html").write_text("mine")
    assert cli.run(command) == exits.USAGE
    assert cli.run((*command, "--force")) == exits.NOTHING
