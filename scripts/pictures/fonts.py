"""Fonts to draw text with: those of the system, and those that font packages from the package registry bring."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

_SYSTEM = (
    *("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "DejaVuSansMono.ttf", "DejaVuSansCondensed.ttf"),
    *("LiberationSans-Regular.ttf", "LiberationSerif-Italic.ttf", "LiberationMono-Regular.ttf"),
    "LiberationSansNarrow-Bold.ttf",
)
_PACKAGED = (
    *("AmaticSC-Bold", "Caladea-Italic", "FjallaOne-Regular", "FredokaOne-Regular", "HankenGrotesk-Light"),
    *("Roboto-Regular", "Roboto-Black", "SourceSerifPro-Regular"),
)
"""Of the packages font-amatic-sc, font-caladea, font-fjallaone, font-fredoka-one, font-hanken-grotesk, font-roboto and
font-source-serif-pro, which tell of their files by entry points."""
_CHINESE = "cvttf_NotoSansCJK_Regular", "NotoSansCJKtc-Regular.otf"
"""Of the package cvttf-notosanscjk-regular."""


@lru_cache(maxsize=1)
def latin_fonts() -> tuple[str, ...]:
    """Return the files of the fonts that are here, of those that this module knows, in the order of their names."""
    found = {Path(path).stem: path for path in (*_of_packages(), *_of_system())}
    wanted = {*_PACKAGED, *(Path(name).stem for name in _SYSTEM)}
    return tuple(path for name, path in sorted(found.items()) if name in wanted)


@lru_cache(maxsize=1)
def chinese_font() -> str | None:
    """Return the file of a font with Chinese characters, None where its package is not installed."""
    package, name = _CHINESE
    spec = find_spec(package)
    path = Path(spec.origin).parent / name if spec and spec.origin else None
    return str(path) if path and path.exists() else None


def _of_packages() -> Iterator[str]:
    for group in ("fonts_ttf", "fonts_otf"):
        for entry in entry_points(group=group):
            yield from map(str, entry.load().values())


def _of_system() -> Iterator[str]:
    for name in _SYSTEM:
        try:
            yield str(ImageFont.truetype(name, 10).path)
        except OSError:
            continue
