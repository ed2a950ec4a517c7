"""IPTC data sets: fields, encodings, damage."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hybrid_search.metadata import read_metadata
from hybrid_search.metadata.fields import FIELDS
from hybrid_search.metadata.iptc import read_iptc


def block(*sets: tuple[int, bytes], utf8: bool = False) -> bytes:
    head = b"\x1c\x01\x5a\x00\x03\x1b%G" if utf8 else b""
    return head + b"".join(b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text for number, text in sets)


def test_fields() -> None:
    metadata = read_iptc(
        block(
            (5, b"The lake"),
            (105, b"Headline"),
            (120, b"Ice on the lake\r\nin winter"),
            (25, b"lake"),
            (25, b"ice"),
            (25, b"Lake"),
            (80, b"Ada\x00"),
            (80, b"Bob"),
            (90, b"Paris"),
            (92, b"Montmartre"),
            (95, b"Ile-de-France"),
            (100, b"FRA"),
            (101, b"France"),
            (116, b"CC0"),
            (55, b"20060715"),
            (60, b"143005+0200"),
        )
    )
    assert metadata.warnings == ()
    assert metadata.fields == {
        "title": "The lake",
        "headline": "Headline",
        "caption": "Ice on the lake\nin winter",
        "tags": ["lake", "ice"],
        "artist": "Ada, Bob",
        "place.sublocation": "Montmartre",
        "place.city": "Paris",
        "place.region": "Ile-de-France",
        "place.country": "France",
        "copyright": "CC0",
        "taken_at": "2006-07-15T14:30:05",
        "taken_offset": "+02:00",
    }


@pytest.mark.parametrize(
    ("data", "caption"),
    [
        (block((120, "Zürich 小船".encode()), utf8=True), "Zürich 小船"),
        (block((120, "Zürich 小船".encode())), "Zürich 小船"),
        (block((120, "Zürich – 5 €".encode("cp1252"))), "Zürich – 5 €"),
        (block((120, b"caf\xe9!"), utf8=True), "caf\ufffd!"),
    ],
)
def test_encodings(data: bytes, caption: str) -> None:
    assert read_iptc(data).fields == {"caption": caption}


def test_what_a_camera_writes_by_itself_is_no_caption() -> None:
    assert read_iptc(block((120, b"OLYMPUS DIGITAL CAMERA"))).fields == {}


def test_a_headline_stands_in_for_a_title() -> None:
    assert read_iptc(block((105, b"Headline"), (100, b"fr"))).fields == {
        "title": "Headline",
        "headline": "Headline",
        "place.country_code": "FR",
    }


@pytest.mark.parametrize(
    ("date", "time", "taken_at", "warnings"),
    [
        (b"20060715", b"", "2006-07-15", 0),
        (b"00000000", b"000000", None, 0),
        (b"19350000", b"", "1935", 0),
        (b"19350600", b"000000+0000", "1935-06", 0),
        (b"1935", b"", "1935", 0),
        (b"20060715", b"143005+0000", "2006-07-15T14:30:05", 0),
        (b"20061345", b"", None, 1),
        (b"yesterday", b"", None, 1),
        (b"2006-07-15", b"", "2006-07-15", 0),
    ],
)
def test_dates(date: bytes, time: bytes, taken_at: str | None, warnings: int) -> None:
    metadata = read_iptc(block((55, date), (60, time)))
    assert metadata.fields.get("taken_at") == taken_at
    assert len(metadata.warnings) == warnings


def test_long_and_damaged_data_sets() -> None:
    wide = b"\x1c\x02\x78\x80\x04" + struct.pack(">I", 40_000) + b"x" * 40_000
    metadata = read_iptc(b"junk" + wide + block((90, b"Paris")))
    assert metadata.fields["place.city"] == "Paris"
    assert metadata.fields["caption"] == "x" * 10_000
    cut = block((90, b"Paris"), (101, b"France"))[:-3]
    assert read_iptc(cut).fields == {"place.city": "Paris", "place.country": "Fra"}


@given(st.binary() | st.binary().map(lambda data: b"\x1c\x02\x78" + data))
def test_any_bytes_are_read(data: bytes) -> None:
    assert set(read_iptc(data).fields) <= set(FIELDS)


def test_a_day_does_not_replace_the_cameras_moment() -> None:
    def file(day: bytes, *, moment: str = "2002:07:13 15:58:28") -> bytes:
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = moment
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=exif)
        data = buffer.getvalue()
        sets = b"\x1c\x02\x37" + struct.pack(">H", len(day)) + day
        block = (
            b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + struct.pack(">I", len(sets)) + sets + b"\x00" * (len(sets) % 2)
        )
        return data[:2] + b"\xff\xed" + struct.pack(">H", len(block) + 2) + block + data[2:]

    for day in (b"20020713", b"20020620"):
        assert read_metadata(file(day), format="jpeg").fields["taken_at"] == "2002-07-13T15:58:28"
    assert (
        read_metadata(file(b"19990101", moment="0000:00:00 00:00:00"), format="jpeg").fields["taken_at"] == "1999-01-01"
    )
