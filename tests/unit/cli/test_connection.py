"""The options of a server on the command line: which source wins, and that no page and no message shows a secret."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer.main

from hybrid_search import cli
from hybrid_search.backends.elasticsearch.server import Server
from hybrid_search.cli.app import app

SECRET = "c2VjcmV0LXdvcmQ="
URL = "https://one.example:9200"
FINGERPRINT = "ab" * 32


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Return what the index was opened with; nothing is connected."""
    for name in [name for name in os.environ if name.startswith("HYBRID_SEARCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    asked: dict[str, Any] = {}

    class Opened:
        def __init__(self, location: str | None, **options: Any) -> None:
            asked.clear()
            asked.update(options, location=location)

        def __enter__(self) -> Opened:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def info(self) -> dict[str, Any]:
            return {"backend": "elasticsearch", "documents": 2, "drift": []}

    monkeypatch.setitem(sys.modules, "hybrid_search.index", SimpleNamespace(HybridIndex=Opened))  # type: ignore[arg-type]
    return asked


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
    def run(*arguments: str) -> SimpleNamespace:
        code = cli.run(arguments)
        out, err = capfd.readouterr()
        assert SECRET not in out + err
        return SimpleNamespace(code=code, out=out, err=err)

    yield run


def test_every_option_reaches_the_server(opened: dict[str, Any], run: Any) -> None:
    numbers = ("--timeout", "1.5", "--deadline", "2", "--shards", "3", "--replicas", "1", "--vectors", "int8_hnsw")
    run("-i", URL, "--username", "me", "--password", SECRET, "--ca-certs", "ca.pem", *numbers, "info")
    layout = {"timeout": 1.5, "deadline": 2.0, "shards": 3, "replicas": "1", "vectors": "int8_hnsw"}
    assert opened["server"] == Server(username="me", password=SECRET, ca_certs="ca.pem", **layout)
    run("-i", URL, "--api-key", SECRET, "--ca-fingerprint", FINGERPRINT, "info")
    assert opened["server"] == Server(api_key=SECRET, ca_fingerprint=FINGERPRINT)


def test_what_is_typed_wins_over_the_environment_and_that_over_the_file(
    opened: dict[str, Any], run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path("mine.ini")
    file.touch(0o600)
    file.write_text(f"[elasticsearch]\nshards = 1\ntimeout = 1\n[{URL}]\napi_key = {SECRET}\n")
    run("-i", URL, "--config", "mine.ini", "info")
    assert opened["server"] == Server(api_key=SECRET, shards=1, timeout=1.0)
    monkeypatch.setenv("HYBRID_SEARCH_CONFIG", "mine.ini")
    monkeypatch.setenv("HYBRID_SEARCH_TIMEOUT", "2")
    monkeypatch.setenv("HYBRID_SEARCH_USERNAME", "me")
    monkeypatch.setenv("HYBRID_SEARCH_PASSWORD", "word")
    run("-i", URL, "info")
    assert opened["server"] == Server(username="me", password="word", shards=1, timeout=2.0)
    run("-i", URL, "--timeout", "3", "--api-key", SECRET, "info")
    assert opened["server"] == Server(api_key=SECRET, shards=1, timeout=3.0)
    run("-i", "https://other.example", "info")
    assert opened["server"].api_key is None, "a key of one server goes to no other"


def test_user_and_password_of_a_url_are_used_and_not_shown(opened: dict[str, Any], run: Any) -> None:
    done = run("-i", f"https://me:{SECRET}@one.example:9200", "info")
    assert opened["server"] == Server(username="me", password=SECRET)
    assert re.search(rf"^location +{URL}$", done.out, re.MULTILINE)
    done = run("-i", f"https://me:{SECRET}/@one.example:9200", "info")
    assert done.code == 3 and "special characters of a password" in done.err


def test_a_folder_takes_no_key(opened: dict[str, Any], run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("-i", "photos", "--api-key", SECRET, "info")
    assert done.code == 2 and "--api-key is for a server, and photos is a folder" in done.err
    monkeypatch.setenv("HYBRID_SEARCH_API_KEY", SECRET)
    assert run("-i", "photos", "info").code == 0, "a variable may be there for another index"
    assert opened["server"] is None


def test_a_typed_key_goes_to_one_server_only(opened: dict[str, Any], run: Any) -> None:
    other = "https://two.example:9200"
    done = run("--password", SECRET, "--username", "me", "copy", URL, other)
    assert done.code == 2 and "would go to both servers" in done.err
    for source, target in ((URL, "photos"), ("photos", URL), (URL, f"{URL}/")):
        done = run("--api-key", SECRET, "--deadline", "0", "--timeout", "1", "copy", source, target)
        assert done.code == 3, "no such host, or no such folder: it was tried"
    assert run("--api-key", SECRET, "copy", "photos", "more").code == 2


@pytest.mark.parametrize("source", ["typed", "environment", "file"])
def test_a_cloud_id_takes_the_place_of_a_url(
    opened: dict[str, Any], run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str
) -> None:
    if source == "environment":
        monkeypatch.setenv("HYBRID_SEARCH_CLOUD_ID", "photos:abc")
    if source == "file":
        (tmp_path / "hybrid-search").mkdir()
        (tmp_path / "hybrid-search" / "config.ini").write_text("[elasticsearch]\ncloud_id = photos:abc\n")
    done = run(*(("--cloud-id", "photos:abc") if source == "typed" else ()), "info")
    assert (opened["location"], opened["server"]) == (None, Server(cloud_id="photos:abc"))
    assert re.search("^location +cloud:photos$", done.out, re.MULTILINE)
    if source != "typed":
        run("-i", "photos", "info")
        assert opened["location"] == "photos", "a location that is named is nearer"


def test_values_that_cannot_be_used_end_in_one_line(opened: dict[str, Any], run: Any) -> None:
    for options, said in (
        (("--timeout", "0"), "timeout must be above 0 s"),
        (("--vectors", "best"), "no vectors 'best'; known: hnsw"),
        (("--api-key", f"{SECRET} {SECRET}"), "--api-key is what Elasticsearch shows"),
        (("--config", "none.ini"), "there is no such configuration file"),
    ):
        done = run("-i", URL, *options, "info")
        assert done.code == 3 and said in done.err and done.err.count("\n") == 1
    assert run("-i", URL, "--timeout", "soon", "info").code == 2


def test_a_line_that_others_can_read_is_warned_of(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "load", lambda *_, **__: Server(api_key=SECRET, timeout=0.2, deadline=0))
    done = run("-i", "http://192.0.2.1:9200", "search", "boats")
    assert done.code == 3 and "warning: http://192.0.2.1:9200 is not encrypted" in done.err


def test_help_shows_names_of_variables_and_no_values(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "PASSWORD", "USERNAME", "CLOUD_ID", "CA_CERTS", "CONFIG"):
        monkeypatch.setenv(f"HYBRID_SEARCH_{name}", SECRET)
    for page in (("--help",), ("kibana", "import", "--help")):
        out = re.sub(r"[│\s]+", "", run(*page).out)
        assert "envvar:HYBRID_SEARCH_API_KEY" in out and SECRET not in out


def test_the_program_names_every_option_of_a_server() -> None:
    named = {parameter.name for parameter in typer.main.get_command(app).params}
    assert set(Server.__dataclass_fields__) <= named
