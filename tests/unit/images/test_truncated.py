"""A file that lacks its end, or its last rows, is a picture with a warning; one that lacks more is damaged."""

from __future__ import annotations

import io
import threading
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from hybrid_search.document.picture import read_picture
from hybrid_search.errors import ImageUnreadable
from hybrid_search.images import decode, load_image, read_source

ENDED = ("the file ends early: its end is missing",)


def encode(image: Image.Image, writer: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, writer, **options)
    return buffer.getvalue()


def photo(width: int = 320, height: int = 400) -> Image.Image:
    noise = np.random.default_rng(3).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def page() -> Image.Image:
    """Return a picture whose lower half is blank, so that its last rows take next to no bytes."""
    image = Image.new("RGB", (320, 400), "white")
    image.paste(photo(320, 200))
    return image


JPEGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "whole colours": {"subsampling": 0, "quality": 95},
    "restarts": {"restart_marker_rows": 1},
    "optimized": {"optimize": True},
}


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize(
    "image", [photo(), page(), photo().convert("L"), photo(40, 24)], ids="photo page grey small".split()
)
@pytest.mark.parametrize("min_side", [None, 64])
def test_a_jpeg_without_its_end_marker_has_all_its_pixels(
    image: Image.Image, options: dict[str, Any], min_side: int | None
) -> None:
    data = encode(image, "JPEG", **options)
    whole, cut = (decode(read_source(each), min_side=min_side) for each in (data, data[:-2]))
    assert cut.image.tobytes() == whole.image.tobytes()
    assert (whole.warnings, cut.warnings) == ((), ENDED)
    assert decode(read_source(data[:-1])).warnings == ENDED


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
def test_the_last_rows_of_a_jpeg_may_lack_and_no_more(options: dict[str, Any]) -> None:
    data = encode(photo(), "JPEG", **options)
    whole = np.asarray(load_image(data)).astype(int)
    cut = decode(read_source(data[: len(data) * 97 // 100]))
    assert cut.image.size == (320, 400)
    (warning,) = cut.warnings
    missing = int(warning.split("the last ")[1].split(" of 400 rows are missing")[0])
    assert 8 <= missing <= 20
    assert (np.asarray(cut.image)[: -missing - 2] == whole[: -missing - 2]).all()
    assert (np.asarray(cut.image)[-missing:] == np.asarray(cut.image)[-missing - 1]).all()
    for share in (0.9, 0.5, 0.1):
        with pytest.raises(ImageUnreadable, match=r"damaged \(the file ends early: \d+ of 400 rows are there\)"):
            load_image(data[: int(len(data) * share)])


def test_an_end_marker_within_a_thumbnail_is_not_the_end() -> None:
    data = encode(photo(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + encode(photo(80, 80), "JPEG"))
    assert data.count(b"\xff\xd9") == 2
    assert decode(read_source(data[:-2])).warnings == ENDED


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
def test_a_png_without_its_end_has_all_its_pixels(mode: str) -> None:
    image = photo().convert("I").convert("I;16") if mode == "I;16" else photo().convert(mode)
    data = encode(image, "PNG")
    whole = load_image(data)
    for missing in (1, 4, 12, 16, 20):  # parts of IEND, all of it, with the checksum of the pixels, with that of zlib
        cut = decode(read_source(data[:-missing]))
        assert cut.image.tobytes() == whole.tobytes(), missing
        assert cut.warnings == (ENDED if missing > 4 else ()), missing


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_the_last_rows_of_a_png_may_lack_and_no_more(mode: str) -> None:
    data = encode(photo().convert(mode), "PNG")
    cut = decode(read_source(data[: len(data) * 98 // 100]))
    assert cut.image.size == (320, 400)
    assert "rows are missing" in cut.warnings[0]
    assert (np.asarray(cut.image)[:380] == np.asarray(load_image(data))[:380]).all()
    with pytest.raises(ImageUnreadable, match=r"the file ends early: \d+ of 400 rows are there"):
        load_image(data[: len(data) * 9 // 10])


@pytest.mark.parametrize("writer", ["GIF", "WEBP"])
def test_what_follows_the_pixels_may_lack(writer: str) -> None:
    if writer == "GIF":
        data = encode(photo().quantize(16), "GIF")
        cut = data[:-1]
    else:
        exif = Image.Exif()
        exif[0x010E] = "words " * 100
        data = encode(photo(), "WEBP", exif=exif)
        cut = data[:-200]
    assert load_image(cut).tobytes() == load_image(data).tobytes()
    with pytest.raises(ImageUnreadable):
        load_image(data[: len(data) // 2])


def test_the_warning_is_kept_with_the_picture() -> None:
    picture = read_picture(read_source(encode(photo(), "JPEG")[:-2]), min_side=64)
    assert picture.metadata.warnings == ENDED


def test_pillows_own_switch_stays_as_it_is_in_every_thread() -> None:
    seen: list[bool] = []
    cut = encode(photo(), "JPEG")[:-2]
    threads = [threading.Thread(target=lambda: seen.append(bool(load_image(cut)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    for thread in threads:
        thread.join()
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False and seen == [True] * 4


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("min_side", [None, 64])
def test_a_progressive_jpeg_needs_its_last_scan(subsampling: int, min_side: int | None) -> None:
    data = encode(photo(), "JPEG", progressive=True, subsampling=subsampling, quality=90)
    whole, cut = (decode(read_source(each), min_side=min_side) for each in (data, data[:-2]))
    assert cut.image.tobytes() == whole.image.tobytes()
    assert cut.warnings == ENDED
    last = data.rindex(b"\xff\xda")
    for end in (last + (len(data) - last) // 2, last - 2, len(data) // 2):
        with pytest.raises(ImageUnreadable, match="the file ends early: "):
            decode(read_source(data[:end]), min_side=min_side)
