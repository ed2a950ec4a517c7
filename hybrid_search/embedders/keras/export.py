"""A network of Keras as an ONNX graph, scaling and pooling within it: pixels in, features and probabilities out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from hybrid_search.embedders.keras.keras_embedder import Keras
from hybrid_search.embedders.keras.network import Network
from hybrid_search.embedders.keras.quiet_keras import values
from hybrid_search.embedders.onnx_card import Card
from hybrid_search.embedders.onnx_inputs import fill_inputs

_OPSET = 17
"""ONNX's operators that ONNX Runtime has since 1.12."""


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
        traced, weights = _traced(network)
        graph, inputs, outputs = _frozen(traced, ["images", *weights])
        model, _ = tf2onnx.convert.from_graph_def(
            graph,
            input_names=list(inputs),
            output_names=list(outputs),
            tensors_to_rename=inputs | outputs,
            opset=_OPSET,
            custom_rewriter=[_scalars_as_vectors],
            custom_op_handlers={"Erfc": (_complement_of_erf, [])},
        )
    fill_inputs(model, {name: partial(values, variable) for name, variable in weights.items()})
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


def _traced(network: Network) -> tuple[Any, dict[str, Any]]:
    """Return the function from images and kernels to the outputs, and the variables whose values the kernels are.

    tf2onnx copies what is constant a dozen times, more memory than a large network leaves; what has but one axis,
    such as a BatchNormalization's means, is small, and as constants becomes two numbers a channel.
    """
    import keras
    import tensorflow

    variables = [variable for variable in network.model.variables if len(variable.shape) > 1]
    weights = {f"weight_{number}": variable for number, variable in enumerate(variables)}
    signature = [
        *network.function.input_signature,
        *(tensorflow.TensorSpec(each.shape, each.dtype, name=name) for name, each in weights.items()),
    ]

    def outputs(images: Any, *kernels: Any) -> Any:
        with keras.StatelessScope(state_mapping=zip(variables, kernels, strict=True)):
            return network.model(images, training=False)

    with _functions_within(tensorflow):
        return tensorflow.function(outputs, input_signature=signature).get_concrete_function(), weights


@contextmanager
def _functions_within(tensorflow: Any) -> Iterator[None]:
    """Trace what functions do where they are called: to Keras a convolution in groups is one, which tf2onnx leaves."""
    before = tensorflow.config.functions_run_eagerly()
    tensorflow.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tensorflow.config.run_functions_eagerly(before)


def _frozen(traced: Any, inputs: Sequence[str]) -> tuple[Any, dict[str, str], dict[str, str]]:
    """Return a traced function as a graph without variables, and the new names of its inputs and outputs by the old.

    tf2onnx can take functions too, and makes inputs of what they refer to, such as EfficientNet's means.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(traced, lower_control_flow=False)
    return (
        frozen.graph.as_graph_def(),
        {tensor.name: name for tensor, name in zip(frozen.inputs, inputs, strict=True)},
        {tensor.name: name for tensor, name in zip(frozen.outputs, sorted(traced.structured_outputs), strict=True)},
    )


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


def _complement_of_erf(context: Any, node: Any, name: str, arguments: Any) -> None:
    """Write Erfc, of which ConvNeXt's GELU is made, as 1 - Erf: tf2onnx 1.17 does not know it."""
    one = context.make_const(f"{name}_one", np.ones(1, np.float32))
    erf = context.make_node("Erf", node.input)
    kind, shape = context.get_dtype(node.output[0]), context.get_shape(node.output[0])
    context.remove_node(name)
    context.make_node("Sub", [one.output[0], erf.output[0]], outputs=node.output, shapes=[shape], dtypes=[kind])


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
