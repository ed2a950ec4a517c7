"""Help pages: paragraphs that fill the terminal, whatever width they were written in; examples as they stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand

__all__ = ["PageCommand", "Program", "filled"]

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


class Program(typer.Typer):
    """Commands with such pages."""

    def command(self, name: str | None = None, **more: Any) -> Callable[[F], F]:
        """Return what adds a function as a command, with what `typer.Typer.command` takes."""
        return super().command(name, **{"cls": PageCommand, **more})
