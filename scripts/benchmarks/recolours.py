"""Pictures of which only the colours differ: each pixel is as light in both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from scripts.benchmarks.pairs import Both, Given, Kind, at_least, encoded, image_of, in_turn, jpeg, levels_of

Mask = NDArray[np.float64]
_COLOURFUL = 18.0
_LEAST, _MOST = 0.04, 0.5
_STEPS = (90.0, 120.0, 180.0, 240.0, 150.0)
_CANDIDATES = 10


def chroma(image: Image.Image) -> NDArray[np.float64]:
    """Return how far each pixel's colour is from grey, in levels of Cb and Cr."""
    colours = levels_of(image.convert("YCbCr"))[..., 1:] - 128
    return np.hypot(colours[..., 0], colours[..., 1]).astype(np.float64)


def is_colourful(image: Image.Image) -> bool:
    return float(chroma(image).mean()) >= _COLOURFUL


def turned_hues(image: Image.Image, degrees: float, mask: Mask | None = None) -> Image.Image:
    """Return a picture with its colours turned by so many degrees where the mask says, as light as before.

    Colours are made paler where a screen could not show them as light as they are.
    """
    levels = levels_of(image.convert("YCbCr"))
    light, colours = levels[..., :1], levels[..., 1:] - 128
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    changed = colours @ turn.T
    blue, red = changed[..., :1], changed[..., 1:]
    apart = np.concatenate([1.402 * red, -0.344 * blue - 0.714 * red, 1.772 * blue], axis=2)
    room = np.where(apart > 0, 255 - light, light) / np.maximum(np.abs(apart), 1e-6)
    shown = light + apart * np.minimum(1.0, room.min(axis=2, keepdims=True))
    weight = 1.0 if mask is None else mask[..., None]
    return image_of(levels_of(image.convert("RGB")) * (1 - weight) + shown * weight)


def coloured_thing(image: Image.Image) -> Mask | None:
    """Return where a picture shows a thing of its strongest colour, None when there is no such thing."""
    hsv = levels_of(image.convert("HSV"))
    strong = (hsv[..., 1] > 90) & (hsv[..., 2] > 60) & (chroma(image) > 25)
    if not strong.any():
        return None
    counts = np.bincount(hsv[..., 0][strong].astype(int), minlength=256)
    hue = int(np.convolve(np.tile(counts, 3), np.ones(31), "same")[256:512].argmax())
    near = np.abs((hsv[..., 0] - hue + 128) % 256 - 128) <= 18
    return _whole(strong & near)


def _whole(where: NDArray[np.bool_]) -> Mask | None:
    mask = Image.fromarray((where * 255).astype(np.uint8)).filter(ImageFilter.MedianFilter(5))
    mask = mask.filter(ImageFilter.MaxFilter(5))
    share = levels_of(mask).mean() / 255
    return levels_of(mask.filter(ImageFilter.GaussianBlur(1.2))) / 255 if _LEAST <= share <= _MOST else None


def leaves(image: Image.Image) -> Mask | None:
    """Return where a picture is green, None where that is little."""
    hsv = levels_of(image.convert("HSV"))
    where = (hsv[..., 0] > 38) & (hsv[..., 0] < 115) & (hsv[..., 1] > 70) & (chroma(image) > 18)
    mask = Image.fromarray((where * 255).astype(np.uint8)).filter(ImageFilter.MedianFilter(5))
    return levels_of(mask.filter(ImageFilter.GaussianBlur(2))) / 255 if where.mean() > 0.12 else None


def thing_recoloured(given: Given) -> Both:
    """A photo, and the same with a car, a shirt or a flower in another colour."""
    image = given.photo(lambda photo: coloured_thing(photo) is not None)
    mask = coloured_thing(image)
    mask = _oval(image, 0.4) if mask is None else mask
    return _files(given, image, turned_hues(image, in_turn(_STEPS, given.number), mask))


def _oval(image: Image.Image, share: float) -> Mask:
    mask = Image.new("L", image.size, 0)
    across, down = image.width * (1 - share) / 2, image.height * (1 - share) / 2
    ImageDraw.Draw(mask).ellipse((across, down, image.width - across, image.height - down), fill=255)
    return levels_of(mask.filter(ImageFilter.GaussianBlur(3))) / 255


def all_turned(given: Given) -> Both:
    """A photo, and the same with all its colours turned."""
    image = given.photo(is_colourful)
    return _files(given, image, turned_hues(image, in_turn(_STEPS, given.number)))


def exchanged(given: Given) -> Both:
    """A photo, and the same with its channels exchanged: not quite as light any more."""
    image = given.photo(is_colourful)
    order = in_turn(((2, 1, 0), (1, 0, 2), (1, 2, 0), (0, 2, 1)), given.number)
    return _files(given, image, image_of(levels_of(image)[..., order]))


def autumn(given: Given) -> Both:
    """A photo with green in it, and the same with orange and brown in its place."""
    image = given.photo(lambda photo: leaves(photo) is not None)
    mask = leaves(image)
    mask = np.ones(image.size[::-1]) if mask is None else mask
    # in the plane of Cb and Cr from the green of leaves (190° to 225°) to orange and brown (about 130°)
    return _files(given, image, turned_hues(image, -65 + float(given.random.uniform(-10, 10)), mask))


def lamp(given: Given) -> Both:
    """A photo with a small lamp in it, red in one and green in the other, as bright as that."""
    image = at_least(given.photo(), 480)
    radius = float(given.random.uniform(0.03, 0.055)) * min(image.size)
    x = float(given.random.uniform(0.15, 0.85)) * image.width
    y = float(given.random.uniform(0.15, 0.85)) * image.height
    lit = [_with_lamp(image, x, y, radius, colour) for colour in ((250, 60, 40), (18, 168, 24))]
    return _files(given, lit[0], lit[1])


def _with_lamp(image: Image.Image, x: float, y: float, radius: float, colour: tuple[int, int, int]) -> Image.Image:
    shown = image.copy()
    draw = ImageDraw.Draw(shown)
    draw.rectangle((x - 2 * radius, y - 2 * radius, x + 2 * radius, y + 2 * radius), fill=(45, 45, 48))
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return shown


def product(given: Given) -> Both:
    """A patterned shirt on white, and the same in another colour that is as light."""
    random = given.random
    colour = random.permutation((float(random.uniform(170, 215)), 60.0, float(random.uniform(50, 90))))
    shown = _shirt(random, colour)
    return _files(given, shown, turned_hues(shown, in_turn(_STEPS, given.number)))


def _shirt(random: Generator, colour: NDArray[np.float64]) -> Image.Image:
    sheet = Image.new("RGB", (600, 600), "white")
    draw = ImageDraw.Draw(sheet)
    outline = [(130, 100), (240, 50), (360, 50), (470, 100), (560, 220), (480, 270), (455, 230), (455, 550)]
    outline += [(145, 550), (145, 230), (120, 270), (40, 220)]
    draw.polygon(outline, fill=tuple(int(level) for level in colour))
    for _ in range(int(random.integers(40, 140))):
        x, y = random.integers((155, 100), (430, 520))
        wide, high = random.integers(6, 26, 2)
        shade = tuple(int(level * random.uniform(0.5, 1.15)) for level in colour)
        draw.rectangle((x, y, x + wide, y + high), fill="white" if random.random() < 0.25 else shade)
    return sheet


def _files(given: Given, image: Image.Image, other: Image.Image) -> Both:
    """Save two pictures: without a loss in every fourth pair, else each in its own quality."""
    if given.number % 4 == 3:
        return encoded(image, "png"), encoded(other, "png")
    return jpeg(image, given.random, 80), jpeg(other, given.random, 80)


def _kind(name: str, make: Callable[[Given], Both], needs: int = _CANDIDATES) -> Kind:
    return Kind(name, "other colours", partial(make), needs=needs)


KINDS = (
    _kind("thing in another colour", thing_recoloured),
    _kind("all colours turned", all_turned),
    _kind("channels exchanged", exchanged),
    _kind("autumn for summer", autumn),
    _kind("lamp red or green", lamp, 1),
    _kind("product in two colours", product, 1),
)
