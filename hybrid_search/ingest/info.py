"""Facts about an index: how much is in it, how it was made, and how that differs from what would be made today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hybrid_search.backends.transfer import current_definition
from hybrid_search.document.definition import default_embedding, embeddings, extra_fields
from hybrid_search.document.drift import drift
from hybrid_search.ingest.prune import vanished_documents

if TYPE_CHECKING:
    from hybrid_search.backends import Backend


def index_info(backend: Backend) -> dict[str, Any]:
    """Return the facts of `HybridIndex.info`."""
    live = backend.definition()
    held = {key: spec.to_json() for key, spec in embeddings(live).items()}
    default = held[default_embedding(live)]["name"]
    facts = {"analysis": live["mappings"]["_meta"]["analysis"], "default_embedder": default}
    differences = list(drift(live, current_definition(backend)))
    if own := extra_fields(live):
        facts["extra"] = {leaf: each["type"] for leaf, each in own.items()}
    missing = sum(1 for _ in vanished_documents(backend))
    return {**facts, "embeddings": held, **backend.info(), "missing": missing, "drift": differences}
