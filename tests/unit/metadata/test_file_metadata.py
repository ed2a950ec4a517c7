"""Metadata inside image files: every container, every typed field, every odd value."""

from __future__ import annotations

import io
import json
import logging
import math
import pickle
import re
import struct
import zlib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, IptcImagePlugin, PngImagePlugin, TiffImagePlugin

from hybrid_search.images import sniff
from hybrid_search.metadata import FIELDS, Metadata, merge, read_metadata
from hybrid_search.metadata.blocks import find_blocks

EXIF, GPS = 0x8769, 0x8825
XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


def ratio(numerator: int, denominator: int) -> TiffImagePlugin.IFDRational:
    return TiffImagePlugin.IFDRational(numerator, denominator)


def exif_of(tags: dict[int, Any]) -> Image.Exif:
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    return exif


def jpeg(tags: dict[int, Any], **options: Any) -> bytes:
    return saved("JPEG", exif=exif_of(tags), **options)


def saved(format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, format, **options)
    return buffer.getvalue()


def read(data: bytes) -> Metadata:
    return read_metadata(data, format=sniff(data) or "")


def tiff(entries: list[tuple[int, int, int, bytes]], order: str = "<") -> bytes:
    """Build an EXIF block with one IFD by hand: tag, type, count and value of each entry."""
    head = b"II*\x00" if order == "<" else b"MM\x00*"
    body, extra, start = b"", b"", 8 + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in entries:
        if len(value) > 4:
            value, extra = struct.pack(order + "I", start + len(extra)), extra + value
        body += struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\x00")
    return head + struct.pack(order + "IH", 8, len(entries)) + body + bytes(4) + extra


def with_block(block: bytes) -> bytes:
    """Put an EXIF block into a JPEG."""
    segment = b"Exif\x00\x00" + block
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + saved("JPEG")[2:]


def test_all_fields_of_a_camera() -> None:
    metadata = read(
        jpeg(
            {
                0x010E: "A  mountain lake",
                0x010F: "NIKON CORPORATION\x00\x00",
                0x0110: " NIKON Z 6_2 ",
                0x0131: "Ver.01.50",
                0x013B: "Ada",
                0x8298: "© Ada".encode(),
                0x4746: 3,
                0x9C9B: "Lake Café".encode("utf-16-le"),
                0x9C9E: "lake; mountain;;snow".encode("utf-16-le") + b"\x00\x00",
                EXIF: {
                    0x829A: ratio(1, 125),
                    0x829D: ratio(28, 10),
                    0x8822: 3,
                    0x8827: 400,
                    0x9003: "2021:07:04 05:06:07",
                    0x9004: "2022:01:01 00:00:00",
                    0x9011: "+02:00",
                    0x9204: ratio(-2, 3),
                    0x9207: 5,
                    0x9209: 0x19,
                    0x920A: ratio(50, 1),
                    0x9291: "08",
                    0xA403: 1,
                    0xA405: 75,
                    0xA431: "6001234",
                    0xA434: "NIKKOR Z 50mm f/1.8 S",
                },
                GPS: {
                    1: "S",
                    2: (ratio(33, 1), ratio(51, 1), ratio(3540, 100)),
                    3: "E",
                    4: (ratio(151, 1), ratio(12, 1), ratio(4000, 100)),
                    5: b"\x01",
                    6: ratio(105, 10),
                    17: ratio(9050, 100),
                },
            }
        )
    )
    assert metadata.warnings == ()
    location = metadata.fields["location"]
    assert isinstance(location, dict)
    # 33° 51′ 35.4″ S = -(33 + 51/60 + 35.4/3600), 151° 12′ 40″ E
    assert location == pytest.approx({"lat": -33.85983333, "lon": 151.21111111}, abs=1e-8)
    assert {name: value for name, value in metadata.fields.items() if name != "location"} == {
        "camera.make": "NIKON CORPORATION",
        "camera.model": "NIKON Z 6_2",
        "camera.serial": "6001234",
        "lens": "NIKKOR Z 50mm f/1.8 S",
        "software": "Ver.01.50",
        "taken_at": "2021-07-04T05:06:07.080",
        "taken_offset": "+02:00",
        "exposure_time": 0.008,
        "f_number": 2.8,
        "iso": 400,
        "focal_length": 50.0,
        "focal_length_35mm": 75.0,
        "exposure_bias": pytest.approx(-2 / 3),
        "exposure_program": "aperture priority",
        "metering": "pattern",
        "white_balance": "manual",
        "flash": True,
        "altitude": -10.5,
        "direction": 90.5,
        "title": "Lake Café",
        "caption": "A  mountain lake",
        "artist": "Ada",
        "copyright": "© Ada",
        "tags": ["lake", "mountain", "snow"],
        "rating": 3,
    }
    assert metadata.exif["FNumber"] == "14/5"
    assert metadata.exif["XPTitle"] == "Lake Café"


@pytest.mark.parametrize(
    ("tags", "field", "warning"),
    [
        ({EXIF: {0x829A: ratio(0, 0)}}, "exposure_time", "ExposureTime 0/0 is not a number"),
        ({EXIF: {0x829A: ratio(1, 0)}}, "exposure_time", "ExposureTime 1/0 is not a number"),
        ({EXIF: {0x829D: ratio(0, 1)}}, "f_number", "FNumber 0 is out of range"),
        ({EXIF: {0x920A: ratio(0, 0)}}, "focal_length", "FocalLength 0/0 is not a number"),
        ({EXIF: {0x9003: "0000:00:00 00:00:00"}}, "taken_at", "DateTimeOriginal 0000:00:00 00:00:00 is not a date"),
        ({EXIF: {0x9003: "2021:02:30 00:00:00"}}, "taken_at", "DateTimeOriginal 2021:02:30 00:00:00 is not a date"),
        ({EXIF: {0x9209: 4096}}, "flash", "Flash [4096] is not a flash state"),
        ({EXIF: {0x8822: 77}}, "exposure_program", "ExposureProgram 77 has no meaning"),
        ({0x4746: 99}, "rating", "Rating 99 is out of range"),
        ({0x4749: 300}, "rating", "RatingPercent [300] is out of range"),
        (
            {GPS: {1: "N", 2: (ratio(480, 1),), 3: "E", 4: (ratio(2, 1),)}},
            "location",
            "GPSLatitude 480 is out of range",
        ),
        (
            {GPS: {1: "N", 2: (ratio(0, 0),) * 3, 3: "E", 4: (ratio(2, 1),) * 3}},
            "location",
            "GPSLatitude [0/0, 0/0, 0/0] is not an",
        ),
        (
            {GPS: {2: (ratio(1, 1),) * 3, 3: "E", 4: (ratio(2, 1),) * 3}},
            "location",
            "GPSLatitudeRef '' names no hemisphere",
        ),
        (
            {GPS: {1: "N", 2: (ratio(0, 1),) * 3, 3: "E", 4: (ratio(0, 1),) * 3}},
            "location",
            "GPS position 0, 0 is what receivers",
        ),
        ({GPS: {6: ratio(1, 0)}}, "altitude", "GPSAltitude [1/0] is not a number"),
        ({GPS: {6: ratio(2**31, 1)}}, "altitude", "GPSAltitude"),
        ({GPS: {17: ratio(400, 1)}}, "direction", "GPSImgDirection [400] is out of range"),
    ],
)
def test_an_odd_value_is_an_absent_field_and_a_warning(tags: dict[int, Any], field: str, warning: str) -> None:
    metadata = read(jpeg({0x010F: "Canon", **tags}))
    assert dict(metadata.fields) == {"camera.make": "Canon"}
    assert len(metadata.warnings) == 1
    assert metadata.warnings[0].startswith(warning)


@pytest.mark.parametrize(
    ("tags", "rating"),
    [({0x4749: 75}, 4), ({0x4746: 0, 0x4749: 99}, 0), ({0x4746: 2, 0x4749: 99}, 2), ({0x4746: 0}, 0)],
)
def test_the_stars_of_windows(tags: dict[int, Any], rating: int) -> None:
    assert dict(read(jpeg(tags)).fields) == {"rating": rating}


def test_a_position_on_the_equator_and_the_meridian_of_greenwich_has_a_height() -> None:
    nowhere = {1: "N", 2: (ratio(0, 1),) * 3, 3: "E", 4: (ratio(0, 1),) * 3}
    assert dict(read(jpeg({GPS: {**nowhere, 6: ratio(12, 1)}})).fields) == {
        "location": {"lat": 0.0, "lon": 0.0},
        "altitude": 12.0,
    }
    assert "location" not in read(jpeg({GPS: {**nowhere, 6: ratio(0, 1)}})).fields


def test_unknown_is_not_odd() -> None:
    metadata = read(
        jpeg(
            {
                0x0132: "    :  :     :  :  ",
                0x010E: " " * 31,
                EXIF: {0x8822: 0, 0x9207: 0, 0xA405: 0, 0x9286: bytes(264)},
            }
        )
    )
    assert dict(metadata.fields) == {}
    assert metadata.warnings == ()


def test_the_moment_is_the_first_that_is_one() -> None:
    tags = {0x0132: "2003:01:01 00:00:00", EXIF: {0x9003: "0000:00:00 00:00:00", 0x9004: "2002:01:01 00:00:00"}}
    metadata = read(jpeg(tags))
    assert metadata.fields["taken_at"] == "2002-01-01T00:00:00"
    assert len(metadata.warnings) == 1
    # a satellite's clock says when the receiver had a fix, in UTC: where there is nothing else
    satellite: dict[int, Any] = {GPS: {7: (1, 1, 1), 29: "2001:01:01"}}
    assert read(jpeg({**tags, **satellite})).fields["taken_at"] == "2002-01-01T00:00:00"
    utc = {"taken_at": "2001-01-01T01:01:01", "taken_offset": "+00:00", "taken_at_utc": "2001-01-01T01:01:01Z"}
    assert read(jpeg(satellite)).fields == utc
    assert read(jpeg({GPS: {7: (7, 8, 9.5), 29: "2001:01:01"}})).fields["taken_at"] == "2001-01-01T07:08:09.500"
    for time, day in (((25, 0, 0), "2001:01:01"), ((1, 1), "2001:01:01"), ((1, 1, 1), ""), ((1, 1, 1), "2001:00:00")):
        assert read(jpeg({GPS: {7: time, 29: day}})).fields == {}


@pytest.mark.parametrize(
    ("tags", "iso"),
    [
        ({0x8827: (0, 800)}, 800),
        ({0x8827: (100, 200)}, 100),
        ({0x8827: 65535, 0x8832: 102400}, 102400),
        ({0x8827: 65535}, 65535),
    ],
)
def test_iso(tags: dict[int, Any], iso: int) -> None:
    assert read(jpeg({EXIF: tags})).fields["iso"] == iso


@pytest.mark.parametrize(
    "caption",
    ["OLYMPUS DIGITAL CAMERA", "SONY DSC", "<KENOX S1050>", "Canon", "  ", "-----", "3f786850e387550fdab836ed7e6dc881"],
)
def test_what_a_camera_writes_by_itself_is_no_caption(caption: str) -> None:
    assert "caption" not in read(jpeg({0x010F: "Canon", 0x0110: "<KENOX S1050>", 0x010E: caption})).fields


@pytest.mark.parametrize(
    ("comment", "caption"),
    [
        (b"ASCII\x00\x00\x00A boat\x00junk", "A boat"),
        (b"UNICODE\x00" + "Ein Gruß".encode("utf-16-le"), "Ein Gruß"),
        (b"UNICODE\x00" + "Ein Gruß".encode("utf-16-be"), "Ein Gruß"),
        (b"UNICODE\x00" + "小船".encode("utf-16"), "小船"),
        (b"UNICODE\x00plain after all", "plain after all"),
        (b"JIS\x00\x00\x00\x00\x00" + "小船".encode("iso2022_jp"), "小船"),
        (bytes(8) + b"undefined code", "undefined code"),
        (b"no code at all, just text", "no code at all, just text"),
        (b"ASCII\x00\x00\x00" + b"\x00" * 64, None),
        (bytes(8) + bytes(range(1, 8)) * 40, None),
    ],
)
def test_user_comments(comment: bytes, caption: str | None) -> None:
    assert read(jpeg({EXIF: {0x9286: comment}})).fields.get("caption") == caption


def test_text_in_other_encodings() -> None:
    block = tiff([(0x013B, 2, 8, "Zürich €".encode("cp1252")), (0x010E, 2, 6, b"caf\xe9!\x00")])
    fields = read(with_block(block)).fields
    assert fields == {"artist": "Zürich €", "caption": "café!"}


@pytest.mark.parametrize("order", ["<", ">"])
def test_wrong_types_and_counts_cost_their_own_field_only(order: str) -> None:
    block = tiff(
        [
            (0x010F, 2, 6, b"Canon\x00"),
            (0x0110, 3, 2, b"\x01\x02\x03\x04"),
            (0x829A, 2, 5, b"fast\x00"),
            (0x829D, 12, 1, struct.pack(order + "d", math.nan)),
            (0x8827, 4, 2**32 - 1, b"\xff\xff\xff\x7f"),
            (0x920A, 5, 1, b"\xff\xff\xff\x7f"),
            (0x9003, 4, 1, b"\x01\x00\x00\x00"),
            (0x9209, 10, 1, struct.pack(order + "ii", -1, 3)),
            (0x8769, 4, 1, b"\xff\xff\xff\xff"),
            (0xA405, 99, 1, b"\x01\x00\x00\x00"),
        ],
        order,
    )
    metadata = read(with_block(block))
    assert metadata.fields["camera.make"] == "Canon"
    assert set(metadata.fields) <= {"camera.make", "focal_length"}
    json.dumps([dict(metadata.fields), dict(metadata.exif)], allow_nan=False)


def test_a_large_maker_note_costs_little_and_a_hostile_one_no_more() -> None:
    note = jpeg({0x010F: "CASIO", EXIF: {0x927C: bytes(range(256)) * 160, 0x829D: ratio(28, 10)}})
    assert read(note).fields["f_number"] == 2.8
    assert "MakerNote" not in read(note).exif
    # a count of four thousand million, lists of tags that lie over each other, a list that is its own successor
    counts = with_block(tiff([(0x010F, 2, 6, b"Canon\x00"), (0x927C, 7, 2**32 - 1, b"\x08\x00\x00\x00")]))
    assert read(counts).fields["camera.make"] == "Canon"
    chain = b"II*\x00\x08\x00\x00\x00" + b"\x00\x00\x08\x00\x00\x00"
    assert read(with_block(chain)).warnings == ()
    entry = struct.pack("<HHII", 0x0111, 4, 999, 8)
    greedy = b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", 1000) + entry * 1000
    warnings = read(with_block(greedy)).warnings
    assert warnings == ("EXIF has more values than any camera writes; the rest was left out",)


def test_raw_exif_is_capped() -> None:
    long = jpeg({0x010E: "word " * 4000, 0x013B: "Ada"})
    metadata = read(long)
    assert len(metadata.exif["ImageDescription"]) <= 1000
    assert len(str(metadata.fields["caption"])) <= 10_000
    many = with_block(tiff([(0xC000 + number, 2, 900, b"x" * 900) for number in range(60)]))
    assert sum(len(key) + len(value) for key, value in read(many).exif.items()) <= 24_000


def test_keys_of_raw_exif_fit_a_flattened_field(data: Path) -> None:
    for path in (data / "exif").rglob("*"):
        if path.is_file() and path.name != "dump":
            for key, value in read(path.read_bytes()).exif.items():
                assert re.fullmatch("[A-Za-z0-9_]+", key)
                assert "\x00" not in value
                assert 0 < len(value) <= 1000


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "MPO", "JXL"])
def test_containers(format: str) -> None:
    if format == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    if format == "JXL":
        pytest.importorskip("pillow_jxl")
    exif = exif_of({0x010F: "Canon", EXIF: {0x829D: ratio(28, 10)}, GPS: {1: "N", 2: (1, 30, 0), 3: "W", 4: (2, 0, 0)}})
    options: dict[str, Any] = {"exif": exif.tobytes() if format in ("HEIF", "JXL", "AVIF") else exif}
    if format == "JXL":
        options |= {"lossless": True}
    elif format == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
    elif format == "TIFF":
        exif[700] = XMP
        options["exif"] = exif.tobytes()
    elif format != "MPO":
        options["xmp"] = XMP
    metadata = read(saved(format, **options))
    assert metadata.fields["camera.make"] == "Canon"
    assert metadata.fields["f_number"] == 2.8
    assert metadata.fields["location"] == {"lat": 1.5, "lon": -2.0}
    if format not in ("MPO", "JXL"):
        assert metadata.fields["rating"] == 4
    assert metadata.warnings == ()


def test_tiff_keeps_xmp_and_iptc_as_tags() -> None:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[700] = XMP + b" " * 2000
    info.tagtype[700] = 1
    iptc = b"".join(b"\x1c\x02\x19" + struct.pack(">H", 300) + b"%0300d" % number for number in range(5))
    info[33723] = iptc
    info.tagtype[33723] = 7
    metadata = read(saved("TIFF", tiffinfo=info))
    assert metadata.fields["rating"] == 4
    assert len(metadata.fields["tags"]) == 5  # type: ignore[arg-type]


def test_exif_after_other_segments() -> None:
    data = jpeg({0x010F: "Canon"})
    profile = b"\xff\xe2" + struct.pack(">H", 60_002) + bytes(60_000)
    assert read(data[:2] + profile * 3 + data[2:]).fields["camera.make"] == "Canon"
    assert read(data[:20] + b"\x00\x00garbage" + data[20:]).fields["camera.make"] == "Canon"


def test_png_text() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "Lake")
    info.add_text("Author", "Zoë")
    info.add_itxt("Description", "小船", zip=True)
    info.add_text("Comment", "Created with GIMP")
    assert read(saved("PNG", pnginfo=info)).fields == {"title": "Lake", "artist": "Zoë", "caption": "小船"}


def test_a_profile_as_imagemagick_writes_it() -> None:
    block = b"Exif\x00\x00" + tiff([(0x010F, 2, 6, b"Canon\x00")])
    text = f"\nexif\n{len(block):8}\n{block.hex()}\n"
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", text, zip=True)
    assert read(saved("PNG", pnginfo=info)).fields == {"camera.make": "Canon"}


def test_a_bomb_in_png_text_is_cut() -> None:
    bomb = b"XML:com.adobe.xmp\x00\x01\x00\x00\x00" + zlib.compress(bytes(64 * 2**20))
    chunk = struct.pack(">I", len(bomb)) + b"iTXt" + bomb + struct.pack(">I", zlib.crc32(b"iTXt" + bomb))
    data = saved("PNG")
    data = data[:33] + chunk + data[33:]
    assert len(find_blocks(data, "png").xmp) == 16 * 2**20
    assert read(data).fields == {}


def test_png_text_in_another_encoding() -> None:
    chunk = b"Title\x00\x00\x00\x00\x00caf\xe9"
    whole = struct.pack(">I", len(chunk)) + b"iTXt" + chunk + struct.pack(">I", zlib.crc32(b"iTXt" + chunk))
    data = saved("PNG")
    assert read(data[:33] + whole + data[33:]).fields == {"title": "café"}


def test_webp_pads_odd_chunks() -> None:
    data = saved("WEBP", exif=exif_of({0x010F: "Canon"}))
    assert read(data[:30] + b"ODD \x03\x00\x00\x00abc\x00" + data[30:]).fields == {"camera.make": "Canon"}


def test_iptc_agrees_with_pillow(data: Path) -> None:
    path = data / "formats" / "pillow" / "iptc.jpg"
    with Image.open(path) as image:
        theirs = IptcImagePlugin.getiptcinfo(image) or {}
    fields = read(path.read_bytes()).fields
    assert fields["tags"] == [keyword.decode() for keyword in theirs[2, 25]]  # type: ignore[union-attr]
    assert fields["place.city"] == theirs[2, 90].decode() == "Budapest"  # type: ignore[union-attr]


def test_people_say_it_best_in_xmp_then_iptc_then_exif() -> None:
    exif = exif_of({0x010E: "of EXIF", 0x013B: "EXIF", 0x8298: "EXIF", 0x010F: "Canon"})
    iptc = b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text
        for number, text in ((120, b"of IPTC"), (80, b"IPTC"), (25, b"one"))
    )
    xmp = XMP.replace(
        b'xmp:Rating="4"/>',
        b'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Make="XMP">'
        b"<dc:description>of XMP</dc:description><dc:subject><rdf:Bag><rdf:li>two</rdf:li></rdf:Bag></dc:subject>"
        b"</rdf:Description>",
    )
    data = saved("JPEG", exif=exif, xmp=xmp)
    resource = b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(iptc)) + iptc + bytes(len(iptc) % 2)
    segment = b"Photoshop 3.0\x00" + resource
    data = data[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    fields = read(data).fields
    assert fields["caption"] == "of XMP"
    assert fields["artist"] == "IPTC"
    assert fields["copyright"] == "EXIF"
    assert fields["tags"] == ["one", "two"]
    # a machine's facts are best where the machine wrote them
    assert fields["camera.make"] == "Canon"


def test_the_name_of_the_file_is_no_title() -> None:
    data = jpeg({0x010E: "img_0001.JPG", 0x9C9B: "IMG_0001".encode("utf-16-le"), 0x013B: "img_0001"})
    assert read_metadata(data, format="jpeg", name="/photos/IMG_0001.JPG").fields == {"artist": "img_0001"}
    assert set(read_metadata(data, format="jpeg").fields) == {"title", "caption", "artist"}


def test_merge() -> None:
    first = Metadata({"title": "a", "tags": ["x", "Y"], "taken_at": "2020-01-01T00:00:00", "taken_offset": "+01:00"})
    second = Metadata({"tags": ["y", "z"], "taken_at": "2021-01-01T00:00:00"}, {"Make": "Canon"}, ("odd",))
    merged = merge(first, second, Metadata({}, {}, ("odd",)))
    assert merged.fields == {"title": "a", "tags": ["x", "Y", "z"], "taken_at": "2021-01-01T00:00:00"}
    assert merged.exif == {"Make": "Canon"}
    assert merged.warnings == ("odd",)
    assert first.fields["tags"] == ["x", "Y"]
    assert merge() == Metadata({})
    assert pickle.loads(pickle.dumps(merged)) == merged


def _mapping_types() -> dict[str, str]:
    found: dict[str, str] = {}

    def walk(properties: dict[str, Any], prefix: str) -> None:
        for name, entry in properties.items():
            found[prefix + name] = entry.get("type", "object")
            walk(entry.get("properties", {}), f"{prefix}{name}.")

    walk(json.loads((resources.files("hybrid_search.mappings") / "images.json").read_text())["properties"], "")
    return found


FACE = {"name": "Ada", "left": 0.25, "top": 0.5, "width": 0.125, "height": 0.25}


def test_every_field_is_in_the_mapping_with_a_fitting_type() -> None:
    types = _mapping_types()
    python = {"text": str, "keyword": str, "integer": int, "float": (int, float), "boolean": bool, "date": str}
    samples: dict[str, object] = {
        "tags": ["a"],
        "people": ["a"],
        "faces": [FACE],
        "location": "1,2",
        "taken_at": "2020:01:01 00:00:00",
        "taken_offset": "+01:00",
        "flash": "yes",
        "rating": "3",
        "iso": 100.0,
    }
    for name, reader in FIELDS.items():
        numeric = types[name] in ("float", "integer")
        value = reader(samples.get(name, "1.5" if numeric else "words"))
        if types[name] == "geo_point":
            assert value == {"lat": 1.0, "lon": 2.0}
        elif name in ("tags", "people"):
            assert value == ["a"]
        elif name == "faces":
            assert value == [FACE]
        else:
            assert isinstance(value, python[types[name]]), name
            assert isinstance(value, bool) == (types[name] == "boolean"), name


def test_exifread_keeps_quiet_and_stays_usable(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tiff([(0x010F, 2, 4, b"\xff\xfe\xfd\xfc"), (0x0110, 2, 3, b"\xe9\xe8\xe7")])
    with caplog.at_level(logging.DEBUG):
        read(with_block(broken))
    assert caplog.records == []
    assert capsys.readouterr() == ("", "")
    with caplog.at_level(logging.WARNING):
        logging.getLogger("exifread").warning("of somebody else")
    assert [record.message for record in caplog.records] == ["of somebody else"]


TAG_NUMBERS = sorted({int(tag) for tag in ExifTags.TAGS} - {0x8769, 0x8825, 0xA005})


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(TAG_NUMBERS), st.integers(0, 14), st.integers(0, 40), st.binary(max_size=40)),
        max_size=12,
    ),
    st.sampled_from("<>"),
)
def test_any_tags_are_read(entries: list[tuple[int, int, int, bytes]], order: str) -> None:
    check(read(with_block(tiff(entries, order))))


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from(["jpeg", "png", "webp", "tiff", "heif", "avif", "jxl", "psd", "raf", ""])
)
def test_any_bytes_are_read(data: bytes, format: str) -> None:
    heads = {
        "jpeg": b"\xff\xd8\xff\xe1",
        "png": b"\x89PNG\r\n\x1a\n",
        "webp": b"RIFF0000WEBP",
        "tiff": b"II*\x00",
        "psd": b"8BPS",
    }
    check(read_metadata(heads.get(format, b"") + data, format=format))


def check(metadata: Metadata) -> None:
    text = json.dumps(
        [dict(metadata.fields), dict(metadata.exif), metadata.warnings], allow_nan=False, ensure_ascii=False
    )
    text.encode("utf-8")
    assert set(metadata.fields) <= set(FIELDS)
    for name, value in metadata.fields.items():
        assert FIELDS[name](value) == value, name


def test_damaged_files_are_read(data: Path) -> None:
    paths = [path for name in ("corrupt", "formats", "exif") for path in (data / name).rglob("*") if path.is_file()]
    assert len(paths) > 500
    for path in paths:
        check(read(path.read_bytes()))


def test_cut_files_are_read(data: Path) -> None:
    whole = (data / "exif" / "jpg" / "gps" / "DSCN0010.jpg").read_bytes()
    heif = (data / "exif" / "heic" / "mobile" / "HMD_Nokia_8.3_5G_hdr.heif").read_bytes()
    for length in range(0, 12_000, 401):
        check(read(whole[:length]))
        check(read_metadata(heif[:length], format="heif"))
