"""all-MiniLM-L6-v2 as an ONNX graph that reads its weights from the model's own file: token ids in, one vector a text.

The network is BERT (J. Devlin et al., NAACL 2019) with 6 layers, distilled (W. Wang et al., "MiniLM", NeurIPS 2020) and
trained to bring sentences of one meaning together (N. Reimers and I. Gurevych, "Sentence-BERT", EMNLP 2019); a text's
vector is the mean of its tokens'.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

LAYERS = 6
HEADS = 12
WIDTH = 384
"""As the model's config.json has them."""
_EPSILON = 1e-12
"""Of BERT's layer norms."""
_OPSET = 20
"""ONNX's first operators with Gelu."""
_ZERO = 128
"""The byte that stands for 0."""
_MOST_WEIGHT = 63
"""Processors without VNNI add two products in 16 bits: of bytes times seven bits these never overflow."""
_TYPES = {"F32": TensorProto.FLOAT, "I64": TensorProto.INT64}


class _BertGraph:
    """Nodes and weights, gathered one layer at a time; every method returns the name of its output."""

    def __init__(self, weights: Path, dtype: str) -> None:
        self.path = weights
        self.file = weights.name
        self.dtype = dtype
        self.rounded: dict[str, tuple[str, str]] = {}
        with open(weights, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            self.entries: dict[str, Any] = json.loads(file.read(length))
        self.start = 8 + length
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def node(self, kind: str, inputs: list[str], *, output: str = "", **attributes: Any) -> str:
        name = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, value: ArrayLike, dtype: Any = np.int64) -> str:
        array = np.array(value, dtype)
        name = f"{array.dtype}_{'_'.join(map(str, array.ravel().tolist()))}_{array.ndim}"
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def weight(self, name: str) -> str:
        """Return a tensor of the model's file, which stays there: the graph names its place."""
        entry = self.entries[name]
        start, end = entry["data_offsets"]
        tensor = TensorProto(name=name, data_type=_TYPES[entry["dtype"]], dims=entry["shape"])
        tensor.data_location = TensorProto.EXTERNAL
        place = {"location": self.file, "offset": self.start + start, "length": end - start}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        self.constants[name] = tensor
        return name

    def put(self, name: str, array: NDArray[Any]) -> str:
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def values(self, name: str) -> NDArray[np.float32]:
        start, end = self.entries[name]["data_offsets"]
        found = np.memmap(self.path, np.float32, "r", offset=self.start + start, shape=((end - start) // 4,))
        return np.array(found.reshape(self.entries[name]["shape"]))

    def dense(self, x: str, name: str) -> str:
        if self.dtype == "int8":
            return self.dense_int8(x, name)
        return self.node("Gemm", [x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")], transB=1)

    def dense_int8(self, x: str, name: str) -> str:
        """Return what `dense` does, by whole numbers: weights rounded by output, inputs by token."""
        kernel = self.values(f"{name}.weight")
        scales = np.abs(kernel).max(axis=1, keepdims=True) / _MOST_WEIGHT
        whole = self.put(f"{name}.whole", np.round(kernel / scales).astype(np.int8).T)
        inputs, steps = self.rows(x)
        product = self.node("MatMulInteger", [inputs, whole, self.constant(_ZERO, np.uint8)])
        y = self.node("Mul", [self.node("Cast", [product], to=TensorProto.FLOAT), steps])
        y = self.node("Mul", [y, self.put(f"{name}.scales", scales[:, 0].astype(np.float32))])
        return self.node("Add", [y, self.weight(f"{name}.bias")])

    def rows(self, x: str) -> tuple[str, str]:
        """Return rows of (n * t, width) rounded to uint8, and the step of each, (n * t, 1)."""
        if x not in self.rounded:
            axis = self.constant([1])
            highest = self.node("ReduceMax", [self.node("Abs", [x]), axis], keepdims=0)
            least = self.node("Max", [highest, self.constant(1e-9, np.float32)])
            steps = self.node("Mul", [least, self.constant(1 / 127, np.float32)])
            zeros = self.node("Expand", [self.constant(_ZERO, np.uint8), self.node("Shape", [steps])])
            whole = self.node("QuantizeLinear", [x, steps, zeros], axis=0)
            self.rounded[x] = whole, self.node("Unsqueeze", [steps, axis])
        return self.rounded[x]

    def norm(self, x: str, name: str) -> str:
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.node("LayerNormalization", [x, scale, bias], axis=-1, epsilon=_EPSILON)

    def heads(self, x: str, name: str, shape: str, order: list[int]) -> str:
        return self.node("Transpose", [self.node("Reshape", [self.dense(x, name), shape])], perm=order)

    def layer(self, x: str, number: int, shape: str, masked: str) -> str:
        """Return what a layer makes of (n * t, 384); shape is (n, t, heads, width of a head)."""
        prefix = f"encoder.layer.{number}"
        attention = f"{prefix}.attention"
        query = self.heads(x, f"{attention}.self.query", shape, [0, 2, 1, 3])
        key = self.heads(x, f"{attention}.self.key", shape, [0, 2, 3, 1])
        value = self.heads(x, f"{attention}.self.value", shape, [0, 2, 1, 3])
        scale = self.constant((WIDTH // HEADS) ** -0.5, np.float32)
        scores = self.node("Add", [self.node("Mul", [self.node("MatMul", [query, key]), scale]), masked])
        mixed = self.node("MatMul", [self.node("Softmax", [scores], axis=-1), value])
        flat = self.node("Reshape", [self.node("Transpose", [mixed], perm=[0, 2, 1, 3]), self.constant([-1, WIDTH])])
        y = self.dense(flat, f"{attention}.output.dense")
        x = self.norm(self.node("Add", [x, y]), f"{attention}.output.LayerNorm")
        y = self.node("Gelu", [self.dense(x, f"{prefix}.intermediate.dense")], approximate="none")
        y = self.dense(y, f"{prefix}.output.dense")
        return self.norm(self.node("Add", [x, y]), f"{prefix}.output.LayerNorm")


def build_graph(weights: Path, *, dtype: str = "fp32") -> bytes:
    """Return the serialised ONNX model; its weights stay in the file, beside which it must be put.

    Parameters
    ----------
    weights : Path
        The model's weights in the safetensors format.
    dtype : {"fp32", "int8"}
        What the layers multiply. For "int8" weights are rounded by output to 7 bits, what they are multiplied with by
        token to 8: with one step for a whole batch, a text's vector would hang on what stands beside it.

    Returns
    -------
    bytes
        Inputs `ids` and `mask` (n, t) int64, t at most 512, mask 1 for tokens and 0 for padding; output `embedding`
        (n, 384) float32, not of unit length.
    """
    graph = _BertGraph(weights, dtype)
    size = graph.node("Shape", ["ids"])
    length = graph.node("Slice", [size, graph.constant([1]), graph.constant([2])])
    positions = graph.weight("embeddings.position_embeddings.weight")
    places = graph.node("Slice", [positions, graph.constant([0]), length])
    kinds = graph.weight("embeddings.token_type_embeddings.weight")
    kind = graph.node("Slice", [kinds, graph.constant([0]), graph.constant([1])])
    words = graph.node("Gather", [graph.weight("embeddings.word_embeddings.weight"), "ids"])
    x = graph.node("Add", [words, graph.node("Add", [places, kind])])
    x = graph.node("Reshape", [graph.norm(x, "embeddings.LayerNorm"), graph.constant([-1, WIDTH])])
    shape = graph.node("Concat", [size, graph.constant([HEADS, WIDTH // HEADS])], axis=0)
    present = graph.node("Cast", ["mask"], to=TensorProto.FLOAT)
    # what is padding gets a weight of e^-10000 in every mean
    absent = graph.node(
        "Mul", [graph.node("Sub", [present, graph.constant(1, np.float32)]), graph.constant(1e4, np.float32)]
    )
    masked = graph.node("Unsqueeze", [absent, graph.constant([1, 2])])
    for number in range(LAYERS):
        x = graph.layer(x, number, shape, masked)
    tokens = graph.node("Reshape", [x, graph.node("Concat", [size, graph.constant([WIDTH])], axis=0)])
    row = graph.node("Unsqueeze", [present, graph.constant([1])])
    total = graph.node("Squeeze", [graph.node("MatMul", [row, tokens]), graph.constant([1])])
    # the mean differs from the sum by a factor alone, which unit length takes away
    graph.node("Identity", [total], output="embedding")
    return _serialised(graph)


def _serialised(graph: _BertGraph) -> bytes:
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "all-MiniLM-L6-v2",
            [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"]) for name in ("ids", "mask")],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", WIDTH])],
            list(graph.constants.values()),
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=9,
    )
    return bytes(model.SerializeToString())
