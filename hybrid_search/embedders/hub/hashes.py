"""Hashes of large files, computed once: what they are does not change while size and time of change stay."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from hybrid_search.embedders.graph_cache import cache_folder

__all__ = ["file_sha256"]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal; of one seen before with this size and time, from a note of it.

    Reading a gigabyte takes a second or more, which opening an index must not; where notes cannot be kept, the file is
    read each time.
    """
    real = path.resolve()
    stat = real.stat()
    seen = [stat.st_size, stat.st_mtime_ns]
    note = cache_folder() / "hashes" / f"{hashlib.sha256(os.fsencode(real)).hexdigest()[:32]}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        written = json.loads(note.read_text(encoding="ascii"))
        if written["seen"] == seen:
            return str(written["sha256"])
    digest = _digest(real)
    with suppress(OSError):
        _write(note, json.dumps({"seen": seen, "sha256": digest}))
    return digest


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
    os.replace(name, path)
