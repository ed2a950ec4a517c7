"""Metadata: typed fields, raw EXIF and warnings of one image, and how several layers become one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, cast

__all__ = ["UNITED", "FieldValue", "Metadata", "merge", "unique"]

FieldValue: TypeAlias = str | int | float | bool | list[str] | dict[str, float] | list[dict[str, str | float]]
"""A value of one field; a geo_point is {"lat": degrees north, "lon": degrees east}, a face has a name and a box."""


@dataclass(frozen=True)
class Metadata:
    """What is known of one image beside its pixels.

    Parameters
    ----------
    fields : mapping of str to FieldValue
        Dotted field names of the mapping ("camera.make", "taken_at", "location", …) with validated values.
    exif : mapping of str to str
        Raw EXIF as text: "Make", "FNumber", "GPSLatitude", "Thumbnail_Compression", "MakerNote_LensType", …
    warnings : tuple of str
        One sentence for every value that was found and not used.

    Examples
    --------
    >>> Metadata({"camera.make": "Canon"}).fields["camera.make"]
    'Canon'
    """

    fields: Mapping[str, FieldValue]
    exif: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


UNITED = frozenset({"tags", "people"})
"""Fields of which layers, and copies, add up."""
_DAY = len("2019-06-01")


def merge(*layers: Metadata) -> Metadata:
    """Join layers of metadata: for each field the last layer that has it wins; tags and people of all are united.

    Examples
    --------
    >>> inside = Metadata({"title": "DSC_0001", "tags": ["sea"]})
    >>> dict(merge(inside, Metadata({"title": "At the beach", "tags": ["Sea", "sand"]})).fields)
    {'title': 'At the beach', 'tags': ['sea', 'sand']}
    """
    fields: dict[str, FieldValue] = {}
    exif: dict[str, str] = {}
    warnings: list[str] = []
    lists: dict[str, list[str]] = {}
    for layer in layers:
        known = str(fields.get("taken_at", ""))
        if is_day_of(layer.fields, known):
            # the moment says all that the day of it says
            fields.update({name: value for name, value in layer.fields.items() if name != "taken_at"})
        else:
            if "taken_at" in layer.fields:
                # an offset belongs to the moment that it was written with
                fields.pop("taken_offset", None)
            fields.update(layer.fields)
        exif.update(layer.exif)
        warnings.extend(layer.warnings)
        for name in UNITED & layer.fields.keys():
            lists.setdefault(name, []).extend(cast("list[str]", layer.fields[name]))
    fields.update({name: unique(values) for name, values in lists.items()})
    return Metadata(fields, exif, tuple(dict.fromkeys(warnings)))


def is_day_of(fields: Mapping[str, FieldValue], moment: str) -> bool:
    """Tell whether fields have a day alone, and a moment is one of that day.

    Examples
    --------
    >>> is_day_of({"taken_at": "2019-06-01"}, "2019-06-01T12:34:56")
    True
    """
    day = str(fields.get("taken_at", ""))
    return len(day) == _DAY < len(moment) and moment.startswith(day)


def unique(texts: list[str]) -> list[str]:
    """Return texts without repetitions, letter case aside, in their order."""
    seen: dict[str, str] = {}
    for text in texts:
        seen.setdefault(text.casefold(), text)
    return list(seen.values())
