"""The options of a search are spelt once, and mean the same wherever they are named."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from hybrid_search.errors import QueryError
from hybrid_search.index import HybridIndex
from hybrid_search.query.options import DEFAULTS, SearchOptions
from hybrid_search.query.query import make_query
from tests.support.fakes import ColourEmbedder


def test_the_signature_of_search_names_all_options() -> None:
    parameters = inspect.signature(HybridIndex.search).parameters
    assert list(parameters) == ["self", "text", *SearchOptions.__annotations__]
    options = [parameters[name] for name in SearchOptions.__annotations__]
    assert {each.kind for each in options} == {inspect.Parameter.KEYWORD_ONLY}
    assert {each.name: each.default for each in options if each.default is not None} == DEFAULTS
    assert parameters["k"].annotation == "int" and parameters["image"].annotation == "ImageLike | None"


def test_the_defaults_that_are_shown_are_those_of_the_query() -> None:
    of_query = {each.name: each.default for each in inspect.signature(make_query).parameters.values()}
    shared = SearchOptions.__annotations__.keys() & of_query.keys()
    assert {"k", "filter", "fusion", "facets", "min_score"} < shared
    assert {name: of_query[name] for name in shared} == {name: DEFAULTS.get(name) for name in shared}


@pytest.mark.parametrize("method", ["search", "request"])
def test_a_name_that_is_no_option_is_refused(method: str) -> None:
    with HybridIndex(embedder=ColourEmbedder()) as index:
        with pytest.raises(TypeError, match=rf"^{method}\(\) got an unexpected keyword argument 'size'$"):
            getattr(index, method)("dog", size=3)
        with pytest.raises(TypeError, match=r"'filters'\. Did you mean 'filter'"):
            getattr(index, method)(filters="iso:400")


@pytest.mark.parametrize("method", ["search", "request"])
@pytest.mark.parametrize("option", ["literal", "explain", "missing", "everything", "collapse_duplicates"])
def test_what_is_neither_true_nor_false_is_refused(method: str, option: str) -> None:
    with HybridIndex(embedder=ColourEmbedder()) as index:
        for value in ("no", 1):
            with pytest.raises(QueryError, match=f"{option} is True or False .got {value!r}"):
                getattr(index, method)("dog", **{option: value})
        getattr(index, method)("dog", **{option: np.bool_(False)})
