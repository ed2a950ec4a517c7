"""What is installed is what is in the folders."""

from __future__ import annotations

import configparser
from importlib.resources import files
from pathlib import Path

import hybrid_search

ROOT = Path(__file__).parent.parent


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
