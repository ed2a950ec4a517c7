"""Pictures go in: one, or a folder of them.

What is named here is loaded when it is first used: a search opens an index through this folder, and writes nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybrid_search.images import place_of
    from hybrid_search.ingest.folder import add_folder
    from hybrid_search.ingest.many_pictures import Item, add_pictures
    from hybrid_search.ingest.one_picture import add_picture
    from hybrid_search.ingest.report import Failure, IngestOptions, IngestReport, Progress

__all__ = [
    "Failure",
    "IngestOptions",
    "IngestReport",
    "Item",
    "Progress",
    "add_folder",
    "add_picture",
    "add_pictures",
    "place_of",
]

_HOMES = {
    **dict.fromkeys(("Failure", "IngestOptions", "IngestReport", "Progress"), "ingest.report"),
    **dict.fromkeys(("Item", "add_pictures"), "ingest.many_pictures"),
    "add_folder": "ingest.folder",
    "add_picture": "ingest.one_picture",
    "place_of": "images",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"hybrid_search.{_HOMES[name]}"), name)
