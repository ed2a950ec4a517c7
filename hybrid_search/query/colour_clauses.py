"""Colours that are asked for, as clauses over how much of a picture has each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hybrid_search.document.colour_shares import TERMS, colour_term
from hybrid_search.embedders.classical.palette import read_palette
from hybrid_search.errors import QueryError
from hybrid_search.errors.remedies import Call

if TYPE_CHECKING:
    from hybrid_search.query.text import ParsedText
    from hybrid_search.query.understood.model import Understood

TELLING = frozenset({"red", "orange", "yellow", "green", "blue", "purple", "pink"})
"""Colours whose share tells the pictures of which people say them; nearly all photos have some of the others."""

FAIR_SHARES: Mapping[str, float] = {
    **dict.fromkeys(TERMS, 0.001),
    **dict.fromkeys(("orange", "yellow", "purple"), 0.0005),
    **dict.fromkeys(("white", "blue"), 0.002),
    **dict.fromkeys(("green", "black", "brown", "grey"), 0.01),
}
"""How much of a picture has a colour when a person would name it, at least: a red hat is a thousandth of it.

Chosen on every other photo of Flickr8k by its captions; see docs/benchmarks.md.
"""
STEPS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Shares from which on a colour counts more."""
_LEAST, _MORE = 0.4, 0.1


def has_colours(types: Mapping[str, str]) -> bool:
    """Tell whether an index measures colours; one that was made before does not."""
    return "colour.red" in types


def colour_clause(term: str) -> dict[str, Any]:
    """Return the filter clause for pictures of which a fair share has a colour.

    Examples
    --------
    >>> colour_clause("red")
    {'range': {'colour.red': {'gte': 0.001}}}
    """
    return {"range": {f"colour.{term}": {"gte": FAIR_SHARES[term]}}}


def graded_colour_clause(term: str, *, name: str) -> dict[str, Any]:
    """Return a clause whose score says how much of a picture has a colour: 0.4 for a fair share, 1 for two fifths."""
    field, least = f"colour.{term}", FAIR_SHARES[term]
    grades = [(least, _LEAST), *((step, _MORE) for step in STEPS)]
    should = [
        {"constant_score": {"filter": {"range": {field: {"gte": max(step, least)}}}, "boost": boost}}
        for step, boost in grades
    ]
    return {"bool": {"should": should, "minimum_should_match": 1, "_name": name}}


def colour_words(parsed: ParsedText, understood: Iterable[Understood]) -> dict[str, str]:
    """Return the terms of a text that a colour speaks for, with its basic term.

    Beside other words, black, white, grey and brown do not: how much a picture has of them does not tell what people
    say of it.

    Examples
    --------
    >>> from hybrid_search.query.text import parse_text
    >>> from hybrid_search.query.understood.model import Understood
    >>> red = Understood("Red", "with red in the picture", colour_clause("red"), "red")
    >>> colour_words(parse_text("big Red, car"), [red])
    {'Red,': 'red'}
    """
    colours = {part.part: part.colour for part in understood if part.colour and part.clause is not None}
    words = {term: colours[word] for term in parsed.terms if (word := term.strip(",;:!?")) in colours}
    alone = words.keys() >= set(parsed.sought)
    return {term: colour for term, colour in words.items() if alone or colour in TELLING}


def palette_terms(colours: str) -> tuple[str, ...]:
    """Return the basic terms of colours as people give them, the largest share first; "" for one that has none.

    Raises
    ------
    QueryError
        When a colour or a share cannot be read.

    Examples
    --------
    >>> palette_terms("#c00:1,white:3"), palette_terms("brown"), palette_terms("tan")
    (('white', 'red'), ('brown',), ('',))
    """
    if not isinstance(colours, str):
        raise QueryError(f"colours is text such as '#c00' or '#c00:3,white:1' (got {colours!r:.60})")
    shares: dict[str, float] = {}
    for shade in read_palette(colours):
        # to CSS, brown is a red
        name = shade.name.lower().replace("gray", "grey")
        term = name if name in TERMS else colour_term(shade.rgb)
        shares[term] = shares.get(term, 0.0) + shade.share
    return tuple(sorted(shares, key=lambda term: -shares[term]))


def no_such_colour(colours: str) -> QueryError:
    """Return the error for a colour that has no basic term, where no embedder knows shades."""
    remedy = Call("HybridIndex.add_embedder", ("colour:lab",)) + " adds an embedder that knows shades"
    return QueryError(f"a colour of {colours!r} is none of {', '.join(TERMS)}", remedy=remedy)
