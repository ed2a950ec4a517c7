"""What a text was probably meant to be, of which the index does not know every word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from hybrid_search.query.spelling.dictionaries import ENGLISH, is_common, is_rare, languages_of
from hybrid_search.query.spelling.model import Correction, NearWord
from hybrid_search.query.spelling.near_words import FEWEST_LETTERS, NearWords
from hybrid_search.query.text import is_stop_word, parse_text

if TYPE_CHECKING:
    from hybrid_search.query.index_state import IndexState

_CLEARLY_MORE = 4
"""Of words that are as near, the one that is in so many times as many pictures is meant."""
_LETTERS, _LETTERS_OF_TWO_EDITS = 5, 8
"""A wrong correction is worse than none: names of towns that an index lacks are two edits from some word of it."""
_MOST_WORDS = 3
"""Of longer texts, words that stand side by side are seldom one."""


@dataclass(frozen=True)
class Proposal:
    """A correction, and whether it is clear enough to be searched at once."""

    correction: Correction
    clear: bool


def propose(index: IndexState, text: str, *, found: bool) -> Proposal | None:
    """Return what a text was probably meant to be, None where that is not known or it is no typo.

    A word that is in a dictionary is no typo, though no picture has it. A rare one of English, such as a name, is a
    suggestion where nothing was found by what it resembles.

    Parameters
    ----------
    index : IndexState
    text : str
        As typed.
    found : bool
        Whether the text has found something, without a picture that holds all of its words.
    """
    words = [word for word in parse_text(text).terms if not is_stop_word(word)]
    plain = [word for word in words if word.isalpha()]
    # most words are common ones of English, for which no other dictionary has to be read
    languages = {word: languages_of(word) for word in plain if len(word) >= FEWEST_LETTERS and is_rare(word)}
    wanted = [word for word, of in languages.items() if not of or (_is_rare_name(word, of) and not found)]
    pairs = {first + second: (first, second) for first, second in _pairs(words) if languages_of(first + second)}
    if not wanted and not pairs:
        return None
    near = NearWords(index.backend, index.definition, wanted, joined=list(pairs))
    for whole, (first, second) in pairs.items():
        if near.is_known(whole):
            return _replaced(text, {f"{first} {second}": whole}, clear=True)
    meant: dict[str, str] = {}
    clear = True
    for word in wanted:
        if not near.is_known(word) and (candidates := near.near(word)):
            meant[word] = candidates[0].word
            clear = clear and not languages[word] and _is_clear(word, candidates)
    return _replaced(text, meant, clear=clear) if meant else None


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    if len(words) <= _MOST_WORDS:
        yield from ((first, second) for first, second in pairwise(words) if first.isalpha() and second.isalpha())


def _is_rare_name(word: str, languages: Sequence[str]) -> bool:
    return is_rare(word) and (is_common(word, ENGLISH) or languages == [ENGLISH])


def _is_clear(word: str, candidates: Sequence[NearWord]) -> bool:
    first, *others = candidates
    if len(word) < _LETTERS or (first.edits > 1 and len(word) < _LETTERS_OF_TWO_EDITS):
        return False
    if word[0].isupper() and first.word.islower():
        # a name is not meant to be a word that is none
        return False
    return all(
        other.edits > first.edits or other.pictures * _CLEARLY_MORE <= first.pictures or _is_form(other, first)
        for other in others
    )


def _is_form(one: NearWord, other: NearWord) -> bool:
    """Tell whether a word is another with a longer or shorter end: "weddings", "wedding"."""
    short, long = sorted((one.word.lower(), other.word.lower()), key=len)
    return long.startswith(short)


def _replaced(text: str, meant: dict[str, str], *, clear: bool) -> Proposal | None:
    corrected = text
    for typed, word in meant.items():
        apart = r"\s+".join(map(re.escape, typed.split()))
        corrected = re.sub(rf"(?<![\w\-]){apart}(?!\w)", lambda _, word=word: word, corrected, count=1)  # type: ignore[misc]
    if corrected == text:
        return None
    return Proposal(Correction(" ".join(meant), " ".join(meant.values()), corrected), clear)
