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
    with _quiet_tf2onnx():
        model, _ = tf2onnx.convert.from_function(
            network.function,
            network.function.input_signature,
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
def _quiet_tf2onnx() -> Iterator[None]:
    """Keep tf2onnx from reporting its progress, which it does as warnings."""
    logger = logging.getLogger("tf2onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
