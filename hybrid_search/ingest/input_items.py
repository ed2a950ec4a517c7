"""What a caller hands over to be indexed, as single items: lists, generators, mappings, rows of a data frame."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from PIL import Image

from hybrid_search.errors import ImageUnreadable, MappingMismatch
from hybrid_search.images import ImageLike
from hybrid_search.metadata.captions_columns import LATITUDE, LONGITUDE, PATH_NAMES, field_of, key_of
from hybrid_search.metadata.extra_fields import EXTRA
from hybrid_search.metadata.fields import close_names, is_field

_PICTURE = ("image", *(name for name in PATH_NAMES if name != "image"))
_OWN = ("id", "metadata")


@dataclass(frozen=True)
class Item:
    """One picture that a caller hands over.

    Parameters
    ----------
    image : path, URL, bytes, file object, PIL image or ndarray
    id : str, optional
        The document's id; by default the sha256 of the picture's bytes.
    metadata : mapping
        Fields by dotted name or nested.
    """

    image: ImageLike
    id: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


def is_several(given: object) -> bool:
    """Tell whether something is many pictures: a list, a generator, a data frame, an array of pictures or paths.

    Examples
    --------
    >>> is_several(["a.jpg", "b.jpg"]), is_several("a.jpg"), is_several({"path": "a.jpg"})
    (True, False, False)
    """
    if isinstance(given, np.ndarray):
        # of paths or objects, or of pictures one upon the other
        return given.dtype.kind in "UO" or given.ndim == 4
    single = (str, bytes, bytearray, memoryview, os.PathLike, Mapping, Image.Image)
    return not isinstance(given, single) and not hasattr(given, "read") and isinstance(given, Iterable)


def read_items(given: Iterable[object]) -> Iterator[Item | ImageUnreadable]:
    """Give items one by one, as they are asked for; of what is none, the reason.

    Parameters
    ----------
    given : iterable
        Pictures, (picture, metadata) pairs, mappings as `read_item` takes them; or a pandas or polars data frame with
        a column of paths or pictures, and columns of fields.

    Raises
    ------
    MappingMismatch
        When a column of a data frame is no field.
    """
    if hasattr(given, "columns") and (hasattr(given, "itertuples") or hasattr(given, "iter_rows")):
        yield from _rows(given)
        return
    for number, each in enumerate(given, 1):
        try:
            yield read_item(each)
        except ImageUnreadable as error:
            yield ImageUnreadable(f"item {number}", str(getattr(error, "reason", error)))


def read_item(each: object) -> Item:
    """Return one item.

    Parameters
    ----------
    each : picture, (picture, metadata) pair, or mapping
        A mapping has the picture as `image`, `path` or another name of captions files, perhaps an `id`, and fields by
        dotted names, nested, or together as `metadata`.

    Raises
    ------
    ImageUnreadable
        When a mapping has no picture.

    Examples
    --------
    >>> read_item({"path": "cat.jpg", "caption": "a cat", "extra.price": 3})
    Item(image='cat.jpg', id=None, metadata={'caption': 'a cat', 'extra.price': 3})
    """
    if isinstance(each, tuple) and len(each) == 2 and (each[1] is None or isinstance(each[1], Mapping)):
        return Item(each[0], metadata=each[1] or {})
    if not isinstance(each, Mapping):
        return Item(cast("ImageLike", each))
    name = next((name for name in _PICTURE if each.get(name) is not None), None)
    if name is None:
        raise ImageUnreadable("item", f"it names no picture; it needs one of {', '.join(_PICTURE)}")
    fields = {key: value for key, value in each.items() if key not in (name, *_OWN)}
    id, metadata = each.get("id"), each.get("metadata") or {}
    return Item(each[name], None if id is None else str(id), {**metadata, **fields})


def _rows(frame: Any) -> Iterator[Item | ImageUnreadable]:
    """Give the rows of a data frame; cells that are NaN, NaT or NA say nothing."""
    columns = [str(column) for column in frame.columns]
    picture = next((name for name in _PICTURE if name in columns), None)
    if picture is None:
        raise MappingMismatch(", ".join(columns), f"no column is one of {', '.join(_PICTURE)}")
    fields = {column: _field(column) for column in columns if column != picture and key_of(column) not in PATH_NAMES}
    rows = frame.itertuples(index=False, name=None) if hasattr(frame, "itertuples") else frame.iter_rows()
    for number, row in enumerate(rows, 1):
        cells = {column: cell for column, cell in zip(columns, row, strict=True) if not _is_missing(cell)}
        # of two columns for one field, the one of its own name comes first
        said = {fields[name]: cells[name] for name in cells if name in fields}
        said |= {name: cells[name] for name in cells if fields.get(name) == name}
        place = {half: said.pop(half) for half in (LATITUDE, LONGITUDE) if half in said}
        if len(place) == 2:
            said.setdefault("location", {"lat": place[LATITUDE], "lon": place[LONGITUDE]})
        try:
            yield read_item({picture: cells.get(picture), **said})
        except ImageUnreadable as error:
            yield ImageUnreadable(f"row {number}", str(getattr(error, "reason", error)))


def _field(column: str) -> str:
    """Return the field that a column fills, by the names that captions files may have; raises MappingMismatch."""
    if column in _OWN or is_field(column):
        return column
    field = field_of(column)
    if field is None:
        hint = close_names(column) or f"; an own field is called {EXTRA}NAME"
        raise MappingMismatch(column, f"this column is no field that describes a picture{hint}")
    return field


def _is_missing(cell: object) -> bool:
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, (float, np.floating)) and bool(np.isnan(cell))
