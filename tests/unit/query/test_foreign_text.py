"""Which language a few words are of, and when that is said."""

from __future__ import annotations

import pytest

from hybrid_search.document.definition import EmbeddingSpec
from hybrid_search.query.spelling.foreign_text import foreign_text, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Schnee", "German"),
        ("Geburtstag mit Oma", "German"),
        ("plage", "French"),
        ("chien sur la plage", "French"),
        ("perro en la nieve", "Spanish"),
        ("spiaggia", "Italian"),
        ("cachorro na praia", "Portuguese"),
        ("hond op het strand", "Dutch"),
        ("собака", "Russian or its kin"),
        ("犬とビーチ", "Japanese"),
        ("海灘上的狗", "Chinese"),
        ("dog on a beach", "English"),
        ("kindergarten", "English"),
        ("asdfghjkl", ""),
        ("4711", ""),
    ],
)
def test_the_language_of_a_few_words(text: str, language: str) -> None:
    assert language_of(text) == language


def spec(name: str, *, words: bool = True) -> dict[str, EmbeddingSpec]:
    return {"a": EmbeddingSpec(name, "1", 4, embeds_text=words)}


def test_it_is_said_where_the_models_are_known_to_know_english_alone() -> None:
    for specs in (spec("lite", words=False), spec("lite+minilm"), spec("caption:minilm")):
        found = foreign_text("Hund", specs)
        assert found is not None
        assert "German" in str(found) and "language='any'" in str(found)
        assert foreign_text("dog", specs) is None
    assert foreign_text("Hund", spec("siglip:onnx-community/siglip2-base-patch32-256-ONNX")) is None
    assert foreign_text("Hund", spec("clip:/a/model/of/mine")) is None
    assert foreign_text("Hund", spec("lite+minilm") | {"b": EmbeddingSpec("clip:mine", "1", 4, True)}) is None
