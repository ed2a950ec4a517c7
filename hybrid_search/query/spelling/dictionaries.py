"""The ordinary words of languages, with how often they are used, from the dictionaries that pyspellchecker carries."""

from __future__ import annotations

import gzip
from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec

ENGLISH = "en"
LANGUAGES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
}
_NOT_COUNTED = 50
"""What the dictionaries have for a word whose use was not counted, or hardly."""

_RARE = 1_646
"""A millionth of the words that the English dictionary was counted in."""


def uses(word: str, language: str) -> int:
    """Return how often a language uses a word in some hundred million words, 0 for a word that it does not have.

    Parameters
    ----------
    word : str
        In any case.
    language : str
        One of `LANGUAGES`.

    Examples
    --------
    >>> uses("garden", "en") > 10_000, uses("gardn", "en"), uses("Hund", "de") > 0
    (True, 0, True)
    """
    text, key = _dictionary(language), word.lower().encode()
    # An entry a line, in the order of their bytes: halving takes microseconds, a search 10 ms, parsing 0.4 s.
    low, high = text.find(b"\n") + 1, max(text.rfind(b"}"), 0)
    while low < high:
        start = text.rfind(b"\n", low, (low + high) // 2) + 1 or low
        end = text.index(b"\n", start)
        entry, _, count = text[start:end].rpartition(b":")
        if entry[1:-1] == key:
            return int(count.rstrip(b","))
        low, high = (end + 1, high) if entry[1:-1] < key else (low, start)
    return 0


def is_common(word: str, language: str) -> bool:
    """Tell whether a language has a word, and people use it.

    Examples
    --------
    >>> is_common("plage", "fr"), is_common("plage", "en")
    (True, False)
    """
    return uses(word, language) > _NOT_COUNTED


def is_rare(word: str) -> bool:
    """Tell whether English uses a word less than once in a million words.

    Examples
    --------
    >>> is_rare("sidney"), is_rare("shirt")
    (True, False)
    """
    return uses(word, ENGLISH) < _RARE


def languages_of(word: str) -> list[str]:
    """Return the languages that have a word.

    Examples
    --------
    >>> languages_of("Geburtstag"), languages_of("gardn")
    (['de'], [])
    """
    return [language for language in LANGUAGES if uses(word, language)]


@lru_cache(maxsize=len(LANGUAGES))
def _dictionary(language: str) -> bytes:
    """Return a dictionary as the JSON that it is: to look a few words up, reading it all would take a second."""
    if find_spec("spellchecker") is None:
        return b""
    packed = files("spellchecker") / "resources" / f"{language}.json.gz"
    return gzip.decompress(packed.read_bytes())
