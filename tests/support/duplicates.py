"""Documents with copies among them, and a judge that needs no files."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from hybrid_search.backends import Action, Backend
from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.document.definition import EmbeddingSpec, load_definition
from hybrid_search.duplicates.model import DuplicateGroup, Subject
from hybrid_search.hits.evidence import Evidence
from hybrid_search.signature.goldberg import signature
from hybrid_search.signature.orientations import nearest_orientation, orientation_name
from tests.support.fakes import ColourEmbedder, photo
from tests.support.servers import VERSIONS, unavailable

KEY = "colour"
BACKENDS = ("embedded", *VERSIONS)


def definition(analysis: Any = "portable") -> dict[str, Any]:
    return load_definition(analysis=analysis, embeddings={KEY: EmbeddingSpec(KEY, "1", dims=ColourEmbedder.dims)})


@contextmanager
def new_indexes(request: pytest.FixtureRequest) -> Iterator[Callable[[], Backend]]:
    """Give a function that makes an empty index, in memory or on the real server that the parameter names."""
    made: list[Backend] = []
    run = f"duplicates-{secrets.token_hex(4)}"
    url = None if request.param == "embedded" else _server(request)

    def new() -> Backend:
        if url is None:
            backend: Backend = EmbeddedBackend(None)
        else:
            backend = ElasticsearchBackend(url, name=f"{run}-{len(made)}", server=Server())
        made.append(backend)
        backend.create(definition())
        return backend

    yield new
    for backend in made:
        backend.close()
    if url is not None:
        with Elasticsearch(url) as raw:
            if indexes := list(raw.indices.get_alias(index=f"{run}-*")):
                raw.indices.delete(index=indexes)


def _server(request: pytest.FixtureRequest) -> str:
    servers: dict[str, str] = request.getfixturevalue("servers")
    if request.param not in servers:
        unavailable(f"HYBRID_SEARCH_TEST_SERVERS names none of version {request.param}")
    return servers[request.param]


class SignatureJudge:
    """Decides by signatures alone, and counts how often it was asked."""

    version = "signature"

    def __init__(self, cutoff: float = 0.36, *, look_distance: float = 0.0, needs_vectors: bool = False) -> None:
        self.cutoff, self.look_distance = cutoff, max(cutoff, look_distance)
        self.needs_vectors = needs_vectors
        self.asked: list[tuple[str, str]] = []

    def judge(self, a: Subject, b: Subject, *, cosine: float | None = None) -> Evidence | None:
        self.asked.append((a.id, b.id))
        if a.signature is None or b.signature is None:
            return Evidence("pixels") if a.signature is b.signature else None
        distance, row = nearest_orientation(a.signature, b.signature)
        if distance > self.cutoff:
            return None
        name, negative = orientation_name(row)
        tier = "transformed" if row else "near" if distance else "pixels"
        return Evidence(tier, distance=round(distance, 6), orientation=name, negative=negative)  # type: ignore[arg-type]


@cache
def vectors(seed: int, kind: str = "") -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return signature and embedding of a made-up picture, or of a copy of it."""
    image = Image.new("RGB", (240, 180), "white") if seed < 0 else photo(seed, (240, 180))
    altered = {
        "": lambda: image,
        "same": lambda: image,
        "small": lambda: image.resize((120, 90)),
        "smaller": lambda: image.resize((96, 72)),
        "mirrored": lambda: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "turned": lambda: image.transpose(Image.Transpose.ROTATE_90),
        "negative": lambda: ImageOps.invert(image),
    }[kind]()
    return signature(altered), ColourEmbedder().embed_images([altered])[0]


def document(seed: int, kind: str = "", *, paths: Sequence[str] = (), **fields: Any) -> tuple[str, dict[str, Any]]:
    """Return the id and fields of a made-up picture, or of a copy of it."""
    sha256 = hashlib.sha256(f"{seed} {kind}".encode()).hexdigest()
    mark, vector = vectors(seed, kind)
    paths = list(paths or [f"/photos/{seed}{kind}.jpg"])
    width = {"small": 120, "smaller": 96}.get(kind, 240)
    source = {
        "sha256": sha256,
        "path": paths,
        "folder": sorted(
            {"/".join(path.split("/")[:end]) or "/" for path in paths for end in range(1, path.count("/") + 1)}
        ),
        "files": [{"path": path, "bytes": 1000, "mtime_ns": 1} for path in paths],
        "bytes": 900 if kind else 1000,
        "width": width,
        "height": width * 3 // 4,
        "indexed_at": "2024-05-01T10:00:00.000+00:00",
        "embedding": {KEY: vector},
        **({"signature": mark} if mark.any() else {}),
        **fields,
    }
    return sha256, source


def put(backend: Backend, documents: Mapping[str, Mapping[str, Any]] | Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    pairs = documents.items() if isinstance(documents, Mapping) else documents
    outcomes = backend.bulk([Action("index", id, source) for id, source in pairs])
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    backend.refresh()


def shown(groups: Any) -> list[list[tuple[str, str | None]]]:
    """Return the files of groups as (path, tier)."""
    return [[(file.path, file.evidence and file.evidence.tier) for file in each.members] for each in groups]


def paths(groups: Any) -> list[set[str | None]]:
    return [{file.path for file in each.members} for each in groups]


def whole(group: DuplicateGroup) -> tuple[Any, ...]:
    """Return everything that must not depend on the order of insertion."""
    return group.id, tuple((file.id, file.path, file.evidence) for file in group.members)
