"""Converted networks, kept per user: building one costs more than reading it back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hybrid_search.embedders.atomic_files import write_whole


def cached_graph(name: str, build: Callable[[], bytes]) -> bytes:
    """Return a network as ONNX: from the user's cache where it is there whole, else built and put there.

    A file that does not have the hash written beside it is built again; where nothing can be written, it is built
    in memory each time.

    Parameters
    ----------
    name : str
        Of the file, without suffix; another for whatever would give another network.
    build : callable
        Makes the content.
    """
    path = cache_folder() / f"{name}.onnx"
    seal = path.with_suffix(".sha256")
    with suppress(OSError, ValueError):
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == seal.read_text(encoding="ascii").strip():
            return content
    content = build()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
        write_whole(seal, hashlib.sha256(content).hexdigest().encode("ascii"))
    return content


def cache_folder() -> Path:
    """Return where this user's converted networks are: `HYBRID_SEARCH_CACHE`, else the system's folder for caches."""
    if given := os.environ.get("HYBRID_SEARCH_CACHE"):
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("hybrid-search")
