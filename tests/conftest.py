"""Fixtures that every test file may use."""

from __future__ import annotations

import gc
import os
import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # at its very first import luqum writes its tables beside itself and leaves the file to the garbage collector
    warnings.simplefilter("ignore")
    import luqum.parser  # noqa: F401

    gc.collect()


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of shared real photos; tests that need it are skipped, with the reason, where it is absent."""
    folder = os.environ.get("HYBRID_SEARCH_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("HYBRID_SEARCH_DATA does not name a folder of shared test data")
    return Path(folder)
