"""Hits and documents for people and for JSON: without what only machines read, and with words for why they match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hybrid_search.document.search_fields import SEARCH_FIELDS

HEAVY = ("embedding", "signature", "words", "exif", "thumbnail", "visual_words", "files", "label_scores", "text_lines")
DERIVED = ("signature_norm", "folder", *SEARCH_FIELDS.values(), "camera_text", "place_text")
"""Fields that a person does not read, too large or said elsewhere; they are printed when asked for in full."""


def light(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a person reads, but for those that an update has emptied."""
    return {name: value for name, value in source.items() if name not in (*HEAVY, *DERIVED) and value is not None}


def jsonable(value: Any) -> Any:
    """Return the value with arrays, tuples and mappings as what JSON has.

    Examples
    --------
    >>> import numpy as np
    >>> jsonable({"a": np.array([1, 2], np.int8), "b": (np.float32(0.5),)})
    {'a': [1, 2], 'b': [0.5]}
    """
    if isinstance(value, Mapping):
        return {str(name): jsonable(part) for name, part in value.items()}
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(part) for part in value]
    return value


def why(matched: Sequence[str]) -> str:
    """Return what a hit matched as one line: each word with the fields that have it, then the filters.

    Examples
    --------
    >>> why(["filter:iso:[400 TO *]", "term:dog@caption", "term:dog@labels"])
    'dog in caption, labels; iso:[400 TO *]'
    """
    words: dict[str, list[str]] = {}
    filters = []
    for name in matched:
        kind, _, rest = name.partition(":")
        word, at, field = rest.rpartition("@")
        if kind == "term" and at:
            words.setdefault(word, []).append(field)
        else:
            filters.append(rest if kind == "filter" else name)
    return "; ".join([*(f"{word} in {', '.join(fields)}" for word, fields in words.items()), *filters])
