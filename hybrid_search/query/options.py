"""The options of a search, spelt once: `HybridIndex.search` and `request` take them, `Asker` reads them."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from hybrid_search.errors.inputs import did_you_mean

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from hybrid_search.images import ImageLike
    from hybrid_search.query.filters import Filter
    from hybrid_search.query.query import Fusion
    from hybrid_search.query.vector_sum import VectorQuery

    Named = str | os.PathLike[str]

Method = TypeVar("Method", bound=Callable[..., Any])


class SearchOptions(TypedDict, total=False):
    """The options of `HybridIndex.search`, each as explained there."""

    image: ImageLike | None
    like: Named | Sequence[Named] | None
    unlike: Named | Sequence[Named] | None
    vector: ArrayLike | Mapping[str, ArrayLike] | None
    vector_query: VectorQuery | None
    colours: str | None
    classes: Mapping[str, float] | None
    embedder: str | Sequence[str] | None
    filter: Filter | None
    k: int
    offset: int
    num_candidates: int | None
    weights: Mapping[str, float] | None
    fusion: Fusion
    sort: str | Sequence[str] | None
    min_score: float | Mapping[str, float] | None
    facets: Sequence[str]
    collapse_duplicates: bool | None
    everything: bool
    explain: bool
    missing: bool
    literal: bool


DEFAULTS = SearchOptions(
    k=10, offset=0, fusion="evidence", facets=(), everything=False, explain=False, missing=False, literal=False
)
"""What the signature of a search shows for an option that is not given, None for the others; `make_query` has the
same."""


def check_names(options: Mapping[str, Any], *, method: str) -> None:
    """Raise TypeError for a name that is no option of a search, as Python does for a name that is no parameter.

    Examples
    --------
    >>> check_names({"colour": "navy"}, method="search")
    Traceback (most recent call last):
    TypeError: search() got an unexpected keyword argument 'colour'. Did you mean 'colours'?
    """
    for name in options:
        if name not in SearchOptions.__annotations__:
            hint = did_you_mean(get_close_matches(name, SearchOptions.__annotations__, n=1))
            raise TypeError(f"{method}() got an unexpected keyword argument {name!r}.{hint}".rstrip("."))


def with_signature(method: Method) -> Method:
    """Give a method that takes `**options` the signature that names them all, for `help` and editors."""
    given = inspect.signature(method)
    own = [each for each in given.parameters.values() if each.kind is not each.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=DEFAULTS.get(name),
            annotation=getattr(hint, "__forward_arg__", hint),
        )
        for name, hint in SearchOptions.__annotations__.items()
    ]
    vars(method)["__signature__"] = given.replace(parameters=[*own, *options])
    return method
