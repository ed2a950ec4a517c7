"""A network of Keras as an ONNX graph, scaling and pooling within it: pixels in, features and probabilities out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from hybrid_search.embedders.keras.embedder import Keras
from hybrid_search.embedders.onnx_card import Card

__all__ = ["onnx_model"]

_OPSET = 17


def onnx_model(embedder: Keras) -> tuple[Any, Card]:
    """Return the network of an embedder as an ONNX model, and what is to be written into its metadata.

    Input `images` (n, side, side, 3) uint8 RGB; outputs `embedding` (n, dims) float32, not of unit length, and with
    labels `probabilities` (n, 1000) float32. tf2onnx does the conversion.

    Raises
    ------
    ModuleNotFoundError
        When tf2onnx is not installed.
    """
    import tf2onnx

    network = embedder.network
    with _quiet():
        graph, names = _frozen(network.function.get_concrete_function())
        model, _ = tf2onnx.convert.from_graph_def(
            graph,
            input_names=[name for name, tensor in names.items() if tensor == "images"],
            output_names=[name for name, tensor in names.items() if tensor != "images"],
            tensors_to_rename=names,
            opset=_OPSET,
            custom_rewriter=[_scalars_as_vectors],
        )
    model.graph.name = embedder.name
    model.doc_string = ""
    card = Card(
        embedder=embedder.name,
        version=embedder.version,
        size=network.side,
        resize="squash",
        output="embedding",
        probabilities="probabilities" if network.labels else "",
        pooling=network.features.pooling,
    )
    return model, card


def _frozen(traced: Any) -> tuple[Any, dict[str, str]]:
    """Return a traced function as a graph with its weights in it, and its inputs and outputs by their names there.

    tf2onnx can take functions too, and makes inputs of what they refer to, such as EfficientNet's means.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(traced, lower_control_flow=False)
    outputs = sorted(traced.structured_outputs)
    names = {frozen.inputs[0].name: "images"}
    names.update({tensor.name: name for tensor, name in zip(frozen.outputs, outputs, strict=True)})
    return frozen.graph.as_graph_def(), names


def _scalars_as_vectors(graph: Any, nodes: Any) -> Any:
    """Give numbers that are added a shape: tf2onnx 1.17 takes them for biases, fails, and leaves the graph slow."""
    for node in nodes:
        if node.type in ("Add", "AddV2"):
            for position, source in enumerate(node.inputs):
                if source.is_const() and source.get_tensor_value(as_list=False).shape == ():
                    value = np.reshape(source.get_tensor_value(as_list=False), (1,))
                    constant = graph.make_const(f"{node.name}_vector{position}", value)
                    graph.replace_input(node, node.input[position], constant.output[0], position)
    return graph.get_nodes()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the conversion from reporting its progress, and what is deprecated within TensorFlow, as warnings."""
    loggers = [logging.getLogger(name) for name in ("tf2onnx", "tensorflow")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
