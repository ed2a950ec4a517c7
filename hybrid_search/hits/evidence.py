"""Why two pictures are taken for copies of one: the tier of a match, and the figures behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

Tier = Literal["bytes", "pixels", "near", "transformed", "edited", "more", "unsure", "similar"]
"""How a match was decided.

`bytes`: the same bytes. `pixels`: other bytes, the same upright pixels. `near`: the signatures agree. `transformed`:
they agree once one picture is turned, mirrored or made negative. `edited`: a part of one picture is a part of the other
(crop, frame, overlay, collage, small rotation), by local features and the pixels of the overlap. `more`: a copy, but
one shows something that the other does not (a signature, a tick, a caption, further frames or pages). `unsure`: some of
that evidence, not enough to decide. `similar`: embeddings alone, never a duplicate.
"""
TIERS: tuple[Tier, ...] = get_args(Tier)
"""All tiers, the surest first."""
Transform = tuple[float, float, float, float, float, float]
Box = tuple[float, float, float, float]
DUPLICATE_TIERS: tuple[Tier, ...] = TIERS[: TIERS.index("unsure")]
"""The tiers whose matches are duplicates."""
_OTHER: Mapping[str, Literal["", "first", "second"]] = {"": "", "first": "second", "second": "first"}


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
    first_has, second_has : tuple of str
        What the first, or the second, picture holds that the other lacks, in short plain phrases: "11 more frames",
        "transparency", "colour", "something added at the upper left".
    added : tuple of (left, top, right, bottom)
        Where something was added, in fractions of the upright frame of the picture that shows it.
    added_to : {"", "first", "second"}
        Which picture shows what was added.

    Examples
    --------
    >>> more = Evidence("more", distance=0.12, second_has=("a signature",))
    >>> Evidence.from_json(more.to_json()) == more
    True
    >>> more.turned_round().first_has
    ('a signature',)
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
    first_has: tuple[str, ...] = ()
    second_has: tuple[str, ...] = ()
    added: tuple[Box, ...] = ()
    added_to: Literal["", "first", "second"] = ""

    @property
    def is_duplicate(self) -> bool:
        """Whether the pictures are copies of one, as far as the evidence goes."""
        return self.tier in DUPLICATE_TIERS

    @property
    def strength(self) -> tuple[int, float]:
        """What evidence is ordered by, the surest first: the tier, then the distance that decided."""
        decisive = self.aligned_distance if self.tier == "edited" else self.distance
        if self.tier == "more" and self.aligned_distance is not None:
            decisive = self.aligned_distance
        return TIERS.index(self.tier), 1.0 if decisive is None else decisive

    def turned_round(self) -> Evidence:
        """Return the evidence of the second picture against the first.

        Examples
        --------
        >>> Evidence("transformed", distance=0.1, orientation="turned 90°").turned_round().orientation
        'turned 270°'
        """
        # loaded here: those who only show hits have no use for signatures
        from hybrid_search.signature.orientations import ORIENTATIONS, inverse_row

        orientation = ORIENTATIONS[inverse_row(ORIENTATIONS.index(self.orientation))]
        return replace(
            self,
            orientation=orientation,
            transform=_inverse(self.transform),
            first_has=self.second_has,
            second_has=self.first_has,
            added_to=_OTHER[self.added_to],
        )

    def to_json(self) -> dict[str, Any]:
        """Return the evidence as JSON, without what is not known."""
        plain = asdict(self)
        defaults = {field.name: field.default for field in fields(self)}
        kept = {name: value for name, value in plain.items() if name == "tier" or value != defaults[name]}
        return {name: _listed(value) for name, value in kept.items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Evidence:
        """Read what `to_json` wrote."""
        lists = {name: value for name, value in stored.items() if isinstance(value, list)}
        tuples = {name: tuple(value) for name, value in lists.items() if name != "added"}
        boxes = tuple(tuple(box) for box in lists.get("added", ()))
        return cls(**{**stored, **tuples, **({"added": boxes} if boxes else {})})


def _listed(value: Any) -> Any:
    return [_listed(one) for one in value] if isinstance(value, tuple) else value


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
