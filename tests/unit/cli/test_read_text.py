"""`read-text`, `index --read-text`, and how what was read is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from hybrid_search import cli
from hybrid_search.cli import exits
from hybrid_search.cli.output.contact_sheet import MARK, draw_sheet
from hybrid_search.hits.hits import Hit
from tests.support.fakes import LineReader

TEXTS = {"#ff0000": ("Corner Bakery", "Total 12.50"), "#0000ff": ()}


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make two pictures, one with text for the reader that stands in for RapidOCR."""
    monkeypatch.setenv("HYBRID_SEARCH_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("HYBRID_SEARCH_EMBEDDER", "colour:lab")
    monkeypatch.setattr("hybrid_search.ingest.text_reading.TextReader", lambda: LineReader(TEXTS))
    monkeypatch.setattr("hybrid_search.ocr.text_reader.TextReader", lambda: LineReader(TEXTS))
    for name, colour in (("receipt", "#ff0000"), ("sky", "#0000ff")):
        path = tmp_path / "photos" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (640, 480), colour).save(path)
    return tmp_path / "photos"


def test_pictures_are_read_once_and_the_lines_that_match_are_shown(
    photos: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["index", str(photos)]) == exits.OK
    capfd.readouterr()
    assert cli.run(["read-text"]) == exits.OK
    assert capfd.readouterr().out.startswith("2 pictures were read, 1 of them have text inside in ")
    assert cli.run(["read-text"]) == exits.OK
    assert capfd.readouterr().out == "all pictures were read before\n"
    assert cli.run(["search", "bakery", "--filter", "has:text", "--explain"]) == exits.OK
    shown = capfd.readouterr().out
    assert "    matched bakery in text_in_picture" in shown
    assert "    reads “Corner Bakery”\n" in shown
    assert cli.run(["search", "bakery", "--json"]) == exits.OK
    (hit,) = json.loads(capfd.readouterr().out)["hits"]
    assert hit["source"]["text_in_picture"] == ["Corner Bakery", "Total 12.50"]
    assert "text_in_picture_text" not in hit["source"]


def test_index_reads_text_when_it_is_asked_to(photos: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["index", str(photos), "--read-text", "--json"]) == exits.OK
    report = json.loads(capfd.readouterr().out)
    assert report["added"] == 2
    assert (report["text"]["read"], report["text"]["with_text"], report["text"]["failed"]) == (2, 1, [])
    assert cli.run(["index", str(photos), "--json"]) == exits.OK
    assert "text" not in json.loads(capfd.readouterr().out)


def test_ctrl_c_says_what_is_kept_and_how_to_go_on(
    photos: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.run(["index", str(photos)]) == exits.OK
    monkeypatch.setattr("hybrid_search.ingest.text_reading._BATCH", 1)

    class Interrupted(LineReader):
        def read(self, image: Image.Image) -> tuple[()]:
            self.seen += 1
            if self.seen == 2:
                raise KeyboardInterrupt
            return ()

    reader = Interrupted(TEXTS)
    monkeypatch.setattr("hybrid_search.ingest.text_reading.TextReader", lambda: reader)
    capfd.readouterr()
    assert cli.run(["read-text"]) == exits.INTERRUPTED
    assert "interrupted: 1 picture was read; `hybrid-search read-text` goes on" in capfd.readouterr().err
    monkeypatch.setattr("hybrid_search.ingest.text_reading.TextReader", lambda: LineReader(TEXTS))
    assert cli.run(["read-text", "--json"]) == exits.OK
    assert json.loads(capfd.readouterr().out)["read"] == 1


def test_a_picture_that_is_gone_makes_the_run_partial(photos: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["index", str(photos)]) == exits.OK
    (photos / "sky.png").unlink()
    capfd.readouterr()
    assert cli.run(["read-text"]) == exits.PARTIAL
    told = capfd.readouterr()
    assert "1 picture was read, 1 of them has text inside, 1 failed in " in told.out
    assert "sky.png" in told.err


def test_a_sheet_frames_the_lines_that_hold_a_word(photos: Path) -> None:
    lines = [
        {"text": text, "confidence": 0.99, "left": 0.25, "top": top, "width": 0.5, "height": 0.1}
        for text, top in (("Corner Bakery", 0.2), ("Total 12.50", 0.7))
    ]
    hit = Hit(1, "a1", 1.0, source={"path": [str(photos / "sky.png")], "text_lines": lines})

    def rows(words: str | None) -> list[int]:
        drawn = draw_sheet([hit], words=words).convert("RGB")
        mark = tuple(bytes.fromhex(MARK[1:]))
        return [y for y in range(drawn.height) if any(drawn.getpixel((x, y)) == mark for x in range(drawn.width))]

    # the picture is 240 × 180 below a margin of 24: a line at 0.2 of it begins at 60, one at 0.7 at 150
    assert rows("bakery") and min(rows("bakery")) in range(55, 62) and max(rows("bakery")) in range(76, 84)
    assert min(rows("total")) in range(145, 152)
    assert rows("dog") == rows(None) == []
