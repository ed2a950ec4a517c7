"""What a text keeps out in words: "without Ben", "ohne Menschen", "not in Paris"."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hybrid_search.query.text import ParsedText, excluded_clauses
from hybrid_search.query.understood.model import Meaning, TypedWord, any_of
from hybrid_search.query.understood.ordinary_words import ARTICLES, IN_WORDS, WITH_WORDS
from hybrid_search.query.understood.vocabulary import IndexVocabulary

WITHOUT = frozenset("without ohne senza zonder sans sin sem".split())
_OTHER_WORDS = frozenset("sans sin sem".split())
"""First in a text these may be other words: "sin city", "sans serif"."""
_NOT = frozenset("not nicht pas non".split())
"""Before a word alone these may say anything: "forget me not"."""
_LINKS = frozenset("and or nor und oder noch et ou ni y e o ed od".split())
_PASSED = ARTICLES | frozenset("any jede jeden irgendeine".split())
FLASH = frozenset("flash blitz blitzlicht".split())

MeaningAt = Callable[[int], Meaning | None]


def excluded_meaning(
    words: Sequence[TypedWord], at: int, vocabulary: IndexVocabulary, *, meaning_at: MeaningAt
) -> Meaning | None:
    """Return what "without" and the words after it keep out, None where a text keeps nothing out there.

    A word that is no name or date of the index is kept out as written, but for pictures of which "without" it is
    written.

    Parameters
    ----------
    words : sequence of TypedWord
    at : int
        Where "without" may stand.
    vocabulary : IndexVocabulary
    meaning_at : callable
        Gives the meaning of what begins at a word, None where it has none.

    Examples
    --------
    >>> from hybrid_search.query.understood.typed_words import typed_words
    >>> words = typed_words("beach without people")
    >>> excluded_meaning(words, 1, IndexVocabulary(), meaning_at=lambda at: None).text
    'no picture with the word people'
    """
    word = words[at].word
    if word not in WITHOUT | _NOT:
        return None
    start = _after_articles(words, at + 1, negated=word in _NOT)
    if start >= len(words) or words[start].word in FLASH:
        return None
    first = meaning_at(start)
    if first is not None and first.clause is not None and not first.colour:
        kept_out, end = _joined(words, start, first, meaning_at=meaning_at)
        clauses = [dict(each.clause) for each in kept_out if each.clause is not None]
        said = " and not ".join(each.text for each in kept_out)
        return Meaning(end - at, f"not {said}", {"bool": {"must_not": clauses}}, excluded=True)
    if word in _NOT or (at == 0 and word in _OTHER_WORDS):
        return None
    return _kept_out_as_written(words, at, start, vocabulary, colour=first is not None and bool(first.colour))


def _after_articles(words: Sequence[TypedWord], start: int, *, negated: bool) -> int:
    passed = _PASSED | IN_WORDS | WITH_WORDS if negated else _PASSED
    while start < len(words) and not words[start].literal and words[start].word in passed:
        start += 1
    return start


def _joined(
    words: Sequence[TypedWord], start: int, first: Meaning, *, meaning_at: MeaningAt
) -> tuple[list[Meaning], int]:
    """Return what is kept out together, "without Ben and Clara", and the place after it."""
    kept_out, end = [first], start + first.length
    while end + 1 < len(words) and words[end].word in _LINKS and not words[end].literal:
        following = meaning_at(end + 1)
        if following is None or following.clause is None or following.colour:
            break
        kept_out.append(following)
        end += 1 + following.length
    return kept_out, end


def _kept_out_as_written(
    words: Sequence[TypedWord], at: int, start: int, vocabulary: IndexVocabulary, *, colour: bool
) -> Meaning | None:
    """Return the meaning of "without people"; a colour belongs to the word after it, "without red hat"."""
    end = start + 1
    if colour and end < len(words) and words[end].key and not words[end].literal:
        end += 1
    text = " ".join(each.text.strip('",;:!?.()') for each in words[start:end])
    if words[start].text.startswith("-") or not any(map(str.isalnum, text)):
        return None
    (clause,) = excluded_clauses(ParsedText(excluded=(text,)))
    typed = " ".join(each.word.strip('"') for each in words[at:end])
    said = "the words" if " " in text else "the word"
    return Meaning(
        end - at, f"no picture with {said} {text}", any_of([clause, *vocabulary.written(typed)]), excluded=True
    )
