"""Pictures with text on them, whose words are known: receipts, chats, slides, signs and memes, drawn from a seed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from scripts.pictures.fonts import chinese_font, latin_fonts
from scripts.pictures.texts import TEXTS

KINDS = ("receipt", "chat", "slide", "sign", "meme")
_LANGUAGES = ("en", "de", "fr", "es", "zh", "en", "de")
"""English and German twice: each kind comes once in every one of these, and once more."""
_EACH = 14


@dataclass(frozen=True)
class TextPicture:
    """A picture and the words on it; Chinese has no spaces, and counts by its lines."""

    kind: str
    language: str
    font: str
    image: Image.Image
    words: tuple[str, ...]


def text_pictures(backgrounds: Sequence[Path] = (), *, seed: int = 0, each: int = _EACH) -> list[TextPicture]:
    """Return `each` pictures of every kind; signs and memes stand on photos where there are any."""
    made = []
    for row, kind in enumerate(KINDS):
        for number in range(each):
            draw_from = np.random.default_rng([seed, row, number])
            language = _LANGUAGES[number % len(_LANGUAGES)]
            font = chinese_font() if language == "zh" else latin_fonts()[(number * 5 + row) % len(latin_fonts())]
            if font is None:
                language, font = "en", latin_fonts()[number % len(latin_fonts())]
            image, lines = _DRAWN[kind](TEXTS[language], _Pen(font, draw_from, tuple(backgrounds)))
            made.append(TextPicture(kind, language, Path(font).stem, _taken(image, kind, draw_from), _words(lines)))
    return made


@dataclass(frozen=True)
class _Pen:
    font: str
    draw_from: np.random.Generator
    backgrounds: tuple[Path, ...]

    def of(self, size: int) -> ImageFont.FreeTypeFont:
        # narrow hands are drawn larger, as people would set them
        return ImageFont.truetype(self.font, round(size * (1.5 if "Amatic" in self.font else 1)))

    def pick(self, choices: Sequence[Any], count: int = 1) -> list[Any]:
        return [choices[place] for place in sorted(self.draw_from.choice(len(choices), count, replace=False))]

    def photo(self, size: tuple[int, int]) -> Image.Image:
        if self.backgrounds:
            path = self.backgrounds[int(self.draw_from.integers(len(self.backgrounds)))]
            with Image.open(path) as photo:
                return photo.convert("RGB").resize(size)
        noise = self.draw_from.integers(60, 200, (8, 8, 3), np.uint8)
        return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def _receipt(texts: dict[str, Any], pen: _Pen) -> tuple[Image.Image, list[str]]:
    shop, street, thanks = texts["shop"]
    items = pen.pick(texts["items"].split(", "), int(pen.draw_from.integers(4, 8)))
    prices = [f"{pen.draw_from.integers(1, 30)}.{pen.draw_from.integers(10, 99)}" for _ in items]
    size = int(pen.draw_from.integers(17, 30))
    width, line = size * 20, round(size * 1.6)
    sheet = Image.new("RGB", (width, line * (len(items) + 8)), "#fbfaf6")
    draw, lines, y = ImageDraw.Draw(sheet), [shop, street], line // 2
    draw.text((width // 2, y), shop, fill="#202020", anchor="ma", font=pen.of(round(size * 1.3)))
    draw.text((width // 2, y + round(1.6 * line)), street, fill="#202020", anchor="ma", font=pen.of(size))
    y += 3 * line
    total = f"{sum(map(float, prices)):.2f}"
    for item, price in [*zip(items, prices, strict=True), (texts["total"], total)]:
        draw.text((size, y), item, fill="#303030", font=pen.of(size))
        draw.text((width - size, y), price, fill="#303030", anchor="ra", font=pen.of(size))
        lines += [item, price]
        y += line
    draw.text((width // 2, y + line), thanks, fill="#202020", anchor="ma", font=pen.of(size))
    return sheet, [*lines, thanks]


def _chat(texts: dict[str, Any], pen: _Pen) -> tuple[Image.Image, list[str]]:
    messages = pen.pick(texts["chat"], 4)
    size = int(pen.draw_from.integers(22, 34))
    screen = Image.new("RGB", (size * 24, size * 30), ("#e5ddd5", "#0b141a")[int(pen.draw_from.integers(2))])
    draw, y = ImageDraw.Draw(screen), size * 2
    for number, message in enumerate(messages):
        rows = _broken(message, pen.of(size), size * 15)
        wide, tall = max(pen.of(size).getlength(row) for row in rows), round(size * 1.4)
        left = size if number % 2 else round(size * 22 - wide)
        bubble = (left - size // 2, y - size // 2, left + wide + size // 2, y + tall * len(rows) + size // 2)
        draw.rounded_rectangle(bubble, size // 2, fill="#ffffff" if number % 2 else "#d9fdd3")
        for row in rows:
            draw.text((left, y), row, fill="#111b21", font=pen.of(size))
            y += tall
        y += size * 2
    return screen, messages


def _slide(texts: dict[str, Any], pen: _Pen) -> tuple[Image.Image, list[str]]:
    (lines,) = pen.pick(texts["slides"])
    width = int(pen.draw_from.choice([800, 1280, 1920]))
    slide = Image.new("RGB", (width, width * 9 // 16), ("#ffffff", "#14213d")[int(pen.draw_from.integers(2))])
    ink = "#14213d" if slide.getpixel((0, 0)) == (255, 255, 255) else "#f5f5f5"
    draw, unit = ImageDraw.Draw(slide), width // 40
    draw.text((2 * unit, 2 * unit), lines[0], fill="#c1121f" if ink == "#14213d" else "#fca311", font=pen.of(2 * unit))
    for row, line in enumerate(lines[1:]):
        y = 7 * unit + row * 3 * unit
        draw.ellipse((2 * unit, y + unit // 2, 2 * unit + unit // 3, y + unit // 2 + unit // 3), fill=ink)
        draw.text((3 * unit, y), line, fill=ink, font=pen.of(round(1.2 * unit)))
    return slide, list(lines)


def _sign(texts: dict[str, Any], pen: _Pen) -> tuple[Image.Image, list[str]]:
    (lines,) = pen.pick(texts["signs"])
    scene = pen.photo((1000, 750))
    size = int(pen.draw_from.integers(30, 60))
    wide = max(pen.of(size).getlength(line) for line in lines)
    plate = Image.new("RGBA", (round(wide + 2 * size), round(size * (1.5 * len(lines) + 1))), "#00000000")
    ground, ink = pen.pick([("#1d4e89", "#ffffff"), ("#f2f2f2", "#b00020"), ("#ffd60a", "#111111")])[0]
    draw = ImageDraw.Draw(plate)
    draw.rounded_rectangle((0, 0, plate.width - 1, plate.height - 1), size // 4, fill=ground)
    for row, line in enumerate(lines):
        place = (plate.width // 2, size // 2 + round(1.5 * row * size))
        draw.text(place, line, fill=ink, anchor="ma", font=pen.of(size))
    plate = _leaning(plate, pen.draw_from).rotate(float(pen.draw_from.uniform(-15, 15)), expand=True, resample=3)
    plate.thumbnail((940, 700))
    corner = [int(pen.draw_from.integers(0, room + 1)) for room in (1000 - plate.width, 750 - plate.height)]
    scene.paste(plate, (corner[0], corner[1]), plate)
    return scene, list(lines)


def _meme(texts: dict[str, Any], pen: _Pen) -> tuple[Image.Image, list[str]]:
    (lines,) = pen.pick(texts["memes"])
    side = int(pen.draw_from.choice([480, 640, 900]))
    scene = pen.photo((side, side * 4 // 5))
    draw = ImageDraw.Draw(scene)
    for line, y, anchor in zip(lines, (side // 30, scene.height - side // 30), ("ma", "md"), strict=True):
        size = side // 11
        while pen.of(size).getlength(line) > side * 0.94:
            size -= 1
        edge = max(1, size // 14)
        draw.text(
            (side // 2, y), line, fill="white", stroke_width=edge, stroke_fill="black", anchor=anchor, font=pen.of(size)
        )
    return scene, list(lines)


_DRAWN = {"receipt": _receipt, "chat": _chat, "slide": _slide, "sign": _sign, "meme": _meme}


def _taken(image: Image.Image, kind: str, draw_from: np.random.Generator) -> Image.Image:
    """Return a drawing as a camera or a programme would give it: paper at an angle, noise, blur, JPEG."""
    if kind == "receipt":
        paper = _leaning(image.convert("RGBA"), draw_from)
        paper = paper.rotate(float(draw_from.uniform(-9, 9)), expand=True, resample=Image.Resampling.BICUBIC)
        table = Image.new("RGB", (paper.width + 80, paper.height + 80), _colour(draw_from))
        table.paste(paper, (40, 40), paper)
        image = table
    if kind in ("receipt", "sign"):
        image = image.filter(ImageFilter.GaussianBlur(float(draw_from.uniform(0, 1.0))))
        noise = draw_from.normal(0, float(draw_from.uniform(2, 10)), (image.height, image.width, 1))
        image = Image.fromarray(np.clip(np.asarray(image, np.float32) + noise, 0, 255).astype(np.uint8))
    if kind in ("chat", "slide") and draw_from.random() < 0.5:
        return image
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(draw_from.integers(40, 90)))
    return Image.open(buffer).convert("RGB")


def _colour(draw_from: np.random.Generator) -> tuple[int, int, int]:
    """Return the colour of a table."""
    red, green, blue = (int(value) for value in draw_from.integers(40, 140, 3))
    return red, green, blue


def _leaning(plate: Image.Image, draw_from: np.random.Generator) -> Image.Image:
    """Return a plate seen from aside: each corner is moved inwards by up to a twelfth of the sides."""
    wide, tall = plate.size
    moved = draw_from.uniform(0, 1 / 12, (4, 2)) * (wide, tall)
    corners = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], float)
    seen = corners + moved * [[1, 1], [-1, 1], [-1, -1], [1, -1]]
    rows = []
    for (x, y), (u, v) in zip(seen, corners, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    solved = np.linalg.solve(np.array(rows), corners.reshape(8))
    return plate.transform(plate.size, Image.Transform.PERSPECTIVE, tuple(map(float, solved)), Image.Resampling.BICUBIC)


def _broken(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Return a text in lines no wider than the width; Chinese messages are short."""
    rows = [""]
    for word in text.split():
        longer = f"{rows[-1]} {word}".strip()
        if rows[-1] and font.getlength(longer) > width:
            rows.append(word)
        else:
            rows[-1] = longer
    return rows


def _words(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for line in lines for word in line.split() if any(map(str.isalnum, word)))
