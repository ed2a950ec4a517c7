"""The backend suite, run over the embedded backend in memory and in a folder."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from hybrid_search.backends import Backend
from hybrid_search.backends.embedded import EmbeddedBackend
from tests.conformance.backend_suite import BackendSuite


class Embedded(BackendSuite):
    vector_tolerance = 5e-4  # rows are float16
    sparse_tolerance = 5e-2  # the average length of a field that documents lack is kept to a whole number of tokens


class TestInMemory(Embedded):
    @pytest.fixture(scope="class")
    @classmethod
    def make(cls) -> Callable[[], Backend]:
        return lambda: EmbeddedBackend(None)


class TestInFolder(Embedded):
    analysis = "english"

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Backend]:
        numbers = count()
        top = tmp_path_factory.mktemp("index")
        return lambda: EmbeddedBackend(top / str(next(numbers)))
