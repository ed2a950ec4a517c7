"""URLs are fetched within limits of time, size and redirects; the answer's content decides, not its headers."""

from __future__ import annotations

import io
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from PIL import Image

from hybrid_search.errors import ImageTooLarge, ImageUnreadable
from hybrid_search.images import Limits, decode, read_source
from hybrid_search.images.pinned_connection import is_public


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(buffer, "PNG")
    return buffer.getvalue()


PNG = _png()


class Site(BaseHTTPRequestHandler):
    """A little site where every path misbehaves in its own way."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers))  # type: ignore[attr-defined]
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

    def to(self) -> None:
        time.sleep(0.2 if "?slowly" in self.path else 0)
        self.redirect(unquote(self.path.split("/")[2]))

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


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that trust no certificate."""


@contextmanager
def serving(
    address: str = "127.0.0.1", *, encrypted: tuple[Path, Path] | None = None
) -> Iterator[tuple[str, list[Any]]]:
    """Run such a site; give its URL, and the paths and headers that it is asked for."""
    server = QuietServer((address, 0), Site)
    if encrypted is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*encrypted)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://{address}:{server.server_port}", server.asked  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serving() as (url, _):
        yield url


def to(site: str, target: str) -> str:
    """Return a URL of a site that redirects to another."""
    return f"{site}/to/{quote(target, safe='')}"


def port_of(site: str) -> str:
    return site.rpartition(":")[2]


def refusal(url: str, **limits: Any) -> str:
    with pytest.raises(ImageUnreadable) as error:
        read_source(url, limits=Limits(**limits))
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


# -- whom a URL may lead to -------------------------------------------------------------------------------------------


PUBLIC = ["8.8.8.8", "172.15.0.1", "192.167.255.255", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"]
PRIVATE = [
    *("10.1.2.3", "172.16.0.1", "172.31.255.254", "192.168.1.1", "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3"),
    *("100.64.0.1", "100.100.100.200", "100.127.255.254", "169.254.169.254", "169.254.170.2", "168.63.129.16"),
    *("192.0.0.192", "192.0.2.1", "198.18.0.1", "203.0.113.5", "224.0.0.251", "239.255.255.250", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1%lo"),
    *("::ffff:127.0.0.1", "::ffff:a00:1", "::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::"),
    *("2002:c0a8:101::1", "2001:db8::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "100::1", "4000::1"),
]


def test_addresses_of_the_public_internet_are_told_from_all_others() -> None:
    assert [address for address in PUBLIC if not is_public(address)] == []
    assert [address for address in PRIVATE if is_public(address)] == []


def test_a_redirect_may_stay_at_the_private_server_that_was_named(site: str) -> None:
    """The name may change, as localhost stands for the same; another port is another service, as is another address."""
    there = f"localhost:{port_of(site)}/good"
    assert read_source(to(site, f"http://{there}")).data == PNG
    with serving() as (port, asked_port), serving("127.0.0.2") as (address, asked_address):
        for url in (to(site, f"{port}/good"), to(site, f"{address}/good"), to(site, to(site, f"{port}/good"))):
            told = refusal(url)
            assert "redirects to a private address" in told and "give that address itself" in told
            assert read_source(url, limits=Limits(private_addresses="always")).data == PNG
            assert "redirects" not in refusal(url, private_addresses="never")
        assert (len(asked_port), len(asked_address)) == (2, 1), "only where everything was allowed"


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "LOCALHOST", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0x7F000001"),
        *(
            "0.0.0.0",
            "0",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "example.org@127.0.0.1",
            "127.0.0.2",
        ),
    ],
)
def test_no_spelling_of_a_private_address_is_asked_where_none_may_be(site: str, host: str) -> None:
    with serving() as (own, asked):
        url = f"http://{host}:{port_of(own)}/good"
        with pytest.raises(ImageUnreadable, match="no address of the public internet"):
            read_source(url, limits=Limits(private_addresses="never"))
        with pytest.raises(ImageUnreadable, match="redirects to a private address"):
            read_source(to(site, url))
        assert asked == []


def test_a_connection_goes_to_the_address_that_was_checked(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that means another server the second time (DNS rebinding) is asked once a request, and heeded once."""
    real, answers, lookups = socket.getaddrinfo, iter(["127.0.0.1", "127.0.0.2"]), []

    def rebinding(host: Any, *arguments: Any, **options: Any) -> Any:
        if host == "rebinding.example":
            lookups.append(host := next(answers))
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert read_source(f"http://rebinding.example:{port_of(site)}/good").data == PNG
    assert lookups == ["127.0.0.1"]
    answers = iter(["127.0.0.1", "127.0.0.2"])
    with serving() as (own, asked):
        mine = f"http://rebinding.example:{port_of(own)}"
        assert "127.0.0.2, which is no address" in refusal(to(mine, f"{mine}/good"))
        assert [headers["Host"] for _, headers in asked] == [mine.removeprefix("http://")]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, which makes the certificate, not found")
def test_a_certificate_is_that_of_the_name_not_of_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    names = ["-subj", "/CN=photos.example", "-addext", "subjectAltName=DNS:photos.example"]
    subprocess.run(["openssl", "req", "-x509", "-days", "2", *made, *names], check=True, capture_output=True)
    real = socket.getaddrinfo

    def here(host: Any, *arguments: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host == "photos.example" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with serving(encrypted=(certificate, key)) as (plain, asked):
        assert read_source(f"https://photos.example:{port_of(plain)}/good").data == PNG
        assert "certificate cannot be trusted" in refusal(f"https://127.0.0.1:{port_of(plain)}/good")
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        assert "certificate cannot be trusted" in refusal(f"https://photos.example:{port_of(plain)}/good")
        assert len(asked) == 1


def test_an_address_that_does_not_answer_is_not_the_last(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real, lookups = socket.getaddrinfo, []

    def several(host: Any, *arguments: Any, **options: Any) -> Any:
        if host != "several.example":
            return real(host, *arguments, **options)
        lookups.append(host)
        return [*real("127.0.0.3", *arguments, **options), *real("127.0.0.1", *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", several)
    assert read_source(f"http://several.example:{port_of(site)}/good").data == PNG
    assert lookups == ["several.example"]


def test_passwords_go_to_no_other_host(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("default login anna password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving() as (own, asked):
        with_password = own.replace("http://", "http://anna:secret@")
        read_source(to(with_password, "/good"))
        assert [headers["Authorization"] for _, headers in asked] == ["Basic YW5uYTpzZWNyZXQ="] * 2
        asked.clear()
        read_source(
            to(site.replace("http://", "http://anna:secret@"), f"{own}/good"), limits=Limits(private_addresses="always")
        )
        read_source(f"{own}/good")
        assert [headers["Authorization"] for _, headers in asked] == [None, None]


def test_a_proxy_resolves_names_and_nothing_else_is_left_to_it(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as (proxy, asked):
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setattr(Site, "http:", Site.good, raising=False)
        assert read_source("http://only-the-proxy-knows.example/good").data == PNG
        assert [path for path, _ in asked] == ["http://only-the-proxy-knows.example/good"]
        monkeypatch.setattr(Site, "http:", lambda self: self.redirect("http://0x7f.1:9/keys"))
        assert "redirects to a private address" in refusal("http://only-the-proxy-knows.example/good")
        asked.clear()
        assert "no address of the public internet" in refusal(f"{site}/good", private_addresses="never")
        assert asked == []


def test_redirects_have_to_come_in_time_together(site: str) -> None:
    slow = "/good"
    for _ in range(5):
        slow = f"/to/{quote(slow, safe='')}?slowly"
    begin = time.monotonic()
    assert refusal(site + slow, timeout_s=0.5) == "the server took more than 0.5 s"
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize("lookup", [0.0, 0.4])
def test_nothing_is_read_on_after_the_time(site: str, lookup: float, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def late(*arguments: Any, **options: Any) -> Any:
        time.sleep(lookup)
        return real(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", late)
    refusal(site + "/slow", timeout_s=0.3)
    left = [thread for thread in threading.enumerate() if thread.name == "hybrid-search-fetch"]
    for thread in left:
        thread.join(1.5)
    assert not [thread for thread in left if thread.is_alive()], "the server goes on for 4 s"


def test_odd_targets_of_redirects_are_refused_and_lead_nowhere(site: str) -> None:
    with serving() as (own, asked):
        place = own.removeprefix("http://")
        odd = [
            *(f"//{place}/good", f"http:/{place}/good", f"http:\\\\{place}\\good", f"HTTP://{place}/good"),
            *(f"http://a@b@{place}/good", f"http://example.org:80@{place}/good", f"http://{place}#@example.org/"),
            *(
                f"http://{place}\\@example.org/good",
                f" http://{place}/good",
                f"http://{place}/good\t",
                f"\\\\{place}\\good",
            ),
            *("http://", "http://[", "http://[::1", "http://127.0.0.1:99999/", "http://127.0.0.1:x/"),
            *("http://a..b/", "http://\x7f/", "ftp://127.0.0.1/", "gopher://127.0.0.1:9/_x", "javascript:1", "data:,x"),
        ]
        for target in odd:
            assert refusal(to(site, target)), target
        assert asked == []
