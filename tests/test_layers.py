"""Imports point one way, modules stay short, and importing the package stays light."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import hybrid_search

PACKAGE = Path(hybrid_search.__file__).parent
STAGES = [
    {"errors"},
    {"images"},
    {"metadata", "signature", "embedders"},
    {"document"},
    {"backends"},
    {"query"},
    {"hits"},
    {"ingest"},
    {"duplicates"},
    {"index"},
    {"image_match", "evaluate"},
    {"training"},
    {"cli"},
]
RANK = {name: rank for rank, names in enumerate(STAGES) for name in names}
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
HEAVY = (
    "cv2",
    "tensorflow",
    "keras",
    "tokenizers",
    "safetensors",
    "huggingface_hub",
    "ir_measures",
    "scipy",
    "skimage",
    "onnxruntime",
    "onnx",
    "tantivy",
    "usearch",
    "elasticsearch",
    "numkong",
    "requests",
    "pillow_heif",
    "luqum",
    "rich",
    "typer",
)


def _stage(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imported_stages(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("hybrid_search."):
            names.add(node.module.split(".")[1])
        if isinstance(node, ast.ImportFrom) and node.module == "hybrid_search":
            names.update(alias.name for alias in node.names if alias.name in RANK)
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[1] for alias in node.names if alias.name.startswith("hybrid_search."))
    return names - {"mappings"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_to_earlier_stages(path: Path) -> None:
    stage = _stage(path)
    if stage in {"__init__", "__main__"}:
        pytest.skip("the package's own front door may name any stage")
    for imported in _imported_stages(path):
        assert RANK[imported] <= RANK[stage], f"{stage} imports {imported}, which comes after it"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    # most of the front door is what its methods' docstrings explain to users; what it does is counted alone
    docstrings = _docstring_lines(tree) if path == PACKAGE / "index.py" else 0
    assert text.count("\n") - docstrings <= 400, "a module is one noun, at most 400 lines"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            docstring = ast.get_docstring(node, clean=False) or ""
            lines = (node.end_lineno or 0) - node.body[0].lineno + 1 - (docstring.count("\n") + bool(docstring))
            assert lines <= 40, f"{node.name} has {lines} lines; a function is one step, at most 40"


def _docstring_lines(tree: ast.Module) -> int:
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    strings = [node.body[0] for node in nodes if ast.get_docstring(node) is not None]
    return sum((string.end_lineno or 0) - string.lineno + 1 for string in strings)


def test_import_loads_nothing_heavy() -> None:
    code = f"import sys, json, hybrid_search; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(loaded) == []
