"""Embedders by name: each is imported at its first use, and a missing package is named with its remedy."""

from __future__ import annotations

import difflib
import hashlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from hybrid_search.embedders import Embedder
from hybrid_search.errors import EmbedderUnavailable, UnknownEmbedder

__all__ = ["Entry", "embedder_names", "embedding_key", "get_embedder", "known_embedders", "register"]

GROUP = "hybrid_search.embedders"
"""Entry-point group in which other packages offer embedders: `name = module:Class`."""
_LONGEST_KEY = 40


@dataclass(frozen=True)
class Entry:
    """Where an embedder is, as "module:Class", and what to do when its import fails."""

    target: str
    install: str = "pip install hybrid-search"


_ENTRIES: dict[str, Entry] = {
    "lite": Entry("hybrid_search.embedders.lite:Lite"),
    "histogram+hog": Entry("hybrid_search.embedders.descriptors:HistogramHog"),
}


def known_embedders() -> Mapping[str, Entry]:
    """Return all embedders by name: built in, registered, and offered by other packages; the first of a name wins."""
    offered: dict[str, Entry] = {}
    for point in _points():
        if _is_name(point.name) and _is_target(point.value):
            package = point.dist.name if point.dist else point.value.partition(".")[0]
            offered.setdefault(point.name, Entry(point.value, f"pip install --upgrade {package}"))
    return MappingProxyType({**offered, **_ENTRIES})


def embedder_names() -> tuple[str, ...]:
    """Return the names that `get_embedder` knows, in alphabetical order."""
    return tuple(sorted(known_embedders()))


def register(name: str, target: str, *, install: str = "") -> None:
    """Make an embedder known by name, for this process; a name known already then means this one.

    Parameters
    ----------
    name : str
        What users write; letters, digits and any of "+-_./", no colon.
    target : str
        "module:Class" of the embedder.
    install : str
        The command that brings what it needs.

    Raises
    ------
    ValueError
        When name or target is not of that form.
    """
    if not _is_name(name):
        raise ValueError(f"an embedder's name has letters, digits and any of '+-_./' (got {name!r})")
    if not _is_target(target):
        raise ValueError(f"an embedder's target must be 'module:Class' (got {target!r})")
    _ENTRIES[name] = Entry(target, install or f"install what provides {target.partition(':')[0]}")


def get_embedder(name: str, **options: Any) -> Embedder:
    """Return an embedder by its name, such as "lite"; what follows a colon is passed to it as `model`.

    Parameters
    ----------
    name : str
        One of `embedder_names`, for some followed by a colon and the model: "family:model".
    **options
        What the embedder's class takes.

    Raises
    ------
    UnknownEmbedder
        When no embedder has the name; it lists those there are.
    EmbedderUnavailable
        When a package that it needs is not installed, or does not work.

    Examples
    --------
    >>> get_embedder("lite", threshold=0.5).dims
    1280
    """
    family, _, model = name.partition(":")
    entry = _ENTRIES.get(family) or known_embedders().get(family)
    if entry is None:
        names = sorted(known_embedders())
        raise UnknownEmbedder(name, names, difflib.get_close_matches(family, names))
    kind = _load(family, entry)
    if model:
        if "model" not in inspect.signature(kind).parameters:
            raise UnknownEmbedder(name, sorted(known_embedders()), [family])
        options["model"] = model
    try:
        return kind(**options)
    except ModuleNotFoundError as error:
        raise EmbedderUnavailable(name, f"{entry.install} ({error})") from error


def embedding_key(name: str) -> str:
    """Return the leaf of an embedder's field under `embedding`: [a-z0-9_]+, a different one for every name.

    Names of lower-case letters, digits and "+" stay readable; others get a hash, so that they cannot collide.

    Examples
    --------
    >>> embedding_key("histogram+hog")
    'histogram_hog'
    >>> embedding_key("keras:resnet50") != embedding_key("keras-resnet50")
    True
    """
    if re.fullmatch(r"[a-z0-9]+(\+[a-z0-9]+)*", name) and len(name) <= _LONGEST_KEY:
        return name.replace("+", "_")
    key = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_LONGEST_KEY].strip("_")
    return f"{key or 'embedder'}_{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _load(name: str, entry: Entry) -> Callable[..., Embedder]:
    module, _, attribute = entry.target.partition(":")
    try:
        kind = import_module(module)
        for part in attribute.split("."):
            kind = getattr(kind, part)
    except Exception as error:
        # another package's code may fail in any way; whoever asks for it is told, nobody else
        raise EmbedderUnavailable(name, f"{entry.install} ({type(error).__name__}: {error})") from error
    if not callable(kind):
        raise EmbedderUnavailable(name, f"{entry.install} ({entry.target} is not a class)")
    return kind


def _points() -> Iterable[EntryPoint]:
    return entry_points(group=GROUP)


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+_./-]*", name) is not None


def _is_target(target: str) -> bool:
    return re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", target) is not None
