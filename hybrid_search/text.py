"""What a person types to search, as clauses; no text of theirs reaches a clause with a syntax of its own."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from hybrid_search.errors import QueryError

__all__ = [
    "MAX_CHARACTERS",
    "MAX_TERMS",
    "TEXT_FIELDS",
    "ParsedText",
    "excluded_clauses",
    "parse_text",
    "text_fields",
    "text_leg",
]

MAX_CHARACTERS = 1_000
MAX_TERMS = 64
TEXT_FIELDS = {
    "caption": 3.0,
    "title": 3.0,
    "headline": 3.0,
    "alt_text": 3.0,
    "people.text": 2.0,
    "tags.text": 2.0,
    "written_labels.text": 2.0,
    "labels.text": 1.0,
    "hypernyms": 0.5,
    "prompt": 1.0,
    "filename_text": 1.0,
    "place_text": 1.0,
    "camera_text": 1.0,
}
"""The fields that words are searched in, and how much each counts: a person's own words most, derived ones least."""

_EVERY_FIELD = {name: boost for name, boost in TEXT_FIELDS.items() if name != "written_labels.text"}
"""What is excluded is so also where it was predicted; written labels are labels too."""
_PREDICTED_FIELDS = ("labels.text", "hypernyms")
_PHRASE_FIELDS = (
    *("caption", "title", "headline", "alt_text", "people.text", "tags.text", "labels.text", "prompt"),
    *("filename_text", "place_text", "camera_text"),
)
_WHOLE_TEXT_FIELDS = ("caption", "title")
_WHOLE_TEXT = 2 / 3
"""How much a whole text in order counts, beside one of its words."""
_STOP_WORDS = frozenset(
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this "
    "to was will with".split()
)
"""What the `_english_` filter of an index leaves out of its texts."""
_PARTS = re.compile(r'(-?)"([^"]*)"|(\S+)')
_FILE_NAME = re.compile(r"\S+\.[A-Za-z0-9]{2,5}")


@dataclass(frozen=True)
class ParsedText:
    """A text in parts: `terms` of which some should match, `phrases` that must, `excluded` ones that must not.

    `fields` are those that terms are looked for in, and how much each counts.
    """

    terms: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    fields: Mapping[str, float] = field(default_factory=lambda: TEXT_FIELDS, repr=False, hash=False)

    @property
    def asked(self) -> str:
        """The text without what it excludes, for an embedder."""
        return " ".join((*self.phrases, *self.terms))

    @property
    def words(self) -> int:
        """How many terms there are that an index keeps: others, such as "the", match nothing."""
        return sum(term.lower().strip("\"'.,;:!?()") not in _STOP_WORDS for term in self.terms)


def parse_text(text: str) -> ParsedText:
    """Return the parts of a text: words, "quoted phrases", and either with a leading minus to exclude it.

    Raises
    ------
    QueryError
        When the text is too long or is not valid Unicode.

    Examples
    --------
    >>> parse_text('dog "red ball" -beach')
    ParsedText(terms=('dog',), phrases=('red ball',), excluded=('beach',))
    """
    if len(text) > MAX_CHARACTERS:
        raise QueryError(f"text has {len(text):,} characters, more than {MAX_CHARACTERS:,}; search for fewer words")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise QueryError("text has characters that are not valid Unicode")
    terms: list[str] = []
    phrases: list[str] = []
    excluded: list[str] = []
    for minus, phrase, word in _PARTS.findall(re.sub("[“”„«»]", '"', text)):
        if word:
            minus, words = ("-", [word[1:]]) if word.startswith("-") else ("", _pieces(word))
            (excluded if minus else terms).extend(filter(_says_something, words))
        elif _says_something(phrase):
            (excluded if minus else phrases).append(phrase.strip())
    each_once = [tuple(dict.fromkeys(part)) for part in (terms, phrases, excluded)]
    parsed = ParsedText(terms=each_once[0], phrases=each_once[1], excluded=each_once[2])
    count = len(parsed.terms) + len(parsed.phrases) + len(parsed.excluded)
    if count > MAX_TERMS:
        raise QueryError(f"text has {count} words, more than {MAX_TERMS}; search for fewer")
    return parsed


def text_fields(known: Collection[str], *, predicted: bool = True, even: bool = False) -> dict[str, float]:
    """Return the fields that words are looked for in, and how much each counts.

    Parameters
    ----------
    known : collection of str
        The fields of the index; one that was made before a field was thought of lacks it.
    predicted : bool
        Look among predicted labels too, and not in what people wrote alone.
    even : bool
        Have no field of what people wrote count more than another, so that the score of a word tells how rare it is
        in its field.

    Examples
    --------
    >>> text_fields(["caption", "labels.text", "hypernyms"], even=True)
    {'caption': 1.0, 'labels.text': 1.0, 'hypernyms': 0.5}
    """
    fields = {name: boost for name, boost in TEXT_FIELDS.items() if name in known}
    return {
        name: min(boost, 1.0) if even else boost
        for name, boost in fields.items()
        if predicted or name not in _PREDICTED_FIELDS
    }


def text_leg(parsed: ParsedText) -> dict[str, Any] | None:
    """Return the clause that finds and ranks documents by their texts, None when nothing is asked for.

    Each word is looked for in all fields and counts in the best of them (BM25), so that a match of all the words
    in several fields beats one word in many; the whole text in order gains more.
    """
    if not parsed.terms and not parsed.phrases:
        return None
    should = [clause for term in parsed.terms for clause in _term_clauses(term, parsed.fields)]
    if len(parsed.terms) > 1:
        whole = " ".join(parsed.terms)
        boosts = {field: _WHOLE_TEXT * parsed.fields[field] for field in _WHOLE_TEXT_FIELDS}
        should += [_phrase(field, whole, boost=boost) for field, boost in boosts.items()]
    must = [_phrase_anywhere(phrase) for phrase in parsed.phrases]
    leg: dict[str, Any] = {"_name": "text"}
    if must:
        leg["must"] = must
    if should:
        leg["should"] = should
        leg["minimum_should_match"] = 0 if must else 1
    return {"bool": leg}


def excluded_clauses(parsed: ParsedText) -> list[dict[str, Any]]:
    """Return filter clauses that keep out every document with an excluded word or phrase, in all legs alike."""
    return [
        {"bool": {"must_not": [_phrase_anywhere(words) if " " in words else _in_any_field(words, _EVERY_FIELD)]}}
        for words in parsed.excluded
    ]


def _term_clauses(term: str, fields: Mapping[str, float]) -> list[dict[str, Any]]:
    clauses = [_in_any_field(term, fields)]
    if _FILE_NAME.fullmatch(term):
        clauses.append({"term": {"filename": {"value": term, "boost": 5.0}}})
    return clauses


def _in_any_field(term: str, fields: Mapping[str, float]) -> dict[str, Any]:
    return {
        "multi_match": {
            "query": term,
            "type": "best_fields",
            "fields": [name if boost == 1 else f"{name}^{boost:g}" for name, boost in fields.items()],
            "tie_breaker": 0.3,
            # "t-shirt" is one word to who types it, two terms to the analyser, and both belong to one field.
            "operator": "and",
        }
    }


def _phrase_anywhere(phrase: str) -> dict[str, Any]:
    fields = [_phrase(field, phrase, boost=TEXT_FIELDS[field]) for field in _PHRASE_FIELDS]
    return {"bool": {"should": fields, "minimum_should_match": 1}}


def _phrase(field: str, phrase: str, *, boost: float) -> dict[str, Any]:
    return {"match_phrase": {field: {"query": phrase, "boost": boost}}}


def _pieces(word: str) -> list[str]:
    # File names are indexed with their underscores as spaces, and analysers keep words with underscores whole.
    return (
        [word] if _FILE_NAME.fullmatch(word) else [piece for piece in word.replace('"', " ").replace("_", " ").split()]
    )


def _says_something(word: str) -> bool:
    return any(character.isalnum() or not character.isascii() for character in word)
