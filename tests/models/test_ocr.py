"""RapidOCR reads real letters: found, said where, with accents and in Chinese, and nothing where there is nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from hybrid_search.cli.output.fonts import font_for
from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder, photo

pytest.importorskip("rapidocr", reason="the extra [ocr] is not installed")

from hybrid_search.ocr.text_reader import TextReader


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return TextReader()


def page(*lines: str, size: tuple[int, int] = (640, 480), place: tuple[int, int] = (60, 80)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        draw.text((place[0], place[1] + 80 * row), line, fill="black", font=font_for(line, 36))
    return image


def test_lines_are_read_in_their_order_with_their_places(reader: TextReader) -> None:
    first, second = reader.read(page("Größe 12,50 €", "déjà vu à Noël"))
    assert (first.text, second.text) == ("Größe 12,50 €", "déjà vu à Noël")
    assert min(first.confidence, second.confidence) > 0.9
    assert abs(first.left - 60 / 640) < 0.03 and first.top < 90 / 480 < 120 / 480 < first.top + first.height
    assert second.top > first.top + first.height
    assert all(0 <= edge <= 1 for line in (first, second) for edge in (line.left, line.top, line.left + line.width))


def test_small_print_on_a_large_picture_and_lines_of_a_long_one_are_read(reader: TextReader) -> None:
    large = page("Departure 18:45 platform seven", size=(2_400, 1_800), place=(900, 1_200))
    assert [line.text for line in reader.read(large)] == ["Departure 18:45 platform seven"]
    words = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
    long = page(*(f"the {word} line" for word in words), size=(400, 2_400), place=(40, 60))
    read = reader.read(long)
    assert [line.text for line in read] == [f"the {word} line" for word in words], "each once, across the parts"
    assert all(abs((line.top + line.height / 2) * 2_400 - (80 + 80 * row)) < 20 for row, line in enumerate(read))


def test_pictures_without_letters_are_not_even_read(reader: TextReader) -> None:
    assert not reader.seems_written(Image.new("RGB", (640, 480), "navy"))
    assert reader.read(Image.new("RGB", (640, 480), "navy")) == ()
    assert reader.read(photo(3, (640, 480))) == ()
    assert reader.read(Image.new("RGB", (1, 1))) == reader.read(Image.new("RGB", (3, 900))) == ()


def test_words_inside_a_picture_find_it(tmp_path: Path) -> None:
    page("Corner Bakery", "Total 12.50").save(tmp_path / "receipt.png")
    photo(3, (640, 480)).save(tmp_path / "shapes.png")
    with HybridIndex(embedder=ColourEmbedder()) as index:
        index.add_folder(tmp_path)
        report = index.read_text()
        assert (report.read, report.with_text, report.failed) == (2, 1, ())
        assert [Path(str(hit.path)).name for hit in index.search("bakery")] == ["receipt.png"]
        assert index.search(filter="has:text")[0].source["text_read_by"].startswith("PP-OCR")


def test_nothing_is_fetched_or_told(tmp_path: Path) -> None:
    code = (
        "import socket, os\n"
        "def refused(*given): raise AssertionError('a connection was opened')\n"
        "socket.socket.connect = refused; socket.getaddrinfo = refused\n"
        "from PIL import Image\n"
        "from hybrid_search.ocr.text_reader import TextReader\n"
        "TextReader().read_closely(Image.new('RGB', (64, 64), 'white'))\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)
