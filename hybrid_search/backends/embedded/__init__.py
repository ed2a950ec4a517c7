"""The backend that needs no server: tantivy for documents, rows and a graph for vectors, in one folder or in memory."""

from __future__ import annotations

from hybrid_search.backends.embedded.backend import EmbeddedBackend

__all__ = ["EmbeddedBackend"]
