"""What is public is exported, explained, called by keyword, and shown by examples that run."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
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


def public() -> Iterator[tuple[str, Any]]:
    """Give every function and class that a module of its own exports, and the public methods of such classes."""
    for module in modules():
        for name in getattr(module, "__all__", ()):
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
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if inspect.isfunction(thing):
                yield f"{stage}.{name}", thing
            elif inspect.isclass(thing) and not hasattr(thing, "__dataclass_fields__"):
                yield from (
                    (f"{stage}.{name}.{leaf}", member)
                    for leaf, member in vars(thing).items()
                    if inspect.isfunction(member) and (not leaf.startswith("_") or leaf == "__init__")
                )


PUBLIC = dict(public())
EXPLAINED = sorted(name for name in PUBLIC if not name.endswith(".__init__"))
EXPORTING = sorted(module.__name__ for module in modules() if hasattr(module, "__all__"))
OPTIONED = sorted(
    name
    for name, thing in PUBLIC.items()
    # typer calls commands by keyword; errors and dataclasses are their facts, in order; image_match has the order of
    # the library that it stands in for
    if inspect.isfunction(thing)
    and not name.startswith(("hybrid_search.cli.", "hybrid_search.errors.", "hybrid_search.image_match."))
    and not (name.endswith(".__init__") and hasattr(PUBLIC[name.removesuffix(".__init__")], "__dataclass_fields__"))
)


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
    assert len(PUBLIC) > 150


@pytest.mark.parametrize("name", EXPORTING)
def test_what_a_module_exports_is_there(name: str) -> None:
    module = importlib.import_module(name)
    assert len(set(module.__all__)) == len(module.__all__)
    assert [missing for missing in module.__all__ if not hasattr(module, missing)] == []


@pytest.mark.parametrize("name", EXPLAINED)
def test_public_names_are_explained(name: str) -> None:
    thing = PUBLIC[name]
    assert (inspect.getdoc(thing) or "").strip(), f"{name} has no docstring"
    if inspect.isclass(thing):
        own = thing.__doc__ or ""
        assert not own.startswith(f"{thing.__name__}("), f"{name} shows the docstring that dataclass makes up"


def positional(function: Any) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [each.name for each in inspect.signature(function).parameters.values() if each.kind in kinds]
    return [name for name in names if name not in ("self", "cls")]


@pytest.mark.parametrize("name", OPTIONED)
def test_options_are_by_keyword(name: str) -> None:
    function = PUBLIC[name]
    parameters = inspect.signature(function).parameters.values()
    for parameter in parameters:
        assert not isinstance(parameter.default, (list, dict, set)), f"{name}: {parameter.name} has a mutable default"
        if parameter.default is not inspect.Parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            first = positional(function).index(parameter.name) == 0
            assert first, f"{name}: the option {parameter.name} is not keyword-only"


def test_functions_take_few_things_by_position() -> None:
    many = {name: positional(function) for name, function in front() if len(positional(function)) > 2}
    assert many.keys() == OF_THREE.keys(), many


def doctests() -> Iterator[Any]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    for module in [hybrid_search, *modules()]:
        for test in finder.find(module):
            if test.examples:
                yield pytest.param(test, id=test.name.removeprefix("hybrid_search."))


@pytest.mark.parametrize("test", list(doctests()))
def test_examples_run(test: doctest.DocTest, capsys: pytest.CaptureFixture[str]) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, clear_globs=False)
    assert runner.failures == 0, capsys.readouterr().out


def test_there_are_examples() -> None:
    assert len(list(doctests())) >= 50


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_library_neither_prints_nor_exits(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        assert called not in {"print", "sys.exit", "exit", "quit", "os._exit", "logging.basicConfig", "input"}, (
            f"line {node.lineno} calls {called}"
        )
        assert not isinstance(node, ast.Assert), f"line {node.lineno} asserts; callers' mistakes are raised"
