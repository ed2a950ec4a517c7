"""Pictures that resemble one another and are no copies: pages, forms, moments of a scene, and nearly flat pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

WORDS = (
    "the invoice order please find enclosed amount payment within days of delivery goods service contract party shall "
    "agree terms under account number total net due date customer department report meeting schedule project phase "
    "result figure quality measure test sample value range limit error method review section annual budget forecast "
    "market region product line sales units price change percent growth cost share staff training safety record"
).split()


def page(seed: int, *, letterhead: bool = True, size: tuple[int, int] = (827, 1169)) -> Image.Image:
    """Return an A4 page at 100 dots per inch: a logo, an address, lines of words drawn from the seed."""
    draw_from = np.random.default_rng(seed)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    top = 90
    if letterhead:
        draw.ellipse((80, 60, 170, 150), fill="#204080")
        draw.polygon([(95, 135), (125, 75), (155, 135)], fill="white")
        draw.text((190, 70), "NORTHWIND & SONS", fill="#204080", font=ImageFont.load_default(34))
        draw.text((190, 115), "14 Harbour Street · telephone 555 0142", fill="#404040", font=ImageFont.load_default(16))
        draw.line((80, 170, 747, 170), fill="#204080", width=3)
        top = 220
    font = ImageFont.load_default(17)
    y = top
    while y < 1060:
        for _ in range(int(draw_from.integers(3, 8))):
            words = draw_from.choice(WORDS, 16)
            line = ""
            for word in words:
                if font.getlength(f"{line} {word}") > 660:
                    break
                line = f"{line} {word}".strip()
            draw.text((80, y), line, fill="black", font=font)
            y += 25
            if y > 1060:
                break
        y += 20
    return sheet


def form(seed: int, *, size: tuple[int, int] = (827, 1169)) -> Image.Image:
    """Return a form of twelve lines with a word or a figure on each."""
    draw_from = np.random.default_rng(seed)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((60, 60, 767, 130), fill="#e0e0e0", outline="black", width=2)
    draw.text((413, 95), "APPLICATION FOR LEAVE", fill="black", anchor="mm", font=ImageFont.load_default(30))
    labels = ("Name", "Street", "Town", "Born", "Number", "From", "Until", "Days", "Reason", "Deputy", "Date", "Signed")
    for row, label in enumerate(labels):
        y = 180 + 76 * row
        draw.rectangle((60, y, 767, y + 60), outline="black", width=2)
        draw.text((75, y + 20), label, fill="black", font=ImageFont.load_default(18))
        filled = f"{draw_from.choice(WORDS)} {draw_from.choice(WORDS)} {draw_from.integers(10, 9999)}"
        draw.text((240, y + 16), filled, fill="#102080", font=ImageFont.load_default(26))
    return sheet


def moment(behind: Image.Image, thing: Image.Image, share: float, travel: float, *, seed: int) -> Image.Image:
    """Return a scene with an oval thing `share` as wide as it, moved by `travel` of its width; noise of its own."""
    draw_from = np.random.default_rng(seed)
    width, height = behind.size
    scene = behind.copy()
    oval = (round(width * share), round(height * share * 1.4))
    mask = Image.new("L", oval, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, oval[0] - 1, oval[1] - 1), fill=255)
    at = (round(width * (0.15 + travel)), round(height * (0.3 - 0.2 * travel)))
    scene.paste(ImageOps.fit(thing, oval), at, mask.filter(ImageFilter.GaussianBlur(2)))
    shift = draw_from.uniform(0, 0.02, 4)
    box = (shift[0] * width, shift[1] * height, width * (1 - shift[2]), height * (1 - shift[3]))
    scene = scene.resize((width, height), Image.Resampling.BICUBIC, box=box)
    levels = np.asarray(scene, np.float64) + draw_from.normal(0, 3, (height, width, 3))
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def plain(seed: int) -> Image.Image:
    colour = tuple(int(level) for level in np.random.default_rng(seed).integers(0, 256, 3))
    return Image.new("RGB", (480, 360), colour)


def sky(seed: int) -> Image.Image:
    """Return a gradient from dark to light, of its own colours and steepness, with a little grain."""
    draw_from = np.random.default_rng(seed)
    top, bottom = draw_from.integers(20, 140, 3), draw_from.integers(150, 250, 3)
    ramp = np.linspace(0, 1, 360)[:, None, None] ** draw_from.uniform(0.6, 1.6)
    levels = top + (bottom - top) * ramp + draw_from.normal(0, 1.5, (360, 480, 3))
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def grain(seed: int) -> Image.Image:
    levels = np.random.default_rng(seed).normal(128, 6, (360, 480, 3))
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def dotted(seed: int) -> Image.Image:
    draw_from = np.random.default_rng(seed)
    sheet = Image.new("RGB", (480, 360), "white")
    x, y, radius = draw_from.integers(60, 420), draw_from.integers(60, 300), draw_from.integers(5, 25)
    ImageDraw.Draw(sheet).ellipse((x - radius, y - radius, x + radius, y + radius), fill="black")
    return sheet
