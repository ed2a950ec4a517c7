"""What is public is exported, explained, called by keyword, and shown by examples that run."""

from __future__ import annotations

import ast
import doctest
import functools
import importlib
import inspect
import io
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import hybrid_search

PACKAGE = Path(hybrid_search.__file__).parent
NAMES = sorted(
    module.name
    for module in pkgutil.walk_packages([str(PACKAGE)], "hybrid_search.")
    if not module.name.endswith("__main__")
)
LIBRARY = sorted(path for path in PACKAGE.rglob("*.py") if "cli" not in path.parts and path.name != "__main__.py")
_OPEN = ("signature", "document", "query", "hits")
"""Packages that offer nothing of their own: each of their modules is a door."""
OF_THREE = {
    "document.definition.check": "the index's definition, the field in it, and what it is compared with",
    "hits.hits.read_hits": "the response, and the question and body that it answers",
    "hits.search.request": "of which index, what, and how",
    "hits.search.search": "of which index, what, and how",
    "query.index_state.IndexState.__init__": "where it lives, as it was opened, and what may be read",
    "ingest.add_picture": "where to, with what, and what",
    "ingest.add_pictures": "where to, with what, and what",
}
"""Functions that are told more than two things by position, each because they are always all said, in this order."""


def modules() -> Iterator[ModuleType]:
    for name in NAMES:
        try:
            yield importlib.import_module(name)
        except ModuleNotFoundError as error:
            assert error.name and not error.name.startswith("hybrid_search"), name


def offered(module: ModuleType) -> list[str]:
    """Return the names of a module for others: what it lists, or all of its own that have no underscore in front."""
    own = (name for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__)
    return getattr(module, "__all__", None) or [name for name in own if not name.startswith("_")]


def test_packages_alone_list_what_they_offer() -> None:
    listing = [path for path in PACKAGE.rglob("*.py") if re.search("^__all__", path.read_text(encoding="utf-8"), re.M)]
    inner = [path.relative_to(PACKAGE) for path in listing if path.name != "__init__.py"]
    assert [str(path) for path in inner if path.parts[0] != "errors"] == []


def public() -> Iterator[tuple[str, Any]]:
    """Give every function and class that a module of its own exports, and the public methods of such classes."""
    for module in modules():
        for name in offered(module):
            thing = getattr(module, name)
            if getattr(thing, "__module__", None) != module.__name__ or not (
                inspect.isclass(thing) or inspect.isfunction(thing)
            ):
                continue
            yield f"{module.__name__}.{name}", thing
            if inspect.isclass(thing):
                for leaf, member in vars(thing).items():
                    if inspect.isfunction(member) and (not leaf.startswith("_") or leaf == "__init__"):
                        yield f"{module.__name__}.{name}.{leaf}", member


def front() -> Iterator[tuple[str, Any]]:
    """Give the functions that a stage's own module or package offers, and methods of its classes."""
    for module in modules():
        stage = module.__name__.removeprefix("hybrid_search.")
        room, _, module_name = stage.partition(".")
        if "." in module_name or (module_name and room not in _OPEN) or stage in ("cli", "errors", "image_match"):
            continue
        for name in offered(module):
            thing = getattr(module, name)
            if inspect.isfunction(thing):
                yield f"{stage}.{name}", thing
            elif inspect.isclass(thing) and not hasattr(thing, "__dataclass_fields__"):
                yield from (
                    (f"{stage}.{name}.{leaf}", member)
                    for leaf, member in vars(thing).items()
                    if inspect.isfunction(member) and (not leaf.startswith("_") or leaf == "__init__")
                )


@functools.cache
def everything() -> dict[str, Any]:
    """Return what `public` gives, by name; read once, when the first test asks, since it imports every module."""
    return dict(public())


def optioned() -> Iterator[tuple[str, Any]]:
    """Give the functions whose options are for keywords."""
    for name, thing in everything().items():
        # typer calls commands by keyword; errors and dataclasses are their facts, in order; image_match has the order
        # of the library that it stands in for
        if not inspect.isfunction(thing) or name.startswith(
            ("hybrid_search.cli.", "hybrid_search.errors.", "hybrid_search.image_match.")
        ):
            continue
        if name.endswith(".__init__") and hasattr(everything()[name.removesuffix(".__init__")], "__dataclass_fields__"):
            continue
        yield name, thing


def test_the_front_door_exports_what_it_names() -> None:
    assert sorted(hybrid_search.__all__) == sorted(hybrid_search._HOMES)
    for name in hybrid_search.__all__:
        thing = getattr(hybrid_search, name)
        assert thing.__name__ == name and thing.__module__.startswith(f"hybrid_search.{hybrid_search._HOMES[name]}")
    assert set(hybrid_search.__all__) <= set(dir(hybrid_search))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        hybrid_search.Nothing  # noqa: B018


def test_every_module_is_seen() -> None:
    assert {
        "hybrid_search.index",
        "hybrid_search.signature.goldberg",
        "hybrid_search.backends.embedded.backend",
    } <= set(NAMES)
    assert len(everything()) > 150
    assert len(dict(optioned())) > 100


def test_what_a_module_exports_is_there() -> None:
    exporting = [module for module in modules() if hasattr(module, "__all__")]
    twice = [module.__name__ for module in exporting if len(set(module.__all__)) != len(module.__all__)]
    absent = [
        f"{module.__name__}.{name}" for module in exporting for name in module.__all__ if not hasattr(module, name)
    ]
    assert (twice, absent) == ([], [])


def _unexplained() -> Iterator[str]:
    for name, thing in everything().items():
        if name.endswith(".__init__"):
            continue
        if not (inspect.getdoc(thing) or "").strip():
            yield f"{name} has no docstring"
        if inspect.isclass(thing) and (thing.__doc__ or "").startswith(f"{thing.__name__}("):
            yield f"{name} shows the docstring that dataclass makes up"


def test_public_names_are_explained() -> None:
    offenders = list(_unexplained())
    assert not offenders, "\n".join(offenders)


def positional(function: Any) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [each.name for each in inspect.signature(function).parameters.values() if each.kind in kinds]
    return [name for name in names if name not in ("self", "cls")]


def _badly_optioned(function: Any) -> Iterator[str]:
    for parameter in inspect.signature(function).parameters.values():
        if isinstance(parameter.default, (list, dict, set)):
            yield f"{parameter.name} has a mutable default"
        if parameter.default is not inspect.Parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            if positional(function).index(parameter.name) > 0:
                yield f"the option {parameter.name} is not keyword-only"


def test_options_are_by_keyword() -> None:
    offenders = [f"{name}: {said}" for name, function in optioned() for said in _badly_optioned(function)]
    assert not offenders, "\n".join(offenders)


def test_functions_take_few_things_by_position() -> None:
    many = {name: positional(function) for name, function in front() if len(positional(function)) > 2}
    assert many.keys() == OF_THREE.keys(), many


def doctests() -> Iterator[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    for module in [hybrid_search, *modules()]:
        for test in finder.find(module):
            if test.examples:
                yield test


def test_examples_run() -> None:
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    tests = list(doctests())
    for test in tests:
        runner.run(test, out=report.write, clear_globs=False)
    assert runner.failures == 0, report.getvalue()
    assert len(tests) >= 50


def _forbidden_calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if called in {"print", "sys.exit", "exit", "quit", "os._exit", "logging.basicConfig", "input"}:
            yield f"line {node.lineno} calls {called}"
        if isinstance(node, ast.Assert):
            yield f"line {node.lineno} asserts; callers' mistakes are raised"


def test_the_library_neither_prints_nor_exits() -> None:
    offenders = [f"{path.relative_to(PACKAGE)}: {said}" for path in LIBRARY for said in _forbidden_calls(path)]
    assert not offenders, "\n".join(offenders)
