"""Names of places by offline reverse geocoding: GeoNames' cities of a thousand people and more."""

from __future__ import annotations

import math
import threading
from importlib import util

from hybrid_search.metadata.fields import FIELDS
from hybrid_search.metadata.model import Metadata

__all__ = ["MAX_KM", "add_places", "place_fields", "places_available"]

MAX_KM = 100.0
"""Kilometres from the nearest city beyond which a position has no place: the open sea, the ice."""

_loading = threading.Lock()


def places_available() -> bool:
    """Tell whether the package that knows the places is installed: `pip install "hybrid-search[places]"`."""
    return util.find_spec("reverse_geocode") is not None


def place_fields(lat: float, lon: float) -> dict[str, str]:
    """Return the place nearest to a position as fields, empty when it is far from any or when the package is absent.

    Parameters
    ----------
    lat, lon : float
        Degrees north and east.

    Returns
    -------
    dict of str to str
        "place.city", "place.region", "place.country" and "place.country_code" (ISO 3166, two letters).
    """
    if not places_available() or not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return {}
    # the first call loads the data, a second or two that two threads should not both spend
    with _loading:
        import reverse_geocode

        # the package compares plain degrees: cities beyond the date line are near only to the other way to count them
        found = reverse_geocode.search([(lat, lon), (lat, lon - 360 if lon > 0 else lon + 360)])
    kilometres, nearest = min(
        ((_kilometres(lat, lon, city["latitude"], city["longitude"]), city) for city in found), key=lambda pair: pair[0]
    )
    if kilometres > MAX_KM:
        return {}
    names = {
        "place.city": nearest.get("city"),
        "place.region": nearest.get("state"),
        "place.country": nearest.get("country"),
        "place.country_code": nearest.get("country_code"),
    }
    return {name: str(FIELDS[name](value)) for name, value in names.items() if value}


def add_places(metadata: Metadata) -> Metadata:
    """Return metadata with the place of its location, unless it has a location and names of a place already."""
    location = metadata.fields.get("location")
    if not isinstance(location, dict) or any(name.startswith("place.") for name in metadata.fields):
        return metadata
    places = place_fields(location["lat"], location["lon"])
    return Metadata({**metadata.fields, **places}, metadata.exif, metadata.warnings) if places else metadata


def _kilometres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Return the great-circle distance by the haversine formula."""
    lat, lon, other_lat, other_lon = (math.radians(angle) for angle in (lat, lon, other_lat, other_lon))
    half = (
        math.sin((other_lat - lat) / 2) ** 2
        + math.cos(lat) * math.cos(other_lat) * math.sin((other_lon - lon) / 2) ** 2
    )
    return 2 * 6371.0 * math.asin(min(1.0, math.sqrt(half)))
