"""Text towers of word vectors: means by hand, every format, what is unknown, and what a damaged file says."""

from __future__ import annotations

import gzip
import os
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest

from hybrid_search import HybridIndex
from hybrid_search.embedders import TextEmbedder, word_vector_files
from hybrid_search.embedders.registry import get_text_embedder
from hybrid_search.embedders.word_vector_files import open_table
from hybrid_search.embedders.word_vectors import Glove, UnknownWords, Word2vec
from hybrid_search.errors import BadEmbedderOption, WeightsMissing
from tests.support.fakes import photo

WORDS = {
    "dog": [3, 0, 0],
    "the": [0, 0.5, 0],
    "beach": [0, 4, 0],
    "well": [0, 0, 1],
    "known": [0, 0, 3],
    "do": [1, 1, 0],
    "n't": [0, 1, 1],
    "'s": [0, 0, 0.5],
    "Paris": [0, -2, 0],
    "NASA": [-1, 0, 0],
    "été": [1, 0, 1],
    "mother-in-law": [0, -1, -1],
    "o'clock": [-1, -1, 0],
    "zero": [0, 0, 0],
}


def _lines(words: dict[str, list[float]] = WORDS) -> str:
    return "".join(f"{word} {' '.join(map(str, vector))}\n" for word, vector in words.items())


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HYBRID_SEARCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "small.txt"
    path.write_text(_lines(), encoding="utf-8")
    return path


def _unit(*vector: float) -> np.ndarray:
    return np.array(vector) / np.linalg.norm(vector)


def test_a_text_is_the_mean_of_its_words(path: Path) -> None:
    tower = Glove(model=str(path))
    vectors = tower.embed_texts(["the dog", "Dog, beach!", "", "dog dog beach"])
    assert vectors.dtype == np.float32
    expected = [_unit(1.5, 0.25, 0), _unit(1.5, 2, 0), [0, 0, 0], _unit(2, 4 / 3, 0)]
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert tower.embed_texts([]).shape == (0, 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("DOG", ["dog"]),
        ("paris", ["Paris"]),
        ("nasa", ["NASA"]),
        ("Été", ["été"]),
        ("well-known", ["well", "known"]),
        ("Mother-in-law", ["mother-in-law"]),
        ("don't", ["do", "n't"]),
        ("Don’t", ["do", "n't"]),
        ("dog's", ["dog", "'s"]),
        ("dogs' 'dog'", ["dog"]),
        ("o’clock", ["o'clock"]),
        ("the_dog", ["the", "dog"]),
    ],
)
@pytest.mark.filterwarnings("ignore::hybrid_search.embedders.word_vectors.UnknownWords")
def test_words_are_found_however_they_are_written(path: Path, text: str, words: list[str]) -> None:
    expected = _unit(*np.mean([WORDS[word] for word in words], axis=0))
    np.testing.assert_allclose(Glove(model=str(path)).embed_texts([text])[0], expected, atol=1e-6)


def test_unknown_words_are_told_once(path: Path) -> None:
    tower = Glove(model=str(path))
    with pytest.warns(
        UnknownWords, match=r"small\.txt has no vector for: Quokka, xyz; they count for nothing"
    ) as caught:
        vectors = tower.embed_texts(["Quokka dog xyz", "xyz"])
    assert len(caught) == 1
    np.testing.assert_allclose(vectors, [[1, 0, 0], [0, 0, 0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tower.embed_texts(["xyz dog Quokka"])
    assert tower.unknown(["a Quokka on the beach", "Quokka", "don't", "dog-xyz"]) == ("a", "Quokka", "on")
    with pytest.warns(UnknownWords, match=r"for: (w\d+, ){17}w17 and 12 more;"):
        tower.embed_texts([" ".join(f"w{number}" for number in range(30))])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tower.embed_texts(["another unheard of"])


def test_words_that_cancel_have_no_direction(tmp_path: Path) -> None:
    path = tmp_path / "opposite.txt"
    path.write_text("hot 1 2\ncold -1 -2\n")
    np.testing.assert_array_equal(Glove(model=str(path)).embed_texts(["hot cold"]), [[0, 0]])


def _word2vec(*, binary: bool, breaks: bool = False) -> bytes:
    head = f"{len(WORDS)} 3\n".encode()
    if not binary:
        return head + _lines().encode()
    end = b"\n" if breaks else b""
    return head + b"".join(word.encode() + b" " + struct.pack("<3f", *row) + end for word, row in WORDS.items())


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", _word2vec(binary=False)),
        ("a.vec.gz", gzip.compress(_word2vec(binary=False), mtime=0)),
        ("a.bin", _word2vec(binary=True)),
        ("a.bin", _word2vec(binary=True, breaks=True)),
        ("a.bin.gz", gzip.compress(_word2vec(binary=True), mtime=0)),
    ],
)
def test_every_format_of_word2vec_reads_the_same(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    table = open_table(tmp_path / name, "word2vec")
    assert (table.words, table.dims) == (len(WORDS), 3)
    for row, (word, vector) in enumerate(WORDS.items()):
        assert table.row(word) == row
        np.testing.assert_array_equal(table.vectors([row]), np.array([vector], np.float32))
    assert table.row("do g") is table.row("") is table.row("zzz") is table.row("\ud800") is None


def test_gzip_windows_lines_and_spaces_in_words(tmp_path: Path) -> None:
    path = tmp_path / "odd.txt.gz"
    path.write_bytes(gzip.compress("dog 1 2\r\n. . 3 4 \r\n\x85 5 6\na\u2028b 7 8".encode()))
    table = open_table(path, "glove")
    assert [table.row(word) for word in ("dog", ". .", "\x85", "a\u2028b")] == [0, 1, 2, 3]
    np.testing.assert_array_equal(table.vectors([3, 1]), [[7, 8], [3, 4]])


@pytest.mark.parametrize(
    ("format", "name", "data", "said"),
    [
        ("glove", "a.txt", b"", "there is no word in it"),
        ("glove", "a.txt", b"dog 1 2\ncat 1\n", "line 2: 1 numbers after the word, 2 are expected"),
        ("glove", "a.txt", b"dog 1 2\ncat 1 2 3\n", "line 2: 3 numbers after the word, 2 are expected"),
        ("glove", "a.txt", b"dog 1 2\n\ncat 1 2\n", "line 2: 0 numbers after the word, 2 are expected"),
        ("glove", "a.txt", b"dog\n", "line 1: not a word and its numbers: there is no number"),
        ("glove", "a.txt", b"dog 1 2\ncat 1 x\n", "line 2: not a word and its numbers: .*'x'"),
        ("glove", "a.txt", b"\xff\xd8\xffphoto", "line 1: not a word and its numbers: there is no number"),
        ("glove", "a.txt", b"dog 1 nan\n", "line 1: a number is not finite"),
        ("glove", "a.txt", b"dog 1 1e99\n", "line 1: a number is not finite"),
        ("glove", "a.txt", b"dog 1\ncat 2\ndog 3\n", "line 3: 'dog' is there already, as word 1"),
        ("glove", "a.txt", b"400000 300\nthe 1 2\n", "line 2: 2 numbers after the word, 1 are expected"),
        ("word2vec", "a.txt", b"dog 1 2\n", "line 1: word2vec's files begin with two counts.*glove:FILE"),
        ("word2vec", "a.txt", b"2 2\ndog 1 2\n", "line 3: it ends, and line 1 says 2 words"),
        ("word2vec", "a.txt", b"1 2\ndog 1 2\ncat 1 2\n", "line 3: line 1 says 1 words, and there are more"),
        ("word2vec", "a.txt", b"1 3\ndog 1 2\n", "line 2: 2 numbers after the word, 3 are expected"),
        ("word2vec", "a.txt", b"0 3\n", "line 1: word2vec's files begin with two counts"),
        ("word2vec", "a.bin", b"2 2\ndog " + struct.pack("<2f", 1, 2) + b"cat ", "word 2: it ends"),
        ("word2vec", "a.bin", b"1 1\ndog " + struct.pack("<f", float("inf")), "word 1: a number is not finite"),
        ("glove", "a.gz", b"dog 1 2\n", "its compression is damaged"),
        ("glove", "a.gz", gzip.compress(_lines().encode(), mtime=0)[:-20], "its compression is damaged"),
    ],
)
def test_damage_is_told_with_its_place(
    tmp_path: Path, cache: Path, format: word_vector_files.Format, name: str, data: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(WeightsMissing, match=said):
        open_table(tmp_path / name, format)
    assert os.listdir(cache) == []


def test_a_file_is_found_from_any_folder(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    with HybridIndex(tmp_path / "index", embedder=["histogram+hog", "caption:glove:small.txt"]) as index:
        assert index.embedders[1] == f"caption:glove:{path}"
        index.add(photo(1), id="known", metadata={"caption": "known"})
        assert len(index.search("known", embedder="caption:glove:small.txt")) == 1
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with HybridIndex(tmp_path / "index") as index:
        assert [hit.id for hit in index.search(vector_query=["known"])] == ["known"]
        path.unlink()
        assert index.drop_embedder("caption:glove:../small.txt") == 1, "the file is gone, its name is not"


def test_a_missing_file_and_a_missing_name_are_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"nowhere\.txt: there is no such file; glove:FILE names one"):
        Glove(model=str(tmp_path / "nowhere.txt")).embed_texts(["dog"])
    with pytest.raises(BadEmbedderOption, match="word2vec:FILE names it"):
        get_text_embedder("word2vec")


def test_towers_have_names_dims_and_versions(path: Path) -> None:
    tower = get_text_embedder(f"glove:{path}")
    assert isinstance(tower, TextEmbedder) and isinstance(tower, Glove)
    assert (tower.name, tower.dims) == (f"glove:{path}", 3)
    assert tower.version == Glove(model=str(path)).version
    path.with_suffix(".vec").write_bytes(_word2vec(binary=False))
    other = get_text_embedder(f"word2vec:{path.with_suffix('.vec')}")
    assert isinstance(other, Word2vec) and other.version != tower.version
    np.testing.assert_array_equal(tower.embed_texts(["the dog"]), other.embed_texts(["the dog"]))


def test_a_file_is_read_again_only_when_it_has_changed(
    path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_table(path, "glove")
    read: list[Path] = []
    real = word_vector_files._convert
    monkeypatch.setattr(word_vector_files, "_convert", lambda path, *rest: read.append(path) or real(path, *rest))
    assert open_table(path, "glove").sha256 == first.sha256
    assert read == []
    path.write_text(_lines({**WORDS, "dog": [9, 9, 9]}), encoding="utf-8")
    changed = open_table(path, "glove")
    assert read == [path] and changed.sha256 != first.sha256
    np.testing.assert_array_equal(changed.vectors([0]), [[9, 9, 9]])
    assert len(os.listdir(cache)) == 1
    (next(cache.iterdir()) / "facts.json").write_text('{"words": 3}')
    assert open_table(path, "glove").words == len(WORDS)


def test_many_words_are_found_by_bisection(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    words = {f"w{number:x}{'é' * (number % 3)}": random.normal(size=4).round(3).tolist() for number in range(3000)}
    (tmp_path / "many.txt").write_text(_lines(words), encoding="utf-8")
    table = open_table(tmp_path / "many.txt", "glove")
    assert [table.row(word) for word in words] == list(range(3000))
    np.testing.assert_array_equal(table.vectors([2999, 7]), np.array(list(words.values()), np.float32)[[2999, 7]])
