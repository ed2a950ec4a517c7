"""One graph for both sides, as optimum exports a model whole: each side is cut out of it, and nothing else is fed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.utils import Extractor

from hybrid_search.embedders.hub.graph_cut import cut_graph
from hybrid_search.embedders.hub.hub_embedders import HubEmbedder
from hybrid_search.embedders.registry import get_embedder
from hybrid_search.errors import ModelMissing, WeightsMissing
from tests.support import tiny_models
from tests.support.tiny_models import SIDE, Tiny, both_model, optimum_clip, save
from tests.unit.embedders.hub.test_layouts import HF_STARTS, PHOTOS, close, filled, middles, tensor

LARGE = 1024


@pytest.mark.parametrize(
    ("graph", "weights"),
    [("onnx/model.onnx", None), ("model.onnx", None), ("onnx/model.onnx", "model.onnx_data")],
)
def test_both_sides_of_one_graph(graph: str, weights: str | None, tmp_path: Path) -> None:
    model = Tiny()
    numbers = optimum_clip(tmp_path, model, graph=graph, weights=weights)
    embedder = get_embedder(f"clip:{tmp_path}")
    assert isinstance(embedder, HubEmbedder)
    assert (embedder.dims, embedder.min_side, embedder.embeds_text, embedder.assumed) == (6, SIDE, True, ())
    close(embedder.embed_images(PHOTOS), model.image(tensor(middles(HF_STARTS))))
    rows = [filled(numbers, "a red dog", 77), filled(numbers, "beach", 77)]
    close(embedder.embed_texts(["A red  DOG", "beach"]), model.text(rows))


@pytest.mark.parametrize("names", ["{}_embeds", "{}_embeddings", "l2norm_{}_embeddings"])
def test_a_mask_and_other_names(names: str, tmp_path: Path) -> None:
    model = Tiny()
    numbers = optimum_clip(tmp_path, model, names=names, mask=True)
    embedder = get_embedder(f"clip:{tmp_path}")
    close(embedder.embed_images(PHOTOS), model.image(tensor(middles(HF_STARTS))))
    expected = model.text([filled(numbers, "red dog", 77)], [[1] * 4 + [0] * 73])
    close(embedder.embed_texts(["red dog"]), expected)


def test_each_side_alone_is_loaded_and_fed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    optimum_clip(tmp_path, Tiny(), mask=True)
    loaded: list[tuple[int, list[str]]] = []
    real = onnxruntime.InferenceSession

    def session(graph: Any, *args: Any, **options: Any) -> Any:
        found = real(graph, *args, **options)
        loaded.append((len(graph), [each.name for each in found.get_inputs()]))
        return found

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    embedder = get_embedder(f"clip:{tmp_path}")
    embedder.embed_texts(["dog"])
    assert [inputs for _, inputs in loaded] == [["input_ids", "attention_mask"]]
    embedder.embed_images(PHOTOS)
    assert loaded[1][1] == ["pixel_values"]
    assert sum(size for size, _ in loaded) < (tmp_path / "onnx" / "model.onnx").stat().st_size / 4, "weights stay"


def test_a_side_of_its_own_goes_before(tmp_path: Path) -> None:
    own, both = Tiny(), Tiny(seed=1)
    tiny_models.transformers_clip(tmp_path, own)
    save(both_model(both), tmp_path / "onnx" / "model.onnx")
    close(get_embedder(f"clip:{tmp_path}").embed_images(PHOTOS), own.image(tensor(middles(HF_STARTS))))


def test_half_precision_by_its_name(tmp_path: Path) -> None:
    model = Tiny()
    optimum_clip(tmp_path, Tiny(seed=1))
    save(both_model(model), tmp_path / "onnx" / "model_fp16.onnx")
    embedder = get_embedder(f"clip:{tmp_path}?dtype=fp16")
    close(embedder.embed_images(PHOTOS), model.image(tensor(middles(HF_STARTS))))
    assert embedder.embeds_text


def test_versions_are_those_of_the_file(tmp_path: Path) -> None:
    optimum_clip(tmp_path / "a", Tiny())
    optimum_clip(tmp_path / "b", Tiny())
    optimum_clip(tmp_path / "c", Tiny(seed=1))
    first, same, other = (get_embedder(f"clip:{tmp_path / name}").version for name in "abc")
    assert first == same != other


def test_nothing_heavy_is_loaded_by_making_one(tmp_path: Path) -> None:
    optimum_clip(tmp_path, Tiny())
    code = (
        "import sys; from hybrid_search.embedders.registry import get_embedder; "
        f"e = get_embedder('clip:{tmp_path}'); e.version; e.dims; e.min_side; e.embeds_text; "
        "print([m for m in ('onnxruntime', 'onnx', 'tokenizers', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- what cannot be divided ------------------------------------------------------------------------------------------


def _needs_texts(model: onnx.ModelProto) -> None:
    model.graph.node.insert(0, helper.make_node("Cast", ["input_ids"], ["number"], to=TensorProto.FLOAT))
    model.graph.node.insert(1, helper.make_node("ReduceMax", ["number"], ["most"], keepdims=0))
    model.graph.node.insert(2, helper.make_node("Mul", ["pixel_values", "most"], ["brighter"]))
    next(node for node in model.graph.node if node.op_type == "Conv").input[0] = "brighter"


def _gives_other_names(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = ["vector" if name == "image_embeds" else name for name in names]
    model.graph.output[2].name = "vector"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_needs_texts, r"model.onnx: cannot be divided into its sides: image_embeds comes from input_ids too"),
        (_gives_other_names, r"no vector that is known by its name, only logits_per_image, text_embeds, vector"),
    ],
)
def test_what_cannot_be_divided(spoil: Callable[[onnx.ModelProto], None], reason: str, tmp_path: Path) -> None:
    optimum_clip(tmp_path, Tiny())
    model = both_model(Tiny())
    spoil(model)
    save(model, tmp_path / "onnx" / "model.onnx")
    with pytest.raises(WeightsMissing, match=reason):
        get_embedder(f"clip:{tmp_path}").embed_images(PHOTOS)


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    optimum_clip(tmp_path, Tiny())
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(ModelMissing, match=r"neither tokenizer.json nor .*gz for onnx/model.onnx; copy it beside"):
        get_embedder(f"clip:{tmp_path}")


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    optimum_clip(tmp_path, Tiny())
    embedder = get_embedder(f"clip:{tmp_path}")
    (tmp_path / "onnx" / "model.onnx").unlink()
    with pytest.raises(WeightsMissing, match=r"model.onnx: cannot be divided into its sides: .*No such file"):
        embedder.embed_texts(["dog"])


# -- cutting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "inputs"), [("image_embeds", ["pixel_values"]), ("text_embeds", ["input_ids", "attention_mask"])]
)
def test_a_cut_has_what_onnxs_own_has(output: str, inputs: list[str], tmp_path: Path) -> None:
    whole = both_model(Tiny(), mask=True)
    path = save(whole, tmp_path / "model.onnx")
    found = onnx.ModelProto.FromString(cut_graph(path, output=output, inputs=inputs))
    expected = Extractor(whole).extract_model(inputs, [output])
    assert list(found.graph.node) == list(expected.graph.node)
    assert [port.name for port in found.graph.input] == inputs
    assert list(found.graph.output) == list(expected.graph.output)
    assert (found.ir_version, list(found.opset_import)) == (whole.ir_version, list(whole.opset_import))
    arrays = {each.name: numpy_helper.to_array(each) for each in expected.graph.initializer}
    data = path.read_bytes()
    assert {each.name for each in found.graph.initializer} == set(arrays)
    for each in found.graph.initializer:
        large = arrays[each.name].nbytes >= LARGE
        assert large == (each.data_location == TensorProto.EXTERNAL)
        if large:
            told = {entry.key: entry.value for entry in each.external_data}
            start, length = int(told["offset"]), int(told["length"])
            assert told["location"] == "model.onnx" and data[start : start + length] == arrays[each.name].tobytes()
        else:
            np.testing.assert_array_equal(numpy_helper.to_array(each), arrays[each.name])


def test_what_graphs_within_nodes_take_is_kept(tmp_path: Path) -> None:
    """Of `If`, whose branches take names from outside, which no list of inputs has."""

    def branch(name: str) -> onnx.GraphProto:
        out = helper.make_tensor_value_info("chosen", TensorProto.FLOAT, None)
        return helper.make_graph([helper.make_node("MatMul", ["doubled", name], ["chosen"])], name, [], [out])

    nodes = [
        helper.make_node("Add", ["x", "x"], ["doubled"]),
        helper.make_node("If", ["flag"], ["y"], then_branch=branch("large"), else_branch=branch("typed")),
        helper.make_node("MatMul", ["z", "large"], ["other"]),
    ]
    large = np.arange(400, dtype=np.float32).reshape(20, 20)
    typed = helper.make_tensor("typed", TensorProto.FLOAT, [20, 20], (large + 1).ravel().tolist())
    weights = [numpy_helper.from_array(large, "large"), typed, numpy_helper.from_array(np.array(False), "flag")]
    weights.append(numpy_helper.from_array(large, "unused"))
    ports = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 20]) for name in ("x", "z", "y", "other")
    }
    graph = helper.make_graph(nodes, "g", [ports["x"], ports["z"]], [ports["y"], ports["other"]], initializer=weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = save(model, tmp_path / "model.onnx")
    cut = cut_graph(path, output="y", inputs=["x"])
    found = onnx.ModelProto.FromString(cut)
    assert [node.op_type for node in found.graph.node] == ["Add", "If"]
    assert {each.name for each in found.graph.initializer} == {"large", "typed", "flag"}
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(tmp_path))
    session = onnxruntime.InferenceSession(cut, options, providers=["CPUExecutionProvider"])
    rows = np.eye(20, dtype=np.float32)[:2]
    np.testing.assert_array_equal(session.run(["y"], {"x": rows})[0], 2 * (large + 1)[:2])


def test_pictures_and_words_meet_in_the_logits_of_the_whole(tmp_path: Path) -> None:
    numbers = optimum_clip(tmp_path, Tiny())
    whole = onnxruntime.InferenceSession(str(tmp_path / "onnx" / "model.onnx"), providers=["CPUExecutionProvider"])
    ids = np.array([filled(numbers, text, 77) for text in ("red dog", "beach")])
    pixels = tensor(middles(HF_STARTS)).astype(np.float32)
    logits = whole.run(["logits_per_image"], {"input_ids": ids, "pixel_values": pixels})[0]
    embedder = get_embedder(f"clip:{tmp_path}")
    found = embedder.embed_images(PHOTOS) @ embedder.embed_texts(["red dog", "beach"]).T
    np.testing.assert_allclose(found, logits, atol=2e-6)
