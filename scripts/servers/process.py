"""Starting and ending the processes of a cluster."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.servers import health
from scripts.servers.account import Account
from scripts.servers.cluster import Cluster, Node
from scripts.servers.failures import Failure
from scripts.servers.java import Java
from scripts.servers.tools import BRIEF_JVM, environment

TAIL = 30  # lines of a log that are worth showing
PATIENCE = 20.0  # seconds between SIGTERM and SIGKILL


class StartFailed(Failure):
    """A server did not start; `tail` is the end of its log."""

    def __init__(self, message: str, tail: Sequence[str]) -> None:
        super().__init__(message)
        self.tail = tail


def launch(cluster: Cluster, node: Node, home: Path, java: Java, account: Account) -> subprocess.Popen[bytes]:
    """Start a node in a session of its own, and return its launcher, which ends when the node is up or has failed."""
    (node.folder / "pid").unlink(missing_ok=True)
    options = f"-Xms{cluster.heap} -Xmx{cluster.heap} {node.mark}{f' {BRIEF_JVM}' if cluster.brief else ''}"
    with (node.folder / "output.log").open("wb") as output:
        return subprocess.Popen(
            [str(home / "bin" / "elasticsearch"), "-d", "-p", str(node.folder / "pid")],
            env=environment(node, java.home) | {"ES_JAVA_OPTS": options},
            cwd=node.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **account.process,
        )


def wait_until_up(cluster: Cluster, launchers: dict[str, subprocess.Popen[bytes]], deadline: float) -> None:
    """Return when every launched node is up and the cluster is whole.

    Green where it is new; one that comes back may have copies that there is no node for, so yellow is enough there.

    Raises
    ------
    StartFailed
        A node ended, or `deadline` (of `time.monotonic`) has passed.
    """
    nodes = {node.name: node for node in cluster.nodes}
    while any(launcher.poll() is None for launcher in launchers.values()):
        for name, launcher in launchers.items():
            if launcher.poll():
                raise StartFailed(_reason(cluster, nodes[name]), _tail(nodes[name]))
        _check_time(cluster, deadline)
        time.sleep(0.1)
    colour = "yellow" if cluster.was_ready else "green"
    path = f"/_cluster/health?wait_for_status={colour}&wait_for_nodes=ge({len(nodes)})&timeout=2s"
    while True:
        for node in nodes.values():
            if node.pid() is None:
                raise StartFailed(_reason(cluster, node), _tail(node))
        answer = health.ask(cluster, path)
        if answer and not answer["timed_out"]:
            return
        _check_time(cluster, deadline)
        time.sleep(0.2)


def end(nodes: Sequence[Node]) -> None:
    """End processes: ask first, kill those that have not ended after a while, and return when all are gone."""
    for number, patience in ((signal.SIGTERM, PATIENCE), (signal.SIGKILL, PATIENCE)):
        for node in nodes:
            node.signal(number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if all(node.pid() is None for node in nodes):
                return
            time.sleep(0.1)
    alive = ", ".join(f"{node.name} (pid {node.pid()})" for node in nodes if node.pid() is not None)
    raise Failure(f"not ended by SIGKILL: {alive}")


def kill_launched(launchers: Sequence[subprocess.Popen[bytes]]) -> None:
    """Kill everything that these launchers have started, which is in their sessions."""
    for launcher in launchers:
        try:
            os.killpg(launcher.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        launcher.wait()


def _check_time(cluster: Cluster, deadline: float) -> None:
    if time.monotonic() > deadline:
        late = next((node for node in cluster.nodes if node.pid() is None), cluster.nodes[0])
        message = f"Elasticsearch {cluster.version} is not green in time; raise --timeout on a slow machine"
        raise StartFailed(message, _tail(late))


def _tail(node: Node) -> list[str]:
    try:
        return (node.folder / "output.log").read_text(errors="replace").splitlines()[-TAIL:]
    except OSError:
        return []


def _reason(cluster: Cluster, node: Node) -> str:
    lines = [line.strip() for line in _tail(node) if line.strip()]
    telling = [line for line in lines if re.search(r"Exception|Error|ERROR|Invalid|insufficient", line)]
    why = (telling or lines or ["it printed nothing"])[-1]
    return f"Elasticsearch {cluster.version} ended while starting ({node.name}): {why[:200]}"
