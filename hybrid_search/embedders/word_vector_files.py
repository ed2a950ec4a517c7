"""Files of word vectors, read once (GloVe's and word2vec's text, word2vec's binary), then mapped from the cache."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hybrid_search.embedders.atomic_files import sha256_of
from hybrid_search.embedders.graph_cache import cache_folder
from hybrid_search.errors import WeightsMissing

Format = Literal["glove", "word2vec"]
_VERSION = 1
"""Of what is kept in the cache."""
_MOST_DIMS = 10_000
"""Far above any published vectors: a header that says more is that of another file."""


@dataclass(frozen=True)
class _Facts:
    """What the cache knows of a file: if size and time of change are still these, so is its content."""

    version: int
    format: str
    bytes: int
    mtime_ns: int
    sha256: str
    words: int
    dims: int


class Table:
    """Words and their vectors, on the disk: opening costs the same for a thousand words and for a million.

    Parameters
    ----------
    folder : Path
        Where `open_table` has put them.
    facts : mapping
        What it knows of them.
    """

    def __init__(self, folder: Path, facts: _Facts) -> None:
        self.words, self.dims, self.sha256 = facts.words, facts.dims, facts.sha256
        self._vectors = np.memmap(folder / "vectors.f32", np.float32, "r", shape=(facts.words, facts.dims))
        self._text = np.memmap(folder / "words.utf8", np.uint8, "r")
        self._ends = np.load(folder / "ends.npy", mmap_mode="r")
        self._order = np.load(folder / "order.npy", mmap_mode="r")

    def row(self, word: str) -> int | None:
        """Return the row of a word, written exactly so; None for one that is not there."""
        wanted = word.encode("utf-8", "surrogatepass")
        place = bisect_left(range(self.words), wanted, key=self._word)
        return int(self._order[place]) if place < self.words and self._word(place) == wanted else None

    def vectors(self, rows: list[int]) -> NDArray[np.float32]:
        """Return the vectors of rows, (n, dims) float32."""
        return np.asarray(self._vectors[rows], np.float32)

    def _word(self, place: int) -> bytes:
        row = int(self._order[place])
        start = int(self._ends[row - 1]) if row else 0
        return bytes(self._text[start : int(self._ends[row])])


def open_table(path: Path, format: Format) -> Table:
    """Return the words of a file, from the user's cache where the file has not changed since it was read.

    Parameters
    ----------
    path : Path
        A text file with a word and its numbers in each line, as GloVe's, for word2vec behind a line with their
        counts; or word2vec's binary, called `*.bin`. Any of them may be compressed, called `*.gz`.
    format : {"glove", "word2vec"}

    Raises
    ------
    WeightsMissing
        When the file is absent or not of the format, with the number of the line; or the cache cannot be written.
    """
    place = cache_folder() / f"words-{hashlib.sha256(os.fsencode(os.path.abspath(path))).hexdigest()[:16]}"
    try:
        status = os.stat(path)
        with suppress(OSError, ValueError, TypeError):
            facts = _Facts(**json.loads((place / "facts.json").read_text(encoding="utf-8")))
            known = (facts.version, facts.format, facts.bytes, facts.mtime_ns)
            if known == (_VERSION, format, status.st_size, status.st_mtime_ns):
                return Table(place, facts)
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=f"{place.name}.", ignore_cleanup_errors=True) as name:
            new = Path(name) / "new"
            new.mkdir()
            facts = _convert(path, format, new, status)
            with suppress(FileNotFoundError):
                os.rename(place, Path(name) / "old")
            os.rename(new, place)
        return Table(place, facts)
    except FileNotFoundError as error:
        if path.exists():
            raise WeightsMissing(str(error.filename), error.strerror or str(error)) from error
        raise WeightsMissing(str(path), f"there is no such file; {format}:FILE names one by its whole path") from error
    except OSError as error:
        raise WeightsMissing(str(error.filename or path), error.strerror or str(error)) from error


def _convert(path: Path, format: Format, folder: Path, status: os.stat_result) -> _Facts:
    words: dict[bytes, int] = {}
    dims = 0
    with open(folder / "vectors.f32", "wb") as vectors:
        for where, word, vector in _rows(path, format):
            if word in words:
                raise WeightsMissing(str(path), f"{where}: {_shown(word)} is there already, as word {words[word] + 1}")
            words[word], dims = len(words), len(vector)
            vectors.write(vector.tobytes())
    if not words:
        raise WeightsMissing(str(path), "there is no word in it")
    (folder / "words.utf8").write_bytes(b"".join(words))
    np.save(folder / "ends.npy", np.cumsum([len(word) for word in words]))
    np.save(folder / "order.npy", np.array([words[word] for word in sorted(words)], np.int64))
    facts = _Facts(_VERSION, format, status.st_size, status.st_mtime_ns, sha256_of(path), len(words), dims)
    (folder / "facts.json").write_text(json.dumps(asdict(facts)), encoding="utf-8")
    return facts


def _rows(path: Path, format: Format) -> Iterator[tuple[str, bytes, NDArray[np.float32]]]:
    """Give where each word stands, the word, and its vector; all are of one length."""
    packed = path.name.lower().endswith(".gz")
    opened: IO[bytes] = gzip.open(path) if packed else open(path, "rb")  # type: ignore[assignment]
    binary = format == "word2vec" and path.name.lower().removesuffix(".gz").endswith(".bin")
    read: Callable[[IO[bytes], str], Iterator[Any]] = _binary if binary else _counted if format == "word2vec" else _text
    try:
        with opened:
            yield from read(opened, str(path))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise WeightsMissing(str(path), f"its compression is damaged: {error}") from error


def _text(file: IO[bytes], path: str, *, dims: int = 0, first: int = 1) -> Iterator[tuple[str, bytes, Any]]:
    """Read lines of a word and its numbers."""
    for number, line in enumerate(file, start=first):
        where = f"line {number}"
        # a word may hold any sign but a space of ASCII, also what other functions take for the end of a line
        parts = line.rstrip(b" \r\n").split(b" ")
        dims = dims or len(parts) - 1
        if dims == 0:
            raise WeightsMissing(path, f"{where}: not a word and its numbers: there is no number")
        if not 0 < dims <= _MOST_DIMS or len(parts) < dims + 1:
            raise WeightsMissing(path, f"{where}: {max(len(parts) - 1, 0)} numbers after the word, {dims} are expected")
        word, values = parts[: len(parts) - dims], parts[len(parts) - dims :]
        # GloVe's largest file has a few words with spaces in them; numbers there are too many numbers
        if len(word) > 1 and _is_number(word[-1]):
            raise WeightsMissing(path, f"{where}: {len(parts) - 1} numbers after the word, {dims} are expected")
        yield where, b" ".join(word), _vector(values, path, where)


def _counted(file: IO[bytes], path: str) -> Iterator[tuple[str, bytes, Any]]:
    """Read word2vec's text, in which the first line says how many words and numbers there are."""
    words, dims = _counts(file, path)
    found = 0
    for found, row in enumerate(_text(file, path, dims=dims, first=2), start=1):
        if found > words:
            raise WeightsMissing(path, f"{row[0]}: line 1 says {words} words, and there are more")
        yield row
    if found < words:
        raise WeightsMissing(path, f"line {found + 2}: it ends, and line 1 says {words} words")


def _binary(file: IO[bytes], path: str) -> Iterator[tuple[str, bytes, Any]]:
    """Read word2vec's binary: a word, a space, and its numbers as 32-bit floats."""
    words, dims = _counts(file, path)
    for number in range(1, words + 1):
        where, word = f"word {number}", bytearray()
        while (sign := file.read(1)) not in (b" ", b""):
            # some files have a line break behind each vector
            if sign != b"\n" or word:
                word += sign
        data = file.read(4 * dims)
        if len(data) < 4 * dims:
            raise WeightsMissing(path, f"{where}: it ends, and line 1 says {words} words of {dims} numbers")
        vector = np.frombuffer(data, "<f4").astype(np.float32)
        if not np.isfinite(vector).all():
            raise WeightsMissing(path, f"{where}: a number is not finite")
        yield where, bytes(word), vector


def _counts(file: IO[bytes], path: str) -> tuple[int, int]:
    line = file.readline(100)
    try:
        words, dims = (int(part) for part in line.split())
    except ValueError:
        words = dims = 0
    if words < 1 or not 0 < dims <= _MOST_DIMS:
        reason = f"line 1: word2vec's files begin with two counts, of words and of numbers (got {_shown(line[:40])})"
        raise WeightsMissing(path, f"{reason}; without them it is glove:FILE")
    return words, dims


def _vector(values: list[bytes], path: str, where: str) -> NDArray[np.float32]:
    try:
        vector = np.array([float(value) for value in values])
    except ValueError as error:
        raise WeightsMissing(path, f"{where}: not a word and its numbers: {error}") from error
    if not (np.abs(vector) <= np.finfo(np.float32).max).all():
        raise WeightsMissing(path, f"{where}: a number is not finite")
    return vector.astype(np.float32)


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shown(word: bytes) -> str:
    return repr(word.decode("utf-8", "backslashreplace").strip())
