"""What a person types to search, as clauses; no text of theirs reaches a clause with a syntax of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hybrid_search.document.search_text import compose, fold, phrase_text, spellings
from hybrid_search.errors import QueryError

MAX_CHARACTERS = 1_000
MAX_TERMS = 64
TEXT_FIELDS = {
    "caption_text": 3.0,
    "title_text": 3.0,
    "headline_text": 3.0,
    "alt_text": 3.0,
    "tags_text": 2.0,
    "people_text": 2.0,
    "written_labels_text": 2.0,
    "labels_text": 1.0,
    "hypernyms": 0.5,
    "prompt_text": 1.0,
    "text_in_picture_text": 1.0,
    "filename_text": 1.0,
    "folder_text": 1.0,
    "place_text": 1.0,
    "camera_text": 1.0,
}
"""The fields that words are searched in, and how much each counts: a person's own words most, derived ones least."""

_EVERY_FIELD = {name: boost for name, boost in TEXT_FIELDS.items() if name != "written_labels_text"}
"""What is excluded is so also where it was predicted; written labels are labels too."""
PREDICTED_FIELDS = ("labels_text", "hypernyms")
"""What an embedder took a picture for."""
_WHOLE_TEXT_FIELDS = ("caption_text", "title_text")
"""Sentences. Of their stop words only `every_word` knows: how long a text is, and so what a word in it counts, is told
by its other words."""
_WHOLE_TEXT = 2 / 3
"""How much a whole text in order counts, beside one of its words."""
_STOP_WORDS = frozenset(
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this "
    "to was with".split()
)
"""Words that weigh nothing beside others; they are found where nothing else is asked, in phrases, and in names.

They are those of Lucene's English list, but for "will", which is a name.
"""
_OPERATORS = frozenset({"AND", "OR", "NOT"})
_PARTS = re.compile(r'(-?)"([^"]*)"|(\S+)')
_FILE_NAME = re.compile(r"\S+\.[A-Za-z0-9]{2,5}")


Ways = Callable[[str, Mapping[str, float]], list[dict[str, Any]]]
"""What gives the clauses of a word in fields."""


@dataclass(frozen=True)
class ParsedText:
    """A text in parts: `terms` of which some should match, `phrases` that must, `excluded` ones that must not.

    `fields` are those that terms are looked for in, and how much each counts. `asked` is for an embedder, to which the
    order of words and their repeats tell something: the text as it was typed, without what it excludes. `colours` has
    the basic term of each word that names a colour.
    """

    terms: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    fields: Mapping[str, float] = field(default_factory=lambda: TEXT_FIELDS, repr=False, hash=False)
    asked: str = field(default="", repr=False, compare=False)
    colours: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    @cached_property
    def sought(self) -> tuple[str, ...]:
        """The terms that are looked for: without stop words such as "the", unless there is nothing else."""
        capitals = any(character.islower() for term in self.terms for character in term)
        kept = tuple(term for term in self.terms if not is_stop_word(term, capitals_tell=capitals))
        return kept or (() if self.phrases else self.terms)

    @property
    def words(self) -> int:
        """How many terms are looked for."""
        return len(self.sought)


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
    text = compose(text)
    terms: list[str] = []
    phrases: list[str] = []
    excluded: list[str] = []
    asked: list[str] = []
    for minus, phrase, word in _PARTS.findall(re.sub("[“”„«»]", '"', text)):
        if word:
            minus, words = ("-", [word[1:]]) if word.startswith("-") else ("", _pieces(word))
            (excluded if minus else terms).extend(filter(_says_something, words))
            asked += [] if minus else words
        elif _says_something(phrase):
            (excluded if minus else phrases).append(phrase.strip())
            asked += [] if minus else phrase.split()
    each_once = [tuple(dict.fromkeys(part)) for part in (terms, phrases, excluded)]
    parsed = ParsedText(each_once[0], each_once[1], each_once[2], asked=" ".join(asked) if terms or phrases else "")
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
    >>> text_fields(["caption_text", "labels_text", "hypernyms"], even=True)
    {'caption_text': 1.0, 'labels_text': 1.0, 'hypernyms': 0.5}
    """
    fields = {name: boost for name, boost in TEXT_FIELDS.items() if name in known}
    return {
        name: min(boost, 1.0) if even else boost
        for name, boost in fields.items()
        if predicted or name not in PREDICTED_FIELDS
    }


def text_leg(parsed: ParsedText, *, ways: Ways | None = None, least: int = 1) -> dict[str, Any] | None:
    """Return the clause that finds and ranks documents by their texts, None when nothing is asked for.

    Each word is looked for in all fields and counts in the best of them (BM25), so that a match of all the words
    in several fields beats one word in many; the whole text in order gains more. Of nothing but stop words, all must be
    there: each alone is nearly everywhere.

    Parameters
    ----------
    parsed : ParsedText
    ways : callable, optional
        Gives the clauses of a word in these fields; `word_ways` by default.
    least : int
        How many words a document has at least, where there is no phrase that it must have.
    """
    sought = parsed.sought
    if not sought and not parsed.phrases:
        return None
    should = [clause for term in sought for clause in (ways or word_ways)(term, parsed.fields)]
    must = [_phrase_anywhere(phrase) for phrase in parsed.phrases]
    if all(map(is_stop_word, sought)):
        must, should = [*must, *should], []
    if len(parsed.terms) > 1 and sought:
        whole = " ".join(parsed.terms)
        boosts = {field: _WHOLE_TEXT * parsed.fields[field] for field in _WHOLE_TEXT_FIELDS}
        boosts = boosts if should else with_every_word(boosts)
        should += [_phrase(field, whole, boost=boost) for field, boost in boosts.items()]
    leg: dict[str, Any] = {"_name": "text"}
    if must:
        leg["must"] = must
    if should:
        leg["should"] = should
        leg["minimum_should_match"] = 0 if must else least
    return {"bool": leg}


def excluded_clauses(parsed: ParsedText) -> list[dict[str, Any]]:
    """Return filter clauses that keep out every document with an excluded word or phrase, in all legs alike."""
    fields = with_every_word(_EVERY_FIELD)
    return [
        {"bool": {"must_not": [_phrase_anywhere(words) if " " in words else written(words, fields)]}}
        for words in parsed.excluded
    ]


def with_every_word(fields: Mapping[str, float]) -> dict[str, float]:
    """Return the fields in which stop words are found too, in the place of those in which they are not.

    Examples
    --------
    >>> with_every_word({"caption_text": 3.0, "tags_text": 2.0})
    {'caption_text.every_word': 3.0, 'tags_text': 2.0}
    """
    return {f"{name}.every_word" if name in _WHOLE_TEXT_FIELDS else name: boost for name, boost in fields.items()}


def is_stop_word(term: str, *, capitals_tell: bool = False) -> bool:
    """Tell whether a term weighs nothing; "IT" in a text that is not all in capitals is no "it"."""
    word = term.strip("\"'.,;:!?()")
    if capitals_tell and len(word) > 1 and word.isupper() and word not in _OPERATORS:
        return False
    return fold(word) in _STOP_WORDS


def file_stem(term: str) -> str:
    """Return the words of a term that looks like the name of a file, without its suffix; "" of another.

    Examples
    --------
    >>> file_stem("IMG_0108.JPG"), file_stem("dog")
    ('IMG 0108', '')
    """
    found = _FILE_NAME.fullmatch(term)
    return phrase_text(term.rpartition(".")[0].replace(".", " ")).strip() if found else ""


def word_ways(term: str, fields: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return the clauses for a word, any of which may match: in fields, and for the name of a file by that name."""
    clauses = [written(term, with_every_word(fields) if is_stop_word(term) else fields)]
    if stem := file_stem(term):
        clauses.append({"term": {"filename": {"value": term, "boost": 5.0}}})
        clauses.append({"match": {"filename_text": {"query": stem, "operator": "and"}}})
    return clauses


def written(term: str, fields: Mapping[str, float]) -> dict[str, Any]:
    """Return the clause for a word in any of its spellings, of which the best counts."""
    ways = [_in_any_field(way, fields) for way in spellings(term)]
    return ways[0] if len(ways) == 1 else {"dis_max": {"queries": ways}}


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
    boosts = with_every_word({name: boost for name, boost in _EVERY_FIELD.items() if name != "hypernyms"})
    fields = [_phrase(field, phrase, boost=boost) for field, boost in boosts.items()]
    return {"bool": {"should": fields, "minimum_should_match": 1}}


def _phrase(field: str, phrase: str, *, boost: float) -> dict[str, Any]:
    return {"match_phrase": {field: {"query": phrase_text(phrase), "boost": boost}}}


def _pieces(word: str) -> list[str]:
    # File names are indexed with their underscores as spaces, and analysers keep words with underscores whole.
    return [word] if file_stem(word) else word.replace('"', " ").replace("_", " ").split()


def _says_something(word: str) -> bool:
    return any(character.isalnum() or not character.isascii() for character in word)
