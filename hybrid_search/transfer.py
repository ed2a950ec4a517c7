"""Whole indexes from one place or version to another: nothing is embedded again, nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hybrid_search.backends import Backend
from hybrid_search.backends.carry import carry
from hybrid_search.errors import BackendUnavailable
from hybrid_search.mapping import embeddings, load_definition

__all__ = ["copy_index", "current_definition", "migrate"]

Told = Callable[[int, int], None]


def copy_index(source: Backend, target: Backend, *, progress: Told | None = None) -> int:
    """Make an index at another place, or of another name, with all documents of this one; returns how many.

    Between backends of both kinds, in either direction. The new index is there when it is whole, not before.

    Parameters
    ----------
    source, target : Backend
    progress : callable, optional
        Called with the number of documents that are done, and of all.

    Raises
    ------
    BackendUnavailable
        When there is an index at the target already.
    """
    definition = source.definition()
    if target.exists():
        raise BackendUnavailable(target.location, "there is an index already; name another place, or another --name")
    wanted = load_definition(analysis=target.analysis(), embeddings=embeddings(definition))
    with target.building(wanted) as new:
        return carry(source, new, progress=progress)


def migrate(backend: Backend, *, progress: Told | None = None) -> int:
    """Build the next version of an index from its documents, in today's mapping, and put it in the place of the old.

    Searches go on over the old version meanwhile; writes are refused until the new one is in place.

    Parameters
    ----------
    backend : Backend
    progress : callable, optional
        Called with the number of documents that are done, and of all.

    Returns
    -------
    int
        How many documents there are.
    """
    with backend.building(current_definition(backend)) as new:
        return carry(backend, new, progress=progress)


def current_definition(backend: Backend) -> dict[str, Any]:
    """Return settings and mappings as this version would make an index of the same embeddings at the same place."""
    return load_definition(analysis=backend.analysis(), embeddings=embeddings(backend.definition()))
