"""Hits: what is read from a response, against what a server that answers by the book would mean."""

from __future__ import annotations

import dataclasses
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.hits.complete_legs import is_complete, with_larger_boosts
from hybrid_search.hits.hits import Hit, Hits, read_hits
from hybrid_search.query.body import build_body
from hybrid_search.query.query import SignatureLeg
from tests.support import bodies
from tests.support.bodies import SIGNATURE, nearest

LENGTH = math.hypot(*SIGNATURE.tolist())


def ask(**asked):
    """Ask by ranks, each hit by itself: what evidence makes of hits is in test_leg_evidence.py."""
    return bodies.ask(**{"fusion": "rrf", "collapse_duplicates": False, **asked})


def turned(count: int) -> np.ndarray:
    """Return the query's signature with the signs of its first values turned: as long, and further the more."""
    signature = SIGNATURE.copy()
    signature[:count] *= -1
    return signature


def distance_of(count: int) -> float:
    return math.dist(SIGNATURE.tolist(), turned(count).tolist()) / (2 * LENGTH)


def answer(body: dict, documents: dict[str, dict], *, matched: dict[str, float] | None = None) -> dict:
    """Answer as Elasticsearch does: top k of each kNN list, texts, sums of scores, the best `size`, scores by name.

    A document has some of: text (its BM25 score), cosine, turned (values of the signature whose sign differs).
    """
    names: dict[str, dict[str, float]] = {id: {} for id in documents}
    for clause in body.get("knn", ()):
        scored = {}
        for id, document in documents.items():
            if clause["field"] == "signature" and "turned" in document:
                cosine = float(SIGNATURE.astype(int) @ turned(document["turned"])) / LENGTH**2
                if cosine >= clause["similarity"]:
                    scored[id] = (1 + cosine) / 2
            if clause["field"] != "signature" and document.get("cosine", -2) >= clause.get("similarity", -1):
                scored[id] = (1 + document["cosine"]) / 2
        for id in sorted(scored, key=lambda id: -scored[id])[: clause["k"]]:
            names[id][clause["_name"]] = float(np.float32(clause["boost"] * scored[id]))
    if "query" in body:
        wanted = "must" in body["query"]["bool"]
        for id, document in documents.items():
            if wanted and "text" in document:
                names[id]["text"] = document["text"]
            elif not wanted:
                names[id]["filter:x"] = 0.0
    found = {id: scores for id, scores in names.items() if scores}
    order = sorted(found, key=lambda id: -sum(found[id].values()))[body["from"] : body["from"] + body["size"]]
    hits = [
        {
            "_id": id,
            "_score": sum(found[id].values()),
            "_source": {"path": [f"/p/{id}.jpg"], "signature_norm": LENGTH, **documents[id].get("source", {})},
            "matched_queries": {**found[id], **(matched or {})},
            "fields": {"signature": [turned(documents[id].get("turned", 0)).tolist()]},
        }
        for id in order
    ]
    return {"took": 3, "hits": {"total": {"value": len(found)}, "hits": hits}}


def search(documents: dict[str, dict], **asked) -> Hits:
    query = ask(**asked)
    body = build_body(query)
    return read_hits(answer(body, documents), query, body)


SIGNATURE_LEG = SignatureLeg(SIGNATURE)
DOCUMENTS = {
    "a": {"text": 8.0, "cosine": 0.9},
    "b": {"text": 2.0, "cosine": -0.5, "turned": 0},
    "c": {"cosine": 0.95, "turned": 30},
    "d": {"text": 4.0},
}


# -- one leg: its own score --------------------------------------------------------------------------------------------


def test_a_text_is_scored_by_bm25():
    hits = search(DOCUMENTS, text="dog")
    assert [(hit.rank, hit.id, hit.score) for hit in hits] == [(1, "a", 8.0), (2, "d", 4.0), (3, "b", 2.0)]
    assert hits[0].legs == {"text": 8.0}
    assert hits[0].ranks == {"text": 1}
    assert hits.total == 3
    assert hits.took_ms == 3.0


def test_a_vector_is_scored_by_its_cosine():
    hits = search(DOCUMENTS, vectors=[nearest()])
    assert hits.ids() == ["c", "a", "b"]
    assert [hit.score for hit in hits] == pytest.approx([0.95, 0.9, -0.5], abs=1e-6)


def test_a_signature_is_scored_by_its_distance():
    hits = search(DOCUMENTS, signature=SIGNATURE_LEG)
    assert hits.ids() == ["b", "c"]
    assert hits[0].distance == 0.0
    assert hits[0].score == 1.0
    assert hits[1].distance == pytest.approx(distance_of(30), abs=1e-12)
    assert hits[1].legs == {"signature": pytest.approx(1 - distance_of(30))}


def test_signatures_beyond_the_distance_are_no_hits_though_their_cosine_lets_them_in():
    # The least cosine is that of signatures of one length; a shorter one at the same angle is farther away.
    query = ask(signature=SignatureLeg(SIGNATURE, max_distance=0.2))
    body = build_body(query)
    half = np.where(np.arange(648) % 24, SIGNATURE, 0)
    short = math.hypot(*half.tolist()) / 2
    cosine = float(SIGNATURE.astype(int) @ half) / (LENGTH * 2 * short)
    assert cosine > body["knn"][0]["similarity"]
    hit = {
        "_id": "far",
        "_source": {"signature_norm": short},
        "matched_queries": {"signature": body["knn"][0]["boost"] * (1 + cosine) / 2},
    }
    response = answer(body, {"near": {"turned": 0}})
    response["hits"]["hits"].append(hit)
    response["hits"]["total"]["value"] = 2
    hits = read_hits(response, query, body)
    assert hits.ids() == ["near"]
    assert hits.total == 1


def test_signatures_are_ranked_by_distance_and_not_by_cosine():
    short, long = SIGNATURE.copy(), SIGNATURE.copy()
    short[:200] = 0
    long[SIGNATURE == 1] = 2
    query = ask(signature=SIGNATURE_LEG)
    body = build_body(query)
    rows = {"short": short, "long": long}
    apart = {id: math.dist(SIGNATURE.tolist(), row.tolist()) for id, row in rows.items()}
    lengths = {id: math.hypot(*row.tolist()) for id, row in rows.items()}
    distances = {id: apart[id] / (LENGTH + lengths[id]) for id in rows}
    hits = [
        {
            "_id": id,
            "_source": {"signature_norm": lengths[id]},
            "matched_queries": {
                "signature": body["knn"][0]["boost"]
                * (1 + float(SIGNATURE.astype(int) @ rows[id]) / (LENGTH * lengths[id]))
                / 2
            },
        }
        for id in rows
    ]
    found = read_hits({"hits": {"total": {"value": 2}, "hits": hits}}, query, body)
    assert found.ids() == sorted(rows, key=distances.get)
    assert [hit.distance for hit in found] == pytest.approx(sorted(distances.values()), abs=1e-12)


# -- several legs ------------------------------------------------------------------------------------------------------


def test_legs_are_told_apart_and_fused_by_rank():
    hits = search(DOCUMENTS, text="dog", vectors=[nearest()], signature=SIGNATURE_LEG)
    expected = {
        "a": 1 / 61 + 1 / 62,  # first by text, second by vector
        "b": 1 / 63 + 1 / 63 + 1 / 61,  # third, third, first by signature
        "c": 1 / 61 + 1 / 62,  # first by vector, second by signature
        "d": 1 / 62,  # second by text
    }
    assert hits.ids() == ["b", "a", "c", "d"]
    assert {hit.id: hit.score for hit in hits} == pytest.approx(expected)
    assert hits[0].ranks == {"text": 3, "vector": 3, "signature": 1}
    assert hits[0].legs == pytest.approx({"text": 2.0, "vector": -0.5, "signature": 1.0}, abs=1e-6)
    assert [hit.distance is None for hit in hits] == [False, True, False, True]


def test_weights_count():
    hits = search(DOCUMENTS, text="dog", vectors=[nearest()], weights={"text": 3})
    # a: 3/61 + 1/62, b: 3/63 + 1/63, d: 3/62, c: 1/61
    assert hits.ids() == ["a", "b", "d", "c"]
    assert hits[1].score == pytest.approx(4 / 63)


def test_scores_can_be_added_instead():
    hits = search(DOCUMENTS, text="dog", vectors=[nearest()], fusion="sum", weights={"vector": 2})
    # a: 8/8 + 2·0.9, c: 2·0.95, d: 4/8, b: 2/8 + 0
    assert hits.ids() == ["a", "c", "d", "b"]
    assert [hit.score for hit in hits] == pytest.approx([2.8, 1.9, 0.5, 0.25], abs=1e-5)


def test_pages_are_cut_from_one_fused_list():
    asked = {"text": "dog", "vectors": [nearest()], "signature": SIGNATURE_LEG}
    whole = search(DOCUMENTS, **asked)
    pages = [search(DOCUMENTS, **asked, k=1, offset=offset) for offset in range(5)]
    assert [hit for page in pages for hit in page] == list(whole)
    assert [hit.rank for hit in whole] == [1, 2, 3, 4]
    assert pages[4].total == whole.total == 4


def test_pages_of_one_leg_keep_the_order_of_the_server_among_equals():
    documents = {id: {"text": 1.0} for id in "dcba"}
    pages = [search(documents, text="dog", k=1, offset=offset).ids() for offset in range(4)]
    assert pages == [["d"], ["c"], ["b"], ["a"]]


# -- least scores ------------------------------------------------------------------------------------------------------


def test_min_score_is_of_the_fused_score():
    asked = {"text": "dog", "vectors": [nearest()]}
    least = search(DOCUMENTS, **asked)[1].score
    assert len(search(DOCUMENTS, **asked, min_score=least)) == 2
    assert search(DOCUMENTS, **asked, min_score=least).total == 2
    assert search(DOCUMENTS, **asked, min_score=1.0).ids() == []


def test_min_score_by_leg_is_in_the_unit_of_the_leg():
    assert search(DOCUMENTS, vectors=[nearest()], min_score={"vector": 0.92}).ids() == ["c"]
    assert search(DOCUMENTS, text="dog", min_score={"text": 4.0}).ids() == ["a", "d"]
    assert search(DOCUMENTS, signature=SIGNATURE_LEG, min_score={"signature": 0.99}).ids() == ["b"]
    both = search(DOCUMENTS, text="dog", vectors=[nearest()], min_score={"vector": 0.92, "text": 4.0})
    assert {hit.id: set(hit.legs) for hit in both} == {"a": {"text"}, "c": {"vector"}, "d": {"text"}}


# -- filters, sorts, copies, facets ------------------------------------------------------------------------------------


def test_a_filter_alone_does_not_score():
    hits = search(DOCUMENTS, filter="iso:400", k=2, offset=1)
    assert [(hit.rank, hit.id, hit.score, hit.legs) for hit in hits] == [(2, "b", 0.0, {}), (3, "c", 0.0, {})]
    assert hits.total == 4


def test_sorted_hits_keep_the_order_of_the_server():
    query = ask(text="dog", vectors=[nearest()], sort="iso", k=2, offset=1)
    body = build_body(query)
    response = answer(body, DOCUMENTS)
    response["hits"]["hits"].sort(key=lambda hit: hit["_id"], reverse=True)
    assert [(hit.rank, hit.id) for hit in read_hits(response, query, body)] == [(2, "c"), (3, "b")]


def test_copies_collapse_into_the_best():
    documents = {
        "a": {"text": 3.0, "turned": 0},
        "b": {"text": 2.0, "turned": 600},
        "c": {"text": 1.0, "turned": 10},
        "d": {"text": 0.5, "turned": 300, "source": {"duplicate": {"group": "g"}}},
        "e": {"text": 0.4, "turned": 450, "source": {"duplicate": {"group": "g"}}},
    }
    hits = search(documents, text="dog", collapse_duplicates=True)
    assert {hit.id: hit.copies for hit in hits} == {"a": ("c",), "b": (), "d": ("e",)}
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert search(documents, text="dog", collapse_duplicates=True, k=1, offset=1).ids() == ["b"]


def test_what_matched_is_named():
    query = ask(text="dog", filter="iso:400 AND (tags:a OR flash:true)", explain=True)
    body = build_body(query)
    named = {"filter:flash:true": 0.0, "term:dog@labels": 0.0}
    (first, *_) = read_hits(answer(body, DOCUMENTS, matched=named), query, body)
    assert first.matched == ("filter:flash:true", "filter:iso:400", "term:dog@labels")
    assert first.legs == {"text": 8.0}
    assert search(DOCUMENTS, text="dog")[0].matched == ()


@pytest.mark.parametrize("vectors", [[], [nearest()]])
def test_facets(vectors):
    query = ask(text="dog", vectors=vectors, facets=["camera.make"])
    body = build_body(query)
    counts = {"camera.make": {"buckets": [{"key": "canon", "doc_count": 3}]}}
    response = answer(body, DOCUMENTS)
    response["aggregations"] = {"all": {"doc_count": 9, "filtered": {"doc_count": 4, **counts}}} if vectors else counts
    assert read_hits(response, query, body).facets == {"camera.make": {"canon": 3}}


# -- against a naive search over all documents -------------------------------------------------------------------------

SCORES = st.floats(0.001, 60.0)
COSINES = st.floats(-1.0, 1.0)
DOCUMENT = st.fixed_dictionaries({}, optional={"text": SCORES, "cosine": COSINES, "turned": st.integers(0, 648)})


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), DOCUMENT, max_size=40), st.integers(1, 8))
def test_one_response_gives_what_separate_searches_would(documents, k):
    asked = {"text": "dog", "vectors": [nearest()], "signature": SIGNATURE_LEG, "k": k, "num_candidates": k}
    query = ask(**asked)
    body = build_body(query)
    assert query.window == k
    response = answer(body, documents)
    if not is_complete(response, body, window=k):
        body = with_larger_boosts(body, window=k, factor=1e6)
        response = answer(body, documents)
    if not is_complete(response, body, window=k):
        return
    naive: dict[str, list[str]] = {
        "text": [id for id in documents if "text" in documents[id]],
        "vector": [id for id in documents if "cosine" in documents[id]],
        "signature": [id for id in documents if distance_of(documents[id].get("turned", 648)) <= 0.45],
    }
    value = {
        "text": lambda id: documents[id]["text"],
        "vector": lambda id: float(np.float32(np.float32(1 + documents[id]["cosine"]))),
        "signature": lambda id: -distance_of(documents[id]["turned"]),
    }
    distinct = all(len({value[leg](id) for id in ids}) == len(ids) for leg, ids in naive.items())
    if not distinct:
        return
    expected: dict[str, float] = {}
    for leg, ids in naive.items():
        for rank, id in enumerate(sorted(ids, key=value[leg], reverse=True)[:k], start=1):
            expected[id] = expected.get(id, 0.0) + 1 / (60 + rank)
    order = sorted(expected, key=lambda id: (-round(expected[id], 12), id))[:k]
    found = read_hits(response, query, body)
    assert {hit.id: pytest.approx(hit.score) for hit in found} == {hit.id: expected[hit.id] for hit in found}
    assert sorted(round(expected[id], 12) for id in found.ids()) == sorted(round(expected[id], 12) for id in order)


@given(st.integers(0, 640), st.sampled_from([1.0, 1e3, 1e6, 1e9]))
def test_distances_come_back_exactly_from_scores_of_single_precision(count, boost):
    query = ask(signature=SignatureLeg(SIGNATURE, max_distance=0.999))
    body = build_body(query)
    body["knn"][0]["boost"] = boost
    (hit,) = read_hits(answer(body, {"a": {"turned": count}}), query, body)
    assert hit.distance == pytest.approx(distance_of(count), abs=1e-12)


# -- what hits are -----------------------------------------------------------------------------------------------------


def test_hits_are_a_sequence_of_frozen_hits():
    hits = search(DOCUMENTS, text="dog")
    assert len(hits) == 3
    assert [hit.id for hit in hits[1:]] == ["d", "b"]
    assert isinstance(hits[1:], Hits)
    assert hits[1:].total == 3
    assert hits[-1].id == "b"
    assert hits[0] in hits
    assert pickle.loads(pickle.dumps(hits)).ids() == hits.ids()
    with pytest.raises(dataclasses.FrozenInstanceError):
        hits[0].rank = 7  # type: ignore[misc]


def test_a_hit_as_json():
    hit = search(DOCUMENTS, signature=SIGNATURE_LEG)[0]
    assert hit.to_dict() == {
        "rank": 1,
        "id": "b",
        "score": 1.0,
        "legs": {"signature": 1.0},
        "ranks": {"signature": 1},
        "distance": 0.0,
        "path": "/p/b.jpg",
        "matched": [],
        "copies": [],
        "source": {"path": ["/p/b.jpg"], "signature_norm": LENGTH},
    }
    assert search(DOCUMENTS, signature=SIGNATURE_LEG).to_dicts()[0] == hit.to_dict()


@pytest.mark.parametrize(
    ("source", "path"),
    [({}, None), ({"path": []}, None), ({"path": ["/a", "/b"]}, "/a"), ({"path": "/a"}, "/a")],
)
def test_the_path_is_the_first_of_several(source, path):
    assert Hit(1, "a", 1.0, source=source).path == path


def test_ties_of_the_words_are_decided_by_the_vectors():
    query = ask(text="dog", vectors=[nearest()])
    documents = {id: {"text": 1.5, "cosine": cosine} for id, cosine in zip("abcd", (0.1, 0.4, 0.2, 0.3), strict=True)}
    body = build_body(query)
    hits = read_hits(answer(body, documents), query, body)
    assert hits.ids() == ["b", "d", "c", "a"]
    assert [hit.ranks["text"] for hit in hits] == [1, 2, 3, 4]
