"""The frame of an ONNX file, read without its weights: the same as `onnx` and ONNX Runtime say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from hybrid_search.embedders.hub.graph_io import read_graph
from hybrid_search.errors import WeightsMissing
from tests.support.tiny_models import Tiny, image_model, save, text_model

TINY = Tiny()
MODELS = {
    "pictures": image_model(TINY),
    "half": image_model(TINY, takes="input", gives="output", dtype="float16"),
    "one row": image_model(TINY, takes="image", gives="embedding", batch=1),
    "tokens": image_model(TINY, gives="last_hidden_state"),
    "words": text_model(TINY, dtype="int32", length=77),
    "masked": text_model(TINY, mask=True, states_dims=False),
}
RUNTIME_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
}


@pytest.mark.parametrize("name", MODELS)
def test_it_says_what_onnx_runtime_says(name: str, tmp_path: Path) -> None:
    path = save(MODELS[name], tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    graph = read_graph(path)
    for ours, theirs in ((graph.inputs, session.get_inputs()), (graph.outputs, session.get_outputs())):
        assert [port.name for port in ours] == [node.name for node in theirs]
        assert [port.dtype for port in ours] == [RUNTIME_TYPES[node.type] for node in theirs]
    written = onnx.load(str(path)).graph
    for ours, values in ((graph.inputs, written.input), (graph.outputs, written.output)):
        sides = [[side.dim_value or None for side in value.type.tensor_type.shape.dim] for value in values]
        assert [list(port.shape) for port in ours] == sides
    assert graph.side_files == ()


def test_weights_among_the_inputs_are_none(tmp_path: Path) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(MODELS["pictures"])
    for weights in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(weights.name, weights.data_type, weights.dims))
    assert [port.name for port in read_graph(save(model, tmp_path / "old.onnx")).inputs] == ["pixel_values"]


def test_side_files_are_named_with_the_bytes_that_they_need(tmp_path: Path) -> None:
    path = save(MODELS["pictures"], tmp_path / "vision_model.onnx", weights="vision_model.onnx_data")
    side = tmp_path / "vision_model.onnx_data"
    assert [name for name, _ in read_graph(path).side_files] == [side.name]
    least = read_graph(path).side_files[0][1]
    assert least == side.stat().st_size
    side.write_bytes(side.read_bytes()[:-1])
    with pytest.raises(WeightsMissing, match=rf"onnx_data: ends early \({least - 1:,} of at least {least:,} bytes\)"):
        read_graph(path)
    side.unlink()
    with pytest.raises(WeightsMissing, match=r"onnx_data: is absent; vision_model.onnx has its weights there"):
        read_graph(path)


@pytest.mark.parametrize("location", ["../../etc/passwd", "/etc/passwd"])
def test_weights_from_elsewhere_are_refused(location: str, tmp_path: Path) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(MODELS["pictures"])
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=location)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WeightsMissing, match="outside its folder"):
        read_graph(tmp_path / "m.onnx")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_ends_early_is_told(share: float, tmp_path: Path) -> None:
    whole = MODELS["pictures"].SerializeToString()
    (tmp_path / "m.onnx").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(WeightsMissing, match=r"m.onnx: is no whole ONNX file .*; bring it again"):
        read_graph(tmp_path / "m.onnx")


def test_absent_files_and_pointers_are_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="No such file"):
        read_graph(tmp_path / "m.onnx")
    (tmp_path / "m.onnx").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(WeightsMissing, match="pointer of Git LFS; run `git lfs pull`"):
        read_graph(tmp_path / "m.onnx")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(WeightsMissing):
        read_graph(path)
        raise WeightsMissing(str(path), "it was read")


def test_a_large_file_is_not_read_whole(tmp_path: Path) -> None:
    weights = numpy_helper.from_array(np.zeros((4_000_000,), np.float32), "w")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])
    node = helper.make_node("Identity", ["x"], ["y"])
    model = helper.make_model(helper.make_graph([node], "g", [x], [y], initializer=[weights]))
    path = save(model, tmp_path / "large.onnx")
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    assert read_graph(path).outputs[0].name == "y"
    pages = path.stat().st_size // resource.getpagesize()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < pages / 4
