"""From what the command line names, an id, the start of one, a path or a location, to the thing itself."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hybrid_search.document import Document
    from hybrid_search.index import HybridIndex

__all__ = ["Settings", "default_location", "find_document", "open_index", "picture", "place_of"]

_ID_START = re.compile("[0-9a-f]{6,63}")


@dataclass(frozen=True)
class Settings:
    """What stands before the command: where the index is, and its name there."""

    index: str | None = None
    name: str = "images"


def default_location() -> str:
    """Return the folder of the index that is used when none is named: one for each user."""
    import platformdirs

    return os.path.join(platformdirs.user_data_dir("hybrid-search", appauthor=False), "index")


def place_of(context: typer.Context, location: str | None) -> str:
    """Return the location that the command, the program's options or the environment names, in this order."""
    place = location or context.ensure_object(Settings).index or default_location()
    return place if "://" in place else os.path.expanduser(place)


def open_index(
    context: typer.Context,
    location: str | None,
    *,
    create: bool = False,
    embedder: str | None = None,
    max_megapixels: int | None = None,
) -> HybridIndex:
    """Open the index at `place_of`, for pictures of at most `max_megapixels` million pixels.

    Raises
    ------
    IndexNotFound
        When there is none, and none is to be made.
    """
    from hybrid_search.images import DEFAULT_LIMITS
    from hybrid_search.index import HybridIndex

    limits = DEFAULT_LIMITS if max_megapixels is None else replace(DEFAULT_LIMITS, max_pixels=max_megapixels * 10**6)
    name = context.ensure_object(Settings).name
    place = place_of(context, location)
    return HybridIndex(place, name=name, embedder=embedder, create=create, limits=limits)


def find_document(index: HybridIndex, named: str, *, vectors: bool = False) -> Document:
    """Return the document with this id, that of the picture at this path, or the only one whose id begins so.

    Raises
    ------
    DocumentNotFound
        When there is none, or several ids begin so.
    """
    from hybrid_search.errors import DocumentNotFound

    try:
        return index.get(named, vectors=vectors)
    except DocumentNotFound:
        if _ID_START.fullmatch(named):
            hits = index.search(filter={"prefix": {"sha256": named}}, k=2)
            if len(hits) == 1:
                return index.get(hits[0].id, vectors=vectors)
        raise


def picture(named: str) -> str | bytes:
    """Return a query image as the library takes it; "-" reads stdin, a file that is not there is a usage error."""
    if named == "-":
        import sys

        return sys.stdin.buffer.read()
    if "://" not in named and not Path(named).expanduser().is_file():
        raise typer.BadParameter(f"no file {named!r}")
    return named if "://" in named else os.path.expanduser(named)
