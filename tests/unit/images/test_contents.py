"""What files hold beside their first picture, by format: written by Pillow, by pillow-heif, and byte by byte."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from hybrid_search.images import read_source
from hybrid_search.images.contents import Contents, frames_of, read_contents

RNG = np.random.default_rng(7)
FRAMES = [Image.fromarray(RNG.integers(0, 255, (24, 32, 3), np.uint8)) for _ in range(3)]


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    # copies, since Pillow leaves an encoder's settings on what it has saved
    options["append_images"] = [
        one if hasattr(one, "encoderinfo") else one.copy() for one in options.get("append_images", ())
    ]
    image.copy().save(buffer, kind, **options)
    return buffer.getvalue()


def contents(data: bytes) -> Contents:
    return read_contents(read_source(data))


def heif(*images: Image.Image, **options: Any) -> bytes:
    file = pillow_heif.HeifFile()
    for image in images:
        file.add_from_pillow(image)
    buffer = io.BytesIO()
    file.save(buffer, **options)
    return buffer.getvalue()


def deep_png(bits: int) -> bytes:
    """Return an RGB PNG of 4 × 2 pixels, written by hand: Pillow writes none of 16 bits in colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    row = b"\0" + bytes(4 * 3 * bits // 8)
    header = struct.pack(">IIBBBBB", 4, 2, bits, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * 2)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animations_have_frames_and_their_times(kind: str) -> None:
    found = contents(saved(FRAMES[0], kind, save_all=True, append_images=FRAMES[1:], duration=[100, 200, 300]))
    assert (found.frames, found.kind, found.durations) == (3, "frames", (100, 200, 300))
    assert contents(saved(FRAMES[0], kind)) == Contents()


def test_sequences_of_avif_have_frames() -> None:
    found = contents(saved(FRAMES[0], "AVIF", save_all=True, append_images=FRAMES[1:], duration=100))
    assert (found.frames, found.kind) == (3, "frames")
    assert len(found.durations) == 3


def test_pages_of_a_tiff_without_smaller_versions_of_one() -> None:
    assert contents(saved(FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:])).frames == 3
    small = FRAMES[0].resize((8, 6))
    small.encoderinfo = {"tiffinfo": {254: 1}}  # type: ignore[attr-defined]
    found = contents(saved(FRAMES[0], "TIFF", save_all=True, append_images=[small, FRAMES[1]]))
    assert (found.frames, found.kind) == (2, "pages")


def test_images_of_a_container() -> None:
    assert contents(saved(FRAMES[0], "MPO", save_all=True, append_images=FRAMES[1:2])).frames == 2
    found = contents(heif(FRAMES[0], FRAMES[1]))
    assert (found.frames, found.kind) == (2, "images")
    assert contents(heif(FRAMES[0])) == Contents(kind="images")


def test_transparency_is_told_apart_from_none_and_from_another() -> None:
    opaque, half = FRAMES[0].copy(), FRAMES[0].copy()
    opaque.putalpha(255)
    half.putalpha(Image.linear_gradient("L").resize(half.size))
    assert contents(saved(opaque, "PNG")) == Contents()
    png, webp = contents(saved(half, "PNG")), contents(saved(half, "WEBP", lossless=True))
    assert png.transparency and png.transparency == webp.transparency
    assert contents(saved(half.rotate(180), "PNG")).transparency not in ("", png.transparency)
    palette = FRAMES[0].quantize(8)
    assert contents(saved(palette, "PNG", transparency=0)).transparency
    assert contents(saved(palette, "GIF", transparency=0)).transparency


def test_depth_as_the_file_has_it() -> None:
    assert (contents(deep_png(8)).depth, contents(deep_png(16)).depth) == (8, 16)
    grey = Image.fromarray(RNG.integers(0, 65535, (24, 32), np.uint16))
    assert [contents(saved(grey, kind)).depth for kind in ("PNG", "TIFF")] == [16, 16]
    assert contents(saved(FRAMES[0], "TIFF")).depth == 8
    deep = pillow_heif.from_bytes("RGB;16", (32, 24), RNG.integers(0, 65535, (24, 32, 3), np.uint16).tobytes())
    buffer = io.BytesIO()
    deep.save(buffer)
    assert contents(buffer.getvalue()).depth == 10
    assert contents(saved(FRAMES[0], "AVIF")).depth == 8


def test_a_video_behind_a_picture_and_a_gain_map() -> None:
    jpeg = saved(FRAMES[0], "JPEG")
    assert contents(jpeg) == Contents(kind="images")
    assert contents(jpeg + b"\0\0\0\x18ftypmp42" + bytes(400)).extras == ("a video",)
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version="1.0"/>'
    marked = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp + jpeg[2:]
    assert contents(marked).extras == ("a gain map",)


def test_frames_come_upright_in_rgb() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (turned,) = frames_of(read_source(saved(FRAMES[0], "PNG", exif=exif)))
    assert turned.tobytes() == FRAMES[0].transpose(Image.Transpose.ROTATE_270).tobytes()
    pages = list(frames_of(read_source(saved(FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:]))))
    assert [page.tobytes() for page in pages] == [frame.tobytes() for frame in FRAMES]


def test_pixels_in_memory_hold_no_more_than_they_show() -> None:
    assert read_contents(read_source(FRAMES[0])) == Contents()
    assert [frame.tobytes() for frame in frames_of(read_source(FRAMES[0]))] == [FRAMES[0].tobytes()]
