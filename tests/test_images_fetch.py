"""URLs are fetched within limits of time, size and redirects; the answer's content decides, not its headers."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from hybrid_search.errors import ImageTooLarge, ImageUnreadable
from hybrid_search.images import Limits, decode, read_source


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(buffer, "PNG")
    return buffer.getvalue()


PNG = _png()


class Site(BaseHTTPRequestHandler):
    """A little site where every path misbehaves in its own way."""

    def do_GET(self) -> None:
        try:
            getattr(self, self.path.strip("/").split("?")[0].split("/")[0])()
        except (BrokenPipeError, ConnectionResetError):
            pass

    def answer(self, body: bytes, *, kind: str = "image/png", status: int = 200, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def good(self) -> None:
        self.answer(PNG, length=len(PNG))

    def mislabelled(self) -> None:
        self.answer(PNG, kind="text/html")

    def page(self) -> None:
        self.answer(b"<!DOCTYPE html><html>" + bytes(200), kind="image/png")

    def hop(self) -> None:
        left = int(self.path.rpartition("/")[2])
        self.redirect(f"/hop/{left - 1}" if left else "/good")

    def loop(self) -> None:
        self.redirect("/loop")

    def local(self) -> None:
        self.redirect("file:///etc/hostname")

    def absent(self) -> None:
        self.answer(b"", status=404)

    def announced(self) -> None:
        self.answer(PNG, length=10_000_000)

    def endless(self) -> None:
        self.answer(PNG)
        while True:
            self.wfile.write(bytes(65536))

    def slow(self) -> None:
        self.answer(PNG[:100])
        for _ in range(40):
            time.sleep(0.1)
            self.wfile.write(b"\0")

    def silent(self) -> None:
        time.sleep(4)

    def broken(self) -> None:
        self.answer(PNG[:100], length=len(PNG))

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def refusal(url: str, **limits: float) -> str:
    with pytest.raises(ImageUnreadable) as error:
        read_source(url, limits=Limits(**limits))  # type: ignore[arg-type]
    assert error.value.path == url
    return str(error.value.reason)


def test_a_picture_is_fetched_and_its_content_type_is_not_believed(site: str) -> None:
    for path in ("/good", "/mislabelled"):
        source = read_source(site + path)
        assert (source.name, source.data) == (site + path, PNG)
        assert decode(source).format == "png"
    assert "web page" in refusal(site + "/page")


def test_redirects_are_followed_up_to_the_limit(site: str) -> None:
    assert read_source(site + "/hop/2", limits=Limits(max_redirects=3)).data == PNG
    assert refusal(site + "/hop/2", max_redirects=2) == "more than 2 redirects"
    assert refusal(site + "/loop") == "more than 5 redirects"
    assert "neither http nor https" in refusal(site + "/local")


def test_too_many_bytes_are_refused_announced_or_not(site: str) -> None:
    for path in ("/announced", "/endless"):
        with pytest.raises(ImageTooLarge) as error:
            read_source(site + path, limits=Limits(max_bytes=1_000_000))
        assert error.value.unit == "bytes"


@pytest.mark.parametrize("path", ["/slow", "/silent"])
def test_the_whole_answer_has_to_come_in_time(site: str, path: str) -> None:
    begin = time.monotonic()
    assert refusal(site + path, timeout_s=0.5) == "the server took more than 0.5 s"
    assert time.monotonic() - begin < 2


def test_errors_of_the_server_are_told(site: str) -> None:
    assert refusal(site + "/absent") == "the server answered 404 Not Found"
    assert "broke the connection off" in refusal(site + "/broken")
    assert "cannot be reached" in refusal("http://127.0.0.1:1/a.png")
    assert refusal("http://")


def test_user_and_password_do_not_show_in_names(site: str) -> None:
    host = site.removeprefix("http://")
    assert read_source(f"http://anna:secret@{host}/good").name == f"http://{host}/good"
    with pytest.raises(ImageUnreadable) as error:
        read_source(f"http://anna:secret@{host}/absent")
    assert "secret" not in str(error.value)
