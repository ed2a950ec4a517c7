"""Own fields of pictures: declared in the index by their first values, and later values fitted to what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hybrid_search.backends import Backend
from hybrid_search.document.definition import extra_fields
from hybrid_search.errors import MappingMismatch
from hybrid_search.metadata import FieldValue, Metadata
from hybrid_search.metadata.extra_fields import EXTRA, MAX_EXTRA, fitted, kind_of, property_of
from hybrid_search.metadata.values import shown

Fitted = tuple[Metadata, tuple[MappingMismatch, ...]]
"""What is said of a picture as the index takes it, and why parts of it were left out."""


def fit_each(backend: Backend, many: Sequence[Metadata], *, whole: bool = False) -> list[Fitted]:
    """Declare the own fields that the index has not, and return each picture's metadata with its own fields fitted.

    Parameters
    ----------
    backend : Backend
    many : sequence of Metadata
    whole : bool
        Whether a new field is to hold all values here, as those of a table are; otherwise its first value says what it
        is, whatever batch the others come in.
    """
    named = {name for metadata in many for name in metadata.fields if name.startswith(EXTRA)}
    if not named:
        return [(metadata, ()) for metadata in many]
    held = extra_fields(backend.known_definition())
    new = [name for name in sorted(named) if name.removeprefix(EXTRA) not in held]
    room = max(0, MAX_EXTRA - len(held))
    if new[:room]:
        found = {name: [each.fields[name] for each in many if name in each.fields] for name in new[:room]}
        kinds_of = {name: kind_of(values if whole else values[:1]) for name, values in found.items()}
        backend.add_fields({name.removeprefix(EXTRA): property_of(kind) for name, kind in kinds_of.items()})
        held = extra_fields(backend.definition())
    kinds = {EXTRA + leaf: str(each["type"]) for leaf, each in held.items()}
    return [_fitted(metadata, kinds) for metadata in many]


def fit(backend: Backend, metadata: Metadata) -> Metadata:
    """Return what a caller says of one picture with its own fields declared and fitted.

    Raises
    ------
    MappingMismatch
        When a value does not fit, or the index would have too many own fields.
    """
    ((whole, problems),) = fit_each(backend, [metadata])
    if problems:
        raise problems[0]
    return whole


def fit_all(backend: Backend, many: Sequence[Metadata]) -> list[Metadata]:
    """Return what files say of pictures with own fields declared and fitted; what does not fit becomes a warning."""
    return [
        replace(whole, warnings=(*whole.warnings, *map(str, problems))) if problems else whole
        for whole, problems in fit_each(backend, many)
    ]


def _fitted(metadata: Metadata, kinds: Mapping[str, str]) -> Fitted:
    fields: dict[str, FieldValue] = {}
    problems = []
    for name, value in metadata.fields.items():
        if not name.startswith(EXTRA):
            fields[name] = value
        elif name not in kinds:
            problems.append(MappingMismatch(name, f"an index has {MAX_EXTRA} own fields at most; use one that it has"))
        else:
            try:
                fields[name] = fitted(value, kinds[name])
            except ValueError as error:
                problems.append(MappingMismatch(name, f"{shown(value)} {error}"))
    return replace(metadata, fields=fields), tuple(problems)
