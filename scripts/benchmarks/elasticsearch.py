"""Elasticsearch: bulk against the client's own helper, one request against several, latency, recall, bytes.

`python scripts/bench.py elasticsearch --url http://…`; without --url a server is started through scripts/elasticsearch.
Makes indexes named `bench-…` and removes them.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch, helpers

from hybrid_search import HybridIndex
from hybrid_search.backends import Action, Backend
from hybrid_search.backends.elasticsearch import Server
from hybrid_search.hits.complete_legs import ask
from hybrid_search.hits.hits import read_hits
from hybrid_search.query.body import build_body
from hybrid_search.query.query import Query, make_query
from scripts.benchmarks import elasticsearch_ways
from scripts.benchmarks.collection import SHARES, Collection, SyntheticEmbedder, fill, kinds, recall
from scripts.benchmarks.machine import median, percentile, seconds, table
from scripts.benchmarks.search import filled
from scripts.benchmarks.synthetic_signatures import Signatures, read_photos, synthetic_signatures
from scripts.servers import session

SIZES = (10_000, 100_000)
PARTS = ("bulk", "requests", "latency", "filters", "bytes")
ALL_PARTS = (*PARTS, "ways")
KINDS = ("hnsw", "int8_hnsw", "int4_hnsw", "bbq_hnsw")
FILTERED = (0.3, 0.1, 0.05, 0.03, 0.02, 0.01)
QUERIES = 200
SIGNED = EMBEDDED = 100_000
RECALLED = 100
WAYS_QUERIES = 60
WARM = 20


def measure(
    photos: Path,
    *,
    quick: bool = False,
    urls: Sequence[str] = (),
    sizes: Sequence[int] = SIZES,
    dims: int = 512,
    vectors: str = "hnsw",
    only: Sequence[str] = (),
    merge: bool = False,
) -> str:
    """Measure on each server; `only` names some of ALL_PARTS, by default those of PARTS.

    With `merge`, an index is merged to one segment before it is searched.
    """
    wanted = tuple(only) or PARTS
    sizes = (500, 1_000) if quick else sizes
    searched = max(sizes) if {"requests", "latency", "ways"} & set(wanted) else 0
    signatures = synthetic_signatures(read_photos(photos), min(searched, SIGNED)) if searched else None
    chosen = {"quick": quick, "sizes": sizes, "dims": dims, "vectors": vectors, "wanted": wanted, "merge": merge}
    with _servers(urls) as running:
        return "\n".join(_measure_one(url, signatures=signatures, **chosen) for url in running)


@contextmanager
def _servers(urls: Sequence[str]) -> Iterator[Sequence[str]]:
    if urls:
        yield urls
        return
    name = session.name_of("bench")
    started = session.start({name: ["--port", "0", "--heap", "1g"]})
    try:
        yield list(started.values())
    finally:
        session.stop([name])


def _measure_one(
    url: str,
    *,
    signatures: Signatures | None,
    quick: bool,
    sizes: Sequence[int],
    dims: int,
    vectors: str,
    wanted: Sequence[str],
    merge: bool,
) -> str:
    with Elasticsearch(url) as raw:
        nodes = raw.nodes.info(filter_path="nodes.*.version,nodes.*.jvm.mem.heap_max_in_bytes").body["nodes"]
    ((_, node),) = nodes.items()
    heap = node["jvm"]["mem"]["heap_max_in_bytes"] / 2**30
    parts = [f"### Elasticsearch {node['version']}, one node on the same machine, heap of {heap:.0f} GB\n"]
    if "bulk" in wanted:
        parts.append(bulk_against_helper(url, documents=500 if quick else 3_000, runs=2 if quick else 5, dims=dims))
    if signatures is not None:
        for size in sizes:
            collection = Collection(size, dims=dims, signatures=signatures[:size])
            parts.append(_searches(url, collection, vectors=vectors, quick=quick, wanted=wanted, merge=merge))
    if "filters" in wanted and int(node["version"].split(".")[0]) >= 9:
        parts.append(filtered(url, documents=3_000 if quick else 30_000, dims=min(dims, 64)))
    if "bytes" in wanted:
        parts.append(bytes_by_quantisation(url, documents=1_000 if quick else 10_000, dims=dims))
    return "\n".join(parts)


# -- an index on the server ------------------------------------------------------------------------------------------


@contextmanager
def index_on(url: str, *, dims: int, vectors: str = "hnsw") -> Iterator[HybridIndex]:
    """Give a new index, which is removed at the end."""
    name = f"bench-{secrets.token_hex(4)}"
    index = HybridIndex(url, name=name, embedder=SyntheticEmbedder(dims), server=Server(vectors=vectors, timeout=300))
    try:
        yield index
    finally:
        index.close()
        with Elasticsearch(url, request_timeout=60) as raw:
            raw.indices.delete(index=list(raw.indices.get_alias(index=name)))


def settle(url: str, index: HybridIndex, *, segments: int | None = None) -> None:
    """Return when nothing is merged any more, or after merging down to so many segments."""
    name = index.location.rsplit("/", 1)[1]
    with Elasticsearch(url, request_timeout=1_200) as raw:
        if segments:
            raw.indices.forcemerge(index=name, max_num_segments=segments)
        index.refresh()
        while raw.indices.stats(index=name, metric="merge")["_all"]["total"]["merges"]["current"]:
            time.sleep(0.5)
        index.refresh()


# -- writing ---------------------------------------------------------------------------------------------------------


def bulk_against_helper(url: str, *, documents: int, runs: int, dims: int) -> str:
    """Compare documents/s with the client's `helpers.bulk`, with and without vectors, in turn."""
    actions = list(Collection(documents, dims=dims).actions())
    rows: list[list[object]] = []
    for kind, chosen in (("with vectors", actions), ("without vectors", [_bare(action) for action in actions])):
        times: dict[str, list[float]] = {}
        for _ in range(runs):
            for way, write in _WAYS.items():
                with index_on(url, dims=dims) as index:
                    start = time.perf_counter()
                    write(url, index, chosen)
                    times.setdefault(way, []).append(time.perf_counter() - start)
        plain = median(times["helpers.bulk"])
        rows += [[kind, way, documents / median(each), plain / median(each)] for way, each in times.items()]
        _note(f"bulk {kind}: {times}")
    return f"#### Bulk: {documents:,} documents, {dims} dims, medians of {runs} runs in turn\n\n" + table(
        ["documents", "written by", "documents/s", "÷ helpers.bulk"], rows
    )


def _bare(action: Action) -> Action:
    source = {name: value for name, value in action.source.items() if name not in ("embedding", "signature")}
    return Action(action.op, action.id, source)


def _ours(url: str, index: HybridIndex, actions: Sequence[Action]) -> None:
    backend: Backend = index.backend
    outcomes = backend.bulk(actions)
    backend.refresh()
    assert all(outcome.status == 201 for outcome in outcomes)


def _helper(url: str, index: HybridIndex, actions: Sequence[Action]) -> None:
    name = index.location.rsplit("/", 1)[1]
    with Elasticsearch(url) as raw:
        helpers.bulk(raw, ({"_index": f"{name}-write", "_id": each.id, **each.source} for each in actions))
        raw.indices.refresh(index=name)


_WAYS = {"helpers.bulk": _helper, "our backend": _ours}


# -- one request against several -------------------------------------------------------------------------------------


def _searches(
    url: str, collection: Collection, *, vectors: str, quick: bool, wanted: Sequence[str], merge: bool
) -> str:
    size, dims, queries = collection.size, collection.dims, 20 if quick else QUERIES
    _note(f"{size:,} documents: loading")
    with index_on(url, dims=dims, vectors=vectors) as index, tempfile.TemporaryDirectory() as folder:
        spent = seconds(lambda: fill(index.backend, collection))
        settle(url, index, segments=1 if merge else None)
        parts = [
            f"#### {size:,} documents, {dims} dims, {vectors}\n\n"
            f"Loaded at {size / spent:,.0f} documents/s; segments: {_segments(url, index)}; "
            f"{len(collection.signatures):,} have a signature.\n"
        ]
        if "requests" in wanted:
            parts.append(_one_request(index, collection, queries=queries))
        if "ways" in wanted:
            parts.append(elasticsearch_ways.measure(index, collection, queries=min(queries, WAYS_QUERIES)))
        if "latency" in wanted:
            with ExitStack() as stack:
                backends = [index.backend]
                if size <= EMBEDDED:
                    _note(f"{size:,} documents: loading embedded")
                    backends.append(stack.enter_context(filled(Path(folder), collection)).backend)
                parts.append(_latencies(index, backends, collection, queries=queries))
            parts.append(_recalls(index, collection, queries=20 if quick else RECALLED))
    return "\n".join(parts)


def _segments(url: str, index: HybridIndex) -> int:
    name = index.location.rsplit("/", 1)[1]
    with Elasticsearch(url) as raw:
        return int(raw.indices.stats(index=name, metric="segments")["_all"]["total"]["segments"]["count"])


LEGS = ("text", "vector", "signature")


def _one_request(index: HybridIndex, collection: Collection, *, queries: int) -> str:
    """Time one request with all legs, each leg alone (fetching what it contributes), and all legs one by one."""
    whole: dict[str, list[float]] = {}
    took: dict[str, list[float]] = {}
    random = np.random.default_rng(17)
    for count, number in enumerate(random.integers(0, collection.size, queries + WARM)):
        asked = kinds(collection, int(number))["all in one, filtered"]
        ways: dict[str, Callable[[], float]] = {"one": lambda asked=asked: _combined(index, asked)}
        ways |= {leg: lambda asked=asked, leg=leg: _alone(index, asked, leg) for leg in LEGS}
        ways["together"] = lambda asked=asked: _together(index, asked)
        ways |= {"three": lambda asked=asked: sum(_alone(index, asked, leg) for leg in LEGS)}
        for way, search in ways.items():
            start = time.perf_counter()
            server = search()
            spent = time.perf_counter() - start
            if count >= WARM:
                whole.setdefault(way, []).append(spent * 1000)
                took.setdefault(way, []).append(server)
    rows = [_compared("whole path", {way: median(times) for way, times in whole.items()})]
    rows.append(_compared("server, mean", {way: float(np.mean(times)) for way, times in took.items()}))
    alone = [f"{leg} alone" for leg in LEGS]
    header = ["ms", "one request", *alone, "three requests", "three in one `_msearch`", "÷ slowest leg", "÷ three"]
    return f"One request with text, vector and signature, filtered; {queries} queries, medians\n\n" + table(
        header, rows
    )


def _compared(name: str, times: Mapping[str, float]) -> list[object]:
    slowest = max(times[leg] for leg in LEGS)
    whole = [times[way] for way in ("one", *LEGS, "three", "together")]
    return [name, *whole, times["one"] / slowest, times["one"] / times["three"]]


def _combined(index: HybridIndex, asked: Mapping[str, Any]) -> float:
    return _search(index.backend, make_query(index._state.definition, **asked))


def _alone(index: HybridIndex, asked: Mapping[str, Any], leg: str) -> float:
    return _search(index.backend, _leg_of(index, asked, leg))


def _leg_of(index: HybridIndex, asked: Mapping[str, Any], leg: str) -> Query:
    """Return a search by one leg; it fetches the 50 best, which is what fusion takes from each."""
    name = {"vector": "vectors"}.get(leg, leg)
    return make_query(index._state.definition, **{name: asked[name]}, filter=asked["filter"], k=50)


def _together(index: HybridIndex, asked: Mapping[str, Any]) -> float:
    queries = [_leg_of(index, asked, leg) for leg in LEGS]
    bodies = [build_body(query) for query in queries]
    answers = index.backend.msearch(bodies)
    for answer, query, body in zip(answers, queries, bodies, strict=True):
        read_hits(answer, query, body)
    return float(max(answer["took"] for answer in answers))


def _search(backend: Backend, query: Query) -> float:
    found, body = ask(backend, build_body(query), window=query.window)
    read_hits(found, query, body)
    return float(found["took"])


# -- latency and recall ----------------------------------------------------------------------------------------------


def _latencies(index: HybridIndex, backends: Sequence[Backend], collection: Collection, *, queries: int) -> str:
    """Time every kind of search on one or both backends in turn, with the same bodies."""
    rows: list[list[object]] = []
    for kind in _asked(collection, 0):
        times: list[list[float]] = [[] for _ in backends]
        numbers = np.random.default_rng(11).integers(0, collection.size, queries + WARM)
        for count, number in enumerate(numbers):
            query = make_query(index._state.definition, **_asked(collection, int(number))[kind])
            for backend, spent in zip(backends, times, strict=True):
                taken = seconds(lambda backend=backend, query=query: _search(backend, query)) * 1000
                if count >= WARM:
                    spent.append(taken)
        here, *there = times
        compared = [value for each in there for value in (median(each), median(each) / median(here))]
        rows.append([kind, *(percentile(here, share) for share in (0.5, 0.95, 0.99)), *compared])
    header = ["search", "p50 ms", "p95 ms", "p99 ms"]
    header += ["embedded p50 ms", "embedded ÷ Elasticsearch"] if len(backends) > 1 else []
    return f"Whole path, {queries} queries of each kind, in turn\n\n" + table(header, rows)


def _asked(collection: Collection, number: int) -> dict[str, dict[str, Any]]:
    near = (collection.near(number),)
    shares = {
        f"vector, filtered to {share:.1%}": {"vectors": near, "filter": collection.among(share)[0]}
        for share in SHARES[1:]
    }
    return {kind: asked for kind, asked in kinds(collection, number).items() if "10 %" not in kind} | shares


def _recalls(index: HybridIndex, collection: Collection, *, queries: int) -> str:
    rows = [[f"{share:.1%}", _recall(index, collection, share, queries=queries)] for share in SHARES]
    return table(["let through by the filter", "recall@10"], rows)


def _recall(
    index: HybridIndex, collection: Collection, share: float, *, queries: int, oversample: float | None = None
) -> float:
    filter, allowed = collection.among(share)
    found, wanted = [], []
    for number in np.random.default_rng(13).integers(0, collection.size, queries):
        query = make_query(index._state.definition, vectors=(collection.near(int(number)),), filter=filter)
        body = build_body(query)
        if oversample is not None:
            body["knn"][0]["rescore_vector"] = {"oversample": oversample}
        found.append([hit["_id"] for hit in index.backend.search(body)["hits"]["hits"]])
        wanted.append(collection.nearest(query.vectors[0].vector, allowed))
    return recall(found, wanted)


def filtered(url: str, *, documents: int, dims: int) -> str:
    """Measure recall under filters, in one segment, as the library has a server search and as 9.x does by default."""
    _note("filters: loading")
    collection = Collection(documents, dims=dims, signatures=np.empty((0, 648), np.int8))
    rows: list[list[object]] = []
    with index_on(url, dims=dims) as index, Elasticsearch(url, request_timeout=60) as raw:
        fill(index.backend, collection)
        settle(url, index, segments=1)
        name = index.location.rsplit("/", 1)[1]
        for heuristic in ("fanout", "acorn"):
            raw.indices.put_settings(index=name, settings={"index.dense_vector.hnsw_filter_heuristic": heuristic})
            found = [_recall(index, collection, share, queries=RECALLED) for share in FILTERED]
            rows.append([heuristic, *found])
    header = ["`hnsw_filter_heuristic`", *(f"recall@10 under {share:.0%}" for share in FILTERED)]
    return f"#### Filters: {documents:,} documents, {dims} dims, one segment\n\n" + table(header, rows)


# -- bytes -----------------------------------------------------------------------------------------------------------


def bytes_by_quantisation(url: str, *, documents: int, dims: int) -> str:
    """Measure bytes on disk and recall in one segment, by how vectors are indexed."""
    collection = Collection(documents, dims=dims)
    rows: list[list[object]] = []
    for vectors in KINDS:
        _note(f"bytes: {vectors}")
        with index_on(url, dims=dims, vectors=vectors) as index:
            fill(index.backend, collection)
            settle(url, index, segments=1)
            name = index.location.rsplit("/", 1)[1]
            with Elasticsearch(url) as raw:
                stored = raw.indices.stats(index=name, metric="store")["_all"]["total"]["store"]["size_in_bytes"]
            plain = _recall(index, collection, 1.0, queries=RECALLED, oversample=0)
            rescored = _recall(index, collection, 1.0, queries=RECALLED) if vectors != "hnsw" else plain
        rows.append([vectors, stored / documents, plain, rescored])
    header = ["vectors", "bytes per document", "recall@10 as rounded", "recall@10 scored again (× 3)"]
    return f"#### Bytes: {documents:,} documents, {dims} dims, one segment\n\n" + table(header, rows)


def _note(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
