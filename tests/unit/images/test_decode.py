"""Encoded images become upright RGB pixels, or an error that says why not."""

from __future__ import annotations

import importlib
import io
import struct
import threading
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hybrid_search.errors import ImageTooLarge, ImageUnreadable
from hybrid_search.images import Limits, decode, load_image, read_source
from hybrid_search.images.opener import _scans

# An upright picture of six colours, and where each orientation has its top row and left column (EXIF 2.32, 4.6.5.1.6).
UPRIGHT = np.array([[[9, 0, 0], [0, 9, 0], [0, 0, 9]], [[90, 0, 0], [0, 90, 0], [0, 0, 90]]], dtype=np.uint8)
STORED = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.swapaxes(0, 1),
    6: UPRIGHT.swapaxes(0, 1)[::-1],
    7: UPRIGHT.swapaxes(0, 1)[::-1, ::-1],
    8: UPRIGHT.swapaxes(0, 1)[:, ::-1],
}


def encode(image: Image.Image, writer: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, writer, **options)
    return buffer.getvalue()


def exif(orientation: object) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def photo(width: int, height: int) -> Image.Image:
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.dstack([across, down, (across + down) / 2]).astype(np.uint8))


@pytest.mark.parametrize("writer", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(orientation: int, writer: str) -> None:
    scale = 16 if writer == "JPEG" else 1
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation].repeat(scale, 0).repeat(scale, 1)))
    options: dict[str, Any] = {"lossless": True} if writer == "WEBP" else {"quality": 100, "subsampling": 0}
    options = {} if writer in ("PNG", "TIFF") else options
    decoded = decode(read_source(encode(stored, writer, exif=exif(orientation), **options)))
    assert (decoded.width, decoded.height) == decoded.image.size == (3 * scale, 2 * scale)
    centres = np.asarray(decoded.image)[scale // 2 :: scale, scale // 2 :: scale].astype(int)
    assert np.abs(centres - UPRIGHT).max() <= (0 if scale == 1 else 3)


def test_a_decoded_image_is_not_turned_again() -> None:
    once = load_image(encode(Image.fromarray(np.ascontiguousarray(STORED[6])), "PNG", exif=exif(6)))
    assert (np.asarray(load_image(once)) == UPRIGHT).all()


def test_an_opened_pil_image_is_turned_too() -> None:
    opened = Image.open(io.BytesIO(encode(Image.fromarray(np.ascontiguousarray(STORED[8])), "PNG", exif=exif(8))))
    decoded = decode(read_source(opened))
    assert (decoded.format, decoded.width, decoded.height) == ("pixels", 3, 2)
    assert (np.asarray(decoded.image) == UPRIGHT).all()


@pytest.mark.parametrize("value", [0, 9, 77])
def test_an_orientation_that_does_not_exist_is_ignored(value: int) -> None:
    assert (np.asarray(load_image(encode(Image.fromarray(UPRIGHT), "PNG", exif=exif(value)))) == UPRIGHT).all()


@pytest.mark.parametrize("writer", ["PNG", "JPEG", "WEBP"])
def test_damaged_exif_does_not_matter(writer: str) -> None:
    damaged = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12\x00\x99\xff\xff\xff\xff\xff\xff\xff\xff"
    assert load_image(encode(photo(40, 30), writer, exif=damaged)).size == (40, 30)


def test_draft_decoding_is_close_to_the_full_picture_and_reports_its_size() -> None:
    data = encode(photo(1600, 1200), "JPEG", quality=95, exif=exif(6))
    source = read_source(data)
    full, draft = decode(source), decode(source, min_side=280)
    assert full.image.size == (1200, 1600)
    assert draft.image.size == (300, 400)
    assert (draft.width, draft.height) == (full.width, full.height) == (1200, 1600)
    difference = np.asarray(full.image.reduce(4)).astype(int) - np.asarray(draft.image)
    assert np.abs(difference).max() <= 4


@pytest.mark.parametrize("min_side", [1, 149, 150, 151, 599, 601, 1199, 1200, 1201, 5000])
@pytest.mark.parametrize("writer", ["JPEG", "JPEG2000", "PNG"])
def test_no_draft_is_smaller_than_asked_for(writer: str, min_side: int) -> None:
    decoded = decode(read_source(encode(photo(1601, 1200), writer)), min_side=min_side)
    assert min(decoded.image.size) >= min(min_side, 1200)
    assert (decoded.width, decoded.height) == (1601, 1200)
    if writer == "JPEG":
        assert min(decoded.image.size) == {1: 150, 149: 150, 150: 150, 151: 300, 599: 600}.get(min_side, 1200)


def test_drafts_of_jpeg_2000_are_close_to_the_full_picture() -> None:
    source = read_source(encode(photo(512, 384), "JPEG2000"))
    full, draft = decode(source), decode(source, min_side=96)
    assert draft.image.size == (128, 96)
    assert np.abs(np.asarray(full.image.reduce(4)).astype(int) - np.asarray(draft.image)).max() <= 6


def test_jpeg_2000_with_few_resolutions_is_halved_only_so_often() -> None:
    source = read_source(encode(photo(512, 384), "JPEG2000", num_resolutions=2))
    assert decode(source, min_side=10).image.size == (256, 192)


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for writer in ("GIF", "PNG", "WEBP", "TIFF", "MPO", "AVIF"):
        data = encode(frames[0], writer, save_all=True, append_images=frames[1:])
        red, _, blue = np.asarray(load_image(data))[4, 4].astype(int)
        assert red > 240 and blue < 15, writer


@pytest.mark.parametrize(
    "writer",
    [
        "JPEG",
        "MPO",
        "PNG",
        "GIF",
        "WEBP",
        "TIFF",
        "BMP",
        "PPM",
        "JPEG2000",
        "AVIF",
        "ICO",
        "TGA",
        "DDS",
        "SGI",
        "PCX",
    ],
)
def test_every_format_is_decoded_and_refused_when_cut_off(writer: str) -> None:
    noise = Image.merge("RGB", [Image.effect_noise((64, 64), 60) for _ in "RGB"])
    data = encode(noise, writer)
    assert load_image(data).size == (64, 64)
    with pytest.raises(ImageUnreadable):
        load_image(data[: len(data) // 2])


def test_heif_is_decoded_and_refused_when_cut_off() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(photo(64, 48)).save(buffer, quality=90)
    decoded = decode(read_source(buffer.getvalue()))
    assert (decoded.format, decoded.image.size) == ("heif", (64, 48))
    assert np.abs(np.asarray(decoded.image).astype(int) - np.asarray(photo(64, 48))).mean() < 4
    with pytest.raises(ImageUnreadable):
        load_image(buffer.getvalue()[:-400])


def test_pixels_are_counted_before_anything_is_decoded() -> None:
    header = encode(Image.new("1", (30_000, 10_000)), "PNG")
    for limits in (Limits(), Limits(max_pixels=299_999_999)):
        with pytest.raises(ImageTooLarge) as error:
            decode(read_source(header, limits=limits), limits=limits)
        assert (error.value.pixels, error.value.limit) == (300_000_000, limits.max_pixels)


def test_more_pixels_than_pillow_likes_are_no_warning_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in (1500, 900):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        for writer in ("JPEG", "PNG", "GIF", "BMP"):
            assert load_image(encode(photo(50, 40), writer)).size == (50, 40)


def test_a_bomb_inside_a_small_header_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(photo(64, 64), "TIFF")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageUnreadable, match="MAX_IMAGE_PIXELS"):
        load_image(data)


@given(st.lists(st.sampled_from([b"\xff", b"\xda", b"\x00", b"\xff\xda"])).map(b"".join))
def test_scans_are_counted_at_odd_and_even_places(data: bytes) -> None:
    assert _scans(data) == data.count(b"\xff\xda")


def test_a_jpeg_of_endless_scans_is_refused_at_once() -> None:
    data = encode(Image.new("L", (12_000, 9_000)), "JPEG", progressive=True, quality=10)
    scan = data.rindex(b"\xff\xda")
    bomb = data[:-2] + data[scan:-2] * 60 + data[-2:]
    assert load_image(data, min_side=100).size == (1500, 1125)
    with pytest.raises(ImageUnreadable, match="scans"):
        load_image(bomb)


def test_formats_decoded_in_python_do_not_take_minutes() -> None:
    def dds(width: int, height: int) -> bytes:
        data = bytearray(encode(Image.new("RGB", (4, 4)), "DDS"))
        data[12:20] = struct.pack("<II", height, width)
        return bytes(data)

    assert load_image(dds(4, 4)).size == (4, 4)
    begin = time.monotonic()
    for size in ((7_000, 7_000), (12_000, 12_000)):
        with pytest.raises(ImageUnreadable):
            load_image(dds(*size))
    assert time.monotonic() - begin < 1


def test_postscript_is_never_run() -> None:
    with pytest.raises(ImageUnreadable, match="PostScript"):
        load_image(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")


def test_out_of_memory_is_an_image_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(importlib.import_module("hybrid_search.images.decode"), "to_rgb", exhausted)
    with pytest.raises(ImageUnreadable, match="memory"):
        load_image(encode(photo(4, 4), "PNG"))


def test_many_threads_decode_at_once() -> None:
    sources = [
        read_source(encode(photo(320, 240), "JPEG", exif=exif(6))),
        read_source(encode(photo(320, 240), "PNG")),
        read_source(photo(320, 240)),
    ]
    expected = [decode(source).image.tobytes() for source in sources]
    wrong: list[int] = []

    def work() -> None:
        for _ in range(10):
            wrong.extend(i for i, source in enumerate(sources) if decode(source).image.tobytes() != expected[i])

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
