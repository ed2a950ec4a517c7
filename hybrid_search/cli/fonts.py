"""A font for a text: Pillow's own for Latin, one of the system's for other scripts."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

from PIL import ImageFont

__all__ = ["Font", "fit", "font_for", "wrap"]

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
    """Return the first font that has every character of the text, Pillow's own when none has."""
    own = _own(size)
    if all(ord(character) < 0x100 for character in text):
        return own
    wanted = frozenset(character for character in text if not character.isspace())
    return next((font for font in (own, *_system(size)) if _has_all(font, wanted)), own)


def wrap(text: str, font: Font, width: int, lines: int) -> list[str]:
    """Break a text into at most `lines` lines of `width` pixels; what is left out ends in "…"."""
    rows: list[str] = []
    row, words = "", _pieces(text)
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
def _system(size: int) -> tuple[Font, ...]:
    found: list[Font] = []
    for name in _SYSTEM_FONTS:
        try:
            found.append(ImageFont.truetype(name, size))
        except OSError:
            continue
    return tuple(found)


def _has_all(font: Font, characters: Iterable[str]) -> bool:
    # no font has a glyph for U+FFFF: what it draws there is what it draws for every character that it lacks
    absent = _drawn(font, "\uffff")
    return all(_drawn(font, character) != absent for character in characters)


def _drawn(font: Font, character: str) -> bytes:
    mask = font.getmask(character)
    return bytes(mask) + repr(mask.size).encode()
