"""One side of a graph that holds both: the nodes that lead to one output, the weights left in the file where they are.

Such a file has half a gigabyte and more. Its weights are stepped over and named by their places, so that a large
network is cut as fast as a small one, and ONNX Runtime reads what the side needs.
"""

from __future__ import annotations

import mmap
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from hybrid_search.embedders.onnx_graph import Buffer, Span, fields

_VERSION, _GRAPH, _OPSET, _FUNCTION = 1, 7, 8, 25
_NODE, _WEIGHTS, _INPUT, _OUTPUT, _SPARSE = 1, 5, 11, 12, 15
_NAME, _RAW = 8, 9
_RAW_KEY = _RAW << 3 | 2
_SMALL = 1024
"""Bytes below which a tensor stays in the graph: ONNX Runtime wants to know shapes before it reads weights."""


def cut_graph(path: Path, *, output: str, inputs: Collection[str]) -> bytes:
    """Return a serialised ONNX model of what leads to one output; it takes its weights from the file.

    Parameters
    ----------
    path : Path
        The ONNX file. The model's weights are to be looked for in the folder that it is in when links are followed:
        ONNX Runtime takes none from elsewhere, and the hub's cache is made of links.
    output : str
        Name of the output.
    inputs : collection of str
        The inputs that the model keeps; the output may come from no others.

    Raises
    ------
    OSError
        When the file cannot be read.
    ValueError
        When it is no whole ONNX file, the output comes from other inputs too, or its weights lie in several folders or
        are sparse.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _cut(data, path, output, inputs)


def _cut(data: Buffer, path: Path, output: str, inputs: Collection[str]) -> bytes:
    from onnx import FunctionProto, ModelProto, NodeProto, OperatorSetIdProto, ValueInfoProto, helper

    outer = _parts(data, (0, len(data)))
    inner = _parts(data, outer[_GRAPH][0])
    if inner[_SPARSE]:
        raise ValueError("its weights are sparse")
    nodes: list[Any] = _read(data, inner[_NODE], NodeProto)
    wanted = {output}
    # nodes stand behind those that they need
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(_needs(node))
    places = {_name(data, place): place for place in inner[_WEIGHTS]}
    taken = [port for port in _read(data, inner[_INPUT], ValueInfoProto) if port.name in wanted.union(inputs)]
    if others := [port.name for port in taken if port.name not in inputs and port.name not in places]:
        raise ValueError(f"{output} comes from {', '.join(others)} too")
    graph = helper.make_graph(
        [node for node in nodes if wanted.intersection(node.output)],
        "side",
        taken,
        [port for port in _read(data, inner[_OUTPUT], ValueInfoProto) if port.name == output],
        initializer=[_tensor(data, place, path) for name, place in places.items() if name in wanted],
    )
    model = ModelProto(graph=graph, ir_version=outer[_VERSION][0])
    model.opset_import.extend(_read(data, outer[_OPSET], OperatorSetIdProto))
    model.functions.extend(_read(data, outer[_FUNCTION], FunctionProto))
    return bytes(model.SerializeToString())


def _parts(data: Buffer, span: Span) -> defaultdict[int, list[Any]]:
    """Return the values of a message's fields, or where they are, by the numbers of the fields."""
    parts: defaultdict[int, list[Any]] = defaultdict(list)
    for number, value in fields(data, *span):
        parts[number].append(value)
    return parts


def _read(data: Buffer, spans: Iterable[Span], kind: Any) -> list[Any]:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        return [kind.FromString(bytes(data[start:end])) for start, end in spans]
    except DecodeError as error:
        raise ValueError(f"it is damaged: {error}") from error


def _name(data: Buffer, tensor: Span) -> str:
    return "".join(bytes(data[start:end]).decode("utf-8") for start, end in _parts(data, tensor)[_NAME])


def _tensor(data: Buffer, span: Span, path: Path) -> Any:
    """Return a tensor; where its numbers are many, it says where in the file they are."""
    from onnx import TensorProto

    start, end = next(iter(_parts(data, span)[_RAW]), span)
    if (start, end) == span or end - start < _SMALL:
        tensor = _read(data, [span], TensorProto)[0]
        for entry in tensor.external_data:
            if entry.key == "location":
                beside = (path.parent / entry.value).resolve()
                if beside.parent != path.resolve().parent:
                    raise ValueError(f"{beside} is in another folder than {path.resolve()}")
                entry.value = beside.name
        return tensor
    # before the bytes stand their number, seven bits in a byte, and the field's key
    key = start - -(-(end - start).bit_length() // 7) - 1
    if data[key] != _RAW_KEY:
        raise ValueError(f"byte {key} makes no sense")
    tensor = TensorProto.FromString(bytes(data[span[0] : key]) + bytes(data[end : span[1]]))
    tensor.data_location = TensorProto.EXTERNAL
    for name, value in {"location": path.resolve().name, "offset": start, "length": end - start}.items():
        tensor.external_data.add(key=name, value=str(value))
    return tensor


def _needs(node: Any) -> Iterator[str]:
    """Give what a node takes, and what the graphs in it take from outside, beside names of their own."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from _needs(inner)
            yield from (port.name for port in graph.output)
