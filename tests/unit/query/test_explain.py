"""Names on clauses, and what they say."""

from __future__ import annotations

import pytest

from hybrid_search.document.definition import EmbeddingSpec, field_types, load_definition
from hybrid_search.query.explain import name_filters, name_of, sure_names, term_clauses
from hybrid_search.query.filters import parse_filter
from hybrid_search.query.text import parse_text

TYPES = field_types(load_definition(embeddings={"lite": EmbeddingSpec("lite", "1", 4)}))


@pytest.mark.parametrize(
    "written",
    [
        "camera.make:canon",
        "iso:[400 TO *]",
        "iso:[* TO 400}",
        "iso:{100 TO 400]",
        "tags:(a OR b)",
        "_id:abc",
        "_exists_:location",
        "flash:true",
        "camera.model:eos*",
        "tags:n?ght",
        "tags:boat~",
        "caption:dog",
        'caption:"red boat"',
        "location:within(48.85,2.35,10km)",
        "location:box(49,2,48,3)",
        "*",
    ],
)
def test_names_read_as_the_filter_was_written(written):
    (clause,) = parse_filter(written, TYPES)
    assert name_of(clause) == written


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ({"terms": {"tags": list("abcdefg")}}, "tags:(a OR b OR c OR d OR e OR …)"),
        ({"terms_set": {"words": {"terms": ["a", "b"], "minimum_should_match": 2}}}, "words:2 of (a OR b)"),
    ],
)
def test_names_of_clauses_that_no_text_writes(clause, expected):
    (checked,) = parse_filter(clause, TYPES)
    assert name_of(checked) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("camera.make:canon", {"term": {"camera.make": {"value": "canon", "_name": "filter:camera.make:canon"}}}),
        ("iso:>=400", {"range": {"iso": {"gte": 400, "_name": "filter:iso:[400 TO *]"}}}),
        ("tags:(a OR b)", {"terms": {"tags": ["a", "b"], "_name": "filter:tags:(a OR b)"}}),
        ("_exists_:iso", {"exists": {"field": "iso", "_name": "filter:_exists_:iso"}}),
        (
            "caption:dog",
            {"match": {"caption_text.every_word": {"query": "dog", "operator": "and", "_name": "filter:caption:dog"}}},
        ),
        (
            'caption:"a b"',
            {"match_phrase": {"caption_text.every_word": {"query": "a b", "_name": 'filter:caption:"a b"'}}},
        ),
        ("-tags:night", {"bool": {"must_not": [{"term": {"tags": "night"}}]}}),
        (
            "regions.label:dog",
            {
                "nested": {
                    "path": "regions",
                    "query": {"term": {"regions.label": "dog"}},
                    "_name": "filter:regions.label:dog",
                }
            },
        ),
        (
            "iso:100 OR flash:true",
            {
                "bool": {
                    "should": [
                        {"term": {"iso": {"value": 100, "_name": "filter:iso:100"}}},
                        {"term": {"flash": {"value": True, "_name": "filter:flash:true"}}},
                    ],
                    "minimum_should_match": 1,
                }
            },
        ),
    ],
)
def test_leaves_are_named_where_elasticsearch_takes_names(written, expected):
    assert name_filters(parse_filter(written, TYPES)) == [expected]


def test_what_every_hit_matches_is_known_without_a_response():
    clauses = parse_filter("iso:100 AND (flash:true OR tags:a) AND -tags:b AND regions.label:dog", TYPES)
    assert sure_names(clauses) == ("filter:iso:100", "filter:regions.label:dog")


def test_words_are_named_by_field_and_do_not_score():
    clauses = term_clauses(parse_text('dog "red ball" -night'))
    assert {
        "match": {"labels_text": {"query": "dog", "operator": "and", "boost": 0, "_name": "term:dog@labels"}}
    } in clauses
    phrase = {"query": "red ball", "boost": 0, "_name": "term:red ball@caption"}
    assert {"match_phrase": {"caption_text.every_word": phrase}} in clauses
    assert not any("night" in str(clause) for clause in clauses)
