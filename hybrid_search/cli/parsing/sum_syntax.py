"""Sums as they are typed: `beach + ./photo.jpg - 0.5:people`, read into terms with weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import typer

if TYPE_CHECKING:
    from hybrid_search.index import HybridIndex
    from hybrid_search.query.vector_sum import ExamplePicture, StoredPicture, VectorQuery

_WEIGHTED = re.compile(r"(\d+(?:\.\d*)?|\.\d+):(?=[^\d\s])(.+)", re.DOTALL)
"""A number before a colon is a weight, unless what follows is a digit or blank: "16:9" and "2: two" are words."""
_WEIGHT_ALONE = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+):")
_NO_WEIGHT = re.compile(r"(?!\d+:)[^\s:]+:\S.*", re.DOTALL)
_PICTURE = re.compile(r"\.{0,2}[/\\]|~|[A-Za-z]:[/\\]|[A-Za-z][A-Za-z0-9+.-]*://")
_SHOWS = "a sum looks like: beach + ./photo.jpg - 0.5:people"


@dataclass(frozen=True)
class SumTerm:
    """One term as it was typed; `value` is words, a file or URL, or the id or path of an indexed picture."""

    kind: Literal["text", "image", "stored"]
    value: str
    weight: float


def read_terms(arguments: Sequence[str]) -> tuple[SumTerm, ...]:
    """Return the terms of a sum; none where the arguments are words to search for as they stand.

    It is a sum when an argument is "+" or "-" alone, or begins with a weight such as "2:" or "-0.5:". A picture begins
    with "./", "../", "/", "~" or like a URL, an indexed one with "@"; other arguments in a row are the words of one
    text.

    Raises
    ------
    typer.BadParameter
        When a sign or a weight has nothing to stand before, or a weight is 0.

    Examples
    --------
    >>> [(term.value, term.weight) for term in read_terms(["2:golden", "retriever", "-", "grass"])]
    [('golden retriever', 2.0), ('grass', -1.0)]
    >>> read_terms(["golden", "retriever"])
    ()
    """
    for argument in arguments:
        _check_not_alone(argument)
    apart = [part for argument in arguments for part in _sign_apart(argument)]
    if not any(argument in ("+", "-") or _WEIGHTED.fullmatch(argument) for argument in apart):
        return ()
    return tuple(_terms(apart))


def _sign_apart(argument: str) -> tuple[str, ...]:
    """Return an argument, and before it the sign that a weight has: "-0.5:people"."""
    if argument[:1] in ("+", "-") and _WEIGHTED.fullmatch(argument[1:]):
        return argument[0], argument[1:]
    return (argument,)


def _terms(arguments: Sequence[str]) -> Iterator[SumTerm]:
    sign, before = "", None
    for argument in arguments:
        if argument in ("+", "-"):
            if sign:
                raise typer.BadParameter(f"{sign!r} has nothing to stand before; {_SHOWS}")
            sign = argument
            continue
        term = _term(argument, sign)
        if before and not sign and before.kind == term.kind == "text" and not _WEIGHTED.fullmatch(argument):
            before = replace(before, value=f"{before.value} {term.value}")
            continue
        if before:
            yield before
        sign, before = "", term
    if sign:
        raise typer.BadParameter(f"{sign!r} has nothing to stand before; {_SHOWS}")
    if before:
        yield before


def _term(argument: str, sign: str) -> SumTerm:
    weight, value = _weight(argument)
    weight = -weight if sign == "-" else weight
    if value.startswith("@") and len(value) > 1:
        return SumTerm("stored", value[1:], weight)
    return SumTerm("image" if _PICTURE.match(value) else "text", value, weight)


def _check_not_alone(argument: str) -> None:
    if _WEIGHT_ALONE.fullmatch(argument):
        raise typer.BadParameter(f"the weight {argument!r} has nothing to stand before; {_SHOWS}")


def _weight(argument: str) -> tuple[float, str]:
    weighted = _WEIGHTED.fullmatch(argument)
    if not weighted:
        return 1.0, argument
    if float(weighted[1]) == 0:
        raise typer.BadParameter(f"the weight of {argument!r} is 0: leave it out, or put a - before what is not wanted")
    return float(weighted[1]), weighted[2]


def vector_query(index: HybridIndex, terms: Sequence[SumTerm]) -> VectorQuery:
    """Return a sum as `HybridIndex.search` takes it; a file that is indexed is that picture, and is no hit itself."""
    return [(_found(index, term), term.weight) for term in terms]


def _found(index: HybridIndex, term: SumTerm) -> str | ExamplePicture | StoredPicture:
    from hybrid_search.cli.parsing.session import find_document, picture
    from hybrid_search.errors import DocumentNotFound
    from hybrid_search.query.vector_sum import ExamplePicture, StoredPicture

    if term.kind == "text":
        return term.value
    if term.kind == "stored":
        return StoredPicture(find_document(index, term.value).id)
    try:
        return StoredPicture(index.get(term.value).id)
    except DocumentNotFound:
        return ExamplePicture(picture(term.value))


def class_weights(more: Sequence[str] | None, less: Sequence[str] | None) -> dict[str, float]:
    """Return how much of which classes --more and --less ask for.

    Raises
    ------
    typer.BadParameter
        When what stands before a colon is no weight, or nothing follows it.

    Examples
    --------
    >>> class_weights(["dog", "2:cat"], ["grass"])
    {'dog': 1.0, 'cat': 2.0, 'grass': -1.0}
    """
    weights: dict[str, float] = {}
    for sign, given in ((1, more), (-1, less)):
        for typed in given or ():
            _check_not_alone(typed)
            weight, name = _weight(typed)
            if name == typed and _NO_WEIGHT.fullmatch(typed):
                right = f"2:{typed.partition(':')[2]}"
                raise typer.BadParameter(f"what stands before the colon in {typed!r} is no weight; write {right}")
            weights[name] = weights.get(name, 0.0) + sign * weight
    return weights
