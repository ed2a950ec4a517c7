"""What there is to say of an embedded index in numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hybrid_search.backends.embedded.index_folder import FORMAT, Folder
from hybrid_search.backends.embedded.snapshot import Snapshot
from hybrid_search.backends.embedded.vectors.vector_field import VectorField


def facts(snapshot: Snapshot, folder: Folder | None, vectors: Callable[[str], VectorField]) -> dict[str, Any]:
    """Return `documents`, `bytes` on disk, `format`, `segments`, and per dense_vector field its counts."""
    return {
        "documents": snapshot.documents,
        "bytes": 0 if folder is None else folder.bytes(),
        "format": FORMAT,
        "segments": snapshot.searcher.num_segments,
        "vectors": {
            field.name: {**vectors(field.name).stats(), "documents": snapshot.living(field.name)}
            for field in snapshot.schema.fields.vectors()
        },
    }
