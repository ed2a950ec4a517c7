"""Dates in a typed text: years, months, days, seasons, holidays, decades, "last year", "before 2010"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hybrid_search.document.search_text import phrase_text
from hybrid_search.query.understood.model import Meaning, TypedWord, any_of
from hybrid_search.query.understood.month_names import month_phrase
from hybrid_search.query.understood.numeric_dates import decade, numeric_dates
from hybrid_search.query.understood.periods import Dated, Stretch, after, before, since, spanning, until
from hybrid_search.query.understood.relative_dates import relative_date
from hybrid_search.query.understood.vocabulary import IndexVocabulary
from hybrid_search.query.understood.yearly_times import yearly_time

_BEFORE = frozenset("before vor avant prima voor antes".split())
_AFTER = frozenset("after nach apres dopo na despues depois".split())
_SINCE = frozenset("since seit ab depuis desde dal sinds".split())
_UNTIL = frozenset("until till bis jusqu'en hasta fino ate tot through".split())
_BOUNDS: Mapping[str, Callable[[Stretch], Stretch]] = {
    **dict.fromkeys(_BEFORE, before),
    **dict.fromkeys(_AFTER, after),
    **dict.fromkeys(_SINCE, since),
    **dict.fromkeys(_UNTIL, until),
}
_BETWEEN = frozenset("between zwischen entre tra fra tussen".split())
_FROM = frozenset("from von de da van del vom".split())
_TO = frozenset("and to until till und bis et a y hasta e - – — tot through au en".split())
_MANY = 3
"""Stretches of a date that is that of any year."""
_LINKS = frozenset("de del di da the el la le".split())


def date_meaning(
    words: Sequence[TypedWord], at: int, lead: str, vocabulary: IndexVocabulary, *, today: datetime, alone: bool
) -> Meaning | None:
    """Return what the date that begins at a word means, without a clause where no picture was taken then.

    Parameters
    ----------
    words : sequence of TypedWord
    at : int
        Where the date begins.
    lead : str
        The preposition before it: "in may" is a month, "may" alone is none.
    vocabulary : IndexVocabulary
    today : datetime
        Noon of the present day, without a zone.
    alone : bool
        Whether nothing else is asked but what else is understood: "christmas", and not "christmas tree".

    Examples
    --------
    >>> from hybrid_search.query.understood.typed_words import typed_words
    >>> words = typed_words("before 2010")
    >>> date_meaning(words, 0, "", IndexVocabulary(years=(2008,)), today=datetime(2020, 1, 1, 12), alone=True).text
    'taken before 2010'
    """
    years = vocabulary.years
    if words[at].literal:
        return None
    here = _Place(words, lead, years or (today.year,), today, alone)
    dates = list(filter(None, (_bounded(here, at), _between(here, at), here.date(at))))
    for found in dates:
        kept = [stretch for stretch in found.stretches if stretch.overlaps(years)]
        if kept:
            clauses: list[dict[str, Any]] = [stretch.clause() for stretch in kept]
            for text in dict.fromkeys(_written(words[at:], found)):
                # the number of IMG_2019 is no year
                clauses += vocabulary.written(text, filename=not text.isdigit())
            return Meaning(found.length, f"taken {found.text}", any_of(clauses))
    return Meaning(dates[0].length, f"taken {dates[0].text}", None) if dates else None


@dataclass(frozen=True)
class _Place:
    """What is around a date."""

    words: Sequence[TypedWord]
    lead: str
    years: Sequence[int]
    today: datetime
    alone: bool

    def date(self, at: int) -> Dated | None:
        """Return the longest date that begins at a word, without "before" and the like."""
        return max(self._dates(at), key=lambda each: each.length, default=None)

    def _dates(self, at: int) -> Iterator[Dated]:
        if at >= len(self.words) or self.words[at].literal:
            return
        words, years = self.words, self.years
        stretches = () if self._is_number_of_file(at) else numeric_dates(words[at].word, self.today)
        if stretches:
            yield Dated(1, stretches, " or ".join(stretch.text for stretch in stretches))
        ways = (
            decade(words, at),
            month_phrase(words, at, self.lead, years=years, today=self.today),
            yearly_time(words, at, self.lead, years=years, today=self.today, alone=self.alone),
            relative_date(words, at, self.today),
        )
        yield from filter(None, ways)

    def _is_number_of_file(self, at: int) -> bool:
        return at > 0 and self.words[at - 1].word in ("img", "dsc", "dscn", "dscf", "pict", "image", "no", "nr", "#")


def _bounded(here: _Place, at: int) -> Dated | None:
    bound = _BOUNDS.get(here.words[at].word)
    if bound is None:
        return None
    start = at + 1
    while start < len(here.words) and here.words[start].word in _LINKS:
        start += 1
    found = here.date(start)
    if found is None or len(found.stretches) != 1:
        return None
    stretch = bound(found.stretches[0])
    return Dated(start + found.length - at, (stretch,), stretch.text, named=False)


def _between(here: _Place, at: int) -> Dated | None:
    """Return the date of "between 2015 and 2018", "from 2015 to 2018", "2015 to 2018" and "2015 – 2018"."""
    opened = here.words[at].word in _BETWEEN | _FROM
    first = here.date(at + opened)
    if first is None or len(first.stretches) != 1:
        return None
    link = at + opened + first.length
    # "in May 2015 and July 2016" are two dates
    links = _TO if opened else _TO - {"and", "und", "et", "y", "e", "a"}
    if link >= len(here.words) or (here.words[link].word or here.words[link].text) not in links:
        return None
    last = here.date(link + 1)
    if last is None or len(last.stretches) != 1:
        return None
    stretch = spanning(first.stretches[0], last.stretches[0])
    return Dated(link + 1 + last.length - at, (stretch,), stretch.text, named=False) if stretch else None


def _written(words: Sequence[TypedWord], found: Dated) -> Iterator[str]:
    """Yield the ways in which a date stands in titles and folders: as it was typed, and as files are named after it."""
    if found.named:
        yield phrase_text(" ".join(each.word for each in words[: found.length]))
        if len(found.stretches) < _MANY:
            yield from (stretch.iso for stretch in found.stretches if stretch.iso)
