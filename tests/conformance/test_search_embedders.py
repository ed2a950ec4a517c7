"""Several embeddings in one index: which of them a question searches, each as a leg of its own."""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid_search.errors import (
    BadVector,
    EmbedderMismatch,
    LegUnavailable,
    QueryError,
    TextNotSupported,
    WeightsMissing,
)
from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder, ColourWords, HueEmbedder, hue, photo
from tests.support.places import Place, place_on
from tests.support.servers import VERSIONS, unavailable

CAPTION = "caption:colourwords"
CAPTIONS = {0: "red", 60: "green", 120: "yellow", 180: "nothing known", 240: None, 300: "blue"}


def filled(index: HybridIndex) -> HybridIndex:
    """Add six hues, named by their angles, whose captions do not tell the truth."""
    for angle, caption in CAPTIONS.items():
        index.add(hue(angle), id=f"h{angle:03}", metadata={"caption": caption} if caption else {})
    index.refresh()
    return index


@pytest.fixture(scope="module", params=["embedded", VERSIONS[0]])
def index(request: pytest.FixtureRequest) -> Iterator[HybridIndex]:
    """Colours by default, which know no words; hues, which do; captions by their colour names."""
    embedders = [ColourEmbedder(), HueEmbedder(), ColourWords()]
    if request.param == "embedded":
        with HybridIndex(embedder=embedders) as made:
            yield filled(made)
        return
    servers = request.getfixturevalue("servers")
    if VERSIONS[0] not in servers:
        unavailable(f"HYBRID_SEARCH_TEST_SERVERS names none of version {VERSIONS[0]}")
    with place_on(servers[VERSIONS[0]]) as place, HybridIndex(place.url, name=place.name, embedder=embedders) as made:
        yield filled(made)


def key_of(index: HybridIndex, name: str) -> str:
    return next(key for key, spec in index.info()["embeddings"].items() if spec["name"] == name)


def legs(body: dict[str, Any], index: HybridIndex) -> dict[str, list[float]]:
    """Return each vector leg of a body with its vector, that of captions by a shorter name."""
    called = {f"embedding.{key}": f"vector:{spec['name']}" for key, spec in index.info()["embeddings"].items()}
    found = {}
    for clause in body.get("knn", ()):
        assert clause["_name"] in ("vector", "signature", called.get(clause["field"]))
        found[clause["_name"].replace(CAPTION, "caption")] = clause["query_vector"]
    return found


def names(body: dict[str, Any], index: HybridIndex) -> list[str]:
    return list(legs(body, index))


# -- which are searched ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        # pictures go to the default, words to the first that has vectors for them and to captions
        ({"image": photo(1)}, ["vector", "signature"]),
        ({"like": "h000"}, ["vector"]),
        ({"vector": np.ones(48)}, ["vector"]),
        ({"text": "red"}, ["vector:hue", "vector:caption"]),
        ({"text": "red", "image": hue(0)}, ["vector:colour", "vector:hue", "vector:caption"]),
        ({"text": "lighthouse"}, []),
        ({"text": "-red", "image": hue(0)}, ["vector"]),
        ({"vector_query": [hue(0)]}, ["vector"]),
        ({"vector_query": ["red"]}, ["vector"]),
        ({"vector_query": ["red", hue(0)], "image": hue(9)}, ["vector:colour", "vector:hue"]),
        # what is named is asked all that it has a vector for
        ({"text": "red", "embedder": "colour"}, []),
        ({"text": "red", "embedder": "hue"}, ["vector"]),
        ({"text": "red", "image": hue(0), "embedder": "hue"}, ["vector"]),
        ({"text": "red", "embedder": CAPTION}, ["vector"]),
        ({"text": "red", "image": hue(0), "embedder": ["colour", CAPTION]}, ["vector:colour", "vector:caption"]),
        ({"image": hue(0), "embedder": ["hue", "colour", "hue"]}, ["vector:hue", "vector:colour"]),
        ({"like": "h000", "embedder": ["hue", CAPTION]}, ["vector:hue", "vector:caption"]),
        ({"like": "h240", "embedder": ["colour", "hue", CAPTION]}, ["vector:colour", "vector:hue"]),
        ({"vector": {"hue": [1, 0], "colour": np.ones(48)}}, ["vector:colour", "vector:hue"]),
        ({"vector": {"hue": [1, 0]}, "image": hue(0)}, ["vector:colour", "vector:hue"]),
        ({"vector": [1, 0], "embedder": "hue"}, ["vector"]),
        # a leg of weight 0 is not searched, and its name does not change that of the others
        ({"text": "red", "image": hue(0), "weights": {"vector:hue": 0}}, ["vector:colour", "vector:caption"]),
        ({"text": "red", "image": hue(0), "weights": {"vector": 0, "vector:hue": 1}}, ["vector:hue"]),
        ({"text": "red", "weights": {"vector:caption:colourwords": 0}}, ["vector:hue"]),
        ({"text": "red", "weights": {"vector": 0}}, []),
    ],
)  # fmt: skip
def test_which_embeddings_a_question_searches(index: HybridIndex, asked: dict[str, Any], expected: list[str]) -> None:
    assert names(index.request(**asked), index) == expected


def test_an_embedding_may_be_named_by_its_key(index: HybridIndex) -> None:
    caption = key_of(index, CAPTION)
    assert index.request("red", literal=True, embedder=caption) == index.request("red", literal=True, embedder=CAPTION)


def test_nothing_is_loaded_that_is_not_asked() -> None:
    class Absent(HueEmbedder):
        def embed_texts(self, texts: Any) -> Any:
            raise AssertionError("a leg of weight 0 is not embedded")

    with HybridIndex(embedder=[ColourEmbedder(), Absent()]) as made:
        filled(made)
        assert made.search("yellow", literal=True, weights={"vector:hue": 0}).ids() == ["h120"]


# -- what is found -----------------------------------------------------------------------------------------------------


def test_each_leg_scores_in_its_own_space(index: HybridIndex) -> None:
    hits = {hit.id: hit for hit in index.search("red", literal=True, k=6)}
    caption = f"vector:{CAPTION}"
    for angle, words in CAPTIONS.items():
        hit = hits[f"h{angle:03}"]
        assert hit.legs["vector:hue"] == pytest.approx(math.cos(math.radians(angle)), abs=0.01)
        if words in HueEmbedder.words:
            said = math.cos(math.radians(HueEmbedder.words[words]))
            assert hit.legs[caption] == pytest.approx(said, abs=1e-3)
        else:
            assert caption not in hit.legs, "without a caption that says something there is no vector, and no score"
    assert set(hits["h000"].legs) == {"text", "vector:hue", caption}
    assert set(hits["h000"].ranks) == {"text", "vector:hue", caption}


def test_a_picture_that_one_leg_lacks_is_ranked_by_the_others(index: HybridIndex) -> None:
    hits = index.search("red", literal=True, k=6, fusion="rrf")
    caption = f"vector:{CAPTION}"
    assert len(hits) == 6
    for hit in hits:
        ranks = [1 / (60 + hit.ranks[leg]) for leg in ("text", "vector:hue", caption) if leg in hit.ranks]
        assert hit.score == pytest.approx(sum(ranks))
    # hues: 0, 60 and 300 alike, …; captions: red, yellow, then green and blue alike
    assert hits[0].id == "h000"


def test_weights_and_least_scores_by_leg(index: HybridIndex) -> None:
    caption = "vector:caption:colourwords"
    only = {"text": 0, "vector:hue": 0}
    found = index.search("red", literal=True, weights=only, k=6)
    assert found.ids()[:2] == ["h000", "h120"] and len(found) == 4
    for named in (caption, "vector:" + key_of(index, CAPTION)):
        assert index.search("red", literal=True, weights=only, min_score={named: 0.4}, k=6).ids() == ["h000", "h120"]
    assert index.search("red", literal=True, weights=only, min_score={"vector:hue": 0.9}, k=6).ids() == found.ids()
    alike = index.search("red", literal=True, weights={"text": 0, caption: 0}, min_score={"vector": 0.4}, k=6)
    assert set(alike.ids()) == {"h000", "h060", "h300"}
    heavy = index.search("red", literal=True, weights={"text": 0, caption: 100}, k=6)
    assert heavy.ids()[1] == "h120"
    summed = index.search("red", literal=True, weights={"text": 0}, fusion="sum", k=6)
    assert summed[0].id == "h000" and set(summed.ids()) == {f"h{angle:03}" for angle in CAPTIONS}


def test_explain_and_filters_go_with_several_legs(index: HybridIndex) -> None:
    hits = index.search("red", literal=True, filter="width:48 AND NOT caption:blue", explain=True, k=6)
    assert "h300" not in hits.ids() and len(hits) == 5
    assert {"term:red@caption", "filter:width:48"} <= set(hits[0].matched)


def test_words_without_a_vector_are_still_words(index: HybridIndex) -> None:
    assert index.search("nothing").ids() == ["h180"]


# -- mistakes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"image": hue(0), "embedder": CAPTION}, QueryError, "a picture has no vector there"),
        ({"vector_query": [hue(0)], "embedder": CAPTION}, QueryError, "a picture has no vector there"),
        ({"vector_query": ["red"], "embedder": "colour"}, TextNotSupported, "'colour' embeds images only"),
        ({"vector_query": ["red"], "embedder": ["hue", "colour"]}, TextNotSupported, "'colour' embeds images only"),
        ({"vector": [1, 0], "embedder": ["hue", "colour"]}, QueryError, "vector is of one embedder"),
        ({"vector": {"hue": [1, 0]}, "embedder": "colour"}, QueryError, "that embedder=… does not name"),
        ({"vector": {"hue": [1, 0, 0]}}, BadVector, "vectors of 2 dims"),
        ({"image": hue(0), "embedder": 3}, QueryError, "embedder is the name of an embedder"),
        ({"image": hue(0), "embedder": [3]}, QueryError, "embedder is the name of an embedder"),
        ({"image": hue(0), "embedder": "clip"}, EmbedderMismatch, "clip"),
        ({"image": hue(0), "weights": {"vector:clip": 1}}, QueryError, "weights has no leg 'vector:clip'"),
    ],
)
def test_what_cannot_be_asked(index: HybridIndex, asked: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error) as raised:
        index.search(**asked)
    assert says in str(raised.value)


# -- embedders that are away -------------------------------------------------------------------------------------------

GLOVE = "red 1 0 0\nboat 0.6 0.8 0\ngreen 0 1 0\nhouse 0 0.6 0.8\n"


@pytest.fixture(params=["embedded", *VERSIONS])
def moved(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[HybridIndex, str]]:
    """Two captions with vectors of GloVe, opened after its file has gone."""
    file = tmp_path / "glove.txt"
    file.write_text(GLOVE)
    name = f"caption:glove:{file}"
    if request.param == "embedded":
        stack = nullcontext((str(tmp_path / "index"), "images"))
    else:
        servers = request.getfixturevalue("servers")
        if request.param not in servers:
            unavailable(f"HYBRID_SEARCH_TEST_SERVERS names none of version {request.param}")
        stack = place_on(servers[request.param])
    with stack as place:
        location, called = (place.url, place.name) if isinstance(place, Place) else place
        with HybridIndex(location, name=called, embedder=[HueEmbedder(), name]) as made:
            made.add(hue(0), id="boat", metadata={"caption": "red boat"})
            made.add(hue(120), id="house", metadata={"caption": "green house"})
        file.unlink()
        with HybridIndex(location, name=called, embedder=HueEmbedder()) as opened:
            yield opened, name


def test_words_are_asked_of_the_legs_that_can_run(moved: tuple[HybridIndex, str]) -> None:
    index, name = moved
    hits = index.search("red boat", literal=True)
    assert hits.ids() == ["boat", "house"]
    assert set(hits[0].legs) == {"text", "vector:hue"}, "the name of a leg does not hang on what others can do"
    (lacking,) = hits.unavailable
    assert (lacking.leg, lacking.embedder) == ("vector:caption:glove:glove.txt", name)
    assert "glove.txt: there is no such file" in lacking.reason
    assert f"HybridIndex.drop_embedder({name!r})" in str(lacking)
    assert str(lacking) in repr(hits) and "no such file" in hits._repr_html_()
    assert lacking.__traceback__ is None, "or hits would keep all that made them"
    assert hits[:1].unavailable == hits.unavailable
    assert str(pickle.loads(pickle.dumps(hits)).unavailable) == str(hits.unavailable)
    with pytest.warns(UserWarning, match="glove.txt: there is no such file"):
        assert [clause["_name"] for clause in index.request("red boat", literal=True)["knn"]] == ["vector:hue"]
    for named in (f"vector:{name}", "vector:caption:glove:glove.txt"):
        assert index.search("red boat", literal=True, weights={named: 0}).unavailable == (), "it is not missed"
    assert index.search("red boat", literal=True, embedder="hue").unavailable == ()
    assert index.search(image=hue(0)).unavailable == ()
    assert str(index.search("boat", image=hue(120)).unavailable) == str(hits.unavailable)


def test_a_leg_that_was_named_or_is_the_last_must_run(moved: tuple[HybridIndex, str]) -> None:
    index, name = moved
    for asked in (
        {"text": "boat", "embedder": name},
        {"text": "boat", "embedder": [name, "hue"]},
        {"text": "boat", "weights": {"text": 0, "vector:hue": 0}},
        {"text": "lighthouse", "weights": {"text": 0}, "filter": "width:48"},
        {"vector_query": ["boat"], "embedder": name},
    ):
        with pytest.raises(LegUnavailable, match=r"glove\.txt: there is no such file.*HybridIndex\.drop_embedder"):
            index.search(**asked)


class LaterHue(HueEmbedder):
    """Another version of the embedder, whose vectors are not to be compared with those of the index."""

    version = "2"


def test_another_version_of_an_embedder_is_not_asked_for_words(tmp_path: Path) -> None:
    with HybridIndex(tmp_path / "index", embedder=[ColourEmbedder(), HueEmbedder()]) as made:
        filled(made)
    with HybridIndex(tmp_path / "index", embedder=[ColourEmbedder(), LaterHue()]) as index:
        hits = index.search("red", literal=True)
        assert (hits[0].id, set(hits[0].legs)) == ("h000", {"text"})
        assert "version 1" in hits.unavailable[0].reason and "version 2" in hits.unavailable[0].reason
        with pytest.raises(EmbedderMismatch, match=r"version 1.*version 2"):
            index.search(image=hue(0), embedder="hue")


def test_labels_are_words_again_where_words_have_no_vector(tmp_path: Path) -> None:
    class Absent(HueEmbedder):
        @property
        def version(self) -> str:  # type: ignore[override]
            raise WeightsMissing("hue.npz", "No such file or directory")

    with HybridIndex(tmp_path / "index", embedder=[ColourEmbedder(), HueEmbedder()]) as made:
        made.add(hue(0), id="red")
        assert set(made.search("red crimson", literal=True)[0].legs) == {"vector"}, "the label crimson is in the vector"
    with HybridIndex(tmp_path / "index") as index:
        index._state.embedders._given["hue"] = Absent()
        hits = index.search("red crimson", literal=True)
        assert (set(hits[0].legs), hits.unavailable[0].leg) == ({"text"}, "vector")
