"""Opening an index: made when there is none, and matched with the embedders that it is asked with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from hybrid_search.backends import Backend
from hybrid_search.document.definition import EmbeddingSpec, check_schema, load_definition
from hybrid_search.document.index_embedders import EmbedderSet, load_named, spec_of_given
from hybrid_search.errors import BackendUnavailable, MappingMismatch
from hybrid_search.images import DEFAULT_LIMITS, Limits
from hybrid_search.query.index_state import IndexState

if TYPE_CHECKING:
    from hybrid_search.embedders import Embedder, TextEmbedder

    Loaded = Embedder | TextEmbedder
    Given = str | Embedder | TextEmbedder


def open_or_create(
    backend: Backend, embedder: Given | Sequence[Given] | None, *, limits: Limits = DEFAULT_LIMITS
) -> IndexState:
    """Return the index of a backend, made for these embedders, or for `default_embedder`, when there is none.

    Raises
    ------
    EmbedderMismatch
        When the index has no vectors of one of the embedders.
    MappingMismatch
        When the index was made by a version with another schema, or none of the embedders is for pictures.
    """
    asked = _asked(embedder)
    if not backend.exists():
        asked = _create(backend, asked)
    definition = backend.definition()
    check_schema(definition)
    given = {name: loaded for name, loaded in asked.items() if loaded is not None}
    held = EmbedderSet(definition, given=given)
    pictures = [key for key in held.keys(list(asked), asked="open") if held.specs[key].of == "image"]
    embedders = held.renewed(definition, default=pictures[0]) if pictures else held
    return IndexState(backend, definition, embedders, limits=limits)


def definition_for(backend: Backend, specs: Sequence[EmbeddingSpec]) -> dict[str, Any]:
    """Return what a new index of these embeddings is made of, the first of pictures the default.

    Raises
    ------
    MappingMismatch
        When none of them is of pictures.
    """
    from hybrid_search.embedders.registry import embedding_key

    if all(spec.of == "caption" for spec in specs):
        names = ", ".join(spec.name for spec in specs)
        raise MappingMismatch(
            "embedding", f"an index needs an embedder of pictures, and {names} is not; name one beside it, such as lite"
        )
    return load_definition(analysis=backend.analysis(), embeddings={embedding_key(spec.name): spec for spec in specs})


def _asked(embedder: Given | Sequence[Given] | None) -> dict[str, Loaded | None]:
    """Return names in the order in which they were asked for, with the embedders that are loaded already."""
    if embedder is None:
        return {}
    one = isinstance(embedder, str) or hasattr(embedder, "embed_texts")
    several = [cast("Given", embedder)] if one else cast("Sequence[Given]", embedder)
    asked: dict[str, Loaded | None] = {}
    for each in several:
        if isinstance(each, str):
            asked.setdefault(each, None)
        else:
            asked[spec_of_given(each).name] = each
    return asked


def _create(backend: Backend, asked: Mapping[str, Loaded | None]) -> dict[str, Loaded | None]:
    """Make the index; returns the embedders by the names that they give themselves."""
    from hybrid_search.embedders.registry import default_embedder

    loaded = [
        load_named(name) if embedder is None else (spec_of_given(embedder), embedder)
        for name, embedder in (asked or {default_embedder(): None}).items()
    ]
    try:
        backend.create(definition_for(backend, [spec for spec, _ in loaded]))
    except BackendUnavailable:
        # another may have made it at the same moment
        if not backend.exists():
            raise
    return {spec.name: embedder for spec, embedder in loaded}
