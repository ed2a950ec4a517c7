"""The mapping as JSON, filled with the embeddings of one index, and the questions that are asked of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import wraps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from hybrid_search.document.mapping_files import mapping_text
from hybrid_search.errors import EmbedderMismatch, MappingMismatch
from hybrid_search.errors.remedies import MIGRATE, Call
from hybrid_search.version import __version__

if TYPE_CHECKING:
    from hybrid_search.embedders import Embedder, TextEmbedder

SCHEMA_VERSION = 3
"""Raised when documents written before can no longer be read as the new mapping says."""
CAPTION = "caption:"
"""Begins the name of an embedding of what is written about a picture; the name of what embeds texts follows."""


_DEFINITIONS = 16
"""Of how many definitions answers are kept: a process seldom has more indexes open."""

Answer = TypeVar("Answer")


def once_per_definition(read: Callable[[Mapping[str, Any]], Answer]) -> Callable[[Mapping[str, Any]], Answer]:
    """Keep what a function reads from a definition, by the definition's identity: a search asks for it each time.

    A definition does not change once it is made; what it is replaced by is another object.
    """
    known: dict[int, tuple[Mapping[str, Any], Answer]] = {}

    @wraps(read)
    def reading(definition: Mapping[str, Any]) -> Answer:
        kept = known.get(id(definition))
        if kept is None or kept[0] is not definition:
            kept = definition, read(definition)
            if len(known) >= _DEFINITIONS:
                known.clear()
            known[id(definition)] = kept
        return kept[1]

    return reading


@dataclass(frozen=True)
class EmbeddingSpec:
    """What made the vectors of one field: the embedder's registry name, its version, and the vectors' length.

    `embeds_text` tells, without loading the embedder, whether words have vectors in the same space. `of` is what the
    vectors were made of: the pictures, or what is written about them.
    """

    name: str
    version: str
    dims: int
    embeds_text: bool = False
    of: Literal["image", "caption"] = "image"

    def to_json(self) -> dict[str, Any]:
        """Return what an index keeps in `_meta.embeddings`; "image" is not written, versions before knew no other."""
        return {name: value for name, value in asdict(self).items() if (name, value) != ("of", "image")}

    def __str__(self) -> str:
        return f"embedder {self.name!r} (version {self.version}, {self.dims} dims)"


def load_definition(
    *,
    analysis: Literal["english", "portable"] = "english",
    embeddings: Mapping[str, EmbeddingSpec],
    default: str | None = None,
    index_options: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the settings and mappings of a new index.

    Parameters
    ----------
    analysis : {"english", "portable"}
        How texts become terms; "portable" uses only filters that every Elasticsearch server has.
    embeddings : mapping of str to EmbeddingSpec
        The leaf of each field under `embedding`, and what fills it.
    default : str, optional
        The embedding of pictures that is used where none is named; by default the first.
    index_options : mapping, optional
        How Elasticsearch indexes the embeddings, `{"type": "hnsw"}` (unquantised) when absent.
    extra : mapping, optional
        The properties of own fields by their leaf under `extra`, as `extra_fields` returns them.

    Returns
    -------
    dict
        `{"settings": …, "mappings": …}` as Elasticsearch takes it.

    Examples
    --------
    >>> lite = EmbeddingSpec("lite", "1", dims=1280)
    >>> load_definition(embeddings={"lite": lite})["mappings"]["properties"]["embedding"]["properties"]["lite"]["dims"]
    1280
    """
    mappings = _read("images.json")
    mappings["properties"]["embedding"]["properties"] = {
        key: {
            "type": "dense_vector",
            "dims": spec.dims,
            "index": True,
            "similarity": "dot_product",
            "index_options": dict(index_options or {"type": "hnsw"}),
        }
        for key, spec in embeddings.items()
    }
    mappings["properties"]["extra"]["properties"] = dict(extra or {})
    chosen = _first_image(embeddings) if default is None else default
    mappings["_meta"] = {
        "schema_version": SCHEMA_VERSION,
        "analysis": analysis,
        "hybrid_search": __version__,
        # servers need not keep an order, so the first of them is written down
        **({"default_embedding": chosen} if chosen is not None else {}),
        "embeddings": {key: spec.to_json() for key, spec in embeddings.items()},
    }
    return {"settings": {"analysis": _read("images.analysis.json")[analysis]}, "mappings": mappings}


def embeddings(definition: Mapping[str, Any]) -> dict[str, EmbeddingSpec]:
    """Return the embeddings that an index says it holds, by the leaf of their field under `embedding`."""
    meta = definition["mappings"].get("_meta", {})
    return {key: EmbeddingSpec(**spec) for key, spec in meta.get("embeddings", {}).items()}


def extra_fields(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of the own fields that an index has, by their leaf under `extra`.

    Examples
    --------
    >>> lite = EmbeddingSpec("lite", "1", dims=1280)
    >>> extra_fields(load_definition(embeddings={"lite": lite}, extra={"price": {"type": "double"}}))
    {'price': {'type': 'double'}}
    """
    return dict(definition["mappings"].get("properties", {}).get("extra", {}).get("properties", {}))


def with_extra(definition: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings and mappings of an index with own fields more; those that it has stay as they are.

    Examples
    --------
    >>> definition = load_definition(embeddings={"lite": EmbeddingSpec("lite", "1", dims=1280)})
    >>> extra_fields(with_extra(definition, {"price": {"type": "double"}}))
    {'price': {'type': 'double'}}
    """
    mappings = definition["mappings"]
    extra = {**mappings["properties"].get("extra", {}), "properties": {**properties, **extra_fields(definition)}}
    return {**definition, "mappings": {**mappings, "properties": {**mappings["properties"], "extra": extra}}}


def default_embedding(definition: Mapping[str, Any]) -> str:
    """Return the leaf of the embedding of pictures that is used where none is named.

    Raises
    ------
    MappingMismatch
        When the index has no embedding of pictures.

    Examples
    --------
    >>> specs = {name: EmbeddingSpec(name, "1", dims=4) for name in ("lite", "clip")}
    >>> default_embedding(load_definition(embeddings=specs, default="clip"))
    'clip'
    """
    held = embeddings(definition)
    named = definition["mappings"].get("_meta", {}).get("default_embedding")
    key = named if named in held and held[named].of == "image" else _first_image(held)
    if key is None:
        raise MappingMismatch("_meta.embeddings", "there is no embedding of pictures, and every index needs one")
    return str(key)


def with_embedding(
    definition: Mapping[str, Any], key: str, *, spec: EmbeddingSpec, analysis: Literal["english", "portable"]
) -> dict[str, Any]:
    """Return what an index is made of that has one embedding more; the default stays.

    Raises
    ------
    MappingMismatch
        When it has one of this key already.
    """
    held = embeddings(definition)
    if key in held:
        raise MappingMismatch(f"embedding.{key}", "the index has this embedding already")
    default, extra = default_embedding(definition), extra_fields(definition)
    return load_definition(analysis=analysis, embeddings={**held, key: spec}, default=default, extra=extra)


def prefer(definition: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the settings and mappings of an index with one of its embeddings of pictures as the default.

    Raises
    ------
    MappingMismatch
        When it has no such embedding, or one of what is written about pictures.
    """
    held = embeddings(definition)
    if key not in held or held[key].of != "image":
        raise MappingMismatch(f"embedding.{key}", "only an embedding of pictures that the index has can be the default")
    mappings = definition["mappings"]
    meta = {**mappings["_meta"], "default_embedding": key}
    return {**definition, "mappings": {**mappings, "_meta": meta}}


def spec_of(embedder: Embedder | TextEmbedder, *, of: Literal["image", "caption"] = "image") -> EmbeddingSpec:
    """Return what an index keeps of an embedder: of pictures, or of what embeds what is written about them.

    Examples
    --------
    >>> from hybrid_search.embedders.registry import get_embedder
    >>> spec_of(get_embedder("histogram+hog")).dims
    1956
    """
    if of == "caption":
        return EmbeddingSpec(CAPTION + embedder.name, embedder.version, embedder.dims, embeds_text=True, of="caption")
    return EmbeddingSpec(embedder.name, embedder.version, embedder.dims, getattr(embedder, "embeds_text", True))


def check(definition: Mapping[str, Any], key: str, embedder: EmbeddingSpec) -> None:
    """Check that an index was made by this version of the mapping and by this embedder.

    Raises
    ------
    MappingMismatch
        When the index has another schema version.
    EmbedderMismatch
        When `embedding.<key>` was filled by an embedder with another name, version or dims, or is absent.
    """
    check_schema(definition)
    held = embeddings(definition)
    if held.get(key) != embedder:
        holds = [held[key]] if key in held else list(held.values())
        expected, found = " and ".join(map(str, holds)) or "no embedder", str(embedder)
        if [spec.name for spec in holds] == [embedder.name]:
            again = Call("HybridIndex.add_embedder", (embedder.name,), {"again": True})
            remedy = "use the version that made them, or " + again + " computes its vectors anew"
            raise EmbedderMismatch(expected, found, remedy, "and here is")
        raise EmbedderMismatch(expected, found)


def check_schema(definition: Mapping[str, Any]) -> None:
    """Check that an index has the schema that this version reads and writes.

    Raises
    ------
    MappingMismatch
        When it has another.
    """
    found = definition["mappings"].get("_meta", {}).get("schema_version")
    if found == SCHEMA_VERSION:
        return
    older = isinstance(found, int) and found < SCHEMA_VERSION
    remedy = MIGRATE + " brings it up to date" if older else "use the version that wrote it"
    raise MappingMismatch(
        "_meta.schema_version",
        f"the index has schema version {found}, this version of hybrid-search reads {SCHEMA_VERSION}",
        remedy,
    )


def _first_image(held: Mapping[str, EmbeddingSpec]) -> str | None:
    return next((key for key, spec in held.items() if spec.of == "image"), None)


@once_per_definition
def field_types(definition: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the type of every field by its dotted name.

    Multi-fields are named as Elasticsearch names them ("caption_text.every_word"). Besides Elasticsearch's types is
    "disabled": kept with the document, but never to be searched, sorted or counted.
    """
    return MappingProxyType(dict(_types(definition["mappings"].get("properties", {}), prefix="")))


def quantised(definition: Mapping[str, Any], field: str) -> bool:
    """Tell whether a dense_vector field is searched by rounded vectors, so that its best candidates need rescoring."""
    properties: Mapping[str, Any] = definition["mappings"]
    for name in field.split("."):
        properties = properties.get("properties", {}).get(name, {})
    return str(properties.get("index_options", {}).get("type", "")).startswith(("int8", "int4", "bbq"))


def _types(properties: Mapping[str, Any], *, prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in properties.items():
        kind = field.get("type", "object")
        searchable = field.get("enabled", True) and (field.get("index", True) or field.get("doc_values", True))
        if kind != "object" or not searchable:
            yield prefix + name, kind if searchable else "disabled"
        for leaves in ("properties", "fields"):
            yield from _types(field.get(leaves, {}), prefix=f"{prefix}{name}.")


def _read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(mapping_text(name))
    return loaded
