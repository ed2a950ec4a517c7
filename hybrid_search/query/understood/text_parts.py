"""A typed text in parts: those that mean more than words, and the words that are left."""

from __future__ import annotations

from datetime import datetime

from hybrid_search.query.understood.colour_words import colour_meaning
from hybrid_search.query.understood.connecting_words import lead_of, with_connecting_words
from hybrid_search.query.understood.dates import date_meaning
from hybrid_search.query.understood.kinds import kind_meaning
from hybrid_search.query.understood.model import Meaning, TypedWord, Understanding, Understood
from hybrid_search.query.understood.names import name_meaning
from hybrid_search.query.understood.settings import setting_meaning
from hybrid_search.query.understood.typed_words import typed_words, words_without
from hybrid_search.query.understood.vocabulary import IndexVocabulary

Found = dict[int, Meaning]


def understand(text: str, vocabulary: IndexVocabulary, *, now: datetime | None = None) -> Understanding:
    """Return the parts of a text that mean more than words in an index, and the words that are left.

    A name is one only where the index has it, and a date only where pictures were taken then. A part's clause also
    takes pictures of which its words are written: "Paris" those taken there, and those with this tag.

    Parameters
    ----------
    text : str
        As typed. What stands in quotes or after a minus is left as it is.
    vocabulary : IndexVocabulary
        What the index has.
    now : datetime, optional
        What "last year" is counted from; the present of this computer's clock when absent.

    Examples
    --------
    >>> known = IndexVocabulary(whole={"canon": (("camera.make", "canon"),)}, years=(2018, 2019))
    >>> meant = understand("sunset 2019 taken with Canon", known)
    >>> meant.words, [str(part) for part in meant.parts]
    ('sunset', ['2019 as taken in 2019', 'Canon as the camera Canon'])
    """
    today = (now or datetime.now()).replace(hour=12, minute=0, second=0, microsecond=0, tzinfo=None)
    words = typed_words(text)
    found = _meanings(words, vocabulary, today, alone=False)
    alone = _meanings(words, vocabulary, today, alone=True)
    if alone != found and not words_without(words, with_connecting_words(words, _spans(alone))).strip():
        # "square" and "christmas" are meant as such where nothing else is asked
        found = alone
    if not found:
        return Understanding(text)
    # colours stay among the words: what is written "red" comes first, and an embedder reads whole sentences
    others = {at: each for at, each in found.items() if not each.colour}
    left = words_without(words, with_connecting_words(words, _spans(others)))
    if not words_without(words, with_connecting_words(words, _spans(found))).strip():
        left = " ".join(words[at].text for at, each in found.items() if each.colour)
    parts = tuple(_understood(words, at, each) for at, each in found.items())
    return Understanding(left, parts)


def _meanings(words: list[TypedWord], vocabulary: IndexVocabulary, today: datetime, *, alone: bool) -> Found:
    found: Found = {}
    at = 0
    while at < len(words):
        meaning = None if words[at].literal else _meaning(words, at, vocabulary, today, alone=alone)
        if meaning is None:
            at += 1
        else:
            found[at] = meaning
            at += meaning.length
    return found


def _meaning(
    words: list[TypedWord], at: int, vocabulary: IndexVocabulary, today: datetime, *, alone: bool
) -> Meaning | None:
    """Return the longest meaning of the words from one on; of equally long ones the first."""
    lead = lead_of(words, at)
    ways = (
        setting_meaning(words, at, vocabulary, alone=alone),
        date_meaning(words, at, lead, vocabulary, today=today, alone=alone),
        name_meaning(words, at, lead, vocabulary),
        kind_meaning(words, at, vocabulary, alone=alone),
        colour_meaning(words, at, vocabulary),
    )
    return max(filter(None, ways), key=lambda each: each.length, default=None)


def _spans(found: Found) -> list[tuple[int, int]]:
    return [(at, at + each.length) for at, each in found.items()]


def _understood(words: list[TypedWord], at: int, meaning: Meaning) -> Understood:
    return Understood(_part(words, at, meaning.length), meaning.text, meaning.clause, meaning.colour)


def _part(words: list[TypedWord], at: int, length: int) -> str:
    return " ".join(each.text for each in words[at : at + length]).strip(",;:!?")
