"""Whole indexes from one place or version to another: nothing is embedded again, nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hybrid_search.backends import Backend
from hybrid_search.backends.document_copy import carry
from hybrid_search.document.definition import EmbeddingSpec, embeddings, extra_fields, load_definition
from hybrid_search.errors import BackendUnavailable, MappingMismatch

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
    wanted = _definition(definition, target)
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


def drop_embedding(backend: Backend, key: str, *, progress: Told | None = None) -> int:
    """Build the next version of an index without one of its embeddings, and put it in the place of the old.

    Where it was the default, the first of pictures that has vectors for words takes its place, else the first of them.

    Parameters
    ----------
    backend : Backend
    key : str
        Its leaf under `embedding`.
    progress : callable, optional
        Called with the number of documents that are done, and of all.

    Returns
    -------
    int
        How many documents there are.

    Raises
    ------
    MappingMismatch
        When there is no such embedding, or none of pictures would be left.
    """
    definition = backend.definition()
    held = embeddings(definition)
    if key not in held:
        raise MappingMismatch(f"embedding.{key}", "the index has no such embedding")
    left = {name: spec for name, spec in held.items() if name != key}
    if all(spec.of == "caption" for spec in left.values()):
        reason = f"{held[key].name} is the only embedder of pictures, and every index needs one; add another before"
        raise MappingMismatch("embedding", reason)
    with backend.building(_definition(definition, backend, held=left)) as new:
        return carry(backend, new, without=(key,), progress=progress)


def renew_embedding(backend: Backend, key: str, *, spec: EmbeddingSpec, progress: Told | None = None) -> int:
    """Build the next version of an index with one of its embeddings empty, ready for vectors of another version.

    Parameters
    ----------
    backend : Backend
    key : str
        Its leaf under `embedding`.
    spec : EmbeddingSpec
        What is to fill it from now on.
    progress : callable, optional
        Called with the number of documents that are done, and of all.

    Returns
    -------
    int
        How many documents there are.
    """
    definition = backend.definition()
    held = {**embeddings(definition), key: spec}
    with backend.building(_definition(definition, backend, held=held)) as new:
        return carry(backend, new, without=(key,), progress=progress)


def current_definition(backend: Backend) -> dict[str, Any]:
    """Return settings and mappings as this version would make an index of the same embeddings at the same place."""
    return _definition(backend.definition(), backend)


def _definition(
    definition: Mapping[str, Any], place: Backend, *, held: Mapping[str, EmbeddingSpec] | None = None
) -> dict[str, Any]:
    """Return what this version would make at a place: the same embeddings or those `held`, and the same default."""
    held = embeddings(definition) if held is None else held
    default = definition["mappings"].get("_meta", {}).get("default_embedding")
    if default is not None and default not in held:
        pictures = [key for key, spec in held.items() if spec.of == "image"]
        # plain searches are of words mostly; servers keep no order in which the others came
        default = next((key for key in pictures if held[key].embeds_text), pictures[0])
    extra = extra_fields(definition)
    return load_definition(analysis=place.analysis(), embeddings=held, default=default, extra=extra)
