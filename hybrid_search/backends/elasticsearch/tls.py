"""Whom a client trusts: exactly the authority that it was given, for every certificate, host name and date."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hybrid_search.backends.elasticsearch.server import Server
from hybrid_search.errors import BackendUnavailable

if TYPE_CHECKING:
    from elastic_transport import Urllib3HttpNode


def tls_options(server: Server, urls: Sequence[str]) -> dict[str, Any]:
    """Return what Elastic's client needs to trust as `trusted_context` says; nothing where that is nothing.

    Raises
    ------
    BackendUnavailable, elastic_transport.TransportError
        As `trusted_context`.
    """
    context = trusted_context(server, urls)
    return {} if context is None else {"ssl_context": context, "node_class": _node_class()}


def trusted_context(server: Server, urls: Sequence[str]) -> ssl.SSLContext | None:
    """Return the context that trusts `ca_certs` or `ca_fingerprint` and nobody else; None without them.

    A fingerprint by itself proves nothing but that somebody sent along a public certificate: the client's own check of
    it accepts a forged one beside it. So the certificate of that fingerprint is asked for once, and is then the
    authority by which the server's own certificate is verified.

    Raises
    ------
    BackendUnavailable
        When the file of certificates cannot be used.
    elastic_transport.TransportError
        When no server answers, or none shows a certificate of that fingerprint.
    """
    if server.ca_certs is not None:
        return _trusting(_read_certificates(server.ca_certs))
    if server.ca_fingerprint is not None:
        return _trusting(_find_certificate(server.ca_fingerprint, urls, timeout=server.timeout))
    return None


def _trusting(certificates: str | bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=certificates)
    # a certificate that is given may be the server's own, or that of an authority below another one
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _node_class() -> type[Urllib3HttpNode]:
    from elastic_transport import Urllib3HttpNode

    class Node(Urllib3HttpNode):
        """A connection that adds no public authorities to those of the context."""

        def __init__(self, config: Any) -> None:
            super().__init__(config)
            pool: Any = self.pool
            pool.ca_certs = None

    return Node


def _read_certificates(named: str) -> str:
    path = Path(os.path.expanduser(named))
    try:
        text = path.read_text(encoding="ascii", errors="replace")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (OSError, ValueError) as error:
        missing = not isinstance(error, ssl.SSLError) and getattr(error, "strerror", None)
        reason = missing or "it has no certificates in PEM form"
        raise BackendUnavailable(f"the certificates of ca_certs, {path}", str(reason)) from None
    return text


def _find_certificate(fingerprint: str, urls: Sequence[str], *, timeout: float) -> bytes:
    from elastic_transport import ConnectionError, ConnectionTimeout, TlsError

    failure: Exception | None = None
    for url in urls:
        parts = urlsplit(url)
        try:
            chain = _chain(str(parts.hostname), int(parts.port or 443), timeout)
        except TimeoutError:
            failure = ConnectionTimeout("Connection timed out")
        except ssl.SSLError as error:
            failure = TlsError(str(error))
        except OSError as error:
            failure = ConnectionError(str(error))
        else:
            for certificate in chain:
                if hashlib.sha256(certificate).hexdigest() == fingerprint:
                    return certificate
            raise TlsError("fingerprints did not match")
    raise failure or ConnectionError("there is no server to ask")


def _chain(host: str, port: int, timeout: float) -> list[bytes]:
    """Return the certificates that a server shows, which nobody has verified yet; nothing is sent to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, port), timeout=timeout) as connection:
        with context.wrap_socket(connection, server_hostname=host) as tls:
            if sys.version_info >= (3, 13):
                return list(tls.get_unverified_chain())
            certificates: Any = tls._sslobj.get_unverified_chain()  # type: ignore[attr-defined]
            return [ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in certificates]
