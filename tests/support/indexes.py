"""An index of a test's own in memory or on a real server, gone at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from hybrid_search import HybridIndex
from tests.support.fakes import ColourEmbedder, photo
from tests.support.places import place_on
from tests.support.servers import VERSIONS, unavailable

EVERYWHERE = ("memory", *VERSIONS)


@contextmanager
def index_of(request: pytest.FixtureRequest, embedder: Any = None) -> Iterator[HybridIndex]:
    """Give an empty index where the fixture's parameter says: "memory" or "embedded", else a version of Elasticsearch.

    Its embedder is `ColourEmbedder` where none is given.
    """
    embedder = ColourEmbedder() if embedder is None else embedder
    if request.param in ("memory", "embedded"):
        with HybridIndex(embedder=embedder) as index:
            yield index
        return
    servers = request.getfixturevalue("servers")
    if request.param not in servers:
        unavailable(f"HYBRID_SEARCH_TEST_SERVERS names none of version {request.param}")
    with place_on(servers[request.param]) as at, HybridIndex(at.url, name=at.name, embedder=embedder) as index:
        yield index


def with_photos(index: HybridIndex, photos: Mapping[str, Mapping[str, Any]]) -> HybridIndex:
    """Add a photo for each id with what is said of it, and return the index with all of them there."""
    for number, (id, metadata) in enumerate(photos.items()):
        index.add(photo(number), id=id, metadata=metadata)
    index.refresh()
    return index
