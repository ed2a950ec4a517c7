"""The fields of an Elasticsearch mapping, flat and by dotted name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hybrid_search.errors import MappingMismatch, UnknownField

INTEGERS = {"byte": 8, "short": 16, "integer": 32, "long": 64}
"""Whole-number types and their bits."""
REALS = ("half_float", "float", "double")
"""Types of real numbers."""

_COMMON = {"type", "fields", "index", "doc_values", "store", "meta"}
_OPTIONS: dict[str, set[str]] = {
    "text": {"analyzer", "search_analyzer"},
    "keyword": {"normalizer", "ignore_above"},
    "boolean": set(),
    "date": {"format"},
    "geo_point": set(),
    "flattened": {"ignore_above", "depth_limit"},
    "dense_vector": {"dims", "element_type", "similarity", "index_options"},
    **{kind: {"coerce"} for kind in (*INTEGERS, *REALS)},
}
_CONTAINERS = {"object": {"enabled"}, "nested": {"include_in_parent", "include_in_root"}}


@dataclass(frozen=True)
class Field:
    """One typed property of the mapping.

    Parameters
    ----------
    name : str
        Dotted name, a multi-field's own part included ("tags.text").
    kind : str
        Elasticsearch type, such as "keyword".
    options : mapping
        The other parameters of the property as the mapping gives them.
    key : str, optional
        The part below a `flattened` field ("Make" of "exif.Make").
    """

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None

    @property
    def indexed(self) -> bool:
        """Whether clauses may search the field."""
        return bool(self.options.get("index", True))

    @property
    def columnar(self) -> bool:
        """Whether the field can be sorted and aggregated."""
        return self.kind not in ("text", "dense_vector") and bool(self.options.get("doc_values", True))

    @property
    def numeric(self) -> bool:
        """Whether values are whole or real numbers."""
        return self.kind in INTEGERS or self.kind in REALS


class Fields:
    """Every field of a mapping, and the objects that hold them.

    Parameters
    ----------
    mappings : mapping
        The `mappings` part of an index definition.

    Raises
    ------
    MappingMismatch
        When the mapping has a type or a parameter that the embedded backend does not know.
    """

    def __init__(self, mappings: Mapping[str, Any]) -> None:
        self._leaves: dict[str, Field] = {}
        self._targets: dict[str, tuple[Field, ...]] = {}
        self._objects: dict[str, str] = {}
        for option in mappings:
            if option not in {"dynamic", "properties", "_meta", "date_detection", "numeric_detection"}:
                raise MappingMismatch(option, "the embedded backend does not know this mapping parameter")
        self.strict = _strict("mappings", mappings, default=None)
        self._walk("", mappings.get("properties", {}))

    def _walk(self, prefix: str, properties: Mapping[str, Any]) -> None:
        for leaf, options in properties.items():
            name = prefix + leaf
            kind = options.get("type", "object")
            if kind in _CONTAINERS:
                self._container(name, kind, options)
            else:
                own = _field(name, options)
                parts = [_field(f"{name}.{part}", more) for part, more in options.get("fields", {}).items()]
                self._targets[name] = (own, *parts)
                self._leaves.update((part.name, part) for part in (own, *parts))

    def _container(self, name: str, kind: str, options: Mapping[str, Any]) -> None:
        _check_options(name, options, _CONTAINERS[kind] | {"type", "properties", "dynamic"})
        if _strict(name, options, default=self.strict) is not self.strict:
            raise MappingMismatch(name, "an object cannot have a 'dynamic' of its own in the embedded backend")
        if kind == "nested" or not options.get("enabled", True):
            self._objects[name] = "opaque"
            return
        self._objects[name] = "object"
        self._walk(name + ".", options.get("properties", {}))

    def __iter__(self) -> Iterator[Field]:
        return iter(self._leaves.values())

    def targets(self, name: str) -> tuple[Field, ...] | None:
        """Return the field at a source path and its multi-fields, None when the path is no field."""
        return self._targets.get(name)

    def container(self, name: str) -> str | None:
        """Return "object" or "opaque" (kept but never searched) for an object's path, None otherwise."""
        return self._objects.get(name)

    def vectors(self) -> tuple[Field, ...]:
        """Return the dense_vector fields."""
        return tuple(leaf for leaf in self if leaf.kind == "dense_vector")

    def find(self, name: str) -> Field:
        """Return the field that a clause names, with `key` set for a name below a flattened field.

        Raises
        ------
        UnknownField
            When the mapping has no such field.
        MappingMismatch
            When the name is an object, or lies below one that is kept but never searched.
        """
        if name in self._leaves:
            return self._leaves[name]
        parts = name.split(".")
        for end in range(len(parts) - 1, 0, -1):
            parent = ".".join(parts[:end])
            if parent in self._leaves and self._leaves[parent].kind == "flattened":
                return Field(parent, "flattened", self._leaves[parent].options, key=".".join(parts[end:]))
            if self._objects.get(parent) == "opaque":
                raise MappingMismatch(name, f"{parent!r} is kept with the document but cannot be searched")
        if name in self._objects:
            raise MappingMismatch(name, "is an object; name one of the fields inside it")
        raise UnknownField(name, difflib.get_close_matches(name, self._leaves, n=3))


def _strict(name: str, options: Mapping[str, Any], *, default: bool | None) -> bool:
    dynamic = str(options.get("dynamic", "" if default is not None else "true")).lower()
    if dynamic == "" and default is not None:
        return default
    if dynamic not in ("strict", "false"):
        raise MappingMismatch(name, f"dynamic must be 'strict' or false in the embedded backend, got {dynamic!r}")
    return dynamic == "strict"


def _field(name: str, options: Mapping[str, Any]) -> Field:
    kind = options.get("type")
    if kind not in _OPTIONS:
        raise MappingMismatch(name, f"the embedded backend has no type {kind!r}; it has {', '.join(sorted(_OPTIONS))}")
    if kind == "dense_vector" and not isinstance(options.get("dims"), int):
        raise MappingMismatch(name, "a dense_vector needs 'dims'")
    _check_options(name, options, _OPTIONS[kind] | _COMMON)
    return Field(name, kind, {key: value for key, value in options.items() if key not in ("type", "fields")})


def _check_options(name: str, options: Mapping[str, Any], known: set[str]) -> None:
    for option in options:
        if option not in known:
            raise MappingMismatch(name, f"the embedded backend does not know the mapping parameter {option!r}")
