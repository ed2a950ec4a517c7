"""Bytes per document on a real server, field by field: `python -m scripts.benchmarks.disk --photos FOLDER URL…`.

Photos are indexed once with `lite` (1280 dims); their documents are then written anew for every way of indexing
vectors, with 1280 dims and, cut to the first 512 and scaled again, with 512. Each index is merged to one segment before
it is measured by `_disk_usage`. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch

from hybrid_search import HybridIndex
from hybrid_search.backends import Action
from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server
from hybrid_search.document.definition import EmbeddingSpec, embeddings, load_definition
from scripts.benchmarks.machine import describe_machine, table

VECTORS = ("hnsw", "int8_hnsw", "int4_hnsw", "bbq_hnsw")
DIMS = (1280, 512)
GRAPH = 64
FIELD = "embedding.lite"
HEADER = (
    *("dims", "vectors", "all", "embedding", "searched of it", "by the formula", "signature", "words", "`_source`"),
    "other fields",
)
Documents = Sequence[tuple[str, dict[str, Any]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("urls", nargs="+", metavar="URL", help="running servers")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photos")
    parser.add_argument("--dims", type=int, nargs="+", default=DIMS)
    parser.add_argument("--vectors", nargs="+", default=VECTORS, choices=VECTORS)
    options = parser.parse_args()
    print(f"{describe_machine()}\n\nCommand: `python -m scripts.benchmarks.disk {' '.join(sys.argv[1:])}`\n")
    documents, spec = read(options.photos)
    print(parts_of_documents(documents), flush=True)
    for url in options.urls:
        print(f"### Elasticsearch {_version(url)}, {len(documents)} documents\n", flush=True)
        rows = [
            measure(url, cut(documents, dims), replace(spec, dims=dims), vectors)
            for dims in options.dims
            for vectors in options.vectors
        ]
        print(table(HEADER, rows), flush=True)


def read(photos: Path) -> tuple[Documents, EmbeddingSpec]:
    """Index photos in an embedded index, and return its documents with vectors."""
    with tempfile.TemporaryDirectory() as folder, HybridIndex(folder, embedder="lite") as index:
        index.add_folder(photos)
        backend = index.backend
        return list(backend.scan(vectors=True)), embeddings(backend.definition())["lite"]


def cut(documents: Documents, dims: int) -> Documents:
    """Return documents whose embedding is cut to its first dims, and of length 1 again."""
    shorter = []
    for id, source in documents:
        vector = np.asarray(source["embedding"]["lite"], np.float32)[:dims]
        shorter.append((id, {**source, "embedding": {"lite": vector / np.linalg.norm(vector)}}))
    return shorter


def parts_of_documents(documents: Documents) -> str:
    """Return the bytes of JSON per document without vectors: all of it, and its thumbnail."""
    plain = [
        {name: value for name, value in source.items() if name not in ("embedding", "signature")}
        for _, source in documents
    ]
    whole = np.array([len(json.dumps(source)) for source in plain])
    thumbnails = np.array([len(source.get("thumbnail", "")) for source in plain])
    words = np.mean([len(json.dumps(source["words"])) for source in plain])
    return (
        f"Bytes of JSON per document without vectors: {whole.mean():,.0f}, of which the thumbnail "
        f"{thumbnails.mean():,.0f} (95th percentile {np.percentile(thumbnails, 95):,.0f}) and the words {words:,.0f}.\n"
    )


def measure(url: str, documents: Documents, spec: EmbeddingSpec, vectors: str) -> list[object]:
    """Return one line of the table, in bytes per document."""
    with _filled(url, documents, spec, vectors) as (raw, index):
        usage = raw.indices.disk_usage(index=index, run_expensive_tasks=True).body[index]["fields"]
    fields = {name: field["total_in_bytes"] / len(documents) for name, field in usage.items()}
    whole = sum(fields.values())
    source = sum(fields.pop(name, 0.0) for name in ("_source", "_recovery_source"))
    embedding, *signature = (fields.pop(name) for name in (FIELD, "signature", "words"))
    searched = embedding - (4 * spec.dims if vectors != "hnsw" else 0)
    values = (whole, embedding, searched, by_formula(spec.dims, vectors), *signature, source)
    return [spec.dims, vectors, *(f"{value:,.0f}" for value in (*values, sum(fields.values())))]


def by_formula(dims: int, vectors: str) -> int:
    """Return the bytes that a search reads of one vector: its numbers, rounded or not, and its place in the graph."""
    numbers = {"hnsw": 4 * dims, "int8_hnsw": dims + 4, "int4_hnsw": dims // 2 + 4, "bbq_hnsw": dims // 8 + 14}
    return numbers[vectors] + GRAPH


@contextmanager
def _filled(url: str, documents: Documents, spec: EmbeddingSpec, vectors: str) -> Iterator[tuple[Elasticsearch, str]]:
    name = f"disk-{secrets.token_hex(4)}"
    backend = ElasticsearchBackend(url, name=name, server=Server(vectors=vectors))
    backend.create(load_definition(analysis=backend.analysis(), embeddings={"lite": spec}))
    with Elasticsearch(url, request_timeout=300) as raw:
        (index,) = raw.indices.get_alias(name=name)
        try:
            refused = [found for found in backend.bulk(Action("index", *each) for each in documents) if found.error]
            if refused:
                raise SystemExit(f"{refused[0].id} was refused: {refused[0].error}")
            raw.indices.forcemerge(index=index, max_num_segments=1)
            raw.indices.flush(index=index, force=True, wait_if_ongoing=True)
            yield raw, index
        finally:
            raw.indices.delete(index=index)


def _version(url: str) -> str:
    with Elasticsearch(url) as raw:
        nodes = raw.nodes.info(filter_path="nodes.*.version")["nodes"]
        return str(next(iter(nodes.values()))["version"])


if __name__ == "__main__":
    main()
