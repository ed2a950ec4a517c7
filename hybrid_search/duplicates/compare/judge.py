"""Whether two pictures are copies of one: the signatures first, then their pixels laid over each other.

A signature alone tells little of pictures that share most of their light and shade: frames of a burst, pages with one
letterhead, screenshots in one frame. So wherever both files can be read, the pixels have the last word.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from hybrid_search.duplicates.compare.containers import compare_contents, same_pixels
from hybrid_search.duplicates.compare.differences import find_differences
from hybrid_search.duplicates.compare.features import can_extract
from hybrid_search.duplicates.compare.overlay import Overlay, lay, lay_in_frame, turned
from hybrid_search.duplicates.compare.pixel_verdict import (
    FINE_SIDE,
    PAGE_CORNERS,
    PAGE_SIDE,
    TEMPLATE,
    Verdict,
    is_rough,
    needs_reading,
    read,
    say,
)
from hybrid_search.duplicates.compare.pixels import Pixels, PixelStore
from hybrid_search.duplicates.model import Subject
from hybrid_search.errors import DuplicatesError, ImageError, QueryError
from hybrid_search.hits.evidence import DUPLICATE_TIERS, TIERS, Evidence, Tier
from hybrid_search.images import DEFAULT_LIMITS, Limits
from hybrid_search.signature.goldberg import distance, quality
from hybrid_search.signature.orientations import nearest_orientation, orientation_name, oriented

SIGNATURE_DISTANCE = 0.36
"""Signature distance up to which signatures agree, unless another is asked for."""
INSTALL = "pip install 'hybrid-search[duplicates]'"

LOOK_DISTANCE = 0.5
"""Signature distance up to which pictures are worth a look at their pixels."""

_VERSION = 2
_LEAST_QUALITY = 0.35  # of a signature that tells enough; no measurement is kept
_SAME_PIXELS = 2.0  # mean grey levels beyond which it is not worth reading all pixels; no measurement is kept
_SAME_MOMENT = 1.0  # second, from which there are two moments; no measurement is kept
_QUARTER = 900  # seconds: time zones differ by quarters of an hour
_MOMENTS = "one camera, two moments"
_UNSEEN = ("details that were not compared",)
_UNREAD = "by signature alone: a file could not be read"
_SYMMETRIC = 0.15  # from its own turns and mirror images; photos are further from theirs; no measurement is kept
_NEGATIVES = 8  # orientations from this row on are of the negative


@dataclass(frozen=True)
class _Pair:
    """Two subjects in an order of their own, so that the verdict is the same whichever comes first."""

    a: Subject
    b: Subject
    distance: float | None
    row: int
    quality: float | None
    cosine: float | None

    @property
    def is_flat(self) -> bool:
        """Whether there is nothing on either picture."""
        return self.a.signature is None and self.b.signature is None

    @property
    def is_one_size(self) -> bool:
        """Whether both have as many pixels each way."""
        return (self.a.width, self.a.height) == (self.b.width, self.b.height)

    def evidence(self, tier: Tier, *, laid: Overlay | None = None, verdict: Verdict | None = None) -> Evidence:
        orientation, negative = orientation_name(self.row)
        overlap = verdict.overlap if verdict else None
        shown = laid is not None and overlap is not None and not self.row
        return Evidence(
            tier,
            distance=None if self.distance is None else round(self.distance, 4),
            orientation=orientation,
            negative=negative,
            cosine=None if self.cosine is None else round(self.cosine, 4),
            inliers=laid.inliers or None if laid else None,
            overlap=round(overlap.share, 3) if overlap else None,
            transform=_six(laid.transform()) if laid and shown else None,
            aligned_distance=round(overlap.distance, 4) if overlap else None,
            agreement=round(overlap.blocks.agreement(), 3) if overlap else None,
            quality=None if self.quality is None else round(self.quality, 3),
            note=verdict.note if verdict else "",
        )


class Judge:
    """Decides pairs of pictures, one after the other; keeps what it has read of the latest.

    Parameters
    ----------
    tiers : collection of Tier, optional
        The tiers wanted; by default those of duplicates, without "edited" where OpenCV is not installed.
    max_distance : float, optional
        Signature distance, in (0, 1), up to which signatures agree; 0.36 by default.
    check_pixels : bool
        Whether pixels are compared where files can be read; without, signatures decide.
    limits : Limits
        The largest picture that is decoded.
    store : PixelStore, optional
        Where pixels are read; one that other judges have used knows their latest pictures.

    Raises
    ------
    QueryError
        When a tier is not known, or the distance is not between 0 and 1.
    DuplicatesError
        When "edited" is asked for and OpenCV is not installed.
    """

    def __init__(
        self,
        *,
        tiers: Collection[Tier] | None = None,
        max_distance: float | None = None,
        check_pixels: bool = True,
        limits: Limits = DEFAULT_LIMITS,
        store: PixelStore | None = None,
    ) -> None:
        if max_distance is not None and not 0 < max_distance < 1:
            raise QueryError(f"max_distance is between 0 and 1 (got {max_distance})")
        self.tiers = checked_tiers(tiers)
        self.max_distance = SIGNATURE_DISTANCE if max_distance is None else max_distance
        self.check_pixels = check_pixels
        self.has_features = can_extract()
        self._limits = limits
        self._store = store or PixelStore(limits=limits)

    @property
    def version(self) -> str:
        """What verdicts depend on besides tiers and distance; another one means that pairs must be judged anew."""
        return f"{_VERSION}{'+pixels' if self.check_pixels else ''}{'+features' if self.has_features else ''}"

    @property
    def look_distance(self) -> float:
        """Signature distance up to which pictures are worth a look, in (0, 1)."""
        return max(self.max_distance, LOOK_DISTANCE) if self.check_pixels else self.max_distance

    @property
    def needs_vectors(self) -> bool:
        """Whether pictures that only embeddings propose can be told apart."""
        return "similar" in self.tiers or (self.compares_parts and self.check_pixels)

    @property
    def compares_parts(self) -> bool:
        """Whether a part of a picture may be found."""
        return self.check_pixels and self.has_features and bool({"edited", "unsure"} & set(self.tiers))

    def judge(self, a: Subject, b: Subject, *, cosine: float | None = None) -> Evidence | None:
        """Return what speaks for one picture being a copy of another, None when nothing does in the tiers wanted.

        Parameters
        ----------
        a, b : Subject
            The evidence's orientation and transform take the first to the second.
        cosine : float, optional
            Of their embeddings, in [−1, 1], where it is known.
        """
        # a picture that is asked about comes first: it is mirrored once, not each of the stored ones
        swapped = (b.example is None, b.sha256, b.id) < (a.example is None, a.sha256, a.id)
        first, second = (b, a) if swapped else (a, b)
        evidence = self._decide(_pair(first, second, cosine))
        if evidence is None and cosine is not None and "similar" in self.tiers:
            evidence = Evidence("similar", cosine=round(cosine, 4))
        if evidence is None or evidence.tier not in self.tiers:
            return None
        return evidence.turned_round() if swapped else evidence

    def judge_part(
        self, whole: Subject, part: Subject, b: Subject, *, to_part: NDArray[np.float64], cosine: float | None = None
    ) -> Evidence | None:
        """Return what speaks for a part of a picture being in another, None when the rest of it speaks against that.

        Two pages share their letterhead and two moments most of what is in them, so that wherever the part says that
        both pictures lie on each other, all that both show is compared.

        Parameters
        ----------
        whole, part, b : Subject
            The evidence's transform takes the whole to `b`.
        to_part : (3, 3) float64
            From points of the whole to those of the part, in units of the longer sides.
        cosine : float, optional
            Of the embeddings of `part` and `b`.
        """
        found = self.judge(part, b, cosine=cosine)
        if found is None or found.transform is None:
            return None
        here, there = self._store.get(whole), self._store.get(b)
        if here is None or there is None:
            return None
        laid = Overlay.by(np.reshape(found.transform, (2, 3)), to_part, here, there, inliers=found.inliers or 0)
        pair = replace(_pair(whole, b, cosine), row=0)
        verdict = self._checked(pair, say(laid), here, there)
        if verdict.word != "copy" or is_rough(laid, verdict) or _two_moments(whole, b):
            return None
        evidence = replace(pair.evidence("edited", laid=laid, verdict=verdict), note="a part of the picture")
        return self._with_differences(evidence, pair, replace(verdict, laid=verdict.laid or laid))

    def _decide(self, pair: _Pair) -> Evidence | None:
        if pair.a.sha256 and pair.a.sha256 == pair.b.sha256:
            return Evidence("bytes", distance=0.0)
        if not self._can_be_wanted(pair):
            return None
        # pictures without a signature are flat, and alike only where every pixel is
        near = pair.is_flat if pair.distance is None else pair.distance < self.look_distance
        if not self.check_pixels or not (near or self.compares_parts):
            return self._by_signature(pair)
        pixels = self._store.get(pair.a), self._store.get(pair.b)
        if pixels[0] is None or pixels[1] is None:
            return self._by_signature(pair, note=_UNREAD)
        # an orientation that is no better than chance is left to the features, which find any but the negative
        agrees = pair.distance is not None and pair.distance < self.max_distance
        row = pair.row if agrees or (near and pair.row >= _NEGATIVES) else 0
        try:
            return self._by_pixels(replace(pair, row=row), turned(pixels[0], row), pixels[1])
        except ImageError:
            # corners were known, but there is no file any more that shows them
            return self._by_signature(pair, note=_UNREAD)

    def _can_be_wanted(self, pair: _Pair) -> bool:
        """Tell whether a tier that this pair can be of is among those wanted, so that files are not read in vain."""
        possible: set[Tier] = {"more", "unsure", "similar"}
        if pair.distance is not None and pair.distance < self.max_distance:
            possible.add(_tier_of(pair))
        if self.check_pixels and self.has_features:
            possible.add("edited")
        if self.check_pixels and not pair.row and pair.is_one_size:
            possible.add("pixels")
        return not possible.isdisjoint(self.tiers)

    def _by_signature(self, pair: _Pair, *, note: str = "") -> Evidence | None:
        if pair.distance is None or pair.distance >= self.max_distance:
            return None
        if _tells_little(pair):
            return replace(pair.evidence("unsure"), note="too little in them to compare")
        if _two_moments(pair.a, pair.b):
            return replace(pair.evidence("unsure"), note=_MOMENTS)
        # no file goes for one that was not looked at
        return replace(pair.evidence(_tier_of(pair)), note=note, first_has=_UNSEEN, second_has=_UNSEEN)

    def _by_pixels(self, pair: _Pair, a: Pixels, b: Pixels) -> Evidence | None:
        # signatures tell strangers of one camera apart without their pixels
        near = pair.distance is None or pair.distance < LOOK_DISTANCE
        if near and self._same_pixels(pair, a, b):
            return self._of_same_pixels(pair)
        laid = lay(a, b) if self.has_features else None
        verdict = say(laid) if laid is not None else None
        if laid is None or verdict is None or verdict.word == "other":
            if pair.distance is None or pair.distance >= self.max_distance:
                return None
            laid = lay_in_frame(a, b)
            verdict = say(laid)
        if verdict.word == "other":
            return None
        if not laid.inliers and verdict.word == "copy":
            verdict = self._without_corners(a, b, verdict)
        verdict = self._checked(pair, verdict, a, b)
        if verdict.word == "unsure":
            return pair.evidence("unsure", laid=laid, verdict=verdict)
        agrees = pair.distance is not None and pair.distance < self.max_distance
        evidence = pair.evidence(_tier_of(pair) if agrees else "edited", laid=laid, verdict=verdict)
        if not agrees and is_rough(laid, verdict):
            return replace(evidence, tier="unsure", note=TEMPLATE)
        if _two_moments(pair.a, pair.b):
            return replace(evidence, tier="unsure", note=_MOMENTS)
        return self._with_differences(evidence, pair, replace(verdict, laid=verdict.laid or laid))

    def _of_same_pixels(self, pair: _Pair) -> Evidence | None:
        """Return the evidence of two files whose first pictures are the same, pixel by pixel, on white."""
        a, b = self._store.source(pair.a), self._store.source(pair.b)
        if a is None or b is None:
            return self._by_signature(pair, note=_UNREAD)
        if same_pixels(a, b, limits=self._limits):
            return Evidence("pixels" if "pixels" in self.tiers else "near", distance=pair.distance)
        return compare_contents(a, b, limits=self._limits).tell(pair.evidence("near"))

    def _with_differences(self, evidence: Evidence, pair: _Pair, verdict: Verdict) -> Evidence:
        """Return the evidence of a copy with what either of both has alone."""
        a, b = self._store.source(pair.a), self._store.source(pair.b)
        if a is None or b is None:
            return replace(evidence, note=_UNREAD, first_has=_UNSEEN, second_has=_UNSEEN)
        found = compare_contents(a, b, limits=self._limits)
        if verdict.laid is not None:
            side = PAGE_SIDE if verdict.is_read else FINE_SIDE
            found += find_differences(verdict.laid, side=side, row=pair.row, in_print=verdict.is_read)
        return found.tell(evidence)

    def _without_corners(self, a: Pixels, b: Pixels, verdict: Verdict) -> Verdict:
        """Return the verdict on pictures no corners of which agree: soft light and shade are alike in many."""
        detailed = None if self.has_features else say(lay_in_frame(a.detailed, b.detailed))
        if detailed is not None and detailed.word == "copy":
            return replace(detailed, laid=None)
        return Verdict("unsure", verdict.overlap, "too little in them to compare")

    def _checked(self, pair: _Pair, verdict: Verdict, a: Pixels, b: Pixels) -> Verdict:
        """Return the verdict, after reading what is small in pictures that are mostly empty."""
        if verdict.word != "copy" or not needs_reading(a, b):
            return verdict
        full = self._store.full(pair.a), self._store.full(pair.b)
        pages = [Pixels.of(image, side=PAGE_SIDE, corners=PAGE_CORNERS) for image in full if image is not None]
        if len(pages) < len(full):
            return verdict
        return read(turned(pages[0], pair.row), pages[1], by_corners=self.has_features)

    def _same_pixels(self, pair: _Pair, a: Pixels, b: Pixels) -> bool:
        if pair.row or not pair.is_one_size or a.levels.shape != b.levels.shape:
            return False
        if np.abs(a.levels.astype(np.int16) - b.levels).mean() > _SAME_PIXELS:
            return False
        full = self._store.full(pair.a), self._store.full(pair.b)
        return full[0] is not None and full[1] is not None and np.array_equal(np.asarray(full[0]), np.asarray(full[1]))


def checked_tiers(tiers: Collection[Tier] | None) -> Sequence[Tier]:
    """Return the tiers wanted, the surest first; by default all of duplicates that can be had here.

    Raises
    ------
    QueryError
        When there is no such tier.
    DuplicatesError
        When "edited" is asked for and OpenCV is not installed.
    """
    if tiers is None:
        return tuple(tier for tier in DUPLICATE_TIERS if tier != "edited" or can_extract())
    wanted = {tiers} if isinstance(tiers, str) else set(tiers)
    for tier in wanted:
        if tier not in TIERS:
            raise QueryError(f"no tier {tier!r}; known: {', '.join(TIERS)}")
    if "edited" in wanted and not can_extract():
        said = f"the tier 'edited' needs a package that is not installed: {INSTALL}"
        raise DuplicatesError(said, tier="edited", install=INSTALL)
    return tuple(tier for tier in TIERS if tier in wanted)


def _pair(a: Subject, b: Subject, cosine: float | None) -> _Pair:
    if a.signature is None or b.signature is None:
        return _Pair(a, b, None, 0, None, cosine)
    least, row = nearest_orientation(a.signature, b.signature)
    return _Pair(a, b, least, row, min(quality(a.signature), quality(b.signature)), cosine)


def _tier_of(pair: _Pair) -> Tier:
    return "transformed" if pair.row else "near"


def _tells_little(pair: _Pair) -> bool:
    """Tell whether many other pictures have such a signature: nearly flat ones, and a sky or a dot as one turns it.

    Photos are further from their own mirror images, turns and negatives.
    """
    if pair.quality is not None and pair.quality < _LEAST_QUALITY:
        return True
    signatures = [each.signature for each in (pair.a, pair.b) if each.signature is not None]
    return any(np.min(distance(each, oriented(each)[1:])) < _SYMMETRIC for each in signatures)


def _six(matrix: NDArray[np.float64]) -> tuple[float, float, float, float, float, float]:
    a, b, c, d, e, f = matrix.reshape(-1).round(5).tolist()
    return a, b, c, d, e, f


def _two_moments(a: Subject, b: Subject) -> bool:
    """Tell whether one camera took both, at two times: frames of a burst, however alike.

    A day, or a year, is no other time than a moment within it. Of clocks whose offset is known of one alone, none that
    differ by quarters of an hour are told apart: they may show one moment in two zones.
    """
    if not (a.camera and a.camera == b.camera and a.taken_at and b.taken_at):
        return False
    if a.taken_at.startswith(b.taken_at) or b.taken_at.startswith(a.taken_at):
        return False
    try:
        one, other = datetime.fromisoformat(a.taken_at), datetime.fromisoformat(b.taken_at)
    except ValueError:
        return False
    if (one.tzinfo is None) == (other.tzinfo is None):
        return abs((one - other).total_seconds()) >= _SAME_MOMENT
    apart = abs((one.replace(tzinfo=None) - other.replace(tzinfo=None)).total_seconds())
    return apart >= _SAME_MOMENT and bool(apart % _QUARTER)
