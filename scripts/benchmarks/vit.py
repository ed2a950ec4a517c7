"""A vision transformer of the size of CLIP's ViT-B/32, with random weights: it takes the time of the real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, save_model

SIDE, PATCH, WIDTH, LAYERS, HEADS, DIMS = 224, 32, 768, 12, 12, 512
TOKENS = (SIDE // PATCH) ** 2 + 1


class _Graph:
    """Nodes and weights as they are added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._random = np.random.default_rng(0)

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def keep(self, values: NDArray[Any]) -> str:
        name = f"weight{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def random(self, *shape: int) -> str:
        return self.keep(self._random.standard_normal(shape, dtype=np.float32) * np.float32(0.02))

    def linear(self, given: str, before: int, after: int) -> str:
        return self.add("Add", self.add("MatMul", given, self.random(before, after)), self.random(after))

    def normal(self, given: str) -> str:
        one, zero = self.keep(np.ones(WIDTH, np.float32)), self.keep(np.zeros(WIDTH, np.float32))
        return self.add("LayerNormalization", given, one, zero, axis=-1)

    def attention(self, given: str) -> str:
        split = self.keep(np.array([0, TOKENS, HEADS, WIDTH // HEADS]))
        heads = [self.add("Reshape", self.linear(given, WIDTH, WIDTH), split) for _ in range(3)]
        query, value = (self.add("Transpose", each, perm=[0, 2, 1, 3]) for each in (heads[0], heads[2]))
        key = self.add("Transpose", heads[1], perm=[0, 2, 3, 1])
        scale = self.keep(np.array((WIDTH // HEADS) ** -0.5, np.float32))
        shares = self.add("Softmax", self.add("Mul", self.add("MatMul", query, key), scale), axis=-1)
        joined = self.add("Transpose", self.add("MatMul", shares, value), perm=[0, 2, 1, 3])
        whole = self.add("Reshape", joined, self.keep(np.array([0, TOKENS, WIDTH])))
        return self.linear(whole, WIDTH, WIDTH)

    def feed(self, given: str) -> str:
        wide = self.linear(given, WIDTH, 4 * WIDTH)
        gate = self.add("Sigmoid", self.add("Mul", wide, self.keep(np.array(1.702, np.float32))))
        return self.linear(self.add("Mul", wide, gate), 4 * WIDTH, WIDTH)


def save_vit(folder: Path) -> Path:
    """Write it as the image side of a model in the layout of transformers.js, and return its folder (350 MB)."""
    graph = _Graph()
    kernel = graph.random(WIDTH, 3, PATCH, PATCH)
    patches = graph.add("Conv", "pixel_values", kernel, strides=[PATCH, PATCH], kernel_shape=[PATCH, PATCH])
    rows = graph.add("Reshape", patches, graph.keep(np.array([0, WIDTH, -1])))
    tokens = graph.add("Transpose", rows, perm=[0, 2, 1])
    first = graph.add("Slice", tokens, *(graph.keep(np.array([value])) for value in (0, 1, 1)))
    state = graph.add("Concat", first, tokens, axis=1)
    state = graph.normal(graph.add("Add", state, graph.random(TOKENS, WIDTH)))
    for _ in range(LAYERS):
        state = graph.add("Add", state, graph.attention(graph.normal(state)))
        state = graph.add("Add", state, graph.feed(graph.normal(state)))
    pooled = graph.add("Gather", graph.normal(state), graph.keep(np.array(0)), axis=1)
    graph.nodes.append(helper.make_node("MatMul", [pooled, graph.random(WIDTH, DIMS)], ["image_embeds"]))
    given = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])
    gives = helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, ["batch", DIMS])
    made = helper.make_graph(graph.nodes, "vit", [given], [gives], initializer=graph.weights)
    (folder / "onnx").mkdir(parents=True)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save_model(model, str(folder / "onnx" / "model.onnx"))
    (folder / "config.json").write_text(json.dumps({"model_type": "dinov2", "hidden_size": DIMS}))
    processor = {
        "do_resize": True,
        "size": {"shortest_edge": SIDE},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": SIDE, "width": SIDE},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.48, 0.46, 0.41],
        "image_std": [0.27, 0.26, 0.28],
        "image_processor_type": "BitImageProcessor",
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder
