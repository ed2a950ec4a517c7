"""Hashes of large files, computed once: what they are does not change while size and time of change stay."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from hybrid_search.embedders.atomic_files import sha256_of, write_whole
from hybrid_search.embedders.graph_cache import cache_folder


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
    digest = sha256_of(real)
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        write_whole(note, json.dumps({"seen": seen, "sha256": digest}).encode("ascii"))
    return digest
