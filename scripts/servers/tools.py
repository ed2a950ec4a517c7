"""The programs in a server's bin folder."""

from __future__ import annotations

import os
from pathlib import Path

from scripts.servers.account import Account
from scripts.servers.cluster import Node

BRIEF_JVM = "-XX:TieredStopAtLevel=1"  # what lives for seconds gains nothing from the optimising compiler


def environment(node: Node, java_home: Path) -> dict[str, str]:
    """Return the environment of a node's programs: nothing of the caller's but its search path."""
    return {
        "PATH": os.pathsep.join(filter(None, [os.environ.get("PATH"), "/usr/local/bin", "/usr/bin", "/bin"])),
        "LANG": "C.UTF-8",
        "HOME": str(node.folder / "tmp"),
        "ES_JAVA_HOME": str(java_home),
        "ES_PATH_CONF": str(node.folder / "config"),
        "ES_TMPDIR": str(node.folder / "tmp"),
        "CLI_JAVA_OPTS": BRIEF_JVM,
    }


def tool(
    node: Node, home: Path, java_home: Path, account: Account, program: str, *arguments: str, text: str | None = None
) -> str:
    """Run one of the server's programs on a node's configuration and return what it printed."""
    command: list[str | Path] = [home / "bin" / program, *arguments]
    return account.run(command, env=environment(node, java_home), cwd=node.folder, text=text)
