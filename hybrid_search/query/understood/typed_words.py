"""A typed text as words, and the text that is left when some of them are taken out."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from hybrid_search.document.search_text import compose, fold
from hybrid_search.query.understood.model import TypedWord

_PARTS = re.compile(r'-?"[^"]*"|\S+')
_QUOTES = str.maketrans(dict.fromkeys("“”„«»", '"'))
_SIGNS = ",;:!?()[]{}<>\"'…¿¡"
_SAYING = re.compile(r"[\W_]+")


def typed_words(text: str) -> list[TypedWord]:
    """Return the words of a text; a "quoted phrase" is one, and so is what stands after a minus.

    Examples
    --------
    >>> [(each.word, each.literal) for each in typed_words('Zürich, "july 2019" -2018')]
    [('zurich', False), ('"july 2019"', True), ('-2018', True)]
    """
    parts = _PARTS.findall(compose(text).translate(_QUOTES))
    small = any(part[:1].islower() for part in parts)
    return [_typed(part, capital=small and place > 0 and part[:1].isupper()) for place, part in enumerate(parts)]


def words_without(words: Sequence[TypedWord], taken: Collection[int]) -> str:
    """Return the text of the words whose places are not taken.

    Examples
    --------
    >>> words_without(typed_words("sunset in 2019 -dog"), {1, 2})
    'sunset -dog'
    """
    return " ".join(each.text for place, each in enumerate(words) if place not in taken)


def _typed(part: str, *, capital: bool) -> TypedWord:
    if part.startswith("-") or '"' in part:
        return TypedWord(part, part, "", literal=True)
    word = fold(part.strip(_SIGNS).replace("’", "'")).removesuffix("'s")
    return TypedWord(part, word, _SAYING.sub("", word), capital=capital)
