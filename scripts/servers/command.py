"""What the words `start`, `stop`, `status` and `url` do."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.servers import (
    cache,
    certificates,
    cluster,
    config,
    distribution,
    health,
    java,
    modules,
    ports,
    process,
    users,
)
from scripts.servers.account import Account
from scripts.servers.cluster import Cluster, Node
from scripts.servers.failures import Failure

DEFAULT_VERSION = "9.2.0"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks and return the exit code: 0, 1 for a failure, 3 for what cannot be had here."""
    options = parser().parse_args(arguments)
    options.name = options.name or f"elasticsearch-{options.version}"
    # a stopped script takes along what it has started so far
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        return int(options.action(options))
    except Failure as failure:
        for line in getattr(failure, "tail", ()):
            print(line, file=sys.stderr)
        print(f"scripts/elasticsearch: {failure}", file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--version", default=DEFAULT_VERSION, type=_matching(r"\d+\.\d+\.\d+", "like 9.2.0"))
    letters = _matching(r"[A-Za-z0-9][A-Za-z0-9._-]*", "letters, digits and ._-")
    shared.add_argument("--name", type=letters, help="one of several clusters; default: the version")
    top = argparse.ArgumentParser(prog="scripts/elasticsearch", description="A real Elasticsearch on this machine.")
    words = top.add_subparsers(required=True, metavar="start | stop | status | url")
    word = words.add_parser("start", parents=[shared], help="start a cluster and print its URL as the last line")
    word.set_defaults(action=start)
    word.add_argument("--nodes", type=int, default=1, metavar="N")
    word.add_argument("--port", type=int, help="of the first node; 0: any free one; default: 9200, or 9210 for 8.x")
    word.add_argument("--heap", default="1g", type=_matching(r"\d+[mg]", "like 512m or 1g"), help="default: 1g")
    word.add_argument("--secure", action="store_true", help="passwords and TLS; the folder has ca.pem and password")
    word.add_argument("--expired", action="store_true", help="with --secure: a certificate that ended in 2020")
    word.add_argument("--brief", action="store_true", help="starts in half the time and runs slower: for short tests")
    word.add_argument("--timeout", type=float, default=180, metavar="SECONDS", help="to become green; default: 180")
    word = words.add_parser("stop", parents=[shared], help="end a cluster and remove its data")
    word.set_defaults(action=stop)
    word.add_argument("--keep-data", action="store_true", help="the next start finds them again")
    words.add_parser("status", parents=[shared], help="say whether it runs: exit 0 or 1").set_defaults(action=status)
    words.add_parser("url", parents=[shared], help="print the URL of a running cluster").set_defaults(action=url)
    return top


def _matching(pattern: str, like: str) -> Any:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise argparse.ArgumentTypeError(f"{text!r} is not {like}")
        return text

    return check


def given() -> str | None:
    """Return the URL of the server that the user has named, with which this script does nothing."""
    return os.environ.get("ELASTICSEARCH_URL") or None


def start(options: argparse.Namespace) -> int:
    """Start a cluster, or the nodes of it that have ended, and print where it answers."""
    if url := given():
        health.check_given(url)
        print(url)
        return 0
    if not 1 <= options.nodes <= 10:
        raise Failure(f"--nodes {options.nodes}: one to ten nodes fit on one machine")
    if options.expired and (not options.secure or options.nodes > 1):
        raise Failure("--expired needs --secure and one node, since nodes refuse one another's expired certificates")
    with cache.locked(f"cluster-{options.name}"):
        known = cluster.load(options.name)
        if known:
            _check_same(known, options)
        if not known or len(known.running) < len(known.nodes):
            known = _bring_up(options, known)
        elif not health.ask(known, "/_cluster/health?timeout=5s"):
            raise Failure(f"{known.name} runs but does not answer; scripts/elasticsearch stop --name {known.name}")
    print(",".join(known.urls))
    return 0


def _check_same(known: Cluster, options: argparse.Namespace) -> None:
    """Refuse to call a cluster by the name of another; a cluster that has ended may have another heap and port."""
    wanted = {"version": options.version, "nodes": options.nodes, "secure": options.secure, "expired": options.expired}
    actual: dict[str, Any] = {"version": known.version, "nodes": len(known.ports)}
    actual |= {"secure": known.secure, "expired": known.expired}
    differing = [f"{name} {actual[name]}" for name in wanted if wanted[name] != actual[name]]
    if differing and (known.running or known.was_ready):
        state = "is running" if known.running else "has data"
        remedy = f"pass another --name, or scripts/elasticsearch stop --name {known.name}"
        raise Failure(f"{known.name} {state} with {', '.join(differing)}; {remedy}")


def _bring_up(options: argparse.Namespace, known: Cluster | None) -> Cluster:
    account = Account.current()
    home = distribution.unpacked(options.version)
    runtime = java.find(account)
    home = modules.fitted(home, runtime.modules)
    account.check_reach(home)
    if known and not known.running and not known.was_ready:
        shutil.rmtree(known.folder)
        known = None
    chosen = known if known and known.running else _choose(options)
    missing = [node for node in chosen.nodes if node.pid() is None]
    print(f"starting {chosen.name}: Elasticsearch {chosen.version} on Java {runtime.version}", file=sys.stderr)
    launchers: dict[str, subprocess.Popen[bytes]] = {}
    try:
        _prepare(chosen, missing, home, runtime, account)
        deadline = time.monotonic() + options.timeout
        for node in missing:
            launchers[node.name] = process.launch(chosen, node, home, runtime, account)
        process.wait_until_up(chosen, launchers, deadline)
    except BaseException:
        process.kill_launched(list(launchers.values()))
        raise
    (chosen.folder / "ready").touch()
    return chosen


def _choose(options: argparse.Namespace) -> Cluster:
    first = ports.default_port(options.version) if options.port is None else options.port
    with cache.locked("ports"):
        http, transport = ports.choose(first, options.nodes)
        flags = {"heap": options.heap, "secure": options.secure, "expired": options.expired}
        flags["brief"] = options.brief
        chosen = Cluster(name=options.name, version=options.version, ports=http, transports=transport, **flags)
        chosen.save()
    return chosen


def _prepare(chosen: Cluster, nodes: list[Node], home: Path, runtime: java.Java, account: Account) -> None:
    if chosen.secure and not (chosen.folder / "password").exists():
        certificates.make(chosen.folder / "certificates", expired=chosen.expired)
        (chosen.folder / "password").touch(0o600)
        (chosen.folder / "password").write_text(secrets.token_urlsafe(18) + "\n")
    for node in nodes:
        config.write(chosen, node, home, runtime)
        account.own(node.folder)
    account.own(chosen.folder / "repository")
    if chosen.secure:
        users.set_bootstrap_password(chosen, home, runtime.home, account)


def stop(options: argparse.Namespace) -> int:
    """End a cluster's processes and remove its folder."""
    if url := given():
        print(f"ELASTICSEARCH_URL names {_without_password(url)}, which this script has not started; left as it is")
        return 0
    with cache.locked(f"cluster-{options.name}"):
        known = cluster.load(options.name)
        running = known.running if known else []
        process.end(running)
        folder = cluster.folder_of(options.name)
        if folder.exists() and not options.keep_data:
            shutil.rmtree(folder)
    print(f"{options.name}: {'stopped' if running else 'was not running'}")
    return 0


def status(options: argparse.Namespace) -> int:
    """Say what runs; the code is 0 where all of it does and answers."""
    if url := given():
        health.check_given(url)
        print(f"ELASTICSEARCH_URL: {_without_password(url)} answers")
        return 0
    known = cluster.load(options.name)
    if known is None or not known.running:
        print(f"{options.name}: not running")
        return 1
    answer = health.ask(known, "/_cluster/health?timeout=5s", port=known.running[0].port)
    state = f"{answer['status']}, {answer['number_of_nodes']} of {len(known.nodes)} nodes" if answer else "no answer"
    print(f"{known.name}: running, Elasticsearch {known.version}, {state}")
    for node, address in zip(known.nodes, known.urls, strict=True):
        pid = node.pid()
        print(f"{node.name}: {'not running' if pid is None else f'pid {pid}'}, {address}")
    print(f"folder: {known.folder}")
    if known.secure:
        print(f"authority: {known.ca_certs}")
        print(f"password of elastic: in {known.folder / 'password'}")
    return 0 if answer and len(known.running) == len(known.nodes) else 1


def url(options: argparse.Namespace) -> int:
    """Print where a running cluster answers."""
    address = given()
    if address is None:
        known = cluster.load(options.name)
        if known is None or not known.running:
            raise Failure(f"{options.name} is not running; scripts/elasticsearch start --name {options.name}")
        address = ",".join(known.urls)
    with contextlib.suppress(BrokenPipeError):
        print(address)
    return 0


def _without_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)
