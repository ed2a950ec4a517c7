"""kNN of thousands of documents under every share of a filter, with dead rows between, against brute force."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from hybrid_search.backends import Action
from hybrid_search.backends.embedded import EmbeddedBackend

COUNT, DIMS = 6000, 16
DEFINITION: dict[str, Any] = {
    "mappings": {
        "dynamic": "strict",
        "properties": {
            "number": {"type": "integer"},
            "group": {"type": "keyword"},
            "float": {"type": "dense_vector", "dims": DIMS, "similarity": "dot_product"},
            "cosine": {"type": "dense_vector", "dims": DIMS},
            "byte": {
                "type": "dense_vector",
                "dims": DIMS,
                "element_type": "byte",
                "similarity": "l2_norm",
                "index_options": {"type": "flat"},
            },
        },
    }
}
random = np.random.default_rng(8)
VECTORS = random.normal(size=(COUNT, DIMS))
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
BYTES = random.integers(-100, 100, size=(COUNT, DIMS)).astype(np.int8)
DEAD = {number for number in range(COUNT) if number % 10 == 3}


@pytest.fixture(scope="module")
def backend() -> Iterator[EmbeddedBackend]:
    """Every fifth document was written twice and every tenth is deleted, so that many rows are dead."""
    backend = EmbeddedBackend(None)
    backend.create(DEFINITION)

    def action(number: int, vector: Any) -> Action:
        source = {
            "number": number,
            "group": f"g{number % 100}",
            "float": vector,
            "cosine": 3 * vector,
            "byte": BYTES[number],
        }
        return Action("index", f"d{number}", source)

    backend.bulk([action(number, VECTORS[(number + 7) % COUNT]) for number in range(0, COUNT, 5)])
    backend.refresh()
    backend.bulk([action(number, VECTORS[number]) for number in range(COUNT)])
    backend.bulk([Action("delete", f"d{number}") for number in DEAD])
    backend.refresh()
    yield backend
    backend.close()


def nearest(asked: Any, allowed: list[int], k: int) -> set[str]:
    order = np.argsort(-(VECTORS[allowed] @ asked), kind="stable")
    return {f"d{allowed[place]}" for place in order[:k]}


@pytest.mark.parametrize("field", ["float", "cosine"])
@pytest.mark.parametrize("share", [None, 1.0, 0.6, 0.4, 0.1, 0.01, 0.001])
@pytest.mark.parametrize("k", [1, 10, 100])
def test_the_nearest_that_pass(backend: EmbeddedBackend, field: str, share: float | None, k: int) -> None:
    limit = COUNT if share is None else int(COUNT * share)
    allowed = [number for number in range(limit) if number not in DEAD]
    right = total = 0
    for seed in range(12):
        asked = np.random.default_rng(seed).normal(size=DIMS)
        asked /= np.linalg.norm(asked)
        leg = {"field": field, "query_vector": asked, "k": k, "num_candidates": max(k, 50)}
        if share is not None:
            leg["filter"] = [{"range": {"number": {"lt": limit}}}]
        hits = backend.search({"knn": leg, "size": 200})["hits"]["hits"]
        expected = nearest(asked, allowed, k)
        assert len(hits) == len(expected)
        assert all(hit["_source"]["number"] in set(allowed) for hit in hits)
        for hit in hits:
            assert hit["_score"] == pytest.approx((1 + VECTORS[hit["_source"]["number"]] @ asked) / 2, abs=1e-3)
        right += len(expected & {hit["_id"] for hit in hits})
        total += len(expected)
    assert right / total >= 0.99


def test_a_filter_that_the_nearest_do_not_pass(backend: EmbeddedBackend) -> None:
    """The filter takes away the half of the space around the query, so that looking deeper does not help at once."""
    asked = VECTORS[0]
    far = [number for number in range(COUNT) if number not in DEAD and VECTORS[number] @ asked < 0]
    backend.bulk([Action("update", f"d{number}", {"group": "far"}) for number in far])
    backend.refresh()
    leg = {"field": "float", "query_vector": asked, "k": 20, "num_candidates": 30, "filter": {"term": {"group": "far"}}}
    hits = backend.search({"knn": leg, "size": 200})["hits"]["hits"]
    assert len(nearest(asked, far, 20) & {hit["_id"] for hit in hits}) >= 19


@pytest.mark.parametrize("share", [None, 0.5, 0.05])
def test_bytes_are_exact(backend: EmbeddedBackend, share: float | None) -> None:
    limit = COUNT if share is None else int(COUNT * share)
    allowed = np.array([number for number in range(limit) if number not in DEAD])
    asked = np.random.default_rng(3).integers(-100, 100, DIMS).astype(np.int8)
    leg: dict[str, Any] = {"field": "byte", "query_vector": asked.tolist(), "k": 30, "num_candidates": 30}
    if share is not None:
        leg["filter"] = {"range": {"number": {"lt": limit}}}
    squares = ((BYTES[allowed].astype(int) - asked.astype(int)) ** 2).sum(axis=1)
    hits = backend.search({"knn": leg, "size": 30})["hits"]["hits"]
    assert [round(1 / hit["_score"] - 1) for hit in hits] == sorted(squares.tolist())[:30]
    as_hex = {**leg, "query_vector": asked.tobytes().hex()}
    assert [hit["_id"] for hit in backend.search({"knn": as_hex, "size": 30})["hits"]["hits"]] == [
        h["_id"] for h in hits
    ]


def test_the_same_filter_again_sees_later_writes(backend: EmbeddedBackend) -> None:
    leg = {"field": "float", "query_vector": VECTORS[1], "k": 1, "num_candidates": 9}
    leg["filter"] = {"range": {"number": {"gte": 0, "lt": 5500}}}
    assert backend.search({"knn": leg})["hits"]["hits"][0]["_id"] == "d1"
    backend.bulk([Action("delete", "d1")])
    assert backend.search({"knn": leg})["hits"]["hits"][0]["_id"] == "d1"
    backend.refresh()
    assert backend.search({"knn": leg})["hits"]["hits"][0]["_id"] != "d1"
    DEAD.add(1)


def test_zero_vectors_have_no_cosine(backend: EmbeddedBackend) -> None:
    [outcome] = backend.bulk([Action("index", "zero", {"cosine": [0] * DIMS})])
    assert outcome.status == 400 and "cosine" in str(outcome.error)


def test_other_libraries_load_after_the_graph() -> None:
    module = "hybrid_search.backends.embedded.vectors.usearch_import"
    code = f"from {module} import usearch_index; usearch_index(); import onnxruntime, cv2"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"the process ended with {done.returncode}: {done.stderr}"
