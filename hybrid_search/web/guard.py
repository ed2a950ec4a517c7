"""Who may ask: hosts, origins and tokens are checked before anything else, and every reply gets the same headers."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hybrid_search.web.replies import error_reply

COOKIE = "hybrid-search-token"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Access:
    """Who may ask a server.

    Parameters
    ----------
    token : str, optional
        What every request must bring, as a cookie or as `Authorization: Bearer`; None asks for none.
    hosts : frozenset of str
        Names by which the server may be called, besides "localhost" and addresses of numbers.

    Examples
    --------
    >>> access = Access(hosts=frozenset({"photos.lan"}))
    >>> [access.knows_host(host) for host in ("localhost:8765", "[::1]:80", "photos.lan", "evil.example")]
    [True, True, True, False]
    """

    token: str | None = field(default=None, repr=False)
    hosts: frozenset[str] = frozenset()

    def knows_host(self, host: str) -> bool:
        """Tell whether a `Host` header is no other site's name: a stranger's name may be bound to this machine anew."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in {"localhost", *self.hosts} or _is_address(name)

    def admits(self, token: str) -> bool:
        """Tell whether a token is the right one, in the same time for every wrong one."""
        return self.token is None or hmac.compare_digest(token.encode(), self.token.encode())


class Guard:
    """ASGI middleware that refuses what `Access` does not admit."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        reply = self._refused(Request(scope))
        await (reply or self._app)(scope, receive, send_with_headers)

    def _refused(self, request: Request) -> Response | None:
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or not self._access.knows_host(hosts[0]):
            return error_reply(421, "UnknownHost", "this server is not called so; allow the name when it is started")
        if _is_foreign(request, hosts[0]):
            return error_reply(403, "ForeignOrigin", "pages of other sites may not ask this server")
        if self._access.token is None:
            return None
        return self._without_token(request)

    def _without_token(self, request: Request) -> Response | None:
        given = request.query_params.get("token")
        if given is not None and request.url.path == "/" and self._access.admits(given):
            # the token leaves the address, which is kept in histories, for a cookie
            reply = RedirectResponse("/", 303)
            reply.set_cookie(COOKIE, given, httponly=True, samesite="strict", secure=request.url.scheme == "https")
            return reply
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        offered = bearer if scheme.lower() == "bearer" else request.cookies.get(COOKIE, "")
        if self._access.admits(offered):
            return None
        return error_reply(401, "TokenNeeded", "open the address that was printed, or send Authorization: Bearer TOKEN")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_foreign(request: Request, host: str) -> bool:
    """Tell whether another site's page asks; following a link to the page itself is allowed."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return True
    site = request.headers.get("sec-fetch-site", "none")
    to_page = (
        request.method == "GET" and request.url.path == "/" and request.headers.get("sec-fetch-dest") == "document"
    )
    return site in ("cross-site", "same-site") and not to_page
