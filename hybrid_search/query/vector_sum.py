"""Sums of words, pictures and stored pictures, with weights and minus: what one query vector is made of."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from hybrid_search.errors import BadVector, QueryError
from hybrid_search.images import is_candidate
from hybrid_search.query.query import unit
from hybrid_search.query.text import MAX_CHARACTERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hybrid_search.images import ImageLike

_ADDRESS = re.compile(r"(?i:https?|file)://\S+$|data:image/\S+$")
_CANCELLED = 1e-5
"""Length of a sum, beside the weights in it, below which only rounding is left."""


@dataclass(frozen=True)
class StoredPicture:
    """A picture of the index as a term, by its id or its path."""

    named: str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class ExamplePicture:
    """A picture as a term, where its path or URL is a string, which alone would be words."""

    image: ImageLike


Term: TypeAlias = Any
"""A string is words; a Path, bytes, a file, a PIL image or an array of pixels is a picture; a 1-D array is a vector;
else `StoredPicture` or `ExamplePicture`."""
VectorQuery: TypeAlias = "Sequence[Term | tuple[Term, float]]"
"""Terms, each alone (weight 1) or with its weight; a negative weight leads away from the term."""


@dataclass(frozen=True, eq=False)
class Weighted:
    """One term of a sum, told apart by what becomes of it.

    Parameters
    ----------
    kind : {"text", "image", "stored", "vector"}
        What `value` is.
    value : str, ImageLike, str or (dims,) ndarray
        Words, a picture, the id or path of a stored picture, or a vector.
    weight : float
        Finite; how much the term's unit vector counts.
    """

    kind: Literal["text", "image", "stored", "vector"]
    value: Any
    weight: float = 1.0

    def __str__(self) -> str:
        return repr(self.value) if self.kind in ("text", "stored") else f"the {self.kind}"


def read_vector_query(asked: VectorQuery | None) -> tuple[Weighted, ...]:
    """Return the terms of a sum, those of weight 0 left out.

    Raises
    ------
    QueryError
        When a term is nothing that has a vector, or a weight is no finite number.

    Examples
    --------
    >>> [(term.kind, term.value, term.weight) for term in read_vector_query(["beach", ("people", -1)])]
    [('text', 'beach', 1.0), ('text', 'people', -1.0)]
    """
    if asked is None:
        return ()
    if isinstance(asked, str | bytes | os.PathLike | np.ndarray) or not isinstance(asked, Iterable):
        raise QueryError(
            f"vector_query is a list of terms, such as [('beach', 1), ('people', -1)] (got {_shown(asked)})"
        )
    return tuple(term for entry in asked if (term := _weighted(entry)).weight)


def add_up(terms: Sequence[Weighted], vector_of: Callable[[Weighted], NDArray[Any]]) -> NDArray[np.float64]:
    """Return Σ weight · unit vector over the terms, brought to unit length, (dims,).

    Parameters
    ----------
    terms : sequence of Weighted
        At least one.
    vector_of : callable
        Gives a term's vector, (dims,), of any length.

    Raises
    ------
    BadVector
        When the terms cancel each other out, or a term has a vector that is all zero.

    Examples
    --------
    >>> axes = {"east": np.array([2.0, 0.0]), "north": np.array([0.0, 5.0])}
    >>> add_up(read_vector_query([("east", 3), ("north", -4)]), lambda term: axes[term.value]).tolist()
    [0.6, -0.8]
    """
    total: NDArray[np.float64] | float = 0.0
    # as shares of the largest: numbers near the end of the range would overflow in squares
    largest = max(abs(term.weight) for term in terms) or 1.0
    for term in terms:
        vector = unit(vector_of(term))
        if not vector.any():
            raise BadVector(f"{term} has none: it is all zero")
        total = total + term.weight / largest * vector
    weights = sum(abs(term.weight) / largest for term in terms)
    if np.linalg.norm(total) <= _CANCELLED * weights:
        raise BadVector(f"its terms cancel each other out: {', '.join(f'{term.weight:+g} {term}' for term in terms)}")
    return unit(np.asarray(total))


def _weighted(entry: Any) -> Weighted:
    if not isinstance(entry, tuple):
        return _term(entry)
    if len(entry) != 2:
        raise QueryError(f"a term of vector_query is alone or (term, weight) (got {len(entry)} things)")
    try:
        weight = float(entry[1])
    except (TypeError, ValueError, OverflowError):
        weight = math.nan
    if not math.isfinite(weight):
        raise QueryError(
            f"the weight of {_shown(entry[0])} in vector_query is a finite number (got {_shown(entry[1])})"
        )
    return replace(_term(entry[0]), weight=weight)


def _term(term: Any) -> Weighted:
    if isinstance(term, str):
        if not term.strip() or len(term) > MAX_CHARACTERS:
            raise QueryError(
                f"words in vector_query have 1 to {MAX_CHARACTERS:,} characters (got {len(term.strip()):,})"
            )
        if any("\ud800" <= character <= "\udfff" for character in term):
            raise QueryError("words in vector_query have characters that are not valid Unicode")
        _refuse_picture(term.strip())
        return Weighted("text", term.strip())
    if isinstance(term, StoredPicture):
        return Weighted("stored", os.fspath(term.named))
    if isinstance(term, ExamplePicture):
        return Weighted("image", term.image)
    if isinstance(term, np.ndarray) and term.ndim == 1:
        return Weighted("vector", term)
    if isinstance(term, bytes | os.PathLike | np.ndarray) or hasattr(term, "read") or hasattr(term, "getexif"):
        return Weighted("image", term)
    raise QueryError(
        f"vector_query has no vector for {_shown(term)}; a term is words, a picture (Path, bytes, PIL image, array; "
        "ExamplePicture for a URL), StoredPicture for one of the index, or a vector as a 1-D array"
    )


def _refuse_picture(words: str) -> None:
    """Raise QueryError for what is surely meant as a picture: words that happen to be its name find anything."""
    if _ADDRESS.match(words):
        raise QueryError(
            f"{_shown(words)} in vector_query would be words; ExamplePicture({_shown(words)}) is the picture there"
        )
    if is_candidate(words) and os.path.isfile(os.path.expanduser(words)):
        raise QueryError(
            f"{_shown(words)} in vector_query would be words, and a picture has this name; Path({_shown(words)}) is "
            "the picture (typed with ./ before it at the command line)"
        )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:40]}…"
