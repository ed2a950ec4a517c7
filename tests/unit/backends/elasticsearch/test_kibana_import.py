"""The import client against a small double of Kibana that keeps to the rules of its saved-objects API.

The double is written after the API's documentation and source; nothing here ran against a real Kibana.
"""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from hybrid_search import cli, errors
from hybrid_search.backends.elasticsearch.kibana import Imported, import_objects, load_objects
from hybrid_search.backends.elasticsearch.server import Server
from hybrid_search.cli import exits

OBJECTS = load_objects()
TYPES = frozenset({"index-pattern", "search", "lens", "map", "dashboard"})
SECRET = "s3cret-of-this-test"


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{SECRET}".encode()).decode()


@dataclass
class Kibana:
    """What the double knows, and what it was asked."""

    url: str = ""
    path: str = ""
    allowed: dict[str, bool] = field(default_factory=dict)
    """Authorization headers, and whether they may write; empty when security is off."""
    spaces: set[str] = field(default_factory=lambda: {"default"})
    types: frozenset[str] = TYPES
    stored: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    answers: tuple[int, dict[str, str], bytes] | None = None
    """What to say in place of Kibana's answer."""
    extra: dict[str, Any] = field(default_factory=dict)
    delay_s: float = 0.0

    def held(self, space: str = "default") -> Counter[str]:
        return Counter(type for where, type, _ in self.stored if where == space)


class Boom(Exception):
    """An answer of Kibana's error form."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"statusCode": status, "error": error, "message": message}


class Handler(BaseHTTPRequestHandler):
    """One request: Kibana's checks in Kibana's order."""

    protocol_version = "HTTP/1.1"
    kibana: Kibana

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.serve()

    def do_POST(self) -> None:
        self.serve()

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.kibana.requests.append({"method": self.command, "path": self.path, "headers": dict(self.headers)})
        time.sleep(self.kibana.delay_s)
        if self.kibana.answers is not None:
            status, headers, said = self.kibana.answers
            return self.answer(status, headers, said)
        try:
            status, found = 200, self.route(body)
        except Boom as boom:
            status, found = boom.status, boom.body
        headers = {"kbn-name": "double", "Content-Type": "application/json; charset=utf-8"}
        return self.answer(status, headers, json.dumps(found).encode())

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def route(self, body: bytes) -> dict[str, Any]:
        writes = self.authorize()
        parts = urlsplit(self.path)
        if not parts.path.startswith(self.kibana.path + "/"):
            raise Boom(404, "Not Found", "Not Found")
        path = parts.path.removeprefix(self.kibana.path)
        if self.command == "GET" and (found := re.fullmatch(r"/api/spaces/space/([^/]+)", path)):
            if found[1] not in self.kibana.spaces:
                raise Boom(404, "Not Found", "Not Found")
            return {"id": found[1], "name": found[1], "disabledFeatures": []}
        if self.command != "GET" and "kbn-xsrf" not in self.headers:
            raise Boom(400, "Bad Request", "Request must contain a kbn-xsrf header.")
        # a space that is not there is no error to Kibana: the objects are stored where nobody looks
        found = re.fullmatch(r"(?:/s/([a-z0-9_-]+))?/api/saved_objects/_import", path)
        if self.command != "POST" or not found:
            raise Boom(404, "Not Found", "Not Found")
        options = self.options(parts.query)
        objects = self.objects(body)
        if not writes:
            raise Boom(403, "Forbidden", "Unable to bulk_create dashboard,index-pattern,lens,map,search")
        return self.load(objects, found[1] or "default", overwrite=options.get("overwrite", False))

    def authorize(self) -> bool:
        if not self.kibana.allowed:
            return True
        header = self.headers.get("Authorization", "")
        if header not in self.kibana.allowed:
            raise Boom(401, "Unauthorized", "[security_exception]: unable to authenticate user for REST request")
        return self.kibana.allowed[header]

    def options(self, query: str) -> dict[str, bool]:
        options = {}
        for name, values in parse_qs(query, keep_blank_values=True).items():
            if name not in ("overwrite", "createNewCopies", "compatibilityMode"):
                raise Boom(400, "Bad Request", f"[request query.{name}]: definition for this key is missing")
            if values not in (["true"], ["false"]):
                raise Boom(400, "Bad Request", f"[request query.{name}]: expected value of type [boolean]")
            options[name] = values == ["true"]
        if options.get("overwrite") and options.get("createNewCopies"):
            raise Boom(400, "Bad Request", "[request query]: cannot use [overwrite] with [createNewCopies]")
        return options

    def objects(self, body: bytes) -> list[dict[str, Any]]:
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/form-data"):
            raise Boom(415, "Unsupported Media Type", "Unsupported Media Type")
        message = email.message_from_bytes(
            b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=email.policy.HTTP
        )
        parts = {str(part.get_param("name", header="Content-Disposition")): part for part in message.iter_parts()}
        if set(parts) != {"file"}:
            raise Boom(400, "Bad Request", "[request body.file]: expected value of type [Stream] but got [undefined]")
        name = parts["file"].get_filename() or ""
        if not name.lower().endswith(".ndjson"):
            raise Boom(400, "Bad Request", f"Invalid file extension {Path(name).suffix}")
        text = parts["file"].get_payload(decode=True).decode("utf-8")
        objects = [json.loads(line) for line in text.split("\n") if line]
        keys = Counter((one["type"], one["id"]) for one in objects)
        if twice := [f"{type}:{id}" for (type, id), count in keys.items() if count > 1]:
            raise Boom(400, "Bad Request", f"Non-unique import objects detected: [{','.join(twice)}]")
        return objects

    def load(self, objects: list[dict[str, Any]], space: str, *, overwrite: bool) -> dict[str, Any]:
        kibana, failures = self.kibana, []
        known = [one for one in objects if one["type"] in kibana.types]
        failures += [(one, {"type": "unsupported_type"}) for one in objects if one not in known]
        sent = {(one["type"], one["id"]) for one in known} | {(type, id) for _, type, id in kibana.stored}
        for one in known:
            missing = [ref for ref in one["references"] if (ref["type"], ref["id"]) not in sent]
            missing = [ref for ref in missing if ref["type"] in ("index-pattern", "search")]
            if missing:
                failures.append((one, {"type": "missing_references", "references": missing}))
            if (space, one["type"], one["id"]) in kibana.stored and not overwrite:
                failures.append((one, {"type": "conflict"}))
        failed = [one for one, _ in failures]
        good = [one for one in known if one not in failed]
        blocked = any(error["type"] != "unsupported_type" for _, error in failures)
        replaced = [(space, one["type"], one["id"]) in kibana.stored for one in good]
        if not blocked:
            kibana.stored |= {(space, one["type"], one["id"]): one for one in good}
        results = [
            {"type": one["type"], "id": one["id"], "meta": {"title": one["attributes"]["title"]}}
            | ({"overwrite": True} if old else {})
            for one, old in zip(good, replaced, strict=True)
        ]
        told = [
            {"type": one["type"], "id": one["id"], "meta": {"title": one["attributes"]["title"]}, "error": error}
            for one, error in failures
        ]
        # as in Kibana, what would have been created is counted though nothing is
        body = {"success": not failures, "successCount": len(good), "warnings": []}
        return {
            **body,
            **({"successResults": results} if good else {}),
            **({"errors": told} if told else {}),
            **kibana.extra,
        }


@pytest.fixture
def kibana() -> Iterator[Kibana]:
    double = Kibana()
    with serving(double) as url:
        double.url = url
        yield double


class serving:
    """Serve a double in a thread, with TLS when a context is given."""

    def __init__(self, double: Kibana, tls: ssl.SSLContext | None = None) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"kibana": double}))
        self.scheme = "http" if tls is None else "https"
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> str:
        self.thread.start()
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def refused(kibana: Kibana, **options: Any) -> errors.HybridSearchError:
    with pytest.raises((errors.KibanaRefused, errors.AccessDenied)) as caught:
        import_objects(options.pop("objects", OBJECTS), url=options.pop("url", kibana.url), **options)
    assert SECRET not in str(caught.value) + repr(caught.value) + repr(caught.value.data)
    assert "\n" not in str(caught.value)
    return caught.value


# -- what works


def test_everything_arrives_as_it_was_sent(kibana: Kibana) -> None:
    done = import_objects(OBJECTS, url=kibana.url)
    board = f"{kibana.url}/app/dashboards#/view/hybrid-search-images-dashboard"
    assert done == Imported(count=14, overwritten=0, dashboard=board)
    assert list(kibana.stored.values()) == OBJECTS
    assert [one["path"] for one in kibana.requests] == ["/api/saved_objects/_import"]
    assert "Authorization" not in kibana.requests[0]["headers"]


def test_a_space_has_its_own_objects(kibana: Kibana) -> None:
    kibana.spaces.add("photos")
    done = import_objects(OBJECTS, url=kibana.url, space="photos")
    assert done.dashboard.startswith(f"{kibana.url}/s/photos/app/dashboards#")
    assert (kibana.held("photos").total(), kibana.held().total()) == (14, 0)
    assert import_objects(OBJECTS, url=kibana.url, space="default").count == 14
    assert kibana.held().total() == 14


def test_two_indexes_live_beside_each_other(kibana: Kibana) -> None:
    import_objects(OBJECTS, url=kibana.url)
    import_objects(load_objects("trip"), url=kibana.url)
    assert kibana.held()["index-pattern"] == 2
    titles = {one["attributes"]["title"] for one in kibana.stored.values() if one["type"] == "index-pattern"}
    assert titles == {"images", "trip"}


def test_a_second_import_is_a_conflict_and_overwrites_when_asked(kibana: Kibana) -> None:
    import_objects(OBJECTS, url=kibana.url)
    kibana.stored["default", "search", "hybrid-search-images-all"] = {"changed": "by hand"}
    error = refused(kibana)
    assert "already there (--overwrite replaces them" in str(error)
    assert "nothing was imported" in str(error)
    assert {kind for *_, kind in error.failures} == {"conflict"} and len(error.failures) == 14
    assert kibana.stored["default", "search", "hybrid-search-images-all"] == {"changed": "by hand"}
    done = import_objects(OBJECTS, url=kibana.url, overwrite=True)
    assert (done.count, done.overwritten) == (14, 14)
    assert list(kibana.stored.values()) == OBJECTS


def test_one_conflict_keeps_all_others_out_whatever_kibana_counts(kibana: Kibana) -> None:
    kibana.stored["default", "lens", "hybrid-search-images-gaps"] = {"type": "lens"}
    error = refused(kibana)
    assert "[images] What is missing: already there" in str(error)
    assert "nothing was imported" in str(error)
    assert kibana.held().total() == 1


@pytest.mark.parametrize("written", ["{}/", "{}/app/home", "{}/s/photos/app/dashboards"])
def test_the_address_may_be_copied_from_a_browser(kibana: Kibana, written: str) -> None:
    assert import_objects(OBJECTS, url=written.format(kibana.url)).count == 14
    assert kibana.requests[0]["path"] == "/api/saved_objects/_import"


def test_a_base_path_is_kept(kibana: Kibana) -> None:
    kibana.path = "/kibana"
    assert import_objects(OBJECTS, url=f"{kibana.url}/kibana/app/home").dashboard.startswith(f"{kibana.url}/kibana/app")
    assert "check the base path" in str(refused(kibana))


def test_warnings_and_new_ids_are_passed_on(kibana: Kibana) -> None:
    kibana.extra = {
        "warnings": [{"type": "simple", "message": "look"}],
        "successResults": [{"type": "dashboard", "id": OBJECTS[-1]["id"], "destinationId": "other"}],
    }
    done = import_objects(OBJECTS, url=kibana.url)
    assert done.warnings == ("look",)
    assert done.dashboard.endswith("#/view/other")


# -- credentials


@pytest.mark.parametrize(
    ("server", "header"),
    [
        (Server(api_key="a2V5OnNlY3JldA=="), "ApiKey a2V5OnNlY3JldA=="),
        (Server(api_key="key:secret"), "ApiKey a2V5OnNlY3JldA=="),
        (Server(username="me", password=SECRET), basic("me")),
        (Server(username="me", password=SECRET, api_key="a2V5OnNlY3JldA=="), "ApiKey a2V5OnNlY3JldA=="),
    ],
    ids=["key", "key as id and secret", "password", "a key wins"],
)
def test_credentials_are_sent(kibana: Kibana, server: Server, header: str) -> None:
    kibana.allowed = {header: True}
    assert import_objects(OBJECTS, url=kibana.url, server=server).count == 14


def test_credentials_in_the_address_are_used_and_shown_nowhere(kibana: Kibana) -> None:
    kibana.allowed = {basic("me"): True}
    url = kibana.url.replace("//", f"//me:{SECRET}@")
    assert SECRET not in repr(import_objects(OBJECTS, url=url))
    assert "already there" in str(refused(kibana, url=url))


def test_a_netrc_file_does_not_replace_them(kibana: Kibana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    kibana.allowed = {"ApiKey a2V5": True}
    assert import_objects(OBJECTS, url=kibana.url, server=Server(api_key="a2V5")).count == 14


def test_denials_say_what_to_give(kibana: Kibana) -> None:
    kibana.allowed = {basic("reader"): False}
    assert "asks for credentials" in str(refused(kibana))
    assert "HYBRID_SEARCH_API_KEY" in str(refused(kibana))
    assert "does not know these credentials" in str(refused(kibana, server=Server(username="me", password=SECRET)))
    error = refused(kibana, server=Server(username="reader", password=SECRET))
    assert isinstance(error, errors.AccessDenied) and "Saved Objects Management: All" in str(error)
    assert not kibana.stored


# -- what Kibana refuses


def test_a_space_that_is_not_there_is_refused_before_anything_is_sent(kibana: Kibana) -> None:
    error = refused(kibana, space="photos")
    assert "no space 'photos'; make it first" in str(error)
    assert [one["method"] for one in kibana.requests] == ["GET"]
    assert "no space is named 'a/b'" in str(refused(kibana, space="a/b"))


def test_types_that_this_kibana_lacks_are_named(kibana: Kibana) -> None:
    kibana.types = TYPES - {"map"}
    error = refused(kibana)
    assert "[images] Map: this Kibana has no objects of type map" in str(error)
    assert "13 objects were imported" in str(error)
    assert error.failures == (("map", "hybrid-search-images-map", "unsupported_type"),)
    assert kibana.held().total() == 13


def test_missing_references_are_named(kibana: Kibana) -> None:
    error = refused(kibana, objects=[one for one in OBJECTS if one["type"] != "index-pattern"])
    assert "index-pattern hybrid-search-images; import the whole file" in str(error)
    assert "and 9 more" in str(error)
    assert not kibana.stored


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ({"type": "ambiguous_conflict", "destinations": [{"id": "a"}, {"id": "b"}]}, "several times, as copies"),
        ({"type": "unknown", "message": "disk\nfull", "statusCode": 500}, "[images] Map: disk full"),
        ({"type": "requires_profile_id"}, "[images] Map: requires_profile_id"),
        ({}, "it gave no reason"),
    ],
)
def test_other_failures_are_told(kibana: Kibana, failure: dict[str, Any], words: str) -> None:
    told = {"type": "map", "id": "m", "meta": {"title": "[images] Map"}, "error": failure}
    kibana.extra = {"success": False, "errors": [told]}
    assert words in str(refused(kibana))


def test_a_file_with_one_object_twice_is_refused_in_kibanas_words(kibana: Kibana) -> None:
    error = refused(kibana, objects=[*OBJECTS, OBJECTS[0]])
    assert "400: Non-unique import objects detected: [index-pattern:hybrid-search-images]" in str(error)
    assert "need Kibana 8.9 or newer" in str(error)


# -- what is no Kibana, or none that answers

HTML = {"Content-Type": "text/html"}
KBN = {"kbn-name": "double", "Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, HTML, b"<html>hello"), "not Kibana (status 200, text/html); check address and port"),
        ((200, {"Content-Type": "application/json"}, b"[1]"), "not Kibana (status 200, application/json)"),
        ((200, {"Content-Type": "application/json"}, b'{"success": "yes"}'), "not Kibana"),
        ((404, HTML, b""), "not Kibana (status 404"),
        ((502, HTML, b"bad gateway"), "not Kibana (status 502"),
        ((400, {"X-elastic-product": "Elasticsearch"}, b'{"error": "no handler"}'), "that is Elasticsearch itself"),
        ((302, {"Location": f"/login?next=/&key={SECRET}"}, b""), "redirects to '/login'"),
        ((503, KBN, b'{"statusCode": 503, "message": "x"}'), "not ready yet; wait"),
        ((503, {"Content-Type": "text/plain"}, b"Kibana server is not ready yet"), "not ready yet; wait"),
        ((500, KBN, b'{"statusCode": 500, "message": "An internal error"}'), "answered 500: An internal error"),
        ((413, KBN, b'{"statusCode": 413, "message": "Payload too large"}'), "413: Payload too large"),
        ((400, KBN, b'{"message": "' + b"long " * 1000 + b'"}'), "400: long long"),
        ((200, KBN, b"{"), "answered 200"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_answers_are_told_apart(kibana: Kibana, answer: tuple[int, dict[str, str], bytes], words: str) -> None:
    kibana.answers = answer
    error = refused(kibana)
    assert words in str(error)
    assert len(str(error)) < 500


def test_a_port_where_nothing_listens(kibana: Kibana) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = refused(kibana, url=f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert "it cannot be reached; start it, or check its address" in str(error)


def test_an_answer_that_does_not_come(kibana: Kibana) -> None:
    kibana.delay_s = 1.0
    assert "no answer within 0.1 s; look into Kibana" in str(refused(kibana, server=Server(timeout=0.1)))


@pytest.mark.parametrize("url", ["localhost:5601", "ftp://h", "http://", "http://h:port", "", f"x://me:{SECRET}@h"])
def test_what_is_no_address(kibana: Kibana, url: str) -> None:
    assert "write its address as http://host:5601" in str(refused(kibana, url=url))


# -- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a PEM file with a key and a certificate for 127.0.0.1 that only itself has signed."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    pem = tmp_path_factory.mktemp("tls") / "own.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=kibana"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(pem), "-out", str(pem) + ".crt"]
    subprocess.run(made, check=True, capture_output=True)
    pem.write_text(pem.read_text() + Path(f"{pem}.crt").read_text())
    return pem


def test_a_certificate_is_verified(
    kibana: Kibana, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(kibana, context) as url:
        error = refused(kibana, url=url)
        assert "certificate is not trusted: self" in str(error) and "HYBRID_SEARCH_CA_CERTS" in str(error)
        assert not kibana.requests
        (tmp_path / "broken.pem").write_text("no certificate")
        for bad in (tmp_path / "absent.pem", tmp_path / "broken.pem"):
            assert str(bad) in str(refused(kibana, url=url, server=Server(ca_certs=str(bad))))
        trusted = Server(ca_certs=f"{certificate}.crt")
        assert import_objects(OBJECTS, url=url, server=trusted).count == 14
        der = ssl.PEM_cert_to_DER_cert(Path(f"{certificate}.crt").read_text())
        pinned = Server(ca_fingerprint=hashlib.sha256(der).hexdigest())
        assert import_objects(OBJECTS, url=url, server=pinned, overwrite=True).count == 14
        monkeypatch.setenv("HOME", str(certificate.parent))
        home = Server(ca_certs=f"~/{certificate.name}.crt")
        assert import_objects(OBJECTS, url=url, server=home, overwrite=True).count == 14
        sent = len(kibana.requests)
        other_pin = refused(kibana, url=url, server=Server(ca_fingerprint="00" * 32))
        assert "no certificate that it shows has the fingerprint" in str(other_pin)
        assert len(kibana.requests) == sent, "nothing is sent to a stranger"
        other = url.replace("127.0.0.1", "localhost")
        for named in (trusted, pinned):
            assert "a name that the certificate has" in str(refused(kibana, url=other, server=named))
    plain = kibana.url.replace("http", "https")
    for server in (None, pinned):
        assert "does not speak TLS there; write http://" in str(refused(kibana, url=plain, server=server))


def test_only_the_authority_that_is_given_is_trusted(
    kibana: Kibana, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=other"]
    made += ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "other.crt")]
    subprocess.run(made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", f"{certificate}.crt")
    with serving(kibana, context) as url:
        assert import_objects(OBJECTS, url=url).count == 14, "the environment's bundle holds where nothing is given"
        error = refused(kibana, url=url, server=Server(ca_certs=str(tmp_path / "other.crt")))
        assert "certificate is not trusted" in str(error)
    # credentials for a server with TLS do not matter to a Kibana without
    assert import_objects(OBJECTS, url=kibana.url, server=Server(ca_fingerprint="00" * 32), overwrite=True).count == 14


# -- the command


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "API_KEY",
        "USERNAME",
        "PASSWORD",
        "CA_CERTS",
        "CA_FINGERPRINT",
        "KIBANA_URL",
        "KIBANA_SPACE",
        "CONFIG",
        "NAME",
    ):
        monkeypatch.delenv(f"HYBRID_SEARCH_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_the_command_imports_and_prints_where_to_look(kibana: Kibana, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["kibana", "import", "--url", kibana.url]) == exits.OK
    out, err = capfd.readouterr()
    assert out == f"{kibana.url}/app/dashboards#/view/hybrid-search-images-dashboard\n"
    assert err == "14 objects for index 'images' imported\n"
    assert cli.run(["kibana", "import", "--url", kibana.url]) == exits.FAILED
    assert "--overwrite replaces them" in capfd.readouterr().err
    assert cli.run(["kibana", "import", "--url", kibana.url, "--overwrite"]) == exits.OK
    assert "imported, 14 of them replaced" in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [["kibana", "import", "--name", "trip"], ["--name", "trip", "kibana", "import"]])
def test_the_command_takes_a_name(kibana: Kibana, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_SEARCH_KIBANA_URL", kibana.url)
    kibana.spaces.add("photos")
    assert cli.run([*arguments, "--space", "photos"]) == exits.OK
    assert ("photos", "dashboard", "hybrid-search-trip-dashboard") in kibana.stored


def test_a_dry_run_prints_the_file_and_asks_nobody(kibana: Kibana, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["kibana", "import", "--url", kibana.url, "--dry-run", "--name", "trip"]) == exits.OK
    out, err = capfd.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == load_objects("trip")
    assert "nothing was imported" in err
    assert not kibana.requests


def test_a_bad_name_is_refused(kibana: Kibana, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["kibana", "import", "--url", kibana.url, "--name", "a*,b"]) == exits.FAILED
    assert "lower-case letters" in capfd.readouterr().err
    assert not kibana.requests


def test_what_is_typed_wins_over_the_environment(
    kibana: Kibana, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HYBRID_SEARCH_API_KEY", "a2V5")
    monkeypatch.setenv("HYBRID_SEARCH_PASSWORD", SECRET)
    kibana.allowed = {"ApiKey a2V5": True, "ApiKey b3RoZXI=": True, basic("me"): True}
    command = ["kibana", "import", "--url", kibana.url, "--overwrite"]
    for typed in ([], ["--api-key", "b3RoZXI="], ["--username", "me"]):
        assert cli.run([*command, *typed]) == exits.OK
    sent = [one["headers"]["Authorization"] for one in kibana.requests]
    assert sent == ["ApiKey a2V5", "ApiKey b3RoZXI=", basic("me")]
    assert cli.run([*command, "--username", "nobody"]) == exits.FAILED
    out, err = capfd.readouterr()
    assert "denies access" in err and SECRET not in out + err


def test_kibana_alone_shows_its_commands(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["kibana"]) == exits.OK
    assert "import" in capfd.readouterr().out
