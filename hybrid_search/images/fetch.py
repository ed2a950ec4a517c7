"""The bytes behind a URL, within limits of time, size and redirects."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from hybrid_search.errors import ImageError, ImageUnreadable
from hybrid_search.images.limits import Limits
from hybrid_search.images.sniff import describe, sniff

if TYPE_CHECKING:
    import requests

    from hybrid_search.images.pinned_connection import Pinned

_SCHEMES = ("http://", "https://")
_CHUNK = 64 * 1024  # bytes read at once
_HEAD = 64


def fetch(url: str, *, name: str, limits: Limits) -> bytes:
    """Return the body of the answer to GET `url`.

    Parameters
    ----------
    url : str
        http or https; redirects to anything else are refused.
    name : str
        What errors call it: the URL without user and password.
    limits : Limits
        Bytes, seconds, redirects and addresses allowed.

    Raises
    ------
    ImageUnreadable
        When the server cannot be reached or may not be asked, answers with an error status or too slowly, or sends no
        image.
    ImageTooLarge
        When the body has more bytes than allowed.
    """
    if not url.lower().startswith(_SCHEMES):
        raise ImageUnreadable(name, "only http and https URLs are fetched; for a file on this machine pass its path")
    from hybrid_search.images.pinned_connection import Pinned

    outcome: list[bytes | ImageError] = []
    carrier = Pinned(name, limits)
    # Timeouts of sockets start anew with every byte; a thread left behind is the only bound on the whole.
    arguments = (url, name, limits, carrier, outcome)
    worker = threading.Thread(target=_run, args=arguments, name="hybrid-search-fetch", daemon=True)
    worker.start()
    worker.join(limits.timeout_s)
    if not outcome:
        carrier.cut_off()
        raise ImageUnreadable(name, f"the server took more than {limits.timeout_s:g} s")
    if isinstance(outcome[0], ImageError):
        raise outcome[0]
    return outcome[0]


def _run(url: str, name: str, limits: Limits, carrier: Pinned, outcome: list[bytes | ImageError]) -> None:
    try:
        outcome.append(_get(url, name, limits, carrier))
    except ImageError as error:
        outcome.append(error)
    except Exception as error:
        outcome.append(ImageUnreadable(name, _reason(error, limits)))


def _get(url: str, name: str, limits: Limits, carrier: Pinned) -> bytes:
    import requests

    deadline = time.monotonic() + limits.timeout_s
    with requests.Session() as session:
        for scheme in _SCHEMES:
            session.mount(scheme, carrier)
        # Nothing of the environment but what is asked for below: no password of ~/.netrc for whom a redirect names.
        session.trust_env = False
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        # Compressing an image again gains nothing, and a compressed answer could swell without end.
        session.headers.update({"User-Agent": "hybrid-search", "Accept": "image/*", "Accept-Encoding": "identity"})
        # Redirects are followed here, as requests would read the whole body of each.
        for _ in range(limits.max_redirects + 1):
            proxies = {} if limits.private_addresses == "never" else requests.utils.get_environ_proxies(url)
            # what is left, but never 0, which would mean not to wait at all
            left = max(deadline - time.monotonic(), 0.001)
            with session.get(url, stream=True, timeout=left, allow_redirects=False, proxies=proxies) as response:
                target = session.get_redirect_target(response)
                if target is None:
                    return _body(response, name, limits, deadline)
                url = urljoin(url, target)
            if not url.lower().startswith(_SCHEMES):
                raise ImageUnreadable(name, "the server redirects to something that is neither http nor https")
    raise ImageUnreadable(name, f"more than {limits.max_redirects} redirects")


def _body(response: requests.Response, name: str, limits: Limits, deadline: float) -> bytes:
    if response.status_code != 200:
        raise ImageUnreadable(name, f"the server answered {response.status_code} {response.reason or ''}".rstrip())
    announced = response.headers.get("Content-Length", "")
    if announced.isdigit():
        limits.check_bytes(name, int(announced))
    body = bytearray()
    sniffed = False
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        limits.check_bytes(name, len(body))
        if not sniffed and len(body) >= _HEAD:
            sniffed = True
            if sniff(bytes(body[:_HEAD])) is None:
                raise ImageUnreadable(name, describe(bytes(body)))
        if time.monotonic() > deadline:
            raise ImageUnreadable(name, f"the server took more than {limits.timeout_s:g} s")
    return bytes(body)


def _reason(error: Exception, limits: Limits) -> str:
    import requests

    if isinstance(error, requests.Timeout):
        return f"the server took more than {limits.timeout_s:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return f"the certificate cannot be trusted ({error})"
    if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        return "the server cannot be reached, or broke the connection off"
    return f"the URL cannot be fetched ({error})"
