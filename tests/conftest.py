"""Fixtures that every test file may use."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

import hybrid_search  # noqa: F401  tests that import ONNX Runtime at their top must not start its telemetry
from scripts.servers.failures import NotToBeHad
from tests.support.servers import (
    VERSIONS,
    RunningCluster,
    SecureServer,
    running,
    secured,
    server_urls,
    stop_servers,
    unavailable,
)

with warnings.catch_warnings():
    # at its very first import luqum writes its tables beside itself and leaves the file to the garbage collector
    warnings.simplefilter("ignore")
    import luqum.parser  # noqa: F401

    gc.collect()


TESTS = Path(__file__).parent
MARKS = {
    "servers": "servers",
    "models": "models",
    "whole": "slow",
    "unit/scripts": "slow",
    "unit/training": "slow",
    "unit/duplicates/compare/test_differences.py": "slow",
    "unit/duplicates/compare/test_judge.py": "slow",
}
"""Marks by folder or file; a test of any folder that asks for a server or a fetched model gets the mark, too."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they need, so that `make quick` leaves out what takes servers, models or long."""
    for item in items:
        place = item.path.relative_to(TESTS)
        marks = {MARKS[name] for each in (place, *place.parents) if (name := each.as_posix()) in MARKS}
        fixtures = getattr(item, "fixturenames", ())
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if "servers" in fixtures or any(isinstance(each, str) and each in VERSIONS for each in parameters):
            marks.add("servers")
        if not {"elasticsearch_url", "secure_server", "expired_server", "cluster"}.isdisjoint(fixtures):
            marks.add("servers")
        if "minilm" in fixtures:
            marks.add("models")
        for mark in marks:
            item.add_marker(mark)


@pytest.fixture(autouse=True, scope="session")
def lite_by_default() -> Iterator[None]:
    """Make new indexes for `lite`, whatever has been fetched on this machine."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("hybrid_search.embedders.registry.default_embedder", lambda: "lite")
        yield


@pytest.fixture(autouse=True)
def no_corners_known(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let no test find corners of pictures that another, or this user, has looked for."""
    monkeypatch.setattr(
        "hybrid_search.duplicates.compare.feature_cache.cache_folder", lambda: tmp_path_factory.mktemp("corners")
    )


# how long an example takes says how busy the machine is
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of shared real photos; tests that need it are skipped, with the reason, where it is absent."""
    folder = os.environ.get("HYBRID_SEARCH_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("HYBRID_SEARCH_DATA does not name a folder of shared test data")
    return Path(folder)


@pytest.fixture(scope="session")
def minilm() -> Path:
    """Return the folder of the text tower's files, fetched once into the user's cache; else the test is skipped."""
    from hybrid_search.embedders.minilm import fetch
    from hybrid_search.errors import ModelMissing

    try:
        return fetch().folder
    except ModelMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, str]]:
    """Return the URL of a real server per version (see tests/support/servers.py)."""
    try:
        yield server_urls()
    except NotToBeHad as failure:
        unavailable(failure)
    finally:
        stop_servers()


@pytest.fixture(scope="session", params=VERSIONS)
def elasticsearch_url(request: pytest.FixtureRequest, servers: dict[str, str]) -> str:
    """Return the URL of a real server, once for each version."""
    if request.param not in servers:
        unavailable(f"HYBRID_SEARCH_TEST_SERVERS names none of version {request.param}")
    return servers[request.param]


@pytest.fixture(scope="session")
def secure_server() -> Iterator[SecureServer]:
    """Return a server with passwords and TLS."""
    with _or_unavailable(), running("secure", "--secure") as known:
        yield secured(known)


@pytest.fixture(scope="session")
def expired_server() -> Iterator[SecureServer]:
    """Return a server with passwords and TLS whose certificate has expired."""
    with _or_unavailable(), running("expired", "--secure", "--expired") as known:
        yield secured(known)


@pytest.fixture
def cluster() -> Iterator[Callable[..., RunningCluster]]:
    """Return a function that starts a cluster of several nodes, which ends with the test."""
    with ExitStack() as stack:

        def start(nodes: int = 3, version: str = VERSIONS[0]) -> RunningCluster:
            arguments = ("--nodes", str(nodes), "--version", version)
            with _or_unavailable():
                known = stack.enter_context(running(uuid4().hex[:8], *arguments))
            return RunningCluster(known.name, known.urls)

        yield start


@contextmanager
def _or_unavailable() -> Iterator[None]:
    try:
        yield
    except NotToBeHad as failure:
        unavailable(failure)
