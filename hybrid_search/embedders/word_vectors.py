"""Text towers of word vectors: `glove:FILE` and `word2vec:FILE`; a text is the mean of its words."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders.registry import full_name
from hybrid_search.embedders.text_arguments import given_texts
from hybrid_search.embedders.unit_vectors import unit_or_zero
from hybrid_search.embedders.word_vector_files import Format, Table, open_table
from hybrid_search.errors import BadEmbedderOption

_WORD = re.compile(r"[^\W_]+(?:['’‘\-][^\W_]+)*['’]?")
_TOLD = 20
"""Unknown words at most of which one embedder warns."""


_UNTOLD: ContextVar[bool] = ContextVar("untold", default=False)


@contextmanager
def words_untold() -> Iterator[None]:
    """Let no unknown word be told of: the texts are not those of a user."""
    before = _UNTOLD.set(True)
    try:
        yield
    finally:
        _UNTOLD.reset(before)


class UnknownWords(UserWarning):
    """Words of a text have no vector, and count for nothing."""


class WordVectors:
    """Means of word vectors from a file, which is read once and then mapped from the user's cache.

    A word is looked up as it is written, then in lower case, capitalised and in capitals; one with a hyphen or an
    apostrophe that is not there as a whole, in its parts ("well-known": well, known; "don't": do, n't).

    Parameters
    ----------
    model : str
        Path of the file.

    Raises
    ------
    BadEmbedderOption
        When no file is named.
    WeightsMissing
        At the first use, when the file is absent or damaged; the reason names the line.
    """

    family: Format = "glove"

    def __init__(self, *, model: str = "") -> None:
        if not model:
            raise BadEmbedderOption(self.family, "FILE", f"which file of vectors? {self.family}:FILE names it")
        self.name = full_name(self.family, model=model)
        self._path = Path(os.path.expanduser(model))
        self._warned: set[str] = set()

    @property
    def dims(self) -> int:
        """Length of every vector."""
        return self._table.dims

    @property
    def version(self) -> str:
        """Changes whenever the same text would get another vector."""
        return f"{self.family}-mean-{self._table.sha256[:16]}-1"

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n, dims) float32, rows of unit length; a text without a known word has a row of zeros.

        Warns of words that have no vector, of each once (`UnknownWords`).

        Raises
        ------
        WeightsMissing
            When the file is absent or damaged.
        QueryError
            When `texts` is one string, or has something else in it.
        """
        texts = given_texts(texts)
        vectors = np.zeros((len(texts), self.dims))
        unknown: list[str] = []
        for row, text in enumerate(texts):
            found = [self._rows(word) for word in _WORD.findall(text)]
            unknown += [word for word, rows in zip(_WORD.findall(text), found, strict=True) if not rows]
            if rows := [each for some in found for each in some]:
                vectors[row] = self._table.vectors(rows).mean(axis=0, dtype=np.float64)
        self._warn(unknown)
        return unit_or_zero(vectors)

    def unknown(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Return the words of texts that have no vector, each once, as they are written.

        Parameters
        ----------
        texts : sequence of str

        Raises
        ------
        QueryError
            When `texts` is one string, or has something else in it.
        """
        texts = given_texts(texts)
        words = dict.fromkeys(word for text in texts for word in _WORD.findall(text))
        return tuple(word for word in words if not self._rows(word))

    @cached_property
    def _table(self) -> Table:
        return open_table(self._path, self.family)

    def _rows(self, word: str) -> list[int]:
        """Return the rows of a word, or of its parts; none for an unknown one."""
        plain = word.replace("’", "'").replace("‘", "'")
        for whole in (plain, plain.strip("'")):
            row = self._row(whole)
            if row is not None:
                return [row]
        return [row for part in _parts(plain.strip("'")) if (row := self._row(part)) is not None]

    def _row(self, word: str) -> int | None:
        for written in dict.fromkeys((word, word.lower(), word.capitalize(), word.upper())):
            row = self._table.row(written)
            if row is not None:
                return row
        return None

    def _warn(self, unknown: Sequence[str]) -> None:
        new = [word for word in dict.fromkeys(unknown) if word not in self._warned]
        room = _TOLD - len(self._warned)
        if not new or room <= 0 or _UNTOLD.get():
            return
        self._warned.update(new)
        more = f" and {len(new) - room} more" if len(new) > room else ""
        told = ", ".join(new[:room])
        warnings.warn(
            f"{self.name} has no vector for: {told}{more}; they count for nothing", UnknownWords, stacklevel=3
        )


class Glove(WordVectors):
    """Means of GloVe's vectors (J. Pennington et al., "GloVe: global vectors for word representation", EMNLP 2014).

    The file is text: in each line a word and its numbers; compressed when it is called `*.gz`.
    """

    family = "glove"


class Word2vec(WordVectors):
    """Means of word2vec's vectors (T. Mikolov et al., "Efficient estimation of word representations", 2013).

    The file is text behind a line of two counts, or binary when it is called `*.bin`; compressed when it ends in `.gz`.
    """

    family = "word2vec"


def _parts(word: str) -> Iterator[str]:
    """Give the parts of a word, as the tokeniser of GloVe's texts divides them."""
    for part in word.split("-"):
        stem, apostrophe, ending = part.partition("'")
        if not apostrophe:
            if part != word:
                yield part
        elif ending.lower() == "t" and stem.lower().endswith("n"):
            yield from (stem[:-1], f"n'{ending}")
        else:
            yield from (stem, f"'{ending}")
