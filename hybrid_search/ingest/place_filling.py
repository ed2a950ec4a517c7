"""Names of places for pictures that were indexed before the package that knows the places was installed."""

from __future__ import annotations

from typing import Any

from hybrid_search.backends import Action, Backend, Stored
from hybrid_search.backends.optimistic_update import change_document
from hybrid_search.ingest.catalog import lies_below
from hybrid_search.ingest.text_updates import added_fields
from hybrid_search.metadata import Metadata, place_fields, places_available

_NAMES = ("place.settlement", "place.city", "place.region", "place.country", "place.country_code")
"""Whoever wrote one of them knows the place; `add_places` leaves it alone too."""


def fill_places(backend: Backend, root: str) -> tuple[int, int]:
    """Give pictures that have a position and no place its names; no file is opened and no vector computed.

    Parameters
    ----------
    backend : Backend
    root : str
        The file or folder under way.

    Returns
    -------
    placed, unplaced : int
        Pictures that have names now; pictures that would have some if the extra `places` were installed.
    """
    nameless = _nameless(root)
    if not places_available():
        return 0, backend.count(nameless)
    positions = [(id, source["location"]) for id, source in backend.scan(nameless, fields=("location",))]
    named = [id for id, at in positions if place_fields(at["lat"], at["lon"])]
    for id in named:
        change_document(backend, id, lambda stored, id=id: _with_place(id, stored))  # type: ignore[misc]
    if named:
        backend.refresh()
    return len(named), 0


def _nameless(root: str) -> dict[str, Any]:
    has_names = [{"exists": {"field": name}} for name in _NAMES]
    return {"bool": {"filter": [lies_below(root), {"exists": {"field": "location"}}], "must_not": has_names}}


def _with_place(id: str, stored: Stored | None) -> Action | None:
    position = stored.source.get("location") if stored else None
    if stored is None or not position:
        # another writer has removed the picture or its position meanwhile
        return None
    return Action("update", id, added_fields(stored.source, Metadata({"location": position})))
