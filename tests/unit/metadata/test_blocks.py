"""Where metadata lies in containers that no library at hand writes."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from hybrid_search.images.parts import photoshop_resources
from hybrid_search.metadata import read_metadata
from hybrid_search.metadata.blocks import find_blocks

CANON = b"II*\x00\x08\x00\x00\x00\x01\x00\x0f\x01\x02\x00\x06\x00\x00\x00\x1a\x00\x00\x00\x00\x00\x00\x00Canon\x00"
F_NUMBER = (
    b"MM\x00*\x00\x00\x00\x08\x00\x01\x82\x9d\x00\x05\x00\x00\x00\x01\x00\x00\x00\x1a\x00\x00\x00\x00"
    + struct.pack(">II", 28, 10)
)
ALTITUDE = (
    b"MM\x00*\x00\x00\x00\x08\x00\x01\x00\x06\x00\x05\x00\x00\x00\x01\x00\x00\x00\x1a\x00\x00\x00\x00"
    + struct.pack(">II", 105, 10)
)
XMP = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF>'
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def resource(number: int, content: bytes, name: bytes = b"") -> bytes:
    head = b"8BIM" + struct.pack(">H", number) + bytes([len(name)]) + name + bytes((len(name) + 1) % 2)
    return head + struct.pack(">I", len(content)) + content + bytes(len(content) % 2)


def test_canon_cr3() -> None:
    inner = box(b"CNCV", b"CanonCR3") + box(b"CMT1", CANON) + box(b"CMT2", F_NUMBER) + box(b"CMT4", ALTITUDE)
    data = (
        box(b"ftyp", b"crx \x00\x00\x00\x01")
        + box(b"moov", box(b"uuid", bytes(16) + inner))
        + box(b"uuid", XMP_UUID + XMP)
    )
    metadata = read_metadata(data, format="cr3")
    assert metadata.fields == {"camera.make": "Canon", "f_number": 2.8, "altitude": 10.5}
    assert metadata.exif == {"Make": "Canon", "FNumber": "14/5", "GPSAltitude": "21/2"}
    assert find_blocks(data, "cr3").xmp == XMP


def test_a_title_that_repeats_the_name_of_a_cr3_is_left_out() -> None:
    titled = XMP.replace(
        b"</rdf:RDF>",
        b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="Holiday" dc:description="Sea"/>'
        b"</rdf:RDF>",
    )
    inner = box(b"CMT1", CANON) + box(b"CMT2", F_NUMBER)
    data = box(b"moov", box(b"uuid", bytes(16) + inner)) + box(b"uuid", XMP_UUID + titled)
    assert read_metadata(data, format="cr3").fields["title"] == "Holiday"
    fields = read_metadata(data, format="cr3", name="/photos/holiday.cr3").fields
    assert "title" not in fields and fields["caption"] == "Sea" and fields["f_number"] == 2.8


@pytest.mark.parametrize("head", [b"\x00\x00\x00\x00", b"", b"\x00\x00\x00\x06Exif\x00\x00"])
def test_jpeg_xl(head: bytes) -> None:
    signature = b"\x00\x00\x00\x0cJXL \r\n\x87\n"
    data = (
        signature
        + box(b"ftyp", b"jxl \x00\x00\x00\x00jxl ")
        + box(b"Exif", head + CANON)
        + box(b"xml ", b"<x:xmpmeta/>")
    )
    blocks = find_blocks(data, "jxl")
    assert blocks.exif == CANON
    assert blocks.xmp == b"<x:xmpmeta/>"


def test_jpeg_2000() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32)).save(buffer, "JPEG2000")
    whole = buffer.getvalue()
    data = whole[:12] + box(b"uuid", b"JpgTiffExif->JP2" + CANON) + box(b"uuid", XMP_UUID + XMP) + whole[12:]
    assert find_blocks(data, "jp2").exif == CANON
    assert find_blocks(data, "jp2").xmp == XMP


def test_photoshop() -> None:
    resources = (
        resource(0x03ED, b"odd") + resource(0x0422, CANON, b"name") + resource(0x0404, b"\x1c\x02\x5a\x00\x04Rome")
    )
    head = b"8BPS\x00\x01" + bytes(6) + struct.pack(">HIIHH", 3, 8, 8, 8, 3) + struct.pack(">I", 4) + b"mode"
    data = head + struct.pack(">I", len(resources)) + resources + bytes(100)
    assert read_metadata(data, format="psd").fields == {"camera.make": "Canon", "place.city": "Rome"}
    assert [kind for kind, _, _ in photoshop_resources(resources, 0)] == [b"\x03\xed", b"\x04\x22", b"\x04\x04"]
    assert [end - start for _, start, end in photoshop_resources(resources[:-2], 0)] == [3, len(CANON), 8]


def test_fujifilm_raf() -> None:
    segment = b"Exif\x00\x00" + CANON
    jpeg = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + b"\xff\xd9"
    data = b"FUJIFILMCCD-RAW ".ljust(84, b"\x00") + struct.pack(">II", 100, len(jpeg)) + bytes(8) + jpeg + bytes(50)
    assert find_blocks(data, "raf").exif == CANON


def test_minolta_mrw() -> None:
    data = b"\x00MRM" + bytes(4) + b"\x00PRD" + bytes(28) + b"\x00TTW" + struct.pack(">I", len(CANON)) + CANON
    assert find_blocks(data, "mrw").exif.startswith(CANON)


def test_raw_on_tiff_is_read_as_it_is() -> None:
    for format in ("tiff", "cr2", "nef", "arw", "dng"):
        assert find_blocks(CANON, format).exif == CANON


def test_big_tiff() -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    Image.new("RGB", (8, 8)).save(buffer, "TIFF", exif=exif.tobytes(), big_tiff=True)
    assert buffer.getvalue()[:4] == b"II+\x00"
    assert read_metadata(buffer.getvalue(), format="tiff").fields == {"camera.make": "Canon"}


def test_multi_segment_photoshop_blocks_of_jpeg() -> None:
    resources = resource(0x03ED, bytes(60_000)) + resource(0x0404, b"\x1c\x02\x5a\x00\x04Rome")
    segments = b""
    for start in range(0, len(resources), 50_000):
        part = b"Photoshop 3.0\x00" + resources[start : start + 50_000]
        segments += b"\xff\xed" + struct.pack(">H", len(part) + 2) + part
    assert read_metadata(b"\xff\xd8" + segments + b"\xff\xd9", format="jpeg").fields == {"place.city": "Rome"}
