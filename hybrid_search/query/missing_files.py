"""Pictures whose files have all vanished: left out of what is found, unless they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybrid_search.backends import Backend

_MISSING = {"term": {"missing": True}}
_FIELDS = frozenset({"missing", "missing_path"})


def present_only(backend: Backend, filter: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """Return the clauses that leave out pictures whose files have vanished.

    There are none where the filter names the field itself. Nor are there where nothing is marked so, if that can be
    known without a request: a filter costs a search of vectors more than this question.

    Parameters
    ----------
    backend : Backend
    filter : tuple of dict
        What was asked.

    Examples
    --------
    >>> from hybrid_search.index import HybridIndex
    >>> with HybridIndex(embedder="colour:lab") as index:
    ...     present_only(index.backend, ({"term": {"format": "png"}},))
    ()
    """
    if _names_field(filter) or not (backend.is_remote or backend.count(_MISSING)):
        return ()
    return ({"bool": {"must_not": [_MISSING]}},)


def _names_field(value: Any) -> bool:
    if isinstance(value, Mapping):
        return value.get("field") in _FIELDS or any(
            name in _FIELDS or _names_field(inside) for name, inside in value.items()
        )
    return isinstance(value, list | tuple) and any(map(_names_field, value))
