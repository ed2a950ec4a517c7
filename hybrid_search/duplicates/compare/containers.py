"""Which of two files holds more than its first picture: frames, pages, transparency, depth."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np
from PIL import Image

from hybrid_search.duplicates.compare.additions import find_additions, light_difference
from hybrid_search.duplicates.compare.differences import Differences
from hybrid_search.duplicates.compare.overlay import lay_in_frame
from hybrid_search.duplicates.compare.pixels import Pixels
from hybrid_search.duplicates.compare.planes import lay_planes
from hybrid_search.errors import ImageError
from hybrid_search.images import DEFAULT_LIMITS, Limits, Source
from hybrid_search.images.contents import Contents, frames_of, read_contents

_LOOKED_AT = 50
"""Frames of other bytes that are compared: more would take longer than all else, and count as other frames."""
_FRAME_SIDE, _PAGE_SIDE = 480, 1400  # pixels, as in `pixels` and `pixel_verdict`
_TIMING = 0.02
"""Share by which a converter may round the time that frames are shown."""
_MEAN = 12.0
"""Grey levels by which compression and tone may move a frame in the mean."""


def compare_contents(a: Source, b: Source, *, limits: Limits = DEFAULT_LIMITS) -> Differences:
    """Return what either of two files holds beside a first picture that both show.

    Parameters
    ----------
    a, b : Source
        Files whose first pictures are copies.
    limits : Limits
        The largest picture that is decoded.
    """
    try:
        first, second = read_contents(a, limits=limits), read_contents(b, limits=limits)
    except ImageError:
        unknown = ("contents that cannot be read",)
        return Differences(unknown, unknown, "unsure", "not all of a file can be read")
    return _frames(a, b, first, second, limits) + _layers(first, second)


def _layers(a: Contents, b: Contents) -> Differences:
    """Compare what belongs to the first picture itself."""
    sides: list[tuple[str, ...]] = []
    for one, other in ((a, b), (b, a)):
        has = [extra for extra in one.extras if extra not in other.extras]
        if one.transparency and one.transparency != other.transparency:
            has.append("another transparency" if other.transparency else "transparency")
        if one.depth > other.depth:
            has.append(f"{one.depth} bits a channel against {other.depth}")
        sides.append(tuple(has))
    return Differences(sides[0], sides[1], "more" if any(sides) else "")


def _frames(a: Source, b: Source, first: Contents, second: Contents, limits: Limits) -> Differences:
    if first.frames == second.frames == 1:
        return Differences()
    if min(first.frames, second.frames) == 1:
        a_has, b_has = (_further(one) if one.frames > 1 else () for one in (first, second))
        return Differences(a_has, b_has, "more")
    if first.frames != second.frames:
        note = f"{first.frames} {first.kind} against {second.frames}"
        return Differences((note,), (note,), "unsure", note)
    if not _same_frames(a, b, _PAGE_SIDE if first.kind == "pages" else _FRAME_SIDE, limits):
        note = f"other {first.kind} behind the first"
        return Differences((note,), (note,), "unsure", note)
    if not _same_timing(first, second):
        return Differences(("another timing",), ("another timing",), "more")
    return Differences()


def _further(contents: Contents) -> tuple[str, ...]:
    more = contents.frames - 1
    return (f"{more} more {contents.kind if more > 1 else contents.kind.removesuffix('s')}",)


def _same_timing(a: Contents, b: Contents) -> bool:
    pairs = zip_longest(a.durations, b.durations, fillvalue=0)
    return all(abs(one - other) <= max(10, _TIMING * max(one, other)) for one, other in pairs)


def _same_frames(a: Source, b: Source, side: int, limits: Limits) -> bool:
    """Tell whether all frames show the same, as far as compression lets them."""
    left = _LOOKED_AT
    try:
        for one, other in zip(frames_of(a, limits=limits), frames_of(b, limits=limits), strict=True):
            if one.size == other.size and one.tobytes() == other.tobytes():
                continue
            left -= 1
            if left < 0 or not _alike(one, other, side):
                return False
    except (ImageError, ValueError):
        return False
    return True


def _alike(a: Image.Image, b: Image.Image, side: int) -> bool:
    planes = lay_planes(lay_in_frame(Pixels.of(a, side=side), Pixels.of(b, side=side)), side=side)
    return (
        planes is not None
        and not find_additions(planes, light_difference(planes, in_print=side == _PAGE_SIDE), with_colour=True)
        and float(np.abs(planes.a.astype(np.int16) - planes.b).mean()) < _MEAN
    )


def same_pixels(a: Source, b: Source, *, limits: Limits = DEFAULT_LIMITS) -> bool:
    """Tell whether two files hold exactly the same: pixels of all frames, transparency, timing, depth, extras.

    More than 8 bits a channel are not decoded wholly everywhere, so that such files are never known to be the same.
    """
    try:
        contents = read_contents(a, limits=limits)
        if contents != read_contents(b, limits=limits) or contents.depth > 8:
            return False
        frames = zip(frames_of(a, limits=limits), frames_of(b, limits=limits), strict=True)
        return all(one.size == other.size and one.tobytes() == other.tobytes() for one, other in frames)
    except (ImageError, ValueError):
        return False
