"""Every difference between a live index and the one that would be made is named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from hybrid_search.document.definition import EmbeddingSpec, load_definition
from hybrid_search.document.drift import drift

LITE = {"lite": EmbeddingSpec("lite", "1", dims=4)}
WANTED = load_definition(embeddings=LITE)


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    live = copy.deepcopy(WANTED)
    change(live)
    return live


def properties(live: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = live["mappings"]["properties"]
    return found


def test_the_same_has_none() -> None:
    assert drift(WANTED, WANTED) == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda live: properties(live).pop("iso"), "iso: is missing"),
        (lambda live: properties(live).update(mood={"type": "keyword"}), "mood: is not known to this version"),
        (lambda live: properties(live)["iso"].update(type="long"), "iso: type is 'long', not 'integer'"),
        (
            lambda live: properties(live)["camera"]["properties"]["make"].pop("normalizer"),
            "camera.make: normalizer is None, not 'lowercase'",
        ),
        (
            lambda live: properties(live)["tags_text"].update(analyzer="english"),
            "tags_text: analyzer is 'english', not 'every_word'",
        ),
        (lambda live: properties(live)["words"].pop("doc_values"), "words: doc_values is True, not False"),
        (
            lambda live: properties(live)["embedding"]["properties"]["lite"].update(dims=8),
            "embedding.lite: dims is 8, not 4",
        ),
        (
            lambda live: properties(live)["embedding"]["properties"]["lite"].update(similarity="cosine"),
            "embedding.lite: similarity is 'cosine', not 'dot_product'",
        ),
        (lambda live: live["mappings"].pop("dynamic"), "dynamic is 'true', not 'strict'"),
        (lambda live: live["mappings"]["_meta"].update(schema_version=0), "_meta.schema_version is 0, not 3"),
        (
            lambda live: live["mappings"]["_meta"].update(analysis="portable"),
            "_meta.analysis is 'portable', not 'english'",
        ),
        (
            lambda live: live["settings"]["analysis"]["filter"]["stop_words"].update(stopwords="_french_"),
            "analysis.filter.stop_words: differs",
        ),
        (lambda live: live["settings"]["analysis"]["analyzer"].pop("text"), "analysis.analyzer.text: differs"),
    ],
)  # fmt: skip
def test_each_difference_is_named(change: Callable[[dict[str, Any]], object], expected: str) -> None:
    assert drift(changed(change), WANTED) == (expected,)


def test_how_vectors_are_searched_is_a_choice() -> None:
    def choose(live: dict[str, Any]) -> None:
        properties(live)["embedding"]["properties"]["lite"]["index_options"] = {"type": "int8_hnsw", "m": 16}

    assert drift(changed(choose), WANTED) == ()


def test_a_real_server_repeats_what_it_was_given(elasticsearch_url: str) -> None:
    import secrets

    from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server
    from hybrid_search.backends.transfer import current_definition

    backend = ElasticsearchBackend(elasticsearch_url, name=f"drift-{secrets.token_hex(4)}", server=Server())
    try:
        backend.create(load_definition(analysis=backend.analysis(), embeddings=LITE))
        assert drift(backend.definition(), current_definition(backend)) == ()
    finally:
        backend._client.raw.indices.delete(index=f"{backend._alias}-000001", ignore_unavailable=True)
        backend.close()
