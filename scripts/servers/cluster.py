"""A cluster on this machine, as its folder in the cache remembers it between two runs of the script."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.servers import cache

MARK = "hybrid_search.node"


@dataclass(frozen=True)
class Node:
    """One server process: its name, its folder, and its two ports on 127.0.0.1."""

    name: str
    folder: Path
    port: int
    transport: int

    @property
    def mark(self) -> str:
        """The word of the process's command line by which it is known again."""
        return f"-D{MARK}={self.folder}"

    def pid(self) -> int | None:
        """Return the process's id, or None where it has ended; another program that has got its id does not count."""
        try:
            pid = int((self.folder / "pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if self.mark in command_line(pid) else None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process where it still runs."""
        pid = self.pid()
        if pid is not None:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return


@dataclass(frozen=True)
class Cluster:
    """What was asked for: ports are those of the first to the last node."""

    name: str
    version: str
    ports: tuple[int, ...]
    transports: tuple[int, ...]
    heap: str
    secure: bool
    expired: bool
    brief: bool

    @property
    def folder(self) -> Path:
        """The folder that holds everything of this cluster."""
        return folder_of(self.name)

    @property
    def nodes(self) -> list[Node]:
        """The nodes, node-1 first."""
        pairs = enumerate(zip(self.ports, self.transports, strict=True), start=1)
        return [Node(f"node-{n}", self.folder / f"node-{n}", port, transport) for n, (port, transport) in pairs]

    @property
    def urls(self) -> list[str]:
        """Where each node answers."""
        return [f"{'https' if self.secure else 'http'}://127.0.0.1:{port}" for port in self.ports]

    @property
    def running(self) -> list[Node]:
        """The nodes whose process is alive."""
        return [node for node in self.nodes if node.pid() is not None]

    @property
    def ca_certs(self) -> Path | None:
        """The authority to trust, where the cluster is secure."""
        return self.folder / "certificates" / "ca.pem" if self.secure else None

    @property
    def password(self) -> str | None:
        """The password of the user `elastic`, where the cluster is secure."""
        return (self.folder / "password").read_text().strip() if self.secure else None

    @property
    def was_ready(self) -> bool:
        """Whether this cluster has ever been seen green, so that its data are worth keeping."""
        return (self.folder / "ready").exists()

    def save(self) -> None:
        """Write down what was asked for."""
        cache.make(self.folder)
        draft = self.folder / "cluster.json.new"
        draft.write_text(json.dumps(asdict(self), indent=2))
        draft.rename(self.folder / "cluster.json")


def folder_of(name: str) -> Path:
    """Return the folder of the cluster of that name."""
    return cache.folder() / "clusters" / name


def load(name: str) -> Cluster | None:
    """Return the cluster of that name, or None where there is none."""
    try:
        values: dict[str, Any] = json.loads((folder_of(name) / "cluster.json").read_text())
        return Cluster(**values | {key: tuple(values[key]) for key in ("ports", "transports")})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def load_all() -> list[Cluster]:
    """Return every cluster that the cache remembers."""
    folders = sorted((cache.folder() / "clusters").glob("*/cluster.json"))
    return [cluster for path in folders if (cluster := load(path.parent.name))]


def command_line(pid: int) -> str:
    """Return a process's command line; empty where there is no such process or it has ended."""
    path = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        try:
            return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    command = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True).stdout
