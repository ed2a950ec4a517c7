"""BERT's encoder and WordPiece in plain numpy, one text at a time, as J. Devlin et al. (NAACL 2019) describe them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Rows = NDArray[np.float64]
Weights = Mapping[str, Rows]


def word_pieces(text: str, vocabulary: Mapping[str, int], longest: int) -> list[int]:
    """Return the ids of a text in ASCII: words and signs, each cut greedily into the longest known pieces."""
    pieces: list[int] = []
    for word in re.findall(r"[a-z0-9]+|[^a-z0-9\s]", text.lower()):
        found: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = ("##" if start else "") + word[start:end]
                if piece in vocabulary:
                    found.append(vocabulary[piece])
                    start = end
                    break
            else:
                found, start = [vocabulary["[UNK]"]], len(word)
        pieces += found
    return [vocabulary["[CLS]"], *pieces[: longest - 2], vocabulary["[SEP]"]]


def encode(ids: list[int], table: Weights, *, layers: int = 6, heads: int = 12) -> Rows:
    """Return the last hidden state of one text, (tokens, width)."""
    x = table["embeddings.word_embeddings.weight"][ids]
    x = (
        x
        + table["embeddings.position_embeddings.weight"][: len(ids)]
        + table["embeddings.token_type_embeddings.weight"][0]
    )
    x = _norm(x, table, "embeddings.LayerNorm")
    for number in range(layers):
        prefix = f"encoder.layer.{number}"
        q, k, v = (_dense(x, table, f"{prefix}.attention.self.{part}") for part in ("query", "key", "value"))
        width = q.shape[1] // heads
        mixed = np.empty_like(q)
        for head in range(heads):
            own = slice(head * width, (head + 1) * width)
            scores = q[:, own] @ k[:, own].T / math.sqrt(width)
            weight = np.exp(scores - scores.max(axis=1, keepdims=True))
            mixed[:, own] = weight / weight.sum(axis=1, keepdims=True) @ v[:, own]
        x = _norm(
            x + _dense(mixed, table, f"{prefix}.attention.output.dense"), table, f"{prefix}.attention.output.LayerNorm"
        )
        inner = _dense(x, table, f"{prefix}.intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / math.sqrt(2)))
        x = _norm(x + _dense(inner, table, f"{prefix}.output.dense"), table, f"{prefix}.output.LayerNorm")
    return x


def sentence(ids: list[int], table: Weights) -> Rows:
    """Return the mean over tokens at unit length, as Sentence-BERT does."""
    mean = encode(ids, table).mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean))


def _dense(x: Rows, table: Weights, name: str) -> Rows:
    return x @ table[f"{name}.weight"].T + table[f"{name}.bias"]


def _norm(x: Rows, table: Weights, name: str) -> Rows:
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
    return scaled * table[f"{name}.weight"] + table[f"{name}.bias"]
