"""Dates as Elasticsearch reads them: partial ISO 8601, rounding, date math; all as milliseconds since 1970 in UTC."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import datetime, timedelta, timezone
from typing import Any

_ISO = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?:T(?:(?P<hour>\d{2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?)?)?)?)?",
    re.ASCII,
)
_MATH = re.compile(r"(?P<sign>[+-])(?P<count>\d*)(?P<unit>[yMwdhHms])|/(?P<round>[yMwdhHms])", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FIXED = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
UNITS = {
    "year": "y",
    "1y": "y",
    "quarter": "q",
    "1q": "q",
    "month": "M",
    "1M": "M",
    "week": "w",
    "1w": "w",
    "day": "d",
    "1d": "d",
    "hour": "h",
    "1h": "h",
    "minute": "m",
    "1m": "m",
}
"""Calendar intervals of date histograms, and the letter of each."""


def parse_date(value: Any, *, formats: str | None = None, up: bool = False, math: bool = False) -> int:
    """Return milliseconds since 1970 in UTC.

    Parameters
    ----------
    value : str or int
        "2019", "2019-05-01T10:20:30.5+02:00", or milliseconds where the format has `epoch_millis`.
    formats : str, optional
        The mapping's `format`; None is Elasticsearch's default.
    up : bool
        Whether what is left out of the time of day, or rounded by date math, is filled to its last millisecond. As with
        Elasticsearch a month or day left out is the first either way: up, "2019" is the end of 2019-01-01.
    math : bool
        Whether "now-7d/d" and "2019-05-01||+1M" are read, and numbers as milliseconds, as queries may have them.

    Raises
    ------
    ValueError
        When the value is no such date.
    """
    allowed = (formats or "strict_date_optional_time||epoch_millis").split("||")
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"expected a date, got {value!r}")
    if math and not isinstance(value, str):
        return int(value)
    text = value.strip() if isinstance(value, str) else str(int(value))
    if math:
        anchor, separator, rest = text.partition("||")
        if text.startswith("now"):
            return _calculated(_millis(datetime.now(timezone.utc)), text[3:], up=up)
        if separator:
            return _calculated(_anchor(anchor, allowed, up=False), rest, up=up)
    return _anchor(text, allowed, up=up)


def _anchor(text: str, allowed: list[str], *, up: bool) -> int:
    for name in allowed:
        if name in ("epoch_millis", "epoch_second") and re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
            if not (re.fullmatch(r"\d{4}", text) and allowed[0] != name):
                return int(text) * (1000 if name == "epoch_second" else 1)
        elif name in ("strict_date_optional_time", "strict_date_optional_time_nanos", "date_optional_time"):
            match = _ISO.fullmatch(text)
            if match:
                return _from_parts(match, up=up)
    raise ValueError(f"failed to parse date {text!r} with format {'||'.join(allowed)}")


def _from_parts(match: re.Match[str], *, up: bool) -> int:
    part = match.groupdict()
    fraction = (part["fraction"] or "").ljust(9, "0")[:9]
    if part["fraction"] is None and up:
        fraction = "999000000"
    moment = datetime(
        int(part["year"]),
        int(part["month"] or 1),
        int(part["day"] or 1),
        int(part["hour"] or (23 if up else 0)),
        int(part["minute"] or (59 if up else 0)),
        int(part["second"] or (59 if up else 0)),
        tzinfo=timezone.utc,
    )
    return _millis(moment) - _offset(part["zone"]) + int(fraction[:3])


def _offset(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    if minutes > 18 * 60:
        raise ValueError(f"no time zone {zone!r}")
    return (-1 if zone[0] == "-" else 1) * minutes * 60_000


def _calculated(millis: int, steps: str, *, up: bool) -> int:
    position = 0
    for match in _MATH.finditer(steps):
        if match.start() != position:
            break
        position = match.end()
        unit = match["round"] or match["unit"]
        unit = "h" if unit == "H" else unit
        if match["round"]:
            millis = round_down(millis, unit)
            millis = step(millis, unit, 1) - 1 if up else millis
        else:
            millis = step(millis, unit, int(match["count"] or 1) * (-1 if match["sign"] == "-" else 1))
    if position != len(steps):
        raise ValueError(f"cannot read date math {steps!r}")
    return millis


def round_down(millis: int, unit: str) -> int:
    """Return the start of the year (y), quarter (q), month (M), week (w), day (d), hour (h), minute (m), second (s)."""
    moment = _EPOCH + timedelta(milliseconds=millis)
    if unit == "s":
        return _millis(moment.replace(microsecond=0))
    moment = moment.replace(second=0, microsecond=0)
    if unit != "m":
        moment = moment.replace(minute=0)
    if unit not in "mh":
        moment = moment.replace(hour=0)
    if unit == "w":
        moment -= timedelta(days=moment.weekday())
    if unit in "yqM":
        moment = moment.replace(day=1)
    if unit == "q":
        moment = moment.replace(month=(moment.month - 1) // 3 * 3 + 1)
    if unit == "y":
        moment = moment.replace(month=1)
    return _millis(moment)


def step(millis: int, unit: str, count: int) -> int:
    """Return the moment `count` units later; days that a month lacks become its last.

    Raises
    ------
    ValueError
        When the year is not within 1 to 9999.
    """
    try:
        moment = _EPOCH + timedelta(milliseconds=millis)
        if unit in "yqM":
            months = moment.year * 12 + moment.month - 1 + count * {"y": 12, "q": 3, "M": 1}[unit]
            first = moment.replace(year=months // 12, month=months % 12 + 1, day=1)
            return _millis(first.replace(day=min(moment.day, monthrange(first.year, first.month)[1])))
        return _millis(moment + count * _FIXED.get(unit, timedelta(seconds=1)))
    except OverflowError as error:
        raise ValueError("the date is out of range") from error


def iso(millis: int) -> str:
    """Return a moment as Elasticsearch prints it: "2019-05-01T10:20:30.500Z"."""
    moment = _EPOCH + timedelta(milliseconds=millis)
    return moment.strftime(f"{moment.year:04d}-%m-%dT%H:%M:%S.") + f"{millis % 1000:03d}Z"


def _millis(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
