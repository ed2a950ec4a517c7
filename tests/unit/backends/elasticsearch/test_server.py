"""Options of a server: where they come from, which of them wins, what is refused, and that secrets are never shown."""

from __future__ import annotations

import copy
import pickle
import pprint
import traceback
from base64 import b64encode
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from hybrid_search.backends.elasticsearch.client import Client
from hybrid_search.backends.elasticsearch.location import is_loopback, read_location
from hybrid_search.backends.elasticsearch.server import Server, split_location
from hybrid_search.backends.registry import open_backend
from hybrid_search.errors import BackendUnavailable

ONE, TWO = "https://one.example:9200", "https://two.example:9200"
SECRET = "c2VjcmV0LXdvcmQ="
FINGERPRINT = "ab" * 32


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


@pytest.fixture
def config(tmp_path: Path) -> Any:
    return lambda text, mode=0o600: write(tmp_path / "config.ini", text, mode)


def load(location: str | None = None, config: Path | None = None, **environment: str) -> Server:
    """Load with this environment only; a file that is not named is looked for in the user's folder, which is empty."""
    variables = {f"HYBRID_SEARCH_{name.upper()}": value for name, value in environment.items()}
    return Server.load(location, config=config, environment=variables)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


# -- where options come from


def test_options_win_over_the_environment_and_that_over_the_file(config: Any) -> None:
    file = config("[elasticsearch]\ntimeout = 1\ndeadline = 1\nshards = 1\nreplicas = 1\nvectors = flat\n")
    server = load(ONE, file, deadline="2", shards="2", replicas="2").with_options(shards=3, replicas=None)
    assert server == Server(timeout=1.0, deadline=2.0, shards=3, replicas="2", vectors="flat")
    assert load() == Server(), "nothing is said anywhere"
    assert load(timeout="") == Server(), "an empty variable says nothing"


def test_every_option_has_its_variable() -> None:
    texts = {
        "api_key": SECRET,
        "username": "me",
        "password": "word",
        "cloud_id": "photos:abc",
        "ca_certs": "ca.pem",
        "timeout": "1.5",
        "deadline": "0",
        "shards": "2",
        "replicas": "1-3",
        "vectors": "int8_hnsw",
    }
    assert load(**texts) == Server(**{**texts, "timeout": 1.5, "deadline": 0.0, "shards": 2})
    assert load(ca_fingerprint=FINGERPRINT.upper()).ca_fingerprint == FINGERPRINT


def test_the_file_is_the_named_one_or_that_of_the_user(home: Path) -> None:
    write(home / "named.ini", "[elasticsearch]\nshards = 2\n")
    (home / "settings" / "hybrid-search").mkdir(parents=True)
    write(home / "settings" / "hybrid-search" / "config.ini", "[elasticsearch]\nshards = 3\n")
    assert load().shards == 3
    assert load(config="~/named.ini").shards == 2, "by HYBRID_SEARCH_CONFIG"
    assert Server.load(config=home / "named.ini", environment={"HYBRID_SEARCH_CONFIG": "/none"}).shards == 2
    with pytest.raises(BackendUnavailable, match=r"cannot open .*none\.ini: there is no such configuration file"):
        load(config="~/none.ini")


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        ({"api_key": SECRET}, {"username": "me"}, {"username": "me"}),
        ({"api_key": SECRET}, {"password": "word"}, {"api_key": SECRET, "password": "word"}),
        ({"username": "me", "password": "word"}, {"api_key": SECRET}, {"api_key": SECRET}),
        ({"username": "me", "password": "word"}, {"username": "you"}, {"username": "you"}),
        ({"username": "me", "password": "word"}, {"username": "me"}, {"username": "me", "password": "word"}),
        ({"username": "me"}, {"password": "word"}, {"username": "me", "password": "word"}),
        ({"password": "word"}, {"username": "me"}, {"username": "me", "password": "word"}),
        ({"ca_certs": "ca.pem"}, {"ca_fingerprint": FINGERPRINT}, {"ca_fingerprint": FINGERPRINT}),
        ({"ca_fingerprint": FINGERPRINT}, {"ca_certs": "ca.pem"}, {"ca_certs": "ca.pem"}),
    ],
)
def test_what_contradicts_a_nearer_source_is_dropped(
    config: Any, lower: dict[str, str], upper: dict[str, str], expected: dict[str, str]
) -> None:
    assert load(**lower).with_options(**upper) == Server(**expected), "environment and option"
    file = config("[elasticsearch]\n" + "".join(f"{name} = {value}\n" for name, value in lower.items()))
    server = load(ONE, file, **upper)
    shown = {"ca_certs": str(file.parent / "ca.pem")} if expected.get("ca_certs") and "ca_certs" in lower else {}
    assert server == Server(**{**expected, **shown}), "file and environment"


def test_a_section_of_a_url_is_for_that_server_alone(config: Any) -> None:
    file = config(f"[elasticsearch]\ntimeout = 5\n[{ONE}]\napi_key = {SECRET}\n[{TWO}]\nusername = me\npassword = it\n")
    assert load(ONE, file) == Server(api_key=SECRET, timeout=5.0)
    assert load("https://me:word@ONE.example:9200/", file) == Server(username="me", password="word", timeout=5.0)
    assert load(TWO, file) == Server(username="me", password="it", timeout=5.0)
    for other in (None, "https://three.example:9200", "http://one.example:9200", "https://one.example", f"{ONE}/proxy"):
        assert load(other, file) == Server(timeout=5.0), "no secret goes to another server"
    assert load(f"{ONE},https://three.example:9200", file) == Server(timeout=5.0), "not every one of them is named"


def test_a_section_may_name_all_nodes_of_a_cluster(config: Any) -> None:
    file = config(f"[{ONE}, {TWO}]\napi_key = {SECRET}\n")
    for location in (ONE, TWO, f"{TWO},{ONE}"):
        assert load(location, file).api_key == SECRET
    assert load(f"{ONE},https://three.example:9200", file).api_key is None


def test_the_section_of_a_url_wins_over_the_general_one(config: Any) -> None:
    file = config(f"[{ONE}]\nusername = me\npassword = it\n[elasticsearch]\napi_key = {SECRET}\n")
    assert load(ONE, file) == Server(username="me", password="it")
    assert load(TWO, file) == Server(api_key=SECRET)


def test_certificates_of_a_file_are_looked_for_beside_it(config: Any, home: Path) -> None:
    assert load(None, config("[elasticsearch]\nca_certs = ca.pem\n")).ca_certs == str(home / "ca.pem")
    assert load(None, config("[elasticsearch]\nca_certs = ~/a/ca.pem\n")).ca_certs == str(home / "a" / "ca.pem")


def test_values_of_a_file_are_taken_as_they_stand(config: Any) -> None:
    file = config("\ufeff[elasticsearch]\nUserName = me\npassword = 100%; #1 ${HOME}\n")
    assert load(None, file) == Server(username="me", password="100%; #1 ${HOME}")


# -- files that are refused


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644, 0o602])
@pytest.mark.parametrize("section", ["elasticsearch", TWO])
@pytest.mark.parametrize("option", ["api_key", "password"])
def test_secrets_that_others_can_read_are_refused(config: Any, mode: int, section: str, option: str) -> None:
    file = config(f"[{section}]\n{option} = {SECRET}\n", mode)
    with pytest.raises(BackendUnavailable, match="a secret that others can read; run `chmod 600 ") as caught:
        load(ONE, file)
    assert SECRET not in str(caught.value)
    file.chmod(0o400)
    load(ONE, file)


def test_a_file_without_secrets_may_be_read_by_all(config: Any) -> None:
    assert load(ONE, config("[elasticsearch]\nusername = me\n", 0o644)).username == "me"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[elasticsearch]\napikey = {}\n", "no option 'apikey'; known: api_key, username"),
        (f"[{TWO}]\napikey = {{}}\n", "no option 'apikey'"),
        ("[elasticsearch]\nverify_certs = false\npassword = {}\n", "no option 'verify_certs'"),
        ("[elastic]\npassword = {}\n", r"a section is \[elasticsearch\] or the URL of a server"),
        ("[DEFAULT]\npassword = {}\n", r"a section is \[elasticsearch\] or the URL of a server"),
        ("[https://me:{}@one.example:9200]\nshards = 1\n", "below a section's URL, not in it"),
        ("password = {}\n", "no INI file"),
        ("[elasticsearch]\n{}\n", "no INI file"),
        ("[elasticsearch]\npassword = {}\npassword = b\n", "no INI file"),
        ("[elasticsearch]\nshards = {}\n", "shards is a number"),
    ],
)
def test_files_that_cannot_be_used_are_named_and_not_quoted(config: Any, text: str, reason: str) -> None:
    secret = SECRET.strip("=")
    with pytest.raises(BackendUnavailable, match=reason) as caught:
        load(ONE, config(text.format(secret)))
    shown = "".join(traceback.format_exception(caught.value))
    assert secret not in shown or "shards = " in text


def test_a_file_that_is_no_text_is_named(home: Path) -> None:
    (home / "config.ini").write_bytes(b"[elasticsearch]\npassword = \xff\xfe\n")
    with pytest.raises(BackendUnavailable, match=r"config\.ini: it is no INI file"):
        load(None, home / "config.ini")


# -- values that are refused


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"timeout": 0}, "timeout must be above 0"),
        ({"timeout": float("nan")}, "timeout is a number"),
        ({"timeout": float("inf")}, "at most a day"),
        ({"timeout": "5"}, "timeout is a number"),
        ({"deadline": -1}, "deadline at least 0"),
        ({"deadline": True}, "deadline is a number"),
        ({"shards": 0}, "shards must be from 1 to 1024"),
        ({"shards": 1.5}, "shards is a number"),
        ({"replicas": 1}, "replicas is a text"),
        ({"replicas": "some"}, "replicas is a number or a range: 0-1"),
        ({"replicas": "-1"}, "replicas is a number or a range"),
        ({"replicas": "0-"}, "replicas is a number or a range"),
        ({"replicas": "٣"}, "replicas is a number or a range"),
        ({"vectors": "bbq_disk"}, "no vectors 'bbq_disk'; known: hnsw, "),
        ({"username": "a:b"}, "has no colon"),
        ({"username": ""}, "not empty"),
        ({"ca_fingerprint": "ab"}, "64 hexadecimal digits"),
        ({"ca_fingerprint": "zz" * 32}, "64 hexadecimal digits"),
        ({"ca_fingerprint": "ab" * 20}, "64 hexadecimal digits"),
        ({"ca_fingerprint": FINGERPRINT, "ca_certs": "ca.pem"}, "say the same thing twice"),
    ],
)
def test_values_that_cannot_be_used(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(BackendUnavailable, match=reason):
        Server(**given)


@pytest.mark.parametrize(
    "key", [f"{SECRET}\n", f"{SECRET} b", f"{SECRET}\r\nX-Other: 1", f"é{SECRET}", f"a:b:{SECRET}", ""]
)
def test_an_api_key_that_no_header_takes_is_not_shown(key: str) -> None:
    with pytest.raises(BackendUnavailable, match="api_key is what Elasticsearch shows as `encoded`") as caught:
        Server(api_key=key.format(SECRET))
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_secret_that_is_no_unicode_is_not_shown() -> None:
    with pytest.raises(BackendUnavailable, match="password is a text") as caught:
        Server(username="me", password=f"{SECRET}\udcff")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_an_api_key_is_encoded_where_it_is_not_yet() -> None:
    assert Server(api_key="id:key").api_key == b64encode(b"id:key").decode()
    assert Server(api_key=SECRET).api_key == SECRET
    assert load(api_key=f" {SECRET}\n").api_key == SECRET, "as a file of one line gives it"


@pytest.mark.parametrize(("given", "missing"), [({"username": "me"}, "password"), ({"password": "it"}, "user name")])
def test_half_a_login_is_refused_before_anything_is_sent(given: dict[str, str], missing: str) -> None:
    with pytest.raises(BackendUnavailable, match=f"without a {missing}"):
        Client(ONE, Server(**given))
    Client(ONE, Server(api_key=SECRET, **given))


# -- URLs


@pytest.mark.parametrize(
    ("written", "urls"),
    [
        ("http://one", ["http://one:9200"]),
        ("https://one", ["https://one:443"]),
        ("HTTPS://One.Example:9243/", ["https://one.example:9243"]),
        ("http://[::1]", ["http://[::1]:9200"]),
        ("https://[2001:db8::1]:9200/a/b/", ["https://[2001:db8::1]:9200/a/b"]),
        ("http://127.0.0.1:9200/proxy/es/", ["http://127.0.0.1:9200/proxy/es"]),
        ("http://one:1, http://two:2/ ,http://three:3", ["http://one:1", "http://two:2", "http://three:3"]),
    ],
)
def test_urls_in_one_form(written: str, urls: list[str]) -> None:
    assert read_location(written) == (tuple(urls), {})


@pytest.mark.parametrize(
    ("written", "login"),
    [
        ("https://me:word@one", {"username": "me", "password": "word"}),
        ("https://me%40home:w%2Fo%3Ard@one", {"username": "me@home", "password": "w/o:rd"}),
        ("https://me@one", {"username": "me"}),
        ("https://me:@one", {"username": "me", "password": ""}),
        ("https://me:w@rd@one", {"username": "me", "password": "w@rd"}),
        ("https://one,https://me:word@two", {"username": "me", "password": "word"}),
    ],
)
def test_user_and_password_are_taken_out_of_a_url(written: str, login: dict[str, str]) -> None:
    urls, found = read_location(written)
    assert found == login
    assert all("@" not in url and "me" not in url for url in urls)
    assert split_location(written, Server()) == (urls, Server(**login))
    assert load(written, username="you", password="other") == Server(**login), "the URL is nearer"
    known = Server(api_key=SECRET)
    assert split_location(written, known)[1] is known, "what was given beside the URL wins"


@pytest.mark.parametrize(
    "written",
    [
        f"http://me:{SECRET}/x@one:9200",
        f"http://me:12/{SECRET}@one",
        f"http://me:{SECRET}#@one",
        f"http://me:12#{SECRET}@one",
        f"http://me:12?{SECRET}@one",
        f"http://me:{SECRET},x@one",
        f"http://me:12,{SECRET}@one",
        f"http://me:{SECRET}@",
        f"http://me:{SECRET}@one:99999",
        f"http://me:{SECRET}@one:0",
        f"http://me:{SECRET}@[::1",
        f"http://me:{SECRET}@ⓞne℀:9200",
        f"http://me:{SECRET}@one two",
        f"http://me:{SECRET}@one/a b",
        f"http://me:{SECRET}@one?x=1",
        f"http://me:{SECRET}@one#x",
        f"ftp://me:{SECRET}@one",
        f"http://me:{SECRET}@one,http://you:other@two",
        f"https://me:{SECRET}@one,http://two",
        "http://",
        "http://one,",
        "http://one\\@two",
        "://",
    ],
)
def test_urls_that_are_refused_show_no_secret(written: str) -> None:
    for refusing in (read_location, load, lambda text: open_backend(text, name="images")):
        with pytest.raises(BackendUnavailable) as caught:
            refusing(written)
        assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:9200", True),
        ("http://es.localhost:9200", True),
        ("http://127.5.5.5:9200", True),
        ("http://[::1]:9200", True),
        ("http://one.example:9200", False),
        ("http://192.168.0.1:9200", False),
        ("http://localhost.example:9200", False),
    ],
)
def test_what_this_machine_is_called(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


def test_secrets_over_a_line_that_others_can_read_are_warned_of() -> None:
    with pytest.warns(UserWarning, match=r"http://one\.example:9200 is not encrypted") as caught:
        Client("http://one.example:9200", Server(api_key=SECRET))
    assert SECRET not in str(caught[0].message)
    Client("http://one.example:9200", Server())
    Client("http://localhost:9200", Server(api_key=SECRET))
    Client(ONE, Server(api_key=SECRET))


@pytest.mark.parametrize("trust", [{"ca_certs": "ca.pem"}, {"ca_fingerprint": FINGERPRINT}])
def test_trust_in_a_certificate_is_not_dropped_by_http(trust: dict[str, str]) -> None:
    with pytest.raises(BackendUnavailable, match="http:// has no certificate; write https://"):
        Client("http://localhost:9200", Server(**trust))


# -- the cloud


def cloud_id(decoded: str) -> str:
    return f"photos:{b64encode(decoded.encode()).decode()}"


def test_a_cloud_id_is_a_server() -> None:
    server = Server(cloud_id=cloud_id("eu.cloud.example:9243$abc$def"), api_key=SECRET)
    client = Client(None, server)
    assert client.location == "cloud:photos"
    (node,) = client.raw.transport.node_pool.all()
    assert node.base_url == "https://abc.eu.cloud.example:9243"
    assert Client(ONE, server).location == ONE, "a URL that is named is nearer than a cloud_id"
    assert open_backend(None, name="images", server=server).location == "cloud:photos/images"


@pytest.mark.parametrize(
    "code", ["photos", "photos:", "photos:***", "photos:YWJj", cloud_id("eu$"), cloud_id("eu:x$a")]
)
def test_a_cloud_id_that_is_none_is_named(code: str) -> None:
    with pytest.raises(BackendUnavailable, match="cloud:photos: cloud_id is not the one that Elastic Cloud shows"):
        _ = Client(None, Server(cloud_id=code)).raw


def test_without_any_place_there_is_no_client() -> None:
    with pytest.raises(BackendUnavailable, match="neither a URL nor a cloud_id"):
        Client(None, Server())


# -- certificates


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for name, content, reason in (
        ("none.pem", None, "No such file"),
        ("empty.pem", "", "no certificates in PEM form"),
        ("text.pem", "hello", "no certificates in PEM form"),
        ("key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no certificates in PEM form"),
    ):
        if content is not None:
            (tmp_path / name).write_text(content)
        with pytest.raises(BackendUnavailable, match=f"ca_certs, .*{name}: .*{reason}"):
            _ = Client(ONE, Server(ca_certs=str(tmp_path / name))).raw
    with pytest.raises(BackendUnavailable, match=r"ca_certs, .*: Is a directory"):
        _ = Client(ONE, Server(ca_certs=str(tmp_path))).raw


# -- secrets


SECRETIVE = Server(api_key=SECRET, username="me", password=f"p{SECRET}", shards=3)


def test_secrets_are_in_no_representation() -> None:
    assert repr(SECRETIVE) == "Server(username='me', shards=3)"
    for shown in (repr(SECRETIVE), str(SECRETIVE), f"{SECRETIVE}", pprint.pformat(SECRETIVE), repr([SECRETIVE])):
        assert SECRET not in shown
    for dumped in (
        repr(asdict(SECRETIVE)),
        repr(vars(SECRETIVE)),
        pprint.pformat(vars(SECRETIVE)),
        repr(SECRETIVE.api_key),
    ):
        assert SECRET not in dumped


def test_secrets_are_not_pickled() -> None:
    for server in (SECRETIVE, Server(username="me", password=SECRET), replace(SECRETIVE, password=None)):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="not pickled; let every process call"):
                pickle.dumps(server, protocol)
    plain = Server(username="me", shards=2)
    assert pickle.loads(pickle.dumps(plain)) == plain


def test_copies_are_whole() -> None:
    for copied in (copy.copy(SECRETIVE), copy.deepcopy(SECRETIVE), replace(SECRETIVE), SECRETIVE.with_options()):
        assert copied == SECRETIVE
        assert str(copied.api_key) == SECRET
        assert SECRET not in repr(vars(copied))


# -- names of indexes


@pytest.mark.parametrize(
    "name",
    [
        *("", "*", "_all", "images,other", "images*", "-images", "+images", ".images", "_images", "Images", "é", "a b"),
        *("a/b", "a\\b", "a?b", 'a"b', "a<b", "a>b", "a|b", "a#b", "a:b", "..", ".", "images-write", "a%2fb", "a\nb"),
        *("<images-{now/d}>", "x" * 249),
    ],
)
def test_names_that_a_server_would_take_for_something_else_are_refused(name: str) -> None:
    with pytest.raises(BackendUnavailable):
        open_backend("http://localhost:9200", name=name)


@pytest.mark.parametrize("name", ["images", "a", "0", "images-2024", "images_of_me", "x" * 248])
def test_names_that_are_taken(name: str) -> None:
    assert open_backend("http://localhost:9200", name=name).location == f"http://localhost:9200/{name}"
