"""Seasons and holidays, by their names in several languages: what libraries of dates do not read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hybrid_search.query.understood.periods import Stretch


@dataclass(frozen=True)
class YearlyTime:
    """What comes every year: a season, or a holiday.

    Parameters
    ----------
    name : str
        In English.
    season : bool
        Its name is an ordinary word too ("spring"), so that it needs a year, or "in" before it.
    stretch : callable
        A year to the time of it that begins then.
    """

    name: str
    season: bool
    stretch: Callable[[int], Stretch]


def _days(name: str, month: int, day: int, count: int, preposition: str = "at") -> YearlyTime:
    def stretch(year: int) -> Stretch:
        start = datetime(year, month, day)
        return Stretch(start, start + timedelta(days=count), f"{preposition} {name} {year}")

    return YearlyTime(name, season=False, stretch=stretch)


def _season(name: str, month: int) -> YearlyTime:
    """Return a season of three months, as meteorologists of the northern hemisphere count them."""

    def stretch(year: int) -> Stretch:
        following, rest = divmod(month + 2, 12)
        return Stretch(datetime(year, month, 1), datetime(year + following, rest + 1, 1), f"in {name} {year}")

    return YearlyTime(name, season=True, stretch=stretch)


def _from_easter(name: str, first: int, count: int) -> YearlyTime:
    def stretch(year: int) -> Stretch:
        from dateutil.easter import easter

        sunday = easter(year)
        start = datetime(sunday.year, sunday.month, sunday.day) + timedelta(days=first)
        return Stretch(start, start + timedelta(days=count), f"at {name} {year}")

    return YearlyTime(name, season=False, stretch=stretch)


def _thanksgiving(year: int) -> Stretch:
    """Return the fourth Thursday of November with the Friday after it, as in the United States."""
    first = datetime(year, 11, 1)
    start = first + timedelta(days=(3 - first.weekday()) % 7 + 21)
    return Stretch(start, start + timedelta(days=2), f"at Thanksgiving {year}")


_YEARLY: Mapping[str, YearlyTime] = {
    "spring springtime fruhling fruhjahr printemps primavera": _season("spring", 3),
    "summer summertime sommer ete verano estate verao zomer": _season("summer", 6),
    "autumn fall herbst automne otono autunno outono herfst": _season("autumn", 9),
    "winter wintertime hiver invierno inverno": _season("winter", 12),
    "christmas xmas weihnachten noel navidad natale natal kerst kerstmis": _days("Christmas", 12, 24, 3),
    "heiligabend nochebuena": _days("Christmas Eve", 12, 24, 1),
    "silvester nochevieja": _days("New Year's Eve", 12, 31, 1),
    "neujahr": _days("New Year's Day", 1, 1, 1),
    "halloween": _days("Halloween", 10, 31, 1),
    "nikolaus": _days("Saint Nicholas", 12, 6, 1),
    "easter ostern paques pascua pasqua pascoa pasen": _from_easter("Easter", -2, 4),
    "pfingsten pentecost pentecote whitsun": _from_easter("Pentecost", 49, 2),
    "thanksgiving": YearlyTime("Thanksgiving", season=False, stretch=_thanksgiving),
}
_SEVERAL_WORDS: Mapping[str, YearlyTime] = {
    "christmas eve": _days("Christmas Eve", 12, 24, 1),
    "christmas day": _days("Christmas Day", 12, 25, 1),
    "new year's eve": _days("New Year's Eve", 12, 31, 1),
    "new years eve": _days("New Year's Eve", 12, 31, 1),
    "new year eve": _days("New Year's Eve", 12, 31, 1),
    "new year's day": _days("New Year's Day", 1, 1, 1),
    "boxing day": _days("Boxing Day", 12, 26, 1),
    "valentine's day": _days("Valentine's Day", 2, 14, 1),
    "valentines day": _days("Valentine's Day", 2, 14, 1),
    "valentine day": _days("Valentine's Day", 2, 14, 1),
    "saint sylvestre": _days("New Year's Eve", 12, 31, 1),
}
YEARLY: Mapping[str, YearlyTime] = {
    **{name: time for names, time in _YEARLY.items() for name in names.split()},
    **_SEVERAL_WORDS,
}
"""By name, folded; some are of several words."""
MOST_WORDS = 3
