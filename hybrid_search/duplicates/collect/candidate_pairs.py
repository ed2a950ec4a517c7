"""Which documents may be copies of which: many are joined in this process, for a few the index is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends import Backend
from hybrid_search.duplicates.collect.documents import Documents
from hybrid_search.duplicates.collect.similarity_join import cosine_neighbours, signature_pairs
from hybrid_search.duplicates.collect.vector_file import VectorFile
from hybrid_search.errors import DocumentNotFound
from hybrid_search.signature.goldberg import min_cosine
from hybrid_search.signature.orientations import oriented

_K = 5
"""Neighbours by embedding: what is a copy is among the first five nearly as often as among the first ten."""
_SIGNATURE_K = 20  # proposals by each signature; no measurement is kept
_CANDIDATES = 200  # as for one lookup, see `candidate_body`
_FLAT_K = 3  # flat pictures of one size that are compared; no measurement is kept


@dataclass(frozen=True)
class Reach:
    """How far proposals reach.

    Parameters
    ----------
    max_distance : float
        Of signatures, in [0, 1].
    turned : bool
        Whether in all orientations.
    key : str or None
        The leaf of the embedding whose neighbours are proposed too.
    """

    max_distance: float
    turned: bool
    key: str | None


@dataclass(frozen=True)
class Proposals:
    """Pairs that may be copies.

    Parameters
    ----------
    pairs : (n, 2) int64 ndarray
        Rows of documents; no pair twice.
    cosines : (n,) float64 ndarray
        Of their embeddings, NaN where they were not compared.
    """

    pairs: NDArray[np.int64]
    cosines: NDArray[np.float64]


def read_vectors(
    backend: Backend, documents: Documents, vectors: VectorFile, query: Mapping[str, Any] | None, key: str | None
) -> None:
    """Read the vectors of all documents."""
    fields = ("signature",) if key is None else ("signature", f"embedding.{key}")
    for id, source in backend.scan(query, fields=fields, vectors=True):
        row = documents.rows.get(id)
        if row is not None:
            embedding = None if key is None else (source.get("embedding") or {}).get(key)
            vectors.put(row, source.get("signature"), embedding)


def join_vectors(documents: Documents, vectors: VectorFile, asked: NDArray[np.int64], reach: Reach) -> Proposals:
    """Propose pairs of some documents and all others, from their vectors.

    Parameters
    ----------
    asked : (m,) int64 ndarray
        Rows, ascending.
    """
    some = None if len(asked) == len(documents) else asked
    options: dict[str, Any] = {"max_distance": reach.max_distance, "turned": reach.turned}
    found = [pairs.rows for pairs in signature_pairs(vectors.signatures, asked=some, **options)]
    found.append(_flat_pairs(documents, vectors, asked))
    if vectors.embeddings is not None:
        found += [pairs.rows for pairs in cosine_neighbours(vectors.embeddings, asked=some, k=_K)]
    pairs = np.unique(np.concatenate(found), axis=0)
    return Proposals(pairs, vectors.cosines(pairs))


def _flat_pairs(documents: Documents, vectors: VectorFile, asked: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pair flat pictures, which have no signature, with a few of the same size."""
    wanted = set(asked.tolist())
    by_size: dict[int, list[int]] = {}
    pairs = []
    for row in vectors.flat().tolist():
        same = by_size.setdefault(documents.record(row).pixels, [])
        pairs += [(other, row) for other in same if row in wanted or other in wanted]
        if len(same) < _FLAT_K:
            same.append(row)
    return np.array(pairs, np.int64).reshape(-1, 2)


def ask_index(
    backend: Backend, documents: Documents, rows: Sequence[int], reach: Reach, query: Mapping[str, Any] | None
) -> Proposals:
    """Propose pairs of a few documents and all others, by asking the index for each."""
    found: dict[tuple[int, int], float] = {}
    for row in rows:
        try:
            source = backend.get(documents.ids[row], vectors=True)
        except DocumentNotFound:
            continue
        bodies = list(_bodies(source, documents.ids[row], reach, query))
        for (is_vector, _), answer in zip(bodies, backend.msearch([body for _, body in bodies]), strict=True):
            for hit in answer["hits"]["hits"]:
                other = documents.rows.get(str(hit["_id"]))
                if other is not None and other != row:
                    pair = (min(row, other), max(row, other))
                    cosine = 2.0 * float(hit["_score"]) - 1.0 if is_vector else np.nan
                    found[pair] = cosine if is_vector else found.get(pair, np.nan)
    pairs = sorted(found)
    return Proposals(np.array(pairs, np.int64).reshape(-1, 2), np.array([found[pair] for pair in pairs], float))


def _bodies(
    source: Mapping[str, Any], id: str, reach: Reach, query: Mapping[str, Any] | None
) -> Iterator[tuple[bool, dict[str, Any]]]:
    """Give the searches for one document's like, each with whether its scores are of embeddings."""
    others: list[Mapping[str, Any]] = [{"bool": {"must_not": [{"ids": {"values": [id]}}]}}]
    others += [query] if query is not None else []
    signature = source.get("signature")
    if signature is None:
        same = [{"term": {name: source[name]}} for name in ("width", "height") if source.get(name)]
        flat = {"bool": {"filter": [*others, *same], "must_not": [{"exists": {"field": "signature"}}]}}
        yield False, {"size": _FLAT_K, "_source": False, "query": flat}
    else:
        views = oriented(signature) if reach.turned else oriented(signature)[:1]
        near = {"k": _SIGNATURE_K, "num_candidates": _CANDIDATES, "similarity": min_cosine(reach.max_distance)}
        for view in views:
            knn = {"field": "signature", "query_vector": view, **near, "filter": others}
            yield False, {"size": _SIGNATURE_K, "_source": False, "knn": [knn]}
    embedding = (source.get("embedding") or {}).get(reach.key)
    if embedding is not None:
        field = {"field": f"embedding.{reach.key}", "query_vector": embedding}
        yield (
            True,
            {
                "size": _K,
                "_source": False,
                "knn": [{**field, "k": _K, "num_candidates": _CANDIDATES, "filter": others}],
            },
        )
