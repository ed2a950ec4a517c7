"""Columns of captions files: which say what picture a row is about, and which field each of the others fills."""

from __future__ import annotations

import re
from collections.abc import Collection
from types import MappingProxyType

from hybrid_search.metadata.fields import FIELDS

PATH_NAMES = (
    *("path", "image", "file", "filename", "file_name", "filepath", "file_path"),
    *("image_path", "image_file", "image_name", "img", "sourcefile"),
)
"""Names of the column that says which picture a row is about; the first of them that is there is taken."""
LATITUDE, LONGITUDE = "latitude", "longitude"
_SAME = {
    "caption": ("description", "alt", "alt_text", "text", "comment", "sentence"),
    "title": ("headline",),
    "people": ("person", "persons", "people_shown"),
    "tags": ("tag", "keywords", "keyword", "subject"),
    "taken_at": ("date", "datetime", "date_time", "date_taken", "date_created", "datetimeoriginal", "timestamp"),
    "artist": ("author", "photographer", "creator", "by_line"),
    "copyright": ("rights",),
    "rating": ("stars",),
    "place.sublocation": ("sublocation",),
    "place.city": ("city",),
    "place.region": ("region", "state", "province"),
    "place.country": ("country",),
    LATITUDE: ("lat", "location.lat", "gpslatitude"),
    LONGITUDE: ("lon", "lng", "long", "location.lon", "gpslongitude"),
}
"""What others call a field; who writes a file of captions means them by its alt texts, and titles by headlines."""
_FIELD_OF = MappingProxyType(
    {field: field for field in FIELDS} | {name: field for field, names in _SAME.items() for name in (field, *names)}
)


def key_of(column: str) -> str:
    """Return a column's name as it is looked up: in lower case, with underscores for blanks and hyphens.

    Examples
    --------
    >>> key_of(" Alt-Text ")
    'alt_text'
    """
    return re.sub(r"[\s-]+", "_", column.strip().lower())


def field_of(column: str) -> str | None:
    """Return the field that a column fills, `LATITUDE` or `LONGITUDE` for a half of a place; None for no field.

    Examples
    --------
    >>> field_of("Description"), field_of("camera.make"), field_of("lat"), field_of("captoin")
    ('caption', 'camera.make', 'latitude', None)
    """
    return _FIELD_OF.get(key_of(column))


def path_column(columns: Collection[str]) -> str | None:
    """Return the column of paths, None where there is none.

    Examples
    --------
    >>> path_column(["Caption", "File name", "Path"])
    'Path'
    """
    by_key = {key_of(column): column for column in columns}
    return next((by_key[name] for name in PATH_NAMES if name in by_key), None)
