"""Which backend serves which location."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hybrid_search.backends import Backend
from hybrid_search.errors import BackendUnavailable

if TYPE_CHECKING:
    from hybrid_search.backends.elasticsearch.server import Server

_LONGEST = 255
"""Bytes of an index's name, as with Elasticsearch."""


def open_backend(location: str | Path | None, *, name: str, server: Server | None = None) -> Backend:
    """Return the backend for a location; nothing is created, locked or connected yet.

    Parameters
    ----------
    location : str, Path or None
        None keeps everything in memory, unless the server has a `cloud_id`; a path is the folder of embedded indexes,
        an http or https URL, or several separated by commas, an Elasticsearch server.
    name : str
        The index at that location: a sub-folder or an alias, at most 255 lower-case letters, digits, "-" and "_".
    server : Server, optional
        Credentials and options for a URL; by default what environment and configuration file say.

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
        from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server

        return ElasticsearchBackend(location, name=name, server=server or Server.load(location))
    if location is None and server is not None and server.cloud_id:
        from hybrid_search.backends.elasticsearch import ElasticsearchBackend

        return ElasticsearchBackend(None, name=name, server=server)
    from hybrid_search.backends.embedded import EmbeddedBackend

    return EmbeddedBackend(None if location is None else Path(os.path.expanduser(location)) / name)


def shown(location: str | Path | None) -> str:
    """Return a location as messages may have it, without user name and password; "" for None.

    Examples
    --------
    >>> shown("http://me:secret@one:9200"), shown("/home/me/photos"), shown(None)
    ('http://one:9200', '/home/me/photos', '')
    """
    if not isinstance(location, str) or "://" not in location:
        return "" if location is None else str(location)
    from hybrid_search.backends.elasticsearch.location import without_secrets

    return without_secrets(location)
