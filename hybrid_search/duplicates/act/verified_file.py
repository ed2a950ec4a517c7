"""A file that is held open while something is done about it: its bytes verified, its name watched."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from hybrid_search.duplicates.act.file_lock import lock
from hybrid_search.errors import ActionRefused

_CHUNK = 1 << 20  # bytes read at once
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CHANGED = "it has changed since it was indexed; index its folder again"


@dataclass
class VerifiedFile:
    """An open regular file.

    Parameters
    ----------
    path : str
        The name that led to it.
    descriptor : int
        The open file.
    status : os.stat_result
        Of the open file when it was verified.
    """

    path: str
    descriptor: int
    status: os.stat_result

    @property
    def place(self) -> tuple[int, int]:
        """Device and number, the same for all names of one file."""
        return self.status.st_dev, self.status.st_ino

    def check(self) -> None:
        """Raise ActionRefused unless the name still leads to this file, unchanged.

        It is opened anew for that, as file systems of other machines may answer the mere question from memory.
        """
        try:
            descriptor = os.open(self.path, _OPEN)
        except OSError as error:
            raise ActionRefused(self.path, f"it has vanished meanwhile ({error.strerror})") from error
        try:
            now = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if _identity(now) != _identity(self.status):
            raise ActionRefused(self.path, "it has changed meanwhile")

    def renew(self) -> None:
        """Take the file as it is now for unchanged, after a link to it was made."""
        self.status = os.fstat(self.descriptor)

    def let_go(self) -> None:
        """Close the file where an open one can be neither renamed nor removed."""
        if os.name == "nt":
            self.close()

    def close(self) -> None:
        """Close the file; calling it twice is harmless."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


@contextmanager
def hold(
    path: str,
    *,
    sha256: str,
    bytes: int | None = None,
    mtime_ns: int | None = None,
    alone: bool,
    look_only: bool = False,
    changed: str = _CHANGED,
) -> Iterator[VerifiedFile]:
    """Open a file, verify that it is what was indexed, and keep others of this library from changing it.

    Parameters
    ----------
    path : str
        The file; a symbolic link is refused.
    sha256 : str
        What its bytes must have.
    bytes, mtime_ns : int, optional
        What its size and time of change must be.
    alone : bool
        Whether it is to be changed, so that nobody else may hold it.
    look_only : bool
        Neither read the bytes nor lock, as a dry run does.
    changed : str
        What is said of a file that is another now.

    Raises
    ------
    ActionRefused
        When it is not there, no regular file, changed, or in use.
    """
    held = _open(path)
    try:
        if bytes is not None and held.status.st_size != bytes:
            raise ActionRefused(path, changed)
        if mtime_ns is not None and held.status.st_mtime_ns != mtime_ns:
            raise ActionRefused(path, changed)
        if not look_only:
            if not lock(held.descriptor, alone=alone):
                raise ActionRefused(path, "another program is using it")
            if hash_open(held.descriptor) != sha256:
                raise ActionRefused(path, changed)
            held.check()
            with suppress(OSError):
                # a copy made a moment ago may be in memory only, and must outlive a power cut before another goes
                os.fsync(held.descriptor)
        yield held
    finally:
        held.close()


def hash_open(descriptor: int) -> str:
    """Return the SHA-256 of an open file's bytes, from its start, hexadecimal."""
    digest = hashlib.sha256()
    os.lseek(descriptor, 0, os.SEEK_SET)
    while chunk := os.read(descriptor, _CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _open(path: str) -> VerifiedFile:
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            raise ActionRefused(path, "it is a symbolic link")
        descriptor = os.open(path, _OPEN)
    except FileNotFoundError:
        raise ActionRefused(path, "it is not there any more") from None
    except OSError as error:
        reason = "it is a symbolic link" if error.errno == errno.ELOOP else f"it cannot be read ({error.strerror})"
        raise ActionRefused(path, reason) from error
    held = VerifiedFile(path, descriptor, os.fstat(descriptor))
    if not stat.S_ISREG(held.status.st_mode):
        held.close()
        raise ActionRefused(path, "it is no regular file")
    return held


def _identity(status: os.stat_result) -> tuple[int, ...]:
    # a change of the one is a change of the other, when both are one file that no number tells to be one
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
