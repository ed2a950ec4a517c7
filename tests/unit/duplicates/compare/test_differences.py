"""What one of two copies has and the other lacks: named on the right side, in either order, and never by mistake."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from hybrid_search.duplicates.compare.colour_change import compare_colours
from hybrid_search.duplicates.compare.judge import Judge
from hybrid_search.duplicates.compare.overlay import lay_in_frame
from hybrid_search.duplicates.compare.pixels import Pixels
from hybrid_search.duplicates.compare.planes import lay_planes
from hybrid_search.hits.evidence import DUPLICATE_TIERS, TIERS, Evidence
from scripts.pictures.lookalikes import page
from tests.unit.duplicates.compare.test_judge import both_ways, encoded, photo, subject

ALL = Judge(tiers=TIERS)
REMOVABLE = ("bytes", "pixels", "near")


def judged(a: bytes | Image.Image, b: bytes | Image.Image) -> Evidence:
    found = both_ways(subject(a), subject(b), ALL)
    assert found is not None
    return found


def goes(found: Evidence, which: str) -> bool:
    """Whether the first, or the second, may be removed by default in favour of the other."""
    has = found.first_has if which == "first" else found.second_has
    return found.tier in REMOVABLE and not has


def jpeg(image: Image.Image, quality: int = 85) -> bytes:
    return encoded(image, "JPEG", quality=quality)


def signed(sheet: Image.Image) -> Image.Image:
    written = sheet.copy()
    t = np.linspace(0, 6.5, 200)
    x, y = 500 + t * 30, 1050 - 20 * np.sin(3.1 * t) * np.exp(-t / 8)
    ImageDraw.Draw(written).line([*zip(x.tolist(), y.tolist(), strict=True)], fill="#202030", width=4)
    return written


def visited(scene: Image.Image) -> Image.Image:
    """An animal walks into the scene: a part of another photo, as bright as its ground, with soft edges."""
    animal, mask = photo("chelsea.png").resize((64, 48)), Image.new("L", (64, 48))
    ImageDraw.Draw(mask).ellipse((2, 2, 61, 45), fill=255)
    seen = scene.copy()
    seen.paste(animal, (300, 200), mask.filter(ImageFilter.GaussianBlur(1)))
    return seen


# -- what was added ----------------------------------------------------------------------------------------------------


def test_a_signature_is_more_than_the_page_without_it() -> None:
    blank = page(3)
    found = judged(jpeg(blank), jpeg(signed(blank), 80))
    assert (found.tier, found.added_to) == ("more", "second")
    assert found.second_has == ("something at the lower right",)
    assert not any(phrase.startswith("something") for phrase in found.first_has)
    # the stroke runs from x = 500 to 695 and y = 1030 to 1070 on a page of 827 × 1169
    left, top, right, bottom = np.array(found.added).T
    assert left.min() == pytest.approx(500 / 827, abs=0.03) and right.max() == pytest.approx(695 / 827, abs=0.03)
    assert top.min() == pytest.approx(1030 / 1169, abs=0.03) and bottom.max() == pytest.approx(1070 / 1169, abs=0.03)


def test_boxes_lie_in_the_picture_that_shows_what_was_added_however_it_is_turned() -> None:
    scene = photo("coffee.png")
    seen = scene.copy()
    ImageDraw.Draw(seen).text((300, 200), "HELLO", fill="white", font_size=30)
    found = judged(jpeg(seen.transpose(Image.Transpose.ROTATE_90)), jpeg(scene))
    assert (found.tier, found.added_to) == ("more", "first")
    left, top, right, bottom = found.added[0]
    # written from x = 300 to about 390 and y = 205 to 235; turned counterclockwise x is the distance from the bottom
    assert left == pytest.approx(205 / scene.height, abs=0.04) and right == pytest.approx(235 / scene.height, abs=0.04)
    assert bottom == pytest.approx(1 - 300 / scene.width, abs=0.04) and top == pytest.approx(
        1 - 390 / scene.width, abs=0.04
    )


def test_a_fourth_addition_on_the_other_side_counts_however_clear_three_are() -> None:
    first, second = page(3), page(3)
    draw = ImageDraw.Draw(first)
    for x in (60, 380, 700):
        draw.rectangle((x, 20, x + 40, 40), fill="black")
    ImageDraw.Draw(second).line((500, 1130, 600, 1130), fill="#404040", width=5)
    found = judged(jpeg(first, 92), jpeg(second, 92))
    assert set(found.first_has) == {f"something at the {place}" for place in ("upper left", "top", "upper right")}
    assert found.second_has == ("something at the bottom",)


@pytest.mark.parametrize("name", ["coffee.png", "motorcycle_left.png"])
def test_an_animal_in_the_scene_keeps_both_pictures(name: str) -> None:
    scene = photo(name)
    found = judged(jpeg(scene), jpeg(visited(scene), 80))
    assert found.tier in ("more", "unsure")
    assert not goes(found, "first") and not goes(found, "second")


def test_one_digit_is_a_difference_in_print() -> None:
    sheet = page(4)
    other = sheet.copy()
    draw = ImageDraw.Draw(other)
    draw.rectangle((600, 700, 640, 730), fill="white")
    draw.text((604, 702), "7", fill="black", font_size=20)
    plain = sheet.copy()
    draw = ImageDraw.Draw(plain)
    draw.rectangle((600, 700, 640, 730), fill="white")
    draw.text((604, 702), "1", fill="black", font_size=20)
    found = judged(jpeg(plain), jpeg(other))
    assert not goes(found, "first") and not goes(found, "second")


HARMLESS: dict[str, Callable[[Image.Image], bytes]] = {
    "saved again": lambda image: jpeg(image, 40),
    "smaller": lambda image: jpeg(image.resize((image.width // 2, image.height // 2))),
    "brighter": lambda image: jpeg(ImageEnhance.Brightness(image).enhance(1.15)),
    "paler": lambda image: jpeg(ImageEnhance.Color(image).enhance(0.7)),
    "warmer": lambda image: jpeg(
        Image.merge(
            "RGB", [c.point(lambda v, k=k: v * k) for c, k in zip(image.split(), (1.0, 0.97, 0.92), strict=True)]
        )
    ),
    "sharper": lambda image: jpeg(image.filter(ImageFilter.UnsharpMask(1, 60))),
}


@pytest.mark.parametrize("kind", HARMLESS)
@pytest.mark.parametrize("name", ["astronaut.png", "chelsea.png"])
def test_what_saving_does_is_no_difference(name: str, kind: str) -> None:
    found = judged(photo(name), HARMLESS[kind](photo(name)))
    assert (found.tier, found.first_has, found.second_has, found.added) == ("near", (), (), ())


def test_a_page_scanned_twice_is_one_page() -> None:
    def scan(seed: int, angle: float) -> bytes:
        # a scanner's lens spreads a stroke of one pixel over two
        sheet = page(5, letterhead=False).filter(ImageFilter.GaussianBlur(0.8))
        sheet = sheet.rotate(angle, Image.Resampling.BICUBIC, fillcolor="white")
        noise = np.random.default_rng(seed).normal(0, 2.5, (sheet.height, sheet.width, 1))
        return jpeg(Image.fromarray(np.clip(np.asarray(sheet, float) + noise, 0, 255).astype(np.uint8)))

    found = judged(scan(1, 0.0), scan(2, 0.2))
    assert (found.tier, found.first_has, found.second_has) == ("near", (), ())


# -- edges and colours -------------------------------------------------------------------------------------------------


def test_what_was_cut_off_is_more_at_the_edges() -> None:
    whole = photo("coffee.png")
    part = whole.crop((30, 20, whole.width - 30, whole.height - 20))
    found = judged(whole, jpeg(part))
    assert (found.first_has, found.second_has) == (("more at its edges",), ())
    # a frame has nothing on it
    framed = judged(whole, jpeg(ImageOps.expand(whole, 25, "white")))
    assert (framed.tier, framed.first_has, framed.second_has) == ("edited", (), ())


def test_the_grey_version_is_a_copy_that_lacks_colour() -> None:
    for grey in (
        ImageOps.grayscale(photo("coffee.png")),
        ImageOps.colorize(photo("coffee.png").convert("L"), "#201008", "#fff0d0"),
    ):
        found = judged(photo("coffee.png"), jpeg(grey.convert("RGB")))
        assert (found.tier, found.first_has, found.second_has) == ("near", ("colour",), ())


def recoloured(image: Image.Image, shift: int, box: tuple[int, int, int, int] | None = None) -> Image.Image:
    """Turn all hues, or those in a box, and keep the lightness, as a shop does."""
    hue, saturation, value = image.convert("HSV").split()
    turned = Image.merge("HSV", (hue.point(lambda h: (h + shift) % 256), saturation, value)).convert("RGB")
    _, blue, red = turned.convert("YCbCr").split()
    other = Image.merge("YCbCr", (image.convert("YCbCr").split()[0], blue, red)).convert("RGB")
    if box is None:
        return other
    result = image.copy()
    result.paste(other.crop(box), box)
    return result


@pytest.mark.parametrize("shift", [85, 128, 170])
def test_one_product_in_two_colours_is_no_copy(shift: int) -> None:
    found = judged(photo("coffee.png"), jpeg(recoloured(photo("coffee.png"), shift), 93))
    assert (found.tier, found.note) == ("unsure", "the colours differ")
    part = judged(photo("astronaut.png"), jpeg(recoloured(photo("astronaut.png"), shift, (150, 250, 330, 450)), 93))
    assert not goes(part, "first") and not goes(part, "second")


def test_white_stays_white_in_another_product_and_not_under_another_light() -> None:
    shirt = Image.new("RGB", (300, 300), "white")
    draw = ImageDraw.Draw(shirt)
    draw.rectangle((80, 60, 220, 260), fill=(180, 70, 70))
    draw.ellipse((120, 100, 180, 160), fill=(90, 40, 40))
    tinted = Image.merge(
        "RGB", [c.point(lambda v, k=k: v * k) for c, k in zip(shirt.split(), (1.0, 0.97, 0.93), strict=True)]
    )

    def match(other: Image.Image) -> str:
        planes = lay_planes(lay_in_frame(Pixels.of(shirt), Pixels.of(other)), side=480)
        assert planes is not None
        return compare_colours(planes, other=np.zeros(planes.a.shape, bool))

    assert match(recoloured(shirt, 85)) == "other"
    assert match(tinted) == "same"
    assert match(ImageEnhance.Color(shirt).enhance(0.6)) == "same"


# -- what the file holds -----------------------------------------------------------------------------------------------


def frames(*names: str) -> list[Image.Image]:
    return [photo(name, 480).resize((240, 160)) for name in names]


def animated(kind: str, images: list[Image.Image], **options: Any) -> bytes:
    buffer = io.BytesIO()
    first, *rest = [image.copy() for image in images]
    first.save(buffer, kind, save_all=True, append_images=rest, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_a_still_lacks_the_frames_behind_it(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    images = frames("coffee.png", "chelsea.png", "astronaut.png")
    found = judged(animated(kind, images, **options), encoded(images[0]))
    what = "2 more pages" if kind == "TIFF" else "2 more frames"
    assert (found.tier, found.first_has, found.second_has) == ("more", (what,), ())


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_files_that_share_a_first_frame_are_no_copies(kind: str) -> None:
    one, other = frames("coffee.png", "chelsea.png"), frames("coffee.png", "rocket.jpg")
    found = judged(animated(kind, one), animated(kind, other))
    assert found.tier == "unsure" and found.note.endswith("behind the first")
    fewer = judged(animated(kind, [*one, *other]), animated(kind, one))
    assert fewer.tier == "unsure" and fewer.first_has and fewer.second_has


def test_an_animation_saved_again_is_the_same_and_of_other_timing_is_not() -> None:
    images = frames("coffee.png", "chelsea.png")
    found = judged(animated("PNG", images, duration=100), animated("WEBP", images, duration=100, lossless=True))
    assert (found.tier, found.first_has, found.second_has) == ("pixels", (), ())
    slower = judged(animated("PNG", images, duration=100), animated("PNG", images, duration=300))
    assert slower.tier == "more" and slower.first_has == slower.second_has == ("another timing",)


def test_transparency_is_part_of_the_picture() -> None:
    logo = photo("astronaut.png", 240)
    mask = Image.new("L", logo.size)
    ImageDraw.Draw(mask).ellipse((20, 20, 220, 220), fill=255)
    clear, half = logo.copy(), logo.copy()
    clear.putalpha(mask)
    half.putalpha(mask.point(lambda value: 120 + value // 2))
    flat = Image.new("RGB", logo.size, "white")
    flat.paste(logo, mask=mask)
    found = judged(encoded(clear), encoded(flat))
    assert (found.tier, found.first_has, found.second_has) == ("more", ("transparency",), ())
    assert not goes(judged(encoded(clear), encoded(half)), "first")
    assert judged(encoded(clear), encoded(clear, "WEBP", lossless=True, exact=True)).tier == "pixels"


def test_sixteen_bits_are_more_than_eight() -> None:
    levels = np.asarray(photo("coins.png", 240).convert("L")).astype(np.uint16)
    deep = Image.fromarray(levels * 257)
    found = judged(encoded(deep), encoded(Image.fromarray(levels.astype(np.uint8))))
    assert (found.tier, found.first_has, found.second_has) == ("more", ("16 bits a channel against 8",), ())
    assert judged(encoded(deep), encoded(deep, "TIFF")).tier == "near"


# -- what cannot be looked at ------------------------------------------------------------------------------------------


def test_pictures_that_nobody_compared_are_not_removable() -> None:
    a, b = subject(photo("coffee.png")), subject(jpeg(photo("coffee.png"), 60))
    found = Judge(check_pixels=False).judge(a, b)
    assert found is not None and found.tier == "near" and found.is_duplicate
    assert not goes(found, "first") and not goes(found, "second")
    away = Judge().judge(replace(a, example=None, paths=("/gone.png",)), b)
    assert away is not None and away.tier in DUPLICATE_TIERS
    assert not goes(away, "first") and not goes(away, "second")


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (1, 400), (600, 1), (1000, 3), (1, 60_000), (31, 31)])
def test_thin_pictures_stop_nothing(size: tuple[int, int]) -> None:
    levels = np.linspace(0, 255, size[0] * size[1]).reshape(size[1], size[0]).astype(np.uint8)
    line, other = Image.fromarray(levels).convert("RGB"), Image.fromarray(np.minimum(levels, 254)).convert("RGB")
    for a, b in ((line, other), (line, Image.new("RGB", size, "red")), (line, photo("coins.png"))):
        found = both_ways(subject(a), subject(b), ALL)
        assert found is None or found.tier == "bytes" or not goes(found, "first")


@pytest.mark.parametrize("size", [(44, 58), (50, 76), (66, 48), (97, 151)])
def test_colours_of_small_pictures_are_compared(size: tuple[int, int]) -> None:
    small = photo("astronaut.png").resize(size)
    planes = lay_planes(lay_in_frame(Pixels.of(small), Pixels.of(small.resize((120, 160)))), side=480)
    assert planes is not None
    assert compare_colours(planes, other=np.zeros(planes.a.shape, bool)) == "same"
    other = lay_planes(lay_in_frame(Pixels.of(small), Pixels.of(recoloured(small, 128))), side=480)
    assert other is not None
    assert compare_colours(other, other=np.zeros(other.a.shape, bool)) == "other"
