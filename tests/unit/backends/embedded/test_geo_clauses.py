"""Circles and boxes against the law of cosines, anywhere on the Earth."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_search.backends import Action
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.backends.embedded.clauses.geo_clauses import metres
from hybrid_search.errors import BadFilter

DRAW = random.Random(4)
POINTS = [(DRAW.uniform(-90, 90), DRAW.uniform(-180, 180)) for _ in range(600)]
POINTS += [(lat, lon) for lat in (-90.0, -45.0, 0.0, 45.0, 90.0) for lon in (-180.0, -90.0, 0.0, 90.0, 180.0)]
POINTS += [(48.85 + DRAW.gauss(0, 0.3), 2.35 + DRAW.gauss(0, 0.3)) for _ in range(200)]


@pytest.fixture(scope="module")
def backend() -> Iterator[EmbeddedBackend]:
    backend = EmbeddedBackend(None)
    backend.create({"mappings": {"dynamic": "strict", "properties": {"place": {"type": "geo_point"}}}})
    backend.bulk([Action("index", str(n), {"place": {"lat": lat, "lon": lon}}) for n, (lat, lon) in enumerate(POINTS)])
    backend.bulk([Action("index", "nowhere", {})])
    backend.refresh()
    yield backend
    backend.close()


def distance(first: tuple[float, float], second: tuple[float, float]) -> float:
    (lat, lon), (lat2, lon2) = (tuple(map(math.radians, point)) for point in (first, second))
    # Vincenty's form keeps its precision for points that are near, or opposite.
    across = math.hypot(
        math.cos(lat2) * math.sin(lon2 - lon),
        math.cos(lat) * math.sin(lat2) - math.sin(lat) * math.cos(lat2) * math.cos(lon2 - lon),
    )
    along = math.sin(lat) * math.sin(lat2) + math.cos(lat) * math.cos(lat2) * math.cos(lon2 - lon)
    return 6_371_008.7714 * math.atan2(across, along)


def found(backend: EmbeddedBackend, clause: Any) -> set[str]:
    return {id for id, _ in backend.scan(clause)}


PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180)) | st.sampled_from(POINTS)


@settings(deadline=None, max_examples=200)
@given(centre=PLACES, kilometres=st.sampled_from([0.5, 5, 30, 200, 1000, 5000, 9000, 15_000, 25_000]))
def test_circles(backend: EmbeddedBackend, centre: tuple[float, float], kilometres: float) -> None:
    clause = {"geo_distance": {"distance": f"{kilometres}km", "place": {"lat": centre[0], "lon": centre[1]}}}
    ours = found(backend, clause)
    for number, place in enumerate(POINTS):
        far = distance(centre, place)
        if abs(far - kilometres * 1000) > 0.5:  # within half a metre of the rim either answer is right
            assert (str(number) in ours) == (far <= kilometres * 1000), (place, far)
    assert "nowhere" not in ours


@settings(deadline=None, max_examples=100)
@given(first=PLACES, second=PLACES)
def test_boxes(backend: EmbeddedBackend, first: tuple[float, float], second: tuple[float, float]) -> None:
    top, bottom, left, right = max(first[0], second[0]), min(first[0], second[0]), first[1], second[1]
    clause = {"geo_bounding_box": {"place": {"top": top, "bottom": bottom, "left": left, "right": right}}}
    expected = {
        str(number)
        for number, (lat, lon) in enumerate(POINTS)
        if bottom <= lat <= top and (left <= lon <= right if left <= right else lon >= left or lon <= right)
    }
    assert found(backend, clause) == expected


@pytest.mark.parametrize(
    "corners",
    [
        {"top_left": {"lat": 60, "lon": -10}, "bottom_right": {"lat": 40, "lon": 20}},
        {"top_right": "60,20", "bottom_left": [-10, 40]},
        {"top": 60, "left": -10, "bottom": 40, "right": 20},
        {"top_left": "POINT (-10 60)", "bottom_right": "POINT(20 40)"},
    ],
    ids=str,
)
def test_ways_to_say_a_box(backend: EmbeddedBackend, corners: Any) -> None:
    expected = {str(n) for n, (lat, lon) in enumerate(POINTS) if 40 <= lat <= 60 and -10 <= lon <= 20}
    assert found(backend, {"geo_bounding_box": {"place": corners}}) == expected


@pytest.mark.parametrize(
    "text, expected", [(5, 5.0), ("5", 5.0), ("2km", 2000.0), ("1.5 mi", 2414.016), ("3nmi", 5556.0), (".5m", 0.5)]
)
def test_metres(text: Any, expected: float) -> None:
    assert metres(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "km", "-5km", "5 parsec", "1e3km", None])
def test_no_distances(text: Any) -> None:
    with pytest.raises(BadFilter):
        metres(text)


def test_the_answer_is_kept_for_the_same_commit_only(backend: EmbeddedBackend) -> None:
    clause = {"geo_distance": {"distance": "10km", "place": {"lat": -45.5, "lon": 33.3}}}
    before = found(backend, clause)
    backend.bulk([Action("index", "new", {"place": {"lat": -45.5, "lon": 33.31}})])
    backend.refresh()
    assert found(backend, clause) == before | {"new"}
    backend.bulk([Action("delete", "new")])
    backend.refresh()
    assert found(backend, clause) == before
