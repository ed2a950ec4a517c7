"""The page's server in a thread, over a small index whose texts mean harm."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from hybrid_search.index import HybridIndex

SCRIPT = '<img src=x onerror="document.title=1">'
"""A caption, a tag and a file name that would run where a page takes them as HTML."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    port: int
    folder: Path
    index: HybridIndex

    def ask(
        self, path: str, *, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send the path as it is: no client here mends `..` before it leaves."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            reply = connection.getresponse()
            return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()


def draw_pictures(folder: Path) -> list[tuple[Path, dict[str, object]]]:
    """Draw twelve pictures with captions, two of them nearly the same, one with harm in all its texts."""
    drawn: list[tuple[Path, dict[str, object]]] = []
    for number in range(12):
        name = f"{SCRIPT.replace('/', '')}.png" if number == 11 else f"picture-{number}.png"
        image = Image.new("RGB", (240, 160 + 10 * number), (20 * number, 90, 200 - 15 * number))
        ImageDraw.Draw(image).ellipse((10 * number, 20, 10 * number + 90, 120), fill=(240, 20 * number, 40))
        image.save(folder / name)
        fields: dict[str, object] = {
            "caption": SCRIPT if number == 11 else f"a {'dog' if number % 2 else 'boat'} number {number}",
            "tags": [SCRIPT] if number == 11 else ["sea" if number < 6 else "hill"],
            "camera.make": "Canon" if number % 3 else "Nikon",
            "camera.model": "EOS" if number % 3 else "D90",
            "taken_at": f"20{10 + number}-05-01T12:00:00Z",
        }
        drawn.append((folder / name, fields))
    return drawn


@contextmanager
def served(folder: Path, *, token: str | None = None) -> Iterator[Served]:
    """Serve an index of these pictures on a free port."""
    from hybrid_search.web import Access, web_app
    from hybrid_search.web.serving import listen, server

    with HybridIndex(embedder="histogram+hog") as index:
        for path, fields in draw_pictures(folder):
            index.add(path, metadata=fields)
        running = server(web_app(index, access=Access(token=token)))
        with listen("127.0.0.1", 0) as bound:
            thread = threading.Thread(target=running.run, kwargs={"sockets": [bound]}, daemon=True)
            thread.start()
            while not running.started and thread.is_alive():
                time.sleep(0.01)
            try:
                yield Served(bound.getsockname()[1], folder, index)
            finally:
                running.should_exit = True
                thread.join(10)
