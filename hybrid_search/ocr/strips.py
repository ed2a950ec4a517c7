"""Long pictures in parts: a receipt or a chat of many screens is too small to read when all of it is scaled at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_LONG = 2.5
"""Times the shorter side beyond which a picture is read in parts."""
_PART, _OVERLAP = 2.0, 0.25
"""Length of a part, and what it shares with the next, in shorter sides: a line is whole in one of the two."""


@dataclass(frozen=True)
class Strip:
    """A part of a picture along its longer side, pixels.

    Parameters
    ----------
    box : (left, top, right, bottom)
    own : (start, end)
        The stretch of the longer side whose lines are this part's; what overlaps is divided in the middle.
    """

    box: tuple[int, int, int, int]
    own: tuple[float, float]


def strips(width: int, height: int) -> Iterator[Strip]:
    """Yield the parts in which a picture is read, the whole where it is not long.

    Examples
    --------
    >>> [strip.box for strip in strips(400, 300)], [strip.box for strip in strips(100, 300)]
    ([(0, 0, 400, 300)], [(0, 0, 100, 200), (0, 175, 100, 300)])
    """
    short, long = sorted((width, height))
    if long <= _LONG * short:
        yield Strip((0, 0, width, height), (0, long))
        return
    part, overlap = round(_PART * short), max(1, round(_OVERLAP * short))
    start, mine = 0, 0.0
    while True:
        end = min(start + part, long)
        until = float(long) if end == long else end - overlap / 2
        box = (start, 0, end, height) if width > height else (0, start, width, end)
        yield Strip(box, (mine, until))
        if end == long:
            return
        start, mine = end - overlap, until
