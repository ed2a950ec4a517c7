"""What means harm is refused: other hosts, other sites, paths for ids, bodies without end, texts that are HTML."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from hybrid_search.web.questions import UPLOAD
from tests.support.web import SCRIPT, Reply, Served, served

API = "/api/v1"
TOKEN = "right-token"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("pictures")) as running:
        yield running


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("pictures"), token=TOKEN) as running:
        yield running


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil", ""])
def test_other_names_are_refused(site: Served, host: str) -> None:
    assert site.ask(f"{API}/info", headers={"Host": host}).status in (400, 421)


def test_own_names_are_known(site: Served) -> None:
    assert {site.ask("/", headers={"Host": host}).status for host in ("localhost", f"127.0.0.1:{site.port}")} == {200}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_sites_are_refused(site: Served, headers: dict[str, str]) -> None:
    assert site.ask(f"{API}/info", headers=headers).status == 403


def test_link_to_the_page_is_followed(site: Served) -> None:
    assert site.ask("/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}).status == 200


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""])
def test_forms_are_refused(site: Served, kind: str) -> None:
    reply = site.ask(f"{API}/search", method="POST", body=b"text=dog", headers={"Content-Type": kind})
    assert (reply.status, reply.json["error"]["type"]) == (415, "UnknownBody")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_nothing_is_written(site: Served, method: str) -> None:
    assert site.ask(f"{API}/documents/{site.index.search('dog')[0].id}", method=method).status == 405


@pytest.mark.parametrize(
    "path",
    [
        "/static/../application.py",
        "/static/%2e%2e%2fapplication.py",
        "/static/..%5capplication.py",
        "/static/__init__.py",
        "/static//etc/passwd",
        "/../../etc/passwd",
        f"{API}/documents/..%2f..%2fetc%2fpasswd/image",
        f"{API}/documents/%2fetc%2fpasswd/image",
    ],
)
def test_paths_lead_nowhere(site: Served, path: str) -> None:
    assert site.ask(path).status == 404


def test_path_of_a_picture_is_no_id(site: Served) -> None:
    path = quote(str(site.folder / "picture-1.png"), safe="")
    assert site.index.get(site.folder / "picture-1.png")
    assert site.ask(f"{API}/documents/{path}/image").status == 404
    assert site.ask(f"{API}/search?like={path}").status == 404


def test_name_of_a_picture_is_no_id(site: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site.folder)
    assert site.index.get("picture-1.png")
    for part in ("", "/image", "/thumbnail", "/similar"):
        assert site.ask(f"{API}/documents/picture-1.png{part}").status == 404
    assert site.ask(f"{API}/search?unlike=picture-1.png&text=dog").status == 404


def test_link_put_in_place_of_a_picture_is_not_followed(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    Image.new("RGB", (64, 64), "red").save(private / "secret.png")
    folder = tmp_path / "pictures"
    folder.mkdir()
    with served(folder) as running:
        id = running.index.get(folder / "picture-5.png").id
        assert running.ask(f"{API}/documents/{id}/image").status == 200
        (folder / "picture-5.png").unlink()
        (folder / "picture-5.png").symlink_to(private / "secret.png")
        assert running.ask(f"{API}/documents/{id}/image").status == 422


def test_pictures_that_are_too_large_are_refused(site: Served) -> None:
    headers = {"Content-Type": "image/png"}
    wide = io.BytesIO()
    Image.new("1", (20_000, 7_000)).save(wide, "PNG")
    reply = site.ask(f"{API}/search", method="POST", body=wide.getvalue(), headers=headers)
    assert (reply.status, reply.json["error"]["type"]) == (413, "ImageTooLarge")
    try:
        long: Reply | None = site.ask(f"{API}/search", method="POST", body=bytes(UPLOAD.max_bytes + 1), headers=headers)
    except (BrokenPipeError, ConnectionResetError):
        long = None  # it was cut off while it was sent
    assert long is None or long.status == 413
    assert site.ask(f"{API}/info").status == 200


def test_json_without_end_is_refused(site: Served) -> None:
    body = b'{"text": "' + b"a" * 300_000 + b'"}'
    reply = site.ask(f"{API}/search", method="POST", body=body, headers={"Content-Type": "application/json"})
    assert (reply.status, reply.json["error"]["type"]) == (413, "BodyTooLarge")


@pytest.mark.parametrize("body", [b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"no picture", b""])
def test_what_is_no_picture_is_refused(site: Served, body: bytes) -> None:
    reply = site.ask(f"{API}/search", method="POST", body=body, headers={"Content-Type": "image/svg+xml"})
    assert (reply.status, reply.json["error"]["type"]) == (422, "ImageUnreadable")


def test_texts_are_never_html(site: Served) -> None:
    reply = site.ask(f"{API}/search?sort=taken_at:desc&k=1&facets=tags")
    assert reply.json["hits"][0]["source"]["caption"] == SCRIPT
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-content-type-options"] == "nosniff"
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy and "http" not in policy


def test_page_has_no_inline_script_and_nothing_of_elsewhere(site: Served) -> None:
    page = site.ask("/").body.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|<style|https?:", page)
    for name in re.findall(r'/static/[^"]+', page):
        assert site.ask(name).status == 200, name
    for part in Path(__file__).parents[3].glob("hybrid_search/web/page/*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?:", part.read_text())


def test_token_is_asked_for(locked: Served) -> None:
    wrong = [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": "hybrid-search-token=x"},
    ]
    for path in ("/", f"{API}/info", "/static/main.js", "/?token=wrong", f"{API}/info?token={TOKEN}"):
        assert {locked.ask(path, headers=headers).status for headers in wrong} == {401}, path
    assert locked.ask(f"{API}/info", headers={"Authorization": f"Bearer {TOKEN}"}).status == 200


def test_token_of_the_address_becomes_a_cookie(locked: Served) -> None:
    reply = locked.ask(f"/?token={TOKEN}")
    cookie = reply.headers["set-cookie"]
    assert (reply.status, reply.headers["location"]) == (303, "/")
    assert "httponly" in cookie.lower() and "samesite=strict" in cookie.lower()
    assert locked.ask(f"{API}/info", headers={"Cookie": cookie.partition(";")[0]}).status == 200
