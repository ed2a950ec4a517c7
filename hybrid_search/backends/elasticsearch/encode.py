"""Writes as the lines of a `_bulk` request, checked for what JSON or the server would take wrongly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid_search.backends import Action
from hybrid_search.backends.elasticsearch.dense_vectors import DenseVectorField

_LONGEST_ID = 512  # bytes; Elasticsearch refuses a longer `_id`
_OPERATIONS = ("index", "create", "update", "delete")


class RefusedAction(ValueError):
    """A document cannot be sent; the message names the field."""


@dataclass(frozen=True)
class BulkEntry:
    """One action as it travels: its place among the outcomes, and its lines."""

    place: int
    id: str
    lines: bytes


def fits(id: str) -> bool:
    """Tell whether a text can be a document's id: 1 to 512 bytes of UTF-8."""
    try:
        return 1 <= len(id.encode("utf-8")) <= _LONGEST_ID
    except UnicodeEncodeError:
        return False


def encode(action: Action, place: int, *, vectors: Mapping[str, DenseVectorField]) -> BulkEntry:
    """Return an action as the lines of a `_bulk` request.

    Parameters
    ----------
    action : Action
    place : int
        Its place among the outcomes.
    vectors : mapping of str to DenseVectorField
        The dense_vector fields of the index.

    Raises
    ------
    RefusedAction
        When the id is too long, a vector does not fit its field, or a value cannot be written as JSON: a number that is
        not finite would become null.
    """
    import orjson

    if not fits(action.id):
        raise RefusedAction("an id is text of 1 to 512 bytes")
    if action.op not in _OPERATIONS:
        raise RefusedAction(f"no operation {action.op!r}; known: {', '.join(_OPERATIONS)}")
    if action.op == "create" and action.version is not None:
        raise RefusedAction("a document that is to be created has no version yet")
    if action.version is not None and (action.version[0] < 0 or action.version[1] < 1):
        raise RefusedAction(f"no version {action.version}")
    meta: dict[str, Any] = {"_id": action.id}
    if action.version is not None:
        meta |= {"if_seq_no": action.version[0], "if_primary_term": action.version[1]}
    elif action.op == "update":
        meta["retry_on_conflict"] = 3
    lines = [orjson.dumps({action.op: meta})]
    if action.op != "delete":
        try:
            source = _checked(action.source, "", vectors)
            body = {"doc": source} if action.op == "update" else source
            lines.append(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY))
        except (TypeError, RecursionError) as error:
            raise RefusedAction(f"it cannot be written as JSON: {error}") from None
    return BulkEntry(place, action.id, b"\n".join(lines))


def _checked(value: Any, name: str, vectors: Mapping[str, DenseVectorField]) -> Any:
    """Return a value as JSON has it; every number is finite, every vector as its field wants it."""
    if isinstance(value, str) or value is None:
        return value
    if name in vectors and (problem := vectors[name].problem(value)):
        raise RefusedAction(f"field {name!r}: {problem}")
    if isinstance(value, (float, np.floating)) and not math.isfinite(value):
        raise RefusedAction(f"field {name!r}: {value} is no number that can be stored")
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise RefusedAction(f"field {name!r}: it has numbers that are not finite")
        # orjson takes only arrays that lie in memory in order
        return np.ascontiguousarray(value)
    if isinstance(value, Mapping):
        return {key: _checked(inner, f"{name}.{key}" if name else str(key), vectors) for key, inner in value.items()}
    if name in vectors:
        return value
    if isinstance(value, (list, tuple)):
        return [inner if isinstance(inner, str) else _checked(inner, name, vectors) for inner in value]
    return value
