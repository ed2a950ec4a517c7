"""The index that was typed, in the commands that messages suggest: one that is pasted goes to the same place."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from hybrid_search.errors.suggested import PLACE

__all__ = ["forget_place", "keep_index", "keep_place", "placed"]

_KEPT = ("config", "username", "cloud_id", "ca_certs", "ca_fingerprint", "timeout", "deadline", "name", "index")
"""What is repeated of all that stands before a command: no secrets, and no layout of a new index."""
_SUGGESTED = re.compile(r"`hybrid-search ([^`]+)`")
_PLACELESS = re.compile(r"(embedder|demo|train$|duplicates (rules|undo)\b)|(.* )?(--help|--index)\b")
_TYPED: ContextVar[Mapping[str, str]] = ContextVar("typed", default=MappingProxyType({}))


def forget_place() -> None:
    """Begin another command: nothing has been typed."""
    _TYPED.set({})


def keep_place(typed: Mapping[str, Any]) -> None:
    """Keep what was typed before the command, by the names of options; what the environment says holds anyway."""
    _TYPED.set({name: str(typed[name]) for name in _KEPT if typed.get(name) is not None})


def keep_index(location: str | None) -> str | None:
    """Keep the --index that was typed after the command, and return it."""
    if location is not None:
        _TYPED.set({**_TYPED.get(), "index": location})
    return location


def placed(text: str) -> str:
    """Return a message whose commands, in backticks, go to the index that was typed; a password in its URL is left out.

    Examples
    --------
    >>> keep_place({"index": "my photos"})
    >>> placed("`hybrid-search embed lite --again --index …` or `hybrid-search embedder list`")
    "`hybrid-search --index 'my photos' embed lite --again` or `hybrid-search embedder list`"
    >>> forget_place()
    >>> placed("`hybrid-search embed lite --again --index …`")
    '`hybrid-search embed lite --again`'
    """
    return _SUGGESTED.sub(_with_place, text)


def _with_place(found: re.Match[str]) -> str:
    words = found[1].replace(f" {PLACE}", "")
    typed = {} if _PLACELESS.match(words) else _TYPED.get()
    if not typed:
        return f"`hybrid-search {words}`"
    from hybrid_search.backends.registry import shown

    options = [each for name, value in typed.items() for each in (f"--{name.replace('_', '-')}", shown(value))]
    return f"`hybrid-search {shlex.join(options)} {words}`"
