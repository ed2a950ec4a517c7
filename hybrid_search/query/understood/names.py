"""Cameras, lenses, places and people: what is typed as one of the index's own names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from hybrid_search.query.understood.model import Meaning, TypedWord, any_of
from hybrid_search.query.understood.ordinary_words import (
    COMMON_CAMERA_WORDS,
    GERMAN_NOUNS,
    IN_WORDS,
    ORDINARY_NAMES,
    WITH_WORDS,
)
from hybrid_search.query.understood.vocabulary import PLACES, IndexVocabulary, Named

_LONGEST = 7
"""Words of a name: "Nikon AF-S 24-70mm f/2.8E ED VR"."""
_KINDS = {
    "camera.make": "camera",
    "camera.model": "camera",
    "lens": "lens",
    **dict.fromkeys(PLACES, "place"),
    "people": "person",
}
_STOP = IN_WORDS | WITH_WORDS


def name_meaning(words: Sequence[TypedWord], at: int, lead: str, vocabulary: IndexVocabulary) -> Meaning | None:
    """Return what the longest name that begins at a word means, None where none does.

    Parameters
    ----------
    words : sequence of TypedWord
    at : int
        Where the name begins.
    lead : str
        The preposition before it, "" without one: "in" is followed by a place, "with" by a person or a camera.
    vocabulary : IndexVocabulary

    Examples
    --------
    >>> from hybrid_search.query.understood.typed_words import typed_words
    >>> known = IndexVocabulary(whole={"canon": (("camera.make", "canon"),)})
    >>> name_meaning(typed_words("Canon beach"), 0, "", known).text
    'the camera Canon'
    """
    for end, key in reversed(list(_keys(words, at))):
        named: Sequence[Named] = vocabulary.named(key)
        if not named or (end == at + 1 and not _is_name(words[at], lead, named, vocabulary)):
            continue
        if key not in vocabulary.whole and end < len(words) and _is_another_model(words[end], named):
            continue
        named = _as_led(named, lead)
        typed = " ".join(each.text.strip(",;:!?.()") for each in words[at:end]).removesuffix("'s").removesuffix("’s")
        kinds = list(dict.fromkeys(_KINDS[field] for field, _ in named))
        searched = " ".join(each.word for each in words[at:end])
        clause = any_of([*_terms(named), *vocabulary.written(searched)])
        return Meaning(end - at, f"the {' or the '.join(kinds)} {typed}", clause)
    return None


def _keys(words: Sequence[TypedWord], at: int) -> Iterator[tuple[int, str]]:
    key = ""
    for end in range(at, min(len(words), at + _LONGEST)):
        if words[end].literal:
            return
        key += words[end].key
        # "Paris, 2019" and "Paris with Anna" go on after the name
        if words[end].key:
            yield end + 1, key


def _is_name(word: TypedWord, lead: str, named: Sequence[Named], vocabulary: IndexVocabulary) -> bool:
    """Tell whether one word is meant as a name: "turkey" is one after "in", or with a capital letter."""
    if len(word.key) < 2 or word.key.isdigit() or word.key in _STOP:
        return False
    fields = {field for field, _ in named}
    capital = word.capital and word.key not in GERMAN_NOUNS
    if fields <= {"camera.make", "camera.model"} and word.key in COMMON_CAMERA_WORDS | ORDINARY_NAMES:
        return capital
    if word.key in ORDINARY_NAMES:
        return capital or (lead in IN_WORDS and any(field in PLACES for field in fields))
    return True


def _is_another_model(following: TypedWord, named: Sequence[Named]) -> bool:
    """Tell whether the number after a camera's name says that it is none of these: "iPhone 11" among iPhones 12."""
    number = following.key[:1].isdigit() and len(following.key) < len("2019") and not following.literal
    return number and all(field == "camera.model" for field, _ in named)


def _as_led(named: Sequence[Named], lead: str) -> Sequence[Named]:
    """Return the values that a preposition leaves: of a person and a town, "in Florence" is the town."""
    in_place = lead in IN_WORDS - WITH_WORDS
    with_them = lead in WITH_WORDS - IN_WORDS
    kept = [(field, value) for field, value in named if (field in PLACES) == in_place] if in_place or with_them else []
    return kept or named


def _terms(named: Sequence[Named]) -> list[dict[str, object]]:
    values: defaultdict[str, list[str]] = defaultdict(list)
    for field, value in named:
        values[field].append(value)
    return [{"terms": {field: each}} if len(each) > 1 else {"term": {field: each[0]}} for field, each in values.items()]
