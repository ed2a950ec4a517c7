"""Converted networks, kept per user: building one costs more than reading it back."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["cache_folder", "cached_graph"]


def cached_graph(name: str, build: Callable[[], bytes]) -> bytes:
    """Return a network as ONNX: from the user's cache where it is there whole, else built and put there.

    A file that does not have the hash written beside it is built again; where nothing can be written, the network is
    built in memory each time.

    Parameters
    ----------
    name : str
        Of the file, without a suffix; another for whatever would give another network.
    build : callable
        Makes the serialised model.
    """
    path = cache_folder() / f"{name}.onnx"
    seal = path.with_suffix(".sha256")
    with suppress(OSError, ValueError):
        graph = path.read_bytes()
        if hashlib.sha256(graph).hexdigest() == seal.read_text(encoding="ascii").strip():
            return graph
    graph = build()
    with suppress(OSError):
        _replace(path, graph)
        _replace(seal, hashlib.sha256(graph).hexdigest().encode("ascii"))
    return graph


def cache_folder() -> Path:
    """Return where this user's converted networks are: `HYBRID_SEARCH_CACHE`, else the system's folder for caches."""
    if given := os.environ.get("HYBRID_SEARCH_CACHE"):
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("hybrid-search")


def _replace(path: Path, content: bytes) -> None:
    """Write a file such that readers, and a crash, see the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
