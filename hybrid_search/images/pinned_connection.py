"""Connections only to addresses that may be asked, and to the very ones that were checked."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Any

from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util import parse_url

from hybrid_search.errors import ImageUnreadable
from hybrid_search.images.limits import Limits

_PORTS = {"http": 80, "https": 443}
_UPGRADE = (80, 443)
"""From http to https of the same server, which is the only redirect to another port that is still the server named."""


class Pinned(HTTPAdapter):
    """Carries the requests of one fetch, the URL's and those that redirects lead to.

    A name is resolved once a request, its addresses are checked, and the connection goes to one of those: a name that
    means another address the second time (DNS rebinding) gains nothing. TLS and Host know the name as ever. Where a
    proxy is set, it resolves and connects, and only hosts that are written as addresses are checked here.

    Parameters
    ----------
    name : str
        What errors call the image.
    limits : Limits
        `private_addresses` says what may be asked.
    """

    def __init__(self, name: str, limits: Limits) -> None:
        self._name, self._allowed = name, limits.private_addresses
        self._requests = 0
        self._given: tuple[frozenset[str], int] = (frozenset(), 0)
        self._opened: list[socket.socket] = []
        self._late = False
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools whose connections are checked."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._connected)

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        """Send one request; the first is that of the URL which was given.

        Raises
        ------
        ImageUnreadable
            When its host is at none but private addresses that may not be asked.
        """
        self._requests += 1
        if select_proxy(request.url, options.get("proxies")):
            parts = parse_url(request.url)
            host, port = parts.host or "", parts.port or _PORTS[parts.scheme or "http"]
            self._checked(host, port, resolved(host, port, numeric=True))
        return super().send(request, *args, **options)

    def cut_off(self) -> None:
        """End what is still being sent or read, from another thread, and what would only begin."""
        self._late = True
        for connection in self._opened:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of all connections."""
        super().close()
        for connection in self._opened:
            connection.close()

    def _connected(self, connection: Any, connect: Callable[[], socket.socket]) -> socket.socket:
        host = connection._dns_host
        failure: Exception = OSError(f"{host} has no address")
        try:
            for address in self._checked(host, connection.port, resolved(host, connection.port)):
                connection._dns_host = address
                try:
                    found = connect()
                except (NewConnectionError, ConnectTimeoutError) as error:
                    failure = error
                    continue
                self._opened.append(found.dup())
                if self._late:
                    self.cut_off()
                return found
            raise failure
        finally:
            connection._dns_host = host

    def _checked(self, host: str, port: int, addresses: list[str]) -> list[str]:
        if self._requests == 1:
            self._given = frozenset(addresses), port
        allowed = [address for address in addresses if is_public(address) or self._may(address, port)]
        if allowed or not addresses:
            return allowed
        where = f"{host} is at {addresses[0]}, which is no address of the public internet"
        if self._requests == 1:
            raise ImageUnreadable(self._name, f"{where}, and such are not asked here")
        remedy = "; if you trust it, give that address itself" if self._allowed == "given" else ""
        raise ImageUnreadable(self._name, f"the server redirects to a private address: {where}{remedy}")

    def _may(self, address: str, port: int) -> bool:
        if self._allowed != "given":
            return self._allowed == "always"
        given, first = self._given
        return self._requests == 1 or (address in given and (port == first or (first, port) == _UPGRADE))


def _pools(connected: Callable[[Any, Callable[[], socket.socket]], socket.socket]) -> dict[str, Any]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connected(self, super()._new_conn)

    class Encrypted(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connected(self, super()._new_conn)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}


_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
# what `is_global` of some versions of Python passes; the second looks public, and gives machines of Azure their keys
_OTHERS = (IPv4Network("192.0.0.0/24"), IPv4Network("168.63.129.16/32"))


def is_public(address: str) -> bool:
    """Tell whether a numeric address, perhaps with a scope, is of the public internet.

    It is not when it is private, shared by a provider, of this machine, link-local (where clouds have their metadata),
    multicast, reserved, for documentation, or when it stands for such an address of IPv4.

    Examples
    --------
    >>> is_public("8.8.8.8"), is_public("169.254.169.254"), is_public("::ffff:10.0.0.1"), is_public("fe80::1%eth0")
    (True, False, False, False)
    """
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv4Address):
        odd = found.is_multicast or found.is_reserved or any(found in network for network in _OTHERS)
        return found.is_global and not odd
    inner = found.ipv4_mapped or found.sixtofour
    if inner is None and found in _NAT64:
        inner = IPv4Address(int(found) & 0xFFFFFFFF)
    return found in _UNICAST and found.is_global if inner is None else is_public(str(inner))


def resolved(host: str, port: int, *, numeric: bool = False) -> list[str]:
    """Return the addresses of a host, as the system resolves it; 0x7f.1 and 2130706433 are addresses too.

    Parameters
    ----------
    host : str
        A name, or an address with or without brackets.
    port : int
    numeric : bool
        Return no addresses of a name, and ask nobody for them.

    Raises
    ------
    OSError
        When the name has none.
    """
    flags = socket.AI_NUMERICHOST if numeric else 0
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=flags)
    except socket.gaierror:
        if numeric:
            return []
        raise
    return list(dict.fromkeys(str(each[4][0]) for each in found))
