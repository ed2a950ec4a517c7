"""Names of places by offline reverse geocoding: GeoNames' cities of a thousand people and more."""

from __future__ import annotations

import threading
from importlib import util

from hybrid_search.metadata.fields import FIELDS
from hybrid_search.metadata.model import Metadata

MAX_KM = 100.0
"""Kilometres from the nearest settlement beyond which a position has no place: the open sea, the ice."""

_loading = threading.Lock()


def places_available() -> bool:
    """Tell whether the package that knows the places is installed: `pip install "hybrid-search[places]"`."""
    return util.find_spec("reverse_geocode") is not None


def place_fields(lat: float, lon: float) -> dict[str, str]:
    """Return the place of a position as fields, empty when it is far from any or when the package is absent.

    Parameters
    ----------
    lat, lon : float
        Degrees north and east.

    Returns
    -------
    dict of str to str
        "place.settlement", the nearest village, town or part of a city; "place.city", the city that people would name:
        the settlement itself, or the one it is a part of; "place.region", "place.country" and "place.country_code"
        (ISO 3166, two letters).
    """
    if not places_available() or not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return {}
    # the first call loads the data, a second or two that two threads should not both spend
    with _loading:
        from hybrid_search.metadata.gazetteer import gazetteer

        known = gazetteer()
    settlement, kilometres = known.nearest(lat, lon)
    if kilometres > MAX_KM:
        return {}
    city = known.city(lat, lon, settlement)
    names = {
        "place.settlement": settlement.name,
        "place.city": city.name,
        "place.region": city.state,
        "place.country": known.countries.get(city.country),
        "place.country_code": city.country,
    }
    return {name: str(FIELDS[name](value)) for name, value in names.items() if value}


def add_places(metadata: Metadata) -> Metadata:
    """Return metadata with the place of its location, unless somebody has written of which city or country it is."""
    location = metadata.fields.get("location")
    written = {name for name in metadata.fields if name.startswith("place.")} - {"place.sublocation"}
    if not isinstance(location, dict) or written:
        return metadata
    places = place_fields(location["lat"], location["lon"])
    return Metadata({**metadata.fields, **places}, metadata.exif, metadata.warnings) if places else metadata
