"""What is written about pictures as vectors, kept true to the words when these change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.document.document import caption_text
from hybrid_search.embedders import TextEmbedder

WORDS = ("title", "caption", "tags")
"""The fields whose words are embedded."""


class CaptionEmbedding:
    """Turns the words of documents into vectors.

    Parameters
    ----------
    embedders : mapping of str to TextEmbedder
        By the leaf of their fields under `embedding`, as `EmbedderSet.for_captions` gives them; one is asked for only
        when there are words.
    """

    def __init__(self, embedders: Mapping[str, TextEmbedder]) -> None:
        self._embedders = embedders
        self._known: dict[str, dict[str, NDArray[np.float32]]] = {}

    def read(self, texts: Iterable[str]) -> None:
        """Embed texts together, and keep their vectors until the next texts are read."""
        wanted = list(dict.fromkeys(text for text in texts if text)) if self._embedders else []
        self._known = {text: {} for text in wanted}
        if not wanted:
            return
        for key, embedder in self._embedders.items():
            for text, vector in zip(wanted, embedder.embed_texts(wanted), strict=True):
                # a text without a known word has no direction
                if vector.any():
                    self._known[text][key] = np.asarray(vector, np.float32)

    def vectors(self, source: Mapping[str, Any]) -> dict[str, NDArray[np.float32]]:
        """Return the vectors of a document's words, (dims,) float32 by the leaf of their field; none without words."""
        text = caption_text(source)
        if text and text not in self._known:
            self.read([text])
        return self._known.get(text, {})

    def put(self, source: Mapping[str, Any]) -> dict[str, NDArray[np.float32] | None]:
        """Return `vectors`, and None for those fields in which an update must leave nothing."""
        return {**dict.fromkeys(self._embedders), **self.vectors(source)}

    def change(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
        """Return what an update that makes one document of another writes under `embedding`, {} for the same words."""
        return self.put(after) if self._embedders and caption_text(before) != caption_text(after) else {}


def outdated(before: Mapping[str, Any], after: Mapping[str, Any], keys: Iterable[str]) -> dict[str, None]:
    """Return what takes the vectors of words from a document that gets other words where no embedder is at hand.

    `HybridIndex.add_embedder` makes them anew.
    """
    return dict.fromkeys(keys) if caption_text(before) != caption_text(after) else {}
