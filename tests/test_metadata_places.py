"""Places: names of positions, offline."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hybrid_search.metadata import FIELDS, Metadata, add_places, place_fields, places, places_available

needs_places = pytest.mark.skipif(not places_available(), reason="the extra [places] is not installed")


@needs_places
@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        (48.8566, 2.3522, ("Paris", "Île-de-France", "France", "FR")),
        (-33.8688, 151.2093, ("Sydney", "New South Wales", "Australia", "AU")),
        # a Fijian island east of the date line whose nearest city lies west of it
        (-16.78, -179.99, ("Labasa", "Northern", "Fiji", "FJ")),
    ],
)
def test_cities(lat: float, lon: float, expected: tuple[str, ...]) -> None:
    names = ("place.city", "place.region", "place.country", "place.country_code")
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
    assert places._kilometres(0, 0, 0, 90) == pytest.approx(10_007.54, abs=0.01)
    assert places._kilometres(10, 179.5, 10, -179.5) == pytest.approx(places._kilometres(10, 0, 10, 1))
