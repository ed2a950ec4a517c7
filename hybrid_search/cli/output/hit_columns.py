"""Hits as rows: which columns there are, and what a hit puts into each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hybrid_search.document.document import lookup as lookup
from hybrid_search.errors.numbers import counted
from hybrid_search.hits.display import number as number
from hybrid_search.hits.readable import jsonable as jsonable
from hybrid_search.hits.readable import light as light
from hybrid_search.hits.readable import why as why
from hybrid_search.hits.text_lines import lines_with, sought_in_picture

if TYPE_CHECKING:
    from hybrid_search.hits.hits import Hit

_LINES = 3
LEGS = ("text", "vector", "signature")


def legs_of(hits: Iterable[Hit]) -> list[str]:
    """Return the legs that any hit has a score of, the usual ones first."""
    found = {leg for hit in hits for leg in hit.legs}
    return [leg for leg in LEGS if leg in found] + sorted(found.difference(LEGS))


def plain(value: Any) -> str:
    """Return a field's value as text.

    Examples
    --------
    >>> plain(["night", "sea"]), plain({"lat": 48.5, "lon": 2.0}), plain(None), plain(2.0)
    ('night, sea', '48.5, 2', '', '2')
    """
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(plain(part) for part in value.values())
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Sequence):
        return ", ".join(plain(part) for part in value)
    return str(value)


def caption(source: Mapping[str, Any]) -> tuple[str, bool]:
    r"""Return what a picture shows in one line, and whether people said so.

    The first line of its caption, else its title, people or tags; without any, the labels that an embedder gave it.

    Examples
    --------
    >>> caption({"caption": "A dog runs\nTwo people watch", "labels": ["pug"]}), caption({"labels": ["pug", "bow"]})
    (('A dog runs', True), ('pug, bow', False))
    """
    first = plain(source.get("caption")).strip().partition("\n")[0]
    said = first or next(filter(None, (plain(source.get(name)) for name in ("title", "people", "tags"))), "")
    return (said, True) if said else (plain(list(source.get("labels") or ())[:3]), False)


def hit_json(hit: Hit) -> dict[str, Any]:
    """Return a hit as JSON-safe values, its fields without those that a person does not read."""
    found: dict[str, Any] = jsonable({**hit.to_dict(), "source": light(hit.source)})
    return found


def more_copies(hit: Hit) -> str:
    """Return how many copies a collapsed hit stands for, besides itself; nothing for none."""
    number = len(hit.copies)
    return f"+{counted(number, 'copy')}" if number else ""


def evidence(hit: Hit) -> str:
    """Return what each leg is evidence of, as one line."""
    return ", ".join(f"{leg} {value:.2f}" for leg, value in hit.leg_evidence.items())


def lines_read(hit: Hit) -> str:
    """Return the first lines inside a picture that hold what was searched for; nothing for none, or unexplained.

    Examples
    --------
    >>> from hybrid_search.hits.hits import Hit
    >>> line = {"text": "Total 12.50", "confidence": 0.99, "left": 0.1, "top": 0.1, "width": 0.5, "height": 0.1}
    >>> lines_read(Hit(1, "a1", 1.0, source={"text_lines": [line]}, matched=("term:total@text_in_picture",)))
    '“Total 12.50”'
    """
    lines = [f"“{line.text}”" for line in lines_with(hit.source, sought_in_picture(hit.matched))]
    return ", ".join(lines[:_LINES]) + (", …" if len(lines) > _LINES else "")
