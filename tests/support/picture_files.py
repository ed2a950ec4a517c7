"""Members, groups and trees of real files, for the tests of what is done with copies."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hybrid_search.document.document import FileFacts
from hybrid_search.duplicates.model import DuplicateGroup, Member
from hybrid_search.hits.evidence import Evidence, Tier


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(path: Path, data: bytes, *, mtime: float | None = None, mode: int | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if mtime is not None:
        os.utime(path, (mtime, mtime))
    if mode is not None:
        path.chmod(mode)
    return path


def described(path: str | Path, *, tier: Tier | None = None, id: str | None = None, **source: Any) -> Member:
    """Return a member for a file that need not be there."""
    facts = FileFacts(str(path), bytes=source.pop("size", 1000), mtime_ns=source.pop("mtime_ns", 10**18))
    whole = {"sha256": str(path), "width": 400, "height": 300, "files": [facts.to_json()], **source}
    return Member(id or str(whole["sha256"]), str(path), Evidence(tier) if tier else None, whole)


def indexed(path: Path, *, tier: Tier | None = None, id: str | None = None, **source: Any) -> Member:
    """Return a member for a file as an index knows it."""
    data, status = path.read_bytes(), path.stat()
    facts = FileFacts(str(path), status.st_size, status.st_mtime_ns)
    whole = {"sha256": sha256(data), "bytes": len(data), "files": [facts.to_json()], **source}
    return Member(id or sha256(data), str(path), Evidence(tier) if tier else None, whole)


def grouped(members: Sequence[Member]) -> DuplicateGroup:
    """Return the group of which the first member is the representative."""
    return DuplicateGroup(members[0].id, tuple(members))


def copies(paths: Sequence[Path], tier: Tier = "bytes") -> DuplicateGroup:
    """Return a group of files, the first its representative."""
    return grouped([indexed(path, tier=tier if number else None) for number, path in enumerate(paths)])


def tree(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Return everything below a folder: kind, mode, and of files bytes and time of change; links by what they say."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status, name = path.lstat(), str(path.relative_to(folder))
        if stat.S_ISLNK(status.st_mode):
            found[name] = ("link", os.readlink(path))
        elif stat.S_ISDIR(status.st_mode):
            found[name] = ("folder", stat.S_IMODE(status.st_mode))
        elif not stat.S_ISREG(status.st_mode):
            found[name] = ("other", stat.S_IFMT(status.st_mode))
        else:
            mode = stat.S_IMODE(status.st_mode)
            found[name] = ("file", mode, status.st_mtime_ns, status.st_size, sha256(path.read_bytes()))
    return found


def pictures(folder: Path) -> set[str]:
    """Return the sha256 of every file below a folder that can be read."""
    return {sha256(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}
