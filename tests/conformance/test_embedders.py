"""The embedder suite, run over every embedder that works after a plain installation."""

from __future__ import annotations

import pytest

from hybrid_search.embedders import Embedder
from hybrid_search.embedders.registry import get_embedder
from tests.conformance.embedder_suite import EmbedderSuite
from tests.support.fakes import ColourEmbedder


class TestLite(EmbedderSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def embedder(cls) -> Embedder:
        return get_embedder("lite")


class TestHistogramHog(EmbedderSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def embedder(cls) -> Embedder:
        return get_embedder("histogram+hog")


class TestFake(EmbedderSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def embedder(cls) -> Embedder:
        return ColourEmbedder()
