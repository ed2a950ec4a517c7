"""What a server says over HTTP."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from scripts.servers.cluster import Cluster
from scripts.servers.failures import Failure

NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which the module ssl does not name
DENIED = {401, 403}


def ask(cluster: Cluster, path: str, *, port: int | None = None, timeout: float = 10) -> Any:
    """Return what a cluster's first node, or the one at `port`, answers; None where it does not answer yet."""
    url = f"{cluster.urls[0]}{path}" if port is None else f"{cluster.urls[0].rsplit(':', 1)[0]}:{port}{path}"
    user = ("elastic", cluster.password or "") if cluster.secure else None
    try:
        return fetch(url, user=user, ca_certs=cluster.ca_certs, timeout=timeout)
    except (OSError, http.client.HTTPException, ValueError):
        return None


def fetch(
    url: str, *, user: tuple[str, str] | None = None, ca_certs: Path | None = None, timeout: float = 10
) -> dict[str, Any]:
    """Return the parsed answer of a GET; `ca_certs` may have signed a certificate that has expired."""
    request = urllib.request.Request(url)
    if user:
        request.add_header("Authorization", "Basic " + base64.b64encode(":".join(user).encode()).decode())
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if ca_certs:
        trust = ssl.create_default_context(cafile=str(ca_certs))
        trust.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
        handlers.append(urllib.request.HTTPSHandler(context=trust))
    with urllib.request.build_opener(*handlers).open(request, timeout=timeout) as response:
        answer: dict[str, Any] = json.loads(response.read())
        return answer


def check_given(url: str) -> None:
    """Raise `Failure` where no Elasticsearch answers at a URL that the user has named (`ELASTICSEARCH_URL`).

    A server that asks for a password answers too.
    """
    parts = urlsplit(url)
    user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    try:
        answer = fetch(f"{bare.rstrip('/')}/_cluster/health", user=user)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in DENIED:
            return
        raise Failure(f"ELASTICSEARCH_URL {bare} answers {error.code} to _cluster/health") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise Failure(f"ELASTICSEARCH_URL {bare} does not answer: {reason}; start it, or unset the variable") from error
    if "cluster_name" not in answer:
        raise Failure(f"ELASTICSEARCH_URL {bare} is not an Elasticsearch")
