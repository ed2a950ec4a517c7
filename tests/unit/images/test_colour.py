"""Pixels of every mode become RGB, by exact values."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hybrid_search.images import load_image
from hybrid_search.images.colour import to_rgb

WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (255, 0, 0)


def one(mode: str, value: Any, **info: Any) -> Any:
    image = Image.new(mode, (2, 2), value)
    image.info.update(info)
    rgb = to_rgb(image)
    assert rgb.mode == "RGB"
    return rgb.getpixel((1, 1))


@pytest.mark.parametrize(
    ("mode", "value", "colour"),
    [
        ("1", 1, WHITE),
        ("1", 0, BLACK),
        ("L", 77, (77, 77, 77)),
        ("LA", (100, 255), (100, 100, 100)),
        ("LA", (100, 0), WHITE),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("RGBX", (1, 2, 3, 0), (1, 2, 3)),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (9, 9, 9, 0), WHITE),
        ("RGBa", (0, 0, 0, 51), (204, 204, 204)),
        ("La", (0, 51), (204, 204, 204)),
        ("CMYK", (0, 0, 0, 0), WHITE),
        ("CMYK", (0, 255, 255, 0), RED),
        ("CMYK", (0, 0, 0, 255), BLACK),
        ("YCbCr", (76, 85, 255), (254, 0, 0)),
        ("HSV", (0, 255, 255), RED),
        ("F", 0.0, BLACK),
        ("I", 0, BLACK),
        ("I;16", 0, BLACK),
    ],
)
def test_modes_by_hand(mode: str, value: Any, colour: tuple[int, int, int]) -> None:
    assert one(mode, value) == colour


@pytest.mark.parametrize(
    ("lab", "colour"),
    [((255, 128, 128), WHITE), ((0, 128, 128), BLACK), ((138, 209, 198), RED), ((224, 49, 209), (0, 255, 0))],
)
def test_lab_colours_of_a_table(lab: tuple[int, int, int], colour: tuple[int, int, int]) -> None:
    # CIELAB of sRGB's corners under D50: red 54.3 81 70, green 87.8 −79 81; stored as L·2.55, a+128, b+128.
    # One step of b is worth 14 levels at the corner of the gamut.
    assert np.abs(np.subtract(one("LAB", lab), colour)).max() <= 14


@pytest.mark.parametrize("kind", ["I;16", "I;16B", "I", "F"])
def test_sixteen_bits_are_scaled_and_not_clipped(kind: str) -> None:
    values = np.array([[0, 257, 32896, 65535]])
    dtype = {"I;16": "<u2", "I;16B": ">u2", "I": "i4", "F": "f4"}[kind]
    image = Image.frombytes(kind, (4, 1), values.astype(dtype).tobytes())
    assert np.asarray(to_rgb(image))[0, :, 1].tolist() == [0, 1, 128, 255]


def test_sixteen_bit_files_are_neither_white_nor_black() -> None:
    values = (np.linspace(0, 65535, 256).astype(np.uint16)).reshape(16, 16)
    for writer in ("PNG", "TIFF", "JPEG2000"):
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, writer)
        levels = np.asarray(load_image(buffer.getvalue()))[:, :, 0]
        assert np.abs(levels.astype(int).ravel() - np.arange(256)).max() <= 1, writer


def test_palettes_with_and_without_transparency() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    assert [to_rgb(image).getpixel((x, 0)) for x in (0, 1)] == [RED, (0, 0, 255)]
    image.info["transparency"] = 1
    assert [to_rgb(image).getpixel((x, 0)) for x in (0, 1)] == [RED, WHITE]
    image.info["transparency"] = bytes([51, 255])
    assert [to_rgb(image).getpixel((x, 0)) for x in (0, 1)] == [(255, 204, 204), (0, 0, 255)]


def test_a_transparent_colour_of_grey_and_rgb_is_white() -> None:
    assert one("L", 40, transparency=40) == WHITE
    assert one("L", 41, transparency=40) == (41, 41, 41)
    assert one("RGB", (1, 2, 3), transparency=(1, 2, 3)) == WHITE
    assert one("I;16", 0, transparency=0) == BLACK


def test_adobe_inverted_cmyk_jpeg_has_its_colours() -> None:
    buffer = io.BytesIO()
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(buffer, "JPEG", quality=100)
    assert b"Adobe" in buffer.getvalue()
    red, green, blue = np.asarray(load_image(buffer.getvalue()))[8, 8].astype(int)
    assert red > 250 and green < 5 and blue < 5


def profile(primaries: dict[str, tuple[float, float, float]], space: bytes = b"RGB ") -> bytes:
    """Return a matrix profile (ICC.1:2001) with these colorants in the D50 connection space and a gamma of 2.2."""

    def xyz(values: tuple[float, float, float]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    text = b"test\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    tags = [(b"desc", described), (b"cprt", b"text\0\0\0\0-\0\0\0"), (b"wtpt", xyz((0.9642, 1.0, 0.8249)))]
    tags += [(name.encode() + b"XYZ", xyz(values)) for name, values in primaries.items()]
    tags += [(name.encode() + b"TRC", curve) for name in primaries]
    table, bodies = struct.pack(">I", len(tags)), b""
    for name, body in tags:
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    head = struct.pack(
        ">I4sI4s4s4s12s4s", 132 + 12 * len(tags) + len(bodies), b"", 0x02400000, b"mntr", space, b"XYZ ", b"", b"acsp"
    )
    head += bytes(68 - len(head)) + struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + bodies


SRGB = {"r": (0.4361, 0.2225, 0.0139), "g": (0.3851, 0.7169, 0.0971), "b": (0.1431, 0.0606, 0.7141)}
SWAPPED = {"r": SRGB["g"], "g": SRGB["r"], "b": SRGB["b"]}


def test_colours_are_converted_by_the_profile() -> None:
    assert np.abs(np.subtract(one("RGB", RED, icc_profile=profile(SRGB)), RED)).max() <= 2
    assert np.abs(np.subtract(one("RGB", RED, icc_profile=profile(SWAPPED)), (0, 255, 0))).max() <= 2
    assert np.abs(np.subtract(one("RGBA", (255, 0, 0, 255), icc_profile=profile(SWAPPED)), (0, 255, 0))).max() <= 2
    assert one("RGB", WHITE, icc_profile=profile(SWAPPED)) == WHITE


@pytest.mark.parametrize("damaged", [b"", b"junk", profile(SRGB)[:150], profile(SRGB, b"CMYK"), None, "text"])
def test_a_damaged_or_foreign_profile_is_ignored(damaged: object) -> None:
    assert one("RGB", (10, 200, 30), icc_profile=damaged) == (10, 200, 30)
    assert one("CMYK", (0, 255, 255, 0), icc_profile=profile(SRGB)) == RED
    assert one("L", 50, icc_profile=damaged) == (50, 50, 50)


def test_a_profile_inside_a_file_is_used() -> None:
    for writer, options in (("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("JPEG", {"quality": 100})):
        buffer = io.BytesIO()
        Image.new("RGB", (16, 16), RED).save(buffer, writer, icc_profile=profile(SWAPPED), **options)
        red, green, _ = np.asarray(load_image(buffer.getvalue()))[8, 8].astype(int)
        assert green > 240 and red < 15, writer
