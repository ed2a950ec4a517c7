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
    {"index", "adding", "searching", "embedding_changes"},
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


def _too_long(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    if (lines := text.count("\n")) > 400:
        yield f"the module has {lines} lines; a module is one noun, at most 400"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            docstring = ast.get_docstring(node, clean=False) or ""
            lines = (node.end_lineno or 0) - node.body[0].lineno + 1 - (docstring.count("\n") + bool(docstring))
            if lines > 40:
                yield f"{node.name} has {lines} lines; a function is one step, at most 40"


def test_imports_point_to_earlier_stages() -> None:
    # the package's own front door may name any stage
    stages = {path: _stage(path) for path in MODULES if _stage(path) not in {"__init__", "__main__"}}
    assert len(stages) > 100
    offenders = [
        f"{path.relative_to(PACKAGE)} imports {imported}, which comes after {stage}"
        for path, stage in stages.items()
        for imported in sorted(_imported_stages(path))
        if RANK[imported] > RANK[stage]
    ]
    assert not offenders, "\n".join(offenders)


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
