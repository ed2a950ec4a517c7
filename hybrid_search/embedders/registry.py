"""Embedders by name: each is imported at its first use, and a missing package is named with its remedy."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from hybrid_search.embedders import Embedder
from hybrid_search.errors import EmbedderUnavailable, UnknownEmbedder

__all__ = ["Entry", "embedder_names", "embedding_key", "get_embedder", "register"]

GROUP = "hybrid_search.embedders"
"""Entry-point group in which other packages offer embedders: `name = module:Class`."""


@dataclass(frozen=True)
class Entry:
    """Where an embedder is, as "module:Class", and what to install when its import fails."""

    target: str
    install: str = "pip install hybrid-search"


_ENTRIES: dict[str, Entry] = {
    "lite": Entry("hybrid_search.embedders.lite:Lite"),
    "histogram+hog": Entry("hybrid_search.embedders.descriptors:HistogramHog"),
}


def known_embedders() -> Mapping[str, Entry]:
    """Return all embedders by name: built in, registered, and offered by other packages; the first of a name wins."""
    offered = {point.name: Entry(point.value, f"pip install {point.dist.name}") for point in _points() if point.dist}
    return MappingProxyType({**offered, **_ENTRIES})


def embedder_names() -> tuple[str, ...]:
    """Return the names that `get_embedder` knows, in alphabetical order."""
    return tuple(sorted(known_embedders()))


def register(name: str, target: str, *, install: str = "") -> None:
    """Make an embedder known by name, for this process.

    Parameters
    ----------
    name : str
        What users write, without a colon.
    target : str
        "module:Class" of the embedder.
    install : str
        The command that brings what it needs.
    """
    _ENTRIES[name] = Entry(target, install or f"install what provides {target.split(':')[0]}")


def get_embedder(name: str, **options: Any) -> Embedder:
    """Return an embedder by its name; what follows a colon is passed to it as `model`.

    Raises
    ------
    UnknownEmbedder
        When no embedder has the name; it lists those there are.
    EmbedderUnavailable
        When a package that it needs is not installed.

    Examples
    --------
    >>> get_embedder("lite").dims
    1280
    """
    family, _, model = name.partition(":")
    known = known_embedders()
    if family not in known:
        names = sorted(known)
        raise UnknownEmbedder(name, names, difflib.get_close_matches(family, names))
    entry = known[family]
    module, _, attribute = entry.target.partition(":")
    try:
        kind = getattr(import_module(module), attribute)
    except ImportError as error:
        raise EmbedderUnavailable(name, entry.install) from error
    embedder: Embedder = kind(model=model, **options) if model else kind(**options)
    return embedder


def embedding_key(name: str) -> str:
    """Return the leaf of an embedder's field under `embedding`: letters, digits and "_", different for every name.

    Examples
    --------
    >>> embedding_key("lite")
    'lite'
    >>> embedding_key("keras:resnet50") != embedding_key("keras_resnet50")
    True
    """
    key = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return key if key == name else f"{key}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _points() -> Any:
    return entry_points(group=GROUP)
