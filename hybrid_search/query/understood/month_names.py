"""Dates with the name of a month: july 2019, 3. Oktober 2015, March 5th, "in May"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from hybrid_search.query.understood.date_phrases import MONTH, read_phrase
from hybrid_search.query.understood.model import TypedWord
from hybrid_search.query.understood.numeric_dates import single_year
from hybrid_search.query.understood.periods import Dated, Stretch, day_of, month_of

_DAY = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th|\.|er|o|º)?")
_LINKS = frozenset("of de del di da".split())
_LEADS = frozenset("in im en em during durante pendant".split())
"""Before the name of a month alone: "in may" is the month, "may" perhaps a verb."""
_LEAST = 4
"""Letters of a month's name alone: "in set" is no September. "May" and "Mai" are whole names."""


def month_phrase(
    words: Sequence[TypedWord], at: int, lead: str, *, years: Sequence[int], today: datetime
) -> Dated | None:
    """Return the date with the name of a month that begins at a word; without a year it is that of every year.

    Examples
    --------
    >>> from hybrid_search.query.understood.typed_words import typed_words
    >>> month_phrase(typed_words("3 mai 2015"), 0, "", years=[2015], today=datetime(2020, 1, 1, 12)).text
    'on 3 May 2015'
    """
    place, day = _day(words, at)
    if day:
        place = _past_links(words, place)
    if place >= len(words) or words[place].literal or not MONTH.fullmatch(words[place].word):
        return None
    name = words[place]
    place += 1
    if not day:
        place, day = _day(words, place)
    following = _past_links(words, place)
    year = single_year(words[following].word, today) if following < len(words) else None
    whole_name = len(name.word) >= _LEAST or name.word in ("may", "mai")
    if not (year or (whole_name and (day or lead in _LEADS))):
        return None
    read = read_phrase(f"{name.text.strip('.,').lower()} {year or 2000}", today)
    if read is None or read[1] != "month":
        return None
    length = (following + 1 if year else place) - at
    return _of_years(length, read[0].month, day, (year,) if year else tuple(years), any_year=not year)


def _of_years(length: int, month: int, day: int, years: Sequence[int], *, any_year: bool) -> Dated | None:
    stretches: list[Stretch] = []
    for year in years:
        try:
            stretches.append(day_of(year, month, day) if day else month_of(year, month))
        except ValueError:
            continue
    if not stretches:
        return None
    text = stretches[0].text
    if any_year:
        text = f"{text.rpartition(' ')[0]} of any year"
    return Dated(length, tuple(stretches), text)


def _day(words: Sequence[TypedWord], at: int) -> tuple[int, int]:
    """Return the place after a day of a month, and the day; the same place and 0 where there is none."""
    found = _DAY.fullmatch(words[at].word) if at < len(words) and not words[at].literal else None
    return (at + 1, int(found[1])) if found and 1 <= int(found[1]) <= 31 else (at, 0)


def _past_links(words: Sequence[TypedWord], at: int) -> int:
    while at < len(words) and words[at].word in _LINKS:
        at += 1
    return at
