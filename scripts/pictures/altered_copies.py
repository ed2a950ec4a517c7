"""Copies of pictures as they are met: saved again, resized, cropped, brightened, written over."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Alteration = Callable[[Image.Image], Image.Image]


def _jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=20)
    return Image.open(buffer).convert("RGB")


def _scale(image: Image.Image, factor: float) -> Image.Image:
    return image.resize((max(1, int(image.width * factor)), max(1, int(image.height * factor))))


def _crop(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = image.size
    return image.crop((int(left * width), int(top * height), int((1 - right) * width), int((1 - bottom) * height)))


def _gamma(image: Image.Image, exponent: float) -> Image.Image:
    return image.point([round(255 * (level / 255) ** exponent) for level in range(256)] * 3)


def _noise(image: Image.Image) -> Image.Image:
    levels = np.asarray(image) + np.random.default_rng(1).normal(0, 12, (image.height, image.width, 3))
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def _overlay(image: Image.Image) -> Image.Image:
    written = image.copy()
    width, height = image.size
    ImageDraw.Draw(written).rectangle((0.6 * width, 0.85 * height, 0.98 * width, 0.97 * height), fill="white")
    return written


def _border(image: Image.Image) -> Image.Image:
    edge = int(0.03 * image.width)
    framed = Image.new("RGB", (image.width + 2 * edge, image.height + 2 * edge), "white")
    framed.paste(image, (edge, edge))
    return framed


ALTERATIONS: dict[str, Alteration] = {
    "JPEG of quality 20": _jpeg,
    "half the size": lambda image: _scale(image, 0.5),
    "twice the size": lambda image: _scale(image, 2),
    "2 % cropped from each side": lambda image: _crop(image, 0.02, 0.02, 0.02, 0.02),
    "5 % cropped from one side": lambda image: _crop(image, 0.05, 0, 0, 0),
    "2 to 5 % cropped from each side": lambda image: _crop(image, 0.05, 0.02, 0.03, 0.05),
    "gamma 1.6": lambda image: _gamma(image, 1.6),
    "gamma 0.6": lambda image: _gamma(image, 0.6),
    "noise": _noise,
    "white label over it": _overlay,
    "turned by 1°": lambda image: image.rotate(1, Image.Resampling.BICUBIC),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1.5)),
    "white border of 3 %": _border,
}
