"""A new version of an embedded index beside the one in use, put in its place by two renames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.embedded.folder import Folder
from hybrid_search.errors import IndexLocked

if TYPE_CHECKING:
    from hybrid_search.backends.embedded.backend import EmbeddedBackend

__all__ = ["new_version"]


@contextmanager
def new_version(folder: Folder | None, definition: Mapping[str, Any]) -> Iterator[EmbeddedBackend]:
    """Give a new, empty index, which takes the place of the one in `folder` at the end of the block.

    The caller holds the lock of the index in use, when there is one. A block that fails leaves nothing behind.

    Raises
    ------
    IndexLocked
        When another process is building a version.
    """
    from hybrid_search.backends.embedded.backend import EmbeddedBackend

    if folder is None:
        new = EmbeddedBackend(None)
        new.create(definition)
        yield new
        new.refresh()
        return
    successor = folder.successor
    successor.lock()
    try:
        if successor.exists() or any(successor.path.iterdir()):
            # left by a process that was killed: its lock is free
            successor.unlock()
            successor.remove()
    finally:
        successor.unlock()
    new = EmbeddedBackend(successor.path)
    try:
        new.create(definition)
        yield new
        new.close()
        folder.take_place()
    except IndexLocked:
        raise
    except BaseException:
        new.close()
        successor.remove()
        raise
