"""The size of a JPEG XL image is read from its header; the plugin decodes the rest."""

from __future__ import annotations

import io
import sys

import pytest
from PIL import Image

from hybrid_search.errors import ImageTooLarge, ImageUnreadable
from hybrid_search.images import Limits, decode, load_image, read_source
from hybrid_search.images.jxl import jxl_size


def bits(*fields: tuple[int, int]) -> bytes:
    """Pack (value, count of bits) from the least significant bit on."""
    number = shift = 0
    for value, count in fields:
        number |= value << shift
        shift += count
    return b"\xff\x0a" + number.to_bytes(16, "little")


@pytest.mark.parametrize(
    ("header", "size"),
    [
        (bits((1, 1), (3, 5), (0, 3), (7, 5)), (64, 32)),
        (bits((1, 1), (3, 5), (1, 3)), (32, 32)),
        (bits((0, 1), (1, 2), (2999, 13), (0, 3), (1, 2), (3999, 13)), (4000, 3000)),
        (bits((0, 1), (0, 2), (299, 9), (3, 3)), (400, 300)),
        (bits((0, 1), (2, 2), (89_999, 18), (5, 3)), (160_000, 90_000)),
        (bits((0, 1), (3, 2), (2**30 - 1, 30), (7, 3)), (2**31, 2**30)),
    ],
)
def test_sizes_by_hand(header: bytes, size: tuple[int, int]) -> None:
    assert jxl_size(header) == size
    signature = b"\x00\x00\x00\x0cJXL \r\n\x87\n" + b"\x00\x00\x00\x14ftypjxl \x00\x00\x00\x00jxl "
    assert jxl_size(signature + b"\x00\x00\x00\x00jxlc" + header) == size
    assert jxl_size(signature + b"\x00\x00\x00\x1ejxlp\x00\x00\x00\x00" + header) == size


@pytest.mark.parametrize("data", [b"", b"\x00\x00\x00\x0cJXL \r\n\x87\n", bytes(100)])
def test_no_codestream_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="codestream"):
        jxl_size(data)


def test_a_huge_header_is_refused_before_decoding() -> None:
    with pytest.raises(ImageTooLarge):
        load_image(bits((0, 1), (2, 2), (89_999, 18), (5, 3)))


def test_without_the_plugin_the_reason_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_jxl.JpegXLImagePlugin", None)
    with pytest.raises(ImageUnreadable, match=r"pip install 'hybrid-search\[jxl\]'"):
        load_image(bits((1, 1), (3, 5), (1, 3)))


@pytest.mark.parametrize("size", [(64, 48), (257, 31), (1000, 600), (600, 600)])
def test_files_of_the_plugin(size: tuple[int, int]) -> None:
    pytest.importorskip("pillow_jxl")
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "JXL", lossless=True)
    data = buffer.getvalue()
    assert jxl_size(data) == size
    decoded = decode(read_source(data))
    assert (decoded.format, decoded.image.size, decoded.image.getpixel((5, 5))) == ("jxl", size, (255, 0, 0))
    with pytest.raises(ImageTooLarge):
        decode(read_source(data), limits=Limits(max_pixels=100))
    with pytest.raises(ImageUnreadable):
        load_image(data[: len(data) // 2])
