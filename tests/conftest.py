"""Fixtures that every test file may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of shared real photos; tests that need it are skipped, with the reason, where it is absent."""
    folder = os.environ.get("HYBRID_SEARCH_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("HYBRID_SEARCH_DATA does not name a folder of shared test data")
    return Path(folder)
