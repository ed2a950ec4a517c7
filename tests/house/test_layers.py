"""Imports point one way, modules stay short, and importing the package stays light."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hybrid_search

PACKAGE = Path(hybrid_search.__file__).parent
ROOT = PACKAGE.parent
LAYERS = (
    "version errors < images < metadata signature embedders < ocr < document < backends < query < hits < ingest"
    " < duplicates < index < evaluate image_match < training < web < cli"
)
"""A folder imports those to the left of it: neither one to its right nor one beside it."""
RANK = {name: rank for rank, layer in enumerate(LAYERS.split("<")) for name in layer.split()}
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
    "rapidfuzz",
    "spellchecker",
    "rich",
    "typer",
    "starlette",
    "uvicorn",
)


def _imported_folders(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE.name:
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.removeprefix(f"{PACKAGE.name}.") if node.module.startswith(PACKAGE.name) else "")
        elif isinstance(node, ast.Import):
            names.update(name.name.removeprefix(f"{PACKAGE.name}.") for name in node.names if PACKAGE.name in name.name)
    return {name.split(".")[0] for name in names if name} - {"mappings"}


def _too_long(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    # most of the front door is what its methods' docstrings explain to users; what it does is counted alone
    docstrings = _docstring_lines(tree) if path == PACKAGE / "index.py" else 0
    if (lines := text.count("\n") - docstrings) > 400:
        yield f"the module has {lines} lines; a module is one noun, at most 400"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            docstring = ast.get_docstring(node, clean=False) or ""
            lines = (node.end_lineno or 0) - node.body[0].lineno + 1 - (docstring.count("\n") + bool(docstring))
            if lines > 40:
                yield f"{node.name} has {lines} lines; a function is one step, at most 40"


def _docstring_lines(tree: ast.Module) -> int:
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    strings = [node.body[0] for node in nodes if ast.get_docstring(node) is not None]
    return sum((string.end_lineno or 0) - string.lineno + 1 for string in strings)


def test_imports_point_to_the_left() -> None:
    folders = {path: path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES}
    modules = {path: folder for path, folder in folders.items() if not folder.startswith("__")}
    assert len(modules) > 100
    assert set(modules.values()) == set(RANK), "the list names what there is"
    offenders = [
        f"{path.relative_to(PACKAGE)} imports {imported}"
        for path, folder in modules.items()
        for imported in sorted(_imported_folders(path) - {folder})
        if RANK.get(imported, len(RANK)) >= RANK[folder]
    ]
    assert not offenders, "\n".join([LAYERS, *offenders])


def test_modules_and_functions_are_short() -> None:
    offenders = [f"{path.relative_to(PACKAGE)}: {said}" for path in MODULES for said in _too_long(path)]
    assert not offenders, "\n".join(offenders)


def _modules_imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def test_scripts_need_no_tests_and_tests_no_benchmarks() -> None:
    scripts, tests = sorted(ROOT.glob("scripts/**/*.py")), sorted(ROOT.glob("tests/**/*.py"))
    assert len(scripts) > 50 and len(tests) > 150
    of_scripts = ROOT / "tests" / "unit" / "scripts"
    wrong = [(path, "tests") for path in scripts]
    wrong += [(path, "scripts.benchmarks") for path in tests if of_scripts not in path.parents]
    offenders = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, forbidden in wrong
        for name in sorted(_modules_imported(path))
        if f"{name}.".startswith(f"{forbidden}.")
    ]
    assert not offenders, "\n".join(offenders)


def test_import_loads_nothing_heavy() -> None:
    code = f"import sys, json, hybrid_search; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(loaded) == []
