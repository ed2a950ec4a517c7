"""The queries whose bodies are kept in golden/bodies, one for each kind of search."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_search.document.definition import EmbeddingSpec, load_definition
from hybrid_search.query.body import build_body, json_body
from hybrid_search.query.legs import Resemblance
from hybrid_search.query.query import Query, SignatureLeg, VectorLeg, make_query

FOLDER = Path(__file__).parent / "golden" / "bodies"
LITE = EmbeddingSpec("lite", "1", dims=4)
DEFINITION = load_definition(embeddings={"lite": LITE})
QUANTISED = load_definition(embeddings={"lite": LITE}, index_options={"type": "int8_hnsw"})
TWO = load_definition(embeddings={"lite": LITE, "clip": EmbeddingSpec("clip", "1", dims=2)})

# 3² + 4² = 5² and 648 = 162 × 4: both vectors have lengths that can be checked in the head.
VECTOR = np.array([0.0, 3.0, 0.0, 4.0])
SIGNATURE = np.resize(np.array([2, 0, -1, 1], np.int8), 648)
NOW = datetime(2024, 3, 31, 12, 0, tzinfo=timezone.utc)


def nearest(field: str = "embedding.lite", vector: Any = VECTOR) -> VectorLeg:
    return VectorLeg(field, np.asarray(vector))


def like(max_distance: float = 0.45) -> SignatureLeg:
    return SignatureLeg(SIGNATURE, max_distance)


def ask(definition: Mapping[str, Any] = DEFINITION, **asked: Any) -> Query:
    return make_query(definition, **asked, now=NOW)


CASES: dict[str, Query] = {
    "filter": ask(filter="camera.make:canon AND NOT tags:night", k=5, offset=10),
    "text": ask(text="black dog"),
    "text_syntax": ask(text='IMG_0042 "red ball" beach.jpg -night -"bad weather"'),
    "text_filter_facets": ask(
        text="dog", filter="iso:>=400", facets=["camera.make", "taken_at:month", "labels:20", "iso:100,400"]
    ),
    "vector": ask(vectors=[nearest()], filter="taken_at:2019", exclude=["a1"]),
    "vector_min_score": ask(vectors=[nearest()], min_score={"vector": 0.3}, k=20, num_candidates=50),
    "vector_quantised": ask(QUANTISED, vectors=[nearest()]),
    "vectors": ask(TWO, vectors=[nearest(), nearest("embedding.clip", [1.0, 0.0])], weights={"vector:clip": 2}),
    "signature": ask(signature=like(0.4), filter="camera.make:canon"),
    "all": ask(
        text="dog",
        vectors=[nearest()],
        signature=like(),
        filter="camera.make:canon AND location:within(48.85,2.35,10km)",
        facets=["taken_at"],
        k=10,
        offset=95,
    ),
    "explain": ask(text='dog "red ball"', filter="tags:(a OR b) AND (iso:>=400 OR flash:true)", explain=True),
    "explain_vector": ask(vectors=[nearest()], filter="tags:night OR iso:400", explain=True),
    "words_and_meaning": ask(text="a black dog", vectors=[replace(nearest(), words=True)], explain=True),
    "words_by_rank": ask(text="a black dog", vectors=[replace(nearest(), words=True)], fusion="rrf"),
    "words_end": ask(
        text="a black dog",
        vectors=[replace(nearest(), words=True, resemblance=Resemblance(0.0, 0.12))],
        facets=["tags"],
    ),
    "sort": ask(text="dog", sort=["taken_at:desc", "-bytes"], k=7, offset=7),
    "sort_vector": ask(vectors=[nearest()], sort="camera.make", k=7, offset=7),
    "collapse": ask(text="dog", collapse_duplicates=True),
}


def shown(query: Query) -> str:
    """Return a body as JSON for people, its lists of numbers on one line."""
    text = json.dumps(json_body(build_body(query)), indent=2, ensure_ascii=False)
    return re.sub(r"\[[-\d.e,\s]+\]", lambda match: " ".join(match[0].split()), text) + "\n"
