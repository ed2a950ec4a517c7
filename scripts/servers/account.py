"""The unprivileged account that runs the servers when root starts them."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.servers.failures import Failure

NOBODY = 65534


@dataclass(frozen=True)
class Account:
    """Who runs a server: `uid` and `gid` are None where that is whoever runs the script."""

    uid: int | None
    gid: int | None

    @classmethod
    def current(cls) -> Account:
        """Return `nobody` for root, whom Elasticsearch refuses, and everybody else as they are."""
        if os.geteuid() != 0:
            return cls(None, None)
        try:
            entry = pwd.getpwnam("nobody")
        except KeyError:
            return cls(NOBODY, NOBODY)
        return cls(entry.pw_uid, entry.pw_gid)

    @property
    def process(self) -> dict[str, Any]:
        """The arguments of `subprocess` that make a program run as this account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, tree: Path) -> None:
        """Make this account the owner of a tree."""
        if self.uid is None or self.gid is None:
            return
        for path in (tree, *tree.rglob("*")):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def run(
        self, command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path, text: str | None = None
    ) -> str:
        """Run a program to its end as this account and return what it printed on both streams.

        Raises
        ------
        Failure
            The program could not be run, or ended with another code than 0.
        """
        try:
            done: subprocess.CompletedProcess[str] = subprocess.run(
                [str(part) for part in command],
                env=dict(env) if env is not None else None,
                cwd=cwd,
                input=text or "",
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                **self.process,
            )
        except OSError as error:
            raise Failure(f"{Path(command[0]).name} could not be run: {error}") from error
        if done.returncode:
            lines = [line for line in done.stdout.splitlines() if line.strip()] or ["no output"]
            raise Failure(f"{Path(command[0]).name} ended with code {done.returncode}: {lines[-1].strip()}")
        return done.stdout

    def check_reach(self, path: Path) -> None:
        """Raise `Failure` where this account may not enter a folder above `path`."""
        if self.uid is None:
            return
        for each in reversed((path, *path.parents)):
            state = each.stat()
            if not state.st_mode & 0o001 and state.st_uid != self.uid:
                raise Failure(
                    f"the account that runs the server may not enter {each}; "
                    "set HYBRID_SEARCH_SERVERS to a folder that everybody may read"
                )
