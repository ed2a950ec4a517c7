"""What two pictures laid over each other say: copies, something moved, one template, or nothing to go by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hybrid_search.duplicates.compare.overlap import Overlap
from hybrid_search.duplicates.compare.overlay import Overlay, lay, lay_in_frame
from hybrid_search.duplicates.compare.pixels import Pixels

ALIGNED_DISTANCE = 0.50
"""Signature distance of the overlap above which two pictures are none of one."""
AGREEMENT = 0.80
"""Share of the overlap's textured blocks that must correlate."""

_LEAST_TEXTURED = 0.11  # share of blocks with texture, below which too little can be compared; no measurement is kept
_GROSS = 0.35  # correlation below which large blocks are unlike; no measurement is kept
# correlation below which small blocks are unlike, and how many may be; no measurement is kept
_FINE = ((0.5, 0), (0.6, 1))
_SHARP = 0.4  # below it one picture has lost what small blocks would show; no measurement is kept
FINE_SIDE, _FINE_CELLS = 480, 24  # blocks half as large as the 12 × 12 of the first comparison
_EMPTY = 0.6  # share of one grey level in pictures that are read as pages; no measurement is kept
PAGE_SIDE, PAGE_CORNERS, _PAGE_CELLS = 1400, 2000, 48  # pixels at which words can be told apart; no measurement is kept
_TEMPLATE_INLIERS = 12  # corners from which unlike pixels are unsure, not another picture; no measurement is kept
TEMPLATE = "one object or template, other pixels"
_MANY, _ROUGH = 80, 0.22  # corners and distance, see `is_rough`; no measurement is kept


@dataclass(frozen=True)
class Verdict:
    """What the pixels say of two pictures.

    Parameters
    ----------
    word : {"copy", "unsure", "other"}
        Whether they are copies of one.
    overlap : Overlap or None
        How the part that both show compares.
    note : str
        Why it is not sure.
    laid : Overlay or None
        The finest pixels that were laid over each other for it.
    """

    word: Literal["copy", "unsure", "other"]
    overlap: Overlap | None = None
    note: str = ""
    laid: Overlay | None = None

    @property
    def is_read(self) -> bool:
        """Whether its pictures are pages, compared as large as they must be to be read."""
        return self.laid is not None and self.laid.b.corners == PAGE_CORNERS


def say(laid: Overlay) -> Verdict:
    """Judge two pictures by the part of them that was laid over each other, pages apart (see `needs_reading`)."""
    overlap = laid.overlap()
    if overlap is None:
        return Verdict("other") if laid.inliers else Verdict("unsure", None, "too small to be compared")
    if overlap.distance >= ALIGNED_DISTANCE:
        return _unlike(laid, overlap)
    if overlap.blocks.textured < _LEAST_TEXTURED:
        return Verdict("unsure", overlap, "too little in them to compare")
    if overlap.blocks.agreement() < AGREEMENT or overlap.blocks.contradictions(_GROSS):
        return _unlike(laid, overlap)
    return _finely(laid, overlap)


def needs_reading(a: Pixels, b: Pixels) -> bool:
    """Tell whether two pictures are mostly empty, as pages are: what differs may be too small to be seen."""
    return min(a.emptiness, b.emptiness) >= _EMPTY


def read(a: Pixels, b: Pixels, *, by_corners: bool = True) -> Verdict:
    """Judge two pages by their small print; `a` and `b` have up to `PAGE_SIDE` pixels along the longer side.

    Without corners to lay them by, frame is laid on frame, and a page that was scanned anew stays unsure.
    """
    laid = lay(a, b) if by_corners else lay_in_frame(a, b)
    overlap = None if laid is None else laid.overlap(side=PAGE_SIDE, cells=_PAGE_CELLS)
    if overlap is None:
        return Verdict("unsure", None, "too small to be read")
    if overlap.blocks.contradictions(0.5):
        return Verdict("unsure", overlap, "one template, other words")
    return Verdict("copy", overlap, laid=laid)


def is_rough(laid: Overlay, verdict: Verdict) -> bool:
    """Tell whether few corners agree and the pixels only roughly do: one road sign in two photos, one logo."""
    return verdict.overlap is not None and laid.inliers < _MANY and verdict.overlap.distance >= _ROUGH


def _unlike(laid: Overlay, overlap: Overlap) -> Verdict:
    if laid.inliers >= _TEMPLATE_INLIERS:
        return Verdict("unsure", overlap, TEMPLATE)
    return Verdict("other", overlap)


def _finely(laid: Overlay, overlap: Overlap) -> Verdict:
    fine = laid.overlap(side=FINE_SIDE, cells=_FINE_CELLS)
    # what one of both has lost by blur or size cannot be held against it
    if fine is None or fine.sharpness < _SHARP:
        return Verdict("copy", overlap, laid=laid)
    if any(fine.blocks.contradictions(least) > most for least, most in _FINE):
        return Verdict("unsure", overlap, "something moved between them")
    return Verdict("copy", overlap, laid=laid)
