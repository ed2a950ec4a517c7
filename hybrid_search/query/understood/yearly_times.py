"""Seasons and holidays in a typed text: summer 2018, Christmas, "last winter", "im Sommer"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from hybrid_search.query.understood.holidays import MOST_WORDS, YEARLY, YearlyTime
from hybrid_search.query.understood.model import TypedWord
from hybrid_search.query.understood.numeric_dates import single_year
from hybrid_search.query.understood.ordinary_words import IN_WORDS
from hybrid_search.query.understood.periods import Dated, Stretch
from hybrid_search.query.understood.relative_dates import LAST, THIS

_LINKS = frozenset("of de del di".split())
_ELIDED = re.compile(r"^[ld]'")
_TWO_YEARS = re.compile(r"([12][0-9]{3})[/\-–]([0-9]{2})?([0-9]{2})")
_ON_WORDS = IN_WORDS | {"for", "per", "pour", "para"}
_SEASON_LEADS = frozenset("in im en au em a d' during durante pendant".split())


def yearly_time(
    words: Sequence[TypedWord], at: int, lead: str, *, years: Sequence[int], today: datetime, alone: bool
) -> Dated | None:
    """Return the season or holiday that is named from a word on, of one year or, where that may be meant, of any.

    Examples
    --------
    >>> from hybrid_search.query.understood.typed_words import typed_words
    >>> words = typed_words("summer of 2018")
    >>> yearly_time(words, 0, "", years=[2018], today=datetime(2020, 1, 1, 12), alone=True).text
    'in summer 2018'
    """
    relation = words[at].word if words[at].word in LAST | THIS else ""
    year_before = None if relation else single_year(words[at].word, today)
    start = at + bool(relation or year_before)
    found = _named(words, start)
    if found is None:
        return None
    length, time, elided = found
    end = start + length
    if not relation and end < len(words) and words[end].word in LAST:
        relation, end = words[end].word, end + 1
    if relation:
        stretch = _latest(time, today, ended=relation in LAST)
        return Dated(end - at, (stretch,), stretch.text, named=False)
    year, end = (year_before, end) if year_before else _year(words, end, today)
    if year:
        stretch = time.stretch(year)
        return Dated(end - at, (stretch,), stretch.text)
    in_season = time.season and (lead in _SEASON_LEADS or elided)
    if in_season or (not time.season and (alone or lead in _ON_WORDS)):
        stretches = tuple(time.stretch(each) for each in range(years[0] - 1, years[-1] + 1))
        preposition = "in" if time.season else "at"
        return Dated(end - at, stretches, f"{preposition} {time.name} of any year")
    return None


def _named(words: Sequence[TypedWord], at: int) -> tuple[int, YearlyTime, bool] | None:
    for length in range(min(MOST_WORDS, len(words) - at), 0, -1):
        here = words[at : at + length]
        if any(each.literal for each in here):
            continue
        name = " ".join(each.word for each in here)
        bare = _ELIDED.sub("", name)
        if bare in YEARLY:
            return length, YEARLY[bare], name.startswith("d'")
    return None


def _year(words: Sequence[TypedWord], at: int, today: datetime) -> tuple[int | None, int]:
    """Return the year that follows, and the place after it; of 2017/18 the first."""
    place = at
    while place < len(words) and words[place].word in _LINKS:
        place += 1
    if place < len(words) and not words[place].literal:
        word = words[place].word
        if year := single_year(word, today):
            return year, place + 1
        if (two := _TWO_YEARS.fullmatch(word)) and int(two[3]) == (int(two[1]) + 1) % 100:
            return int(two[1]), place + 1
    return None, at


def _latest(time: YearlyTime, today: datetime, *, ended: bool) -> Stretch:
    """Return the latest that has begun, or has `ended`."""
    known = [time.stretch(year) for year in range(today.year - 2, today.year + 1)]
    reached = [each for each in known if each.start and each.end and (each.end if ended else each.start) <= today]
    return reached[-1]
