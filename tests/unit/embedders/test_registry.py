"""Embedders by name."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_search.document.definition import CAPTION
from hybrid_search.document.index_embedders import load_named
from hybrid_search.embedders import registry
from hybrid_search.embedders.registry import (
    embedder_names,
    embedding_key,
    get_embedder,
    get_text_embedder,
    known_embedders,
    register,
    whole_name,
)
from hybrid_search.errors import BadEmbedderOption, EmbedderUnavailable, UnknownEmbedder
from tests.support.fakes import ColourEmbedder


class Family(ColourEmbedder):
    def __init__(self, *, model: str = "small") -> None:
        super().__init__()
        self.model = model


class NeedsMore(ColourEmbedder):
    def __init__(self) -> None:
        import no_such_package  # noqa: F401


@pytest.fixture(autouse=True)
def own_entries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    yield


def offer(monkeypatch: pytest.MonkeyPatch, **targets: str) -> None:
    points = [EntryPoint(name, target, registry.GROUP) for name, target in targets.items()]
    monkeypatch.setattr(registry, "_points", lambda: points)


def test_unknown_names_list_the_known_and_the_close() -> None:
    with pytest.raises(UnknownEmbedder, match=r"known: .*histogram\+hog.* lite.*Did you mean 'lite'") as caught:
        get_embedder("lit")
    assert caught.value.known == (*embedder_names(), "caption:glove", "caption:minilm", "caption:word2vec")
    assert caught.value.close_matches == ("lite",)


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("minilm", "caption:minilm"),
        ("minilm?dtype=int8", "caption:minilm?dtype=int8"),
        ("glove:x.txt", "caption:glove:x.txt"),
    ],
)
def test_text_towers_are_named_as_an_index_takes_them(name: str, close: str) -> None:
    assert close.startswith(CAPTION)
    with pytest.raises(UnknownEmbedder, match=rf"embeds words alone.*Did you mean '{re.escape(close)}'") as caught:
        get_embedder(name)
    assert caught.value.close_matches == (close,)


def test_a_text_tower_that_is_misspelt_or_for_captions() -> None:
    with pytest.raises(UnknownEmbedder, match=r"no embedder 'minilmm'; .*Did you mean 'caption:minilm' or"):
        get_embedder("minilmm")
    with pytest.raises(UnknownEmbedder, match="written about pictures, and embeds none; 'minilm' is the text embedder"):
        get_embedder("caption:minilm")


def test_what_embeds_no_words_is_told_what_does() -> None:
    known = ("clip", "glove", "joint", "lite+minilm", "minilm", "siglip", "word2vec")
    with pytest.raises(UnknownEmbedder, match=r"^embedder 'lite' embeds no words; known: clip, glove, ") as caught:
        get_text_embedder("lite")
    assert caught.value.known == known
    with pytest.raises(UnknownEmbedder, match=r"^no embedder 'minilmm'; .*Did you mean 'minilm' or") as caught:
        get_text_embedder("minilmm")
    assert caught.value.known == known
    with pytest.raises(UnknownEmbedder, match=r"^embedder 'lite' embeds no words"):
        load_named("caption:lite")


def test_a_missing_package_names_the_command_and_the_package() -> None:
    register("far", "no_such_module:Far", install="pip install far")
    with pytest.raises(EmbedderUnavailable, match=r"pip install far .*no_such_module"):
        get_embedder("far")


def test_a_package_missed_only_when_the_embedder_starts_is_named_too() -> None:
    register("more", f"{__name__}:NeedsMore", install="pip install more")
    with pytest.raises(EmbedderUnavailable, match=r"pip install more .*no_such_package"):
        get_embedder("more")


def test_a_registered_embedder_is_got_by_name() -> None:
    register("colour", "tests.support.fakes:ColourEmbedder")
    assert isinstance(get_embedder("colour"), ColourEmbedder)
    assert "colour" in embedder_names()


@pytest.mark.parametrize("name", ["", "a:b", "a b", "+x"])
def test_names_with_other_signs_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name has letters"):
        register(name, "tests.support.fakes:ColourEmbedder")


@pytest.mark.parametrize("target", ["", "tests.support.fakes", "tests.support.fakes:", "tests/fakes:Colour"])
def test_targets_of_another_form_are_refused(target: str) -> None:
    with pytest.raises(ValueError, match="must be 'module:Class'"):
        register("colour", target)


def test_what_follows_the_colon_is_the_model() -> None:
    register("family", f"{__name__}:Family")
    assert get_embedder("family").model == "small"  # type: ignore[attr-defined]
    assert get_embedder("family:C:/models/big.onnx").model == "C:/models/big.onnx"  # type: ignore[attr-defined]


def test_a_model_for_an_embedder_without_models_is_an_unknown_name() -> None:
    with pytest.raises(UnknownEmbedder, match=r"no embedder 'lite:big'.*Did you mean 'lite'"):
        get_embedder("lite:big")


def test_options_reach_the_embedder_and_wrong_ones_do_not_pass_silently() -> None:
    with pytest.raises(TypeError, match="thread"):
        get_embedder("lite", thread=2)
    with pytest.raises(BadEmbedderOption, match=r"threads.*it must be at least 1 \(got 0\)"):
        get_embedder("lite", threads=0)


def test_other_packages_offer_embedders(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, tint="tests.support.fakes:ColourEmbedder", lite="tests.support.fakes:ColourEmbedder")
    assert {"tint", "histogram+hog", "lite"} <= set(embedder_names())
    assert list(embedder_names()) == sorted(embedder_names())
    assert isinstance(get_embedder("tint"), ColourEmbedder)
    assert known_embedders()["lite"].target == "hybrid_search.embedders.lite:Lite"
    assert get_embedder("lite").name == "lite", "what is built in is not replaced by a package that takes its name"


def test_a_broken_package_breaks_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_embedder.py").write_text("raise RuntimeError('half an installation')")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    offer(
        monkeypatch,
        broken="broken_embedder:It",
        odd="not a target",
        absent="tests.support.fakes:Nothing",
        list="sys:path",
    )
    assert {"absent", "broken", "histogram+hog", "list", "lite"} <= set(embedder_names())
    assert get_embedder("lite").name == "lite"
    for name, reason in (("broken", "half an installation"), ("absent", "Nothing"), ("list", "is not a class")):
        with pytest.raises(EmbedderUnavailable, match=reason):
            get_embedder(name)


def test_names_do_not_load_what_they_name(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, far="no_such_module:Far")
    assert "far" in embedder_names()


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("joint:mine.joint", "joint:HERE/mine.joint"),
        ("clip:model", "clip:HERE/model"),
        ("clip:./gone?dtype=fp16", "clip:HERE/gone?dtype=fp16"),
        ("clip:owner/name?text=model&revision=model", "clip:owner/name?text=HERE/model&revision=model"),
        ("siglip:owner/name", "siglip:owner/name"),
        ("dino:../model", "dino:ABOVE/model"),
        ("keras:vgg16@fc1?seed=1&weights=imagenet", "keras:vgg16@fc1?seed=1&weights=imagenet"),
        ("keras:vgg16?weights=none", "keras:vgg16?weights=none"),
        ("keras:vgg16?weights=mine.h5&size=32", "keras:vgg16?weights=HERE/mine.h5&size=32"),
        ("keras:vgg16?weights=/else/mine.h5", "keras:vgg16?weights=/else/mine.h5"),
        ("lite?labels=model", "lite?labels=model"),
    ],
)
def test_files_and_folders_are_named_by_their_whole_paths(
    name: str, whole: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    (here / "model").mkdir(parents=True)
    for file in ("mine.h5", "imagenet", "none"):
        (here / file).touch()
    monkeypatch.chdir(here)
    expected = whole.replace("HERE", str(here)).replace("ABOVE", str(tmp_path))
    assert whole_name(name) == whole_name(whole_name(name)) == expected


def test_keys_of_plain_names_stay_readable() -> None:
    assert embedding_key("lite") == "lite"
    assert embedding_key("histogram+hog") == "histogram_hog"
    assert embedding_key("keras:resnet50").startswith("keras_resnet50_")
    assert len(embedding_key("onnx:" + "/very/long" * 50)) < 64


def test_keys_of_similar_names_differ() -> None:
    names = ["a+b", "a_b", "a-b", "a:b", "A+b", "a__b", "+a+b", "a b", "äb", "a"]
    assert len({embedding_key(name) for name in names}) == len(names)


@given(st.lists(st.text(min_size=1), unique=True, max_size=20))
def test_keys_are_field_names_and_different(names: list[str]) -> None:
    keys = [embedding_key(name) for name in names]
    assert len(set(keys)) == len(names)
    assert all(set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789_") and key for key in keys)
