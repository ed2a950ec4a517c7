"""Copies as telephones, messengers and programs make them: strictness must not lose these."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageEnhance, ImageFilter

from scripts.benchmarks.pairs import Both, Given, Kind, at_least, encoded, image_of, in_turn, jpeg, levels_of, noisy
from scripts.benchmarks.recolours import chroma

_COLOURED = 12.0
Change = Callable[[Image.Image, Generator], Image.Image]


def changed(given: Given, *, change: Change) -> Both:
    """A photo and a copy on which something was done, each in its own quality."""
    image = _photo(given)
    return jpeg(image, given.random, 85), jpeg(change(image, given.random), given.random, 70)


def without_colour(given: Given, *, change: Change) -> Both:
    """A photo with colour in it and a copy that has lost it; a photo without any is lit with two lamps first."""
    image = _photo(given)
    if chroma(image).mean() < _COLOURED:
        across = np.linspace(0, 1, image.width)[None, :, None]
        lamps = (1 - across) * np.array([1.0, 0.75, 0.55]) + across * np.array([0.55, 0.8, 1.0])
        image = image_of(levels_of(image) * lamps)
    return jpeg(image, given.random, 85), jpeg(change(image, given.random), given.random, 70)


def _photo(given: Given) -> Image.Image:
    return at_least(given.photo(), 640 if given.number % 2 else 0)


def converted(given: Given, *, suffix: str, low: int = 0, high: int = 0) -> Both:
    """A photo and a copy in another format; lossless where no quality is given."""
    image = _photo(given)
    options = {"quality": int(given.random.integers(low, high))} if high else {}
    return jpeg(image, given.random, 85), encoded(image, suffix, **options)


def saved_again(given: Given) -> Both:
    """A photo and the same saved again, at qualities from 30 to 95 in turn."""
    first = jpeg(_photo(given), given.random, 85)
    image = Image.open(io.BytesIO(first.data)).convert("RGB")
    return first, encoded(image, quality=in_turn((30, 80, 45, 95, 60, 38, 70, 88), given.number))


def lossless(given: Given) -> Both:
    """The same pixels as PNG and TIFF."""
    image = _photo(given)
    return encoded(image, "png"), encoded(image, "tif", compression="tiff_lzw")


def stripped(given: Given) -> Both:
    """One JPEG file with and without what it says of itself."""
    image = _photo(given)
    exif = Image.Exif()
    exif[0x010E], exif[0x0110], exif[0x0132] = "a day out", "Camera 5", "2021:03:12 10:11:12"
    quality = int(given.random.integers(80, 95))
    return encoded(image, quality=quality, exif=exif.tobytes()), encoded(image, quality=quality)


def oriented(given: Given) -> Both:
    """A photo, and the same stored on its side with a tag that sets it upright."""
    image = _photo(given)
    exif = Image.Exif()
    exif[0x0112] = 6
    side = image.transpose(Image.Transpose.ROTATE_90)
    suffix = "png" if given.number % 2 else "jpg"
    return encoded(image, suffix), encoded(side, suffix, exif=exif.tobytes())


def resized(image: Image.Image, random: Generator) -> Image.Image:
    share = float(random.uniform(0.25, 0.75))
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    return image.resize(size, (Image.Resampling.LANCZOS, Image.Resampling.BILINEAR)[int(random.integers(2))])


def brightened(image: Image.Image, random: Generator) -> Image.Image:
    image = ImageEnhance.Brightness(image).enhance(float(random.uniform(0.88, 1.15)))
    return ImageEnhance.Contrast(image).enhance(float(random.uniform(0.88, 1.15)))


def with_gamma(image: Image.Image, random: Generator) -> Image.Image:
    exponent = float(random.choice([random.uniform(0.75, 0.9), random.uniform(1.1, 1.3)]))
    return image_of(255 * (levels_of(image) / 255) ** exponent)


def balanced(image: Image.Image, random: Generator) -> Image.Image:
    """Make a picture warmer or colder, as a telephone's correction of white does."""
    warm = float(random.choice([-1, 1]) * random.uniform(0.04, 0.12))
    return image_of(levels_of(image) * np.array([1 + warm, 1 + random.uniform(-0.03, 0.03), 1 - warm]))


def saturated(image: Image.Image, random: Generator) -> Image.Image:
    return ImageEnhance.Color(image).enhance(
        float(random.choice([random.uniform(0.6, 0.85), random.uniform(1.15, 1.4)]))
    )


def sharpened(image: Image.Image, random: Generator) -> Image.Image:
    return image.filter(ImageFilter.UnsharpMask(1.5, int(random.integers(50, 130)), 2))


def grainy(image: Image.Image, random: Generator) -> Image.Image:
    return noisy(image, random, float(random.uniform(3, 8)))


def denoised(image: Image.Image, random: Generator) -> Image.Image:
    # wholly filtered, small print is lost, which is no harmless copy any more
    return Image.blend(image, image.filter(ImageFilter.MedianFilter(3)), 0.5)


def enhanced(image: Image.Image, random: Generator) -> Image.Image:
    """What the button "enhance" does: contrast, saturation and sharpness together."""
    for enhance in (ImageEnhance.Contrast, ImageEnhance.Color, ImageEnhance.Sharpness):
        image = enhance(image).enhance(float(random.uniform(1.05, 1.25)))
    return image


def sepia(image: Image.Image, random: Generator) -> Image.Image:
    grey = levels_of(image.convert("L"))[..., None]
    return image_of(grey * np.array([1.07, 0.92, 0.72]) + np.array([10, 2, 0]))


def grey(image: Image.Image, random: Generator) -> Image.Image:
    return image.convert("L")


def trimmed(image: Image.Image, random: Generator) -> Image.Image:
    """Cut one or two pixels off some edges."""
    left, top, right, bottom = (int(step) for step in random.integers(0, 3, 4))
    return image.crop((left, top, image.width - max(1, right), image.height - bottom))


def cropped(image: Image.Image, random: Generator) -> Image.Image:
    """Cut 4 to 12 % off each edge."""
    left, top, right, bottom = (float(share) for share in random.uniform(0.04, 0.12, 4))
    width, height = image.size
    return image.crop(
        (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
    )


def cut_at_one_edge(image: Image.Image, random: Generator) -> Image.Image:
    """Cut 5 to 10 % off one edge."""
    edge, share = int(random.integers(4)), float(random.uniform(0.05, 0.1))
    box = [0.0, 0.0, 1.0, 1.0]
    box[edge] += share if edge < 2 else -share
    size = image.size * 2
    return image.crop(tuple(round(side * length) for side, length in zip(box, size, strict=True)))  # type: ignore[arg-type]


def messaged(image: Image.Image, random: Generator) -> Image.Image:
    """What a messenger sends on, twice: at most 1600 pixels, quality 70, half the colours each way."""
    for _ in range(2):
        image.thumbnail((1600, 1600))
        image = _through(image, quality=70, subsampling=2)
    return image


def as_video(image: Image.Image, random: Generator) -> Image.Image:
    """What a video platform does: 480 lines, softened, levels of television, strong compression."""
    high = 480 if image.height > 480 else image.height
    image = image.resize((max(2, round(image.width * high / image.height)), high)).filter(ImageFilter.GaussianBlur(0.7))
    levels = np.round(16 + levels_of(image) * 219 / 255)
    return _through(image_of((levels - 16) * 255 / 219), quality=35, subsampling=2)


def _through(image: Image.Image, **options: Any) -> Image.Image:
    return Image.open(io.BytesIO(encoded(image.convert("RGB"), **options).data)).convert("RGB")


def _kind(name: str, make: Callable[[Given], Both], removable: str = "ab", *, version: int = 1) -> Kind:
    return Kind(name, "harmless", make, removable, True, version=version)


CHANGES: tuple[tuple[str, Change], ...] = (
    ("resized", resized),
    ("brightness and contrast", brightened),
    ("gamma", with_gamma),
    ("white balance", balanced),
    ("saturation", saturated),
    ("sharpened", sharpened),
    ("noise", grainy),
    ("denoised", denoised),
    ("enhanced", enhanced),
    ("1 or 2 pixels cut off", trimmed),
    ("sent by a messenger twice", messaged),
    ("frame of a video platform", as_video),
)
KINDS = (
    _kind("JPEG saved again", saved_again),
    _kind("as WebP", partial(converted, suffix="webp", low=60, high=95)),
    _kind("as AVIF", partial(converted, suffix="avif", low=50, high=90)),
    _kind("as HEIC", partial(converted, suffix="heic", low=50, high=90)),
    _kind("as PNG", partial(converted, suffix="png")),
    _kind("PNG and TIFF", lossless),
    _kind("metadata stripped", stripped),
    _kind("upright by a tag", oriented),
    *(_kind(name, partial(changed, change=change), version=1 + (change is denoised)) for name, change in CHANGES),
    _kind("in sepia", partial(without_colour, change=sepia), "b", version=2),
    _kind("in grey", partial(without_colour, change=grey), "b", version=2),
)
CROPS = (
    Kind("crop and the whole", "crops", partial(changed, change=cropped), "b"),
    Kind("one edge cut off", "crops", partial(changed, change=cut_at_one_edge), "b"),
)
"""The whole shows more at its edges and must stay."""
