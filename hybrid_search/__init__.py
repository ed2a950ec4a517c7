"""Search pictures by words, by example, by metadata and by near-identity, in one query.

image (`images`) → metadata + signature + embedding (`metadata`, `signature`, `embedders`) → document (`document`)
→ index (`backends`, `ingest`, `index`) → query (`query`) → hits (`hits`).
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hybrid_search.version import __version__ as __version__

if TYPE_CHECKING:
    from hybrid_search.backends.elasticsearch.server import Server
    from hybrid_search.document.document import Document
    from hybrid_search.embedders.registry import get_embedder, get_text_embedder
    from hybrid_search.errors import HybridSearchError
    from hybrid_search.hits.hits import Hit, Hits
    from hybrid_search.index import HybridIndex
    from hybrid_search.ingest import IngestReport
    from hybrid_search.query.vector_sum import ExamplePicture, StoredPicture

# Read when these libraries are imported, by whichever part of the program does it first: they are to tell nobody.
os.environ.update(ORT_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_TELEMETRY="1")

__all__ = [
    "Document",
    "ExamplePicture",
    "Hit",
    "Hits",
    "HybridIndex",
    "HybridSearchError",
    "IngestReport",
    "Server",
    "StoredPicture",
    "get_embedder",
    "get_text_embedder",
]

_HOMES = {
    "Document": "document.document",
    "ExamplePicture": "query.vector_sum",
    "Hit": "hits.hits",
    "Hits": "hits.hits",
    "HybridIndex": "index",
    "HybridSearchError": "errors",
    "IngestReport": "ingest",
    "Server": "backends.elasticsearch.server",
    "StoredPicture": "query.vector_sum",
    "get_embedder": "embedders.registry",
    "get_text_embedder": "embedders.registry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"hybrid_search.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
