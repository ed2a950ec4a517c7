"""When a picture was taken, by all who say it: the camera, agencies, sidecars, Takeout, captions files."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hybrid_search.document.document import metadata_fields
from hybrid_search.errors import MappingMismatch
from hybrid_search.ingest.caller_metadata import caller_metadata
from hybrid_search.ingest.text_updates import added_fields
from hybrid_search.metadata import Metadata, load_captions, merge, read_metadata, read_sidecars
from hybrid_search.metadata.taken_at import Moment, fuller, instant, split_offset

CLOCK = "2019-06-01T12:34:56"
CAMERA = {0x9003: "2019:06:01 12:34:56"}
SUMMER = {**CAMERA, 0x9011: "+02:00"}
SCANNER = {0x9004: "2015:02:03 04:05:06"}
SAVED = {"saved": "2015:02:03 04:05:06"}


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg(exif: dict[Any, Any], *, xmp: str = "", iptc: dict[int, bytes] | None = None) -> bytes:
    """Return a JPEG with EXIF, properties of an XMP packet and IPTC data sets of record 2."""
    tags = Image.Exif()
    tags.update({0x0132: exif["saved"]} if "saved" in exif else {})
    tags.get_ifd(0x8769).update({tag: value for tag, value in exif.items() if tag != "saved"})
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=tags)
    data = buffer.getvalue()
    sets = b"".join(b"\x1c\x02" + struct.pack(">BH", number, len(text)) + text for number, text in (iptc or {}).items())
    more = b""
    if sets:
        block = b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(sets)) + sets + b"\x00" * (len(sets) % 2)
        more += segment(0xED, b"Photoshop 3.0\x00" + block)
    if xmp:
        more += segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + packet(xmp).encode())
    return data[:2] + more + data[2:]


def packet(properties: str) -> str:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        f"{properties}/></rdf:RDF></x:xmpmeta>"
    )


def created(text: str) -> str:
    return f'photoshop:DateCreated="{text}"'


def said(metadata: Metadata) -> tuple[object, object]:
    return metadata.fields.get("taken_at"), metadata.fields.get("taken_offset")


@pytest.mark.parametrize(
    ("exif", "more", "taken"),
    [
        # a part of the moment, as agencies write it, and zeros for a time that nobody knew
        (SUMMER, {"iptc": {55: b"20190601"}}, (CLOCK, "+02:00")),
        (SUMMER, {"iptc": {55: b"20190601", 60: b"000000+0000"}}, (CLOCK, "+02:00")),
        (SUMMER, {"xmp": created("2019-06-01")}, (CLOCK, "+02:00")),
        (SUMMER, {"xmp": created("2019")}, (CLOCK, "+02:00")),
        (CAMERA, {"xmp": created("2019-06-01T12:34+02:00")}, (CLOCK, "+02:00")),
        # another moment: the camera knows its own
        (SUMMER, {"iptc": {55: b"20190715"}}, (CLOCK, "+02:00")),
        (SUMMER, {"iptc": {55: b"20190715", 60: b"101112+0200"}}, (CLOCK, "+02:00")),
        (SUMMER, {"xmp": created("1999-01-01T00:00:01Z")}, (CLOCK, "+02:00")),
        (SUMMER, {"xmp": created("1935")}, (CLOCK, "+02:00")),
        # what the camera left out
        (CAMERA, {"xmp": created("2019-06-01T12:34:56+02:00")}, (CLOCK, "+02:00")),
        (CAMERA, {"xmp": created("2019-06-01T12:34:56.25")}, (f"{CLOCK}.250", None)),
        (CAMERA, {"iptc": {55: b"20190601", 60: b"123456+0200"}}, (CLOCK, "+02:00")),
        (CAMERA, {"iptc": {55: b"20190601", 60: b"123456+0000"}}, (CLOCK, None)),
        ({0x9003: "2019:06:01 00:00:00"}, {"xmp": created("2019-06-01T12:34:56")}, (CLOCK, None)),
        ({0x9003: "2019:00:00 00:00:00"}, {"xmp": created("2019-06-01T12:34:56")}, (CLOCK, None)),
        ({0x9003: "1935:00:00 00:00:00"}, {"xmp": created("2019-06-01T12:34:56")}, ("1935", None)),
        # a scan has two dates, of which the file's own is not the picture's
        (SCANNER, {"xmp": created("1935")}, ("1935", None)),
        (SCANNER, {"iptc": {55: b"19350600"}}, ("1935-06", None)),
        (SCANNER, {"iptc": {55: b"19350614"}}, ("1935-06-14", None)),
        (SAVED, {"xmp": created("1935")}, ("1935", None)),
        (SAVED, {"xmp": 'exif:DateTimeOriginal="2014-05-06T07:08:09"'}, ("2014-05-06T07:08:09", None)),
        (SAVED, {"xmp": 'xmp:CreateDate="2014-05-06T07:08:09"'}, ("2015-02-03T04:05:06", None)),
        (SAVED, {"iptc": {55: b"20150204"}}, ("2015-02-03T04:05:06", None)),
        # XMP alone
        ({}, {"xmp": created("2019-06-01") + ' exif:DateTimeOriginal="2019-06-01T12:34:56+02:00"'}, (CLOCK, "+02:00")),
        ({}, {"xmp": created("1935") + ' xmp:CreateDate="2015-02-03T04:05:06"'}, ("1935", None)),
        ({}, {"xmp": 'exif:GPSTimeStamp="2018-05-04T07:08:09Z"'}, ("2018-05-04T07:08:09", "+00:00")),
        (CAMERA, {"xmp": 'exif:GPSTimeStamp="2018-05-04T07:08:09Z"'}, (CLOCK, None)),
    ],
)
def test_inside_a_file_the_camera_holds_and_others_add(
    exif: dict[Any, Any], more: dict[str, Any], taken: tuple[str, str | None]
) -> None:
    metadata = read_metadata(jpeg(exif, **more), format="jpeg")
    assert metadata.warnings == ()
    assert said(metadata) == taken


def xmp_sidecar(folder: Path, text: str) -> Metadata:
    (folder / "photo.xmp").write_text(packet(created(text)))
    return read_sidecars(folder / "photo.jpg")


def json_sidecar(folder: Path, text: str) -> Metadata:
    (folder / "photo.json").write_text(json.dumps({"taken_at": text}))
    return read_sidecars(folder / "photo.jpg")


def captions(folder: Path, text: str) -> Metadata:
    (folder / "captions.csv").write_text(f"path,taken_at\nphoto.jpg,{text}\n")
    return load_captions(folder / "captions.csv").find(folder / "photo.jpg") or Metadata({})


def caller(folder: Path, text: str) -> Metadata:
    return caller_metadata({"taken_at": text})


@pytest.mark.parametrize("beside", [xmp_sidecar, json_sidecar, captions, caller])
@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("2019-06-01", (CLOCK, "+02:00")),
        ("2019-06", (CLOCK, "+02:00")),
        ("2019", (CLOCK, "+02:00")),
        ("2019-06-01T00:00:00", (CLOCK, "+02:00")),
        ("2019-06-01T12:34", (CLOCK, "+02:00")),
        ("2019-06-01T10:34:56Z", (CLOCK, "+02:00")),
        # somebody corrects a scanner's date, or a clock that was wrong
        ("1935", ("1935", None)),
        ("1935-08", ("1935-08", None)),
        ("1961-05-01", ("1961-05-01", None)),
        ("2019-06-02T12:34:56", ("2019-06-02T12:34:56", None)),
        ("2019-06-01T13:34:56+03:00", (CLOCK, "+02:00")),
        ("2019-06-01T13:34:56+02:00", ("2019-06-01T13:34:56", "+02:00")),
        ("2019-06-01T12:34:56+03:00", (CLOCK, "+03:00")),
    ],
)
def test_beside_a_file_another_moment_corrects_and_a_part_of_it_does_not(
    tmp_path: Path, beside: Any, text: str, taken: tuple[str, str | None]
) -> None:
    inside = read_metadata(jpeg(SUMMER), format="jpeg")
    assert said(merge(inside, beside(tmp_path, text))) == taken


@pytest.mark.parametrize(
    ("exif", "seconds", "taken"),
    [
        (CAMERA, 1559385296, (CLOCK, "+02:00")),  # 2019-06-01 10:34:56 UTC
        (CAMERA, 1559385296 + 2 * 3600, (CLOCK, "+00:00")),
        (CAMERA, 1559385296 - 3600 * 3 - 2700, (CLOCK, "+05:45")),
        (CAMERA, 1559385296 + 3600 * 5 + 1800, (CLOCK, "-03:30")),
        (CAMERA, 1559385296 + 61, (CLOCK, None)),
        (CAMERA, 1559385296 - 13 * 3600, (CLOCK, None)),
        (CAMERA, 0, (CLOCK, None)),
        ({**CAMERA, 0x9291: "750"}, 1559385296, (f"{CLOCK}.750", "+02:00")),
        ({**CAMERA, 0x9011: "+03:00"}, 1559385296, (CLOCK, "+03:00")),
        ({0x9003: "2019:00:00 00:00:00"}, 1559385296, ("2019-06-01T10:34:56", "+00:00")),
        ({0x9003: "1935:00:00 00:00:00"}, 1559385296, ("1935", None)),
        ({}, 1559385296, ("2019-06-01T10:34:56", "+00:00")),
    ],
)
def test_takeout_tells_the_offset_of_the_cameras_clock(
    tmp_path: Path, exif: dict[Any, Any], seconds: int, taken: tuple[str, str | None]
) -> None:
    (tmp_path / "photo.jpg.json").write_text(json.dumps({"photoTakenTime": {"timestamp": str(seconds)}}))
    beside = read_sidecars(tmp_path / "photo.jpg")
    inside = read_metadata(jpeg(exif), format="jpeg")
    assert said(merge(inside, beside)) == taken
    # a captions file comes after both, and has the clock's own time
    assert said(merge(inside, beside, Metadata({"taken_at": "1961-05-01"})))[0] == "1961-05-01"


def test_a_document_has_the_clock_the_offset_and_the_moment_in_utc() -> None:
    fields = metadata_fields(caller_metadata({"taken_at": "2019-12-31T23:30:00.5-05:00"}))
    assert fields == {
        "taken_at": "2019-12-31T23:30:00.500",
        "taken_offset": "-05:00",
        "taken_at_utc": "2020-01-01T04:30:00.500Z",
    }
    assert metadata_fields(caller_metadata({"taken_at": "2019-06-01 12:34:56"})) == {"taken_at": CLOCK}
    assert metadata_fields(caller_metadata({"taken_at": 1935})) == {"taken_at": "1935"}
    assert metadata_fields(caller_metadata({"taken_at": np.float64(1935)})) == {"taken_at": "1935"}
    for odd in (True, 1935.5, float("nan"), 20, 1559385296):
        with pytest.raises(MappingMismatch, match="is not a date"):
            caller_metadata({"taken_at": odd})
    assert metadata_fields(Metadata({"taken_at": "2019-06-01", "taken_offset": "+02:00"})) == {
        "taken_at": "2019-06-01",
        "taken_offset": "+02:00",
    }


def test_another_copys_moment_takes_the_offset_of_the_first_away() -> None:
    stored = {"taken_at": CLOCK, "taken_offset": "+02:00", "taken_at_utc": "2019-06-01T10:34:56Z"}
    unknown = {"taken_offset": None, "taken_at_utc": None}
    assert added_fields(stored, Metadata({"taken_at": "1961-05-01"})) == {"taken_at": "1961-05-01", **unknown}
    assert added_fields(stored, Metadata({"taken_at": "2019-06-01", "title": "a"})) == {**stored, "title": "a"}
    takeout = Metadata({"taken_at": "2019-06-01T10:34:56", "taken_offset": "+00:00", "taken_at_utc": "…"})
    assert added_fields({"taken_at": CLOCK}, takeout) == stored


def test_the_moment_in_utc() -> None:
    assert instant("2020-03-01T00:10:00.123456", "+00:30") == "2020-02-29T23:40:00.123456Z"
    assert {instant("2020-03-01T00:00:00", offset) for offset in ("z", "Z", " +00:00", "+0000")} == {
        "2020-03-01T00:00:00Z"
    }
    assert [instant("2020-03-01", "+01:00"), instant(CLOCK, ""), instant(CLOCK, "??")] == [None] * 3
    assert split_offset("2019-06-01T12:34:56Z") == (CLOCK, "+00:00")
    assert split_offset("2019-06-01") == ("2019-06-01", "")


STATEMENTS = [
    *(Moment(clock, offset) for clock in (CLOCK, f"{CLOCK}.250", "2021-01-01T00:00:00") for offset in ("", "+02:00")),
    *(Moment(clock) for clock in ("1935", "2019", "2019-06", "2019-06-01", "2019-06-01T00:00:00")),
    *(Moment("", "+02:00"), Moment("2019-06-01T10:34:56", "+00:00", is_utc=True)),
]


@pytest.mark.parametrize("corrects", [False, True])
def test_what_two_say_is_never_less_than_what_one_said(corrects: bool) -> None:
    assert fuller(None, None, corrects=corrects) is None
    for known in STATEMENTS:
        assert fuller(known, known, corrects=corrects) == fuller(known, None, corrects=corrects) == known
        for other in STATEMENTS:
            both = fuller(known, other, corrects=corrects)
            assert both is not None
            assert fuller(both, other, corrects=corrects) == both, "to say it once more changes nothing"
            first = other if corrects and not other.is_utc else known
            same = min(len(known.clock), len(other.clock), 19)
            if known.clock[:same] == other.clock[:same] and not (known.is_utc or other.is_utc):
                assert len(both.clock) == max(len(known.clock), len(other.clock))
                assert both.offset == first.offset or not first.offset
