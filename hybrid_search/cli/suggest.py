"""What helps, as commands: each goes to the index that was typed, so that one that is pasted does what it says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from hybrid_search.cli.spelling import spelt
from hybrid_search.errors import HybridSearchError
from hybrid_search.errors.remedies import Call, Remedy

_KEPT = ("config", "username", "cloud_id", "ca_certs", "ca_fingerprint", "timeout", "deadline", "name", "index")
"""What is repeated of all that stands before a command: no secrets, and no layout of a new index."""
_COMMANDS = {
    "HybridIndex": "index FOLDER --index {}",
    "HybridIndex.add_embedder": "embed {}",
    "HybridIndex.add_folder": "index {}",
    "HybridIndex.check": "check",
    "HybridIndex.drop_embedder": "embed {} --drop",
    "HybridIndex.duplicate_groups": "duplicates",
    "HybridIndex.prefer_embedder": "embed --default {}",
    "HybridIndex.prune": "prune",
    "hybrid_search.backends.Backend.abandon": "migrate --abandon",
    "hybrid_search.backends.transfer.migrate": "migrate",
    "hybrid_search.embedders.hub.recommended_models.recommended": "embedder fetch",
    "hybrid_search.embedders.minilm.wheel.fetch": "embedder fetch minilm",
    "hybrid_search.embedders.onnx_export.export_onnx": "embedder export {}",
    "hybrid_search.embedders.registry.known_embedders": "embedder list",
    "hybrid_search.training": "train",
}
"""Which command does what a call of the library does; options of both have the same names."""
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


def command(words: str) -> str:
    """Return a command in backticks that goes to the index that was typed; a password in its URL is left out.

    Examples
    --------
    >>> keep_place({"index": "my photos"})
    >>> command("embed lite --again"), command("embedder list")
    ("`hybrid-search --index 'my photos' embed lite --again`", '`hybrid-search embedder list`')
    >>> forget_place()
    >>> command("embed lite --again")
    '`hybrid-search embed lite --again`'
    """
    typed = {} if _PLACELESS.match(words) else _TYPED.get()
    if not typed:
        return f"`hybrid-search {words}`"
    from hybrid_search.backends.registry import shown

    options = [each for name, value in typed.items() for each in (f"--{name.replace('_', '-')}", shown(value))]
    return f"`hybrid-search {shlex.join(options)} {words}`"


def worded(error: HybridSearchError) -> str:
    """Return an error's text in words of the command line: options for parameters, commands for calls."""
    return spelt(in_words(error.message, error.remedy))


def in_words(problem: str, remedy: Remedy | None) -> str:
    """Return what is wrong, and what helps with commands in place of calls.

    Examples
    --------
    >>> in_words("it is old", Remedy((Call("HybridIndex.add_embedder", ("a b",), {"again": True}), " mends it")))
    "it is old; `hybrid-search embed 'a b' --again` mends it"
    """
    return f"{problem}; {remedy.written(_command_of)}" if remedy else problem


def _command_of(call: Call) -> str:
    arguments = shlex.join(call.arguments) or ("FOLDER" if call.name == "HybridIndex.add_folder" else "")
    words = _COMMANDS[call.name].format(arguments).strip()
    for name, value in call.options.items():
        option = f"--{name.replace('_', '-')}" + ("" if value is True else f" {shlex.quote(str(value))}")
        words = f"{option} {words}" if name in _KEPT else f"{words} {option}"
    return command(words)
