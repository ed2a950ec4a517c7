"""Formats are told by content; candidates by suffix."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from hybrid_search.images import SUFFIXES, is_candidate, sniff
from hybrid_search.images.sniff import describe

WRITERS = {
    "JPEG": "jpeg",
    "MPO": "jpeg",
    "PNG": "png",
    "GIF": "gif",
    "WEBP": "webp",
    "TIFF": "tiff",
    "BMP": "bmp",
    "PPM": "ppm",
    "JPEG2000": "jp2",
    "AVIF": "avif",
    "ICO": "ico",
    "ICNS": "icns",
    "TGA": "tga",
    "DDS": "dds",
    "SGI": "sgi",
    "PCX": "pcx",
}


@pytest.mark.parametrize("writer", WRITERS)
def test_format_is_told_by_the_first_bytes_of_what_pillow_writes(writer: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(buffer, writer)
    assert sniff(buffer.getvalue()) == sniff(buffer.getvalue()[:64]) == WRITERS[writer]


@pytest.mark.parametrize(
    ("head", "format"),
    [
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "heif"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1avif", "avif"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "heif"),
        (b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom", "cr3"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42", None),
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00", "cr2"),
        (b"FUJIFILMCCD-RAW 0201", "raf"),
        (b"IIU\x00\x18\x00\x00\x00", "rw2"),
        (b"\xff\x0a\xfa\x1f", "jxl"),
        (b"8BPS\x00\x01" + bytes(20), "psd"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", None),
        (b"%!PS-Adobe-3.0 EPSF-3.0", None),
        (b"BM is how this letter begins", None),
        (b"Plain text, a page of it", None),
        (b"\x00\x00\x02\x00" + bytes(40), None),
        (b"\xff\xd8", None),
        (b"", None),
    ],
)
def test_format_of_hand_made_heads(head: bytes, format: str | None) -> None:
    assert sniff(head) == format


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "web page"),
        (b"%!PS-Adobe-3.0", "PostScript"),
        (b"<svg xmlns=", "SVG"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"\x00\x00\x00\x18ftypisom", "film"),
        (b"\x01\x02\x03\x04", "no image format"),
    ],
)
def test_what_is_no_image_is_named(data: bytes, word: str) -> None:
    assert word in describe(data)


def test_candidates_are_chosen_by_suffix_whatever_its_case() -> None:
    assert is_candidate("a/b.JPG") and is_candidate("x.heic") and is_candidate("IMG.CR2") and is_candidate("a.png")
    assert not any(is_candidate(name) for name in ("notes.txt", "jpg", ".jpg", "a.jpg.xmp", "film.mp4", "d.eps", ""))
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in SUFFIXES)
