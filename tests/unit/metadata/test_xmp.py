"""XMP packets: words and facts, odd packets, hostile packets."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.metadata.fields import FIELDS
from hybrid_search.metadata.xmp import read_xmp

NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
}


def packet(body: str = "", attributes: str = "") -> bytes:
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF {spaces}><rdf:Description rdf:about="" {attributes}>{body}</rdf:Description></rdf:RDF></x:xmpmeta>'
        f"{' ' * 100}<?xpacket end='w'?>"
    ).encode()


def test_words() -> None:
    found = read_xmp(
        packet(
            """
            <dc:title><rdf:Alt><rdf:li xml:lang="de">Der See</rdf:li>
            <rdf:li xml:lang="x-default">The lake</rdf:li></rdf:Alt></dc:title>
            <dc:description><rdf:Alt><rdf:li xml:lang="x-default">Ice &amp; snow</rdf:li></rdf:Alt></dc:description>
            <dc:subject><rdf:Bag><rdf:li>lake</rdf:li><rdf:li/><rdf:li> Winter </rdf:li></rdf:Bag></dc:subject>
            <lr:hierarchicalSubject><rdf:Bag><rdf:li>Places|Europe|Paris</rdf:li></rdf:Bag></lr:hierarchicalSubject>
            <digiKam:TagsList><rdf:Seq><rdf:li>People/Ada</rdf:li></rdf:Seq></digiKam:TagsList>
            <dc:creator><rdf:Seq><rdf:li>Ada</rdf:li><rdf:li>Bob</rdf:li></rdf:Seq></dc:creator>
            <dc:rights><rdf:Alt><rdf:li xml:lang="x-default">CC0</rdf:li></rdf:Alt></dc:rights>
            <photoshop:City>Paris</photoshop:City>
            """,
            'xmp:Rating="-1" photoshop:State="Île-de-France" photoshop:Country="France" Iptc4xmpCore:CountryCode="fr"',
        )
    )
    assert found.words.warnings == ()
    assert found.words.fields == {
        "title": "The lake",
        "caption": "Ice & snow",
        "tags": ["lake", "Winter", "Places", "Europe", "Paris", "People", "Ada"],
        "rating": -1,
        "artist": "Ada, Bob",
        "copyright": "CC0",
        "place.city": "Paris",
        "place.region": "Île-de-France",
        "place.country": "France",
        "place.country_code": "FR",
    }
    assert found.facts.fields == {}


def test_what_a_camera_writes_by_itself_is_no_caption() -> None:
    body = "<dc:description>SONY DSC</dc:description><exif:UserComment>At sea</exif:UserComment>"
    assert read_xmp(packet(body)).words.fields == {"caption": "At sea"}
    assert read_xmp(packet(body.partition("<exif")[0])).words.fields == {}


def test_facts() -> None:
    found = read_xmp(
        packet(
            "<exif:ISOSpeedRatings><rdf:Seq><rdf:li>200</rdf:li></rdf:Seq></exif:ISOSpeedRatings>",
            'tiff:Make="SONY" tiff:Model="ILCE-7" aux:Lens="FE 35mm F2.8" aux:SerialNumber="42" '
            'xmp:CreatorTool="darktable" exif:DateTimeOriginal="2020-09-14T11:09:34.641-05:00" '
            'exif:ExposureTime="1/200" exif:FNumber="32/10" exif:FocalLength="35/1" exif:ExposureBiasValue="-1/3" '
            'exif:GPSLatitude="48,51.5N" exif:GPSLongitude="2,21,36W" exif:GPSAltitude="105/10" '
            'exif:GPSAltitudeRef="1" exif:GPSImgDirection="90/1" xmp:CreateDate="1999-01-01"',
        )
    )
    assert found.words.fields == {}
    assert found.facts.warnings == ()
    fields = dict(found.facts.fields)
    # 48° 51.5′ = 48 + 51.5/60, 2° 21′ 36″ = 2 + 21/60 + 36/3600
    assert fields.pop("location") == pytest.approx({"lat": 48.858333333, "lon": -2.36})
    assert fields.pop("exposure_bias") == pytest.approx(-1 / 3)
    assert fields == {
        "camera.make": "SONY",
        "camera.model": "ILCE-7",
        "camera.serial": "42",
        "lens": "FE 35mm F2.8",
        "software": "darktable",
        "taken_at": "2020-09-14T11:09:34.641",
        "taken_offset": "-05:00",
        "exposure_time": 0.005,
        "f_number": 3.2,
        "iso": 200,
        "focal_length": 35.0,
        "altitude": -10.5,
        "direction": 90.0,
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(encoding: str) -> None:
    text = packet("<dc:description>小船</dc:description>").decode().replace("\ufeff", "")
    assert read_xmp(text.encode(encoding)).words.fields == {"caption": "小船"}


def test_broken_bytes_cost_one_character() -> None:
    broken = packet("<dc:description>caf?!</dc:description>").replace(b"?!", b"\xe9!")
    assert read_xmp(broken).words.fields == {"caption": "caf\ufffd!"}


@pytest.mark.parametrize(
    ("body", "attributes", "warning"),
    [
        ("", 'xmp:Rating="9"', "xmp:Rating 9 is out of range"),
        ("", 'xmp:Rating="3.5"', "xmp:Rating 3.5 is not a whole number"),
        (
            "",
            'exif:GPSLatitude="480" exif:GPSLongitude="2,0E"',
            "exif:GPSLatitude {'lat': 480.0, 'lon': 2.0} is out of",
        ),
        ("", 'exif:GPSLatitude="north" exif:GPSLongitude="2,0E"', "exif:GPSLatitude north is not an angle"),
        ("", 'exif:DateTimeOriginal="0000-00-00T00:00:00"', "exif:DateTimeOriginal 0000-00-00T00:00:00 is not a date"),
        ("", 'exif:FNumber="0/0"', "exif:FNumber 0/0 is not a number"),
        ("<dc:title>", "", "XMP cannot be read: mismatched tag"),
    ],
)
def test_odd_values(body: str, attributes: str, warning: str) -> None:
    found = read_xmp(packet(body, attributes))
    assert {**found.words.fields, **found.facts.fields} == {}
    (only,) = found.words.warnings + found.facts.warnings
    assert only.startswith(warning)


def test_entities_are_refused() -> None:
    lol = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
    inside = packet("<dc:title>&b;</dc:title>")
    for hostile in (lol + inside, inside.replace(b"<rdf:RDF", lol + b"<rdf:RDF", 1)):
        found = read_xmp(hostile)
        assert found.words.fields == {}
        assert found.words.warnings[0].startswith("XMP cannot be read")


def test_a_packet_that_never_ends_is_not_searched_again_and_again() -> None:
    start = time.perf_counter()
    assert read_xmp(b"<rdf:RDF " * 200_000).words.fields == {}
    assert time.perf_counter() - start < 5


def test_no_packet() -> None:
    for data in (b"", b"not XMP", b"<html></html>", bytes(1000)):
        assert read_xmp(data).words.fields == {}


@given(st.text(), st.text())
def test_any_text_is_read(caption: str, rating: str) -> None:
    escaped = caption.replace("&", "&amp;").replace("<", "&lt;")
    inside = f"<dc:description>{escaped}</dc:description><xmp:Rating>{rating}</xmp:Rating>".replace("\x00", "")
    found = read_xmp(packet(inside)).words.fields
    assert -1 <= int(str(found.get("rating", 0))) <= 5


@given(st.binary())
def test_any_bytes_are_read(data: bytes) -> None:
    for block in (data, packet()[:-60] + data, packet().replace(b"Description", data)):
        found = read_xmp(block)
        assert set(found.words.fields) | set(found.facts.fields) <= set(FIELDS)
