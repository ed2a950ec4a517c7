"""A file or class name that stands twice means the same in both places."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import hybrid_search

PACKAGE = Path(hybrid_search.__file__).parent
SAME = {
    "backend.py": "the one `Backend` of each engine",
    "error_translation.py": "what each engine raises, as errors of the library",
    "model.py": "the types that a folder's other modules speak of",
    "new_version.py": "how each engine builds an index beside the one in use",
    "options.py": "the options of a search, and how they are typed",
    "registry.py": "backends by location, embedders by name",
    "statistics.py": "`Backend.info` of each engine",
}
"""Names that are used again on purpose, and what they mean everywhere."""


def _twice(places: Iterator[tuple[str, Path]]) -> list[str]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, path in places:
        found[name].append(str(path.relative_to(PACKAGE)))
    return [f"{name}: {', '.join(paths)}" for name, paths in sorted(found.items()) if len(paths) > 1]


def _files() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        # a module of a command has the command's name, which is that of what it calls
        if not path.name.startswith("__") and path.parent != PACKAGE / "cli" / "commands":
            yield path.name, path


def _classes() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                yield node.name, path


def test_no_two_files_of_one_name() -> None:
    twice = _twice(_files())
    offenders = [line for line in twice if line.partition(":")[0] not in SAME]
    assert not offenders, "\n".join(offenders)
    assert len(twice) == len(SAME), "the list names what there is"


def test_no_two_classes_of_one_name() -> None:
    offenders = _twice(_classes())
    assert not offenders, "\n".join(offenders)
