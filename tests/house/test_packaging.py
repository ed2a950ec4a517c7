"""What is installed is what is in the folders."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from PIL import Image

import hybrid_search

ROOT = Path(__file__).parents[2]


def test_setup_lists_every_package() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = set(config["options"]["packages"].split())
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "hybrid_search").rglob("__init__.py")}
    assert listed == folders | {"hybrid_search.mappings"}


def test_mappings_are_package_data() -> None:
    names = {entry.name for entry in files("hybrid_search.mappings").iterdir()}
    assert {"images.json", "images.analysis.json"} <= names


def test_version_agrees_with_setup() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    assert hybrid_search.__version__ == config["metadata"]["version"]


def test_every_file_of_the_mappings_is_installed() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    patterns = config["options.package_data"]["hybrid_search.mappings"].replace(",", " ").split()
    installed = {path for pattern in patterns for path in (ROOT / "mappings").glob(pattern)}
    there = {path for path in (ROOT / "mappings").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert installed == there


def test_every_file_beside_the_code_is_installed() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    beside = [path for path in (ROOT / "hybrid_search").rglob("*") if path.is_file() and "pyc" not in path.suffix]
    for path in beside:
        package = ".".join(path.parent.relative_to(ROOT).parts)
        patterns = config["options.package_data"].get(package, "").replace(",", " ").split()
        assert path.suffix == ".py" or any(path.match(pattern) for pattern in patterns), path


def test_script_runs_from_a_checkout_that_is_not_installed(tmp_path: Path) -> None:
    for name in ("hybrid_search", "scripts", "mappings"):
        ignored = shutil.ignore_patterns("__pycache__", *(["mappings"] if name == "hybrid_search" else []))
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.effect_mandelbrot((96, 64), (-2, -1, 1, 1), 50).save(folder / "a.png")
    shutil.copy(folder / "a.png", folder / "b.png")
    code = (
        "import runpy, sys; sys.meta_path[:] = [each for each in sys.meta_path if 'ditable' not in repr(each)]; "
        "sys.argv[1:] = [sys.argv[1]]; runpy.run_path('scripts/find_duplicates.py', run_name='__main__')"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "a.png" in done.stdout and "b.png" in done.stdout
