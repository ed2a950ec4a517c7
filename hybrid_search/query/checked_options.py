"""Values of the options of a search, checked: texts, names of legs, numbers."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hybrid_search.errors import QueryError

_BOOLEANS = ("collapse_duplicates", "everything", "explain", "missing", "literal")


def check_booleans(options: Mapping[str, Any]) -> None:
    """Raise QueryError for an option that is to be true or false and is neither, such as "no"."""
    for name in _BOOLEANS:
        value = options.get(name)
        if not isinstance(value, bool | np.bool_ | None):
            raise QueryError(f"{name} is True or False (got {value!r:.60})")


def texts(name: str, values: Sequence[str]) -> list[str]:
    """Return the texts of an option as a list; raises QueryError for one text, and for what is none."""
    if isinstance(values, str) or not all(isinstance(value, str) for value in values):
        raise QueryError(f"{name} is a list of texts (got {values!r})")
    return list(values)


def known_name(option: str, name: str, *, names: Mapping[str, str]) -> str:
    """Return the name of a leg; raises QueryError, which names those that are known as they are shown."""
    if name not in names:
        raise QueryError(f"{option} has no leg {name!r}; known: {', '.join(dict.fromkeys(names.values()))}")
    return name


def whole(name: str, value: int, *, least: int) -> int:
    """Return a whole number of an option; raises QueryError for another value, and for one below `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        raise QueryError(f"{name} is a whole number (got {value!r})") from None
    if number < least:
        raise QueryError(f"{name} must be at least {least} (got {number})")
    return number


def real(name: str, value: float) -> float:
    """Return a finite number of an option; raises QueryError for another value."""
    try:
        number = float(value)
    except OverflowError:
        raise QueryError(f"{name} is a finite number (got one of more than 308 digits)") from None
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise QueryError(f"{name} is a finite number (got {value!r})")
    return number


def evidence(name: str, value: float) -> float:
    """Return a number of an option that is evidence; raises QueryError for one below 0 or above 1."""
    number = real(name, value)
    if not 0 <= number <= 1:
        raise QueryError(f"{name} is evidence, from 0 to 1 (got {number:g})")
    return number
