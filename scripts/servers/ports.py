"""Ports on 127.0.0.1 that nobody listens on."""

from __future__ import annotations

import random
import socket

from scripts.servers.cluster import load_all
from scripts.servers.failures import Failure

TRANSPORT = 100  # how far a node's transport port is from its HTTP port, as 9300 is from 9200
LOWEST, HIGHEST = 20000, 32000  # below what Linux and macOS give to outgoing connections, above the usual servers


def default_port(version: str) -> int:
    """Return where a version listens unless told otherwise: both can run together, with up to ten nodes each."""
    return 9210 if version.startswith("8.") else 9200


def choose(first: int, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return `count` HTTP ports in a row from `first` on, and their transport ports; 0 means any that are free.

    Raises
    ------
    Failure
        One of them is taken.
    """
    if first == 0:
        promised = {port for cluster in load_all() for port in (*cluster.ports, *cluster.transports)}
        for _ in range(200):
            start = random.randrange(LOWEST, HIGHEST - TRANSPORT - count)
            ports = _row(start, count)
            if not promised & set(sum(ports, ())) and all(is_free(port) for port in sum(ports, ())):
                return ports
        raise Failure(f"found no {count} free ports in a row between {LOWEST} and {HIGHEST}")
    ports = _row(first, count)
    for port in sum(ports, ()):
        if not is_free(port):
            raise Failure(
                f"port {port} is taken by another program; pass --port with another number, or --port 0 for any free "
                f"one (or set ELASTICSEARCH_URL=http://127.0.0.1:{first} to use an Elasticsearch that listens there)"
            )
    return ports


def _row(first: int, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    http = tuple(range(first, first + count))
    return http, tuple(port + TRANSPORT for port in http)


def is_free(port: int) -> bool:
    """Return whether a server could listen on that port."""
    with socket.socket() as probe:
        # as the server does, or connections of a server that has just ended would count as taken
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
