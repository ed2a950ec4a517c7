"""The vectors of all documents that take part, in a temporary file, so that memory does not grow with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.signature.goldberg import LENGTH

_CHUNK = 65_536  # rows read at once: 42 MB of signatures


class VectorFile:
    """Signatures, and embeddings where they are wanted, by row; a document without one has zeros.

    Parameters
    ----------
    folder : Path
        Where the files are made; whoever made it removes it.
    count : int
        Rows.
    dims : int
        Numbers in an embedding; 0 when there are none.
    """

    def __init__(self, folder: Path, *, count: int, dims: int) -> None:
        self.signatures: NDArray[np.int8] = _mapped(folder / "signatures", np.dtype(np.int8), (count, LENGTH))
        self.embeddings: NDArray[np.float16] | None = None
        if dims:
            self.embeddings = _mapped(folder / "embeddings", np.dtype(np.float16), (count, dims))

    def put(self, row: int, signature: Any, embedding: Any) -> None:
        """Keep the vectors of one document."""
        if signature is not None:
            self.signatures[row] = signature
        if embedding is not None and self.embeddings is not None:
            self.embeddings[row] = embedding

    def signature(self, row: int) -> NDArray[np.int8] | None:
        """Return a signature; None for a flat picture."""
        found = np.array(self.signatures[row])
        return found if found.any() else None

    def close(self) -> None:
        """Let go of the files."""
        self.signatures, self.embeddings = np.empty((0, LENGTH), np.int8), None

    def flat(self) -> NDArray[np.int64]:
        """Return the rows without a signature."""
        parts = [
            start + np.flatnonzero(~np.asarray(self.signatures[start : start + _CHUNK]).any(axis=1))
            for start in range(0, len(self.signatures), _CHUNK)
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def cosines(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the cosines of embeddings for (n, 2) rows, NaN where one has none."""
        found = np.full(len(pairs), np.nan)
        if self.embeddings is None:
            return found
        for start in range(0, len(pairs), _CHUNK // 16):
            some = pairs[start : start + _CHUNK // 16]
            one, other = (np.asarray(self.embeddings[some[:, side]], np.float32) for side in (0, 1))
            lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
            products = np.einsum("ij,ij->i", one, other)
            found[start : start + len(some)] = np.divide(
                products, lengths, out=np.full(len(some), np.nan, np.float32), where=lengths > 0
            )
        return found


def _mapped(path: Path, dtype: np.dtype[Any], shape: tuple[int, int]) -> NDArray[Any]:
    if shape[0] == 0:
        return np.empty(shape, dtype)
    # a new file is all zeros
    return np.memmap(path, dtype=dtype, mode="w+", shape=shape)
