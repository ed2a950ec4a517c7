"""What part of a leg's weight a hit gets, so that a weak match in a leg that few pictures have lifts nothing.

Ranks have no floor: where six pictures of six hundred have a caption, the best of the six for any question is first in
its leg, as much as a caption that says it all. So a leg that reads what is written about pictures, beside another that
knows the meaning of the words, gives a hit what its score is evidence of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybrid_search.hits.fusion import Shares
    from hybrid_search.query.query import Query

_COST = 1.0
_LEAST = 1e-3
"""Of a hit that is no evidence at all: hits of one leg alone keep their order."""


def share_of_words(score: float, *, words: int) -> float:
    """Return the share of a hit by words: the log of how much less likely another picture would have them, at most 1.

    The score of a word that a text of mean length has once is its idf, which is −log q in Lucene, where q is the share
    of texts that have it. So the BM25 of fields that count alike is, but for the lengths of texts, the log of how
    unlikely the matched words are together; and in the weights of Robertson and Sparck Jones (1976), with a probability
    of ½ that the text of the picture that is meant has a word (Croft and Harper, 1979), each word that is asked costs
    log 2 = 0.69. It costs 1 here, with which fusing gained everywhere it was measured (see docs/benchmarks.md).

    Parameters
    ----------
    score : float
        BM25, in fields of boost 1.
    words : int
        How many are asked. One alone is all that is asked, and has its whole share.

    Returns
    -------
    float
        In (0, 1].

    Examples
    --------
    >>> common, rare = 1.4, 4.2  # the idf of a word that a quarter of 100 texts has, and of one that one has
    >>> [round(share_of_words(score, words=3), 2) for score in (common, 2.5 * common, rare)]
    [0.0, 0.5, 1.0]
    """
    if words <= 1:
        return 1.0
    return min(1.0, max(_LEAST, score - _COST * words))


def share_of_cosine(cosine: float, *, unrelated: float, related: float = 1.0) -> float:
    """Return the share of a hit by meaning: how far it is from texts that have nothing to do with what is asked.

    Parameters
    ----------
    cosine : float
    unrelated, related : float
        The cosines of texts that have nothing to do with what is asked, and of those that say the same.

    Examples
    --------
    >>> [share_of_cosine(cosine, unrelated=0.5) for cosine in (0.25, 0.75, 1.0)]
    [0.001, 0.5, 1.0]
    >>> share_of_cosine(0.75, unrelated=0.5, related=0.75)
    1.0
    """
    return min(1.0, max(_LEAST, (cosine - unrelated) / (related - unrelated)))


def leg_shares(legs: Mapping[str, Mapping[str, float]], query: Query) -> Shares:
    """Return the shares of all hits of the legs in which they are less than the whole.

    Those are words, where another leg knows their meaning, unless a "quoted phrase" must occur; and captions by
    meaning, beside any other leg.

    Parameters
    ----------
    legs : mapping of str to mapping of str to float
        Score per id, per leg.
    query : Query
        What was asked.
    """
    shares: dict[str, dict[str, float]] = {}
    if len(query.legs) < 2:
        return shares
    if query.has_text and any(leg.words for leg in query.vectors) and not query.text.phrases:
        words = query.text.words
        shares["text"] = {id: share_of_words(score, words=words) for id, score in legs["text"].items()}
    for leg in query.vectors:
        if (unrelated := leg.unrelated) is not None:
            scores = legs[leg.name].items()
            shares[leg.name] = {
                id: share_of_cosine(cosine, unrelated=unrelated, related=leg.related) for id, cosine in scores
            }
    return shares
