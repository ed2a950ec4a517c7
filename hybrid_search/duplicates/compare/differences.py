"""What each of two copies shows that the other lacks: at its edges, in its colours, and where something was added.

What is removed must hold nothing that the kept file lacks, so whatever is found here keeps a file from going.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hybrid_search.duplicates.compare.additions import DOUBT, Addition, find_additions, light_difference, toned
from hybrid_search.duplicates.compare.colour_change import compare_colours
from hybrid_search.duplicates.compare.overlap import Box
from hybrid_search.duplicates.compare.overlay import Overlay
from hybrid_search.duplicates.compare.planes import Plane, Planes, draw_closer, lay_planes
from hybrid_search.hits.evidence import Evidence

_EDGE_SHARE = 0.015
"""Share of a picture's area that may lie outside the other: less than one pixel in a hundred along each edge."""
# share of the longer side that does not count as beyond; chosen on removable pairs, see docs/benchmarks.md
_EDGE_SLACK = 0.01
_FLAT = 6.0
"""Grey levels by which an edge or the ground of an addition varies where nothing is on it: paper, a frame, a wall."""
_NAMED = 3  # differences in words, the clearest
_CLOSER = 2
"""Steps by which a fit is made exact before anything that it shows is believed."""
_GRID = 64  # points along a side


@dataclass(frozen=True)
class Differences:
    """What one of two copies has and the other lacks.

    Parameters
    ----------
    first, second : tuple of str
        What the first, or the second, holds alone; as in `Evidence`.
    word : {"", "more", "unsure"}
        What the pair is because of it; empty where it stays a copy, of which only the richer one may stay.
    note : str
        Why it is unsure.
    added : tuple of boxes
        In fractions of the upright frame of the picture that shows them.
    added_to : {"", "first", "second"}
        Which picture that is.
    """

    first: tuple[str, ...] = ()
    second: tuple[str, ...] = ()
    word: Literal["", "more", "unsure"] = ""
    note: str = ""
    added: tuple[Box, ...] = ()
    added_to: Literal["", "first", "second"] = ""

    def __add__(self, other: Differences) -> Differences:
        """Return the differences of both kinds; the graver word counts."""
        words: tuple[Literal["", "more", "unsure"], ...] = ("unsure", "more", "")
        return Differences(
            self.first + other.first,
            self.second + other.second,
            next(word for word in words if word in (self.word, other.word)),
            self.note or other.note,
            self.added or other.added,
            self.added_to or other.added_to,
        )

    def tell(self, evidence: Evidence) -> Evidence:
        """Return evidence of a copy with these differences in it."""
        return replace(
            evidence,
            tier=self.word or evidence.tier,
            note=self.note or evidence.note,
            first_has=self.first,
            second_has=self.second,
            added=self.added,
            added_to=self.added_to,
        )


def find_differences(laid: Overlay, *, side: int, row: int, in_print: bool = False) -> Differences:
    """Return what two copies show that the other does not, laid over each other.

    Parameters
    ----------
    laid : Overlay
        How the first, as it was turned, lies on the second.
    side : int
        Pixels of the longer side at which they are compared.
    row : int
        How the first was turned, a row of `orientations.oriented`.
    in_print : bool
        Whether they are pages, of which a digit counts.
    """
    found = _at_edges(laid)
    planes = lay_planes(laid, side=side)
    if planes is None:
        # too small to be looked at closely is no reason to be sure
        return found + Differences(("details too small to compare",), ("details too small to compare",))
    light = light_difference(planes, in_print=in_print)
    for _ in range(_CLOSER if (light > DOUBT).any() else 0):
        nearer = draw_closer(laid, planes, toned(planes.a, planes.b))
        again = lay_planes(nearer, side=side)
        if again is None:
            break
        laid, planes, light = nearer, again, light_difference(again, in_print=in_print)
    colours = compare_colours(planes, other=light > DOUBT)
    if colours == "other":
        return found + Differences(word="unsure", note="the colours differ")
    if colours == "unlike":
        found += Differences(("other colours",), ("other colours",))
    if colours == "first is grey":
        found += Differences((), ("colour",))
    if colours == "second is grey":
        found += Differences(("colour",), ())
    additions = find_additions(planes, light, with_colour=colours == "same")
    return found + _told(additions, planes, laid, row) if additions else found


def _at_edges(laid: Overlay) -> Differences:
    matrix = np.vstack([laid.matrix, (0.0, 0.0, 1.0)])
    a, b, phrase = laid.a.levels, laid.b.levels, ("more at its edges",)
    return Differences(
        first=phrase if _goes_beyond(a, b, matrix) else (),
        second=phrase if _goes_beyond(b, a, np.linalg.inv(matrix)) else (),
    )


def _goes_beyond(here: NDArray[np.uint8], there: NDArray[np.uint8], to_there: NDArray[np.float64]) -> bool:
    """Tell whether a part of a picture that is not flat lies outside the other."""
    rows, columns = (np.linspace(0, length - 1, min(_GRID, length)) for length in here.shape)
    x, y = np.meshgrid(columns + 0.5, rows + 0.5)
    moved_x = to_there[0, 0] * x + to_there[0, 1] * y + to_there[0, 2]
    moved_y = to_there[1, 0] * x + to_there[1, 1] * y + to_there[1, 2]
    high, wide = there.shape
    slack = _EDGE_SLACK * max(there.shape)
    outside = (moved_x < -slack) | (moved_x > wide + slack) | (moved_y < -slack) | (moved_y > high + slack)
    if outside.mean() <= _EDGE_SHARE:
        return False
    levels = here[np.ix_(rows.astype(int), columns.astype(int))]
    return float(levels[outside].std()) > _FLAT


def _told(additions: Sequence[Addition], planes: Planes, laid: Overlay, row: int) -> Differences:
    """Return additions in words, with the boxes of the picture that shows the clearest of them."""
    first, second = [], []
    for addition in additions:
        here, there = _position(_box_in_first(addition.box, laid, row)), _position(addition.box)
        if not addition.is_sure:
            first.append(f"perhaps a difference at the {here}")
            second.append(f"perhaps a difference at the {there}")
            continue
        if addition.shown_by != "second":
            first.append(f"something at the {here}")
        elif not _is_flat(planes.a, planes, addition.box):
            first.append(f"what is covered at the {here}")
        if addition.shown_by != "first":
            second.append(f"something at the {there}")
        elif not _is_flat(planes.b, planes, addition.box):
            second.append(f"what is covered at the {there}")
    sure = [addition for addition in additions if addition.is_sure]
    shown = sure or list(additions)
    side: Literal["first", "second"] = "first" if shown[0].shown_by == "first" else "second"
    boxes = [addition.box for addition in shown if addition.shown_by in (side, "both")]
    if side == "first":
        boxes = [_box_in_first(box, laid, row) for box in boxes]
    # all of them count, and the clearest are named
    phrases = [tuple(dict.fromkeys(each))[:_NAMED] for each in (first, second)]
    return Differences(phrases[0], phrases[1], "more" if sure else "", "", tuple(boxes), side)


def _is_flat(light: Plane, planes: Planes, box: Box) -> bool:
    """Tell whether there is nothing in a picture where something was added to the other, as on paper."""
    left, top, right, bottom = planes.box
    high, wide = light.shape
    x = [round((value - left) / (right - left) * wide) for value in (box[0], box[2])]
    y = [round((value - top) / (bottom - top) * high) for value in (box[1], box[3])]
    return float(light[y[0] : y[1], x[0] : x[1]].std()) < _FLAT


def _box_in_first(box: Box, laid: Overlay, row: int) -> Box:
    """Return where a box of the second picture lies in the first as it is, before it was turned or mirrored."""
    back = np.linalg.inv(np.vstack([laid.matrix, (0.0, 0.0, 1.0)]))
    (high, wide), (a_high, a_wide) = laid.b.levels.shape, laid.a.levels.shape
    corners = np.array([(x * wide, y * high, 1.0) for x in (box[0], box[2]) for y in (box[1], box[3])]) @ back.T
    x, y = corners[:, 0] / a_wide, corners[:, 1] / a_high
    x = 1 - x if laid.mirrored else x
    for _ in range(row % 4):
        x, y = 1 - y, x
    x = 1 - x if row % 8 >= 4 else x
    low, far = (np.clip((each(x), each(y)), 0.0, 1.0).round(4).tolist() for each in (np.min, np.max))
    return low[0], low[1], far[0], far[1]


def _position(box: Box) -> str:
    across, down = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    column = "left" if across < 1 / 3 else "right" if across > 2 / 3 else ""
    line = "upper" if down < 1 / 3 else "lower" if down > 2 / 3 else ""
    if not column:
        return {"upper": "top", "lower": "bottom"}.get(line, "middle")
    return f"{line} {column}".strip()
