"""The one analysis of words: what is stored and what is asked become the same text before any backend sees them.

A server that lacks Elasticsearch's analysis-common module only splits texts at word boundaries, and the embedded
backend's analysers are not quite a server's. So whatever decides whether two spellings are one word is done here:
Unicode forms, accents, letters that are two in one script and one in another, apostrophes, hyphens, underscores, and
words that are written as one. Plain words in ASCII pass unchanged, at the cost of one search of a regular expression.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_TO_DO = re.compile(r"[^\x00-\x7f]|['_\-]|[a-z][A-Z]|[A-Z]{2}[a-z]{2}|[A-Za-z]{3}[0-9]|[0-9]{4}[A-Za-z]{3}")
_PLAIN_SIGNS = str.maketrans({**dict.fromkeys("’‘ʼ´`", "'"), **dict.fromkeys("‐‑", "-"), **dict.fromkeys("™®©℠", " ")})
_UNSEEN = re.compile("[\u00ad\u200c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# Accents of Latin, Greek and Cyrillic (but й is a letter of its own), points of Hebrew, vowel signs and tatweel of
# Arabic. Marks of other scripts, such as Thai vowels and the voiced kana, are letters.
_MARKS = re.compile(
    "(?<!и)[\u0300-\u036f]|[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]|[\u0640\u064b-\u065f\u0670]"
)
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i", "ħ": "h", "ς": "σ"}
)
_ELIDED = re.compile(r"(?<![\w'])(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu|d?all|nell|sull|dell|un)'(?=\w\w)", re.I)
_POSSESSIVE = re.compile(r"(?<=\w)'s(?![\w'])", re.I)
_CONTRACTION = re.compile(r"(?:t|re|ve|ll|d|m|s)", re.I)
_WORD = re.compile(r"\w+(?:['\-]\w+)*")
_NAME_WORD = re.compile(r"[^\W_]+")
_SMALL, _CAPITAL = "a-zß-öø-ÿ", "A-ZÀ-ÖØ-Þ"
_INSIDE = re.compile(
    rf"(?<=[{_SMALL}])(?=[{_CAPITAL}])|(?<=[{_CAPITAL}])(?=[{_CAPITAL}][{_SMALL}]{{2}})"
    rf"|(?<=[{_SMALL}{_CAPITAL}]{{3}})(?=[0-9])|(?<=[0-9]{{4}})(?=[{_SMALL}{_CAPITAL}]{{3}})"
)
_NAME_SIGNS = re.compile(r"[\x00-\x20!-&(-,./:-@\[-`{-\x7f]+")
_LONGEST = 30
"""Characters of two parts that are also one word: "re-enactment", and no two long names that a hyphen joins."""


def compose(text: str) -> str:
    """Return a text with each letter and its accents as one character where Unicode has it (NFC).

    It looks the same. The names of files arrive decomposed from macOS.

    Examples
    --------
    >>> compose("Bru\u0308cke") == "Brücke"
    True
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def fold(text: str) -> str:
    """Return a text in small letters without accents, as words are compared; its signs stay.

    Examples
    --------
    >>> fold("İSTANBUL"), fold("Αθήνας"), fold("Ёлка"), fold("ﾎﾃﾙ"), fold("Straße")
    ('istanbul', 'αθηνασ', 'елка', 'ホテル', 'strasse')
    """
    if text.isascii():
        return text.lower()
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text).lower())
    return unicodedata.normalize("NFC", bare).translate(_LETTERS)


def search_text(text: str) -> str:
    """Return what is indexed of a text: its words as they are compared, then other ways to write them.

    Examples
    --------
    >>> search_text("golden_retriever at l'Île d'Yeu"), search_text("WhatsApp T-shirt"), search_text("a red boat")
    ('golden retriever at ile yeu', 'WhatsApp T shirt Whats App Tshirt', 'a red boat')
    """
    if _TO_DO.search(text) is None:
        return text
    whole, more = _analysed(text)
    return " ".join([whole, *more])


def phrase_text(text: str) -> str:
    """Return what is looked for of a text whose words must follow each other.

    Examples
    --------
    >>> phrase_text("WhatsApp Image"), phrase_text("golden_retriever")
    ('WhatsApp Image', 'golden retriever')
    """
    return _analysed(text)[0] if _TO_DO.search(text) else text


def name_words(text: str) -> list[str]:
    """Return the words of a name as names are compared: letters and digits, folded.

    Examples
    --------
    >>> name_words("Châlons-sur-Marne"), name_words("golden_gate")
    (['chalons', 'sur', 'marne'], ['golden', 'gate'])
    """
    return _NAME_WORD.findall(fold(phrase_text(text)))


def spellings(word: str) -> tuple[str, ...]:
    """Return the ways in which a word that is asked for may be written; of several parts all must be there.

    Examples
    --------
    >>> spellings("t-shirt"), spellings("EiffelTower"), spellings("dog")
    (('t shirt', 'tshirt'), ('EiffelTower', 'Eiffel Tower'), ('dog',))
    """
    if _TO_DO.search(word) is None:
        return (word,)
    whole, more = _analysed(word)
    letters = len(re.sub("[ ']", "", whole))
    # a part of a word is not that word, and "I phone" is no way to write iPhone
    others = [other for other in more if len(other.replace(" ", "")) == letters and min(map(len, other.split())) > 1]
    return tuple(dict.fromkeys((whole, *others)))


def name_text(name: str) -> str:
    """Return what is indexed of the name of a file or folder, in which signs stand between words.

    Examples
    --------
    >>> name_text("Paris_trip.2019 eiffelTower")
    'Paris trip 2019 eiffelTower eiffel Tower'
    """
    return search_text(_NAME_SIGNS.sub(" ", name).strip())


def _analysed(text: str) -> tuple[str, list[str]]:
    """Return the words of a text as they are compared, and other ways to write some of them."""
    ascii = text.isascii()
    if not ascii:
        text = unicodedata.normalize("NFKC", _UNSEEN.sub("", text).translate(_PLAIN_SIGNS))
    text = text.replace("_", " ")
    if "'" in text:
        text = _ELIDED.sub("", _POSSESSIVE.sub("", text))
    more = dict.fromkeys(other for word in _WORD.findall(text) for other in _others(word))
    text = text.replace("-", " ")
    return (text, [*more]) if ascii else (fold(text), [fold(other) for other in more])


def _others(word: str) -> Iterator[str]:
    parts = re.split("['-]", word)
    if len(parts) == 2 and len(word) <= _LONGEST and not word.replace("-", "").isdigit():
        yield "".join(parts)
    if "'" in word and not _CONTRACTION.fullmatch(parts[-1]):
        yield from (part for part in parts if len(part) > 2)
    for part in parts:
        inside = _INSIDE.split(part)
        if len(inside) > 1:
            yield " ".join(inside)
