"""Inputs of an ONNX model that become part of it: what is large need not be there while the model is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def fill_inputs(model: Any, given: Mapping[str, Callable[[], NDArray[np.float32]]]) -> None:
    """Give inputs of a model fixed values; what the graph makes of such an input alone is worked out now, once.

    Parameters
    ----------
    model : onnx.ModelProto
        Changed in place; its nodes are in the order of computation.
    given : mapping of str to callable
        Inputs, and what gives their values: called for one after the other, so that they are in memory one at a time.
        A model may lack some, which nothing in it needs.
    """
    from onnx import numpy_helper

    graph = model.graph
    ports = {port.name: port for port in graph.input if port.name in given}
    constants = {each.name: each for each in graph.initializer}
    made = _made_of(graph, ports, constants)
    for nodes in made.values():
        for node in nodes:
            graph.node.remove(node)
    wanted = {name for node in graph.node for name in node.input} | {port.name for port in graph.output}
    for name, nodes in made.items():
        results = [each for each in (name, *(node.output[0] for node in nodes)) if each in wanted]
        if results:
            for result, value in _values(model, nodes, {name: given[name]()}, results, constants).items():
                graph.initializer.append(numpy_helper.from_array(value, result))
        graph.input.remove(ports[name])
    for name, constant in constants.items():
        if name not in wanted:
            graph.initializer.remove(constant)


def _made_of(graph: Any, inputs: Mapping[str, Any], constants: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the nodes that take nothing but constants and one of these inputs, by that input."""
    origins = {name: name for name in inputs}
    made: dict[str, list[Any]] = {name: [] for name in inputs}
    for node in graph.node:
        sources = {origins.get(name, "") for name in node.input if name and name not in constants}
        if len(sources) == 1 and "" not in sources and len(node.output) == 1:
            origin = sources.pop()
            origins[node.output[0]] = origin
            made[origin].append(node)
    return made


def _values(
    model: Any,
    nodes: list[Any],
    given: Mapping[str, NDArray[np.float32]],
    results: list[str],
    constants: Mapping[str, Any],
) -> dict[str, NDArray[Any]]:
    from onnx import TypeProto, helper
    from onnx.reference import ReferenceEvaluator

    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "weights",
        [helper.make_value_info(name, TypeProto()) for name in given],
        [helper.make_value_info(name, TypeProto()) for name in results],
        [constant for name, constant in constants.items() if name in used],
    )
    opsets = {each.domain: each.version for each in model.opset_import}
    return dict(zip(results, ReferenceEvaluator(graph, opsets=opsets).run(results, dict(given)), strict=True))
