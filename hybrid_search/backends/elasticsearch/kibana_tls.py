"""Whom Kibana's client trusts: the same authority as the Elasticsearch client, by its file or its fingerprint."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hybrid_search.errors import BackendUnavailable, KibanaRefused

if TYPE_CHECKING:
    import ssl

    from requests.adapters import HTTPAdapter

    from hybrid_search.backends.elasticsearch.server import Server

AWAY = "it cannot be reached; start it, or check its address and the port (5601)"


def trusted_by(base: str, server: Server) -> ssl.SSLContext | None:
    """Return the context of `backends.elasticsearch.trust` for Kibana's address; None where no authority is given.

    Raises
    ------
    KibanaRefused
        When its certificates cannot be read, or Kibana shows none of that fingerprint.
    """
    from elastic_transport import ConnectionTimeout, TlsError, TransportError

    from hybrid_search.backends.elasticsearch.tls import trusted_context

    try:
        return trusted_context(server, [base])
    except BackendUnavailable as error:
        raise KibanaRefused(base, f"{error.location}: {error.reason}; name a PEM file") from None
    except TlsError as error:
        reason = "no certificate that it shows has the fingerprint; compare ca_fingerprint with its authority's"
        raise KibanaRefused(base, reason if "fingerprint" in error.message else said_of_tls(error.message)) from None
    except ConnectionTimeout:
        raise KibanaRefused(base, f"no answer within {server.timeout:g} s; try again") from None
    except TransportError:
        raise KibanaRefused(base, AWAY) from None


def connections(context: ssl.SSLContext) -> HTTPAdapter:
    """Return the connections of `requests` that trust a context and nobody else."""
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, ssl_context=context, **options)

        def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
            return super().proxy_manager_for(*arguments, ssl_context=context, **options)

        def get_connection_with_tls_context(
            self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
        ) -> Any:
            # a bundle that the environment names would be added to the context
            return super().get_connection_with_tls_context(request, True, proxies=proxies, cert=cert)

        def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
            conn.cert_reqs, conn.ca_certs, conn.ca_cert_dir = "CERT_REQUIRED", None, None

    return Adapter()


def said_of_tls(text: str) -> str:
    """Return what is wrong with the TLS connection, from the text of the innermost cause, and what helps."""
    if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER" in text:
        return "it does not speak TLS there; write http:// in place of https://"
    found = re.search(r"certificate verify failed: ([^(\[]+)", text)
    if not found:
        return "no TLS connection can be made; check the address, and what stands between here and there"
    reason = found[1].strip().rstrip(".")
    remedy = "name the authority that signed it by HYBRID_SEARCH_CA_CERTS or HYBRID_SEARCH_CA_FINGERPRINT"
    if "not valid for" in reason:
        remedy = "write the address with a name that the certificate has"
    elif "expired" in reason:
        remedy = "renew it on Kibana's machine"
    return f"its certificate is not trusted: {reason}; {remedy}"
