"""From what the command line names, an id, the start of one, a path or a location, to the thing itself."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from hybrid_search.backends import Backend
    from hybrid_search.backends.elasticsearch import Server
    from hybrid_search.document.document import Document
    from hybrid_search.index import HybridIndex

_ID_START = re.compile("[0-9a-f]{6,63}")
_SHOWN = 4
"""How many pictures are listed where it is not clear which is meant."""


@dataclass(frozen=True)
class Settings:
    """What stands before the command: where the index is, its name there, and what was typed for the server."""

    index: str | None = None
    name: str = "images"
    config: str | None = None
    server: Mapping[str, Any] = field(default_factory=dict, repr=False)


def default_location() -> str:
    """Return the folder of the index that is used when none is named: one for each user."""
    import platformdirs

    return os.path.join(platformdirs.user_data_dir("hybrid-search", appauthor=False), "index")


def place_of(context: typer.Context, location: str | None) -> str:
    """Return the location as it may be shown: that of the command, the program's options or the environment."""
    from hybrid_search.backends.registry import shown

    place, server = _where(context, location)
    if place is None:
        return f"cloud:{str(server and server.cloud_id).partition(':')[0]}"
    return shown(place)


def server_of(context: typer.Context, url: str | None) -> Server:
    """Return the options for a server: what was typed, the environment and the configuration file, in this order."""
    from hybrid_search.backends.elasticsearch.server import Server

    settings = context.ensure_object(Settings)
    return Server.load(url, config=settings.config).with_options(**settings.server)


def _where(context: typer.Context, location: str | None) -> tuple[str | None, Server | None]:
    """Return location and server of the index: None in place of the one for the cloud, of the other for a folder."""
    settings = context.ensure_object(Settings)
    place = location or settings.index
    if place is None and (server := server_of(context, None)).cloud_id:
        return None, server
    place = place or default_location()
    if "://" in place:
        return place, server_of(context, place)
    return os.path.expanduser(place), None


def check_one_server(context: typer.Context, *locations: str | None) -> None:
    """Refuse options for a server where no location is one, and typed secrets that would go to two servers."""
    from hybrid_search.backends.registry import shown

    typed = context.ensure_object(Settings).server
    servers = {shown(place) for place in locations if place is None or "://" in place}
    option = next((name for name in ("api_key", "password", *typed) if name in typed), None)
    if option is not None and not servers:
        written = f"--{option.replace('_', '-')}"
        raise typer.BadParameter(f"{written} is for a server, and {locations[0]} is a folder; name a URL by --index")
    if option in ("api_key", "password") and len(servers) > 1:
        raise typer.BadParameter(
            "a key or password that is typed would go to both servers; give each its own in the configuration file"
        )


def open_index(
    context: typer.Context,
    location: str | None,
    *,
    create: bool = False,
    embedder: str | Sequence[str] | None = None,
    max_megapixels: int | None = None,
    memory: int | None = None,
) -> HybridIndex:
    """Open the index at `place_of`, for pictures of at most `max_megapixels` million pixels, in `memory` megabytes.

    Raises
    ------
    IndexNotFound
        When there is none, and none is to be made.
    """
    from hybrid_search.images import DEFAULT_LIMITS
    from hybrid_search.index import HybridIndex

    limits = DEFAULT_LIMITS if max_megapixels is None else replace(DEFAULT_LIMITS, max_pixels=max_megapixels * 10**6)
    limits = limits if memory is None else replace(limits, memory=memory * 10**6)
    name = context.ensure_object(Settings).name
    place, server = _where(context, location)
    check_one_server(context, place)
    return HybridIndex(place, name=name, embedder=embedder, create=create, limits=limits, server=server)


def backend_at(context: typer.Context, location: str | None, *, name: str | None = None) -> Backend:
    """Return the place of an index without opening it: no embedder is needed to look after one."""
    from hybrid_search.backends.registry import open_backend

    place, server = _where(context, location)
    return open_backend(place, name=name or context.ensure_object(Settings).name, server=server)


def find_document(index: HybridIndex, named: str, *, vectors: bool = False) -> Document:
    """Return the document with this id, that of the picture at this path, or the only one that is meant by less.

    Less is the start of an id, or the name of a file without its folder, where no file of this name is in the present
    folder.

    Raises
    ------
    DocumentNotFound
        When there is none.
    typer.BadParameter
        When several are meant.
    """
    from hybrid_search.errors import DocumentNotFound

    try:
        return index.get(named, vectors=vectors)
    except DocumentNotFound:
        clauses: dict[str, dict[str, Any]] = {}
        if _ID_START.fullmatch(named):
            clauses["id begins with"] = {"prefix": {"sha256": named}}
        if not re.search(r"[/\\]|^~|^-?$", named) and not os.path.lexists(named):
            # names from macOS have accents apart from their letters, and are typed with both in one
            forms = {named, unicodedata.normalize("NFC", named), unicodedata.normalize("NFD", named)}
            clauses["picture is named"] = {"terms": {"filename": sorted(forms)}}
        for relation, clause in clauses.items():
            if id := _only(index, clause, f"{relation} {named!r}"):
                return index.get(id, vectors=vectors)
        raise


def _only(index: HybridIndex, clause: Mapping[str, Any], meant: str) -> str | None:
    body = {"query": {"bool": {"filter": [clause]}}, "size": _SHOWN, "_source": ["path"], "track_total_hits": True}
    found = index.backend.search(body)["hits"]
    hits, number = found["hits"], int(found["total"]["value"])
    if number > 1:
        shown = [str(next(iter(hit["_source"].get("path") or ()), hit["_id"])) for hit in hits]
        more = f", and {number - _SHOWN:,} more" if number > _SHOWN else ""
        raise typer.BadParameter(f"more than one {meant}: {', '.join(shown)}{more}; name one by its whole path")
    return str(hits[0]["_id"]) if hits else None


def picture(named: str) -> str | bytes:
    """Return a query image as the library takes it; "-" reads stdin, a file that is not there is a usage error."""
    if named == "-":
        import sys

        return sys.stdin.buffer.read()
    if "://" not in named and not Path(os.path.expanduser(named)).is_file():
        raise typer.BadParameter(f"no file {named!r}")
    return named if "://" in named else os.path.expanduser(named)
