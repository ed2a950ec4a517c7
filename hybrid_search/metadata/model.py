"""Metadata: typed fields, raw EXIF and warnings of one image, and how several layers become one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from hybrid_search.metadata.taken_at import MOMENT_FIELDS, Moment, fuller, moment_fields, moment_of

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


def merge(*layers: Metadata) -> Metadata:
    """Join layers of metadata: for each field the last layer that has it wins; tags and people of all are united.

    The moment is not replaced by a part of it, such as its day: of one moment the fuller statement holds.

    Examples
    --------
    >>> inside = Metadata({"title": "DSC_0001", "tags": ["sea"], "taken_at": "2019-06-01T12:34:56"})
    >>> dict(merge(inside, Metadata({"title": "At the beach", "tags": ["Sea", "sand"], "taken_at": "2019"})).fields)
    {'title': 'At the beach', 'tags': ['sea', 'sand'], 'taken_at': '2019-06-01T12:34:56'}
    """
    fields: dict[str, FieldValue] = {}
    exif: dict[str, str] = {}
    warnings: list[str] = []
    lists: dict[str, list[str]] = {}
    moment: Moment | None = None
    for layer in layers:
        fields.update(layer.fields)
        # who writes beside a picture when it was taken corrects what the camera wrote
        moment = fuller(moment, moment_of(layer.fields), corrects=True)
        exif.update(layer.exif)
        warnings.extend(layer.warnings)
        for name in UNITED & layer.fields.keys():
            lists.setdefault(name, []).extend(cast("list[str]", layer.fields[name]))
    fields.update({name: unique(values) for name, values in lists.items()})
    return Metadata(with_moment(fields, moment), exif, tuple(dict.fromkeys(warnings)))


def with_moment(fields: Mapping[str, FieldValue], moment: Moment | None) -> dict[str, FieldValue]:
    """Return fields with another moment in the place of theirs."""
    others = {name: value for name, value in fields.items() if name not in MOMENT_FIELDS}
    return {**others, **moment_fields(moment)}


def unique(texts: list[str]) -> list[str]:
    """Return texts without repetitions, letter case aside, in their order."""
    seen: dict[str, str] = {}
    for text in texts:
        seen.setdefault(text.casefold(), text)
    return list(seen.values())
