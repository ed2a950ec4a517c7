"""Texts: what a person types, and the clauses that it becomes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.errors import QueryError
from hybrid_search.query.text import TEXT_FIELDS, ParsedText, excluded_clauses, parse_text, text_fields, text_leg


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ParsedText()),
        ("dog", ParsedText(("dog",))),
        ("  black   dog ", ParsedText(("black", "dog"))),
        ("dog dog", ParsedText(("dog",))),
        ('"red ball" dog', ParsedText(("dog",), ("red ball",))),
        ("“red ball” dog", ParsedText(("dog",), ("red ball",))),
        ("dog -night", ParsedText(("dog",), (), ("night",))),
        ('dog -"bad weather"', ParsedText(("dog",), (), ("bad weather",))),
        ("IMG_0042", ParsedText(("IMG", "0042"))),
        ("IMG_0042.jpg", ParsedText(("IMG_0042.jpg",))),
        ("t-shirt", ParsedText(("t-shirt",))),
        ('dog "', ParsedText(("dog",))),
        ('5" disk', ParsedText(("5", "disk"))),
        ('- & ? -- "" -""', ParsedText()),
        ("café 東京 💡", ParsedText(("café", "東京", "💡"))),
        ("(dog) AND title:x~2 /re/ *", ParsedText(("(dog)", "AND", "title:x~2", "/re/"))),
    ],
)
def test_parts(text, expected):
    assert parse_text(text) == expected


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("a red car and a blue car", "a red car and a blue car"),
        ('a dog "on the beach" running', "a dog on the beach running"),
        ('a "red ball" on grass -night', "a red ball on grass"),
        ('the dog -"a cat" and the dog', "the dog and the dog"),
        ("rock & roll, 2  men", "rock & roll, 2 men"),
        ("new_york “at night”", "new york at night"),
        ("? & -dog", ""),
    ],
)
def test_an_embedder_gets_the_sentence_as_it_was_typed_without_what_it_excludes(text, asked):
    assert parse_text(text).asked == asked


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a" * 1_001, "text has 1,001 characters, more than 1,000; search for fewer words"),
        (" ".join(map(str, range(65))), "text has 65 words, more than 64; search for fewer"),
        ("dog \udc80", "not valid Unicode"),
    ],
)
def test_texts_that_are_refused(text, says):
    with pytest.raises(QueryError) as raised:
        parse_text(text)
    assert says in str(raised.value)


def test_each_word_is_looked_for_in_all_fields_and_the_whole_in_order_gains():
    leg = text_leg(parse_text("black dog"))["bool"]
    assert leg["_name"] == "text"
    assert leg["minimum_should_match"] == 1
    words = [clause["multi_match"] for clause in leg["should"] if "multi_match" in clause]
    assert [clause["query"] for clause in words] == ["black", "dog"]
    written = ["caption_text^3", "title_text^3", "headline_text^3", "alt_text^3", "tags_text^2", "people_text^2"]
    assert words[0]["fields"][:8] == [*written, "written_labels_text^2", "labels_text"]
    phrases = [clause["match_phrase"] for clause in leg["should"] if "match_phrase" in clause]
    assert phrases == [
        {"caption_text": {"query": "black dog", "boost": 2.0}},
        {"title_text": {"query": "black dog", "boost": 2.0}},
    ]


def test_a_quoted_phrase_must_occur_and_words_beside_it_need_not():
    leg = text_leg(parse_text('"red ball" dog'))["bool"]
    (must,) = leg["must"]
    fields = {field for clause in must["bool"]["should"] for field in clause["match_phrase"]}
    assert {field.removesuffix(".every_word") for field in fields} <= set(TEXT_FIELDS)
    assert must["bool"]["minimum_should_match"] == 1
    assert leg["minimum_should_match"] == 0


def test_a_file_name_is_also_looked_for_as_a_whole():
    clauses = text_leg(parse_text("beach.jpg"))["bool"]["should"]
    assert {"term": {"filename": {"value": "beach.jpg", "boost": 5.0}}} in clauses
    assert {"match": {"filename_text": {"query": "beach", "operator": "and"}}} in clauses


@pytest.mark.parametrize("text", ["", "-night", "?"])
def test_nothing_to_find_is_no_leg(text):
    assert text_leg(parse_text(text)) is None


def test_exclusions_are_filters():
    first, second = excluded_clauses(parse_text('-night -"bad weather"'))
    assert first["bool"]["must_not"][0]["multi_match"]["query"] == "night"
    assert second["bool"]["must_not"][0]["bool"]["should"][0] == {
        "match_phrase": {"caption_text.every_word": {"query": "bad weather", "boost": 3.0}}
    }


def queries(clause) -> list[str]:
    if isinstance(clause, list):
        return [found for part in clause for found in queries(part)]
    if isinstance(clause, dict):
        return [key for key in clause if key not in ("query", "value")] + queries(list(clause.values()))
    return []


@given(st.text(max_size=80))
def test_no_text_reaches_a_clause_that_has_a_syntax(text):
    try:
        parsed = parse_text(text)
    except QueryError:
        return
    leg = text_leg(parsed)
    kinds = set(queries([leg, excluded_clauses(parsed)]))
    known = {"bool", "must", "should", "must_not", "minimum_should_match", "_name", "boost", "type", "fields"}
    known |= {"multi_match", "match_phrase", "term", "tie_breaker", "operator", "filename", *TEXT_FIELDS}
    known |= {"dis_max", "queries", "match", "caption_text.every_word", "title_text.every_word"}
    assert kinds <= known


def test_without_predictions_terms_are_looked_for_in_what_people_wrote() -> None:
    parsed = replace(parse_text('dog "red ball" -cat'), fields=text_fields(TEXT_FIELDS, predicted=False))
    leg = text_leg(parsed)
    assert leg is not None
    (term,) = leg["bool"]["should"]
    assert {field.partition("^")[0] for field in term["multi_match"]["fields"]} == {
        *("caption_text", "title_text", "headline_text", "alt_text", "tags_text", "people_text", "prompt_text"),
        *("text_in_picture_text", "written_labels_text", "filename_text", "folder_text", "place_text", "camera_text"),
    }
    # what must occur, and what must not, may occur in a label
    assert "labels_text" in str(leg["bool"]["must"])
    assert "labels_text" in str(excluded_clauses(parsed))
