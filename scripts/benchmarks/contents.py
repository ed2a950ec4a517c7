"""Files with one first frame in 8-bit RGB on white, and more in one of them: frames, pages, alpha, depth, pictures."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

from scripts.benchmarks.copies import open_photo
from scripts.benchmarks.pairs import Both, File, Given, Kind, encoded, image_of, in_turn, levels_of
from scripts.benchmarks.papers import page, scanned

ANIMATION_SIDE, SIDE = 280, 480
_ANIMATED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("gif", {}),
    ("png", {}),
    ("webp", {"quality": 85}),
    ("gif", {"optimize": True}),
    ("avif", {"quality": 80}),
)


def frames(given: Given, count: int, *, other: bool = False) -> list[Image.Image]:
    """Return the frames of an animation: a photo, then the photo with a patch of another that goes across it."""
    first = ImageOps.contain(given.photo(), (ANIMATION_SIDE, ANIMATION_SIDE))
    patch = ImageOps.fit(open_photo(given.things[1 if other else 0]), (first.width // 3, first.height // 3))
    shown = [first]
    for step in range(1, count):
        frame = first.copy()
        at = step * (first.width - patch.width) // count, (first.height // 2 if other else first.height // 8)
        frame.paste(patch, at)
        shown.append(frame)
    return shown


def animated(images: list[Image.Image], number: int, *, duration: int | list[int] = 120, loop: int = 0) -> File:
    """Return frames as an animated file, or one frame as a still one, in the format of this number."""
    suffix, options = in_turn(_ANIMATED, number)
    if suffix == "gif":
        palette = images[0].quantize(255)
        images = [image.quantize(palette=palette) for image in images]
    if len(images) == 1:
        return encoded(images[0], suffix, **options)
    given: dict[str, Any] = {"save_all": True, "append_images": images[1:], "duration": duration, **options}
    return encoded(images[0], suffix, **given, **({} if suffix == "avif" else {"loop": loop}))


def still(given: Given) -> Both:
    """An animation and its first frame alone, in the same format."""
    images = frames(given, int(given.random.integers(3, 12)))
    return animated(images, given.number), animated(images[:1], given.number)


def still_elsewhere(given: Given) -> Both:
    """An animation and its first frame as a PNG or JPEG file."""
    images = frames(given, int(given.random.integers(3, 12)))
    moving = animated(images, given.number)
    first = images[0].quantize(255).convert("RGB") if moving.suffix == "gif" else images[0]
    return moving, encoded(first, *(("png",) if given.number % 2 else ("jpg",)))


def other_frames(given: Given) -> Both:
    """Two animations that share their first frame, and as many frames of the same length."""
    count = int(given.random.integers(3, 9))
    return (
        animated(frames(given, count), given.number),
        animated(frames(given, count, other=True), given.number),
    )


def fewer_frames(given: Given) -> Both:
    """An animation, and the same cut off after some frames."""
    images = frames(given, int(given.random.integers(6, 12)))
    return animated(images, given.number), animated(images[: len(images) // 2], given.number)


def other_timing(given: Given) -> Both:
    """The same frames, shown for another time each."""
    images = frames(given, int(given.random.integers(3, 9)))
    slow = in_turn((600, 480, [1000, *[120] * (len(images) - 1)]), given.number // len(_ANIMATED))
    return animated(images, given.number), animated(images, given.number, duration=slow)


def saved_again(given: Given) -> Both:
    """The same animation with other bytes: without a loss in another format, or written otherwise in its own."""
    images = frames(given, int(given.random.integers(3, 9)))
    given_as: dict[str, Any] = {"save_all": True, "append_images": images[1:], "duration": 120, "loop": 0}
    png = encoded(images[0], "png", **given_as)
    if given.number % 2:
        return png, encoded(images[0], "webp", lossless=True, **given_as)
    return png, encoded(images[0], "png", compress_level=1, **given_as)


def sheets(given: Given, count: int, *, start: int = 0) -> list[Image.Image]:
    """Return pages: of text in every other pair, else photos."""
    if given.number % 2:
        seeds = [given.number * 100 + start + step + 1 for step in range(count)]
        return [scanned(page(seed, dpi=72), np.random.default_rng(seed), tilt=0) for seed in seeds]
    return [ImageOps.fit(open_photo([*given.photos, *given.things][start + step]), (360, 270)) for step in range(count)]


def tiff(pages: list[Image.Image], *, compression: str = "tiff_lzw") -> File:
    """Return pages as a TIFF file."""
    more: dict[str, Any] = {"save_all": True, "append_images": pages[1:]} if len(pages) > 1 else {}
    return encoded(pages[0], "tif", compression=compression, **more)


def first_page(given: Given) -> Both:
    """A TIFF file of several pages, and its first one as TIFF, PNG or JPEG."""
    pages = sheets(given, int(given.random.integers(2, 5)))
    alone = in_turn(
        (partial(tiff, pages[:1]), partial(encoded, pages[0], "png"), partial(encoded, pages[0])), given.number
    )
    return tiff(pages), alone()


def other_pages(given: Given) -> Both:
    """Two TIFF files that share their first page."""
    pages = sheets(given, 3)
    return tiff(pages), tiff([pages[0], *sheets(given, 2, start=5)])


def pages_again(given: Given) -> Both:
    """The same pages, compressed otherwise."""
    pages = sheets(given, 3)
    return tiff(pages), tiff(pages, compression="tiff_adobe_deflate")


def shape(random: Generator, *, size: tuple[int, int] = (400, 300), word: str = "") -> Image.Image:
    """Return the outline of a logo, white on black: a ring, a polygon, a word."""
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    x, y, radius = (int(value) for value in random.integers((90, 90, 50), (310, 180, 85)))
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=255, width=int(random.integers(10, 24)))
    points = [tuple(int(value) for value in random.integers((40, 30), (360, 220))) for _ in range(5)]
    draw.polygon(points, fill=255)
    draw.text(
        (size[0] // 2, size[1] - 40), word or _word(random), fill=255, anchor="mm", font=ImageFont.load_default(44)
    )
    return mask


def _word(random: Generator) -> str:
    return "".join(random.choice(list("ACEHLMNORSTUVX"), 7))


def other_alpha(given: Given) -> Both:
    """Logos of which only the alpha differs: white on white under it, or a part that is half transparent."""
    random = given.random
    if given.number % 2 == 0:
        logos = [Image.merge("RGBA", [Image.new("L", (400, 300), 255)] * 3 + [shape(random)]) for _ in range(2)]
        return encoded(logos[0], "png"), encoded(logos[1], "png")
    drawn = ImageOps.colorize(ImageOps.invert(shape(random)), _colour(random), "white").convert("RGBA")
    left, top = (int(value) for value in random.integers((20, 20), (200, 150)))
    other = drawn.copy()
    hole = Image.new("L", drawn.size, 255)
    ImageDraw.Draw(hole).rectangle((left, top, left + 160, top + 110), fill=int(random.integers(0, 160)))
    other.putalpha(hole)
    return encoded(drawn, "png"), encoded(other, "png")


def _colour(random: Generator) -> str:
    return "#" + "".join(f"{level:02x}" for level in random.integers(0, 150, 3))


def flattened(given: Given) -> Both:
    """A logo or cut-out on a transparent ground, and the same on white."""
    picture = _on_transparent(given)
    on_white = Image.new("RGBA", picture.size, "white")
    on_white.alpha_composite(picture)
    return encoded(picture, "png"), encoded(on_white.convert("RGB"), "png" if given.number % 2 else "bmp")


def _on_transparent(given: Given, *, soft: float = 1.0) -> Image.Image:
    if given.number % 3 == 0:
        mask = shape(given.random)
        picture = Image.new("RGBA", mask.size, _colour(given.random))
    else:
        picture = ImageOps.fit(given.photo(), (360, 270)).convert("RGBA")
        mask = Image.new("L", picture.size, 0)
        ImageDraw.Draw(mask).ellipse((30, 20, 330, 250), fill=255)
    picture.putalpha(mask.filter(ImageFilter.GaussianBlur(soft)))
    return picture


def hard_edge(given: Given) -> Both:
    """A cut-out with a soft edge, and the same with a hard one."""
    soft = _on_transparent(given, soft=9 if given.number % 3 else 3)
    hard = soft.copy()
    hard.putalpha(soft.getchannel("A").point(lambda level: 255 * (level > 127)))
    return encoded(soft, "png"), encoded(hard, "png" if given.number % 2 else "tif")


def alpha_again(given: Given) -> Both:
    """The same transparent picture, without a loss in two formats."""
    picture = _on_transparent(given)
    cleared = Image.composite(
        picture, Image.new("RGBA", picture.size), picture.getchannel("A").point(lambda a: 255 * (a > 0))
    )
    return encoded(cleared, "png"), encoded(cleared, "webp", lossless=True, exact=True)


def deep(given: Given) -> np.ndarray:
    """Return a photo in 16 bits, grey in every third pair: soft enough that its low bits say something."""
    image = ImageOps.contain(given.photo(), (SIDE, SIDE)).filter(ImageFilter.GaussianBlur(0.7))
    levels = levels_of(image.convert("L") if given.number % 3 == 2 else image)
    return np.clip(levels * 257 + given.random.uniform(-128, 128, levels.shape), 0, 65535).astype(np.uint16)


def written_deep(levels: np.ndarray, suffix: str) -> File:
    """Return 16 bits a channel as a PNG or TIFF file, which Pillow writes of grey ones only."""
    import cv2

    done, data = cv2.imencode(f".{suffix}", levels if levels.ndim == 2 else np.ascontiguousarray(levels[..., ::-1]))
    if not done:
        raise OSError(f"OpenCV cannot write 16 bits as {suffix}")
    return File(data.tobytes(), suffix)


def export(given: Given) -> Both:
    """A master of 16 bits a channel and an export of 8, of one size; the export is often the larger file."""
    levels = deep(given)
    suffix = in_turn(("png", "bmp", "tif", "jpg"), given.number)
    eight = Image.fromarray((levels >> 8).astype(np.uint8))
    return written_deep(levels, in_turn(("png", "tif"), given.number // 2)), encoded(eight, suffix)


def deep_again(given: Given) -> Both:
    """The same 16 bits a channel as PNG and as TIFF."""
    levels = deep(given)
    return written_deep(levels, "png"), written_deep(levels, "tif")


def second_in_jpeg(given: Given) -> Both:
    """An MPO file of two pictures (the other eye, or a gain map) and its first one alone."""
    first = ImageOps.contain(given.photo(), (SIDE, SIDE))
    second = ImageChops.offset(first, 9, 0) if given.number % 2 else _gain_map(first)
    quality = int(given.random.integers(80, 95))
    return (
        encoded(first, "mpo", save_all=True, append_images=[second], quality=quality),
        encoded(first, "jpg", quality=quality),
    )


def _gain_map(image: Image.Image) -> Image.Image:
    grey = ImageOps.autocontrast(image.convert("L")).resize((image.width // 2, image.height // 2))
    return image_of(np.clip(levels_of(grey) - 140, 0, None) * 2.2).convert("RGB")


def second_in_heic(given: Given) -> Both:
    """A HEIC file of two pictures and one of the first alone; in every third pair another second one."""
    first = ImageOps.contain(given.photo(), (SIDE, SIDE))
    others = [ImageOps.fit(open_photo(path), first.size) for path in given.things[:2]]
    both = encoded(first, "heic", save_all=True, append_images=others[:1], quality=85)
    if given.number % 3 == 2:
        return both, encoded(first, "heic", save_all=True, append_images=others[1:], quality=85)
    return both, encoded(first, "heic", quality=85)


def _kinds(family: str, **makers: Any) -> tuple[Kind, ...]:
    return tuple(Kind(name.replace("_", " "), family, make) for name, make in makers.items())


KINDS = (
    *_kinds("other frames", animation_and_first_frame=still, animation_and_frame_elsewhere=still_elsewhere),
    *_kinds("other frames", animations_sharing_a_frame=other_frames, fewer_frames=fewer_frames),
    *_kinds("other frames", other_timing=other_timing),
    *_kinds("other pages", TIFF_and_its_first_page=first_page, TIFFs_sharing_a_page=other_pages),
    *_kinds("other alpha", other_alpha=other_alpha, flattened_on_white=flattened, soft_and_hard_edge=hard_edge),
    *_kinds("second picture", MPO_and_its_first=second_in_jpeg, HEIC_and_its_first=second_in_heic),
    Kind("16 bits and 8", "depth", export, removable="b"),
)
SAME = (
    Kind("animation saved again", "harmless", saved_again, "ab", True),
    Kind("pages compressed otherwise", "harmless", pages_again, "ab", True),
    Kind("transparent PNG and WebP", "harmless", alpha_again, "ab", True),
    Kind("16 bits, PNG and TIFF", "harmless", deep_again, "ab", True),
)
"""Siblings of which both hold the same."""
