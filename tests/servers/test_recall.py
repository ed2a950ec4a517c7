"""100,000 documents on real servers and embedded: nothing near is missed, filters hold, and both give the same hits."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch
from numpy.typing import NDArray

from hybrid_search import HybridIndex
from hybrid_search.backends import Action, Backend
from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server
from hybrid_search.backends.elasticsearch.aliases import aliases, make, with_layout
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.document.definition import EmbeddingSpec, load_definition
from hybrid_search.hits.complete_legs import ask
from hybrid_search.hits.hits import Hits, read_hits
from hybrid_search.query.body import build_body
from hybrid_search.query.query import SignatureLeg, VectorLeg, make_query
from hybrid_search.signature.goldberg import norm, word_tokens
from tests.support.servers import VERSIONS

SIZE = 100_000
DIMS = 64
FIELDS = ("hnsw", "int8_hnsw")
SHARES = (1.0, 0.1, 0.03, 0.01, 0.001)
QUERIES = 40
FAMILIES, COPIES = 66, 30
LIGHTHOUSES = 300


class Vectors:
    """An embedder in name only."""

    name = "hnsw"
    dims = DIMS
    version = "1"
    embeds_text = False
    min_side = 32

    def embed_images(self, images: Sequence[object]) -> NDArray[np.float32]:
        raise NotImplementedError

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise NotImplementedError


class Documents:
    """Clustered vectors, a thousand tags, families of copies, and 300 captions of which no two score the same."""

    def __init__(self) -> None:
        random = np.random.default_rng(3)
        centres = random.standard_normal((SIZE // 200, DIMS))
        vectors = centres[random.integers(0, len(centres), SIZE)] + 0.9 * random.standard_normal((SIZE, DIMS))
        self.vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        self.tags = random.integers(0, 1000, SIZE)
        self.words = random.integers(0, 5000, (SIZE, 4))
        originals = random.integers(-2, 3, (FAMILIES, 648), np.int8)
        # copy n differs from its original in n × 12 places
        self.signatures = {
            copy * 20 + 7: _altered(originals[copy // COPIES], copy % COPIES * 12, copy)
            for copy in range(FAMILIES * COPIES)
        }
        self.lighthouses = {place * (SIZE // LIGHTHOUSES): place for place in range(LIGHTHOUSES)}

    def source(self, number: int) -> dict[str, Any]:
        source: dict[str, Any] = {
            "caption": self.caption(number),
            "tags": [f"part{self.tags[number]}"],
            "rating": int(number in self.lighthouses or self.tags[number] == 7 or number in range(7, 330, 20)),
            "embedding": dict.fromkeys(FIELDS, self.vectors[number]),
        }
        if number in self.signatures:
            signature = self.signatures[number]
            source |= {"signature": signature, "signature_norm": norm(signature), "words": word_tokens(signature)}
        return source

    def caption(self, number: int) -> str:
        words = [f"w{word}" for word in self.words[number]]
        if number not in self.lighthouses:
            return " ".join(words)
        # every pair of how often and among how many words is there once, so that BM25 ties none
        often, others = 1 + self.lighthouses[number] % 15, 2 + self.lighthouses[number] // 15
        return " ".join(["lighthouse"] * often + ["sea"] * others)

    def near(self, number: int, field: str = "hnsw") -> VectorLeg:
        noise = np.random.default_rng(number).standard_normal(DIMS) * 0.05
        return VectorLeg(f"embedding.{field}", self.vectors[number] + noise)

    def like(self, number: int) -> SignatureLeg:
        signature = self.signatures[number]
        return SignatureLeg(signature)


def _altered(signature: NDArray[np.int8], places: int, seed: int) -> NDArray[np.int8]:
    altered = signature.copy()
    chosen = np.random.default_rng(seed).permutation(648)[:places]
    altered[chosen] = np.where(altered[chosen] == 2, 1, altered[chosen] + 1)
    return altered


def name_of(number: int) -> str:
    return f"{number:06d}"


@dataclass(frozen=True)
class Place:
    """A backend with all documents."""

    backend: Backend
    definition: Mapping[str, Any]

    def search(self, body: dict[str, Any] | None = None, **asked: Any) -> Hits:
        """Search as HybridIndex does, or send another body in place of the one that it would send."""
        query = make_query(self.definition, **asked)
        found, sent = ask(self.backend, body or build_body(query), window=query.window)
        return read_hits(found, query, sent)


@pytest.fixture(scope="module")
def documents() -> Documents:
    return Documents()


@pytest.fixture(scope="module")
def places(
    documents: Documents, servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Place]]:
    """All documents embedded and on both servers, loaded side by side."""
    definition = load_definition(
        analysis="portable", embeddings={field: EmbeddingSpec(field, "1", dims=DIMS) for field in FIELDS}
    )
    fields = definition["mappings"]["properties"]["embedding"]["properties"]
    name = f"recall-{secrets.token_hex(4)}"
    embedded = EmbeddedBackend(tmp_path_factory.mktemp("recall") / "index")
    backends: dict[str, Backend] = {"embedded": embedded}
    embedded.create(definition)
    for version, url in servers.items():
        whole = with_layout(definition, Server())
        whole["settings"]["refresh_interval"] = -1
        for field in FIELDS:
            whole["mappings"]["properties"]["embedding"]["properties"][field]["index_options"] = {"type": field}
        backend = ElasticsearchBackend(url, name=name, server=Server(timeout=120))
        make(backend._client, f"{name}-000001", {**whole, "aliases": aliases(name)})
        backends[version] = backend
    fields["int8_hnsw"]["index_options"] = {"type": "int8_hnsw"}
    try:
        load(documents, list(backends.values()))
        yield {version: Place(backend, definition) for version, backend in backends.items()}
    finally:
        for backend in backends.values():
            backend.close()
        for url in servers.values():
            with Elasticsearch(url, request_timeout=60) as raw:
                raw.indices.delete(index=f"{name}-000001")


def load(documents: Documents, backends: Sequence[Backend]) -> None:
    def write(backend: Backend, actions: list[Action]) -> None:
        refused = [outcome for outcome in backend.bulk(actions) if outcome.status != 201]
        assert not refused, refused[:3]

    with ThreadPoolExecutor(len(backends)) as pool:
        for start in range(0, SIZE, 5_000):
            actions = [
                Action("index", name_of(row), documents.source(row)) for row in range(start, min(start + 5_000, SIZE))
            ]
            list(pool.map(lambda backend, actions=actions: write(backend, actions), backends))
        list(pool.map(lambda backend: backend.refresh(), backends))


def among(documents: Documents, share: float) -> tuple[dict[str, Any] | None, NDArray[np.intp]]:
    """Return a filter that lets this share through, and the rows that it lets through."""
    if share == 1.0:
        return None, np.arange(SIZE)
    parts = round(1000 * share)
    return {"terms": {"tags": [f"part{part}" for part in range(parts)]}}, np.flatnonzero(documents.tags < parts)


def nearest(documents: Documents, vector: NDArray[Any], rows: NDArray[np.intp], k: int = 10) -> set[str]:
    cosines = documents.vectors[rows] @ vector.astype(np.float32)
    return {name_of(int(rows[at])) for at in np.argpartition(-cosines, k)[:k]}


@pytest.fixture(params=["embedded", *VERSIONS])
def place(request: pytest.FixtureRequest, places: dict[str, Place]) -> Place:
    return places[request.param]


@pytest.fixture(params=VERSIONS)
def server(request: pytest.FixtureRequest, places: dict[str, Place]) -> Place:
    return places[request.param]


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("field", FIELDS)
def test_what_is_near_is_found(place: Place, documents: Documents, field: str, share: float):
    filter, rows = among(documents, share)
    found = wanted = 0
    for number in np.random.default_rng(5).integers(0, SIZE, QUERIES):
        leg = documents.near(int(number), field)
        hits = place.search(vectors=[leg], filter=filter, k=10).ids()
        assert len(hits) == 10 and {int(id) for id in hits} <= set(rows.tolist())
        true = nearest(documents, leg.vector, rows)
        wanted += len(true)
        found += len(true & set(hits))
    assert found / wanted >= 0.99, f"recall@10 of {found / wanted:.4f}"


def test_rounded_vectors_are_scored_by_the_exact_ones(server: Place, documents: Documents):
    leg = documents.near(4_711, "int8_hnsw")
    unit = leg.vector / np.linalg.norm(leg.vector)
    for hit in server.search(vectors=[leg], k=10):
        assert hit.score == pytest.approx(float(documents.vectors[int(hit.id)] @ unit), abs=1e-5)


@pytest.mark.parametrize("share", [0.01, 0.001])
def test_filters_are_applied_while_vectors_are_compared(server: Place, documents: Documents, share: float):
    filter, rows = among(documents, share)
    compared = []
    for number in (1, 22, 333, 4_444, 55_555):
        query = make_query(server.definition, vectors=[documents.near(number)], filter=filter)
        profiled = server.backend.search({**build_body(query), "profile": True})["profile"]["shards"]
        compared.append(sum(knn["vector_operations_count"] for shard in profiled for knn in shard["dfs"]["knn"]))
    assert 10 <= max(compared) <= len(rows)


def test_all_legs_travel_in_one_request(server: Place, documents: Documents):
    query = make_query(
        server.definition, text="lighthouse", vectors=[documents.near(9)], signature=documents.like(167), filter=RATED
    )
    found = server.backend.search({**build_body(query), "profile": True})
    legs = set().union(*(hit["matched_queries"] for hit in found["hits"]["hits"]))
    assert {"text", "vector", "signature"} <= legs
    (shard,) = found["profile"]["shards"]
    assert len(shard["dfs"]["knn"]) == 2 and len(shard["searches"]) == 1


RATED = {"term": {"rating": 1}}


@pytest.mark.parametrize("share", [1.0, 0.1, 0.01])
def test_exact_searches_give_the_same_hits_in_the_same_order(
    places: dict[str, Place], documents: Documents, share: float
):
    filter, _ = among(documents, share)
    for number in (7, 167, 20_007):
        asked = {"text": "lighthouse", "signature": documents.like(number), "filter": filter, "k": 100}
        asked |= {"fusion": "rrf", "collapse_duplicates": False}
        expected = places["embedded"].search(**asked)
        assert len(expected) > 0
        # more than there is room for at first
        assert share < 1.0 or sum("signature" in hit.legs for hit in expected) == COPIES
        for version in VERSIONS:
            hits = places[version].search(**asked)
            assert hits.ids() == expected.ids()
            assert hits.total == expected.total
            assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in expected], rel=1e-9)
            assert [hit.distance for hit in hits] == [hit.distance for hit in expected]


def test_one_search_is_one_request(server: Place, documents: Documents, monkeypatch: pytest.MonkeyPatch):
    url, name = server.backend.location.rsplit("/", 1)
    with HybridIndex(url, name=name, embedder=Vectors()) as index:
        assert isinstance(index.backend, ElasticsearchBackend)
        index.search("sea")  # what names and how many pictures an index has is asked for once
        sent = recorded(index.backend, monkeypatch)
        hits = index.search("lighthouse", vector=documents.vectors[1], filter="rating:1", facets=["tags"], k=20)
        assert {leg for hit in hits for leg in hit.legs} == {"text", "vector"}
        index.search("sea", filter="rating:1")
        assert [target.partition("?")[0] for target in sent] == [f"/{name}/_search"] * 2


def recorded(backend: ElasticsearchBackend, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the targets of all requests that are sent from now on, as they leave."""
    backend.exists()  # what an index looks like is asked for once
    transport, sent = backend._client.raw.transport, []
    perform = transport.perform_request

    def perform_request(method: str, target: str, **options: Any) -> Any:
        sent.append(target)
        return perform(method, target, **options)

    monkeypatch.setattr(transport, "perform_request", perform_request)
    return sent


def test_lists_that_texts_push_out_are_asked_for_apart(
    place: Place, places: dict[str, Place], documents: Documents, monkeypatch: pytest.MonkeyPatch
):
    legs = {"text": "lighthouse", "vectors": [documents.near(11)], "signature": documents.like(167)}
    asked = {**legs, "filter": RATED, "num_candidates": 1_000, "k": 50, "fusion": "rrf", "collapse_duplicates": False}
    expected = places["embedded"].search(**asked)
    assert {leg for hit in expected for leg in hit.legs} == {"text", "vector", "signature"}
    body = build_body(make_query(place.definition, **asked))
    body["query"]["bool"]["must"][0]["bool"]["boost"] = 1e12
    pushed_out = place.backend.search(body)
    assert all("text" in hit["matched_queries"] for hit in pushed_out["hits"]["hits"])
    sent = recorded(place.backend, monkeypatch) if isinstance(place.backend, ElasticsearchBackend) else None
    hits = place.search(body, **asked)
    assert sent is None or [target.partition("?")[0].rpartition("/")[2] for target in sent] == [
        *("_search", "_search", "_msearch")
    ]
    assert hits.ids() == expected.ids()
    assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in expected], rel=1e-9)
    assert [hit.distance for hit in hits] == [hit.distance for hit in expected]
