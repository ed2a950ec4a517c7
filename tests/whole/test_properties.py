"""What holds for any pictures and any question, of the index as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from hybrid_search.backends import Action
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.document.definition import EmbeddingSpec, load_definition
from hybrid_search.index import HybridIndex
from hybrid_search.signature.goldberg import distance
from tests.support.fakes import ColourEmbedder, photo

PICTURES = 60
MAKES = ("Canon", "Nikon", "Sony")
WORDS = ("dog", "cat", "beach", "street", "night", "snow")
FILTERS = [
    "camera.make:canon",
    "iso:[200 TO 400]",
    "tags:night",
    "NOT tags:night",
    "taken_at:[2018 TO 2021}",
    "location:within(48.85,2.35,50km)",
    "caption:dog OR iso:>500",
    "_exists_:location",
]
ASKED = [
    {"text": "dog beach"},
    {"text": '"a dog"'},
    {"image": 7},
    {"like": "09"},
    {"text": "cat", "image": 21},
    {"text": "night", "like": "30", "fusion": "sum"},
    {},
]


@pytest.fixture(scope="module")
def index() -> Iterator[HybridIndex]:
    chance = np.random.default_rng(7)
    with HybridIndex(embedder=ColourEmbedder()) as index:
        for number in range(PICTURES):
            said: dict[str, Any] = {
                "caption": f"a {' and a '.join(chance.choice(WORDS, 2, replace=False))}",
                "camera.make": str(chance.choice(MAKES)),
                "iso": int(chance.integers(1, 9)) * 100,
                "taken_at": f"{chance.integers(2015, 2025)}-{chance.integers(1, 13):02}-15",
                "tags": [str(word) for word in chance.choice(WORDS, 2, replace=False)],
            }
            if number % 3:
                said["location"] = {"lat": 48.85 + float(chance.normal()), "lon": 2.35}
            index.add(photo(number, (90, 70)), id=f"{number:02}", metadata=said)
        # near-copies, so that the signature leg has more than the picture itself to say
        for number in range(0, 12, 3):
            smaller = photo(number, (90, 70)).resize((81, 63), Image.Resampling.LANCZOS)
            index.add(smaller, id=f"c{number:02}", metadata={"caption": "a copy", "iso": 400})
        yield index


def ask(index: HybridIndex, asked: dict[str, Any], **more: Any) -> list[str]:
    # all that match: where hits end depends on what others there are, which a filter changes
    options = {**asked, **more, "k": 200, "collapse_duplicates": False, "everything": True}
    if isinstance(options.get("image"), int):
        options["image"] = photo(options["image"], (90, 70))
    if not (set(asked) - {"fusion"}) and "filter" not in more:
        options["filter"] = "NOT tags:nothing"
    return index.search(**options).ids()


ASKINGS = st.sampled_from(ASKED)
CONDITIONS = st.sampled_from(FILTERS)
QUICK = settings(max_examples=60, deadline=None)


@QUICK
@given(asked=ASKINGS, first=CONDITIONS, second=CONDITIONS)
def test_hits_under_two_filters_are_hits_under_each(index: HybridIndex, asked: Any, first: str, second: str) -> None:
    both = ask(index, asked, filter=f"({first}) AND ({second})")
    one, other = (set(ask(index, asked, filter=each)) for each in (first, second))
    assert set(both) == one & other
    assert len(both) == len(set(both))
    assert set(both) == set(ask(index, asked, filter=[first, second])), "a list of filters is their conjunction"


@QUICK
@given(asked=ASKINGS, condition=CONDITIONS)
def test_a_filter_and_its_negation_part_the_hits(index: HybridIndex, asked: Any, condition: str) -> None:
    whole = ask(index, asked)
    inside, outside = ask(index, asked, filter=condition), ask(index, asked, filter=f"NOT ({condition})")
    assert set(inside) | set(outside) == set(whole) and not set(inside) & set(outside)


@QUICK
@given(asked=ASKINGS, first=CONDITIONS, second=CONDITIONS)
def test_either_of_two_filters(index: HybridIndex, asked: Any, first: str, second: str) -> None:
    either = ask(index, asked, filter=f"({first}) OR ({second})")
    assert set(either) == set(ask(index, asked, filter=first)) | set(ask(index, asked, filter=second))


@QUICK
@given(asked=st.sampled_from([asked for asked in ASKED if len(asked) == 1]), condition=CONDITIONS)
def test_one_leg_keeps_its_order_under_a_filter(index: HybridIndex, asked: Any, condition: str) -> None:
    weights = {} if "text" in asked else {"weights": {"signature": 0}}
    whole = index_scores(index, asked, **weights)
    part = index_scores(index, asked, filter=condition, **weights)
    assert part == {id: pytest.approx(score, abs=1e-5) for id, score in whole.items() if id in part}
    ordered = list(part.values())
    assert ordered == sorted(ordered, reverse=True)


def index_scores(index: HybridIndex, asked: dict[str, Any], **more: Any) -> dict[str, float]:
    options = {"fusion": "rrf", **asked, **more, "k": 200, "collapse_duplicates": False}
    if isinstance(options.get("image"), int):
        options["image"] = photo(options["image"], (90, 70))
    return {hit.id: hit.score for hit in index.search(**options)}


@QUICK
@given(asked=ASKINGS, condition=st.none() | CONDITIONS, k=st.integers(1, 25), offset=st.integers(0, 25))
def test_any_page_is_a_slice_of_the_whole(
    index: HybridIndex, asked: Any, condition: str | None, k: int, offset: int
) -> None:
    options = {**asked, "filter": condition or "NOT tags:nothing"}
    if isinstance(options.get("image"), int):
        options["image"] = photo(options["image"], (90, 70))
    # the legs of pages within the first fifty are asked for the same fifty
    whole = index.search(**options, k=50)
    page = index.search(**options, k=k, offset=offset)
    assert page.ids() == whole.ids()[offset : offset + k]
    if len(whole.body.get("knn", ())):
        assert page.total <= whole.total
    else:
        assert page.total == whole.total


@QUICK
@given(seed=st.integers(0, PICTURES - 1), quality=st.integers(30, 95))
def test_distances_are_those_of_the_signatures(index: HybridIndex, seed: int, quality: int) -> None:
    import io

    buffer = io.BytesIO()
    photo(seed, (90, 70)).save(buffer, "JPEG", quality=quality)
    with HybridIndex(embedder=ColourEmbedder()) as alone:
        mine = np.asarray(alone.get(alone.add(buffer.getvalue()), vectors=True).source["signature"], np.int8)
    hits = index.search(image=buffer.getvalue(), k=200)
    for hit in hits:
        other = np.asarray(index.get(hit.id, vectors=True).source["signature"], np.int8)
        exact = float(distance(mine, other))
        if hit.distance is not None:
            assert hit.distance == pytest.approx(exact, abs=1e-9) and 0 <= hit.distance <= 0.45
            assert hit.legs["signature"] == pytest.approx(1 - exact, abs=1e-9)
        elif exact <= 0.3:
            pytest.fail(f"{hit.id} at {exact} was not found")


def test_minima_cut_and_never_reorder(index: HybridIndex) -> None:
    whole = index_scores(index, {"text": "dog beach"})
    for least in sorted(whole.values()):
        kept = index_scores(index, {"text": "dog beach"}, min_score=least)
        assert kept == {id: score for id, score in whole.items() if score >= least}


# -- vectors and words against the slow way ----------------------------------------------------------------------------

DIMS = 8
DEFINITION = load_definition(embeddings={"toy": EmbeddingSpec("toy", "1", dims=DIMS)})


def backend_with(sources: Sequence[tuple[str, dict[str, Any]]]) -> EmbeddedBackend:
    backend = EmbeddedBackend(None)
    backend.create(DEFINITION)
    outcomes = backend.bulk([Action("index", id, source) for id, source in sources])
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    backend.refresh()
    return backend


def unit(rows: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


@settings(max_examples=25, deadline=None)
@given(count=st.integers(1, 80), seed=st.integers(0, 2**31), k=st.integers(1, 90), kept=st.integers(1, 4))
def test_nearest_vectors_are_those_of_all_cosines(count: int, seed: int, k: int, kept: int) -> None:
    chance = np.random.default_rng(seed)
    vectors, query = unit(chance.normal(size=(count, DIMS))), unit(chance.normal(size=DIMS))
    backend = backend_with(
        [(f"{row:03}", {"iso": row % 4, "embedding": {"toy": vector}}) for row, vector in enumerate(vectors)]
    )
    leg = {"field": "embedding.toy", "query_vector": query, "k": k, "num_candidates": max(k, 100)}
    body = {"size": 100, "knn": [{**leg, "filter": [{"range": {"iso": {"lt": kept}}}]}]}
    found = [(hit["_id"], hit["_score"]) for hit in backend.search(body)["hits"]["hits"]]
    cosines = vectors.astype(float) @ query.astype(float)
    allowed = [row for row in range(count) if row % 4 < kept]
    best = sorted(allowed, key=lambda row: -cosines[row])[:k]
    assert len(found) == len(best)
    for (id, score), row in zip(found, best, strict=True):
        # vectors are kept as 16-bit numbers: neighbours may change places where their cosines nearly agree
        assert score == pytest.approx((1 + cosines[int(id)]) / 2, abs=1e-3)
        assert cosines[int(id)] == pytest.approx(cosines[row], abs=2e-3)


CAPTIONS = st.lists(st.lists(st.sampled_from(WORDS), min_size=0, max_size=6).map(" ".join), min_size=2, max_size=14)


@settings(max_examples=40, deadline=None)
@given(
    captions=CAPTIONS,
    chance=st.randoms(use_true_random=False),
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=3),
)
def test_words_do_not_care_for_the_order_of_writing(captions: list[str], chance: Any, words: list[str]) -> None:
    sources = [(f"{number:02}", {"caption": caption}) for number, caption in enumerate(captions)]
    shuffled = list(sources)
    chance.shuffle(shuffled)
    query = {"multi_match": {"query": " ".join(words), "type": "best_fields", "fields": ["caption^3", "title^3"]}}
    answers = []
    for written in (sources, shuffled):
        hits = backend_with(written).search({"size": 100, "query": query})["hits"]["hits"]
        answers.append({hit["_id"]: hit["_score"] for hit in hits})
    first, second = answers
    assert second == {id: pytest.approx(score, rel=1e-5) for id, score in first.items()}
    expected = {id for id, source in sources if set(source["caption"].split()) & set(words)}
    assert set(first) == expected


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["index", "update", "delete", "refresh"]), st.integers(0, 5), st.sampled_from(WORDS)),
        max_size=25,
    )
)
def test_any_writes_leave_what_a_dictionary_would_hold(steps: list[tuple[str, int, str]]) -> None:
    backend, held = backend_with([]), {}
    for op, number, word in steps:
        id = str(number)
        if op == "refresh":
            backend.refresh()
            continue
        source = {"caption": word} if op == "index" else {"title": word}
        (outcome,) = backend.bulk([Action(op, id, {} if op == "delete" else source)])  # type: ignore[arg-type]
        assert (outcome.status == 404) == (op != "index" and id not in held)
        if op == "index":
            held[id] = source
        elif op == "update" and id in held:
            held[id] = {**held[id], **source}
        elif op == "delete":
            held.pop(id, None)
    backend.refresh()
    assert dict(backend.scan()) == held and backend.count() == len(held)
    for word in WORDS:
        query = {"multi_match": {"query": word, "fields": ["caption", "title"]}}
        found = {hit["_id"] for hit in backend.search({"query": query})["hits"]["hits"]}
        assert found == {id for id, source in held.items() if word in source.values()}
