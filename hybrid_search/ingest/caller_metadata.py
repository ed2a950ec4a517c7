"""What a caller says of a picture, checked as captions and sidecars are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import numpy as np

from hybrid_search.errors import MappingMismatch
from hybrid_search.metadata import FieldValue, Metadata
from hybrid_search.metadata.extra_fields import EXTRA
from hybrid_search.metadata.fields import close_names, flatten, is_field, read_field
from hybrid_search.metadata.model import with_moment
from hybrid_search.metadata.taken_at import moment_of
from hybrid_search.metadata.values import shown


def caller_metadata(metadata: Mapping[str, object]) -> Metadata:
    """Return fields that a caller gave, under dotted names or nested, as metadata.

    Parameters
    ----------
    metadata : mapping
        Values as in a captions file; also dates, numpy numbers and sets of tags. None means that there is none.

    Raises
    ------
    MappingMismatch
        When a name is no field that describes a picture, or a value does not fit its field.

    Examples
    --------
    >>> dict(caller_metadata({"camera": {"make": "Canon"}, "taken_at": "2019:05:01 12:00:00"}).fields)
    {'camera.make': 'Canon', 'taken_at': '2019-05-01T12:00:00'}
    """
    fields: dict[str, FieldValue] = {}
    for name, value in flatten(metadata).items():
        if not is_field(name):
            hint = close_names(name) or f"; an own field is called {EXTRA}NAME"
            raise MappingMismatch(name, f"this is no field that describes a picture{hint}")
        if value is None:
            continue
        try:
            name, read = read_field(name, _plain(value))
        except ValueError as error:
            told = repr(shown(value)) if isinstance(value, str) else shown(value)
            raise MappingMismatch(name, f"{told} {error}") from None
        if read not in ("", []):
            fields[name] = read
    return Metadata(with_moment(fields, moment_of(fields)))


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
