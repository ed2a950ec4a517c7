"""Places: names of positions, offline."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from hybrid_search.metadata import FIELDS, Metadata, add_places, place_fields, places, places_available
from hybrid_search.metadata.gazetteer import Gazetteer, Settlement, gazetteer, kilometres
from tests.support.places_truth import HELD_OUT, TUNED, Point

needs_places = pytest.mark.skipif(not places_available(), reason="the extra [places] is not installed")


@needs_places
@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        (48.8566, 2.3522, ("Paris", "Paris", "Île-de-France", "France", "FR")),
        (51.5055, -0.0754, ("Whitechapel", "London", "England", "United Kingdom", "GB")),
        (-33.8568, 151.2153, ("The Rocks", "Sydney", "New South Wales", "Australia", "AU")),
        (48.7786, 1.8089, ("Méré", "Méré", "Île-de-France", "France", "FR")),
        # a Fijian island east of the date line whose nearest city lies west of it
        (-16.78, -179.99, ("Labasa", "Labasa", "Northern", "Fiji", "FJ")),
    ],
)
def test_cities(lat: float, lon: float, expected: tuple[str, ...]) -> None:
    names = ("place.settlement", "place.city", "place.region", "place.country", "place.country_code")
    assert place_fields(lat, lon) == dict(zip(names, expected, strict=True))
    assert set(names) <= set(FIELDS)


@needs_places
@pytest.mark.parametrize(("lat", "lon"), [(0, -30), (-90, 0), (90, 180), (48, -30), (480, 2), (float("nan"), 2)])
def test_the_open_sea_has_no_city(lat: float, lon: float) -> None:
    assert place_fields(lat, lon) == {}


@needs_places
def test_add_places() -> None:
    paris = Metadata({"location": {"lat": 48.8566, "lon": 2.3522}}, {"Make": "Canon"}, ("odd",))
    added = add_places(paris)
    assert added.fields["place.country_code"] == "FR"
    assert (added.exif, added.warnings) == (paris.exif, paris.warnings)
    # what somebody wrote is better than what is near
    written = Metadata({**paris.fields, "place.city": "Montmartre"})
    assert add_places(written) is written
    house = Metadata({**paris.fields, "place.sublocation": "Villa Rosa"})
    assert add_places(house).fields.items() >= {"place.sublocation": "Villa Rosa", "place.city": "Paris"}.items()
    nowhere = Metadata({"title": "x"})
    assert add_places(nowhere) is nowhere


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places.util, "find_spec", lambda name: None)
    assert not places_available()
    assert place_fields(48.8566, 2.3522) == {}


def test_the_package_is_loaded_late() -> None:
    code = "import sys, hybrid_search.metadata; print('reverse_geocode' in sys.modules, 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == [
        "False",
        "False",
    ]


def test_kilometres() -> None:
    # a quarter of the equator: 2π · 6371 km / 4
    assert kilometres(0, 0, 0, 90) == pytest.approx(10_007.54, abs=0.01)
    assert kilometres(10, 179.5, 10, -179.5) == pytest.approx(kilometres(10, 0, 10, 1))


@needs_places
def test_the_nearest_is_the_nearest_on_the_sphere() -> None:
    known, draw = gazetteer(), random.Random(1)
    for south in (0, 40, 60):
        band = [place for place in known._places if south <= abs(place.lat) < south + 20]
        for place in draw.sample(band, 15):
            lat = place.lat + draw.gauss(0, 0.03)
            lon = place.lon + draw.gauss(0, 0.03) / math.cos(math.radians(place.lat))
            near = [each for each in known._places if abs(each.lat - lat) < 0.5 and abs(each.lon - lon) < 2]
            naive = min((kilometres(lat, lon, each.lat, each.lon), each) for each in near)
            assert known.nearest(lat, lon) == (naive[1], pytest.approx(naive[0]))


def named_right(points: Iterable[Point]) -> list[str]:
    found = [(name, place_fields(lat, lon)["place.city"], right) for name, lat, lon, right in points]
    return [name for name, city, right in found if city in right.split("|")]


@needs_places
def test_the_city_is_the_one_that_people_would_name() -> None:
    assert len(named_right(TUNED)) == 43, "of 44: Jersey City's shore is nearest to a place in New York"
    assert len(named_right(HELD_OUT[:63])) == 57
    assert len(named_right(HELD_OUT[63:])) == 58


@needs_places
@pytest.mark.parametrize(
    ("lat", "lon", "city"),
    [
        (48.8584, 2.2945, "Paris"),
        (41.4036, 2.1744, "Barcelona"),
        (-33.8568, 151.2153, "Sydney"),
        (51.5055, -0.0754, "London"),
    ],
)
def test_two_kilometres_from_a_landmark_in_any_direction(lat: float, lon: float, city: str) -> None:
    # a degree of latitude has 111.2 km
    north, east = 2 / 111.2, 2 / 111.2 / math.cos(math.radians(lat))
    for angle in (step * math.pi / 8 for step in range(16)):
        assert place_fields(lat + north * math.cos(angle), lon + east * math.sin(angle))["place.city"] == city


SAN_JUAN = [
    # a capital with a district of its own name, two parts of it, a town beside it, and one over the border
    Settlement("San Juan", 0.0, 0.0, 1_000_000, "XX", "Capital", "San Juan"),
    Settlement("Harbour", 0.0, 0.05, 300_000, "XX", "Capital", "San Juan"),
    Settlement("Airport", 0.0, 0.10, 20_000, "XX", "Capital", "San Juan"),
    Settlement("Next", 0.05, 0.0, 90_000, "XX", "Capital", "Nextshire"),
    Settlement("Abroad", -0.05, 0.0, 90_000, "YY", "Coast", ""),
    # a city without one: its core reaches 4.6 km, its suburbs 8 km
    Settlement("Plain", 10.0, 0.0, 1_000_000, "XX", "Plains", ""),
    Settlement("Old Town", 10.0, 0.02, 200_000, "XX", "Plains", ""),
    Settlement("Street", 10.0, 0.025, 1000, "XX", "Plains", ""),
    Settlement("Suburb", 10.0, 0.06, 20_000, "XX", "Plains", ""),
    Settlement("Town", 10.06, 0.0, 90_000, "XX", "Plains", ""),
    Settlement("Village", 10.0, 0.2, 900, "XX", "Plains", ""),
    # neither state is one city
    Settlement("Second", 1.0, 0.0, 2_000_000, "XX", "Capital", ""),
    Settlement("Third", 11.0, 0.0, 2_000_000, "XX", "Plains", ""),
    # a state that is but for a village far out
    Settlement("Whole", 20.0, 0.0, 1_000_000, "XX", "State of Whole", ""),
    Settlement("Quarter", 20.0, 0.12, 250_000, "XX", "State of Whole", ""),
    Settlement("Outpost", 20.0, 0.4, 900, "XX", "State of Whole", ""),
]


@pytest.mark.parametrize(
    ("lat", "lon", "city"),
    [
        (0.0, 0.1, "San Juan"),
        (0.05, 0.0, "Next"),
        (-0.05, 0.0, "Abroad"),
        (10.0, 0.02, "Plain"),
        (10.0, 0.025, "Plain"),
        (10.0, 0.06, "Plain"),
        (10.06, 0.0, "Town"),
        (10.0, 0.2, "Village"),
        (20.0, 0.12, "Whole"),
        (20.0, 0.4, "Outpost"),
        # three kilometres from the village, and twenty from the city, nobody says the city
        (10.0, 0.227, "Village"),
        # in the bay, where the nearest place is small and far
        (0.03, 0.09, "San Juan"),
    ],
)
def test_what_a_city_reaches(lat: float, lon: float, city: str) -> None:
    known = Gazetteer(SAN_JUAN, {})
    assert known.city(lat, lon, known.nearest(lat, lon)[0]).name == city


@needs_places
def test_threads_load_the_places_once() -> None:
    gazetteer.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda lon: place_fields(48.85, lon)["place.country"], [2.3, 2.31, 2.32, 2.33]))) == 1
    assert gazetteer.cache_info().misses == 1
