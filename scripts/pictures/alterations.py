"""The ways a picture is copied, as encoded files: 24 that comparisons measure, and some that people meet besides."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

VERSION = 1
"""Raised when a picture would come out otherwise, so that those of before are not taken for it."""
CAPTION = "A day to remember"
WATERMARK = "© photo archive"
Change = Callable[[Image.Image, "Company"], Image.Image]


@dataclass(frozen=True)
class Company:
    """What a picture is altered with: other pictures beside it in a collage, and a seed of its own for noise."""

    others: tuple[Image.Image, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Alteration:
    """One way of copying: what is done to the pixels, how the file is written, how many other photos are inside."""

    change: Change
    suffix: str = "jpg"
    options: dict[str, Any] = field(default_factory=lambda: {"quality": 90})
    others: int = 0

    def encode(self, image: Image.Image, company: Company) -> bytes:
        """Return the bytes of the altered copy."""
        buffer = io.BytesIO()
        formats = {"jpg": "JPEG", "webp": "WEBP", "png": "PNG"}
        self.change(image, company).convert("RGB").save(buffer, formats[self.suffix], **self.options)
        return buffer.getvalue()


def same(image: Image.Image, company: Company) -> Image.Image:
    return image


def scaled(across: float, down: float | None = None) -> Change:
    def change(image: Image.Image, company: Company) -> Image.Image:
        size = (max(1, round(image.width * across)), max(1, round(image.height * (down or across))))
        return image.resize(size, Image.Resampling.LANCZOS)

    return change


def cropped(left: float, top: float, right: float, bottom: float) -> Change:
    def change(image: Image.Image, company: Company) -> Image.Image:
        width, height = image.size
        box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
        return image.crop(tuple(round(edge) for edge in box))

    return change


def framed(image: Image.Image, company: Company) -> Image.Image:
    across, down = round(image.width * 0.1), round(image.height * 0.1)
    canvas = Image.new("RGB", (image.width + 2 * across, image.height + 2 * down), "white")
    canvas.paste(image, (across, down))
    return canvas


def gamma(exponent: float) -> Change:
    table = [round(255 * (level / 255) ** exponent) for level in range(256)] * 3
    return lambda image, company: image.point(table)


def noisy(image: Image.Image, company: Company) -> Image.Image:
    levels = np.asarray(image) + np.random.default_rng(company.seed).normal(0, 10, (image.height, image.width, 3))
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def rotated(degrees: float) -> Change:
    return lambda image, company: image.rotate(degrees, Image.Resampling.BICUBIC)


def turned(*turns: Image.Transpose) -> Change:
    def change(image: Image.Image, company: Company) -> Image.Image:
        for turn in turns:
            image = image.transpose(turn)
        return image

    return change


def captioned(image: Image.Image, company: Company, *, text: str = CAPTION) -> Image.Image:
    """Lay a black strip with white words over the lowest 12 %."""
    written = image.copy()
    draw = ImageDraw.Draw(written)
    top = round(image.height * 0.88)
    draw.rectangle((0, top, image.width, image.height), fill="black")
    place = (image.width / 2, (top + image.height) / 2)
    draw.text(place, text, fill="white", anchor="mm", font=fitting(text, image.width * 0.8, image.height * 0.09))
    return written


def watermarked(image: Image.Image, company: Company, *, text: str = WATERMARK) -> Image.Image:
    """Write slanting words across the picture, two fifths opaque."""
    side = max(image.size)
    sheet = Image.new("L", (side * 2, side * 2), 0)
    font = fitting(text, image.width * 0.7, image.height * 0.16)
    ImageDraw.Draw(sheet).text((side, side), text, fill=100, anchor="mm", font=font)
    left, top = side - image.width // 2, side - image.height // 2
    mask = sheet.rotate(25).crop((left, top, left + image.width, top + image.height))
    return Image.composite(Image.new("RGB", image.size, "white"), image, mask)


def collage(image: Image.Image, company: Company) -> Image.Image:
    """Two photos side by side, the first one left, both as high as it."""
    other = company.others[0]
    beside = other.resize((max(1, round(other.width * image.height / other.height)), image.height))
    return joined(image, beside)


def joined(left: Image.Image, right: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", (left.width + right.width, left.height))
    canvas.paste(left, (0, 0))
    canvas.paste(right, (left.width, 0))
    return canvas


def four(image: Image.Image, company: Company) -> Image.Image:
    """Four photos, each cut to the shape of the first, which stands at the lower right."""
    cells = [ImageOps.fit(other, image.size) for other in company.others[:3]]
    canvas = Image.new("RGB", (2 * image.width + 6, 2 * image.height + 6), "white")
    places = [(0, 0), (image.width + 6, 0), (0, image.height + 6)]
    for cell, place in zip(cells, places, strict=True):
        canvas.paste(cell, place)
    canvas.paste(image, (image.width + 6, image.height + 6))
    return canvas


def stickered(image: Image.Image, company: Company) -> Image.Image:
    """Stick a round badge over a corner: about 8 % of the picture."""
    written = image.copy()
    radius = 0.16 * (image.width * image.height) ** 0.5
    x, y = image.width - radius * 1.2, radius * 1.2
    draw = ImageDraw.Draw(written)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill="#e02020", outline="white", width=3)
    draw.text((x, y), "SALE", fill="white", anchor="mm", font=fitting("SALE", radius * 1.4, radius))
    return written


def reposted(image: Image.Image, company: Company) -> Image.Image:
    """What several posts do to a picture: cropped a little, brightened, written over, made smaller."""
    for change in (cropped(0.04, 0.06, 0.03, 0.02), gamma(0.85), captioned, scaled(0.7)):
        image = change(image, company)
    return image


def screenshot(image: Image.Image, company: Company, *, title: str = "Photos", words: int = 5) -> Image.Image:
    """Show the picture in a made-up application on a telephone's screen of 540 × 1170."""
    screen = Image.new("RGB", (540, 1170), "#f4f4f6")
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 540, 110), fill="#20304a")
    draw.text((24, 18), "09:41", fill="white", anchor="lt", font=ImageFont.load_default(22))
    for bar in range(4):
        draw.rectangle((440 + 12 * bar, 36 - 5 * bar, 448 + 12 * bar, 40), fill="white")
    draw.text((70, 84), title, fill="white", anchor="lm", font=ImageFont.load_default(30))
    draw.line((40, 70, 28, 84, 40, 98), fill="white", width=4)
    draw.ellipse((24, 130, 84, 190), fill="#c06030")
    draw.text((100, 160), "someone shared a photo", fill="black", anchor="lm", font=ImageFont.load_default(24))
    shown = ImageOps.contain(image, (540, 620), Image.Resampling.LANCZOS)
    screen.paste(shown, ((540 - shown.width) // 2, 210 + (620 - shown.height) // 2))
    for row, line in enumerate(LINES[:words]):
        draw.text((24, 860 + 34 * row), line, fill="black", anchor="lt", font=ImageFont.load_default(22))
    draw.rectangle((0, 1080, 540, 1170), fill="white", outline="#c8c8cc")
    for place in range(5):
        x = 54 + 108 * place
        draw.rounded_rectangle((x - 20, 1105, x + 20, 1145), 8, outline="#20304a", width=4)
    return screen


LINES = (
    "128 people like this",
    "What a view! Where was it taken?",
    "Two hours from here, by the lake",
    "Show all 14 comments",
    "Write a comment …",
)
"""What stands below the photo on every screen."""


def fitting(text: str, width: float, height: float) -> Any:
    """Return the default font in the largest size at which the text fits."""
    size = max(8.0, height)
    font = ImageFont.load_default(size)
    return ImageFont.load_default(max(8.0, size * min(1.0, width / max(1.0, font.getlength(text)))))


_LEFT, _UPSIDE, _MIRROR = Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_LEFT_RIGHT

NAMED: dict[str, Alteration] = {
    "jpeg_30": Alteration(same, options={"quality": 30}),
    "jpeg_10": Alteration(same, options={"quality": 10}),
    "webp_50": Alteration(same, "webp", {"quality": 50}),
    "lossless": Alteration(same, "png", {}),
    "resize_50": Alteration(scaled(0.5)),
    "resize_25": Alteration(scaled(0.25)),
    "stretch_120": Alteration(scaled(1.2, 1.0)),
    "brightness": Alteration(lambda image, company: ImageEnhance.Brightness(image).enhance(1.3)),
    "contrast": Alteration(lambda image, company: ImageEnhance.Contrast(image).enhance(1.4)),
    "gamma": Alteration(gamma(0.7)),
    "grey": Alteration(lambda image, company: image.convert("L")),
    "blur": Alteration(lambda image, company: image.filter(ImageFilter.GaussianBlur(2))),
    "noise": Alteration(noisy),
    "caption": Alteration(captioned),
    "watermark": Alteration(watermarked),
    "crop_5": Alteration(cropped(0.05, 0.05, 0.05, 0.05)),
    "crop_10": Alteration(cropped(0.1, 0.1, 0.1, 0.1)),
    "crop_20": Alteration(cropped(0.2, 0.2, 0.2, 0.2)),
    "frame_10": Alteration(framed),
    "rotate_2": Alteration(rotated(2)),
    "rotate_5": Alteration(rotated(5)),
    "rotate_90": Alteration(turned(_LEFT)),
    "mirror": Alteration(turned(_MIRROR)),
    "collage": Alteration(collage, others=1),
}
"""The 24 of the published comparisons."""

MORE: dict[str, Alteration] = {
    "rotate_180": Alteration(turned(_UPSIDE)),
    "mirror_turned": Alteration(turned(_MIRROR, _LEFT)),
    "negative": Alteration(lambda image, company: ImageOps.invert(image)),
    "crop_side_25": Alteration(cropped(0.25, 0, 0, 0)),
    "sticker": Alteration(stickered),
    "screenshot": Alteration(screenshot),
    "collage_of_4": Alteration(four, others=3),
    "reposted": Alteration(reposted, options={"quality": 60}),
}
"""What people meet besides."""

ALTERATIONS = NAMED | MORE
"""All of them, by the names that the tables use."""
