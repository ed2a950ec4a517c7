"""Words that belong to a part without meaning anything of their own: "photos taken with", "in the", "pictures of"."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid_search.query.understood.model import TypedWord
from hybrid_search.query.understood.ordinary_words import (
    AND_WORDS,
    ARTICLES,
    IN_WORDS,
    LEADING_WORDS,
    PICTURE_WORDS,
    TAKEN_WORDS,
    WITH_WORDS,
)

_BEFORE = ARTICLES | IN_WORDS | WITH_WORDS


def lead_of(words: Sequence[TypedWord], at: int) -> str:
    """Return the preposition before a word, articles passed over; "" where there is none.

    Examples
    --------
    >>> from hybrid_search.query.understood.typed_words import typed_words
    >>> lead_of(typed_words("taken with my Canon"), 3)
    'with'
    """
    before = at - 1
    while before >= 0 and not words[before].literal and words[before].word in ARTICLES - WITH_WORDS - IN_WORDS:
        before -= 1
    if before >= 0 and words[before].word in IN_WORDS | WITH_WORDS and not words[before].literal:
        return words[before].word
    return ""


def with_connecting_words(words: Sequence[TypedWord], spans: Sequence[tuple[int, int]]) -> set[int]:
    """Return the places of all words of some parts, with those that connect them.

    Before a part these are articles and prepositions, "taken" before them, and "photos" before that; after it "photos".
    What opens the text, as in "photos of dogs in Paris", belongs to the part too.

    Parameters
    ----------
    words : sequence of TypedWord
    spans : sequence of (int, int)
        First place of each part, and the one after its last.

    Examples
    --------
    >>> from hybrid_search.query.understood.typed_words import typed_words
    >>> sorted(with_connecting_words(typed_words("sunset photos taken in Paris"), [(4, 5)]))
    [1, 2, 3, 4]
    """
    taken = {place for start, end in spans for place in range(start, end)}
    for start, end in spans:
        _take_before(words, start - 1, taken)
        while end < len(words) and _is(words[end], PICTURE_WORDS):
            taken.add(end)
            end += 1
            if end < len(words) and words[end].word in ("of", "von", "de", "di"):
                taken.add(end)
                end += 1
    if taken:
        _take_opening(words, taken)
        _take_links(words, taken)
    return taken


def _take_before(words: Sequence[TypedWord], place: int, taken: set[int]) -> None:
    for kinds in (_BEFORE, TAKEN_WORDS, PICTURE_WORDS):
        while place >= 0 and place not in taken and _is(words[place], kinds):
            taken.add(place)
            place -= 1


def _take_opening(words: Sequence[TypedWord], taken: set[int]) -> None:
    """Take "show me all photos of" at the start of a text."""
    place = 0
    while place < len(words) and (place in taken or _is(words[place], LEADING_WORDS | ARTICLES)):
        place += 1
    if place < len(words) and _is(words[place], PICTURE_WORDS):
        taken.update(range(place + 1))
        while place + 1 < len(words) and _is(words[place + 1], AND_WORDS | TAKEN_WORDS):
            place += 1
            taken.add(place)


def _take_links(words: Sequence[TypedWord], taken: set[int]) -> None:
    """Take what has nothing left to link: "and" between a part and the end, or between two parts."""
    left = [place for place in range(len(words)) if place not in taken]
    while left and left[-1] + 1 in taken and _is(words[left[-1]], AND_WORDS):
        taken.add(left.pop())
    while left and left[0] - 1 in taken and _is(words[left[0]], AND_WORDS | TAKEN_WORDS):
        taken.add(left.pop(0))
    for place in left[1:-1]:
        if {place - 1, place + 1} <= taken and _is(words[place], AND_WORDS | TAKEN_WORDS):
            taken.add(place)


def _is(word: TypedWord, kinds: frozenset[str]) -> bool:
    return not word.literal and (word.word or word.text) in kinds
