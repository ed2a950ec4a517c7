"""Field names in filters, sorts and facets: what a name means, or which ones come close."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from hybrid_search.document.search_fields import field_shown
from hybrid_search.errors import UnknownField

_UNSEARCHABLE = frozenset({"disabled", "dense_vector", "nested"})
_UNFILLED = ("regions", "visual_words")
"""What the mapping has room for and nothing fills yet: it can be named, but nobody is led to it."""


def offered(types: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that queries can name and that something fills, each with its type.

    The words of a text are looked for by its own name.

    Examples
    --------
    >>> offered({"iso": "integer", "signature": "dense_vector", "visual_words": "text", "regions.label": "keyword"})
    {'iso': 'integer'}
    >>> offered({"caption": "text", "caption_text": "text", "tags": "keyword", "tags_text": "text"})
    {'caption': 'text', 'tags': 'keyword', 'tags_text': 'text'}
    """
    of_texts = {name for name in types if name != field_shown(name) and types.get(field_shown(name)) == "text"}
    return {
        name: kind
        for name, kind in types.items()
        if kind not in _UNSEARCHABLE and name.partition(".")[0] not in _UNFILLED and name not in of_texts
    }


def field_type(name: str, types: Mapping[str, str]) -> str:
    """Return the type of a field; a key inside a flattened field ("exif.Model") is "flattened".

    Raises
    ------
    UnknownField
        When the mapping has no such field, or one that cannot be searched.
    """
    kind = types.get(name)
    if kind is not None and kind not in _UNSEARCHABLE:
        return kind
    parent, _, key = name.partition(".")
    if kind is None and key and types.get(parent) == "flattened":
        return "flattened"
    raise UnknownField(name, _close(name, types))


def nested_path(name: str, types: Mapping[str, str]) -> str | None:
    """Return the nested object that a field lies in, None when it lies in none."""
    parts = name.split(".")
    parents = (".".join(parts[:depth]) for depth in range(1, len(parts)))
    return next((parent for parent in parents if types.get(parent) == "nested"), None)


def wrap_nested(clause: dict[str, Any], name: str, types: Mapping[str, str]) -> dict[str, Any]:
    """Return the clause, inside a `nested` one when its field needs that."""
    path = nested_path(name, types)
    return clause if path is None else {"nested": {"path": path, "query": clause}}


def _close(name: str, types: Mapping[str, str]) -> tuple[str, ...]:
    searchable = {field.lower(): field for field in offered(types)}
    wanted = name.lower()
    same_leaf = [field for low, field in searchable.items() if low.rpartition(".")[2] == wanted.rpartition(".")[2]]
    leaves: dict[str, list[str]] = {}
    for low, field in searchable.items():
        leaves.setdefault(low.rpartition(".")[2], []).append(field)
    near = [searchable[low] for low in difflib.get_close_matches(wanted, searchable, n=3, cutoff=0.7)]
    near_leaf = [
        field
        for leaf in difflib.get_close_matches(wanted.rpartition(".")[2], leaves, n=2, cutoff=0.8)
        for field in leaves[leaf]
    ]
    return tuple(dict.fromkeys([*same_leaf, *near, *near_leaf]))[:3]
