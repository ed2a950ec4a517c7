"""EfficientNet-Lite0 as an ONNX graph, built from its weights: pixels in, embedding and class probabilities out.

The network is that of M. Tan's EfficientNet-Lite (2020): EfficientNet-B0 without squeeze-and-excitation, with ReLU6,
and with stem and head of fixed width; batch norms are folded into the convolutions before them.

The last feature map becomes a vector in two steps. Each channel's root mean square (generalised mean with p = 2;
F. Radenović et al., "Fine-tuning CNN image retrieval with no human annotation", TPAMI 2019), scaled to unit length.
Then the part that all pictures share is taken away (H. Jégou and O. Chum, "Negative evidences and co-occurrences in
image retrieval", ECCV 2012), without any pictures to learn it from: what the last batch norm has seen of ImageNet
says what each channel is like on average.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE = 224
_REPEATS = (1, 2, 2, 3, 3, 4, 1)
_STRIDES = (1, 2, 2, 2, 1, 2, 1)
"""Of the seven stages of EfficientNet-B0."""
_EPSILON = 1e-3
"""Of the network's batch norms, as it was trained."""
_OPSET = 17
"""ONNX's operators that ONNX Runtime has since 1.12."""
_SHARED = 0.55
"""Cosine of a picture with the average direction: 0.53 over 2,020 photos of Caltech101, 0.60 over 600 of Flickr8k."""


class _LiteGraph:
    """Nodes and weights, gathered one layer at a time; every method returns the name of its output."""

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, kind: str, inputs: list[str], *, output: str = "", **attributes: Any) -> str:
        name = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, value: ArrayLike) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(value, np.float32), name))
        return name

    def convolution(self, x: str, conv: str, norm: str, *, stride: int = 1, relu: bool = True) -> str:
        kernel = self.weights[f"{conv}.weight"].astype(np.float64)
        scale = self.weights[f"{norm}.weight"] / np.sqrt(self.weights[f"{norm}.running_var"] + _EPSILON)
        bias = self.weights[f"{norm}.bias"] - self.weights[f"{norm}.running_mean"] * scale
        folded = (kernel * scale[:, None, None, None]).astype(np.float32)
        depthwise = kernel.shape[1] == 1 and kernel.shape[2] > 1
        y = self.node(
            "Conv",
            [x, self.constant(folded), self.constant(bias.astype(np.float32))],
            auto_pad="SAME_UPPER",
            strides=[stride, stride],
            kernel_shape=list(kernel.shape[2:]),
            group=kernel.shape[0] if depthwise else 1,
        )
        return self.node("Clip", [y, self.constant(0), self.constant(6)]) if relu else y

    def block(self, x: str, number: int, stride: int) -> str:
        prefix = f"_blocks.{number}"
        y = x
        if f"{prefix}._expand_conv.weight" in self.weights:
            y = self.convolution(y, f"{prefix}._expand_conv", f"{prefix}._bn0")
        y = self.convolution(y, f"{prefix}._depthwise_conv", f"{prefix}._bn1", stride=stride)
        y = self.convolution(y, f"{prefix}._project_conv", f"{prefix}._bn2", relu=False)
        widths = [self.weights[f"{prefix}.{conv}.weight"].shape for conv in ("_project_conv", "_depthwise_conv")]
        inner = self.weights.get(f"{prefix}._expand_conv.weight")
        before = inner.shape[1] if inner is not None else widths[1][0]
        return self.node("Add", [x, y]) if stride == 1 and before == widths[0][0] else y


def build_graph(weights: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the serialised ONNX model.

    Parameters
    ----------
    weights : mapping of str to ndarray
        The network's state dict.

    Returns
    -------
    bytes
        Input `images` (n, 224, 224, 3) uint8 RGB; outputs `embedding` (n, 1280) float32, not of unit length, never
        all zero, and `probabilities` (n, 1000) float32.
    """
    graph = _LiteGraph(weights)
    pixels = graph.node("Cast", [graph.node("Transpose", ["images"], perm=[0, 3, 1, 2])], to=TensorProto.FLOAT)
    x = graph.node("Sub", [pixels, graph.constant(np.float32(127))])
    x = graph.node("Mul", [x, graph.constant(np.float32(1 / 128))])
    x = graph.convolution(x, "_conv_stem", "_bn0", stride=2)
    number = 0
    for repeat, stride in zip(_REPEATS, _STRIDES, strict=True):
        for step in range(repeat):
            x = graph.block(x, number, stride if step == 0 else 1)
            number += 1
    x = graph.convolution(x, "_conv_head", "_bn1")
    _outputs(graph, x)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "efficientnet-lite0",
            [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", SIDE, SIDE, 3])],
            [
                helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 1280]),
                helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 1000]),
            ],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _outputs(graph: _LiteGraph, x: str) -> None:
    squares = graph.node("Flatten", [graph.node("GlobalAveragePool", [graph.node("Mul", [x, x])])])
    pooled = graph.node("Sqrt", [squares])
    length = graph.node("ReduceL2", [pooled], axes=[1], keepdims=1)
    # a picture that no channel answers to has length 0
    unit = graph.node("Div", [pooled, graph.node("Max", [length, graph.constant(np.float32(1e-6))])])
    shared = graph.constant((_SHARED * _average_direction(graph.weights)).astype(np.float32))
    graph.node("Sub", [unit, shared], output="embedding")
    mean = graph.node("Flatten", [graph.node("GlobalAveragePool", [x])])
    kernel, bias = (graph.constant(graph.weights[f"_fc.{name}"].astype(np.float32)) for name in ("weight", "bias"))
    logits = graph.node("Gemm", [mean, kernel, bias], transB=1)
    graph.node("Softmax", [logits], output="probabilities", axis=1)


def _average_direction(weights: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Return the unit vector of the channels' root mean squares over ImageNet, (1280,).

    A channel leaves the batch norm with mean `bias` and standard deviation `weight`; as a normal distribution, cut
    to 0…6 by ReLU6, its root mean square is an integral over the bell curve.
    """
    deviations = np.linspace(-5, 5, 2001)
    density = np.exp(-(deviations**2) / 2)
    values = np.clip(weights["_bn1.bias"][:, None] + weights["_bn1.weight"][:, None] * deviations, 0, 6)
    means = np.sqrt((values**2 * density).sum(axis=1) / density.sum())
    return np.asarray(means / np.linalg.norm(means), np.float64)
