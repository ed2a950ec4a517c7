#!/usr/bin/env python3
"""Write docs/api.md: the public names of the package, as their docstrings explain them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hybrid_search
import hybrid_search.errors

PAGE = Path(__file__).parent.parent / "docs" / "api.md"
NAMES = (
    "HybridIndex",
    "Hits",
    "Hit",
    "Document",
    "IngestReport",
    "ExamplePicture",
    "StoredPicture",
    "Server",
    "get_embedder",
    "get_text_embedder",
    "HybridSearchError",
)
"""The public names, those that are needed first in front."""
MARK = "<!-- made of the docstrings by scripts/api_page.py; what stands above is written by hand -->\n"
SECTIONS = ("Parameters", "Returns", "Yields", "Raises", "Examples", "Notes")


def page() -> str:
    """Return the whole page: what is written by hand, and after it what the docstrings say."""
    parts = [PAGE.read_text(encoding="utf-8").partition(MARK)[0] + MARK]
    for name in NAMES:
        thing = getattr(hybrid_search, name)
        if name == "HybridSearchError":
            parts.append(f"## {name}\n\n```text\n{tree()}\n```\n")
            continue
        parts.append(entry(thing, f"## {name}"))
        if inspect.isclass(thing):
            parts += [entry(member, f"### {name}.{leaf}") for leaf, member in members(thing)]
    return "\n".join(parts).rstrip("\n") + "\n"


def tree() -> str:
    """Return the drawing of the errors."""
    text = inspect.cleandoc(hybrid_search.errors.__doc__ or "")
    drawing = text.partition("::\n")[2].partition("\nEach error")[0]
    return inspect.cleandoc(drawing).strip()


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """Give the public methods and properties that a class has from this package."""
    for name, member in inspect.getmembers(kind):
        code = member.fget if isinstance(member, property) else member
        if not name.startswith("_") and inspect.isfunction(code) and code.__module__.startswith("hybrid_search"):
            yield name, member


def entry(thing: Any, heading: str) -> str:
    """Return what a docstring says as Markdown, below the names and defaults of what a call takes."""
    name = heading.rpartition(".")[2].removeprefix("## ")
    call = [] if isinstance(thing, property) else [f"`{name}{signature(thing)}`\n"]
    return "\n".join([f"{heading}\n", *call, *(f"{part}\n" for part in sections(inspect.getdoc(thing) or ""))])


def signature(thing: Any) -> str:
    """Return names and defaults of what a call takes; the docstring says what each is."""
    shown = []
    for each in inspect.signature(thing).parameters.values():
        # what a dataclass or a factory would make is no default that anybody types
        default = Ellipsis if "(" in repr(each.default) or "<" in repr(each.default) else each.default
        default = each.default if each.default in (each.empty, ()) else default
        if each.name != "self":
            shown.append(each.replace(annotation=each.empty, default=default))
    return str(inspect.Signature(shown)).replace("Ellipsis", "…")


def sections(text: str) -> Iterator[str]:
    """Give the parts of a numpydoc docstring but for its examples, as paragraphs and lists."""
    pieces = re.split(rf"^({'|'.join(SECTIONS)})\n-+\n", text, flags=re.MULTILINE)
    yield pieces[0].strip()
    for name, body in zip(pieces[1::2], pieces[2::2], strict=True):
        if name in ("Parameters", "Raises", "Returns", "Yields"):
            rows = "\n".join(f"- {row}" for row in described(body))
            yield rows if name == "Parameters" else f"{name}:\n\n{rows}"


def described(body: str) -> Iterator[str]:
    """Give the entries of a section, each on one line: its name, its type and what is said of it."""
    for row in re.split(r"\n(?=\S)", body.strip()):
        head, _, rest = row.partition("\n")
        name, _, kind = head.partition(" : ")
        said = " ".join(rest.split())
        yield f"`{name}`" + (f" ({kind})" if kind else "") + (f": {said}" if said else "")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
