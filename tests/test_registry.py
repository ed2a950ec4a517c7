"""Embedders by name."""

from __future__ import annotations

import pytest

from hybrid_search.embedders import registry
from hybrid_search.embedders.labels import imagenet_classes
from hybrid_search.embedders.registry import embedder_names, embedding_key, get_embedder, register
from hybrid_search.errors import EmbedderUnavailable, UnknownEmbedder
from tests.fakes import ColourEmbedder


def test_unknown_names_list_the_known_and_the_close() -> None:
    with pytest.raises(UnknownEmbedder, match=r"known: histogram\+hog, lite.*Did you mean 'lite'") as caught:
        get_embedder("lit")
    assert caught.value.known == embedder_names() and caught.value.close_matches == ("lite",)


def test_a_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    register("far", "no_such_module:Far", install="pip install far")
    with pytest.raises(EmbedderUnavailable, match="pip install far"):
        get_embedder("far")


def test_a_registered_embedder_is_got_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    register("colour", "tests.fakes:ColourEmbedder")
    assert isinstance(get_embedder("colour"), ColourEmbedder)
    assert "colour" in embedder_names()


def test_keys_are_field_names_and_do_not_collide() -> None:
    names = ["lite", "histogram+hog", "keras:resnet50", "keras-resnet50", "keras_resnet50", "KERAS:resnet50"]
    keys = [embedding_key(name) for name in names]
    assert len(set(keys)) == len(keys) and keys[0] == "lite"
    assert all(key.isascii() and key.replace("_", "").isalnum() and key == key.lower() for key in keys)


def test_classes_are_imagenet_s() -> None:
    classes = imagenet_classes()
    assert len(classes) == 1000
    assert classes[0].name == "tench" and "fish" in classes[0].also
    chihuahua = next(known for known in classes if known.name == "Chihuahua")
    assert "dog" in chihuahua.also
