"""Dictionaries are looked up in place: they must be in order, and give what parsing them gives."""

from __future__ import annotations

import gzip
import json
import random
from importlib.resources import files

import pytest

from hybrid_search.query.spelling.dictionaries import LANGUAGES, languages_of, uses


@pytest.mark.parametrize("language", LANGUAGES)
def test_looking_a_word_up_gives_what_the_whole_dictionary_has(language: str) -> None:
    packed = files("spellchecker") / "resources" / f"{language}.json.gz"
    words = json.loads(gzip.decompress(packed.read_bytes()))
    every = list(words)
    chosen = [every[0], every[-1], *random.Random(5).sample(every, 300)]
    assert {word: uses(word, language) for word in chosen if word == word.lower()} == {
        word: words[word] for word in chosen if word == word.lower()
    }
    absent = [word + "zq" for word in chosen] + [word[:-1] + "~" for word in chosen] + ["", '"', "\n", "zzzzzzzz"]
    assert [word for word in absent if uses(word, language) != words.get(word, 0)] == []


def test_a_word_may_be_of_several_languages() -> None:
    assert languages_of("radio") == ["en", "de", "fr", "es", "it", "pt", "nl"]
