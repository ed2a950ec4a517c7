"""Files that are there whole or not at all, and their hashes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

_BLOCK = 1 << 20
"""Bytes that are read at once; chosen, not measured."""


def write_whole(path: Path, content: bytes, *, shared: bool = False) -> None:
    """Write a file such that readers, and a crash of this process, see the old one or the new one, whole.

    Parameters
    ----------
    path : Path
        Of the file, in a folder that is there.
    content : bytes
        All of it.
    shared : bool
        Whether it is more than a cache for this user: it then has the permissions of any new file, and is on the disk
        before it stands in the old one's place, should the machine fail.

    Raises
    ------
    OSError
        When it cannot be written; the old file is still there, and nothing beside it.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if shared:
                file.flush()
                os.fsync(file.fileno())
        if shared:
            # mkstemp makes files for their owner alone
            with suppress(OSError):
                os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def sha256_of(*paths: Path) -> str:
    """Return the SHA-256 of a file, or of several one behind the other, in hexadecimal; never has one whole in memory.

    Examples
    --------
    >>> sha256_of()[:12]
    'e3b0c44298fc'
    """
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
