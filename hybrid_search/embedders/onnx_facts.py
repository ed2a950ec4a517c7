"""What is to be known of an ONNX file before it is run: what it takes and gives, its card, and its hash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hybrid_search.embedders.atomic_files import sha256_of
from hybrid_search.embedders.onnx_card import Card, read_card
from hybrid_search.embedders.onnx_graph import Port, read_onnx
from hybrid_search.errors import ModelMissing
from hybrid_search.errors.remedies import Call

_EXPORT = Call("hybrid_search.embedders.onnx_export.export_onnx", ("keras:resnet50", "resnet50.onnx"))
_REMEDY = "write one with " + _EXPORT


@dataclass(frozen=True)
class Facts:
    """A file's inputs and outputs, its card if it has one, and the sha256 of it and of the weights beside it.

    `scales_batches` is as `OnnxGraph` has it.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    card: Card | None
    sha256: str
    scales_batches: bool = False


def read_facts(path: Path, *, owner: str) -> Facts:
    """Return what an ONNX file says.

    Raises
    ------
    ModelMissing
        When it is not there, or is not an ONNX model, or its weights beside it are not there.
    """
    if not path.is_file():
        raise ModelMissing(owner, f"there is no file {path}", _REMEDY)
    try:
        graph = read_onnx(path)
    except OSError as error:
        raise ModelMissing(owner, f"{path} cannot be read: {error}", _REMEDY) from error
    except ValueError as error:
        raise ModelMissing(owner, f"{path} is not an ONNX model: {error}", _REMEDY) from error
    try:
        card = read_card(graph.metadata)
    except ValueError as error:
        raise ModelMissing(owner, f"{path} cannot be read: {error}", _REMEDY) from error
    if not graph.outputs:
        raise ModelMissing(owner, f"{path} is not an ONNX model: it has no output", _REMEDY)
    beside = [path.parent / name for name, _ in graph.side_files]
    for file in beside:
        if not file.is_file():
            raise ModelMissing(owner, f"{path} has its weights in {file.name}, which is not there", "put it beside it")
    return Facts(graph.inputs, graph.outputs, card, sha256_of(path, *beside), graph.scales_batches)
