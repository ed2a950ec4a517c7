"""A hub on this machine: the few answers of the model hub's protocol that bringing files needs.

Repositories are folders; one commit each. Files larger than a few bytes are stated with their SHA-256, as those in
large file storage are.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class TinyHub:
    """What it offers and what it was asked."""

    root: Path
    gated: set[str] = field(default_factory=set)
    wrong_hash: set[str] = field(default_factory=set)
    cut_after: dict[str, int] = field(default_factory=dict)
    held_after: dict[str, int] = field(default_factory=dict)
    held: threading.Event = field(default_factory=threading.Event)
    freed: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)
    starts: dict[str, list[int]] = field(default_factory=dict)
    url: str = ""

    def files(self, repository: str) -> dict[str, bytes]:
        folder = self.root / repository
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def running(root: Path) -> Iterator[TinyHub]:
    """Run a hub that offers the folders "owner/name" under a folder."""
    hub = TinyHub(root)

    class Handler(_Handler):
        offered = hub

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.freed.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    offered: TinyHub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        self.offered.asked.append(f"{self.command} {path}")
        parts = path.strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        repository = "/".join(parts[2:4] if api else parts[:2])
        if repository in self.offered.gated:
            self._send(403, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to it is restricted"})
        elif not (self.offered.root / repository).is_dir():
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        elif api:
            self._describe(repository, parts[5] if parts[4:5] == ["revision"] else "main")
        else:
            self._file(repository, "/".join(parts[4:]))

    def _describe(self, repository: str, revision: str) -> None:
        if revision not in ("main", "v1", COMMIT):
            headers = {"X-Error-Code": "RevisionNotFound", "X-Error-Message": f"Invalid rev id: {revision}"}
            return self._send(404, b"{}", headers)
        siblings = []
        for name, data in self.offered.files(repository).items():
            sha256 = digest(b"other" if name in self.offered.wrong_hash else data)
            lfs = {"lfs": {"sha256": sha256, "size": len(data), "pointerSize": 130}} if len(data) > 2000 else {}
            siblings.append({"rfilename": name, "size": len(data), "blobId": sha256[:40], **lfs})
        said = {"_id": "0" * 24, "id": repository, "modelId": repository, "sha": COMMIT, "siblings": siblings}
        self._send(200, json.dumps({**said, "private": False, "tags": [], "downloads": 0}).encode(), {})

    def _file(self, repository: str, name: str) -> None:
        data = self.offered.files(repository).get(name)
        if data is None:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
        tag = f'"{digest(data)}"'
        headers = {"ETag": tag, "X-Linked-ETag": tag, "X-Linked-Size": str(len(data)), "X-Repo-Commit": COMMIT}
        asked = self.headers.get("Range", "")
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        if self.command == "HEAD":
            return self._send(200, data, headers)
        self.offered.starts.setdefault(name, []).append(start)
        if asked:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if (size := self.offered.held_after.pop(name, None)) is not None:
            return self._hold(data, headers, size)
        self._send(206 if asked else 200, data[start:], headers, cut=self.offered.cut_after.pop(name, None))

    def _hold(self, data: bytes, headers: dict[str, str], size: int) -> None:
        """Send the beginning, and no more until the hub ends: whoever waits has to give up."""
        self.send_response(200)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[:size])
        self.wfile.flush()
        self.offered.held.set()
        self.offered.freed.wait()
        self.close_connection = True

    def _send(self, status: int, body: bytes, headers: dict[str, str], *, cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Accept-Ranges": "bytes", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            # a connection that breaks in the middle
            self.close_connection = True
