"""Stretches of time by the camera's clock, in words and as clauses."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hybrid_search.query.understood.model import any_of

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
FIRST_YEAR = 1826
"""Of the oldest photograph that there is."""


@dataclass(frozen=True)
class Stretch:
    """From `start` (included) to `end` (excluded), by the camera's clock; None is without an end on that side.

    Parameters
    ----------
    start, end : datetime or None
        Without a zone.
    text : str
        "in July 2019", to follow "taken".
    iso: str
        As folders and files are named after it, "2019 07"; "" where they are not.
    """

    start: datetime | None
    end: datetime | None
    text: str
    iso: str = ""

    def overlaps(self, years: Sequence[int]) -> bool:
        """Tell whether it touches one of some years."""
        first = self.start.year if self.start else -1
        last = (self.end - timedelta(microseconds=1)).year if self.end else 10_000
        return any(first <= year <= last for year in years)

    def clause(self) -> dict[str, Any]:
        """Return the filter clause for pictures that were taken in it."""
        edges = {"gte": self.start, "lt": self.end}
        return {"range": {"taken_at": {name: edge.isoformat() for name, edge in edges.items() if edge is not None}}}


@dataclass(frozen=True)
class Dated:
    """A date in a typed text.

    Parameters
    ----------
    length : int
        How many words it takes.
    stretches : tuple of Stretch
        What it may mean: 01/02/2019 is a day of January or of February, Christmas that of any year.
    text : str
        To follow "taken".
    named : bool
        Whether its words name that time whenever they are read, as those of "last year" do not.
    """

    length: int
    stretches: tuple[Stretch, ...]
    text: str
    named: bool = True


def year_of(year: int) -> Stretch:
    """Return a year.

    Examples
    --------
    >>> year_of(2019).clause()
    {'range': {'taken_at': {'gte': '2019-01-01T00:00:00', 'lt': '2020-01-01T00:00:00'}}}
    """
    return years_from(year, year + 1, f"in {year}")


def years_from(first: int, end: int, text: str) -> Stretch:
    """Return the stretch from the start of a year to the start of another."""
    return Stretch(datetime(first, 1, 1), datetime(end, 1, 1), text)


def month_of(year: int, month: int) -> Stretch:
    """Return a month."""
    start = datetime(year, month, 1)
    end = start + timedelta(days=calendar.monthrange(year, month)[1])
    return Stretch(start, end, f"in {MONTHS[month - 1]} {year}", f"{year} {month:02}")


def day_of(year: int, month: int, day: int) -> Stretch:
    """Return a day; raises ValueError where the calendar has none."""
    start = datetime(year, month, day)
    return Stretch(
        start, start + timedelta(days=1), f"on {day} {MONTHS[month - 1]} {year}", f"{year} {month:02} {day:02}"
    )


def week_of(day: datetime) -> Stretch:
    """Return the week of a day, from Monday on."""
    start = datetime(day.year, day.month, day.day) - timedelta(days=day.weekday())
    return Stretch(
        start, start + timedelta(days=7), f"in the week of {start.day} {MONTHS[start.month - 1]} {start.year}"
    )


def before(stretch: Stretch) -> Stretch:
    """Return the time before a stretch."""
    return Stretch(None, stretch.start, f"before {_named(stretch)}")


def after(stretch: Stretch) -> Stretch:
    """Return the time after a stretch."""
    return Stretch(stretch.end, None, f"after {_named(stretch)}")


def since(stretch: Stretch) -> Stretch:
    """Return a stretch and the time after it."""
    return replace(stretch, end=None, text=f"since {_named(stretch)}")


def until(stretch: Stretch) -> Stretch:
    """Return a stretch and the time before it."""
    return replace(stretch, start=None, text=f"until {_named(stretch)}")


def spanning(first: Stretch, last: Stretch) -> Stretch | None:
    """Return the time from one stretch to the end of another; None where that is none."""
    if first.start is None or last.end is None or first.start >= last.end:
        return None
    return Stretch(first.start, last.end, f"from {_named(first)} to {_named(last)}")


def clause_of(stretches: Sequence[Stretch]) -> dict[str, Any]:
    """Return the clause for pictures that were taken in any of some stretches."""
    return any_of([stretch.clause() for stretch in stretches])


def _named(stretch: Stretch) -> str:
    for word in ("in ", "on ", "at "):
        if stretch.text.startswith(word):
            return stretch.text.removeprefix(word)
    return stretch.text
