"""Asking a person before something is taken away."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.output import terminal


def confirm(question: str, *, yes: bool, about: Iterable[str] = (), declined: str = "nothing was changed") -> None:
    """Ask, unless `yes` was given; a no ends the command, and so does that nobody is there to be asked.

    Parameters
    ----------
    about : iterable of str
        Lines that are shown before the question.
    declined : str
        What is said after a no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody is there to be asked; pass --yes")
    for line in about:
        terminal.note(line)
    if not typer.confirm(question, err=True):
        terminal.note(declined)
        raise typer.Exit(exits.NOTHING)
