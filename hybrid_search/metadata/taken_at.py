"""When a picture was taken: the camera's clock, its offset from UTC, and which of two statements is fuller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from hybrid_search.metadata.values import parse_offset

if TYPE_CHECKING:
    from hybrid_search.metadata.model import FieldValue

MOMENT_FIELDS = frozenset({"taken_at", "taken_offset", "taken_at_utc"})
"""Fields that together say when a picture was taken."""
_SECOND = len("2019-06-01T12:34:56")
_MOST = timedelta(hours=14)
_STEP = timedelta(minutes=15)
"""No time zone is further from UTC than 14 hours, and all are whole quarters of an hour from it."""


@dataclass(frozen=True)
class Moment:
    """One statement of when a picture was taken.

    Parameters
    ----------
    clock : str
        What the camera's clock said, as far as it is known: "1935", "1935-06", "2019-06-01", "2019-06-01T12:34:56.500";
        "" where only the offset is stated.
    offset : str
        Of that clock from UTC, such as "+02:00"; "" where it is unknown.
    is_utc : bool
        Nobody read the camera's clock: a satellite or a server gave the time, so that `clock` is in UTC.
    """

    clock: str
    offset: str = ""
    is_utc: bool = False


def split_offset(written: str) -> tuple[str, str]:
    """Return an ISO 8601 moment as the clock's time and the offset, "" where it has none.

    Examples
    --------
    >>> split_offset("2019-12-31T23:30:00-05:00"), split_offset("1935-06")
    (('2019-12-31T23:30:00', '-05:00'), ('1935-06', ''))
    """
    clock, zone = (written[:-1], "Z") if written.endswith("Z") else (written[:-6], written[-6:])
    offset = parse_offset(zone) if "T" in clock else None
    return (written, "") if offset is None else (clock, offset)


def moment_of(fields: Mapping[str, FieldValue]) -> Moment | None:
    """Return what fields say of the moment, None where they say nothing."""
    clock, offset = split_offset(str(fields.get("taken_at") or ""))
    offset = offset or str(fields.get("taken_offset") or "")
    return Moment(clock, offset, is_utc="taken_at_utc" in fields) if clock or offset else None


def moment_fields(moment: Moment | None) -> dict[str, FieldValue]:
    """Return a moment as fields; `taken_at_utc` is among them where it was no camera's clock that gave the time."""
    if moment is None:
        return {}
    fields: dict[str, FieldValue] = {"taken_at": moment.clock, "taken_offset": moment.offset}
    fields = {name: value for name, value in fields.items() if value}
    return {**fields, "taken_at_utc": f"{moment.clock}Z"} if moment.is_utc else fields


def utc_fields(seconds: str) -> dict[str, FieldValue]:
    """Return the fields of a moment in UTC that no camera's clock gave.

    Examples
    --------
    >>> utc_fields("2018-05-04T07:08:09+00:00")
    {'taken_at': '2018-05-04T07:08:09', 'taken_offset': '+00:00', 'taken_at_utc': '2018-05-04T07:08:09Z'}
    """
    return moment_fields(Moment(split_offset(seconds)[0], "+00:00", is_utc=True))


def instant(clock: str, offset: str) -> str | None:
    """Return the moment in UTC of a clock's time with an offset, None where either is not known to the second.

    Examples
    --------
    >>> instant("2019-12-31T23:30:00", "-05:00"), instant("1935", "+01:00")
    ('2020-01-01T04:30:00Z', None)
    """
    # people also write "z", "+0530" and blanks, which Python 3.10 does not read
    known = parse_offset(offset)
    if len(clock) < _SECOND or known is None:
        return None
    moment = datetime.fromisoformat(clock + known).astimezone(timezone.utc)
    precision = {0: "seconds", 4: "milliseconds"}.get(len(clock) - _SECOND, "microseconds")
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def fuller(known: Moment | None, other: Moment | None, *, corrects: bool) -> Moment | None:
    """Return what two statements of one picture say together.

    Of one moment the fuller statement holds, and each gives what the other lacks: hours, sub-seconds, the offset. Times
    in UTC never replace a camera's clock, and tell its offset.

    Parameters
    ----------
    known, other : Moment, optional
    corrects : bool
        Of two moments the other holds, as it does where a person wrote it beside the picture; else the known one.

    Examples
    --------
    >>> fuller(Moment("2019-06-01T12:34:56"), Moment("2019-06-01T12:34:56", "+02:00"), corrects=False)
    Moment(clock='2019-06-01T12:34:56', offset='+02:00', is_utc=False)
    """
    if known is None or other is None:
        return known or other
    if known.is_utc or other.is_utc:
        return _beside_utc(known, other, corrects=corrects)
    first, second = (other, known) if corrects else (known, other)
    offset = first.offset or second.offset
    if known.clock[:_SECOND] == other.clock[:_SECOND]:
        return Moment(max(first.clock, second.clock, key=len), offset)
    if not other.clock or _is_part(other.clock, known.clock):
        return replace(known, offset=offset if not other.clock else known.offset or other.offset)
    if not known.clock or _is_part(known.clock, other.clock):
        return replace(other, offset=other.offset or known.offset)
    at = instant(known.clock, known.offset)
    if at is not None and at == instant(other.clock, other.offset):
        return known
    return first


def _beside_utc(known: Moment, other: Moment, *, corrects: bool) -> Moment:
    if known.is_utc and other.is_utc:
        return known
    utc, clock = (known, other) if known.is_utc else (other, known)
    if not clock.clock:
        return utc
    if len(clock.clock) >= _SECOND:
        return replace(clock, offset=clock.offset or _offset_between(clock.clock, utc.clock))
    if utc.clock.startswith(clock.clock):
        return utc
    return clock if corrects or clock is known else utc


def _offset_between(clock: str, utc: str) -> str:
    """Return the offset that a clock had whose time is known in UTC too, "" where no zone has such a one."""
    apart = datetime.fromisoformat(clock[:_SECOND]) - datetime.fromisoformat(utc[:_SECOND])
    if abs(apart) > _MOST or apart % _STEP:
        return ""
    hours, minutes = divmod(abs(apart) // timedelta(minutes=1), 60)
    return f"{'-' if apart < timedelta(0) else '+'}{hours:02}:{minutes:02}"


def _is_part(clock: str, fuller: str) -> bool:
    """Tell whether a statement says nothing beyond another: the year or day of it, or it with zeros for the unknown."""
    if len(clock) < len(fuller) and fuller.startswith(clock):
        return True
    if len(clock) > len(fuller) and clock.startswith(fuller):
        return False
    # programs that have to write a time and know none write midnight; some leave out the seconds
    known = clock.removesuffix("T00:00:00") if clock.endswith("T00:00:00") else clock.removesuffix(":00")
    return known != clock and fuller.startswith(known)
