"""Which backend serves which location."""

from __future__ import annotations

from pathlib import Path

from hybrid_search.backends import Backend
from hybrid_search.errors import BackendUnavailable

__all__ = ["open_backend"]

_LONGEST = 255


def open_backend(location: str | Path | None, *, name: str) -> Backend:
    """Return the backend for a location; nothing is created, locked or connected yet.

    Parameters
    ----------
    location : str, Path or None
        None keeps everything in memory; a path is the folder of embedded indexes.
    name : str
        The index at that location: a sub-folder, at most 255 lower-case letters, digits, "-" and "_".

    Raises
    ------
    BackendUnavailable
        When no backend serves the location, or the name cannot be a folder's.
    """
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii() or name != name.lower():
        raise BackendUnavailable(repr(name), "an index name has lower-case letters, digits, '-' and '_' only")
    if len(name) > _LONGEST:
        raise BackendUnavailable(f"'{name[:20]}…'", f"an index name has at most {_LONGEST} letters, got {len(name)}")
    if isinstance(location, str) and "://" in location:
        scheme = location.split("://", 1)[0]
        raise BackendUnavailable(f"{scheme}://…", "this version serves embedded indexes only; pass a folder")
    from hybrid_search.backends.embedded import EmbeddedBackend

    return EmbeddedBackend(None if location is None else Path(location).expanduser() / name)
