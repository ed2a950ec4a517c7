"""Months and relative dates in several languages, read by dateparser, which is loaded when a text may have one."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from dateparser.date import DateDataParser

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl")
Precision = Literal["day", "week", "month", "year"]
MONTH = re.compile(
    r"(?:jan|feb|fev|febr|mar|maer|mrt|maar|apr|avr|abr|mai|may|maj|mei|mag|jun|juin|jui|giu|jul|lug|aug|aou|ago|sep|set|okt|"
    r"oct|ott|out|nov|dec|dez|dic|ene|gen)[a-z]*\.?"
)
"""What may be the name of a month, folded; dateparser says whether it is."""
RELATIVE = frozenset(
    # a word that is one alone, and those that one begins or ends with
    "yesterday today ago last this past gestern vorgestern heute vor letzte letzten letzter letztes letztem diese "
    "diesen dieser dieses diesem hier aujourd'hui dernier derniere il cette cet ce ayer anteayer hoy hace pasado "
    "pasada este esta ieri oggi fa scorso scorsa ontem hoje passado passada gisteren vandaag eergisteren geleden vorig "
    "vorige l'annee l'an el la semana mes ano le mois semaine".split()
)
ALONE = frozenset("yesterday today gestern vorgestern heute ayer anteayer hoy ieri oggi ontem hoje gisteren".split())
"""Relative dates of one word; the French "hier" is a German "here"."""


@lru_cache(maxsize=1024)
def read_phrase(phrase: str, today: datetime) -> tuple[datetime, Precision] | None:
    """Return the date that a phrase names, and how exactly it does; None where it is none.

    Parameters
    ----------
    phrase : str
        Nothing but the date: "3 mai 2015", "letztes Jahr".
    today : datetime
        Noon of the day that relative dates are counted from, without a zone.

    Examples
    --------
    >>> read_phrase("mai 2015", datetime(2020, 1, 1, 12))
    (datetime.datetime(2015, 5, 1, 0, 0), 'month')
    """
    try:
        found = _parser(today).get_date_data(phrase)
    except (ValueError, OverflowError):
        return None
    if found.date_obj is None or found.period not in ("day", "week", "month", "year"):
        return None
    return found.date_obj.replace(tzinfo=None), found.period


@lru_cache(maxsize=2)
def _parser(today: datetime) -> DateDataParser:
    from dateparser.date import DateDataParser

    settings: dict[str, Any] = {
        "RELATIVE_BASE": today,
        "DATE_ORDER": "DMY",
        "PREFER_DATES_FROM": "past",
        "PREFER_DAY_OF_MONTH": "first",
        "PREFER_MONTH_OF_YEAR": "first",
        "PARSERS": ["relative-time", "absolute-time"],
    }
    return DateDataParser(languages=list(LANGUAGES), settings=settings)
