"""Which embedder a new index takes where none is named: what was fetched last, else the best on this machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from hybrid_search.embedders.atomic_files import write_whole
from hybrid_search.embedders.graph_cache import cache_folder
from hybrid_search.errors import EmbedderError


def best_here() -> str:
    """Return the name of the best embedder of pictures that is ready; no network is asked.

    What was fetched last goes before what is recommended, that before "lite+minilm", which needs `minilm`, and "lite"
    comes with the package.
    """
    from hybrid_search.embedders.hub.recommended_models import RECOMMENDED
    from hybrid_search.embedders.minilm.model_files import is_here

    # the weights of some may be used for research only: nobody gets those unasked
    models = [model.name for model in RECOMMENDED if model.languages and "research" not in model.licence]
    for name in (_fetched_last(), *models):
        if name and _is_ready(name):
            return name
    return "lite+minilm" if is_here() else "lite"


def keep_as_fetched(name: str) -> None:
    """Note that a model of the hub was fetched by its name; where nothing can be written, it is forgotten."""
    with suppress(OSError):
        _note().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_note(), name.encode("utf-8"))


def _fetched_last() -> str:
    try:
        return _note().read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _is_ready(name: str) -> bool:
    from hybrid_search.embedders.hub.download import is_here

    try:
        return is_here(name)
    except EmbedderError:
        return False


def _note() -> Path:
    return cache_folder() / "models" / "fetched.txt"
