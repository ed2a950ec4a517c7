"""The folder, outside the repository, where servers are downloaded, unpacked and run."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.servers.failures import Failure


def folder() -> Path:
    """Return the cache's folder, made where it is missing; `HYBRID_SEARCH_SERVERS` names another one.

    Elasticsearch refuses to run as root, so root's servers run as somebody who cannot look into root's home.
    """
    named = os.environ.get("HYBRID_SEARCH_SERVERS")
    if named:
        path = Path(named).expanduser().absolute()
    elif os.geteuid() == 0:
        path = Path("/var/cache/hybrid-search/servers")
    else:
        path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hybrid-search" / "servers"
    make(path)
    return path.resolve()


def make(path: Path) -> None:
    """Make a folder and its parents, open to readers whatever the umask says."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        try:
            each.mkdir(exist_ok=True)
            each.chmod(0o755)
        except OSError as error:
            reason = error.strerror or error
            message = f"cannot make the folder {each}: {reason}; set HYBRID_SEARCH_SERVERS to a folder of yours"
            raise Failure(message) from error


def open_to_readers(tree: Path) -> None:
    """Let everybody read a tree, since the account that runs the server is not the one that unpacked it."""
    for path in (tree, *tree.rglob("*")):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        everybody = 0o555 if path.is_dir() or mode & stat.S_IXUSR else 0o444
        path.chmod(stat.S_IMODE(mode) | everybody)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the named lock of the cache; another process that wants it waits."""
    locks = folder() / "locks"
    make(locks)
    with (locks / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
