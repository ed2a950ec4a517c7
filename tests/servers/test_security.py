"""A real server with passwords and TLS: what each role may do, whom a client trusts, and that no secret is shown."""

from __future__ import annotations

import json
import logging
import os
import re
import ssl
import subprocess
import sys
import threading
import traceback
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from hybrid_search import HybridIndex
from hybrid_search.backends import Action
from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server
from hybrid_search.backends.elasticsearch.client import Client
from hybrid_search.backends.transfer import migrate
from hybrid_search.document.definition import EmbeddingSpec, load_definition
from hybrid_search.errors import (
    AccessDenied,
    BackendError,
    BackendUnavailable,
    DocumentNotFound,
    IndexNotFound,
)
from tests.support.fakes import photo, save_photo
from tests.support.servers import SecureServer

ROLES = {path.name.removesuffix(".json"): path for path in files("hybrid_search.mappings").joinpath("roles").iterdir()}
EMBEDDER = "histogram+hog"
PASSWORDS = {"reader": "quiet-otter-41", "writer": "brisk-heron-72", "admin": "plain-badger-93"}
FIRST, SECOND, SPARE = "first", "second", "spare"


@pytest.fixture(scope="module")
def users(secure_server: SecureServer) -> dict[str, Server]:
    """Return the options of one user per role; the roles are those of `mappings/roles`, made here by nobody else."""
    for role, password in PASSWORDS.items():
        secure_server.add_user(role, password, {role: json.loads(ROLES[role].read_text())})
    return {"elastic": _server(secure_server, secure_server.username, secure_server.password)} | {
        role: _server(secure_server, role, password) for role, password in PASSWORDS.items()
    }


def _server(secure: SecureServer, username: str, password: str) -> Server:
    return Server(username=username, password=password, ca_certs=str(secure.ca_certs), deadline=5, timeout=20)


@pytest.fixture(scope="module")
def indexes(secure_server: SecureServer, users: dict[str, Server]) -> Iterator[None]:
    """Make the index `images` and another one, each with two pictures."""
    for name in ("images", "other", "images-private"):
        with HybridIndex(secure_server.url, name=name, embedder=EMBEDDER, server=users["elastic"]) as index:
            index.add(photo(1), id=FIRST, metadata={"caption": "a red boat", "tags": ["sea"]})
            index.add(photo(2), id=SECOND, metadata={"caption": "a green hill"})
            index.refresh()
    yield
    raw = Client(secure_server.url, users["elastic"]).raw
    found = raw.indices.get_alias(index="images*,other*").body
    raw.indices.delete(index=list(found))


@pytest.fixture
def opened(secure_server: SecureServer, users: dict[str, Server], indexes: None) -> Iterator[Any]:
    """Return a function that opens an index as one of the users."""
    held: list[HybridIndex] = []

    def open_as(user: str, name: str = "images", *, create: bool = False) -> HybridIndex:
        held.append(HybridIndex(secure_server.url, name=name, create=create, server=users[user]))
        return held[-1]

    yield open_as
    for index in held:
        index.close()


@pytest.fixture
def backend(secure_server: SecureServer, users: dict[str, Server], indexes: None) -> Any:
    """Return a function that gives the backend of an index as one of the users."""
    return lambda user, name="images": ElasticsearchBackend(secure_server.url, name=name, server=users[user])


# -- what the roles may do


def test_roles_are_no_more_than_these() -> None:
    assert sorted(ROLES) == ["admin", "reader", "writer"]
    for path in ROLES.values():
        role = json.loads(path.read_text())
        assert set(role) == {"indices"}, "none has rights on the cluster"
        for rule in role["indices"]:
            assert set(rule) == {"names", "privileges"}
            assert set(rule["names"]) <= {"images", "images-write", "/images-[0-9]{6}/"}
            assert not set(rule["privileges"]) & {"all", "write", "create_index", "delete_index", "manage_ilm"}


@pytest.mark.parametrize("user", ["reader", "writer", "admin"])
def test_every_role_reads(opened: Any, backend: Any, user: str) -> None:
    index = opened(user)
    assert len(index) == 2
    assert [hit.id for hit in index.search("boat")] == [FIRST]
    assert [hit.id for hit in index.search(like=FIRST)] == [SECOND]
    assert [hit.id for hit in index.search(image=photo(2), filter="NOT tags:sea")] == [SECOND]
    assert index.search("boat", facets=["tags"]).facets["tags"]
    assert index.get(FIRST, vectors=True).source["embedding"]
    with pytest.raises(DocumentNotFound):
        index.get("absent")
    assert sorted(id for id, _ in backend(user).scan()) == [FIRST, SECOND]
    assert backend(user).count({"term": {"tags": "sea"}}) == 1
    assert len(backend(user).msearch([{"query": {"match_all": {}}}] * 2)) == 2


def test_info_has_what_the_role_may_know(opened: Any) -> None:
    all_of_it, known = opened("elastic").info(), opened("reader").info()
    assert known["documents"] == 2 and known["index"] == "images-000001"
    assert {"version", "health", "bytes"} <= all_of_it.keys()
    assert {name: all_of_it[name] for name in known} == known, "nothing but what it may not know is missing"
    assert set(all_of_it) - set(known) == {"version", "health", "bytes"}
    assert opened("writer").info() == known


def test_the_reader_cannot_write(opened: Any, backend: Any, tmp_path: Path) -> None:
    index = opened("reader")
    save_photo(tmp_path / "new.png", 3)
    for write in (
        lambda: index.add(photo(3), id="new"),
        lambda: index.add_folder(tmp_path),
        lambda: index.delete(FIRST),
        lambda: index.refresh(),
        lambda: backend("reader").bulk([Action("index", FIRST, {"caption": "changed"})]),
        lambda: backend("reader").bulk([Action("create", "new", {"caption": "new"})]),
        lambda: backend("reader").bulk([Action("update", FIRST, {"caption": "changed"})]),
        lambda: backend("reader").bulk([Action("delete", FIRST)]),
        lambda: backend("reader").bulk([]),
    ):
        with pytest.raises(AccessDenied, match=r"user \[reader\].* may not do \[indices:"):
            write()
    assert index.get(FIRST).source["caption"] == "a red boat"
    assert len(index) == 2


@pytest.mark.parametrize("user", ["reader", "writer", "admin"])
@pytest.mark.parametrize("name", ["other", "images-private", "absent"])
def test_no_role_sees_another_index(opened: Any, backend: Any, user: str, name: str) -> None:
    with pytest.raises(AccessDenied):
        opened(user, name)
    foreign = backend(user, name)
    for read in (
        foreign.definition,
        foreign.count,
        foreign.info,
        lambda: foreign.search({"query": {"match_all": {}}}),
        lambda: foreign.read(FIRST),
        lambda: list(foreign.scan()),
    ):
        with pytest.raises(AccessDenied):
            read()


@pytest.mark.parametrize("user", ["writer", "admin"])
@pytest.mark.parametrize("name", ["other", "images-private"])
def test_no_role_writes_another_index(
    backend: Any, secure_server: SecureServer, users: Any, user: str, name: str
) -> None:
    raw = Client(secure_server.url, users[user]).raw
    foreign = backend(user, name)
    for write in (
        lambda: foreign.bulk([Action("index", FIRST, {"caption": "changed"})]),
        lambda: foreign.bulk([Action("delete", FIRST)]),
        foreign.refresh,
    ):
        with pytest.raises(AccessDenied):
            write()
    # past the library's own checks, which look before they write
    for target in (name, f"{name}-write", f"{name}-000001", f"{name}-new"):
        answer = raw.options(ignore_status=403).index(index=target, id=FIRST, document={"caption": "changed"})
        assert answer["status"] == 403
        answer = raw.bulk(operations=[{"delete": {"_index": target, "_id": FIRST}}])
        assert answer["items"][0]["delete"]["status"] == (404 if target.endswith("new") else 403)
    assert backend("elastic", name).get(FIRST)["caption"] == "a red boat"


def test_the_writer_writes_its_index(opened: Any, backend: Any, tmp_path: Path) -> None:
    index = opened("writer")
    index.add(photo(3), id=SPARE, metadata={"caption": "a blue door"})
    index.refresh()
    assert [hit.id for hit in index.search("door")] == [SPARE]
    outcomes = backend("writer").bulk([Action("update", SPARE, {"caption": "a yellow door"})])
    assert [(each.status, each.error) for each in outcomes] == [(200, None)]
    assert index.get(SPARE).source["caption"] == "a yellow door"
    save_photo(tmp_path / "new.png", 4)
    report = index.add_folder(tmp_path)
    assert (report.added, report.failed) == (1, ())
    assert index.add_folder(tmp_path).unchanged == 1
    (tmp_path / "new.png").unlink()
    index.add_folder(tmp_path, accept_missing=True)
    assert len(index.prune()) == 1
    assert index.delete(SPARE) == 1
    assert len(index) == 2


def test_the_writer_makes_and_removes_no_index(secure_server: SecureServer, users: Any, indexes: None) -> None:
    raw = Client(secure_server.url, users["writer"]).raw.options(ignore_status=(400, 403))
    for answer in (
        raw.indices.create(index="images-000002"),
        raw.indices.create(index="elsewhere"),
        raw.indices.delete(index="images-000001"),
        raw.indices.close(index="images-000001"),
        raw.indices.put_settings(index="images", settings={"index.blocks.write": True}),
        raw.indices.put_mapping(index="images", properties={"more": {"type": "keyword"}}),
        raw.indices.put_alias(index="images-000001", name="images-mine"),
        raw.cluster.put_settings(persistent={"action.auto_create_index": "false"}),
    ):
        assert answer["status"] == 403
    with pytest.raises(AccessDenied):
        HybridIndex(secure_server.url, name="absent", embedder=EMBEDDER, server=users["writer"])


def test_the_admin_makes_the_index_and_no_other(secure_server: SecureServer, users: Any, indexes: None) -> None:
    raw = Client(secure_server.url, users["admin"]).raw.options(ignore_status=403)
    assert raw.indices.create(index="images-000009")["acknowledged"]
    assert raw.indices.delete(index="images-000009")["acknowledged"]
    for name in ("images-private-000002", "elsewhere"):
        assert raw.indices.create(index=name)["status"] == 403
    assert raw.indices.delete(index="other-000001")["status"] == 403


def test_the_admin_migrates_and_reader_and_writer_go_on(opened: Any, backend: Any) -> None:
    reader, writer = opened("reader"), opened("writer")
    admin = backend("admin")
    assert migrate(admin) == 2
    assert backend("reader").info()["index"] == "images-000002"
    writer.add(photo(5), id=SPARE, metadata={"caption": "a blue door"})
    writer.refresh()
    assert [hit.id for hit in reader.search("door")] == [SPARE]
    assert sorted(id for id, _ in backend("reader").scan()) == [FIRST, SECOND, SPARE]
    assert writer.delete(SPARE) == 1
    admin.add_embedding("more", EmbeddingSpec("more", "1", 4))
    assert admin.roll_back() == ("images-000002", "images-000001")
    assert backend("reader").count() == 2
    assert admin.remove_old() == ["images-000002"]
    for forbidden in (lambda: migrate(backend("writer")), lambda: migrate(backend("reader"))):
        with pytest.raises(AccessDenied):
            forbidden()


def test_an_index_of_another_name_takes_roles_of_that_name(secure_server: SecureServer) -> None:
    """As docs/elasticsearch.md says: put the other name in the place of `images`."""
    role = json.loads(ROLES["admin"].read_text().replace("images", "photos"))
    secure_server.add_user("photos-admin", PASSWORDS["admin"], {"photos-admin": role})
    server = _server(secure_server, "photos-admin", PASSWORDS["admin"])
    photos = ElasticsearchBackend(secure_server.url, name="photos", server=server)
    assert photos.analysis() == "english", "it may not ask, and nearly every server has the filters"
    photos.create(load_definition(analysis="portable", embeddings={}))
    assert photos.bulk([Action("create", FIRST, {"caption": "a blue door"})])[0].status == 201
    assert photos.analysis() == "portable", "as the index has it"
    assert Client(secure_server.url, server).raw.indices.delete(index="photos-000001")["acknowledged"]
    with pytest.raises(AccessDenied):
        ElasticsearchBackend(secure_server.url, name="images", server=server).definition()


def test_an_index_that_is_not_there_is_said_to_be_so(secure_server: SecureServer, users: Any) -> None:
    with pytest.raises(IndexNotFound):
        HybridIndex(secure_server.url, name="nowhere", create=False, server=users["elastic"])


# -- who asks


@pytest.mark.parametrize(
    "given",
    [
        {"username": "reader", "password": "wrong-password"},
        {"username": "nobody-known", "password": "quiet-otter-41"},
        {"username": "elastic", "password": "changeme"},
        {"username": "reader", "password": "quiet-otter-41\u00e9"},
        {"api_key": b64encode(b"some-id:wrong-password").decode()},
        {},
    ],
)
def test_wrong_credentials_are_named_and_not_shown(secure_server: SecureServer, given: dict[str, str]) -> None:
    server = Server(ca_certs=str(secure_server.ca_certs), deadline=0, **given)
    with pytest.raises(AccessDenied, match="does not accept these credentials, or wants some") as caught:
        HybridIndex(secure_server.url, create=False, server=server)
    assert "HYBRID_SEARCH_API_KEY" in str(caught.value)
    _assert_hidden(caught.value, *(given.get(name) for name in ("password", "api_key")))


def test_user_and_password_of_a_url(secure_server: SecureServer, users: Any, indexes: None) -> None:
    url = secure_server.url.replace("://", f"://reader:{PASSWORDS['reader']}@")
    with HybridIndex(url, create=False, server=Server(ca_certs=str(secure_server.ca_certs))) as index:
        assert len(index) == 2
        assert index.location == f"{secure_server.url}/images"
        assert PASSWORDS["reader"] not in json.dumps(index.info(), default=str) + repr(vars(index))
    with pytest.raises(AccessDenied) as caught:
        HybridIndex(url, name="absent", create=False, server=Server(ca_certs=str(secure_server.ca_certs)))
    _assert_hidden(caught.value, PASSWORDS["reader"])


def test_no_message_of_a_missing_index_shows_the_password(secure_server: SecureServer) -> None:
    secret = secure_server.password
    url = secure_server.url.replace("://", f"://elastic:{secret}@")
    with pytest.raises(IndexNotFound) as caught:
        HybridIndex(url, name="absent", create=False, server=Server(ca_certs=str(secure_server.ca_certs)))
    _assert_hidden(caught.value, secret)
    assert f"`HybridIndex('{secure_server.url}', name='absent')`" in str(caught.value)


def _assert_hidden(error: BaseException, *secrets: str | None) -> None:
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    for secret in filter(None, secrets):
        assert secret not in shown
        assert b64encode(secret.encode()).decode().strip("=") not in shown


# -- whom the client trusts


def _ask(url: str, **trust: Any) -> str:
    client = Client(url, Server(deadline=0, timeout=10, **trust))
    return str(client.ask(lambda raw: raw.cluster.health(), name="images").body["status"])


def test_the_right_authority_is_trusted(secure_server: SecureServer, tmp_path: Path) -> None:
    login = {"username": "elastic", "password": secure_server.password}
    leaf = tmp_path / "leaf.pem"
    leaf.write_text(ssl.get_server_certificate(("127.0.0.1", int(secure_server.url.rpartition(":")[2]))))
    written = ":".join(re.findall("..", secure_server.ca_fingerprint.upper()))
    for trust in (
        {"ca_certs": str(secure_server.ca_certs)},
        {"ca_certs": str(leaf)},
        {"ca_fingerprint": secure_server.ca_fingerprint},
        {"ca_fingerprint": written},
        {"ca_fingerprint": _sha256(leaf)},
    ):
        assert _ask(secure_server.url, **trust, **login) in ("green", "yellow")
    assert _ask(secure_server.url.replace("127.0.0.1", "localhost"), **trust, **login) in ("green", "yellow")


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(path.read_text())).hexdigest()


@pytest.mark.parametrize("trust", ["nothing", "other authority", "other fingerprint", "its fingerprint"])
def test_another_authority_is_not(secure_server: SecureServer, trust: str) -> None:
    options = {
        "nothing": {},
        "other authority": {"ca_certs": str(secure_server.other_ca_certs)},
        "other fingerprint": {"ca_fingerprint": "00" * 32},
        "its fingerprint": {"ca_fingerprint": _sha256(secure_server.other_ca_certs)},
    }[trust]
    reason = "the authority's fingerprint is another one" if "finger" in trust else "signed by an unknown authority"
    with pytest.raises(BackendUnavailable, match=reason) as caught:
        _ask(secure_server.url, username="elastic", password=secure_server.password, **options)
    assert "HYBRID_SEARCH_CA_CERTS" in str(caught.value)
    _assert_hidden(caught.value, secure_server.password)


def test_a_named_authority_takes_the_place_of_the_public_ones(
    secure_server: SecureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let this server's authority be a public one, as far as Elastic's client knows."""
    from elastic_transport._node import _http_urllib3

    monkeypatch.setattr(_http_urllib3, "DEFAULT_CA_CERTS", str(secure_server.ca_certs))
    login = {"username": "elastic", "password": secure_server.password}
    assert _ask(secure_server.url, **login) in ("green", "yellow"), "nobody is named"
    with pytest.raises(BackendUnavailable):
        _ask(secure_server.url, ca_certs=str(secure_server.other_ca_certs), **login)


@pytest.mark.parametrize("by", ["ca_certs", "ca_fingerprint"])
def test_an_expired_certificate_is_not(expired_server: SecureServer, by: str) -> None:
    trust = {"ca_certs": str(expired_server.ca_certs), "ca_fingerprint": expired_server.ca_fingerprint}[by]
    with pytest.raises(BackendUnavailable, match="it has expired") as caught:
        _ask(expired_server.url, username="elastic", password=expired_server.password, **{by: trust})
    _assert_hidden(caught.value, expired_server.password)


@pytest.mark.parametrize("by", ["ca_certs", "ca_fingerprint"])
@pytest.mark.parametrize(("host", "reason"), [("127.0.0.2", "another address"), ("es.localhost", "another host name")])
def test_a_certificate_of_another_host_is_not(
    secure_server: SecureServer, monkeypatch: pytest.MonkeyPatch, by: str, host: str, reason: str
) -> None:
    _point(monkeypatch, "es.localhost", "127.0.0.2")
    trust = {"ca_certs": str(secure_server.ca_certs), "ca_fingerprint": secure_server.ca_fingerprint}[by]
    with pytest.raises(BackendUnavailable, match=reason):
        _ask(
            secure_server.url.replace("127.0.0.1", host),
            username="elastic",
            password=secure_server.password,
            **{by: trust},
        )


def _point(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """Let these hosts lead to the server, which listens on 127.0.0.1 only."""
    import socket

    real = socket.getaddrinfo

    def lookup(host: str, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host in hosts else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


@pytest.mark.parametrize("by", ["ca_certs", "ca_fingerprint"])
def test_a_forged_certificate_beside_the_real_authority_is_not(
    secure_server: SecureServer, tmp_path: Path, by: str
) -> None:
    """Whoever stands in between may show the authority's certificate, which is public; only its key he has not."""
    _forge(tmp_path, secure_server.ca_certs)
    trust = {"ca_certs": str(secure_server.ca_certs), "ca_fingerprint": secure_server.ca_fingerprint}[by]
    with _double(certificate=tmp_path / "chain.pem", key=tmp_path / "leaf.key") as (url, seen):
        with pytest.raises(BackendUnavailable, match="it names an authority that has not signed it"):
            _ask(url, username="elastic", password="quiet-otter-41", **{by: trust})
        assert seen == [], "not even a header was sent"
        assert _ask(url, ca_certs=str(tmp_path / "forger.pem")) == "green", "it would have answered"


def _forge(folder: Path, authority: Path) -> None:
    """Write a certificate for 127.0.0.1 that calls this authority its own, signed by somebody else."""
    extensions = "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\nauthorityKeyIdentifier=none\n"
    (folder / "extensions").write_text(extensions)
    named = subprocess.run(
        ["openssl", "x509", "-noout", "-subject", "-nameopt", "compat", "-in", authority],
        capture_output=True,
        text=True,
        check=True,
    )
    subject = f"/CN={named.stdout.rpartition('CN')[2].strip(' =').strip()}"
    signer = ("-CA", "forger.pem", "-CAkey", "forger.key", "-set_serial", "7")
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for command in (
        ("req", "-x509", *new, "-keyout", "forger.key", "-out", "forger.pem", "-subj", subject, "-days", "2"),
        ("req", *new, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=127.0.0.1"),
        ("x509", "-req", "-in", "leaf.csr", *signer, "-out", "leaf.pem", "-days", "2", "-extfile", "extensions"),
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    (folder / "chain.pem").write_text((folder / "leaf.pem").read_text() + authority.read_text())


class _double:
    """A small HTTP server that answers as a healthy cluster would, and notes the Authorization of every request."""

    def __init__(self, *, certificate: Path | None = None, key: Path | None = None) -> None:
        self.seen: list[str | None] = []
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(self.headers["Authorization"])
                body = b'{"status": "green"}'
                self.send_response(200)
                self.send_header("X-Elastic-Product", "Elasticsearch")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self.url = self.url.replace("http", "https")

    def __enter__(self) -> tuple[str, list[str | None]]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self.url, self.seen

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_http_to_a_server_that_speaks_https(secure_server: SecureServer) -> None:
    with pytest.raises(BackendUnavailable, match="does the server speak https://") as caught:
        _ask(secure_server.url.replace("https", "http"), username="elastic", password=secure_server.password)
    _assert_hidden(caught.value, secure_server.password)


@pytest.mark.parametrize("by", ["nothing", "ca_certs", "ca_fingerprint"])
def test_https_to_a_server_that_speaks_http(secure_server: SecureServer, by: str) -> None:
    trust = {"ca_certs": str(secure_server.ca_certs), "ca_fingerprint": secure_server.ca_fingerprint}
    with _double() as (url, seen):
        with pytest.raises(BackendUnavailable, match="the server speaks no TLS here"):
            _ask(url.replace("http", "https"), api_key="YWJj", **{by: trust[by]} if by in trust else {})
        assert seen == []


def test_nobody_there(secure_server: SecureServer) -> None:
    for trust in ({"ca_fingerprint": "00" * 32}, {"ca_certs": str(secure_server.ca_certs)}, {}):
        with pytest.raises(BackendUnavailable, match="nothing listens there"):
            _ask("https://127.0.0.1:9", api_key="YWJj", **trust)


# -- what is sent


@pytest.mark.parametrize(
    ("given", "header"),
    [
        ({"api_key": "c29tZS1pZDprZXk="}, "ApiKey c29tZS1pZDprZXk="),
        ({"api_key": "some-id:key"}, "ApiKey c29tZS1pZDprZXk="),
        ({"api_key": "c29tZS1pZDprZXk=", "username": "me", "password": "word"}, "ApiKey c29tZS1pZDprZXk="),
        ({"username": "me", "password": "wörd:1"}, f"Basic {b64encode('me:wörd:1'.encode()).decode()}"),
        ({}, None),
    ],
)
def test_the_header_that_is_sent(given: dict[str, str], header: str | None) -> None:
    with _double() as (url, seen):
        _ask(url, **given)
        assert seen == [header]


def test_a_key_of_the_environment_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_SEARCH_API_KEY", "c29tZS1pZDprZXk=")
    with _double() as (url, seen):
        _ask_loaded(url)
        assert seen == ["ApiKey c29tZS1pZDprZXk="]


def test_a_key_of_one_server_is_sent_to_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with _double() as (url, seen), _double() as (other, also):
        (tmp_path / "config.ini").touch(0o600)
        (tmp_path / "config.ini").write_text(f"[{url}]\napi_key = c29tZS1pZDprZXk=\n")
        monkeypatch.setenv("HYBRID_SEARCH_CONFIG", str(tmp_path / "config.ini"))
        _ask_loaded(url)
        _ask_loaded(other)
        assert (seen, also) == (["ApiKey c29tZS1pZDprZXk="], [None])


def _ask_loaded(url: str) -> None:
    Client(url, Server.load(url)).ask(lambda raw: raw.cluster.health(), name="images")


# -- what is logged


def test_no_log_has_a_secret(
    opened: Any, secure_server: SecureServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("elastic_transport", "elastic_transport.node", "elastic_transport.transport", "elasticsearch", "urllib3")
    for name in names:
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        caplog.set_level(logging.DEBUG, logger=name)
    caplog.set_level(logging.DEBUG)
    index = opened("reader")
    index.search("boat")
    with pytest.raises(AccessDenied):
        index.delete(FIRST)
    for wrong in ({"password": "wrong-password"}, {"username": "elastic", "password": "wrong-password"}):
        with pytest.raises(BackendError):
            opened_as = Server(ca_certs=str(secure_server.ca_certs), **{"username": "reader", **wrong})
            HybridIndex(secure_server.url, create=False, server=opened_as)
    text = caplog.text + "".join(record.getMessage() for record in caplog.records)
    assert "authorization" in text.lower(), "requests were logged, with their headers"
    for user, secret in {"reader": PASSWORDS["reader"], "elastic": "wrong-password"}.items():
        assert secret not in text
        assert b64encode(f"{user}:{secret}".encode()).decode() not in text
    assert not [record.name for record in caplog.records if record.name.startswith("hybrid_search")]


def test_a_key_is_in_no_log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("elastic_transport.node"), "propagate", True)
    caplog.set_level(logging.DEBUG, logger="elastic_transport.node")
    with _double() as (url, _):
        _ask(url, api_key="c29tZS1pZDprZXk=")
    assert "Authorization: ApiKey <hidden>" in caplog.text and "c29tZS1pZDprZXk" not in caplog.text


# -- the command line


def test_the_command_line_by_environment(
    secure_server: SecureServer, users: Any, indexes: None, tmp_path: Path
) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HYBRID_SEARCH_")},
        "XDG_CONFIG_HOME": str(tmp_path),
        "HYBRID_SEARCH_INDEX": secure_server.url,
        "HYBRID_SEARCH_USERNAME": "reader",
        "HYBRID_SEARCH_PASSWORD": PASSWORDS["reader"],
        "HYBRID_SEARCH_CA_FINGERPRINT": secure_server.ca_fingerprint,
        "HYBRID_SEARCH_DEADLINE": "5",
    }

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hybrid_search", *arguments]
        done = subprocess.run(command, env={**environment, **more}, capture_output=True, text=True)
        for secret in (PASSWORDS["reader"], "wrong-password"):
            assert secret not in done.stdout + done.stderr
        return done

    info = run("info", "--json")
    assert info.returncode == 0, info.stderr
    told = json.loads(info.stdout)
    assert (told["documents"], told["location"]) == (2, secure_server.url)
    assert run("search", "boat", "--json").returncode == 0
    denied = run("delete", "--yes", FIRST)
    assert denied.returncode == 3 and "may not do" in denied.stderr
    denied = run("--debug", "info", HYBRID_SEARCH_PASSWORD="wrong-password")
    assert denied.returncode == 3 and "AccessDenied" in denied.stderr
    wrong = ("--ca-certs", str(secure_server.other_ca_certs))
    rejected = run(*wrong, "info")
    assert rejected.returncode == 3 and "signed by an unknown authority" in rejected.stderr
    with_url = secure_server.url.replace("://", "://reader:wrong-password@")
    assert run("info", HYBRID_SEARCH_INDEX=with_url).returncode == 3
