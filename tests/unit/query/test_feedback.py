"""Relevance feedback: where liked and unliked pictures move a query, and which hits are left."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.backends import Action
from hybrid_search.errors import DocumentNotFound, QueryError
from hybrid_search.index import HybridIndex
from hybrid_search.query.relevance_feedback import rocchio
from tests.support.fakes import HueEmbedder, hue, photo


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HybridIndex]:
    """Twelve hues, named by their angles, a busy picture, and one whose vector is lacking."""
    folder = tmp_path_factory.mktemp("wheel")
    with HybridIndex(embedder=HueEmbedder()) as index:
        for angle in range(0, 360, 30):
            hue(angle).save(folder / f"{angle}.png")
            index.add(folder / f"{angle}.png", id=f"h{angle:03}", metadata={"caption": f"turned by {angle}"})
        index.add(photo(3), id="busy")
        index.refresh()
        index.backend.bulk([Action("index", "bare", {"caption": "bare", "path": ["/bare.png"]})])
        index.refresh()
        yield index


def angle_of(body: dict[str, Any]) -> float:
    (x, y), *others = [clause["query_vector"] for clause in body["knn"] if clause["_name"] == "vector"]
    assert not others and math.hypot(x, y) == pytest.approx(1, abs=1e-6)
    return math.degrees(math.atan2(y, x)) % 360


def of(*parts: tuple[float, float]) -> Any:
    """Return the angle of Σ weight · direction, worked out with complex numbers."""
    total = sum(weight * complex(math.cos(math.radians(at)), math.sin(math.radians(at))) for weight, at in parts)
    return pytest.approx(math.degrees(math.atan2(total.imag, total.real)) % 360, abs=0.5)


# -- the formula -------------------------------------------------------------------------------------------------------

UNITS = st.lists(st.floats(0, 2 * math.pi), max_size=4)


@given(st.none() | st.floats(0, 2 * math.pi), UNITS, UNITS)
def test_the_formula(query: float | None, liked: list[float], unliked: list[float]) -> None:
    def vector(angle: float) -> np.ndarray:
        return np.array([math.cos(angle), math.sin(angle)])

    asked = None if query is None else 7 * vector(query)
    moved = rocchio(asked, liked=[3 * vector(each) for each in liked], unliked=[vector(each) for each in unliked])
    if query is None and not liked:
        assert moved is None
        return
    x = y = 0.0
    for weight, group in ((1.0, [query] if query is not None else []), (0.75, liked), (-0.15, unliked)):
        for each in group:
            x, y = x + weight * math.cos(each) / len(group), y + weight * math.sin(each) / len(group)
    assert moved is not None and moved.tolist() == pytest.approx([x, y], abs=1e-9)


def test_weights_may_be_others() -> None:
    east, north = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert rocchio(east, liked=[north], unliked=[-east], alpha=2, beta=3, gamma=4).tolist() == [6, 3]  # type: ignore[union-attr]


# -- searches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "angle"),
    [
        ({"like": "h090"}, of((1, 90))),
        ({"like": ["h090"]}, of((1, 90))),
        ({"like": ["h060", "h120"]}, of((0.5, 60), (0.5, 120))),
        ({"like": ["h060", "h120", "h060"]}, of((0.5, 60), (0.5, 120))),
        ({"like": "h090", "unlike": "h060"}, of((0.75, 90), (-0.15, 60))),
        ({"like": ["h060", "h120"], "unlike": ["h180", "h240"]}, of((5, 60), (5, 120), (-1, 180), (-1, 240))),
        ({"text": "red", "like": "h090"}, of((1, 0), (0.75, 90))),
        ({"text": "red", "unlike": "h090"}, of((1, 0), (-0.15, 90))),
        ({"image": hue(0), "like": ["h090"], "unlike": ["h030"]}, of((1, 0), (0.75, 90), (-0.15, 30))),
        # two of unit length, brought to unit length together, then moved
        ({"text": "red", "image": hue(120), "like": "h180"}, of((1, 60), (0.75, 180))),
        ({"vector": [0.0, 9.0], "unlike": "h060"}, of((1, 90), (-0.15, 60))),
        ({"vector_query": [("red", 1), ("green", -1)], "like": "h030"}, of((1, 330), (0.75, 30))),
        ({"like": ["h090", "bare"]}, of((1, 90))),
    ],
)  # fmt: skip
def test_likes_and_unlikes_move_the_query(wheel: HybridIndex, asked: dict[str, Any], angle: Any) -> None:
    assert angle_of(wheel.request(**asked)) == angle
    named = {
        name
        for option in ("like", "unlike")
        for name in [asked.get(option, [])]
        for name in ([name] if isinstance(name, str) else name)
    }
    hits = wheel.search(**asked, k=20).ids()
    assert not named & set(hits) and len(hits) == 13 - len(named - {"bare"})


def test_by_path(wheel: HybridIndex) -> None:
    path = wheel.get("h090").path
    assert path and angle_of(wheel.request(like=[Path(path), "h120"])) == of((1, 90), (1, 120))
    with pytest.raises(DocumentNotFound):
        wheel.search(like=["h090", "h091"])
    with pytest.raises(DocumentNotFound):
        wheel.search("turned", unlike=["h091"])


def test_copies_are_looked_for_of_one_liked_picture_alone(wheel: HybridIndex) -> None:
    def legs(**asked: Any) -> list[str]:
        return [clause["_name"] for clause in wheel.request(**asked)["knn"]]

    assert legs(like="busy") == legs(like=["busy"]) == legs(like="busy", unlike="h000") == ["vector", "signature"]
    assert legs(like=["busy", "h000"]) == ["vector"]
    assert legs(like=["busy", "h000"], image=photo(4)) == ["vector", "signature"]


def test_unliked_pictures_leave_words_as_they_are_where_words_have_no_vector(wheel: HybridIndex) -> None:
    body = wheel.request("turned", unlike=["h000", "h030"])
    assert "knn" not in body
    assert set(wheel.search("turned", unlike=["h000", "h030"], k=20).ids()) == {
        f"h{angle:03}" for angle in range(60, 360, 30)
    }
    assert len(wheel.search(filter="width:48", unlike="h000", k=20)) == 11


def test_away_from_a_picture_is_no_question(wheel: HybridIndex) -> None:
    for asked in ({"unlike": "h000"}, {"unlike": ["h000"], "text": ""}):
        with pytest.raises(QueryError, match=r"unlike only leads away; say what to look for too: .*colours or filter"):
            wheel.search(**asked)


def test_pictures_without_a_vector_cannot_be_liked(wheel: HybridIndex) -> None:
    with pytest.raises(QueryError, match="no picture in like has a vector of 'hue'"):
        wheel.search(like="bare")
    with pytest.raises(QueryError, match="no picture in like"):
        wheel.search("turned", like=["bare"])


@pytest.mark.parametrize("named", [3, [3], [None], ["h000", 3], b"h000"])
def test_what_is_no_name_of_a_picture(wheel: HybridIndex, named: Any) -> None:
    with pytest.raises(QueryError, match="like is the id or path of a stored picture, or several"):
        wheel.search(like=named)
