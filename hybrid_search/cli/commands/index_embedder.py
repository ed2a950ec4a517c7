"""The embedder of an index that is about to be made: a person is asked once for a better one, all are told which."""

from __future__ import annotations

import os
import sys
from contextlib import closing, suppress

import typer

from hybrid_search.cli.commands.embedder_fetch import about, bring, recommended_here
from hybrid_search.cli.output import terminal
from hybrid_search.cli.parsing.session import backend_at
from hybrid_search.cli.suggest import command, worded
from hybrid_search.errors import HybridSearchError

_FINDS = {
    "lite": "words find labels of ImageNet and what is written about pictures, not people, actions and scenes",
    "lite+minilm": "words find the thousand things that ImageNet names, hardly people, actions and scenes",
}
"""What searches by words reach with what comes without a hub."""


def settle_embedder(context: typer.Context, location: str | None, *, ask: bool) -> None:
    """Say which embedder a new index takes, where none was named, and what would be better; on a terminal ask once.

    Nothing is said or asked where the index is there already.

    Parameters
    ----------
    ask : bool
        Questions are welcome; none is asked anyway where nobody sits at a terminal, in CI, without a network by
        `HF_HUB_OFFLINE`, or twice.
    """
    with closing(backend_at(context, location)) as backend:
        if backend.exists():
            return
    from hybrid_search.embedders.registry import default_embedder

    if default_embedder() in _FINDS and ask and _may_ask():
        model = recommended_here()
        terminal.note(f"{about(model)} finds people, actions and scenes in pictures that nobody described")
        if typer.confirm("Bring it, once?", default=True, err=True):
            try:
                bring(model)
            except HybridSearchError as error:
                terminal.note(worded(error))
        _keep_as_asked()
    name = default_embedder()
    if name not in _FINDS:
        terminal.note(f"a new index with {name}; --embedder names another")
        return
    model = recommended_here()
    brought = f"{model.word or model.name} ({model.megabytes:,} MB), which finds those"
    better = f"{command('embedder fetch')} brings {brought}, for new indexes"
    terminal.note(f"a new index with {name}, the best that is here: {_FINDS[name]}; {better}")


def _may_ask() -> bool:
    from hybrid_search.embedders.graph_cache import cache_folder

    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}
    if offline or os.environ.get("CI") or not (sys.stdin.isatty() and terminal.is_terminal(sys.stderr)):
        return False
    return not (cache_folder() / _ASKED).exists()


def _keep_as_asked() -> None:
    from hybrid_search.embedders.graph_cache import cache_folder

    with suppress(OSError):
        (cache_folder() / _ASKED).parent.mkdir(parents=True, exist_ok=True)
        (cache_folder() / _ASKED).touch()


_ASKED = "models/asked"
"""In the cache: whether somebody was asked for a better model before."""
