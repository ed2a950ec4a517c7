"""Shares: what a hit gets of the weight of a leg that few pictures have, by what its match is evidence of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hybrid_search.embedders.cosine_baseline import _TEXTS, cosine_range, unrelated_cosine
from hybrid_search.hits.leg_shares import share_of_cosine, share_of_words
from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder, ColourWords, HueEmbedder, hue
from tests.support.indexes import index_of
from tests.support.servers import VERSIONS

# -- the formulas ------------------------------------------------------------------------------------------------------


def test_a_share_is_what_speaks_against_chance() -> None:
    # of 100 texts one has the rare word, five another, and twenty-five the common one
    chance = {having: (having + 0.5) / 101 for having in (1, 5, 25)}
    rare, seldom, common = (-math.log(each) for each in chance.values())
    assert share_of_words(seldom, words=2) == pytest.approx(math.log(101 / 5.5 / math.e**2))
    assert share_of_words(seldom + common, words=4) == pytest.approx(math.log(101**2 / (5.5 * 25.5)) - 4)
    assert share_of_words(rare, words=3) == 1.0, "a name says which picture is meant, whatever else is asked"
    # a word that a quarter has is no evidence when two are asked, and all that can be had when it alone is
    assert share_of_words(common, words=2) == 1e-3
    assert share_of_words(common, words=1) == share_of_words(0.0, words=0) == 1.0


@given(st.floats(0, 60), st.floats(0, 60), st.integers(0, 20))
def test_shares_of_words_grow_with_the_score_and_shrink_with_what_is_asked(
    one: float, other: float, words: int
) -> None:
    low, high = sorted((one, other))
    assert 1e-3 <= share_of_words(low, words=words) <= share_of_words(high, words=words) <= 1
    assert share_of_words(low, words=words + 1) <= share_of_words(low, words=words)


@given(st.floats(-1, 1), st.floats(-1, 0.99))
def test_shares_of_cosines_are_how_far_they_are_above_the_unrelated(cosine: float, unrelated: float) -> None:
    share = share_of_cosine(cosine, unrelated=unrelated)
    assert 1e-3 <= share <= 1
    if cosine <= unrelated:
        assert share == 1e-3
    assert share_of_cosine(1.0, unrelated=unrelated) == 1


class Tower:
    """A text tower whose vectors are drawn, and zero for the texts that are not known."""

    dims = 3
    version = "1"

    def __init__(self, name: str, known: int) -> None:
        self.name = name
        self.asked: list[str] = []
        self._known = known

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        vectors = np.random.default_rng(7).normal(0.5, 1.0, (len(texts), self.dims))
        vectors[self._known :] = 0
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)


def test_unrelated_texts_of_a_tower_are_measured_once() -> None:
    tower = Tower("drawn", known=7)
    found = unrelated_cosine(tower)
    rows = Tower("again", known=7).embed_texts(tower.asked)[:7].astype(float).tolist()
    cosines = [sum(a * b for a, b in zip(rows[i], rows[j], strict=True)) for i in range(7) for j in range(i)]
    mean = sum(cosines) / len(cosines)
    spread = math.sqrt(sum((cosine - mean) ** 2 for cosine in cosines) / len(cosines))
    assert found == pytest.approx(min(mean + 2 * spread, 1.0), abs=1e-6) if mean + 2 * spread < 1 else found is None
    asked = len(tower.asked)
    assert unrelated_cosine(tower) == found and len(tower.asked) == asked
    assert unrelated_cosine(Tower("knows few", known=5)) is None
    assert unrelated_cosine(ColourWords()) is None


class Alike:
    """A text tower like a mean of words: every text has much of one direction, and some of a direction of its own."""

    name, version, dims = "alike", "1", 200

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dims), np.float32)
        for row, text in enumerate(texts):
            vectors[row, 0] = 3.0
            vectors[row, 1 + sum(text.encode()) % 199] = 1.0
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_what_all_texts_of_a_tower_share_tells_nothing() -> None:
    tower = Alike()
    same, other = tower.embed_texts(["a dog", "a cat on a mat"])
    assert float(same @ other) == pytest.approx(0.9), "9 of 10 parts are common"
    assert unrelated_cosine(tower) == pytest.approx(0.9, abs=0.03)
    for asked in (same, 7 * same):
        unrelated, related = cosine_range(tower, asked) or (0.0, 0.0)
        assert share_of_cosine(1.0, unrelated=unrelated, related=related) == pytest.approx(1, abs=0.03)
        assert share_of_cosine(0.9, unrelated=unrelated, related=related) < 0.15
        assert 0.3 < share_of_cosine(0.96, unrelated=unrelated, related=related) < 0.8
    # a word alone has little of what texts share, and no text is as near to it as texts are to each other
    word = np.zeros(200, np.float32)
    word[:] = same
    word[0] = 0.1 * word[1:].max()
    caption = float(word @ same / np.linalg.norm(word))
    assert caption < 0.5
    unrelated, related = cosine_range(tower, word) or (0.0, 0.0)
    assert share_of_cosine(caption, unrelated=unrelated, related=related) > 0.9
    assert share_of_cosine(float(word @ other / np.linalg.norm(word)), unrelated=unrelated, related=related) < 0.15


def test_where_texts_are_mostly_apart_the_range_is_that_of_all() -> None:
    tower = Tower("drawn apart", known=7)
    tower.embed_texts = lambda texts: np.eye(10, dtype=np.float32)[: len(texts)]  # type: ignore[method-assign]
    assert cosine_range(tower, np.ones(10)) == (unrelated_cosine(tower), 1.0) == (0.0, 1.0)
    assert cosine_range(Tower("knows few too", known=5), np.ones(3)) is None
    nothing_of_its_own = Alike().embed_texts(_TEXTS).mean(axis=0)
    assert cosine_range(Alike(), nothing_of_its_own) == (unrelated_cosine(Alike()), 1.0)


# -- in an index -------------------------------------------------------------------------------------------------------

ANGLES = range(0, 360, 3)
CAPTIONS = {
    **{angle: "boat on the lake" for angle in range(90, 210, 6)},
    **{angle: "house by the lake" for angle in range(93, 210, 6)},
    **{angle: "stone roof" for angle in range(210, 231, 3)},
    150: "Neuschwanstein in winter",
}
"""Of 120 hues: what a few say is about what most of them are not near to."""


def filled(index: HybridIndex) -> HybridIndex:
    for angle in ANGLES:
        caption = {"caption": CAPTIONS[angle]} if angle in CAPTIONS else {}
        index.add(hue(angle), id=f"h{angle:03}", metadata=caption)
    index.refresh()
    return index


@pytest.fixture(scope="module", params=["embedded", *VERSIONS])
def index(request: pytest.FixtureRequest) -> Iterator[HybridIndex]:
    with index_of(request, HueEmbedder()) as made:
        yield filled(made)


def evidence(caption: str, asked: Sequence[str], cost: float = 1.0) -> float:
    """Return by hand what a caption says for a question: BM25 of Lucene by idf, less the cost of each word."""
    texts = [
        [word.lower() for word in told.split() if word not in ("on", "the", "by", "in")] for told in CAPTIONS.values()
    ]
    mean = sum(map(len, texts)) / len(texts)
    mine = [word.lower() for word in caption.split() if word not in ("on", "the", "by", "in")]
    found = 0.0
    for word in asked:
        having = sum(word in text for text in texts)
        if word in mine:
            idf = math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
            found += 2.2 * idf / (1 + 1.2 * (0.25 + 0.75 * len(mine) / mean))
    return found - cost * len(asked)


def test_a_share_is_that_of_the_formula_on_every_backend(index: HybridIndex) -> None:
    asked = ["boat", "red", "lake"]
    hits = {hit.id: hit for hit in index.search(" ".join(asked), k=120, fusion="rrf", literal=True)}
    for angle, caption in CAPTIONS.items():
        hit = hits[f"h{angle:03}"]
        if not set(asked) & set(caption.split()):
            assert "text" not in hit.legs
            continue
        expected = min(1.0, max(1e-3, evidence(caption, asked)))
        assert hit.shares.get("text", 1.0) == pytest.approx(expected, abs=1e-3)
    assert {"text"} == {leg for hit in hits.values() for leg in hit.shares}


def test_the_score_is_the_sum_of_what_each_leg_gave(index: HybridIndex) -> None:
    for fusion in ("rrf", "sum"):
        hits = index.search("boat red lake", literal=True, k=120, weights={"text": 2}, fusion=fusion)
        best = max(hit.legs.get("text", 0.0) for hit in hits)
        for hit in hits:
            gave = {
                leg: {"text": 2}.get(leg, 1)
                * hit.shares.get(leg, 1)
                * (1 / (60 + hit.ranks[leg]) if fusion == "rrf" else max(0, score) / (best if leg == "text" else 1))
                for leg, score in hit.legs.items()
                if leg in hit.ranks
            }
            assert hit.score == pytest.approx(sum(gave.values()))


def test_one_common_word_lifts_no_picture_above_those_that_are_like_what_is_asked(index: HybridIndex) -> None:
    hits = index.search("red lake", literal=True, k=10, fusion="rrf")
    nearest = {f"h{angle % 360:03}" for angle in range(-15, 16, 3)}
    assert set(hits.ids()) <= nearest, "forty captions have the lake, and their pictures are not red"
    assert index.search("red lake", literal=True, k=120, weights={"vector": 0})[0].shares == {}, (
        "a leg alone is no fusion"
    )


@pytest.mark.parametrize("asked", ["Neuschwanstein", "neuschwanstein red", 'red castle "neuschwanstein"'])
def test_a_rare_word_still_lifts_its_picture(index: HybridIndex, asked: str) -> None:
    hits = index.search(asked, k=3, fusion="rrf", literal=True)
    assert "h150" in hits.ids()[:2] and "vector" not in hits[hits.ids().index("h150")].ranks


def test_one_word_and_a_phrase_have_their_whole_share(index: HybridIndex) -> None:
    for asked in ("red", "the lake", 'red "by the lake"', '"on the lake" red castle'):
        assert not any(hit.shares for hit in index.search(asked, k=120, fusion="rrf", literal=True))
    assert {hit.source.get("caption") for hit in index.search("stone", k=7)} == {"stone roof"}


def test_words_beside_an_example_count_as_before(index: HybridIndex) -> None:
    hits = index.search("boat lake roof", image=hue(0), weights={"vector": 0}, k=120)
    assert not any(hit.shares for hit in hits)


# -- captions by meaning -----------------------------------------------------------------------------------------------


def test_captions_by_meaning_have_the_share_of_their_cosine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybrid_search.query.vector_legs.cosine_range", lambda tower, vector: (0.2, 1.0))
    said = {180: "green", 198: "yellow"}
    with HybridIndex(embedder=[HueEmbedder(), ColourWords()]) as made:
        for angle in ANGLES:
            made.add(hue(angle), id=f"h{angle:03}", metadata={"caption": said[angle]} if angle in said else {})
        made.refresh()
        found = made.search("red", literal=True, k=120, fusion="rrf")
        hits, leg = {hit.id: hit for hit in found}, "vector:caption:colourwords"
        # yellow is 60° from red on the wheel, green 120°
        assert hits["h198"].legs[leg] == pytest.approx(0.5, abs=1e-3)
        assert hits["h198"].shares == {leg: pytest.approx((0.5 - 0.2) / 0.8, abs=1e-3)}
        assert hits["h180"].legs[leg] == pytest.approx(-0.5, abs=1e-3) and hits["h180"].shares == {leg: 1e-3}
        assert found.ids()[:3] == ["h000", "h003", "h357"], "the only two captions are the first of their leg"
        assert made.search("red", literal=True, embedder="caption:colourwords", weights={"text": 0})[0].shares == {}


def test_without_a_measure_captions_count_by_their_rank() -> None:
    with HybridIndex(embedder=[ColourEmbedder(), ColourWords()]) as made:
        made.add(hue(0), id="a", metadata={"caption": "red"})
        assert made.search("red", literal=True)[0].shares == {}


def test_a_hit_as_json_tells_its_shares(index: HybridIndex) -> None:
    hits = index.search("red lake", literal=True, k=120, fusion="rrf")
    told = {hit.id: hit.to_dict().get("shares") for hit in hits}
    assert told["h093"] == {"text": 1e-3} and told["h000"] is None
