"""Why two pictures are taken for copies of one: the tier of a match, and the figures behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

__all__ = ["DUPLICATE_TIERS", "TIERS", "Evidence", "Tier"]

Tier = Literal["bytes", "pixels", "near", "transformed", "edited", "unsure", "similar"]
"""How a match was decided.

`bytes`: the same bytes. `pixels`: other bytes, the same upright pixels. `near`: the signatures agree. `transformed`:
they agree once one picture is turned, mirrored or made negative. `edited`: a part of one picture is a part of the other
(crop, frame, overlay, collage, small rotation), by local features and the pixels of the overlap. `unsure`: some of that
evidence, not enough to decide. `similar`: embeddings alone, never a duplicate.
"""
TIERS: tuple[Tier, ...] = get_args(Tier)
"""All tiers, the surest first."""
Transform = tuple[float, float, float, float, float, float]
DUPLICATE_TIERS: tuple[Tier, ...] = TIERS[:5]
"""The tiers whose matches are duplicates."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for a match of two pictures.

    Parameters
    ----------
    tier : Tier
        How it was decided.
    distance : float or None
        Signature distance in [0, 1], in the orientation in which it is least.
    orientation : str
        How the first picture is turned to become the second: "as it is", "turned 90°", "mirrored, turned 180°", …
    negative : bool
        Whether the first picture is the second's negative.
    cosine : float or None
        Of the embeddings, where they were compared.
    inliers : int or None
        Local features that agree on one transform.
    overlap : float or None
        Share of the smaller picture's area that lies inside the other, in [0, 1].
    transform : tuple of 6 floats or None
        (a, b, c, d, e, f): the point (x, y) of the first picture lies at (a x + b y + c, d x + e y + f) of the second;
        both are upright and their longer sides are 1.
    aligned_distance : float or None
        Signature distance of the overlap, in [0, 1].
    agreement : float or None
        Share of the overlap's textured blocks whose pixels agree, in [0, 1].
    quality : float or None
        How much there is to compare in the poorer of both signatures, in [0, 1].
    note : str
        What else a person should know, such as "same object or template"; empty as a rule.

    Examples
    --------
    >>> near = Evidence("near", distance=0.12)
    >>> Evidence.from_json(near.to_json()) == near
    True
    """

    tier: Tier
    distance: float | None = None
    orientation: str = "as it is"
    negative: bool = False
    cosine: float | None = None
    inliers: int | None = None
    overlap: float | None = None
    transform: Transform | None = None
    aligned_distance: float | None = None
    agreement: float | None = None
    quality: float | None = None
    note: str = ""

    @property
    def is_duplicate(self) -> bool:
        """Whether the pictures are copies of one, as far as the evidence goes."""
        return self.tier in DUPLICATE_TIERS

    @property
    def strength(self) -> tuple[int, float]:
        """What evidence is ordered by, the surest first: the tier, then the distance that decided."""
        decisive = self.aligned_distance if self.tier == "edited" else self.distance
        return TIERS.index(self.tier), 1.0 if decisive is None else decisive

    def turned_round(self) -> Evidence:
        """Return the evidence of the second picture against the first.

        Examples
        --------
        >>> Evidence("transformed", distance=0.1, orientation="turned 90°").turned_round().orientation
        'turned 270°'
        """
        # loaded here: those who only show hits have no use for signatures
        from hybrid_search.orientations import ORIENTATIONS, inverse_row

        orientation = ORIENTATIONS[inverse_row(ORIENTATIONS.index(self.orientation))]
        return replace(self, orientation=orientation, transform=_inverse(self.transform))

    def to_json(self) -> dict[str, Any]:
        """Return the evidence as JSON, without what is not known."""
        plain = asdict(self)
        defaults = {field.name: field.default for field in fields(self)}
        kept = {name: value for name, value in plain.items() if name == "tier" or value != defaults[name]}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Evidence:
        """Read what `to_json` wrote."""
        transform = stored.get("transform")
        return cls(**{**stored, "transform": None if transform is None else tuple(transform)})


def _inverse(transform: Transform | None) -> Transform | None:
    if transform is None:
        return None
    a, b, c, d, e, f = transform
    size = a * e - b * d
    if size == 0:
        return None
    inverse = (e / size, -b / size, (b * f - c * e) / size, -d / size, a / size, (c * d - a * f) / size)
    a, b, c, d, e, f = (round(value, 6) for value in inverse)
    return a, b, c, d, e, f
