"""Own fields of a library, under `extra.`: named by whoever uses them, of the kind that their values have."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, TypeAlias, cast

from hybrid_search.metadata.model import FieldValue
from hybrid_search.metadata.values import clean_text, parse_date

EXTRA = "extra."
"""Begins the name of every own field."""
MAX_EXTRA = 200
"""Own fields of one index; a server takes a thousand fields in all."""
MAX_VALUES = 256
"""Values kept of one own field of one picture."""
_LONGEST = 1000

ExtraKind: TypeAlias = Literal["keyword", "double", "date", "boolean"]
"""The kinds of own fields, as Elasticsearch names them."""

_NAME = re.compile(r"[^\W\d][\w-]{0,99}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?\s*(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_PROPERTIES: Mapping[str, Mapping[str, Any]] = {
    "keyword": {"type": "keyword", "ignore_above": 1024, "normalizer": "lowercase"},
    "double": {"type": "double"},
    "date": {"type": "date", "format": "strict_date_optional_time"},
    "boolean": {"type": "boolean"},
}
_WHAT = {"double": "a number", "date": "a date such as 2024-05-01", "boolean": "true or false"}


def extra_name(name: str) -> str:
    """Return the name of an own field, without regard to letter case.

    Raises
    ------
    ValueError
        When a filter could not name it.

    Examples
    --------
    >>> extra_name("extra.Price")
    'extra.price'
    """
    leaf = unicodedata.normalize("NFC", name.strip()).lower().removeprefix(EXTRA)
    if not _NAME.fullmatch(leaf):
        raise ValueError("an own field is extra. and a letter, then letters, digits, - and _, 100 at most")
    return EXTRA + leaf


def read_extra(value: object) -> FieldValue:
    """Return the value of an own field: text, a number, true or false, or a list of these; dates become ISO text.

    Raises
    ------
    ValueError
        When it is something else.

    Examples
    --------
    >>> read_extra(["a", "b", "a"]), read_extra(2.5)
    (['a', 'b', 'a'], 2.5)
    """
    if isinstance(value, (list, tuple)):
        scalars = [_scalar(item) for item in value if item is not None and item != ""]
        if len(scalars) > MAX_VALUES:
            raise ValueError(f"has {len(scalars):,} values, more than {MAX_VALUES}")
        return cast("FieldValue", scalars)
    return _scalar(value)


def _scalar(value: object) -> str | int | float | bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        if (isinstance(value, int) and value.bit_length() > 1023) or not math.isfinite(value):
            raise ValueError("is not a finite number")
        return value
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, str):
        return clean_text(value, limit=_LONGEST)
    raise ValueError("is neither text, a number, a date, true or false, nor a list of these")


def kind_of(values: Iterable[FieldValue]) -> ExtraKind:
    """Return the kind of field that holds all the values; what nothing else holds, a keyword does.

    Examples
    --------
    >>> kind_of([1, 2.5]), kind_of(["2024-05-01"]), kind_of([True]), kind_of([1, "n/a"])
    ('double', 'date', 'boolean', 'keyword')
    """
    scalars = [scalar for value in values for scalar in (value if isinstance(value, list) else [value])]
    if not scalars:
        return "keyword"
    if all(isinstance(scalar, bool) for scalar in scalars):
        return "boolean"
    if all(isinstance(scalar, (int, float)) and not isinstance(scalar, bool) for scalar in scalars):
        return "double"
    if all(isinstance(scalar, str) and _is_date(scalar) for scalar in scalars):
        return "date"
    return "keyword"


def property_of(kind: ExtraKind) -> dict[str, Any]:
    """Return what the mapping says of an own field of a kind.

    Examples
    --------
    >>> property_of("double")
    {'type': 'double'}
    """
    return dict(_PROPERTIES[kind])


def fitted(value: FieldValue, kind: str) -> FieldValue:
    """Return a value as a field of a kind holds it.

    Raises
    ------
    ValueError
        When it does not fit.

    Examples
    --------
    >>> fitted("12.5", "double"), fitted(12, "keyword"), fitted("2024-05-01", "date")
    (12.5, '12', '2024-05-01')
    """
    if isinstance(value, list):
        return cast("FieldValue", [fitted(scalar, kind) for scalar in cast("Sequence[FieldValue]", value)])
    if kind == "keyword":
        return str(value).lower() if isinstance(value, bool) else str(value)
    read = typed(value) if isinstance(value, str) and kind in ("double", "boolean") else value
    if kind == "double" and isinstance(read, (int, float)) and not isinstance(read, bool):
        return read
    if kind == "boolean" and isinstance(read, bool):
        return read
    if kind == "date" and isinstance(read, str) and _is_date(read):
        return parse_date(read)
    raise ValueError(f"is not {_WHAT.get(kind, kind)}, and the field holds such since its first value")


def typed(text: str) -> FieldValue:
    """Return what a cell of a table means: a number, true or false where it is written so, else the text.

    Numbers that begin with 0, as numbers of articles do, are texts.

    Examples
    --------
    >>> typed("12.5"), typed("true"), typed("007")
    (12.5, True, '007')
    """
    word = text.strip()
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    if _NUMBER.fullmatch(word) and len(word) <= 300:
        return float(word) if "." in word else int(word)
    return text


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text.strip()):
        return False
    try:
        parse_date(text)
    except ValueError:
        return False
    return True
