"""The configuration folder of one node."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from scripts.servers.cluster import Cluster, Node
from scripts.servers.java import Java

VECTORS = "--add-modules=jdk.incubator.vector"
USERS = {"users", "users_roles", "roles.yml"}
DROPPED = ("-Xlog:gc", "-XX:+HeapDumpOnOutOfMemoryError")  # a gigabyte each for files that nobody reads


def write(cluster: Cluster, node: Node, home: Path, java: Java) -> None:
    """Write a node's configuration; users, roles and keystore of an earlier start stay."""
    folder = node.folder / "config"
    for name in ("config", "data", "logs", "tmp", "repository"):
        (node.folder / name).mkdir(parents=True, exist_ok=True)
    (cluster.folder / "repository").mkdir(exist_ok=True)
    (folder / "jvm.options.d").mkdir(exist_ok=True)
    for source in (home / "config").iterdir():
        if source.is_file() and not (source.name in USERS and (folder / source.name).exists()):
            shutil.copyfile(source, folder / source.name)
    options = (home / "config" / "jvm.options").read_text().splitlines()
    dropped = DROPPED if java.has_vectors else (*DROPPED, f"20-:{VECTORS}", VECTORS)
    kept = [line for line in options if not line.startswith(dropped)]
    (folder / "jvm.options").write_text("\n".join(kept) + "\n")
    # JSON is YAML, and needs no library to be written
    lines = [f"{name}: {json.dumps(value)}" for name, value in _settings(cluster, node).items()]
    (folder / "elasticsearch.yml").write_text("\n".join(lines) + "\n")
    if cluster.secure:
        (folder / "certificates").mkdir(exist_ok=True)
        for name in ("ca.pem", "node.pem", "node.key"):
            shutil.copyfile(cluster.folder / "certificates" / name, folder / "certificates" / name)


def _settings(cluster: Cluster, node: Node) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "cluster.name": cluster.name,
        "node.name": node.name,
        # everything stays on loopback, which is why a test server may do without a password
        "network.host": "127.0.0.1",
        "http.port": node.port,
        "transport.port": node.transport,
        "path.data": str(node.folder / "data"),
        "path.logs": str(node.folder / "logs"),
        # a snapshot repository must be one folder that all nodes see
        "path.repo": [str(cluster.folder / "repository")],
        # a nearly full laptop would otherwise leave every new index without a shard
        "cluster.routing.allocation.disk.threshold_enabled": False,
        "xpack.security.enabled": cluster.secure,
    }
    if len(cluster.ports) == 1:
        settings["discovery.type"] = "single-node"
    else:
        settings["discovery.seed_hosts"] = [f"127.0.0.1:{port}" for port in cluster.transports]
        settings["cluster.initial_master_nodes"] = [each.name for each in cluster.nodes]
    return settings | (_security(cluster) if cluster.secure else {})


def _security(cluster: Cluster) -> dict[str, Any]:
    certificate = {"key": "certificates/node.key", "certificate": "certificates/node.pem"}
    settings: dict[str, Any] = {"xpack.security.http.ssl.enabled": True}
    settings |= {f"xpack.security.http.ssl.{name}": path for name, path in certificate.items()}
    # users and roles are files here; see a change of theirs within a second in place of five
    settings["resource.reload.interval.high"] = "1s"
    if len(cluster.ports) > 1:
        transport = {"enabled": True, "verification_mode": "certificate", **certificate}
        transport["certificate_authorities"] = ["certificates/ca.pem"]
        settings |= {f"xpack.security.transport.ssl.{name}": value for name, value in transport.items()}
    return settings
