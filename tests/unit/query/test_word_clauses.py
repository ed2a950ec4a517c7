"""Named clauses of words: what a body asks to be told about each word."""

from __future__ import annotations

from typing import Any

from hybrid_search.query.text import parse_text, text_fields
from hybrid_search.query.word_clauses import is_graded, named_text_leg, word_aggs
from tests.support.bodies import ask


def names(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["_name"]] if "_name" in value else []
        return own + [name for inside in value.values() for name in names(inside)]
    return [name for inside in value for name in names(inside)] if isinstance(value, list) else []


def test_each_word_is_named_where_it_was_written_and_where_it_was_predicted() -> None:
    fields = text_fields(["caption_text", "tags_text", "labels_text", "filename_text"])
    parsed = ask(text="black dog").text
    assert names(named_text_leg(parsed, least=1)) == [*("text", "word:black", "label:black", "word:dog", "label:dog")]
    assert "labels_text" in fields and parsed.fields.keys() >= fields.keys()
    assert names(named_text_leg(ask(text="dog").text, least=1)) == ["text", "word:dog", "label:dog"]
    assert names(word_aggs(parsed)) == [], "what is counted is not named again"
    assert list(word_aggs(parsed)) == ["word:black", "word:dog", "every word"]


def test_what_cannot_be_held_in_part_is_not_counted() -> None:
    for text in ("dog", '"black dog"', "to be or not to be", ""):
        assert not is_graded(parse_text(text)) and word_aggs(parse_text(text)) == {}
    assert is_graded(parse_text('dog "red ball"')) and is_graded(parse_text("the black dog"))


def test_a_name_of_a_file_is_one_word() -> None:
    leg = named_text_leg(ask(text="IMG_0108.JPG dog cat bird fish").text, least=2)
    assert leg is not None
    words = [clause for clause in leg["bool"]["should"] if any(name.startswith("word:") for name in names(clause))]
    assert len(words) == 5 and leg["bool"]["minimum_should_match"] == 2
