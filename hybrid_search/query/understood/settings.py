"""How a picture was taken, as photographers write it: ISO 3200, f/1.8, 1/500, 50mm, with flash."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hybrid_search.query.understood.exclusions import FLASH
from hybrid_search.query.understood.model import Meaning, TypedWord, any_of
from hybrid_search.query.understood.vocabulary import IndexVocabulary

_APERTURE = re.compile(r"[fƒ]/([0-9]{1,3}(?:[.,][0-9]{1,2})?)|[fƒ]([0-9]{1,2}[.,][0-9]{1,2})")
_EXPOSURE = re.compile(r"1/([0-9]{1,5})(s|sec|sek)?")
_LENGTH = re.compile(r"([0-9]{1,4}(?:[.,][0-9])?)mm")
_ISO = re.compile(r"iso-?([0-9]{2,7})")
_SECONDS = frozenset("s sec sek second seconds sekunden secondes segundos".split())
_NO_LENS = frozenset(
    "film films filmstreifen negative negatives negativ slide slides dia dias camera cannon gun".split()
)
"""After "35mm" these say what the film was."""
_WITHOUT = frozenset("without no ohne sans sin senza sem zonder".split())
_WITH = frozenset("with mit avec con com met".split())
_ROUNDING = 0.02
"""Cameras round what they write, 1/500 to 0.0020 s and 1/60 to 0.017 s."""


def setting_meaning(words: Sequence[TypedWord], at: int, vocabulary: IndexVocabulary, *, alone: bool) -> Meaning | None:
    """Return the setting that is written from a word on, without a clause where no picture of the index has it.

    "flash" is one where nothing else is asked (`alone`).

    Examples
    --------
    >>> from hybrid_search.query.understood.typed_words import typed_words
    >>> setting_meaning(typed_words("ISO 3200"), 0, IndexVocabulary(numbers={"iso": (100.0, 3200.0)}), alone=False).text
    'taken at ISO 3200'
    """
    word = words[at].word
    following = words[at + 1].word if at + 1 < len(words) and not words[at + 1].literal else ""
    if alone and word in FLASH:
        known = "true" in vocabulary.kinds.get("flash", ())
        return Meaning(1, "taken with flash", {"term": {"flash": True}}) if known else None
    if (word in _WITHOUT or word in _WITH) and following in FLASH:
        fired = word in _WITH
        known = str(fired).lower() in vocabulary.kinds.get("flash", ())
        said = "with flash" if fired else "without flash"
        return Meaning(2, f"taken {said}", {"term": {"flash": fired}} if known else None)
    if found := _ISO.fullmatch(word) or (word == "iso" and re.fullmatch(r"([0-9]{2,7})", following)) or None:
        known = vocabulary.between("iso", float(found[1]), float(found[1]))
        clause = {"term": {"iso": int(found[1])}}
        return Meaning(1 if found.string == word else 2, f"taken at ISO {found[1]}", clause if known else None)
    if found := _APERTURE.fullmatch(word):
        number = float((found[1] or found[2]).replace(",", "."))
        return _near("f_number", number, f"taken at f/{number:g}", vocabulary)
    if (found := _EXPOSURE.fullmatch(word)) and int(found[1]):
        return _exposure(int(found[1]), bool(found[2]), following, vocabulary)
    return _focal_length(words, at, vocabulary)


def _exposure(part: int, unit: bool, following: str, vocabulary: IndexVocabulary) -> Meaning | None:
    """Return the meaning of 1/500; "1/2" without a unit is a half of something."""
    seconds = following in _SECONDS
    if not unit and not seconds and part < 4:
        return None
    meaning = _near("exposure_time", 1 / part, f"exposed for 1/{part} s", vocabulary)
    return meaning and Meaning(2 if seconds else 1, meaning.text, meaning.clause)


def _focal_length(words: Sequence[TypedWord], at: int, vocabulary: IndexVocabulary) -> Meaning | None:
    following = [each.word for each in words[at + 1 : at + 3] if not each.literal]
    apart = following[:1] == ["mm"]
    found = _LENGTH.fullmatch(words[at].word + ("mm" if apart else ""))
    if found is None or (following[apart : apart + 1] and following[apart] in _NO_LENS):
        return None
    number = float(found[1].replace(",", "."))
    low, high = number - 0.5, number + 0.5
    clauses: list[dict[str, Any]] = [
        {"range": {name: {"gte": low, "lt": high}}}
        for name in ("focal_length", "focal_length_35mm")
        if vocabulary.between(name, low, high)
    ]
    lenses = [value for field, value in vocabulary.named(f"{found[1]}mm") if field == "lens"]
    clauses += [{"terms": {"lens": lenses}}] if lenses else []
    if not clauses:
        return None
    length = 1 + apart
    length += following[apart : apart + 1] in (["lens"], ["objektiv"], ["objectif"], ["objetivo"])
    return Meaning(length, f"taken at {number:g} mm or with such a lens", any_of(clauses))


def _near(field: str, number: float, text: str, vocabulary: IndexVocabulary) -> Meaning | None:
    low, high = number * (1 - _ROUNDING), number * (1 + _ROUNDING)
    if not vocabulary.between(field, low, high):
        return None
    return Meaning(1, text, {"range": {field: {"gte": low, "lte": high}}})
