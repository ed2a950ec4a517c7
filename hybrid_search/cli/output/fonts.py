"""A font for a text: Pillow's own for ASCII, DejaVu for Latin, Greek and Cyrillic, the system's for other scripts."""

from __future__ import annotations

import functools
import io
import unicodedata
from collections.abc import Iterable, Iterator
from importlib import resources

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_SYSTEM_FONTS = (
    *("NotoSans-Regular.ttf", "DejaVuSans.ttf", "Arial Unicode.ttf", "segoeui.ttf"),
    *(
        "NotoSansCJK-Regular.ttc",
        "wqy-microhei.ttc",
        "PingFang.ttc",
        "Hiragino Sans GB.ttc",
        "msyh.ttc",
        "msgothic.ttc",
    ),
)
"""Looked for by name in the folders of the system, the broadest first."""


def font_for(text: str, size: int) -> Font:
    """Return the first font that has every character of the text, else the one that has most of them.

    Pillow's own has little more than ASCII: what it lacks it draws as boxes.
    """
    wanted = frozenset(character for character in _composed(text) if not character.isspace())
    if all(ord(character) < 0x80 for character in wanted):
        return _own(size)
    best, most = _own(size), -1
    for font in (_own(size), _shipped(size), *_system(size)):
        held = _held(font, wanted)
        if held > most:
            best, most = font, held
        if held == len(wanted):
            break
    return best


def wrap(text: str, font: Font, width: int, lines: int) -> list[str]:
    """Break a text into at most `lines` lines of `width` pixels; what is left out ends in "…"."""
    rows: list[str] = []
    row, words = "", _pieces(_composed(text))
    for word in words:
        longer = f"{row} {word}" if row else word
        if not row or font.getlength(longer) <= width:
            row = longer
            continue
        if len(rows) == lines - 1:
            row = longer
            break
        rows.append(row)
        row = word
    rows.append(row)
    rest = [*rows[: lines - 1], " ".join([rows[-1], *words])] if len(rows) == lines else rows
    return [fit(row, font, width) for row in rest]


def fit(text: str, font: Font, width: int) -> str:
    """Cut a text that is wider than `width` pixels, and end it in "…"."""
    text = _composed(text)
    if font.getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font.getlength(text[:middle].rstrip() + "…") <= width else (low, middle - 1)
    return text[:low].rstrip() + "…"


def _pieces(text: str) -> Iterator[str]:
    # scripts written without spaces break anywhere, so that a caption of them still fills its lines
    for word in text.split():
        if all(ord(character) < 0x2E80 for character in word):
            yield word
        else:
            yield from (word[start : start + 8] for start in range(0, len(word), 8))


@functools.lru_cache(maxsize=8)
def _own(size: int) -> Font:
    return ImageFont.load_default(size)


@functools.lru_cache(maxsize=8)
def _shipped(size: int) -> Font:
    data = resources.files("hybrid_search.cli.output").joinpath("DejaVuSans.ttf").read_bytes()
    try:
        return ImageFont.truetype(io.BytesIO(data), size)
    except ImportError:
        # a Pillow without FreeType
        return _own(size)


@functools.lru_cache(maxsize=8)
def _system(size: int) -> tuple[Font, ...]:
    found: list[Font] = []
    for name in _SYSTEM_FONTS:
        try:
            found.append(ImageFont.truetype(name, size))
        except (OSError, ImportError):
            continue
    return tuple(found)


def _held(font: Font, characters: Iterable[str]) -> int:
    """Return how many of some characters a font has."""
    # no font has a glyph for U+FFFF: what it draws there is what it draws for every character that it lacks
    absent = _drawn(font, "\uffff")
    return sum(_drawn(font, character) != absent for character in characters)


def _drawn(font: Font, character: str) -> bytes:
    try:
        mask = font.getmask(character)
    except UnicodeEncodeError:
        # a Pillow without FreeType has a font of bitmaps
        return b""
    return bytes(mask) + repr(mask.size).encode()


def _composed(text: str) -> str:
    # an accent of its own, as names of files have it on macOS, is drawn beside its letter
    return unicodedata.normalize("NFC", text)
