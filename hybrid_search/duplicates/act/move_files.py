"""Files put elsewhere, replaced by links and brought back: nothing is ever overwritten, and no step loses bytes."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from hybrid_search.duplicates.act.journal import sync_folder
from hybrid_search.duplicates.act.verified_file import hash_open
from hybrid_search.errors import ActionRefused

_CHUNK = 1 << 20  # bytes read at once


def move(source: str, target: str, part: str | None, *, sha256: str, check: Callable[[], None] | None = None) -> None:
    """Move a file to a name that is free, to another drive as well.

    Parameters
    ----------
    source, target : str
        From where to where; the target's folder is there.
    part : str
        A name in the target's folder for an unfinished copy; None where both folders are one.
    sha256 : str
        Of the file's bytes: a copy on another drive is read back before the source goes.
    check : callable, optional
        Asked before the source goes; raises to have everything stay as it is.

    Raises
    ------
    FileExistsError
        When the target's name is taken.
    OSError
        When it cannot be done; the source is where it was.
    """
    before = os.lstat(source)
    try:
        # an empty file holds the name: renaming alone would overwrite what another program put there
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise
    except BaseException:
        _discard_empty(target)
        raise
    try:
        if check is not None:
            check()
        try:
            os.replace(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV or part is None:
                raise
            _copy(source, part, sha256)
            os.replace(part, target)
            sync_folder(os.path.dirname(target))
            if check is not None:
                check()
            if _identity(os.lstat(source)) != _identity(before):
                raise ActionRefused(source, "it has changed meanwhile") from None
            os.unlink(source)
    except BaseException:
        # even when it was interrupted right after the last step: what was moved is never taken for a leftover
        if _is_still(source, before):
            if part is not None:
                discard(part)
            discard(target)
        raise
    sync_folder(os.path.dirname(target))
    sync_folder(os.path.dirname(source))


def replace_by_link(path: str, kept: str, part: str, *, symbolic: bool) -> str:
    """Put a link to a kept file in the place of a file, in one step; returns what a symbolic link says.

    Parameters
    ----------
    path, kept : str
        The file that goes, and the file that stays.
    part : str
        A name in the folder of `path` for the new link.
    """
    text = ""
    try:
        if symbolic:
            text = link_text(path, kept)
            os.symlink(text, part)
        else:
            os.link(kept, part, follow_symlinks=False)
        if not os.path.samefile(part, kept):
            raise ActionRefused(path, "the link does not lead to the kept file")
        os.replace(part, path)
    finally:
        discard(part)
    sync_folder(os.path.dirname(path))
    return text


def link_text(path: str, kept: str) -> str:
    """Return what a symbolic link at a path says: relative, so that both can be moved together."""
    return os.path.relpath(os.path.realpath(kept), os.path.realpath(os.path.dirname(path)))


def put_back(path: str, part: str, descriptor: int, record: Mapping[str, Any]) -> str:
    """Put a file's own bytes in the place of a link: copied from an open file, with the file's times and mode.

    Returns what could not be restored, as `restore_facts` does.

    Parameters
    ----------
    path : str
        Where the link is.
    part : str
        A name in the same folder for the unfinished copy.
    descriptor : int
        An open file of the same bytes.
    record : mapping
        What `describe` said of the file.
    """
    discard(part)
    try:
        _copy_open(descriptor, part, str(record["sha256"]))
        lacking = restore_facts(part, record)
        os.replace(part, path)
    finally:
        discard(part)
    sync_folder(os.path.dirname(path))
    return lacking


def unlink(path: str, before: os.stat_result) -> None:
    """Remove a file for good, unless it is another than it was."""
    if not _is_still(path, before):
        raise ActionRefused(path, "it has changed meanwhile")
    os.unlink(path)
    sync_folder(os.path.dirname(path))


def describe(status: os.stat_result, path: str) -> dict[str, Any]:
    """Return what a file has beside its bytes: times, mode, owner, extended attributes of the user's."""
    return {
        "bytes": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "atime_ns": status.st_atime_ns,
        "mode": status.st_mode & 0o7777,
        "owner": [status.st_uid, status.st_gid],
        "attributes": _attributes(path),
    }


def restore_facts(path: str, record: Mapping[str, Any]) -> str:
    """Give a file the times, mode, owner and attributes that `describe` noted; returns in words what it lacks."""
    for name, value in record["attributes"].items():
        with suppress(OSError, AttributeError):
            os.setxattr(path, name, base64.b64decode(value))
    status = os.lstat(path)
    if [status.st_uid, status.st_gid] != list(record["owner"]):
        with suppress(OSError, AttributeError):
            os.chown(path, *record["owner"])
    with suppress(OSError):
        os.chmod(path, record["mode"])
    with suppress(OSError):
        os.utime(path, ns=(record["atime_ns"], record["mtime_ns"]))
    status = os.lstat(path)
    lacks = {
        "its mode": status.st_mode & 0o7777 != record["mode"],
        "its times": status.st_mtime_ns != record["mtime_ns"],
    }
    named = [name for name, lacking in lacks.items() if lacking]
    return f"{' and '.join(named)} could not be restored" if named else ""


def put_aside_back(aside: str, path: str, *, sha256: str) -> None:
    """Give a file its name again after it had another for a moment, also on a drive too full for one more name."""
    try:
        move(aside, path, None, sha256=sha256)
    except OSError as error:
        if not isinstance(error, FileExistsError) and not os.path.lexists(path):
            os.rename(aside, path)
            return
        raise OSError(error.errno, f"{error.strerror}; it could not be put back and lies at {aside}") from error


def discard(path: str) -> None:
    """Remove a temporary file, if it is there."""
    with suppress(OSError):
        os.unlink(path)


def _discard_empty(path: str) -> None:
    with suppress(OSError):
        if os.lstat(path).st_size == 0:
            os.unlink(path)


def _copy(source: str, part: str, sha256: str) -> None:
    discard(part)
    descriptor = os.open(source, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    try:
        _copy_open(descriptor, part, sha256)
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    with suppress(OSError, AttributeError):
        os.chown(part, status.st_uid, status.st_gid)
    with suppress(OSError):
        shutil.copystat(source, part, follow_symlinks=False)


def _copy_open(descriptor: int, part: str, sha256: str) -> None:
    """Copy an open file into a new one, make it durable, and read it back."""
    digest = hashlib.sha256()
    os.lseek(descriptor, 0, os.SEEK_SET)
    copy = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        while chunk := os.read(descriptor, _CHUNK):
            digest.update(chunk)
            while chunk:
                chunk = chunk[os.write(copy, chunk) :]
        os.fsync(copy)
        if digest.hexdigest() != sha256 or hash_open(copy) != sha256:
            raise OSError(errno.EIO, "the copy does not have the same bytes")
    finally:
        os.close(copy)


def _is_still(path: str, before: os.stat_result) -> bool:
    try:
        return _identity(os.lstat(path)) == _identity(before)
    except OSError:
        return False


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _attributes(path: str) -> dict[str, str]:
    found: dict[str, str] = {}
    with suppress(OSError, AttributeError):
        for name in os.listxattr(path):
            if name.startswith("user."):
                found[name] = base64.b64encode(os.getxattr(path, name)).decode()
    return found
