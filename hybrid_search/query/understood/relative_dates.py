"""Dates that are counted from today: yesterday, last year, vor 3 Jahren, the last 30 days."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from hybrid_search.query.understood.date_phrases import ALONE, MONTH, RELATIVE, Precision, read_phrase
from hybrid_search.query.understood.model import TypedWord
from hybrid_search.query.understood.periods import MONTHS, Dated, Stretch, day_of, month_of, week_of, year_of

LAST = frozenset(
    "last past letzte letzten letzter letztes letztem vergangene vergangenen vergangenes dernier derniere derniers "
    "dernieres passe passee pasado pasada pasados pasadas ultimo ultima ultimos ultimas scorso scorsa scorsi passado "
    "passada vorig vorige".split()
)
THIS = frozenset("this diese diesen dieser dieses diesem cette cet ce este esta questo questa deze dit".split())
_UNIT = re.compile(
    "years?|months?|weeks?|days?|jahr(?:en|e|es)?|monat(?:en|e|s)?|wochen?|tag(?:en|e|es)?|(?:l')?an(?:s|nee|nees)?|mois|"
    "semaines?|jours?|anos?|mes(?:es|i|e)?|semanas?|dias?|ann[oi]|settiman[ae]|giorn[oi]|jaar|maand(?:en)?|weken|dagen|"
    "(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|"
    "lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miercoles|jueves|viernes|sabado|domingo"
)
_LONGEST = 5
_AGO = ("{} ago", "vor {}", "il y a {}", "hace {}", "{} fa")
_ARTICLES = ("el", "la", "l'", "il")


def relative_date(words: Sequence[TypedWord], at: int, today: datetime) -> Dated | None:
    """Return the relative date that begins at a word, None where there is none.

    Examples
    --------
    >>> from hybrid_search.query.understood.typed_words import typed_words
    >>> relative_date(typed_words("last year"), 0, datetime(2020, 6, 1, 12)).text
    'in 2019'
    """
    for length in range(min(_LONGEST, len(words) - at), 0, -1):
        here = words[at : at + length]
        if any(each.literal for each in here):
            continue
        if length == 1:
            stretch = _read(here, today) if here[0].word in ALONE else None
        else:
            stretch = _lasting(here, today) or _last_month(here, today)
            said = {each.word for each in here}
            if stretch is None and said & RELATIVE and any(map(_UNIT.fullmatch, said)):
                stretch = _read(here, today)
        if stretch is not None:
            return Dated(length, (stretch,), stretch.text, named=False)
    return None


def _read(here: Sequence[TypedWord], today: datetime) -> Stretch | None:
    phrase = " ".join(each.text.strip(",;:!?.").lower() for each in here)
    articles = _ARTICLES if here[-1].word in LAST else ()
    for way in (phrase, *(f"{article} {phrase}" for article in articles)):
        if (read := read_phrase(way, today)) is not None:
            return _stretch(*read)
    return None


def _stretch(moment: datetime, precision: Precision) -> Stretch:
    if precision == "year":
        return year_of(moment.year)
    if precision == "month":
        return month_of(moment.year, moment.month)
    return week_of(moment) if precision == "week" else day_of(moment.year, moment.month, moment.day)


def _lasting(here: Sequence[TypedWord], today: datetime) -> Stretch | None:
    """Return the stretch of "last 30 days" and "letzten 3 Monate", up to today."""
    if len(here) != 3 or here[0].word not in LAST or not here[1].word.isdigit() or not _UNIT.fullmatch(here[2].word):
        return None
    count = f"{here[1].word} {here[2].text.strip(',.;').lower()}"
    for way in _AGO:
        if (read := read_phrase(way.format(count), today)) is not None:
            first = read[0]
            start = datetime(first.year, first.month, first.day)
            text = f"since {first.day} {MONTHS[first.month - 1]} {first.year}"
            return Stretch(start, datetime(today.year, today.month, today.day) + timedelta(days=1), text)
    return None


def _last_month(here: Sequence[TypedWord], today: datetime) -> Stretch | None:
    """Return the latest month of a name, before this one."""
    if len(here) != 2 or here[0].word not in LAST or not MONTH.fullmatch(here[1].word):
        return None
    read = read_phrase(f"{here[1].text.strip('.,').lower()} 2000", today)
    if read is None or read[1] != "month":
        return None
    month = read[0].month
    return month_of(today.year if month < today.month else today.year - 1, month)
