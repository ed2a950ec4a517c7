"""What tantivy and the file system raise, as errors of this library."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hybrid_search.errors import BackendUnavailable, HybridSearchError, IndexCorrupt, StorageFull

HEAP = 50_000_000
"""Bytes that the writer collects in memory before it writes a segment."""

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_FULL_WORDS = ("No space left", "File too large", "quota exceeded", "not enough space")
_DENIED = ("PermissionDenied", "ReadOnlyFilesystem")
_UNREADABLE = ("IO error", "IoError", "Data corrupted", "Data corruption", "decompress", "Internal error")
_LONGEST = 200
"""Characters of a panic that are shown: it may quote a whole file."""
_KILLED = "index writer was killed"


def is_full(error: OSError) -> bool:
    """Tell whether an error says that the disk, a quota or the size of a file is used up."""
    return error.errno in _FULL


def is_denied(error: ValueError) -> bool:
    """Tell whether tantivy was not allowed to write."""
    return any(words in str(error) for words in _DENIED)


@contextmanager
def guarded(location: str) -> Iterator[None]:
    """Turn the errors of a full disk, or of files that cannot be read, into StorageFull and IndexCorrupt."""
    try:
        yield
    except HybridSearchError:
        raise
    except OSError as error:
        if is_full(error):
            raise StorageFull(location) from error
        raise BackendUnavailable(location, str(error.strerror or error)) from error
    except ValueError as error:
        message = str(error)
        if any(words.lower() in message.lower() for words in _FULL_WORDS):
            raise StorageFull(location) from error
        if _KILLED in message:
            # tantivy's indexing thread keeps the reason to itself.
            if not _has_room(Path(location)):
                raise StorageFull(location) from error
            raise BackendUnavailable(location, f"writing failed ({message})") from error
        if is_denied(error):
            raise BackendUnavailable(location, "you may not write there; change its permissions, or copy it") from error
        raise IndexCorrupt(location, message) from error


@contextmanager
def reading(location: str) -> Iterator[None]:
    """Turn what damaged files make of reading into IndexCorrupt: panics of tantivy, and documents that are no JSON."""
    try:
        yield
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise IndexCorrupt(location, f"a document cannot be read ({error})") from error
    except ValueError as error:
        if type(error) is ValueError and any(words in str(error) for words in _UNREADABLE):
            raise IndexCorrupt(location, str(error)) from error
        raise
    except BaseException as error:
        # no class to import: each extension module makes its own, and it is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise IndexCorrupt(location, f"its documents cannot be read ({str(error)[:_LONGEST]})") from error


def _has_room(folder: Path) -> bool:
    """Tell whether as much can be written as a writer holds in memory before it writes."""
    if not folder.is_dir():
        return True
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, HEAP)
            return shutil.disk_usage(folder).free > HEAP
    except OSError:
        return False
