"""Pages and forms on which something was written, ticked, crossed out or changed, each scanned for itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from scripts.benchmarks.pairs import Both, File, Given, Kind, encoded, image_of, in_turn, levels_of
from scripts.pictures.lookalikes import WORDS

DPI = (100, 130, 160, 200)
PAPER = 250
_INKS = ((20, 28, 110), (25, 25, 30), (15, 60, 140))
Write = Callable[[Image.Image, Generator, int], None]


def page(seed: int, *, dpi: int = 100) -> Image.Image:
    """Return an A4 page: a heading, paragraphs of words, lines for signature and date; a margin at the right."""
    random = np.random.default_rng([seed, 4])
    sheet, scale = _sheet(dpi), dpi / 100
    draw, body = ImageDraw.Draw(sheet), ImageFont.load_default(15 * scale)
    title = " ".join(random.choice(WORDS, 3)).upper()
    draw.text((80 * scale, 80 * scale), title, fill=(20, 20, 20), font=ImageFont.load_default(28 * scale))
    y, bottom = 140 * scale, float(random.uniform(720, 960)) * scale
    while y < bottom:
        for _ in range(int(random.integers(3, 8))):
            draw.text((80 * scale, y), _line(random, body, 560 * scale), fill=(25, 25, 25), font=body)
            y += 23 * scale
        y += 18 * scale
    small = ImageFont.load_default(12 * scale)
    for x, word in ((80, "Signature"), (460, "Date")):
        draw.line((x * scale, 1085 * scale, (x + 260) * scale, 1085 * scale), fill=(60, 60, 60), width=round(scale))
        draw.text((x * scale, 1090 * scale), word, fill=(60, 60, 60), font=small)
    return sheet


def _sheet(dpi: int) -> Image.Image:
    return Image.new("RGB", (round(8.27 * dpi), round(11.69 * dpi)), (PAPER,) * 3)


def _line(random: Generator, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: float) -> str:
    line = ""
    for word in random.choice(WORDS, 20):
        if font.getlength(f"{line} {word}") > width:
            break
        line = f"{line} {word}".strip()
    return line


LABELS = ("Name", "Street", "Town", "Born", "Number", "From", "Until", "Reason")
QUESTIONS = ("insured", "employed", "married", "first visit", "reminders", "consent")


def form(seed: int, *, dpi: int = 100, ticks: int = 2, empty: int = 2) -> Image.Image:
    """Return a form: fields, of which the last ones are empty, and boxes, of which the first are ticked."""
    random = np.random.default_rng([seed, 5])
    sheet, s = _sheet(dpi), dpi / 100
    draw = ImageDraw.Draw(sheet)
    title = f"{random.choice(WORDS)} {random.choice(WORDS)} {random.integers(100, 999)}".upper()
    draw.text((80 * s, 70 * s), title, fill=(20, 20, 20), font=ImageFont.load_default(28 * s))
    for row, label in enumerate(LABELS):
        y = 140 + 66 * row
        draw.rectangle((80 * s, y * s, 740 * s, (y + 46) * s), outline=(60, 60, 60), width=round(1.5 * s))
        draw.text((90 * s, (y + 15) * s), label, fill=(60, 60, 60), font=ImageFont.load_default(15 * s))
        words = f"{random.choice(WORDS)} {random.choice(WORDS)} {random.integers(10, 9999)}"
        if row < len(LABELS) - empty:
            fill_in(draw, row, words, s)
    for row, question in enumerate(QUESTIONS):
        y = 700 + 48 * row
        for x, word in ((420, "yes"), (560, "no")):
            draw.rectangle((x * s, y * s, (x + 18) * s, (y + 18) * s), outline=(40, 40, 40), width=round(1.5 * s))
            draw.text(((x + 30) * s, y * s), word, fill=(40, 40, 40), font=ImageFont.load_default(15 * s))
        asked = f"{question} {random.choice(WORDS)}"
        draw.text((80 * s, y * s), asked, fill=(40, 40, 40), font=ImageFont.load_default(15 * s))
        if row < ticks:
            tick(draw, (420, 560)[int(random.integers(2))] * s, y * s, s, random)
    return sheet


def fill_in(draw: ImageDraw.ImageDraw, row: int, words: str, s: float) -> None:
    """Write words into the field of this row."""
    draw.text((240 * s, (151 + 66 * row) * s), words, fill=(20, 30, 120), font=ImageFont.load_default(20 * s))


def tick(draw: ImageDraw.ImageDraw, x: float, y: float, s: float, random: Generator) -> None:
    """Tick or cross the box at this place."""
    ink, width = _INKS[int(random.integers(len(_INKS)))], max(2, round(2.2 * s))
    if random.random() < 0.5:
        draw.line([(x + 2 * s, y + 9 * s), (x + 8 * s, y + 17 * s), (x + 22 * s, y - 6 * s)], fill=ink, width=width)
    else:
        draw.line((x, y, x + 18 * s, y + 18 * s), fill=ink, width=width)
        draw.line((x + 18 * s, y, x, y + 18 * s), fill=ink, width=width)


def invoice(seed: int, *, dpi: int = 100, changed: bool = False) -> Image.Image:
    """Return an invoice of some lines; `changed` gives one amount another first digit."""
    random = np.random.default_rng([seed, 6])
    sheet, s = _sheet(dpi), dpi / 100
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(17 * s)
    draw.text(
        (80 * s, 80 * s),
        f"INVOICE {random.integers(1000, 9999)}",
        fill=(20, 20, 20),
        font=ImageFont.load_default(30 * s),
    )
    lines = int(random.integers(9, 16))
    at = int(random.integers(lines))
    for row in range(lines):
        y = (180 + 44 * row) * s
        amount = f"{random.integers(1, 10)}{random.integers(100, 999)}.{random.integers(10, 99)}"
        if changed and row == at:
            amount = str((int(amount[0]) + 4) % 9 + 1) + amount[1:]
        draw.text((80 * s, y), f"{row + 1}", fill=(30, 30, 30), font=font)
        draw.text((130 * s, y), " ".join(random.choice(WORDS, 3)), fill=(30, 30, 30), font=font)
        draw.text((740 * s, y), amount, fill=(30, 30, 30), font=font, anchor="ra")
        draw.line((80 * s, y + 30 * s, 740 * s, y + 30 * s), fill=(170, 170, 170))
    return sheet


def sign(sheet: Image.Image, random: Generator, dpi: int) -> None:
    """Sign above the line: one thin stroke with loops."""
    s = dpi / 100
    t = np.linspace(0, float(random.uniform(5, 8)), 260)
    x = 100 + t * random.uniform(22, 30) + 8 * np.sin(random.uniform(5, 8) * t)
    high = random.uniform(14, 24) * np.sin(random.uniform(2.4, 4) * t) * np.exp(-t / 7) + 7 * np.sin(9 * t)
    _stroke(sheet, x * s, (1070 - high) * s, random, s)


def _stroke(sheet: Image.Image, x: np.ndarray, y: np.ndarray, random: Generator, s: float) -> None:
    ink, width = _INKS[int(random.integers(len(_INKS)))], max(2, round(random.uniform(1.6, 2.6) * s))
    ImageDraw.Draw(sheet).line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=ink, width=width, joint="curve")


def stamp(sheet: Image.Image, random: Generator, dpi: int) -> None:
    """Stamp the lower right: a ring or a box with a word and a date, slanting, the text behind it showing through."""
    s = dpi / 100
    side = round(170 * s)
    mark = Image.new("RGB", (side, side), "white")
    draw, ink = ImageDraw.Draw(mark), ((190, 40, 50), (40, 50, 150), (30, 110, 60))[int(random.integers(3))]
    middle, width = side // 2, max(2, round(4 * s))
    if random.random() < 0.5:
        draw.ellipse((6, 6, side - 6, side - 6), outline=ink, width=width)
    else:
        draw.rectangle((6, side // 4, side - 6, side * 3 // 4), outline=ink, width=width)
    word = ("PAID", "RECEIVED", "COPY", "APPROVED")[int(random.integers(4))]
    draw.text((middle, middle - 14 * s), word, fill=ink, anchor="mm", font=ImageFont.load_default(24 * s))
    draw.text((middle, middle + 18 * s), "12 MAR 2021", fill=ink, anchor="mm", font=ImageFont.load_default(15 * s))
    mark = mark.rotate(float(random.uniform(-20, 20)), Image.Resampling.BICUBIC, fillcolor="white")
    at = (round(random.uniform(440, 600) * s), round(random.uniform(600, 940) * s))
    below = sheet.crop((*at, at[0] + side, at[1] + side))
    sheet.paste(ImageChops.multiply(below, mark), at)


def note(sheet: Image.Image, random: Generator, dpi: int) -> None:
    """Write some words by hand into the right margin."""
    s = dpi / 100
    y = float(random.uniform(250, 800))
    for _ in range(int(random.integers(2, 5))):
        t = np.linspace(0, float(random.uniform(8, 13)), 200)
        x = 664 + 11 * t + 4 * np.sin(5.1 * t + random.uniform(0, 6))
        _stroke(sheet, x * s, (y + 6 * np.sin(5.3 * t) + 3 * np.sin(2.1 * t)) * s, random, s)
        y += 26


def highlight(sheet: Image.Image, random: Generator, dpi: int) -> None:
    """Mark a line or two of the text with a yellow, green or pink pen."""
    s = dpi / 100
    colour = ((255, 240, 60), (150, 250, 120), (255, 160, 200))[int(random.integers(3))]
    rows = _rows(sheet, s)
    top = rows[int(random.integers(len(rows)))]
    box = (round(76 * s), round(top - 2 * s), round(random.uniform(420, 640) * s), round(top + 22 * s))
    pen = Image.new("RGB", (box[2] - box[0], box[3] - box[1]), colour)
    sheet.paste(ImageChops.multiply(sheet.crop(box), pen), box)


def cross_out(sheet: Image.Image, random: Generator, dpi: int) -> None:
    """Cross one line of the text out."""
    s = dpi / 100
    rows = _rows(sheet, s)
    y = rows[int(random.integers(len(rows)))] + 9 * s
    x = np.linspace(78, float(random.uniform(450, 630)), 60)
    _stroke(sheet, x * s, y + random.uniform(0.5, 1.5) * s * np.sin(x / 40), random, s)


def blacken(sheet: Image.Image, random: Generator, dpi: int) -> None:
    """Blacken a part of one to three lines, as is done with names before a page is given away."""
    s = dpi / 100
    rows = _rows(sheet, s)
    for top in random.choice(rows, int(random.integers(1, 4))):
        left = float(random.uniform(80, 300))
        box = (left * s, top - 2 * s, (left + float(random.uniform(120, 300))) * s, top + 17 * s)
        ImageDraw.Draw(sheet).rectangle(box, fill=(15, 15, 15))


def _rows(sheet: Image.Image, s: float) -> list[int]:
    """Return where lines of the text begin, below the heading and above the signature."""
    ink = levels_of(sheet.convert("L"))[:, round(80 * s) : round(300 * s)].min(axis=1) < 150
    starts = [y for y in range(round(135 * s), round(1000 * s)) if ink[y] and not ink[y - 3 : y].any()]
    return starts or [round(200 * s)]


def scanned(sheet: Image.Image, random: Generator, *, tilt: float = 0.3) -> Image.Image:
    """Return a page as a scanner gives it: a little askew, unevenly lit, grainy."""
    askew = float(random.uniform(-tilt, tilt))
    turned = sheet.rotate(askew, Image.Resampling.BICUBIC, fillcolor=(PAPER,) * 3) if tilt else sheet
    levels = levels_of(turned.filter(ImageFilter.GaussianBlur(0.5)))
    light = np.linspace(1, float(random.uniform(0.96, 1.0)), sheet.width)[None, :, None]
    grain = random.normal(0, float(random.uniform(1.2, 2.8)), levels.shape[:2])[..., None]
    return image_of(levels * light + grain)


def written(given: Given, *, write: Write) -> Both:
    """A page, and the same after somebody wrote on it; each scanned for itself, every fourth never printed."""
    return _scans(given, lambda dpi: page(_seed(given), dpi=dpi), write)


def filled(given: Given, *, write: Write) -> Both:
    """A form, and the same with one thing more."""
    return _scans(given, lambda dpi: form(_seed(given), dpi=dpi), write)


def _seed(given: Given) -> int:
    return int(given.random.integers(1 << 30))


def _scans(given: Given, blank: Callable[[int], Image.Image], write: Write) -> Both:
    dpi = in_turn(DPI, given.number // 2)
    before = blank(dpi)
    after = before.copy()
    write(after, given.random, dpi)
    return _as_files(given, before, after)


def _as_files(given: Given, before: Image.Image, after: Image.Image) -> Both:
    random = given.random
    if given.number % 4 == 3:
        return encoded(before, "png"), encoded(after, "png")
    scans = [scanned(sheet, random) for sheet in (before, after)]
    return _scan(scans[0], random), _scan(scans[1], random)


def _scan(sheet: Image.Image, random: Generator) -> File:
    return encoded(sheet, quality=int(random.integers(65, 93)))


def one_tick(sheet: Image.Image, random: Generator, dpi: int) -> None:
    """Tick one of the boxes that are not yet."""
    row = int(random.integers(2, len(QUESTIONS)))
    s = dpi / 100
    tick(ImageDraw.Draw(sheet), (420, 560)[int(random.integers(2))] * s, (700 + 48 * row) * s, s, random)


def one_field(sheet: Image.Image, random: Generator, dpi: int) -> None:
    """Write a date or a number into an empty field."""
    row = len(LABELS) - int(random.integers(1, 3))
    day, number = random.integers(1, 28), random.integers(1000, 99999)
    words = f"{day} March 2021" if random.random() < 0.5 else f"{number}"
    fill_in(ImageDraw.Draw(sheet), row, words, dpi / 100)


def other_digit(given: Given) -> Both:
    """An invoice, and the same with one digit changed."""
    seed, dpi = _seed(given), in_turn(DPI, given.number // 2)
    return _as_files(given, invoice(seed, dpi=dpi), invoice(seed, dpi=dpi, changed=True))


def scanned_twice(given: Given, *, again: Callable[[Image.Image], Image.Image] = lambda sheet: sheet) -> Both:
    """One page or form, scanned twice: other noise, light, tilt and quality."""
    dpi, seed = in_turn(DPI, given.number // 2), _seed(given)
    sheet = in_turn((page, form, invoice), given.number)(seed, dpi=dpi)
    if given.number % 2:
        sign(sheet, given.random, dpi)
    scans = [scanned(sheet, given.random, tilt=0.2) for _ in range(2)]
    return _scan(scans[0], given.random), _scan(again(scans[1]), given.random)


def threshold(sheet: Image.Image) -> Image.Image:
    """Return a page in black and white, as a scanner saves text."""
    return sheet.convert("L").point(lambda level: 255 * (level > 170)).convert("RGB")


def darker(sheet: Image.Image) -> Image.Image:
    """Return a page of more contrast."""
    return sheet.point([min(255, max(0, round((level - 40) * 1.2))) for level in range(256)] * 3)


def _kind(name: str, write: Write, on: Callable[..., Both] = written) -> Kind:
    return Kind(name, "written on a page" if on is written else "filled in or changed", partial(on, write=write))


KINDS = (
    _kind("page signed", sign),
    _kind("page stamped", stamp),
    _kind("note in the margin", note),
    _kind("line highlighted", highlight),
    _kind("box ticked", one_tick, filled),
    _kind("field filled in", one_field, filled),
    Kind("line crossed out", "filled in or changed", partial(written, write=cross_out)),
    Kind("one digit changed", "filled in or changed", other_digit),
)
SAME = (
    Kind("page scanned twice", "harmless", scanned_twice, "ab", True),
    Kind("page of more contrast", "harmless", partial(scanned_twice, again=darker), "ab", True),
    Kind("page in black and white", "harmless", partial(scanned_twice, again=threshold), "ab", True),
)
"""Siblings of which both show the same."""
HIDDEN = (Kind("lines blackened", "something hidden", partial(written, write=blacken)),)
