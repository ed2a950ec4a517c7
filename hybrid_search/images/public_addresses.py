"""Which addresses are of the public internet: all others are of this machine, or of the networks that it is in."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

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
