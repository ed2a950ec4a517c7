"""The types of understanding: a typed word, a part with its meaning, and a text in parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Understood:
    """One part of a typed text with what it was taken to mean.

    Parameters
    ----------
    part : str
        As it was typed: "july 2019".
    meaning : str
        In plain English: "taken in July 2019".
    clause : mapping or None
        The Elasticsearch filter clause that every hit satisfies; None where nothing satisfies it together with the
        rest, so that the part was searched as words.
    colour : str
        The basic term of a colour, which stays among the words too; "" for another part.

    Examples
    --------
    >>> str(Understood("Canon", "the camera Canon", {"term": {"camera.make": "canon"}}))
    'Canon as the camera Canon'
    """

    part: str
    meaning: str
    clause: Mapping[str, Any] | None
    colour: str = ""

    def __str__(self) -> str:
        return f"{self.part} as {self.meaning}"


@dataclass(frozen=True)
class Understanding:
    """A typed text as the parts that were understood, and the words that are left to search.

    Parameters
    ----------
    words : str
        What goes to texts and vectors, as typed, without what was understood; "" where nothing is left.
    parts : tuple of Understood
        In their order in the text.
    """

    words: str
    parts: tuple[Understood, ...] = ()


@dataclass(frozen=True)
class TypedWord:
    """One word of a typed text.

    Parameters
    ----------
    text : str
        As typed, signs included: "Paris,".
    word : str
        Without signs around it, in small letters and without accents: "paris".
    key : str
        Letters and digits alone: "iphone12".
    literal : bool
        It stands in quotes or after a minus, and is left as it is.
    capital : bool
        It begins with a capital letter, is not the first of the text, and not all others do.
    """

    text: str
    word: str
    key: str
    literal: bool = False
    capital: bool = False


@dataclass(frozen=True)
class Meaning:
    """What some words in a row mean.

    Parameters
    ----------
    length : int
        How many words.
    text : str
        The meaning in plain English.
    clause : mapping
        A filter clause.
    colour : str
        The basic term of a colour, "" of another meaning.
    """

    length: int
    text: str
    clause: Mapping[str, Any]
    colour: str = ""


def any_of(clauses: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the clause that holds where one of these does.

    Examples
    --------
    >>> any_of([{"term": {"format": "gif"}}])
    {'term': {'format': 'gif'}}
    """
    return clauses[0] if len(clauses) == 1 else {"bool": {"should": clauses, "minimum_should_match": 1}}
