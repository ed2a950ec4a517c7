"""Colours of what is looked for: red, rot, rouge, rojo."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid_search.query.colour_clauses import colour_clause
from hybrid_search.query.understood.model import Meaning, TypedWord, any_of
from hybrid_search.query.understood.vocabulary import IndexVocabulary

_WORDS = {
    "black": "black schwarz schwarze schwarzer schwarzes schwarzen noir noire noirs noires negro negra negros "
    "negras nero nera",
    "white": "white weiss weisse weisser weisses weissen weiß weiße weißer weißes weißen blanc blanche blancs blanches "
    "blanco blanca blancos blancas bianco bianca",
    "grey": "grey gray grau graue grauer graues grauen gris grise grises grigio grigia",
    "red": "red rot rote roter rotes roten rouge rouges rojo roja rojos rojas rosso rossa",
    "orange": "orange orangene orangener orangenes naranja arancione",
    "yellow": "yellow gelb gelbe gelber gelbes gelben jaune jaunes amarillo amarilla amarillos amarillas giallo gialla",
    "green": "green grun grune gruner grunes grunen vert verte verts vertes verde verdes",
    "blue": "blue blau blaue blauer blaues blauen bleu bleue bleus bleues azul azules",
    "purple": "purple violet lila violett violette violetter violettes morado morada viola",
    "pink": "pink rosa rosafarbene",
    "brown": "brown braun braune brauner braunes braunen marron marrones",
}
_TERMS = {word: term for term, words in _WORDS.items() for word in words.split()}


def colour_meaning(words: Sequence[TypedWord], at: int, vocabulary: IndexVocabulary) -> Meaning | None:
    """Return the colour that a word names, None where it names none that a picture of the index has.

    What is written counts as well: "red wine", and a picture with the tag "red". A word with a capital letter among
    small ones is a name: "garden of Mrs Brown".

    Examples
    --------
    >>> from hybrid_search.query.understood.typed_words import typed_words
    >>> colour_meaning(typed_words("red car"), 0, IndexVocabulary(colours=True)).text
    'with red in the picture'
    """
    word = words[at]
    term = _TERMS.get(word.word)
    if term is None or word.capital or not vocabulary.colours:
        return None
    labels = {"match_phrase": {"labels_text": {"query": word.word}}}
    clause = any_of([colour_clause(term), labels, *vocabulary.written(word.word)])
    return Meaning(1, f"with {term} in the picture", clause, colour=term)
