#!/usr/bin/env python3
"""Write the drawings and tables of docs/architecture.md: what the package imports, and what its docstrings say."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
PACKAGE = "hybrid_search"

PICTURE_IN = (
    "index:HybridIndex.add_folder",
    "ingest.folder:add_folder",
    "ingest.folder_walk:walk",
    "ingest.pipeline:Pipeline",
    "images.source:read_source",
    "images.decode:decode",
    "document.picture:read_picture",
    "metadata.file_metadata:read_metadata",
    "signature.goldberg:grid_signature",
    "ingest.picture_embedding:PictureEmbedding",
    "document.document:build_source",
    "backends.optimistic_update:change_document",
    "backends:Backend.bulk",
)
QUESTION_OUT = (
    "index:HybridIndex.search",
    "ingest.open_index:open_or_create",
    "query.index_state:IndexState",
    "hits.search:search",
    "query.query_builder:Asker.query",
    "query.vector_legs:vector_legs",
    "query.query:make_query",
    "query.text:parse_text",
    "query.filters:parse_filter",
    "query.body:build_body",
    "hits.complete_legs:ask",
    "backends:Backend.search",
    "hits.hits:read_hits",
    "hits.leg_shares:leg_shares",
    "hits.fusion:rrf",
)
WALKS = {
    "Where is a hit's score made?": (
        "hits.hits:_scores",
        "hits.fusion:rrf",
        "hits.fusion:weighted_sum",
        "hits.leg_shares:leg_shares",
    ),
    "Where are EXIF dates read?": (
        "metadata.exif_fields:_put_moment",
        "metadata.values:parse_date",
        "metadata.taken_at:fuller",
        "metadata.file_metadata:read_metadata",
    ),
    "Where is a copy decided?": (
        "duplicates.compare.judge:Judge.judge",
        "duplicates.compare.pixel_verdict:read",
        "duplicates.collect.groups:group",
        "duplicates.act.plan:decide",
    ),
    "Where does a server's error become a sentence?": (
        "backends.elasticsearch.error_translation:translated",
        "backends.elasticsearch.error_messages:certificate_error",
        "errors.servers:ServerBusy",
        "cli.exits:message",
    ),
}


def page(text: str) -> str:
    """Return the page with each generated part as it is now.

    Parameters
    ----------
    text : str
        The page, each part between `<!-- drawn: NAME -->` and `<!-- end -->`.
    """
    for name, part in _parts().items():
        before, mark, rest = text.partition(f"<!-- drawn: {name} -->\n")
        if not mark:
            raise ValueError(f"docs/architecture.md has no mark for {name!r}")
        text = before + mark + part + "<!-- end -->" + rest.partition("<!-- end -->")[2]
    return text


def _parts() -> dict[str, str]:
    return {
        "folders": _folders(),
        "picture in": _way(PICTURE_IN),
        "question out": _way(QUESTION_OUT),
        "walks": _walks(),
    }


def _folders() -> str:
    """Return the folders as a graph, without those arrows that others imply, and a line about each."""
    arrows = _folder_imports()
    lines = ["```mermaid", "flowchart LR"]
    for folder in sorted(arrows):
        implied = {far for near in arrows[folder] for far in _reachable(arrows, near)}
        lines += [f"    {folder} --> {other}" for other in sorted(arrows[folder] - implied)]
    lines += ["```", "", "| Folder | What is in it | Modules |", "|---|---|--:|"]
    for folder in sorted(arrows, key=lambda name: (len(_reachable(arrows, name)), name)):
        count = sum(module.split(".")[0] == folder for module in modules())
        lines.append(f"| `{folder}` | {_first_line(_tree(folder), folder)} | {count} |")
    return "\n".join(lines) + "\n"


def _way(steps: tuple[str, ...]) -> str:
    """Return the steps as a graph whose arrows are imports, and what each does in the words of its docstring."""
    places = {step.partition(":")[0]: number for number, step in enumerate(steps, start=1)}
    lines = ["```mermaid", "flowchart LR"]
    lines += [f'    {_node(place)}["{number} {place}"]' for place, number in places.items()]
    # a module that imports its own package is not drawn
    drawn = {
        (one, other) for one in places for other in imports(one) & places.keys() if not one.startswith(f"{other}.")
    }
    if apart := set(list(places)[1:]) - {other for _, other in drawn}:
        raise ValueError(f"nothing on the way imports {', '.join(sorted(apart))}")
    lines += [
        f"    {_node(one)} --> {_node(other)}" for one, other in sorted(drawn, key=lambda pair: _at(places, pair))
    ]
    lines += ["```", "", "| | Module | Function | |", "|--:|---|---|---|"]
    lines += [
        f"| {number} | `{place}` | `{name}` | {said} |"
        for number, (place, name, said) in enumerate(_said(steps), start=1)
    ]
    return "\n".join(lines) + "\n"


def _at(places: Mapping[str, int], pair: tuple[str, str]) -> tuple[int, int]:
    return places[pair[0]], places[pair[1]]


def _walks() -> str:
    lines = ["| Question | Folder | Module | Function |", "|---|---|---|---|"]
    for question, steps in WALKS.items():
        for number, (place, name, _) in enumerate(_said(steps)):
            folder, _, module = place.rpartition(".")
            lines.append(f"| {question if not number else ''} | `{folder}` | `{module}` | `{name}` |")
    return "\n".join(lines) + "\n"


def _said(steps: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    for step in steps:
        place, _, name = step.partition(":")
        thing: ast.AST = _tree(place)
        for part in name.split("."):
            found = [each for each in getattr(thing, "body", ()) if getattr(each, "name", None) == part]
            if not found:
                raise ValueError(f"{step} is on the page, but not in the package")
            thing = found[-1]
        yield place, name, _first_line(thing, step)


def _first_line(node: ast.AST, name: str) -> str:
    docstring = ast.get_docstring(node) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) else None
    if docstring is None and not name.rpartition(":")[2].startswith("_"):
        raise ValueError(f"{name} has no docstring")
    return (docstring or "").split("\n")[0]


def _node(place: str) -> str:
    # a mermaid id may not hold dots, nor be the word "end"
    return "m_" + place.replace(".", "_")


def _reachable(arrows: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for other in arrows[waiting.pop()] - found:
            found.add(other)
            waiting.append(other)
    return found


def _folder_imports() -> dict[str, set[str]]:
    """Return the folders that the modules of each folder import; the package's own front page is left out."""
    arrows: dict[str, set[str]] = {}
    for module in modules():
        if module and not module.startswith("__"):
            others = {other.split(".")[0] for other in imports(module)}
            arrows.setdefault(module.split(".")[0], set()).update(others - {module.split(".")[0]})
    return arrows


@cache
def modules() -> Mapping[str, Path]:
    """Return the modules below the package by dotted name; a package by its own."""
    top = ROOT / PACKAGE
    names = {path: ".".join(path.relative_to(top).with_suffix("").parts) for path in sorted(top.rglob("*.py"))}
    return {name.removesuffix("__init__").rstrip(".") or "__init__": path for path, name in names.items()}


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


@cache
def imports(module: str) -> frozenset[str]:
    """Return the modules of the package that one imports when it runs; a name that a package hands on counts twice."""
    found = set()
    for node in _running(_tree(module)):
        if isinstance(node, ast.Import):
            found.update(_known(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found |= {_known(node.module), _known(f"{node.module}.{alias.name}"), _home(node.module, alias.name)}
    return frozenset(name for name in found if name and name != module)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs: imports for the type checker alone say nothing of who calls whom."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from _running(child)


def _known(name: str) -> str:
    short = name.removeprefix(f"{PACKAGE}.")
    return short if short != name and short in modules() else ""


@cache
def _home(package: str, name: str) -> str:
    """Return the module from which a package has a name that it hands on, "" where it has none."""
    for node in ast.walk(_tree(_known(package))) if _known(package) else ():
        if isinstance(node, ast.ImportFrom) and node.module and name in {alias.name for alias in node.names}:
            return _known(node.module)
    return ""


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
