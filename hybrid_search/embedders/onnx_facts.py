"""What an ONNX file takes and gives, read from its graph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid_search.embedders.onnx_card import Card, read_card
from hybrid_search.embedders.whole_files import sha256_of
from hybrid_search.errors import ModelMissing

__all__ = ["Facts", "Port", "read_facts"]

_REMEDY = "write one with `hybrid-search embedder export keras:resnet50 resnet50.onnx`"


@dataclass(frozen=True)
class Port:
    """An input or output: name, type such as "float32", and shape, None for what the graph leaves open."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        dims = " × ".join("?" if length is None else str(length) for length in self.shape)
        return f"{self.name} ({self.dtype} {dims})"


@dataclass(frozen=True)
class Facts:
    """A file's inputs and outputs, its card if it has one, and the sha256 of it and of the weights beside it."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    card: Card | None
    sha256: str


def read_facts(path: Path, *, owner: str) -> Facts:
    """Return what an ONNX file says.

    Raises
    ------
    ModelMissing
        When it is not there, or is not an ONNX model, or its weights beside it are not there.
    """
    import onnx

    if not path.is_file():
        raise ModelMissing(owner, f"there is no file {path}", _REMEDY)
    try:
        model = onnx.load(str(path), load_external_data=False)
        card = read_card(model)
    except (OSError, ValueError) as error:
        raise ModelMissing(owner, f"{path} cannot be read: {error}", _REMEDY) from error
    except Exception as error:
        # protobuf's errors have no common base that is public
        raise ModelMissing(owner, f"{path} is not an ONNX model ({type(error).__name__})", _REMEDY) from error
    if not model.graph.output:
        raise ModelMissing(owner, f"{path} is not an ONNX model: it has no output", _REMEDY)
    weights = {tensor.name for tensor in model.graph.initializer}
    return Facts(
        tuple(_port(each) for each in model.graph.input if each.name not in weights),
        tuple(_port(each) for each in model.graph.output),
        card,
        sha256_of(path, *_beside(model, path, owner)),
    )


def _port(value: Any) -> Port:
    from onnx import helper

    tensor = value.type.tensor_type
    dims = (dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)
    return Port(value.name, str(helper.tensor_dtype_to_np_dtype(tensor.elem_type)), tuple(dims))


def _beside(model: Any, path: Path, owner: str) -> list[Path]:
    """Return the files with weights that the graph refers to."""
    names = {
        entry.value for tensor in model.graph.initializer for entry in tensor.external_data if entry.key == "location"
    }
    files = [path.parent / name for name in sorted(names)]
    for file in files:
        if not file.is_file():
            raise ModelMissing(owner, f"{path} has its weights in {file.name}, which is not there", "put it beside it")
    return files
