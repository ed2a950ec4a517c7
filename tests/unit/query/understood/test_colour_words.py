"""Which words are colours, and which are names, quotes and other things."""

from __future__ import annotations

import pytest

from hybrid_search.query.understood.text_parts import understand
from hybrid_search.query.understood.vocabulary import IndexVocabulary

KNOWN = IndexVocabulary(
    colours=True,
    partial={"brown": (("people", "mary brown"),)},
    kinds={"monochrome": frozenset({"true"})},
)


@pytest.mark.parametrize(
    ("text", "colours", "words"),
    [
        ("red car", ["red"], "red car"),
        ("girl in a pink dress", ["pink"], "girl in a pink dress"),
        ("ein rotes Auto", ["red"], "ein rotes Auto"),
        ("coche rojo y azul", ["red", "blue"], "coche rojo y azul"),
        ("photos of something gray", ["grey"], "photos of something gray"),
        ("red photos", ["red"], "red"),
        ("black and white dog", ["black", "white"], "black and white dog"),
        ('"red" car', [], '"red" car'),
        ("car -red", [], "car -red"),
        ("garden of Mr White", [], "garden of Mr White"),
        ("black and white photos", [], ""),
        ("tan reddish", [], "tan reddish"),
    ],
)
def test_words_that_are_colours_stay_words(text: str, colours: list[str], words: str) -> None:
    meant = understand(text, KNOWN)
    assert [part.colour for part in meant.parts if part.colour] == colours
    assert meant.words == words


def test_an_index_without_colours_has_no_colour_words() -> None:
    assert understand("red car", IndexVocabulary()).parts == ()


def test_what_is_written_or_labelled_counts_as_the_colour() -> None:
    clauses = understand("red wine", KNOWN).parts[0].clause["bool"]["should"]  # type: ignore[index]
    assert {"range": {"colour.red": {"gte": 0.001}}} in clauses
    assert {"match_phrase": {"labels_text": {"query": "red"}}} in clauses
    assert {"match_phrase": {"caption_text": {"query": "red"}}} in clauses
