"""The backend of a team: documents in an index of an Elasticsearch server, 8.19 or 9.x."""

from __future__ import annotations

from hybrid_search.backends.elasticsearch.backend import ElasticsearchBackend
from hybrid_search.backends.elasticsearch.server import Server

__all__ = ["ElasticsearchBackend", "Server"]
