"""Colours as people write them: "#c00", "navy", or several with their shares, "#c00:3,white:1"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from PIL import ImageColor

from hybrid_search.errors import QueryError

_BETWEEN = re.compile(r",(?![^(]*\))")
"""A comma, unless it stands inside the brackets of rgb(…) or hsl(…)."""


@dataclass(frozen=True)
class Shade:
    """A colour of a palette, channels in 0–255, its share of the whole, in (0, 1], and how it was written."""

    rgb: tuple[int, int, int]
    share: float
    name: str = field(default="", repr=False, compare=False)


def read_palette(text: str) -> tuple[Shade, ...]:
    """Read colours with their shares; the shares are divided by their sum.

    Parameters
    ----------
    text : str
        Colours between commas, each as in CSS: a name, "#rgb", "#rrggbb", "rgb(…)", "hsl(…)" or "hsv(…)". After a colon
        follows the share, a number above 0, by default 1.

    Raises
    ------
    QueryError
        When a colour or a share cannot be read.

    Examples
    --------
    >>> read_palette("#c00:3,white:1")
    (Shade(rgb=(204, 0, 0), share=0.75), Shade(rgb=(255, 255, 255), share=0.25))
    """
    parts = [part.strip().partition(":") for part in _BETWEEN.split(text)]
    shares = [_share(text, share) if colon else 1.0 for _, colon, share in parts]
    total = math.fsum(shares)
    return tuple(
        Shade(_rgb(text, name), share / total, name)
        for name, share in zip((colour.strip() for colour, _, _ in parts), shares, strict=True)
    )


def _unreadable(colours: str, reason: str) -> QueryError:
    said = f"cannot read the colours {colours!r}: {reason}; write them as in CSS, with shares: '#c00:3,white:1'"
    return QueryError(said, colour=colours, reason=reason)


def _rgb(text: str, colour: str) -> tuple[int, int, int]:
    try:
        red, green, blue, *_ = ImageColor.getrgb(colour)
    except ValueError as error:
        raise _unreadable(text, f"{colour!r} is no colour") from error
    return red, green, blue


def _share(text: str, share: str) -> float:
    try:
        value = float(share)
    except ValueError as error:
        raise _unreadable(text, f"the share {share!r} is no number") from error
    if not 0 < value < math.inf:
        raise _unreadable(text, f"a share is above 0 (got {share})")
    return value
