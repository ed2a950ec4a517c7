"""A proxy before a real server that cuts, swallows, delays or replaces what a test says; without a server, a double."""

from __future__ import annotations

import http.client
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PRODUCT = {"x-elastic-product": "Elasticsearch", "content-type": "application/vnd.elasticsearch+json;compatible-with=8"}
_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "host", "keep-alive"}


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def is_bulk(self) -> bool:
        return self.path.endswith("/_bulk")

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]

    @property
    def ids(self) -> list[str]:
        """The ids of a bulk's actions, in order."""
        operations = {"index", "create", "update", "delete"}
        return [meta["_id"] for line in self.lines for key, meta in line.items() if {key} == set(line) & operations]


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: dict(PRODUCT))
    length: int | None = None
    """What Content-Length says, where it is not the truth."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Forward = Callable[[], Reply]
Fault = Callable[[Request, Forward], "Reply | None"]
"""Given a request, and what asks the real server; returns the reply, or None to break the connection off."""


def failing(status: int, kind: str, reason: str = "", **more: Any) -> Reply:
    """Return an error as Elasticsearch writes it."""
    cause = {"type": kind, "reason": reason, **more}
    return Reply(status, json.dumps({"error": {"root_cause": [cause], **cause}, "status": status}).encode())


class Proxy:
    """Listens on a port of its own; `fault` may change from one request to the next.

    Parameters
    ----------
    url : str, optional
        The real server.
    fault : callable, optional
        What happens to each request; forwarded unchanged by default.
    """

    def __init__(self, url: str | None = None, fault: Fault | None = None) -> None:
        self.requests: list[Request] = []
        self.fault: Fault = fault or (lambda request, forward: forward())
        self.upstream = urlsplit(url) if url else None
        self.open: set[socket.socket] = set()
        self._listener: _Listener | None = None
        self._port = 0
        self.restore()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def bulks(self) -> list[Request]:
        return [request for request in self.requests if request.is_bulk]

    def cut(self) -> None:
        """Refuse connections, and break off those that are open."""
        if self._listener is not None:
            self._listener.shutdown()
            self._listener.server_close()
            self._listener = None
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def restore(self) -> None:
        """Listen again, on the same port."""
        self._listener = _Listener(("127.0.0.1", self._port), _Handler)
        self._listener.proxy = self
        self._port = self._listener.server_address[1]
        threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def forward(self, request: Request) -> Reply:
        assert self.upstream is not None, "there is no server behind this one"
        connection = http.client.HTTPConnection(str(self.upstream.hostname), self.upstream.port, timeout=60)
        try:
            headers = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
            connection.request(request.method, request.target, body=request.body or None, headers=headers)
            answer = connection.getresponse()
            kept = {name.lower(): value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
            return Reply(answer.status, answer.read(), kept)
        finally:
            connection.close()


@contextmanager
def proxy(url: str | None = None, fault: Fault | None = None) -> Iterator[Proxy]:
    """Run a proxy, or a double when there is no server behind it."""
    running = Proxy(url, fault)
    try:
        yield running
    finally:
        running.cut()


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64
    proxy: Proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: connections that end in the middle are what this is for."""


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        proxy: Proxy = self.server.proxy  # type: ignore[attr-defined]
        proxy.open.add(self.connection)
        try:
            while (request := self._read()) is not None:
                proxy.requests.append(request)
                reply = proxy.fault(request, lambda request=request: proxy.forward(request))  # type: ignore[misc]
                if reply is None or not self._write(request, reply):
                    return
        finally:
            proxy.open.discard(self.connection)

    def _read(self) -> Request | None:
        first = self.rfile.readline(65_536).decode("latin-1").split()
        if len(first) != 3:
            return None
        headers: dict[str, str] = {}
        while line := self.rfile.readline(65_536).decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return Request(first[0], first[1], headers, self.rfile.read(int(headers.get("content-length", 0))))

    def _write(self, request: Request, reply: Reply) -> bool:
        length = len(reply.body) if reply.length is None else reply.length
        head = [f"HTTP/1.1 {reply.status} {http.client.responses.get(reply.status, 'Unknown')}"]
        head += [f"{name}: {value}" for name, value in reply.headers.items()]
        head += [f"content-length: {length}", "", ""]
        body = b"" if request.method == "HEAD" else reply.body
        self.wfile.write("\r\n".join(head).encode("latin-1") + body)
        return length == len(reply.body)
