"""Inputs of ONNX models that become part of them: against the same sums by numpy, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from hybrid_search.embedders.onnx_inputs import fill_inputs

DRAWS = np.random.default_rng(7)
PICTURES = DRAWS.standard_normal((2, 3)).astype(np.float32)
SHAPES = {"straight": (3, 4), "turned": (4, 3), "flat": (6, 2), "twice": (3, 4), "first": (3, 4), "second": (3, 4)}
ARRAYS = {name: DRAWS.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}
NODES = [
    helper.make_node("Transpose", ["turned"], ["turned_back"], perm=[1, 0]),
    helper.make_node("Reshape", ["flat", "shape"], ["square"]),
    helper.make_node("Transpose", ["square"], ["flat_back"], perm=[1, 0]),
    helper.make_node("Neg", ["twice"], ["negative"]),
    helper.make_node("Add", ["first", "second"], ["both"]),
    helper.make_node("Sum", ["straight", "turned_back", "flat_back", "twice", "both"], ["weights"]),
    helper.make_node("MatMul", ["pictures", "weights"], ["product"]),
    helper.make_node("MatMul", ["pictures", "negative"], ["lessened"]),
    helper.make_node("Add", ["product", "lessened"], ["sums"]),
]
EXPECTED = PICTURES @ (
    ARRAYS["straight"] + ARRAYS["turned"].T + ARRAYS["flat"].reshape(4, 3).T + ARRAYS["first"] + ARRAYS["second"]
)


def model(*more: str) -> Any:
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in SHAPES.items()]
    ports += [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1,)) for name in more]
    pictures = helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ("n", 3))
    sums = helper.make_tensor_value_info("sums", TensorProto.FLOAT, ("n", 4))
    shape = numpy_helper.from_array(np.array([4, 3], np.int64), "shape")
    graph = helper.make_graph(NODES, "sums", [*ports[:2], pictures, *ports[2:]], [sums], [shape])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def given(asked: list[str]) -> dict[str, Callable[[], NDArray[np.float32]]]:
    def asking(name: str) -> Callable[[], NDArray[np.float32]]:
        return lambda: asked.append(name) or ARRAYS[name]  # type: ignore[func-returns-value]

    return {name: asking(name) for name in ARRAYS}


def test_filled_gives_the_same_without_the_inputs() -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    filled, asked = model(), list[str]()
    fill_inputs(filled, given(asked))
    onnx.checker.check_model(filled, full_check=True)
    assert [port.name for port in filled.graph.input] == ["pictures"]
    assert sorted(asked) == sorted(SHAPES)
    session = onnxruntime.InferenceSession(filled.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(["sums"], {"pictures": PICTURES})[0], EXPECTED, atol=1e-5)


def test_what_is_made_of_one_input_alone_is_worked_out() -> None:
    filled = model()
    fill_inputs(filled, given([]))
    assert [node.op_type for node in filled.graph.node] == ["Add", "Sum", "MatMul", "MatMul", "Add"]
    kept = {each.name: numpy_helper.to_array(each) for each in filled.graph.initializer}
    assert set(kept) == {"straight", "turned_back", "flat_back", "twice", "negative", "first", "second"}
    np.testing.assert_array_equal(kept["turned_back"], ARRAYS["turned"].T)
    np.testing.assert_array_equal(kept["flat_back"], ARRAYS["flat"].reshape(4, 3).T)


def test_inputs_that_nothing_needs_are_not_asked_for() -> None:
    filled = model("idle")
    values = given([])
    values["idle"] = values["absent"] = lambda: pytest.fail("asked for")
    fill_inputs(filled, values)
    assert [port.name for port in filled.graph.input] == ["pictures"]
    assert not {"idle", "absent", "shape"} & {each.name for each in filled.graph.initializer}


def test_other_inputs_stay() -> None:
    filled = model()
    values = given([])
    del values["second"], values["turned"]
    fill_inputs(filled, values)
    assert [port.name for port in filled.graph.input] == ["turned", "pictures", "second"]
    assert "Transpose" in {node.op_type for node in filled.graph.node}
