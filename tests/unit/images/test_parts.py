"""Files of very many, very small or very large parts are read in time that is linear in their size, or refused."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hybrid_search.errors import ImageUnreadable
from hybrid_search.images import load_image, parts
from hybrid_search.images.stripped import plain
from hybrid_search.metadata import read_metadata
from hybrid_search.metadata.blocks import find_blocks

XMP = b"http://ns.adobe.com/xap/1.0/\x00"


def encode(writer: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    across, down = np.meshgrid(np.linspace(0, 255, 64), np.linspace(0, 255, 48))
    picture = Image.fromarray(np.dstack([across, down, (across + down) / 2]).astype(np.uint8))
    (picture.quantize(16) if writer == "GIF" else picture).save(buffer, writer, **options)
    return buffer.getvalue()


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def riff(kind: bytes, content: bytes = b"") -> bytes:
    return kind + struct.pack("<I", len(content)) + content


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def in_jpeg(more: bytes) -> bytes:
    data = encode("JPEG")
    return data[:2] + more + data[2:]


def in_png(more: bytes) -> bytes:
    data = encode("PNG")
    return data[:33] + more + data[33:]


def in_webp(more: bytes) -> bytes:
    data = encode("WEBP")
    return data[:4] + struct.pack("<I", len(data) + len(more) - 8) + data[8:] + more


def in_gif(more: bytes) -> bytes:
    data = encode("GIF")
    start = 13 + (3 << (data[10] & 7) + 1)
    return data[:start] + more + data[start:]


def in_jp2(more: bytes) -> bytes:
    data = encode("JPEG2000")
    return data[:32] + more + data[32:]  # behind the file type


def in_psd(more: bytes) -> bytes:
    head = b"8BPS\x00\x01" + bytes(6) + struct.pack(">HIIHH", 3, 48, 64, 8, 3) + bytes(4)
    return head + struct.pack(">I", len(more)) + more + bytes(4) + bytes(2) + bytes(64 * 48 * 3)


EACH: dict[str, tuple[Callable[[bytes], bytes], bytes, str]] = {
    "jpeg application": (in_jpeg, segment(0xE5, b""), "segments"),
    "jpeg comment": (in_jpeg, segment(0xFE, b"a"), "segments"),
    "jpeg xmp": (in_jpeg, segment(0xE1, XMP + b"<x/>"), "segments"),
    "jpeg photoshop": (in_jpeg, segment(0xED, b"Photoshop 3.0\x008BIM"), "segments"),
    "jpeg restart": (in_jpeg, b"\xff\xd0", "segments"),
    "png text": (in_png, chunk(b"tEXt"), "chunks"),
    "png unknown": (in_png, chunk(b"abCd"), "chunks"),
    "png empty pixels": (in_png, chunk(b"IDAT"), "chunks"),
    "webp": (in_webp, riff(b"abcd"), "chunks"),
    "gif comments": (in_gif, b"!\xfe\x01a\x00", "blocks"),
    "gif comment of one-byte blocks": (lambda more: in_gif(b"!\xfe" + more + b"\x00"), b"\x01a", "blocks"),
    "jp2": (in_jp2, box(b"free"), "boxes"),
    "psd": (in_psd, b"8BIM\x04\x00\x00\x00\x00\x00\x00\x00", "resources"),
    "ppm comments": (lambda more: b"P6\n" + more + b"64 48 255\n" + bytes(64 * 48 * 3), b"#\n", "comments"),
}


@pytest.mark.parametrize("kind", EACH)
def test_some_parts_do_not_matter_and_too_many_are_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    build, part, name = EACH[kind]
    monkeypatch.setattr(parts, "MAX_PARTS", 400)
    monkeypatch.setattr("hybrid_search.images.stripped.MAX_PARTS", 400)
    without = load_image(build(b""))
    assert load_image(build(part * 150)).tobytes() == without.tobytes()
    with pytest.raises(ImageUnreadable, match=f"cut into more than 400 {name}, the most that are read; save it anew"):
        load_image(build(part * 401))


def test_what_is_read_of_metadata_has_the_same_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_PARTS", 50)
    for format, data in (("jpeg", in_jpeg(segment(0xE5, b"") * 51)), ("png", in_png(chunk(b"abCd") * 51))):
        assert any("more than 50" in warning for warning in find_blocks(data, format).warnings), format


class Counted(bytes):
    """Bytes that count how often a part of them is asked for."""

    asked = 0

    def __getitem__(self, key: Any) -> Any:
        type(self).asked += 1
        return super().__getitem__(key)


def test_fill_bytes_are_passed_over_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counted, "asked", 0)
    for filling in (b"\xff" * 3_000_000, b"\x00" * 3_000_000, b"\xff\x00" * 1_500_000):
        data = in_jpeg(filling)
        assert len(plain("x", Counted(data), "jpeg").data) < 3_000
        assert find_blocks(Counted(data), "jpeg").warnings == []
        assert Counted.asked < 1_000, "byte by byte it would be millions"


def test_segments_of_iptc_are_joined_once_and_bounded() -> None:
    keyword = b"\x1c\x02\x19\x00\x01a"
    city = b"\x1c\x02\x5a\x00\x04Rome"
    resource = b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(city) + 6 * 20_000) + city + keyword * 20_000
    pieces = [resource[start : start + 60_000] for start in range(0, len(resource), 60_000)]
    data = in_jpeg(b"".join(segment(0xED, b"Photoshop 3.0\x00" + piece) for piece in pieces))
    assert read_metadata(data, format="jpeg").fields == {"place.city": "Rome", "tags": ["a"]}
    flood = in_jpeg(segment(0xED, b"Photoshop 3.0\x00" + bytes(65_000)) * 300)
    assert find_blocks(flood, "jpeg").warnings == ["IPTC goes on behind 16 MiB; the rest was left out"]


def test_xmp_and_text_have_a_limit() -> None:
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + b" " * (17 * 2**20) + b"</x:xmpmeta>"
    found = read_metadata(in_png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)), format="png")
    assert found.warnings == ("XMP cannot be read: it has more than 16 MiB",)
    text = find_blocks(in_png(chunk(b"tEXt", b"Comment\0" + b"a" * 3_000_000)), "png").text["Comment"]
    assert len(text) <= 2**20


def test_tables_of_a_jpeg_have_a_limit() -> None:
    table = segment(0xDB, bytes([1]) + bytes(range(1, 65)))
    assert load_image(in_jpeg(table * 10)).size == (64, 48)
    with pytest.raises(ImageUnreadable, match="its tables take more than 4 MiB"):
        load_image(in_jpeg(table * 70_000))


def test_png_with_megabytes_of_compressed_text_is_a_picture() -> None:
    plain_pixels = load_image(encode("PNG")).tobytes()
    packed = zlib.compress(b"lantern " * 500_000)
    for kind, head in ((b"zTXt", b"workflow\0\0"), (b"iTXt", b"workflow\0\1\0\0\0")):
        assert load_image(in_png(chunk(kind, head + packed))).tobytes() == plain_pixels
    assert load_image(in_png(chunk(b"tEXt", b"a\0b")[:-1] + b"x")).tobytes() == plain_pixels, "a wrong checksum"


def test_a_large_colour_profile_is_used_and_a_bomb_is_not() -> None:
    small = encode("PNG", icc_profile=_swapped())
    large = encode("PNG", icc_profile=_swapped(2_000_000))
    assert load_image(large).tobytes() == load_image(small).tobytes() != load_image(encode("PNG")).tobytes()
    bomb = chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(40_000_000)))
    assert load_image(in_png(bomb)).tobytes() == load_image(encode("PNG")).tobytes()


def _swapped(padding: int = 0) -> bytes:
    """Return sRGB with red and blue exchanged, and a private tag of `padding` bytes."""
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    count = struct.unpack(">I", profile[128:132])[0]
    tags = [struct.unpack(">4sII", profile[132 + 12 * i : 144 + 12 * i]) for i in range(count)]
    names = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}
    shift = 12 if padding else 0
    table = b"".join(struct.pack(">4sII", names.get(tag, tag), at + shift, size) for tag, at, size in tags)
    if padding:
        table += struct.pack(">4sII", b"zzzz", len(profile) + shift, padding)
    body = profile[:128] + struct.pack(">I", count + bool(padding)) + table + profile[132 + 12 * count :]
    body = body.replace("sRGB".encode("utf-16-be"), "xxxx".encode("utf-16-be")) + bytes(padding)
    return struct.pack(">I", len(body)) + body[4:]


def tiff(tags: dict[int, tuple[int, bytes]], data: bytes) -> bytes:
    """Return a little-endian TIFF: tag → type and value, the pixels behind them."""
    sizes = {2: 1, 3: 2, 4: 4, 5: 8}
    at = 8 + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag, (kind, value) in sorted(tags.items()):
        stored = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", at + len(values))
        entries += struct.pack("<HHI", tag, kind, len(value) // sizes[kind]) + stored
        values += value if len(value) > 4 else b""
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + values
    return head.replace(struct.pack("<I", 0xDEADBEEF), struct.pack("<I", len(head))) + data


def tags(**more: tuple[int, bytes]) -> dict[int, tuple[int, bytes]]:
    long = struct.Struct("<I").pack
    base = {256: (4, long(8)), 257: (4, long(8)), 258: (3, b"\x08\0"), 259: (3, b"\1\0"), 262: (3, b"\1\0")}
    base |= {273: (4, long(0xDEADBEEF)), 277: (3, b"\1\0"), 278: (4, long(8)), 279: (4, long(64))}
    return base | {int(name[1:]): value for name, value in more.items()}


@pytest.mark.parametrize(
    "resolution", [(2, b"many\0\0\0\0"), (4, bytes(4)), (4, bytes(12)), (5, bytes(8)), (5, bytes(16)), (3, b"\1\0" * 9)]
)
@pytest.mark.parametrize("unit", [b"\2\0", b"\3\0", b"\x09\0"])
def test_a_resolution_of_any_kind_keeps_no_pixels_back(resolution: tuple[int, bytes], unit: bytes) -> None:
    pixels = bytes(range(0, 256, 4))
    data = tiff(tags(t282=resolution, t283=resolution, t296=(3, unit)), pixels)
    assert load_image(data).getchannel("G").tobytes() == pixels


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_damaged_exif_directory_of_a_tiff_does_not_keep_it_lying(orientation: int) -> None:
    data = tiff(tags(t274=(3, struct.pack("<H", orientation)), t34665=(4, struct.pack("<I", 2**31))), bytes(range(64)))
    first = load_image(data).getpixel((0, 0))
    assert first == {1: (0,) * 3, 3: (63,) * 3, 6: (56,) * 3}[orientation]


def test_strips_are_counted_and_unknown_compression_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybrid_search.images.tiff_file.MAX_STRIPS", 7)
    strips = {"t278": (4, struct.pack("<I", 1)), "t279": (4, struct.pack("<I", 8) * 8)}
    with pytest.raises(ImageUnreadable, match="more than 7 strips, the most that are read"):
        load_image(tiff(tags(t273=(4, struct.pack("<I", 0xDEADBEEF) * 8), **strips), bytes(64)))
    with pytest.raises(ImageUnreadable, match="compression 34892 is not supported; convert it"):
        load_image(tiff(tags(t259=(3, struct.pack("<H", 34892))), bytes(64)))


def test_libtiff_writes_nothing_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, "TIFF", compression="tiff_lzw")
    data = bytearray(buffer.getvalue())
    # the count of a private tag of no known type, and an end before the last strip
    at = data.index(struct.pack("<HH", 258, 3))
    for odd in (bytes(data[:at]) + struct.pack("<HHII", 57160, 12, 9, 8) + bytes(data[at + 12 :]), bytes(data[:-40])):
        with pytest.raises(ImageUnreadable):
            load_image(odd)
    with pytest.raises(ImageUnreadable):
        load_image(bytes(data[:8]) + bytes(range(256)) + bytes(data[264:]))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("marker", "bits"), [(0xC1, 12), (0xC0, 12), (0xC3, 16), (0xC3, 12), (0xC3, 9)])
def test_a_deep_jpeg_is_not_called_damaged(marker: int, bits: int) -> None:
    data = encode("JPEG")
    at = data.index(b"\xff\xc0")
    deep = data[:at] + bytes([0xFF, marker]) + data[at + 2 : at + 4] + bytes([bits]) + data[at + 5 :]
    with pytest.raises(ImageUnreadable, match=f"JPEG images of {bits} bits a colour are not supported; convert"):
        load_image(deep)
    with pytest.raises(ImageUnreadable, match="damaged"):
        load_image(data[:at] + b"\xff\xc0" + data[at + 2 : at + 4] + bytes([77]) + data[at + 5 :])


def test_the_last_word_of_adobe_holds_and_the_first_of_jfif() -> None:
    buffer = io.BytesIO()
    Image.new("CMYK", (16, 16), (200, 20, 40, 10)).save(buffer, "JPEG")
    data = buffer.getvalue()
    at = data.index(b"\xff\xee")
    ycck = data[at : at + 15] + b"\x02"
    assert load_image(data[:2] + ycck * 20 + data[2:]).tobytes() == load_image(data).tobytes()
    assert load_image(data[:at] + data[at : at + 16] + ycck + data[at + 16 :]).tobytes() != load_image(data).tobytes()
