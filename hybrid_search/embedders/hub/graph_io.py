"""Whether an ONNX file is whole, with the files of weights beside it, and what it takes and gives."""

from __future__ import annotations

from pathlib import Path

from hybrid_search.embedders.onnx_graph import OnnxGraph, read_onnx
from hybrid_search.errors import WeightsMissing

_POINTER = b"version https://git-lfs"


def read_graph(path: Path) -> OnnxGraph:
    """Return what an ONNX file takes and gives, and the side files that it needs.

    Raises
    ------
    WeightsMissing
        When it is absent, ends early, is no ONNX file, or a side file is absent or ends early.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(_POINTER)) == _POINTER:
                raise WeightsMissing(str(path), "this is only a pointer of Git LFS; run `git lfs pull` in its folder")
        graph = read_onnx(path)
    except OSError as error:
        raise WeightsMissing(str(path), f"cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise WeightsMissing(str(path), f"is no whole ONNX file ({error}); bring it again") from error
    for name, least in graph.side_files:
        _check_side_file(path, name, least)
    return graph


def _check_side_file(path: Path, name: str, least: int) -> None:
    side = path.parent / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise WeightsMissing(str(path), f"wants weights from {name!r}, outside its folder")
    if not side.is_file():
        raise WeightsMissing(str(side), f"is absent; {path.name} has its weights there")
    if (size := side.stat().st_size) < least:
        raise WeightsMissing(str(side), f"ends early ({size:,} of at least {least:,} bytes); bring it again")
