"""Dates in digits: 2019, 2018-07, 12.07.2018, 01/02/2019, 2015-2018, 1990s."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from hybrid_search.query.understood.model import TypedWord
from hybrid_search.query.understood.periods import (
    FIRST_YEAR,
    Dated,
    Stretch,
    day_of,
    month_of,
    spanning,
    year_of,
    years_from,
)

_YEAR = re.compile(r"[12][0-9]{3}")
_YEARS = re.compile(r"([12][0-9]{3})[-–—]([12][0-9]{3})")
_YEAR_FIRST = re.compile(r"([12][0-9]{3})([-/._])([0-9]{1,2})(?:\2([0-9]{1,2}))?")
_YEAR_LAST = re.compile(r"(?:([0-9]{1,2})([-/.]))?([0-9]{1,2})([-/.])([12][0-9]{3})")
_SHORT_YEAR = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{2})")
_DECADE = re.compile(r"([12][0-9]{2}0|[3-9]0)(?:'?s|er|ern)")
_OF_YEARS = frozenset("annees anos anni".split())
_YEARS_WORDS = frozenset("jahre jahren".split())


def single_year(word: str, today: datetime) -> int | None:
    """Return the year that a word is, from that of the oldest photograph to the next.

    Examples
    --------
    >>> single_year("2019", datetime(2020, 1, 1)), single_year("1234", datetime(2020, 1, 1))
    (2019, None)
    """
    year = int(word) if _YEAR.fullmatch(word) else 0
    return year if FIRST_YEAR <= year <= today.year + 1 else None


def numeric_dates(word: str, today: datetime) -> tuple[Stretch, ...]:
    """Return what a word of digits may mean as a date: days, months or years; none where it is no date.

    Dots stand in dates that begin with the day. Slashes stand between day and month in most countries, and between
    month and day in some, so that both are meant where both are possible.

    Examples
    --------
    >>> [each.text for each in numeric_dates("01/02/2019", datetime(2020, 1, 1))]
    ['on 1 February 2019', 'on 2 January 2019']
    """
    found = [stretch for stretch in _readings(word, today) if stretch.start and stretch.start.year <= today.year + 1]
    return tuple(dict.fromkeys(found))


def _readings(word: str, today: datetime) -> Iterator[Stretch]:
    try:
        if year := single_year(word, today):
            yield year_of(year)
        elif found := _YEARS.fullmatch(word):
            first, last = single_year(found[1], today), single_year(found[2], today)
            span = spanning(year_of(first), year_of(last)) if first and last else None
            yield from [span] if span and first != last else []
        elif (found := _YEAR_FIRST.fullmatch(word)) and single_year(found[1], today):
            year, month, day = int(found[1]), int(found[3]), found[4]
            yield day_of(year, month, int(day)) if day else month_of(year, month)
        elif (found := _YEAR_LAST.fullmatch(word)) and single_year(found[5], today):
            yield from _year_last(found)
        elif found := _SHORT_YEAR.fullmatch(word):
            short = int(found[3])
            yield day_of(short + (2000 if short <= today.year % 100 + 1 else 1900), int(found[2]), int(found[1]))
    except ValueError:
        return


def _year_last(found: re.Match[str]) -> Iterator[Stretch]:
    year = int(found[5])
    if found[1] is None:
        yield month_of(year, int(found[3]))
        return
    if found[2] != found[4]:
        return
    first, second = int(found[1]), int(found[3])
    if second <= 12:
        yield day_of(year, second, first)
    if first <= 12 and found[2] != "." and first != second:
        yield day_of(year, first, second)


def decade(words: Sequence[TypedWord], at: int) -> Dated | None:
    """Return the decade that is written from a word on: 1990s, 80s, 90er Jahre, années 80.

    Examples
    --------
    >>> from hybrid_search.query.understood.typed_words import typed_words
    >>> decade(typed_words("80s"), 0).text
    'in the 1980s'
    """
    word = words[at].word
    following = words[at + 1].word if at + 1 < len(words) else ""
    if word in _OF_YEARS and re.fullmatch("[3-9]0|19[0-9]0", following):
        return _decade(2, int(following))
    if found := _DECADE.fullmatch(word):
        return _decade(2 if following in _YEARS_WORDS else 1, int(found[1]))
    return None


def _decade(length: int, number: int) -> Dated:
    first = number if number > 99 else 1900 + number
    stretch = years_from(first, first + 10, f"in the {first}s")
    return Dated(length, (stretch,), stretch.text)
