"""The mapping: what an index is created with, and what is asked of it afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybrid_search import __version__
from hybrid_search.document.definition import EmbeddingSpec, check, embeddings, field_types, load_definition, quantised
from hybrid_search.errors import EmbedderMismatch, MappingMismatch

LITE = EmbeddingSpec("lite", "1", dims=1280)
CLIP = EmbeddingSpec("clip-vit-b32", "2024-01", dims=512, embeds_text=True)
FILES = Path(__file__).parents[3] / "mappings"


def test_definition_is_the_json_of_the_package_with_the_embeddings_filled_in():
    definition = load_definition(embeddings={"lite": LITE, "clip_vit_b32": CLIP})
    shipped = json.loads((FILES / "images.json").read_text(encoding="utf-8"))
    mappings = definition["mappings"]
    assert mappings["dynamic"] == "strict"
    assert {name for name in mappings["properties"]} == set(shipped["properties"])
    assert mappings["properties"]["embedding"]["properties"] == {
        "lite": {
            "type": "dense_vector",
            "dims": 1280,
            "index": True,
            "similarity": "dot_product",
            "index_options": {"type": "hnsw"},
        },
        "clip_vit_b32": {
            "type": "dense_vector",
            "dims": 512,
            "index": True,
            "similarity": "dot_product",
            "index_options": {"type": "hnsw"},
        },
    }
    assert mappings["_meta"] == {
        "schema_version": 3,
        "analysis": "english",
        "hybrid_search": __version__,
        "default_embedding": "lite",
        "embeddings": {
            "lite": {"name": "lite", "version": "1", "dims": 1280, "embeds_text": False},
            "clip_vit_b32": {"name": "clip-vit-b32", "version": "2024-01", "dims": 512, "embeds_text": True},
        },
    }
    json.dumps(definition)


@pytest.mark.parametrize("analysis", ["english", "portable"])
def test_settings_are_those_of_the_analysis(analysis):
    shipped = json.loads((FILES / "images.analysis.json").read_text(encoding="utf-8"))
    definition = load_definition(analysis=analysis, embeddings={})
    assert definition["settings"] == {"analysis": shipped[analysis]}
    assert definition["mappings"]["_meta"]["analysis"] == analysis


def test_definitions_do_not_share_anything_that_can_be_changed():
    first = load_definition(embeddings={"lite": LITE})
    first["mappings"]["properties"]["iso"]["type"] = "text"
    assert load_definition(embeddings={"lite": LITE})["mappings"]["properties"]["iso"] == {"type": "integer"}


def test_embeddings_come_back_as_they_went_in():
    specs = {"lite": LITE, "clip_vit_b32": CLIP}
    assert embeddings(json.loads(json.dumps(load_definition(embeddings=specs)))) == specs


def test_field_types_are_flat_and_know_multi_fields_and_what_cannot_be_searched():
    types = field_types(load_definition(embeddings={"lite": LITE}))
    expected = {
        "camera.make": "keyword",
        "tags": "keyword",
        "tags_text": "text",
        "taken_at": "date",
        "taken_at_utc": "date",
        "location": "geo_point",
        "exif": "flattened",
        "regions": "nested",
        "regions.label": "keyword",
        "embedding.lite": "dense_vector",
        "files": "disabled",
        "thumbnail": "disabled",
        "warnings": "disabled",
        "words": "keyword",
    }
    assert {name: types.get(name) for name in expected} == expected
    assert "camera" not in types
    assert "embedding" not in types


@pytest.mark.parametrize(
    ("index_options", "expected"),
    [(None, False), ({"type": "flat"}, False), ({"type": "int8_hnsw"}, True), ({"type": "bbq_hnsw"}, True)],
)
def test_quantised_says_which_vectors_are_rounded(index_options, expected):
    definition = load_definition(embeddings={"lite": LITE}, index_options=index_options)
    assert quantised(definition, "embedding.lite") is expected
    assert quantised(definition, "signature") is False
    assert quantised(definition, "no.such.field") is False


def test_check_passes_the_embedder_that_filled_the_index():
    check(load_definition(embeddings={"lite": LITE, "clip_vit_b32": CLIP}), "clip_vit_b32", CLIP)


@pytest.mark.parametrize(
    "other",
    [EmbeddingSpec("lite", "2", 1280), EmbeddingSpec("lite", "1", 640), EmbeddingSpec("resnet50", "1", 1280)],
)
def test_check_names_both_embedders_when_they_differ(other):
    with pytest.raises(EmbedderMismatch) as raised:
        check(load_definition(embeddings={"lite": LITE}), "lite", other)
    assert "'lite' (version 1, 1280 dims)" in str(raised.value)
    assert f"{other.name!r} (version {other.version}, {other.dims} dims)" in str(raised.value)


def test_check_names_what_the_index_holds_when_the_field_is_absent():
    with pytest.raises(EmbedderMismatch, match=r"holds embeddings of embedder 'lite'.*opened with embedder 'clip"):
        check(load_definition(embeddings={"lite": LITE}), "clip_vit_b32", CLIP)


@pytest.mark.parametrize(
    ("found", "remedy"),
    [
        (1, "`hybrid_search.backends.transfer.migrate`"),
        (2, "`hybrid_search.backends.transfer.migrate`"),
        (4, "use the version that wrote it"),
        (None, "use the version"),
    ],
)
def test_check_refuses_another_schema_version(found, remedy):
    definition = load_definition(embeddings={"lite": LITE})
    definition["mappings"]["_meta"]["schema_version"] = found
    with pytest.raises(
        MappingMismatch, match=rf"schema version {found}, this version of hybrid-search reads 3; {remedy}"
    ):
        check(definition, "lite", LITE)
