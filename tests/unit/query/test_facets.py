"""Facets: how counts are asked for and read."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from hybrid_search.document.definition import EmbeddingSpec, field_types, load_definition
from hybrid_search.errors import QueryError, UnknownField
from hybrid_search.query.facets import facet_aggs, parse_facet, read_facets

TYPES = field_types(load_definition(embeddings={"lite": EmbeddingSpec("lite", "1", 4)}))


@pytest.mark.parametrize(
    ("text", "agg"),
    [
        ("camera.make", {"terms": {"field": "camera.make", "size": 10}}),
        ("labels:20", {"terms": {"field": "labels", "size": 20}}),
        ("iso", {"terms": {"field": "iso", "size": 10}}),
        ("flash", {"terms": {"field": "flash", "size": 10}}),
        ("exif.Model", {"terms": {"field": "exif.Model", "size": 10}}),
        (
            "taken_at",
            {"date_histogram": {"field": "taken_at", "calendar_interval": "year", "min_doc_count": 1}},
        ),
        (
            "taken_at:month",
            {"date_histogram": {"field": "taken_at", "calendar_interval": "month", "min_doc_count": 1}},
        ),
        (
            "iso:100,400",
            {"range": {"field": "iso", "ranges": [{"to": 100.0}, {"from": 100.0, "to": 400.0}, {"from": 400.0}]}},
        ),
    ],
)
def test_aggregations(text, agg):
    assert facet_aggs([parse_facet(text, TYPES)]) == {text: agg}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("caption", "(text) cannot be counted"),
        ("tags_text", "cannot be counted; 'tags' can"),
        ("location", "(geo_point) cannot be counted"),
        ("regions.label", "cannot be counted"),
        ("labels:0", "'0' is not a way to count 'labels'; write a field, with a number of values"),
        ("labels:1001", "is not a way to count"),
        ("labels:year", "is not a way to count"),
        ("labels:1,2", "is not a way to count"),
        ("taken_at:20", "is not a way to count"),
        ("taken_at:week", "is not a way to count"),
        ("iso:400,100", "the edges go up"),
        ("iso:100,100", "the edges go up"),
        ("iso:1.2.3,4", "an edge that is not a number"),
    ],
)
def test_what_cannot_be_counted(text, says):
    with pytest.raises(QueryError) as raised:
        parse_facet(text, TYPES)
    assert says in str(raised.value)


@pytest.mark.parametrize("text", ["make", "thumbnail", "embedding.lite", ""])
def test_unknown_fields(text):
    with pytest.raises(UnknownField):
        parse_facet(text, TYPES)


def test_counts_are_read_by_what_a_person_calls_the_values():
    def ms(*date):
        return int(datetime(*date, tzinfo=timezone.utc).timestamp() * 1000)

    facets = [
        parse_facet(text, TYPES)
        for text in ("camera.make", "flash", "f_number", "taken_at", "taken_at:month", "taken_at:day", "iso:100,400")
    ]
    response = {
        "camera.make": {"buckets": [{"key": "canon", "doc_count": 3}, {"key": "nikon", "doc_count": 1}]},
        "flash": {
            "buckets": [
                {"key": 0, "key_as_string": "false", "doc_count": 3},
                {"key": 1, "key_as_string": "true", "doc_count": 2},
            ]
        },
        "f_number": {"buckets": [{"key": 2.8, "doc_count": 1}, {"key": 8.0, "doc_count": 1}]},
        "taken_at": {"buckets": [{"key": ms(1969, 1, 1), "doc_count": 1}, {"key": ms(2019, 1, 1), "doc_count": 2}]},
        "taken_at:month": {"buckets": [{"key": ms(2019, 6, 1), "doc_count": 2}]},
        "taken_at:day": {"buckets": [{"key": ms(2019, 6, 15), "doc_count": 2}]},
        "iso:100,400": {
            "buckets": [
                {"key": "*-100.0", "to": 100.0, "doc_count": 0},
                {"key": "100.0-400.0", "from": 100.0, "to": 400.0, "doc_count": 4},
                {"key": "400.0-*", "from": 400.0, "doc_count": 1},
            ]
        },
    }
    assert read_facets(facets, response) == {
        "camera.make": {"canon": 3, "nikon": 1},
        "flash": {"false": 3, "true": 2},
        "f_number": {"2.8": 1, "8": 1},
        "taken_at": {"1969": 1, "2019": 2},
        "taken_at:month": {"2019-06": 2},
        "taken_at:day": {"2019-06-15": 2},
        "iso:100,400": {"100–400": 4, "≥400": 1},
    }
