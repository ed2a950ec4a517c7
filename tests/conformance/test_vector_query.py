"""Sums of words, pictures and stored pictures: which terms there are, what they add up to, what they find."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hybrid_search.backends import Action
from hybrid_search.errors import BadVector, DocumentNotFound, EmptyQuery, QueryError, TextNotSupported
from hybrid_search.index import HybridIndex
from hybrid_search.query.vector_sum import ExamplePicture, StoredPicture, Weighted, add_up, read_vector_query
from tests.support.fakes import ColourEmbedder, HueEmbedder, hue, photo
from tests.support.places import place_on
from tests.support.servers import VERSIONS, unavailable

WHEEL = [f"h{angle:03}" for angle in range(0, 360, 30)]


def fill(index: HybridIndex) -> HybridIndex:
    """Add twelve hues, named by their angles; those of a multiple of 60 degrees are big."""
    for angle in range(0, 360, 30):
        index.add(hue(angle), id=f"h{angle:03}", metadata={"tags": ["big" if angle % 60 == 0 else "small"]})
    index.refresh()
    return index


@pytest.fixture(scope="module", params=["embedded", VERSIONS[0]])
def wheel(request: pytest.FixtureRequest) -> Iterator[HybridIndex]:
    if request.param == "embedded":
        with HybridIndex(embedder=HueEmbedder()) as index:
            yield fill(index)
        return
    servers = request.getfixturevalue("servers")
    if VERSIONS[0] not in servers:
        unavailable(f"HYBRID_SEARCH_TEST_SERVERS names none of version {VERSIONS[0]}")
    with (
        place_on(servers[VERSIONS[0]]) as place,
        HybridIndex(place.url, name=place.name, embedder=HueEmbedder()) as index,
    ):
        yield fill(index)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def angles(body: dict[str, Any]) -> list[float]:
    """Return the direction of each query vector, in degrees."""
    return [
        round(math.degrees(math.atan2(vector[1], vector[0])) % 360, 1) % 360
        for vector in (clause["query_vector"] for clause in body["knn"])
    ]


# -- terms -------------------------------------------------------------------------------------------------------------


def test_terms_are_told_apart_by_what_they_are(tmp_path: Path) -> None:
    picture, vector, pixels = photo(1), np.array([1.0, 2.0]), np.zeros((8, 8, 3), np.uint8)
    asked = [
        *("a beach", ("people", -0.5), ("./photo.jpg", 2), tmp_path, (b"GIF", 1), io.BytesIO(), picture, pixels),
        *(ExamplePicture("./photo.jpg"), (StoredPicture(tmp_path), np.float32(0.5)), vector, StoredPicture("a1")),
    ]
    terms = read_vector_query(asked)
    kinds = ["text"] * 3 + ["image"] * 6 + ["stored", "vector", "stored"]
    assert [term.kind for term in terms] == kinds
    assert [term.weight for term in terms] == [1, -0.5, 2, 1, 1, 1, 1, 1, 1, 0.5, 1, 1]
    assert [terms[row].value for row in (0, 2, 3, 8, 9, 11)] == [
        *("a beach", "./photo.jpg", tmp_path, "./photo.jpg", str(tmp_path), "a1")
    ]


def test_a_term_of_weight_zero_is_no_term() -> None:
    assert [term.value for term in read_vector_query([("a", 0), "b", ("c", -0.0)])] == ["b"]
    assert read_vector_query(None) == read_vector_query([]) == ()


def test_strings_that_name_pictures_are_not_taken_for_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("photo.jpg", "two words.PNG", "notes.txt", "beach"):
        Path(name).touch()
    for named in ("./photo.jpg", "photo.jpg", "~/photo.jpg", "two words.PNG", str(tmp_path / "photo.jpg")):
        with pytest.raises(QueryError, match=r"a picture has this name; Path\('?"):
            read_vector_query([(named, 1)])
    for address in ("https://example.org/a.jpg", "FILE:///a.png", "data:image/png;base64,AAAA"):
        with pytest.raises(QueryError, match=r"would be words; ExamplePicture\('"):
            read_vector_query(["dog", (address, -1)])
    words = ["beach", "notes.txt", "gone.jpg", "a http://example.org in a text", "jpg", "photo.jpg of a dog", "a\0.jpg"]
    assert [term.kind for term in read_vector_query(words)] == ["text"] * len(words)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("beach", "is a list of terms"),
        (Path("a.jpg"), "is a list of terms"),
        (np.ones(2), "is a list of terms"),
        (3, "is a list of terms"),
        ([3], "no vector for 3"),
        ([None], "no vector for None"),
        ([[1.0, 0.0]], "a vector as a 1-D array"),
        ([("a", 1, 2)], "alone or (term, weight) (got 3 things)"),
        ([("a",)], "(got 1 things)"),
        ([("a", "much")], "a finite number (got 'much')"),
        ([("a", math.nan)], "a finite number (got nan)"),
        ([("a", math.inf)], "a finite number (got inf)"),
        ([("a", None)], "a finite number (got None)"),
        ([" "], "1 to 1,000 characters (got 0)"),
        (["a" * 1_001], "1 to 1,000 characters (got 1,001)"),
        (["\ud800"], "not valid Unicode"),
    ],
)
def test_what_is_no_term_is_said(asked: Any, says: str) -> None:
    with pytest.raises(QueryError) as raised:
        read_vector_query(asked)
    assert says in str(raised.value)


# -- sums --------------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.lists(st.floats(-10, 10), min_size=3, max_size=3), st.floats(-5, 5)), min_size=1, max_size=6)
)
def test_a_sum_is_what_the_formula_says(parts: list[tuple[list[float], float]]) -> None:
    terms = [Weighted("vector", np.array(values), weight) for values, weight in parts]
    naive = np.zeros(3)
    for values, weight in parts:
        length = math.sqrt(sum(value * value for value in values))
        if length < 1e-3:
            return
        naive += weight * np.array(values) / length
    if np.linalg.norm(naive) < 1e-3:
        return
    np.testing.assert_allclose(add_up(terms, lambda term: term.value), naive / np.linalg.norm(naive), atol=1e-9)


@pytest.mark.parametrize("weight", [1e308, 1e-308])
def test_only_the_ratio_of_weights_counts(weight: float) -> None:
    terms = [Weighted("vector", np.array(axis), weight) for axis in ([2.0, 0.0], [0.0, 3.0])]
    np.testing.assert_allclose(add_up(terms, lambda term: term.value), [math.sqrt(0.5)] * 2)


def test_terms_that_cancel_are_no_query() -> None:
    east, west = np.array([2.0, 0.0]), np.array([-1.0, 1e-9])
    for terms in (
        [Weighted("vector", east), Weighted("vector", east, -1)],
        [Weighted("vector", v) for v in (east, west)],
    ):
        with pytest.raises(BadVector, match="cancel each other out"):
            add_up(terms, lambda term: term.value)


# -- searches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "angle"),
    [
        (["red"], 0),
        ([("red", 5)], 0),
        # (1, 0) − (−½, √¾) = (1½, −√¾)
        ([("red", 1), ("green", -1)], 330),
        # 2 · (1, 0) + (−½, √¾) = (1½, √¾)
        ([("red", 2), "green"], 30),
        ([("red", -1)], 180),
        # a text of two names is their mean
        (["red green"], 60),
        (["red", hue(120)], 60),
        ([png(hue(120)), hue(180)], 150),
        ([np.asarray(hue(90))], 90),
        ([StoredPicture("h090"), ("blue", 1)], 165),
        ([np.array([0.0, 3.0])], 90),
    ],
)
def test_words_pictures_and_vectors_add_up(wheel: HybridIndex, asked: Any, angle: int) -> None:
    body = wheel.request(vector_query=asked)
    assert angles(body) == [pytest.approx(angle, abs=0.5)]
    stored = {term.value for term in read_vector_query(asked) if term.kind == "stored"}
    near = [id for id in WHEEL if id not in stored]
    hits = wheel.search(vector_query=asked, k=12)
    distances = [abs((int(id[1:]) - angle + 180) % 360 - 180) for id in hits.ids()]
    assert sorted(hits.ids()) == near and all(a <= b + 1 for a, b in pairwise(distances))
    assert [hit.legs["vector"] for hit in hits] == pytest.approx(
        [math.cos(math.radians(each)) for each in distances], abs=0.01
    )


def test_pictures_by_file(wheel: HybridIndex, tmp_path: Path) -> None:
    hue(90).save(tmp_path / "a.png")
    for picture in (tmp_path / "a.png", ExamplePicture(str(tmp_path / "a.png")), (tmp_path / "a.png").open("rb")):
        try:
            assert angles(wheel.request(vector_query=[picture])) == [pytest.approx(90, abs=0.5)]
        finally:
            getattr(picture, "close", int)()


def test_a_sum_goes_with_words_an_example_and_a_filter(wheel: HybridIndex) -> None:
    asked = [("red", 1), ("green", -1)]
    assert wheel.search(vector_query=asked, filter="tags:big", k=3).ids()[0] in ("h000", "h300")
    both = wheel.request("small", vector_query=asked)
    assert angles(both) == [330] and both["query"]["bool"]["must"], "words that name no colour are for the text leg"
    # the sum, 330°, and the word, 60°, are a right angle; the example makes three of unit length
    assert angles(wheel.request("yellow", vector_query=asked)) == [pytest.approx(15, abs=0.5)]
    three = np.sum(HueEmbedder.directions([330, 60, 180]), axis=0)
    expected = math.degrees(math.atan2(three[1], three[0])) % 360
    assert angles(wheel.request("yellow", vector_query=asked, image=hue(180))) == [pytest.approx(expected, abs=0.5)]
    assert len(wheel.search("small", vector_query=asked, k=12)[0].legs) == 2


def test_pictures_of_a_sum_bring_no_leg_of_copies(wheel: HybridIndex) -> None:
    assert [clause["_name"] for clause in wheel.request(vector_query=[photo(1)])["knn"]] == ["vector"]
    assert [clause["_name"] for clause in wheel.request(image=photo(1))["knn"]] == ["vector", "signature"]


def test_nothing_in_a_sum_is_nothing_to_search_for(wheel: HybridIndex) -> None:
    for asked in ([], [("red", 0)]):
        with pytest.raises(EmptyQuery):
            wheel.search(vector_query=asked)


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ([hue(0), ("red", -1)], BadVector, "its terms cancel each other out: +1 the image, -1 'red'"),
        (["lighthouse"], BadVector, "'lighthouse' has none: it is all zero"),
        ([np.ones(3)], BadVector, "the index has vectors of 2 dims, this one has shape (3,)"),
        ([np.array([np.nan, 1.0])], BadVector, "not finite"),
        ([np.array(["a", "b"])], BadVector, "not numbers"),
        ([StoredPicture("h001")], DocumentNotFound, "h001"),
        (
            [StoredPicture("bare")],
            QueryError,
            "picture 'bare' has no vector of 'hue'; `HybridIndex.add_embedder('hue')` gives one",
        ),
    ],
)
def test_sums_that_cannot_be(wheel: HybridIndex, asked: Any, error: type[Exception], says: str) -> None:
    wheel.backend.bulk([Action("index", "bare", {"caption": "without a vector"})])
    wheel.refresh()
    try:
        with pytest.raises(error) as raised:
            wheel.search(vector_query=asked)
    finally:
        wheel.delete("bare")
    assert says in str(raised.value)


def test_words_need_an_embedder_that_has_vectors_for_them() -> None:
    with HybridIndex(embedder=ColourEmbedder()) as index:
        index.add(photo(1))
        assert len(index.search(vector_query=[(photo(1), 1), (photo(2), -0.5)])) == 1
        with pytest.raises(TextNotSupported, match=r"`HybridIndex\.add_embedder\('lite\+minilm'\)` after"):
            index.search(vector_query=["red", photo(1)])
