"""Signature lookup on a real server: byte kNN filtered by words, byte HNSW, words alone, and what lies between.

`python -m scripts.benchmarks.signature_lookup --url http://… --photos FOLDER…`, or `bench.py signature-lookup --url …`.
Makes indices of its own, `sig-…`, and removes them. Needs `elasticsearch[orjson]`.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch

from hybrid_search.signature.goldberg import distance, min_cosine, norm, signature
from scripts.benchmarks.machine import describe_machine, percentile, table
from scripts.benchmarks.synthetic_signatures import (
    Signatures,
    read_photos,
    real_signatures,
    shared_words,
    synthetic_signatures,
    word_numbers,
)
from scripts.pictures.altered_copies import ALTERATIONS

Body = dict[str, Any]

SIZES = (1_000, 10_000, 100_000, 1_000_000)
ORIGINALS = 240
CUTOFF = 0.45
K = 100
INDICES: dict[str, Body] = {
    "flat": {"similarity": "l2_norm", "index_options": {"type": "flat"}},
    "hnsw": {"similarity": "l2_norm", "index_options": {"type": "hnsw", "m": 16, "ef_construction": 100}},
    "hnsw-32": {"similarity": "l2_norm", "index_options": {"type": "hnsw", "m": 32, "ef_construction": 200}},
    "hnsw-cosine": {"similarity": "cosine", "index_options": {"type": "hnsw", "m": 16, "ef_construction": 100}},
}
_GRAPHS = {"hnsw": "HNSW m 16", "hnsw-32": "HNSW m 32", "hnsw-cosine": "HNSW m 16, cosine"}
BUDGET_S = 20.0
LEAST_QUERIES = 200
TIMED = 100
PROFILED = 30
TOGETHER = 20


@dataclass(frozen=True)
class Asked:
    """A query: its place among the altered copies, its signature, and its words as stored, the 63rd last."""

    row: int
    signature: Signatures
    words: list[str]
    radius: float = field(init=False)
    length: float = field(init=False)

    def __post_init__(self) -> None:
        length = norm(self.signature)
        # ‖q − s‖ ≤ t (‖q‖ + ‖s‖) and ‖s‖ ≤ ‖q‖ + ‖q − s‖; squared distances are integers, and the cut lies between two
        square = math.floor((2 * CUTOFF * length / (1 - CUTOFF)) ** 2 + 1e-6) + 0.5
        object.__setattr__(self, "radius", math.sqrt(square))
        object.__setattr__(self, "length", length)


@dataclass(frozen=True)
class Way:
    """A way to look a signature up: in which index, by which body."""

    name: str
    index: str
    body: Callable[[Asked], Body]
    exact_in_client: bool = False


def measure(
    *photos: Path, quick: bool, url: str, sizes: Sequence[int] = SIZES, indices: Sequence[str] = tuple(INDICES)
) -> str:
    """Measure every way at every size and return the tables."""
    sizes = (500, 1_000) if quick else sizes
    pictures = [picture for folder in photos for picture in read_photos(folder)]
    originals = min(ORIGINALS, len(pictures), sizes[0] // 2)
    chosen = np.random.default_rng(3).choice(len(pictures), originals, replace=False)
    real = real_signatures(pictures)
    library = np.concatenate([real[chosen], synthetic_signatures(pictures, sizes[-1] - originals)])
    queries = np.stack([signature(alter(pictures[row])) for alter in ALTERATIONS.values() for row in chosen])
    server = Elasticsearch(url, request_timeout=600)
    version = next(iter(server.nodes.info(metric="os")["nodes"].values()))["version"]
    rows, loads, before = [], [], dict[str, float]()
    for size in sizes:
        loads += [[f"{size:,}", *_load(server, name, library[:size])] for name in indices]
        truth = _true_pairs(queries, library[:size])
        asked = _asked(queries)[: TOGETHER if quick else None]
        chosen_ways = [way for way in ways() if way.index in indices]
        times = _times(server, chosen_ways, asked[:TIMED])
        for way in chosen_ways:
            p50 = percentile(times[way.name], 0.5)
            grown = p50 / before[way.name] if way.name in before else ""
            before[way.name] = p50
            found = _found(server, way, asked, truth, originals)
            rows.append([f"{size:,}", way.name, p50, percentile(times[way.name], 0.95), grown, *found])
            print(table([""] * len(rows[-1]), [rows[-1]]).splitlines()[-1], flush=True)
    server.indices.delete(index=[f"sig-{name}" for name in indices])
    return _report(version, len(pictures), originals, rows, loads, shared_words(real), shared_words(library))


def ways() -> list[Way]:
    """Return what is compared, the ways of the issue first."""
    found = [
        Way("flat kNN, filter: any of 63 words", "flat", lambda asked: _knn(asked, filter=_terms(asked.words))),
        Way("flat kNN, filter: any of 62 words", "flat", lambda asked: _knn(asked, filter=_terms(asked.words[:-1]))),
        *(
            Way(f"{_GRAPHS[index]}, num_candidates {count}", index, _graph(index, count))
            for index in _GRAPHS
            for count in (100, 200, 1_000)
        ),
        *(
            Way(f"words alone, {least} or more of 62, best 100", "flat", _words_alone(least), exact_in_client=True)
            for least in (1, 2, 3)
        ),
    ]
    between = [
        *(Way(f"flat kNN, filter: {least} or more of 62 words", "flat", _flat_set(least)) for least in (2, 3, 4)),
        Way(
            "flat kNN, filter: any word of ≥ 10 signs",
            "flat",
            lambda asked: _knn(asked, filter=_terms(_telling(asked))),
        ),
        *(
            Way(
                f"{_GRAPHS[index]}, filter: any of 62 words",
                index,
                lambda asked, index=index: _knn(asked, index=index, filter=_terms(asked.words[:-1])),
            )
            for index in ("hnsw", "hnsw-32")
        ),
        Way("flat kNN, no filter", "flat", lambda asked: _knn(asked)),
    ]
    return found + between


def _knn(asked: Asked, *, index: str = "flat", candidates: int = K, filter: Body | None = None) -> Body:
    clause: Body = {
        "field": "signature",
        "query_vector": asked.signature.tobytes().hex(),
        "k": K,
        "num_candidates": candidates,
        "similarity": min_cosine(CUTOFF) if index == "hnsw-cosine" else asked.radius,
    }
    if filter:
        clause["filter"] = filter
    return {"knn": clause, "size": K, "_source": False, "docvalue_fields": ["signature_norm"]}


def _graph(index: str, candidates: int) -> Callable[[Asked], Body]:
    return lambda asked: _knn(asked, index=index, candidates=candidates)


def _flat_set(least: int) -> Callable[[Asked], Body]:
    return lambda asked: _knn(asked, filter=_terms_set(asked.words[:-1], least))


def _words_alone(least: int) -> Callable[[Asked], Body]:
    def body(asked: Asked) -> Body:
        each = [{"constant_score": {"filter": {"term": {"words": word}}}} for word in asked.words[:-1]]
        query = {"bool": {"should": each, "minimum_should_match": least}}
        return {"query": query, "size": 100, "_source": False, "fields": ["signature"], "track_total_hits": True}

    return body


def _terms(words: Sequence[str]) -> Body:
    return {"terms": {"words": list(words)}}


def _terms_set(words: Sequence[str], least: int) -> Body:
    return {"terms_set": {"words": {"terms": list(words), "minimum_should_match": least}}}


def _telling(asked: Asked) -> list[str]:
    """Return the words that have ten or more signs other than 0: rarer ones, without asking how rare they are."""
    return [word for word in asked.words[:-1] if _signs(int(word.partition(":")[2], 16)) >= 10]


def _signs(word: int) -> int:
    return sum((word // 3**letter) % 3 != 1 for letter in range(16))


def _load(server: Elasticsearch, name: str, library: Signatures) -> list[object]:
    """Fill an index, wait for its merges; return name, documents/s, segments and bytes per document."""
    index = f"sig-{name}"
    server.options(ignore_status=404).indices.delete(index=index)
    settings = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}
    vector = {
        "type": "dense_vector",
        "dims": 648,
        "element_type": "byte",
        **INDICES[name],
    }
    words = {"type": "keyword", "doc_values": False}
    properties = {"signature": vector, "signature_norm": {"type": "float"}, "words": words}
    server.indices.create(index=index, settings=settings, mappings={"dynamic": "strict", "properties": properties})
    start = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda lines: _bulk(server, index, lines), _chunks(library)))
    loaded = len(library) / (time.perf_counter() - start)
    server.indices.refresh(index=index)
    _wait_for_merges(server, index)
    server.indices.refresh(index=index)
    server.indices.flush(index=index)
    stats = server.indices.stats(index=index)["_all"]["primaries"]
    fields = server.indices.disk_usage(index=index, run_expensive_tasks=True)[index]["fields"]
    sizes = [
        fields["signature"]["knn_vectors_in_bytes"] / len(library),
        fields["words"]["inverted_index"]["total_in_bytes"] / len(library),
    ]
    return [name, loaded, stats["segments"]["count"], stats["store"]["size_in_bytes"] / len(library), *sizes]


def _bulk(server: Elasticsearch, index: str, lines: list[bytes]) -> None:
    if server.bulk(index=index, operations=lines, filter_path="errors")["errors"]:
        raise RuntimeError(f"{index} refused documents")


def _chunks(library: Signatures) -> Iterator[list[bytes]]:
    """Yield bulk bodies of 2,000 documents."""
    for start in range(0, len(library), 2_000):
        part = library[start : start + 2_000]
        lengths = np.linalg.norm(part.astype(np.float64), axis=1)
        lines = []
        for row, (values, numbers) in enumerate(zip(part, word_numbers(part).tolist(), strict=True)):
            words = ",".join([f'"{word}"' for word in _tokens(values, numbers)])
            lines.append(b'{"index":{"_id":"%d"}}' % (start + row))
            # as numbers: what is written as hexadecimals, 8.19 does not return in `fields`
            vector = f'"signature":{values.tolist()},' if values.any() else ""
            source = f'{{{vector}"signature_norm":{lengths[row]},"words":[{words}]}}'
            lines.append(source.encode())
        yield lines


def _tokens(values: Signatures, numbers: Sequence[int]) -> list[str]:
    return [f"{place:02x}:{number:x}" for place, number in enumerate(numbers)] if values.any() else []


def _wait_for_merges(server: Elasticsearch, index: str) -> None:
    while server.indices.stats(index=index, metric="merge")["_all"]["primaries"]["merges"]["current"]:
        time.sleep(1)


def _true_pairs(queries: Signatures, library: Signatures) -> list[set[int]]:
    """Return the documents within the cutoff of each query, by brute force."""
    found: list[set[int]] = [set() for _ in queries]
    asked = queries.astype(np.float32)
    lengths = np.linalg.norm(asked, axis=1)[:, None]
    for start in range(0, len(library), 10_000):
        part = library[start : start + 10_000].astype(np.float32)
        norms = np.linalg.norm(part, axis=1)
        apart = np.sqrt(np.maximum(lengths**2 + norms**2 - 2 * asked @ part.T, 0))
        for query, row in np.argwhere(apart < CUTOFF * (lengths + norms)).tolist():
            found[query].add(start + row)
    return found


def _asked(queries: Signatures) -> list[Asked]:
    """Return the queries in a random order, the same at every size; a flat picture has no copies to look for."""
    numbers = word_numbers(queries).tolist()
    order = np.random.default_rng(9).permutation(len(queries)).tolist()
    return [Asked(row, queries[row], _tokens(queries[row], numbers[row])) for row in order if queries[row].any()]


def _times(server: Elasticsearch, ways: Sequence[Way], asked: Sequence[Asked]) -> dict[str, list[float]]:
    """Return the milliseconds of each query each way, in turn, the fastest of three: other work does not count."""
    fastest: dict[str, list[float]] = {way.name: [float("inf")] * len(asked) for way in ways}
    for _ in range(3):
        for place, query in enumerate(asked):
            for way in ways:
                start = time.perf_counter()
                _search(server, way, query)
                took = (time.perf_counter() - start) * 1000
                fastest[way.name][place] = min(took, fastest[way.name][place])
    return fastest


def _found(
    server: Elasticsearch, way: Way, asked: Sequence[Asked], truth: Sequence[set[int]], originals: int
) -> list[object]:
    """Return the processor time of a query, the shares of true pairs and of copies found, how many, and compared."""
    pairs = returned = copies = recognised = done = 0
    started, spent = time.perf_counter(), _processor_ms(server)
    for start in range(0, len(asked), TOGETHER):
        for query, found in _search_together(server, way, asked[start : start + TOGETHER]):
            true, original = truth[query.row], query.row % originals
            pairs += len(true)
            returned += len(true & found)
            copies += original in true
            recognised += original in true & found
            done += 1
        if done >= LEAST_QUERIES and time.perf_counter() - started > BUDGET_S:
            break
    spent = (_processor_ms(server) - spent) / done
    compared = float(np.mean([_compared(server, way, query) for query in asked[:PROFILED]]))
    return [spent, f"{returned / pairs:.2%}", f"{pairs:,}", f"{recognised / copies:.2%}", f"{copies:,}", compared]


def _processor_ms(server: Elasticsearch) -> float:
    nodes = server.nodes.stats(metric="process")["nodes"].values()
    return float(sum(node["process"]["cpu"]["total_in_millis"] for node in nodes))


def _search(server: Elasticsearch, way: Way, asked: Asked) -> set[int]:
    return _read(way, asked, server.search(index=f"sig-{way.index}", body=way.body(asked))["hits"]["hits"])


def _search_together(server: Elasticsearch, way: Way, asked: Sequence[Asked]) -> Iterator[tuple[Asked, set[int]]]:
    searches = [part for query in asked for part in ({"index": f"sig-{way.index}"}, way.body(query))]
    answers = server.msearch(searches=searches)["responses"]
    for query, answer in zip(asked, answers, strict=True):
        yield query, _read(way, query, answer["hits"]["hits"])


def _read(way: Way, asked: Asked, hits: Sequence[Body]) -> set[int]:
    """Return the documents of an answer that are within the cutoff, by their exact distances."""
    if not hits:
        return set()
    ids = np.array([int(hit["_id"]) for hit in hits])
    if way.exact_in_client:
        apart = distance(asked.signature, np.array([hit["fields"]["signature"] for hit in hits], np.int8))
    else:
        norms = np.array([hit["fields"]["signature_norm"][0] for hit in hits])
        scores = np.array([hit["_score"] for hit in hits])
        if way.index == "hnsw-cosine":
            squares = asked.length**2 + norms**2 - 2 * asked.length * norms * (2 * scores - 1)
        else:
            squares = 1 / scores - 1
        apart = np.sqrt(np.maximum(squares, 0)) / (asked.length + norms)
    return set(ids[np.asarray(apart) < CUTOFF].tolist())


def _compared(server: Elasticsearch, way: Way, asked: Asked) -> int:
    """Return how many documents the server compares with the query: by their vectors, or by their words."""
    body, index = way.body(asked), f"sig-{way.index}"
    if way.index != "flat":
        shards = server.search(index=index, body=body | {"profile": True})["profile"]["shards"]
        return sum(int(knn["vector_operations_count"]) for shard in shards for knn in shard["dfs"]["knn"])
    # an exact kNN does not count its operations: it compares whatever its filter lets through
    among = body.get("query") or body["knn"].get("filter") or {"match_all": {}}
    return int(server.count(index=index, query=among)["count"])


def _report(
    version: str,
    pictures: int,
    originals: int,
    rows: Sequence[Sequence[object]],
    loads: Sequence[Sequence[object]],
    real: Sequence[float],
    made: Sequence[float],
) -> str:
    header = [
        "documents",
        "way",
        "p50 ms",
        "p95 ms",
        "× p50",
        "true pairs returned",
        "of",
        "copies returned",
        "of",
        "compared",
    ]
    stored = ["documents", "index", "documents/s", "segments", "bytes/document", "of them signature", "words"]
    alike = [[name, *(f"{share:.3%}" for share in shares)] for name, shares in (("real", real), ("made", made))]
    shared = ["pairs of pictures", *(f"≥ {least} words" for least in range(1, 7)), "63rd alone, of candidates"]
    return (
        f"## Signature lookup, Elasticsearch {version}\n\n{describe_machine()}. Pictures: {pictures:,}, of which "
        f"{originals} in {len(ALTERATIONS)} altered copies are the queries; k = {K}.\n\n"
        f"{table(header, rows)}\n{table(stored, loads)}\n{table(shared, alike)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="folders of real photos")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--indices", default=",".join(INDICES))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    indices = options.indices.split(",")
    print(measure(*options.photos, quick=options.quick, url=options.url, sizes=sizes, indices=indices))


if __name__ == "__main__":
    main()
