"""A new version of an embedded index beside the one in use, put in its place by two renames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid_search.backends.embedded.index_folder import Folder
from hybrid_search.backends.embedded.orphan_files import foreign
from hybrid_search.errors import BackendUnavailable, IndexLocked

if TYPE_CHECKING:
    from hybrid_search.backends.embedded.backend import EmbeddedBackend


@contextmanager
def new_version(
    folder: Folder | None, definition: Mapping[str, Any], *, keep: Path | None = None
) -> Iterator[EmbeddedBackend]:
    """Give a new, empty index, which takes the place of the one in `folder` at the end of the block.

    That one goes to `keep`, or is removed. The caller holds the lock of the index in use, when there is one. A block
    that fails leaves nothing behind.

    Raises
    ------
    IndexLocked
        When another process is building a version.
    BackendUnavailable
        When other files are in the place of the version, or of the index where there is none yet.
    """
    from hybrid_search.backends.embedded.backend import EmbeddedBackend

    if folder is None:
        new = EmbeddedBackend(None)
        new.create(definition)
        yield new
        new.refresh()
        return
    if not folder.exists():
        folder.demand_free()
    successor = folder.successor
    _clear(successor)
    new = EmbeddedBackend(successor.path)
    try:
        new.create(definition)
        yield new
        new.close()
        folder.take_place(keep=keep)
    except IndexLocked:
        raise
    except BaseException:
        try:
            new.close()
        finally:
            successor.remove()
        raise


def _clear(successor: Folder) -> None:
    """Remove what a process left that was killed while it built a version: its lock is free."""
    successor.lock()
    try:
        if others := foreign(successor.path):
            raise BackendUnavailable(
                str(successor.path), f"a new version is to be built there, and it holds other files ({others[0]!r})"
            )
        successor.remove()
    finally:
        successor.unlock()
