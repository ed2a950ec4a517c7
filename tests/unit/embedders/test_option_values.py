"""Options of embedders by name, of all families: what cannot be used is an error of this library, and says why."""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hybrid_search.embedders import registry
from hybrid_search.embedders.option_values import execution_providers
from hybrid_search.embedders.registry import get_embedder, get_text_embedder, known_embedders, known_text_embedders
from hybrid_search.errors import BadEmbedderOption, HybridSearchError, WeightsMissing
from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder, photo
from tests.unit.embedders.test_onnx_file import UINT8, linear

ENTRIES = {**known_embedders(), **known_text_embedders()}
FAMILIES = sorted(ENTRIES)
NUMBERS = ("threads", "batch_size", "labels", "threshold", "size", "seed")
TIMELY = "an option of Keras that needs TensorFlow to be looked at: tests/models/test_keras.py"


@cache
def parameters(family: str) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(registry._load(family, ENTRIES[family])).parameters)


def options(family: str) -> list[str]:
    return [name for name, each in parameters(family).items() if name != "model" and each.kind is each.KEYWORD_ONLY]


def get(name: str) -> Any:
    family = name.partition(":")[0].partition("?")[0]
    return get_text_embedder(name) if family in known_text_embedders() else get_embedder(name)


@pytest.fixture(autouse=True)
def no_packages_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what else is installed here: looking through it takes longer than the tests."""
    monkeypatch.setattr(registry, "_points", tuple)


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return families with a model, where they need one: a file that is one for `onnx`, else none that is there."""
    folder = tmp_path_factory.mktemp("models")
    gone = {family: f"{family}:{folder / 'gone'}" for family in FAMILIES if "model" in parameters(family)}
    return (
        {family: family for family in FAMILIES}
        | gone
        | {
            "keras": "keras:vgg16",
            "colour": "colour:lab",
            "local": "local:sift",
            "onnx": "onnx:" + linear(folder / "own.onnx", ["n", 3, 8, 8], UINT8),
        }
    )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("end", ["", ":"])
def test_without_a_model_it_works_or_asks_for_one(family: str, end: str) -> None:
    without = {"lite", "lite+minilm", "hog", "histogram+hog", "minilm", "colour", "local"}
    if family in without:
        assert get(family + end).name.partition(":")[0] == family
        return
    with pytest.raises(BadEmbedderOption, match=f"{family}.*'model'.*(which|name a).*{family}:") as raised:
        get(family + end)
    assert raised.value.option == "model"


@pytest.mark.parametrize("family", FAMILIES)
def test_unknown_options_are_answered_by_the_known(family: str, named: dict[str, str]) -> None:
    with pytest.raises(BadEmbedderOption, match="'bogus': known: ") as raised:
        get(f"{named[family]}?bogus=1")
    assert raised.value.reason == "known: " + (", ".join(options(family)) or "none")


@pytest.mark.parametrize(("family", "option"), [(family, option) for family in FAMILIES for option in options(family)])
def test_no_value_of_an_option_is_a_defect(family: str, option: str, named: dict[str, str]) -> None:
    if (family, option) == ("keras", "weights"):
        pytest.skip(TIMELY)
    for value in ("many", "", "-1", "1e999", "1,2"):
        try:
            get(f"{named[family]}?{option}={value}")
        except BadEmbedderOption as error:
            assert error.option == option
        except HybridSearchError:
            assert option not in NUMBERS
        else:
            assert option not in NUMBERS, value


@pytest.mark.parametrize("family", ["lite", "lite+minilm"])
def test_options_of_lite_have_their_effect_by_name(family: str) -> None:
    pictures = [Image.radial_gradient("L").convert("RGB"), Image.new("RGB", (300, 240), "olive")]
    plain = get_embedder(family)
    told = get_embedder(f"{family}?labels=2&threshold=0&threads=1&batch_size=1&providers=CPUExecutionProvider")
    vectors, labels = told.describe_images(pictures)  # type: ignore[attr-defined]
    assert [len(each) for each in labels] == [2, 2]
    np.testing.assert_allclose(vectors, plain.embed_images(pictures), atol=1e-5)
    assert (told.name, told.version) == (plain.name, plain.version), "none of them changes a vector"


def test_options_hold_for_an_index_that_is_there(tmp_path: Path) -> None:
    with HybridIndex(tmp_path / "index", embedder="lite?labels=0") as index:
        assert "labels" not in index.get(index.add(photo(1))).source
    with HybridIndex(tmp_path / "index", embedder="lite?labels=3&threshold=0") as index:
        assert (index.embedders, len(index.get(index.add(photo(2))).source["labels"])) == (("lite",), 3)


def test_providers_are_those_of_the_runtime() -> None:
    assert execution_providers("lite", ["CPUExecutionProvider"]) == ("CPUExecutionProvider",)
    for name in ("lite", "lite+minilm", "minilm"):
        with pytest.raises(BadEmbedderOption, match=r"'providers': there is no 'foo'; known: .*CPUExecutionProvider"):
            get(f"{name}?providers=foo")
    assert get("lite?providers=CUDAExecutionProvider,CPUExecutionProvider").name == "lite", "passed over where absent"


class NeedsModel(ColourEmbedder):
    def __init__(self, *, model: str) -> None:
        super().__init__()


def test_embedders_of_others_that_need_a_model_ask_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    registry.register("theirs", f"{__name__}:NeedsModel")
    with pytest.raises(BadEmbedderOption, match=r"which model.*theirs:MODEL"):
        get_embedder("theirs")
    assert get_embedder("theirs:big").dims == ColourEmbedder.dims


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="gone"):
        get_embedder(f"head:{tmp_path / 'gone'}")
