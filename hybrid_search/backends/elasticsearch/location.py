"""A server's address as it is written: checked, in one form, and with its user name and password taken out."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote, urlsplit, urlunsplit

from hybrid_search.errors import BackendUnavailable

_HINT = "write http://host:9200 or https://host:9200, and special characters of a password as %40 and so on"
_DEFAULT_PORTS = {"http": 9200, "https": 443}


def read_location(location: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the URLs of a location, and `username` and `password` where one of them has these.

    Examples
    --------
    >>> read_location("https://me:secret@one:9200,https://two:9200/")
    (('https://one:9200', 'https://two:9200'), {'username': 'me', 'password': 'secret'})

    Raises
    ------
    BackendUnavailable
        When a part is no http or https URL of a host, or the parts contradict each other; no message quotes a secret.
    """
    urls, logins = zip(*(_read_one(text.strip()) for text in location.split(",")), strict=True)
    given = [login for login in logins if login]
    if any(login != given[0] for login in given):
        raise BackendUnavailable(",".join(urls), "its URLs have different user names or passwords")
    if len({url.partition(":")[0] for url in urls}) > 1:
        raise BackendUnavailable(",".join(urls), "its URLs are partly http:// and partly https://")
    return tuple(urls), given[0] if given else {}


def without_secrets(location: str) -> str:
    """Return a location as it may be shown: its URLs in one form, no user name, no password."""
    return ",".join(read_location(location)[0])


def is_loopback(url: str) -> bool:
    """Tell whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _read_one(text: str) -> tuple[str, dict[str, str]]:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        # the reason quotes the text, which may hold a password
        raise BackendUnavailable("that URL", f"it cannot be read; {_HINT}") from None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not host or port == 0 or "%" in host:
        raise BackendUnavailable("that URL", f"it names no Elasticsearch server; {_HINT}")
    if "@" in parts.path or re.search(r"[\s\x00-\x1f\\]", text):
        raise BackendUnavailable("that URL", f"it cannot be read; {_HINT}")
    if parts.query or parts.fragment:
        raise BackendUnavailable(f"{scheme}://{host}", "a server's URL has no ? and no #; the index is named by `name`")
    login = {"username": unquote(parts.username)} if parts.username else {}
    if login and parts.password is not None:
        login["password"] = unquote(parts.password)
    host = f"[{host}]" if ":" in host else host
    netloc = f"{host}:{port or _DEFAULT_PORTS[scheme]}"
    return urlunsplit((scheme, netloc, parts.path.rstrip("/"), "", "")), login
