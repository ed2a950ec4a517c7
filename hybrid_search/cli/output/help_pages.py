"""Help pages: commands before options, paragraphs that fill the terminal, examples as they stand."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from hybrid_search.cli.output import terminal

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_TOP = re.compile(r"[╭+]. (\w.*?) [─-]+.$")
_BOTTOM = re.compile(r"[╰+][─-]+[╯+]$")

F = TypeVar("F", bound=Callable[..., Any])


def filled(text: str) -> str:
    r"""Return paragraphs without line breaks of their own; those that are indented are examples, and keep them.

    Examples
    --------
    >>> filled("One thing.\n\nMore of it\nin two lines.\n\n    search dog\n    search cat")
    'One thing.\n\nMore of it in two lines.\n\n    search dog\n    search cat'
    """
    paragraphs = text.split("\n\n")
    return "\n\n".join(part if part.startswith("    ") else " ".join(part.split()) for part in paragraphs)


class PageCommand(TyperCommand):
    """A command whose help fills the terminal."""

    def __init__(self, *arguments: Any, help: str | None = None, **more: Any) -> None:
        super().__init__(*arguments, help=filled(help) if help else help, **more)


def commands_first(page: str) -> str:
    r"""Return a page of help with the panel of its commands before those of its options.

    Examples
    --------
    >>> print(commands_first("Usage\n+- Options -+\n| -h |\n+------+\n+- Commands -+\n| go |\n+------+\nExit codes"))
    Usage
    +- Commands -+
    | go |
    +------+
    +- Options -+
    | -h |
    +------+
    Exit codes
    """
    before: list[str] = []
    panels: list[tuple[bool, str]] = []
    lines: list[str] = before
    for line in page.splitlines(keepends=True):
        plain = _COLOURS.sub("", line).strip()
        if top := _TOP.match(plain):
            title, lines = top[1], []
        lines.append(line)
        if _BOTTOM.match(plain) and lines is not before:
            panels.append((title != "Commands", "".join(lines)))
            lines = []
    panels.sort(key=lambda panel: panel[0])
    return "".join((*before, *(text for _, text in panels), *(lines if lines is not before else ())))


class _Shown(io.StringIO):
    """What takes a page as stdout would: with its colours and its characters."""

    def isatty(self) -> bool:
        return sys.__stdout__ is not None and sys.__stdout__.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(sys.__stdout__, "encoding", None) or "utf-8"


class PageGroup(TyperGroup):
    """Commands of which a person reads first what there are."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the page with the commands first."""
        with redirect_stdout(_Shown()) as shown:
            super().format_help(ctx, formatter)
        terminal.write(commands_first(shown.getvalue()))


class Program(typer.Typer):
    """Commands with such pages."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**{"cls": PageGroup, **more})

    def command(self, name: str | None = None, **more: Any) -> Callable[[F], F]:
        """Return what adds a function as a command, with what `typer.Typer.command` takes."""
        return super().command(name, **{"cls": PageCommand, **more})
