"""What an ONNX file takes and gives, read from its frame without loading its weights.

ONNX Runtime takes a second and a gigabyte to say this of a large network; its file says it within milliseconds. The
format is that of protocol buffers (https://protobuf.dev/programming-guides/encoding): a message is a row of fields,
each with a number and a kind, and whoever does not need a field steps over it.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

_TYPES = MappingProxyType(
    {
        1: "float32",
        2: "uint8",
        3: "int8",
        4: "uint16",
        5: "int16",
        6: "int32",
        7: "int64",
        9: "bool",
        10: "float16",
        11: "float64",
        12: "uint32",
        13: "uint64",
        16: "bfloat16",
    }
)
_MODEL_GRAPH, _MODEL_METADATA = 7, 14
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 5, 11, 12
_NODE_KIND = 4
_OVER_BATCH = b"DynamicQuantize"
"""What the names of operators begin with that find one scale for all numbers of a batch."""
_TENSOR_NAME, _TENSOR_EXTERNAL = 8, 13

Buffer = bytes | mmap.mmap
Span = tuple[int, int]


@dataclass(frozen=True)
class Port:
    """An input or an output of a graph.

    Parameters
    ----------
    name : str
        As the graph has it.
    dtype : str
        NumPy's name of the type of its elements; empty for one that this reader does not know.
    shape : tuple of int or None
        None for a side that may have any length.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        sides = " × ".join("?" if side is None else str(side) for side in self.shape)
        return f"{self.name} ({self.dtype} {sides})"


@dataclass(frozen=True)
class OnnxGraph:
    """The frame of an ONNX file.

    Parameters
    ----------
    inputs, outputs : tuple of Port
        In the file's order; weights are not among the inputs.
    side_files : tuple of (str, int)
        Files with weights, by their names beside the graph, and how many bytes each must have at least.
    metadata : mapping of str to str
        What the file says of itself beside the graph.
    scales_batches : bool
        It makes whole numbers of a batch by one scale: what comes out for one row depends on those beside it.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    side_files: tuple[tuple[str, int], ...]
    metadata: Mapping[str, str]
    scales_batches: bool = False


def read_onnx(path: Path) -> OnnxGraph:
    """Return what an ONNX file takes and gives, the side files that it needs, and what it says of itself.

    Raises
    ------
    OSError
        When it cannot be read.
    ValueError
        When it ends early, or is no ONNX file.
    """
    if not path.stat().st_size:
        raise ValueError("it is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _graph(data)
        except IndexError as error:
            raise ValueError(str(error)) from error


def _graph(data: Buffer) -> OnnxGraph:
    span = None
    metadata: dict[str, str] = {}
    for number, value in fields(data, 0, len(data)):
        if number == _MODEL_GRAPH and isinstance(value, tuple):
            span = value
        elif number == _MODEL_METADATA and isinstance(value, tuple):
            metadata.update([_pair(data, value)])
    if span is None:
        raise ValueError("there is no graph in it")
    inputs: list[Port] = []
    outputs: list[Port] = []
    weights: set[str] = set()
    side_files: dict[str, int] = {}
    scales_batches = False
    for number, value in fields(data, *span):
        if not isinstance(value, tuple):
            continue
        if number == _GRAPH_NODE:
            scales_batches = scales_batches or _is_over_batch(data, value)
        elif number == _GRAPH_INITIALIZER:
            name, location, least = _weights(data, value)
            weights.add(name)
            if location:
                side_files[location] = max(least, side_files.get(location, 0))
        elif number in (_GRAPH_INPUT, _GRAPH_OUTPUT):
            (inputs if number == _GRAPH_INPUT else outputs).append(_port(data, value))
    # files of the first versions of ONNX list their weights among the inputs
    taken = tuple(port for port in inputs if port.name not in weights)
    return OnnxGraph(taken, tuple(outputs), tuple(sorted(side_files.items())), metadata, scales_batches)


def _is_over_batch(data: Buffer, node: Span) -> bool:
    kinds = (value for number, value in fields(data, *node) if number == _NODE_KIND)
    return any(bytes(data[kind[0] : kind[1]]).startswith(_OVER_BATCH) for kind in kinds if isinstance(kind, tuple))


def _weights(data: Buffer, span: Span) -> tuple[str, str, int]:
    """Return a tensor's name, and its side file with the bytes that it must have; "" and 0 when it has none."""
    name = ""
    told: dict[str, str] = {}
    for number, value in fields(data, *span):
        if number == _TENSOR_NAME and isinstance(value, tuple):
            name = _text(data, value)
        elif number == _TENSOR_EXTERNAL and isinstance(value, tuple):
            told.update([_pair(data, value)])
    return name, told.get("location", ""), int(told.get("offset") or 0) + int(told.get("length") or 0)


def _pair(data: Buffer, span: Span) -> tuple[str, str]:
    """Read a StringStringEntryProto."""
    pair = {number: _text(data, part) for number, part in fields(data, *span) if isinstance(part, tuple)}
    return pair.get(1, ""), pair.get(2, "")


def _port(data: Buffer, span: Span) -> Port:
    """Read a ValueInfoProto: its name, and in its type the tensor's type and shape."""
    value = dict(fields(data, *span))
    kind = _within(data, _within(data, value.get(2)).get(1))
    name, dtype = value.get(1), kind.get(1)
    return Port(
        _text(data, name) if isinstance(name, tuple) else "",
        _TYPES.get(dtype, "") if isinstance(dtype, int) else "",
        _shape(data, kind.get(2)),
    )


def _within(data: Buffer, span: int | Span | None) -> dict[int, int | Span]:
    return dict(fields(data, *span)) if isinstance(span, tuple) else {}


def _shape(data: Buffer, span: int | Span | None) -> tuple[int | None, ...]:
    if not isinstance(span, tuple):
        return ()
    sides: list[int | None] = []
    for _, value in fields(data, *span):
        side = dict(fields(data, *value)).get(1) if isinstance(value, tuple) else None
        sides.append(side if isinstance(side, int) and side > 0 else None)
    return tuple(sides)


def _text(data: Buffer, span: Span) -> str:
    return bytes(data[span[0] : span[1]]).decode("utf-8")


def fields(data: Buffer, start: int, end: int) -> Iterator[tuple[int, int | Span]]:
    """Give each field of a message: its number, and its value or where its bytes are.

    Raises
    ------
    ValueError
        When the message ends early, or makes no sense.

    Examples
    --------
    >>> list(fields(bytes([8, 150, 1, 18, 2, 97, 98]), 0, 7))
    [(1, 150), (2, (5, 7))]
    """
    at = start
    while at < end:
        key, at = _varint(data, at, end)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise ValueError(f"byte {at} makes no sense")
        if kind == 0:
            value, at = _varint(data, at, end)
            yield number, value
            continue
        if kind not in (1, 2, 5):
            raise ValueError(f"byte {at} makes no sense")
        length, at = _varint(data, at, end) if kind == 2 else ((8, at) if kind == 1 else (4, at))
        if at + length > end:
            raise ValueError(f"it ends early by {at + length - end:,} bytes, or is something else")
        yield number, (at, at + length)
        at += length


def _varint(data: Buffer, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
    raise ValueError("it ends early, within a number, or is something else")
