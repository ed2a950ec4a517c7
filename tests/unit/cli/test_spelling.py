"""Errors that a command shows name its options, whatever the library calls them."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hybrid_search
from hybrid_search import HybridIndex, errors
from hybrid_search.backends.elasticsearch import Server
from hybrid_search.cli.spelling import spelt

PACKAGE = Path(hybrid_search.__file__).parent
PARAMETERS = {*inspect.signature(HybridIndex.search).parameters, *(each.name for each in dataclasses.fields(Server))}
OF_PYTHON = {"vector_query"}
"""What no option has, and what errors of sums say to those who give sums in Python."""


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            str(errors.EmptyQuery()),
            "nothing to search for; type words, --image, --like, --more, --colour or --filter, or --sort to list all",
        ),
        ("k + offset must be at most 10,000 (got 9)", "-k and --offset together must be at most 10,000 (got 9)"),
        ("min_score has no leg 'k'; known: text", "--min-score has no leg 'k'; known: text"),
        ("min_score['vector:a b'] is a finite number (got nan)", "--min-score vector:a b is a finite number (got nan)"),
        ("num_candidates must be at most 10,000 (got 9)", "--num-candidates must be at most 10,000 (got 9)"),
        ("max_distance is between 0 and 1 (got 2)", "--max-distance is between 0 and 1 (got 2)"),
        (
            "cannot open the server: timeout is a number (got 'x')",
            "cannot open the server: --timeout is a number (got 'x')",
        ),
        ("classes are one or more names, each given once", "--classes are one or more names, each given once"),
        ("name others by embedder=…, or remove it", "name others by --embedder …, or remove it"),
    ],
)
def test_options_stand_in_place_of_parameters(said: str, shown: str) -> None:
    assert spelt(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        "no document 'k=5.jpg'",
        "no field 'min_score' in the mapping. Did you mean 'num_candidates'?",
        "cannot use filter 'k must': a text",
        "cannot read image /a/num_candidates/k=5.jpg: it is damaged",
        "cannot read image https://example.org/?embedder=x&k=2: it is damaged",
        "embedder 'lite' embeds images only; a server's k is not an option's 'k'",
        "`hybrid-search embed 'head:/photos/batch_size=3' --again`",
        "sort 'iso': the image is of a filter",
        "it is an image: that is all",
    ],
)
def test_what_is_no_parameter_stays(said: str) -> None:
    assert spelt(said) == said


def raised() -> Iterator[tuple[str, str]]:
    """Give every text that the library raises, with a letter in place of each value."""
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] in ("cli", "image_match"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise | ast.Call) and (not isinstance(node, ast.Call) or _is_init(node)):
                for text in _texts(node):
                    yield str(path.relative_to(PACKAGE)), text


def _is_init(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr == "__init__"


def _texts(node: ast.AST) -> Iterator[str]:
    parts: set[ast.AST] = set()
    for inside in ast.walk(node):
        if isinstance(inside, ast.JoinedStr):
            parts.update(inside.values)
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in inside.values)
        elif isinstance(inside, ast.Constant) and isinstance(inside.value, str) and inside not in parts:
            yield inside.value


def test_no_error_leaves_a_parameter_of_two_words() -> None:
    names = "|".join(sorted(name for name in PARAMETERS - OF_PYTHON if "_" in name))
    texts = list(raised())
    assert len(texts) > 300 and any("num_candidates" in text for _, text in texts)
    left = [(path, text) for path, text in texts if re.search(rf"(?<![\w'`])({names})(?![\w'`])", spelt(text))]
    assert left == []
