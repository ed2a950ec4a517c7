"""What people write as a value (a number, a date, a yes or no) as what the field's type holds."""

from __future__ import annotations

import calendar
import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

from hybrid_search.errors import BadFilter

Number = int | float
INTEGERS = {"byte": 7, "short": 15, "integer": 31, "long": 63}
"""Whole-number types of Elasticsearch, and the bits of their largest value."""
NUMBERS = frozenset({*INTEGERS, "float", "double", "half_float"})

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_FRACTION = re.compile(r"([+-]?[0-9]{1,9})/([0-9]{1,9})")
_DATE = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:[T ]([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?)?)?"
)
_NOW = re.compile(r"now((?:[+-][0-9]{1,6}[yMwdhHms])*)(?:/([yMwdhHms]))?")
_DATE_HINT = "write 2019, 2019-05, 2019-05-04, 2019-05-04T10:30:00, or now-7d"


@dataclass(frozen=True)
class Period:
    """A stretch of time in UTC: from `start` (included) to `end` (excluded)."""

    start: datetime
    end: datetime


def parse_number(text: str, *, kind: str, field: str, exact: bool = True) -> Number:
    """Return the number that a text spells; fractions such as 1/250 may stand where decimals may.

    Parameters
    ----------
    kind : str
        Elasticsearch type of the field.
    exact : bool
        The number is to be equal to a value of the field, so a whole-number field needs a whole number.

    Raises
    ------
    BadFilter
        When the text is no number, or none that the type can hold.
    """
    number = _read_number(text)
    if number is None or not math.isfinite(number):
        raise BadFilter(f"{field}:{text}", f"{field!r} holds numbers, and {text!r} is not a number")
    if kind not in INTEGERS:
        return number
    if number == int(number):
        number = int(number)
    elif exact:
        raise BadFilter(f"{field}:{text}", f"{field!r} holds whole numbers, and {text!r} is not one")
    if abs(number) >= 2 ** INTEGERS[kind]:
        raise BadFilter(f"{field}:{text}", f"{text!r} is larger than {field!r} can hold")
    return number


def whole_bound(number: Number, *, operator: str) -> int:
    """Return the whole number that bounds a whole-number field as a number with decimals would.

    Examples
    --------
    >>> whole_bound(2.5, operator="gte"), whole_bound(2.5, operator="gt"), whole_bound(2.5, operator="lt")
    (3, 2, 3)
    """
    return math.ceil(number) if operator in ("gte", "lt") else math.floor(number)


def parse_boolean(text: str, *, field: str) -> bool:
    """Return the truth that a text spells; raises BadFilter unless it is true or false."""
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise BadFilter(f"{field}:{text}", f"{field!r} is true or false, not {text!r}")
    return lowered == "true"


def parse_date(text: str, *, field: str, now: datetime) -> Period:
    """Return the period that a date names: "2019" is that whole year, "2019-05-04T10:30" that minute.

    Parameters
    ----------
    now : datetime
        What "now" means, with its time zone; "now-7d", "now/d" and the like are reckoned from it.

    Raises
    ------
    BadFilter
        When the text is no date.
    """
    try:
        if match := _NOW.fullmatch(text):
            return _relative(now.astimezone(timezone.utc), match[1], match[2])
        if match := _DATE.fullmatch(text):
            return _absolute(match)
    except (ValueError, OverflowError):
        pass
    raise BadFilter(f"{field}:{text}", f"{field!r} holds dates, and {text!r} is not one; {_DATE_HINT}")


def has_zone(text: str) -> bool:
    """Tell whether a date names its zone.

    Examples
    --------
    >>> has_zone("2019-12-31T23:30-05:00"), has_zone("2019-12-31")
    (True, False)
    """
    match = _DATE.fullmatch(text)
    return match is not None and match[8] is not None


def as_text(moment: datetime) -> str:
    """Return a moment in UTC as the ISO 8601 text that every backend reads the same way."""
    precision: Literal["milliseconds", "seconds"] = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def _read_number(text: str) -> Number | None:
    if match := _FRACTION.fullmatch(text):
        return int(match[1]) / int(match[2]) if int(match[2]) else None
    if len(text) > 40 or not _NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _absolute(match: re.Match[str]) -> Period:
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    start = datetime(
        int(year),
        int(month or 1),
        int(day or 1),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        int((fraction or "").ljust(6, "0")[:3]) * 1000,
        tzinfo=_zone(zone),
    ).astimezone(timezone.utc)
    given = [year, month, day, hour, minute, second, fraction]
    units = ("y", "M", "d", "h", "m", "s", "ms")
    return Period(start, _shift(start, 1, units[sum(part is not None for part in given) - 1]))


def _zone(text: str | None) -> timezone:
    if text in (None, "Z"):
        return timezone.utc
    digits = str(text)[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if str(text)[0] == "-" else offset)


def _relative(moment: datetime, steps: str, rounding: str | None) -> Period:
    for sign, amount, unit in re.findall(r"([+-])([0-9]+)([yMwdhHms])", steps):
        moment = _shift(moment, int(sign + amount), unit)
    if rounding is None:
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        return Period(moment, _shift(moment, 1, "ms"))
    start = _floor(moment, rounding)
    return Period(start, _shift(start, 1, rounding))


def _shift(moment: datetime, amount: int, unit: str) -> datetime:
    if unit in ("y", "M"):
        months = moment.year * 12 + moment.month - 1 + amount * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        day = min(moment.day, calendar.monthrange(year, month + 1)[1])
        return moment.replace(year=year, month=month + 1, day=day)
    seconds = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "H": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}[unit]
    return moment + timedelta(seconds=amount * seconds)


def _floor(moment: datetime, unit: str) -> datetime:
    if unit == "w":
        moment -= timedelta(days=moment.weekday())
        unit = "d"
    kept = {"y": 1, "M": 2, "d": 3, "h": 4, "H": 4, "m": 5, "s": 6}[unit]
    parts = (*moment.timetuple()[:kept], *(1, 1, 1)[kept:])
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type,misc]
