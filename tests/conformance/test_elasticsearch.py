"""The backend suite, run over real Elasticsearch servers of both versions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from elasticsearch import Elasticsearch

from hybrid_search.backends import Backend
from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server
from tests.conformance.backend_suite import BackendSuite


class OnServer(BackendSuite):
    version = ""
    knows_fields = False

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls, servers: dict[str, str]) -> Iterator[Callable[[], Backend]]:
        url, numbers, run = servers[cls.version], count(), secrets.token_hex(4)

        def new() -> Backend:
            return ElasticsearchBackend(url, name=f"suite-{run}-{next(numbers)}", server=Server())

        yield new
        with Elasticsearch(url) as raw:
            if made := list(raw.indices.get_alias(index=f"suite-{run}-*")):
                raw.indices.delete(index=made)


class TestNine(OnServer):
    version = "9.2.0"


class TestEight(OnServer):
    version = "8.19.21"
