"""Scenes with and without something: an animal, a person, a thing that was cut out of another photo."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from scripts.benchmarks.copies import open_photo
from scripts.benchmarks.pairs import Both, Given, Kind, at_least, image_of, jpeg, levels_of, noisy
from scripts.pictures.alterations import Change, Company, captioned, fitting, stickered, watermarked

_PLAIN = 14.0
_LIGHT = 200
_TRIES = 60
_SEEN, _SEEN_AT_DUSK = 30.0, 16.0
"""Levels by which a thing differs from its place in the mean, so that a person sees it at once."""
_SOFTLY_SEEN = 0.6
"""How much of that remains when both are blurred: among leaves or fur a thing is not seen by its texture alone."""


def cut_out(paths: list[Path]) -> Image.Image:
    """Return something cut out of the first of these photos that stands on a plain light ground, as RGBA.

    Where none does, the middle of the first photo is cut out as an oval.
    """
    for path in paths[:_TRIES]:
        image = open_photo(path)
        mask = _mask(image)
        if mask is not None:
            return _trimmed(image, mask)
    image = ImageOps.fit(open_photo(paths[0]), (160, 160))
    oval = Image.new("L", image.size, 0)
    ImageDraw.Draw(oval).ellipse((4, 4, 155, 155), fill=255)
    return _trimmed(image, oval)


def _mask(image: Image.Image) -> Image.Image | None:
    """Return where a photo shows something, None when its ground is not plain."""
    levels = levels_of(image)
    edge = np.concatenate([levels[:3].reshape(-1, 3), levels[-3:].reshape(-1, 3), levels[:, :3].reshape(-1, 3)])
    if edge.std(axis=0).max() > _PLAIN or edge.mean() < _LIGHT:
        return None
    apart = np.abs(levels - edge.mean(axis=0)).max(axis=2) > 28
    mask = Image.fromarray((apart * 255).astype(np.uint8))
    mask = mask.filter(ImageFilter.MaxFilter(9)).filter(ImageFilter.MinFilter(9)).filter(ImageFilter.MedianFilter(5))
    return mask if 0.12 < levels_of(mask).mean() / 255 < 0.7 else None


def _trimmed(image: Image.Image, mask: Image.Image) -> Image.Image:
    thing = image.copy()
    thing.putalpha(mask)
    return thing.crop(mask.getbbox())


def placed(
    scene: Image.Image, thing: Image.Image, share: float, random: Generator, *, seen: float, tries: int = 1
) -> Image.Image:
    """Return the scene with the thing in it, which covers this share and has taken on the light of its place.

    Of several tries the place with the least on it is taken.
    """
    mask = thing.getchannel("A")
    covered = max(0.2, levels_of(mask).mean() / 255)
    area = share * scene.width * scene.height / covered
    across = round((area * thing.width / thing.height) ** 0.5)
    size = (min(across, scene.width * 9 // 10), min(round(area / max(1, across)), scene.height * 9 // 10))
    thing, mask = thing.convert("RGB").resize(size), mask.resize(size).filter(ImageFilter.GaussianBlur(0.8))
    places = [_place(scene, size, random) for _ in range(tries)]
    left, top = min(places, key=lambda at: levels_of(scene.crop((*at, at[0] + size[0], at[1] + size[1]))).std())
    place = levels_of(scene.crop((left, top, left + size[0], top + size[1])))
    levels, weight = _lit(levels_of(thing), place, levels_of(mask) / 255, seen), levels_of(mask)[..., None] / 255
    drawn = scene.copy()
    drawn.paste(image_of(place + (levels - place) * weight), (left, top))
    return drawn


def _place(scene: Image.Image, size: tuple[int, int], random: Generator) -> tuple[int, int]:
    left = int(random.integers(scene.width // 20, max(scene.width // 20 + 1, scene.width * 19 // 20 - size[0])))
    top = int(random.integers(scene.height // 20, max(scene.height // 20 + 1, scene.height * 19 // 20 - size[1])))
    return left, top


def _lit(
    levels: NDArray[np.float64], place: NDArray[np.float64], weight: NDArray[np.float64], seen: float
) -> NDArray[np.float64]:
    """Bring a thing half-way to the light and colour of its place, not so far that it is not seen any more."""
    inside = weight > 0.5
    mean, there = levels[inside].mean(axis=0), place[inside].mean(axis=0)
    levels = (levels - mean) * 0.85 + mean + 0.5 * (there - mean)
    for _ in range(16):
        shown = np.clip(levels, 0, 255)
        apart = np.abs(shown - place).mean(axis=2)[inside].mean()
        softly = np.abs(_soft(shown) - _soft(place)).mean(axis=2)[inside].mean()
        if apart >= seen and softly >= seen * _SOFTLY_SEEN:
            break
        levels = levels + (8 if there.mean() < 110 else -8)
    return levels


def _soft(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    radius = max(3, max(levels.shape) // 4)
    return levels_of(image_of(levels).filter(ImageFilter.BoxBlur(radius)))


def added(given: Given, *, share: float) -> Both:
    """A scene, and the same with a thing in it; each has its own exposure, noise and quality."""
    random = given.random
    # photos of 200 and 300 pixels are enlarged in every other pair, to the size at which pictures are compared
    scene = at_least(given.photo(), 640 if given.number % 2 else 0)
    other = placed(scene, cut_out(list(given.things)), share, random, seen=_SEEN)
    if given.number % 3 == 0:
        scene = ImageEnhance.Brightness(scene).enhance(float(random.uniform(0.94, 1.06)))
    if given.number % 3 == 1:
        scene, other = noisy(scene, random, 3), noisy(other, random, 3)
    return jpeg(scene, random), jpeg(other, random)


def at_dusk(given: Given) -> Both:
    """What a camera trap takes at dusk: dark and grainy, hardly any colour, an animal of low contrast."""
    random = given.random
    scene = at_least(given.photo(), 640)
    scene = ImageEnhance.Color(scene).enhance(0.25 if given.number % 2 else 0.0)
    scene = image_of(levels_of(scene) * random.uniform(0.3, 0.5) + random.uniform(8, 25))
    share = float(random.uniform(0.015, 0.06))
    thing = cut_out(list(given.things))
    dark = image_of(levels_of(thing.convert("RGB").convert("L").convert("RGB")) * 0.45 + 20)
    dark.putalpha(thing.getchannel("A"))
    other = placed(scene, dark, share, random, seen=_SEEN_AT_DUSK)
    first, second = (noisy(image, random, 3.5) for image in (scene, other))
    return jpeg(first, random, 75, 92), jpeg(second, random, 75, 92)


def shifted(given: Given) -> Both:
    """Two frames of a camera that moved by one to three pixels between them; something has come into the second."""
    random = given.random
    scene = at_least(given.photo(), 480)
    other = placed(scene, cut_out(list(given.things)), float(random.uniform(0.02, 0.08)), random, seen=_SEEN)
    across, down = (int(step) for step in random.integers(1, 4, 2))
    width, height = scene.size
    first = scene.crop((0, 0, width - across, height - down))
    second = other.crop((across, down, width, height))
    return jpeg(noisy(first, random, 2), random), jpeg(noisy(second, random, 2), random)


def on_plain_ground(given: Given) -> Both:
    """A bird in the sky, a boat on the sea: something small where there is little else."""
    random = given.random
    scene = at_least(given.photo(), 640 if given.number % 2 else 0)
    share = float(random.uniform(0.005, 0.03))
    other = placed(scene, cut_out(list(given.things)), share, random, seen=_SEEN, tries=40)
    return jpeg(scene, random), jpeg(other, random)


def out_of_focus(given: Given) -> Both:
    """Something near and blurred that has come into the frame from its edge: a finger, a wing, a branch."""
    random = given.random
    scene = at_least(given.photo(), 480)
    shape = Image.new("L", scene.size, 0)
    x, y = (float(share) for share in random.uniform(0.1, 0.9, 2))
    x, y = ((0.0, y), (1.0, y), (x, 0.0), (x, 1.0))[given.number % 4]
    across, down = scene.width * float(random.uniform(0.1, 0.2)), scene.height * float(random.uniform(0.1, 0.2))
    x, y = x * scene.width, y * scene.height
    ImageDraw.Draw(shape).ellipse((x - across, y - down, x + across, y + down), fill=255)
    soft = shape.filter(ImageFilter.GaussianBlur(max(scene.size) / 40))
    under = levels_of(scene)[levels_of(shape) > 0].mean()
    colour = (190, 150, 120) if under < 110 else (60, 45, 35)
    other = Image.composite(Image.new("RGB", scene.size, colour), scene, soft)
    return jpeg(scene, random), jpeg(other, random)


def laid_over(given: Given, *, change: Change) -> Both:
    """A photo, and the same with words or a badge over it."""
    image = at_least(given.photo(), 640 if given.number % 2 else 0)
    return jpeg(image, given.random), jpeg(change(image, Company(seed=given.number)), given.random)


def marked(image: Image.Image, company: Company) -> Image.Image:
    """Write slanting words across a photo, light ones with a shade beside them, so that they are seen on any ground."""
    step = max(1, max(image.size) // 160)
    aside = ImageOps.invert(ImageChops.offset(image, -step, -step))
    return watermarked(ImageChops.offset(ImageOps.invert(watermarked(aside, company)), step, step), company)


def dated(image: Image.Image, company: Company) -> Image.Image:
    """Print a date into the lower right, as compact cameras do."""
    shown = image.copy()
    text = f"{company.seed + 1:02}. 3. '04  17:{company.seed + 20}"
    place = (image.width * 0.96, image.height * 0.95)
    font = fitting(text, image.width * 0.34, image.height * 0.06)
    ImageDraw.Draw(shown).text(
        place, text, fill="#ff9a30", anchor="rs", font=font, stroke_width=1, stroke_fill="#402000"
    )
    return shown


def subtitled(image: Image.Image, company: Company) -> Image.Image:
    """Write a line of white words over the lower part, as subtitles are."""
    shown = image.copy()
    text = ("I never said that.", "Where are we going?", "Look, over there!", "[door closes]")[company.seed % 4]
    font = fitting(text, image.width * 0.6, image.height * 0.09)
    place = (image.width / 2, image.height * 0.9)
    ImageDraw.Draw(shown).text(place, text, fill="white", anchor="ms", font=font, stroke_width=1, stroke_fill="black")
    return shown


def pixelated(image: Image.Image, company: Company) -> Image.Image:
    """Hide a part of the middle, such as a face or a number plate, behind coarse squares."""
    random = np.random.default_rng(company.seed)
    wide, high = round(image.width * random.uniform(0.16, 0.3)), round(image.height * random.uniform(0.16, 0.3))
    left = round((image.width - wide) * random.uniform(0.3, 0.7))
    top = round((image.height - high) * random.uniform(0.2, 0.7))
    part = image.crop((left, top, left + wide, top + high))
    shown = image.copy()
    few = part.resize((max(2, wide // 14), max(2, high // 14)), Image.Resampling.BOX)
    shown.paste(few.resize(part.size, Image.Resampling.NEAREST), (left, top))
    return shown


def _kind(name: str, make: Callable[[Given], Both]) -> Kind:
    return Kind(name, "something added", make, version=2)


KINDS = (
    *(_kind(f"thing added, {share} %", partial(added, share=share / 100)) for share in (1, 2, 4, 8)),
    _kind("animal at dusk", at_dusk),
    _kind("thing added, camera moved", shifted),
)
OVERLAYS = (
    Kind("thing on a plain ground", "something added", on_plain_ground),
    Kind("something near and blurred", "something added", out_of_focus),
    *(
        Kind(name, "laid over", partial(laid_over, change=change), version=3 if change is marked else 1)
        for name, change in (
            ("caption", captioned),
            ("watermark", marked),
            ("badge", stickered),
            ("date printed on it", dated),
            ("subtitle", subtitled),
        )
    ),
    Kind("face pixelated", "something hidden", partial(laid_over, change=pixelated)),
)
"""What is laid over a photo and stays a copy: found, and never removable for one that lacks it."""
