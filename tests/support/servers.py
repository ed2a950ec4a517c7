"""Real Elasticsearch servers for tests, started through scripts/elasticsearch and stopped at the end of the session.

`make test` starts both versions and names them in HYBRID_SEARCH_TEST_SERVERS; without it the first test that asks for
one starts them. Where none can be had such tests are skipped with the reason, or fail with CI or
HYBRID_SEARCH_REQUIRE_SERVERS set.
"""

from __future__ import annotations

import functools
import hashlib
import os
import signal
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from scripts.servers import cluster, distribution, health, session, users
from scripts.servers.failures import NotToBeHad

VERSIONS = session.VERSIONS


@dataclass(frozen=True)
class SecureServer:
    """A server with passwords and TLS; `other_ca_certs` is an authority that has not signed its certificate."""

    name: str
    url: str
    ca_certs: Path
    other_ca_certs: Path
    ca_fingerprint: str
    password: str
    username: str = "elastic"

    def add_user(self, name: str, password: str, roles: Mapping[str, Mapping[str, Any] | None]) -> None:
        """Add a user of the file realm.

        `roles` has per role its definition in the shape of `PUT _security/role`, or None for a role that is built in or
        was defined before.
        """
        known = _known(self.name)
        users.add_user(known, distribution.unpacked(known.version), name, password, roles)


@dataclass(frozen=True)
class RunningCluster:
    """A cluster of several nodes, each one a process that a test may kill."""

    name: str
    urls: list[str]

    @property
    def pids(self) -> list[int | None]:
        """The process of each node, in the order of `urls`; None where it has ended."""
        return [node.pid() for node in _known(self.name).nodes]

    def kill(self, number: int) -> None:
        """Kill the node at that place of `urls` as a power cut would, and return when it is gone."""
        node = _known(self.name).nodes[number]
        node.signal(signal.SIGKILL)
        deadline = time.monotonic() + 30
        while node.pid() is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert node.pid() is None

    def restart(self) -> None:
        """Start the killed nodes again, with their data, and return when the cluster is whole."""
        known = _known(self.name)
        arguments = ["--nodes", str(len(known.ports)), "--version", known.version, *(["--secure"] * known.secure)]
        session.start({self.name: arguments})


def _known(name: str) -> cluster.Cluster:
    known = cluster.load(name)
    assert known is not None, f"no cluster of the name {name}"
    return known


def unavailable(reason: object) -> NoReturn:
    """Skip the test that needs a server, or fail it where servers are required."""
    message = f"no real Elasticsearch here: {reason}"
    if session.required():
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@functools.cache
def server_urls() -> dict[str, str]:
    """Return the URL of a running server per version, starting both where none are named.

    Raises
    ------
    NotToBeHad
        This machine lacks what a server needs.
    """
    named = os.environ.get(session.URLS, "").split()
    if named:
        return {_version(url): url for url in named}
    if os.environ.get(session.MISSING):
        raise NotToBeHad(os.environ[session.MISSING])
    wanted = session.versions()
    urls = session.start(wanted)
    return dict(zip(VERSIONS, (urls[name] for name in wanted), strict=True))


def stop_servers() -> None:
    """Stop what `server_urls` has started."""
    session.stop(name for name in session.versions() if cluster.load(name))


def _version(url: str) -> str:
    answer = health.fetch(f"{url.rstrip('/')}/_nodes?filter_path=nodes.*.version")
    return str(next(iter(answer["nodes"].values()))["version"])


@contextmanager
def running(what: str, *arguments: str) -> Iterator[cluster.Cluster]:
    """Run a cluster of its own on free ports, named after the session and `what`."""
    name = session.name_of(what)
    try:
        session.start({name: ["--port", "0", "--heap", "512m", "--brief", *arguments]})
        yield _known(name)
    finally:
        session.stop([name])


def secured(known: cluster.Cluster) -> SecureServer:
    """Return what a client needs to know of a cluster that was started with `--secure`."""
    assert known.ca_certs is not None and known.password is not None
    der = ssl.PEM_cert_to_DER_cert(known.ca_certs.read_text())
    return SecureServer(
        name=known.name,
        url=known.urls[0],
        ca_certs=known.ca_certs,
        other_ca_certs=known.ca_certs.with_name("other-ca.pem"),
        ca_fingerprint=hashlib.sha256(der).hexdigest(),
        password=known.password,
    )
