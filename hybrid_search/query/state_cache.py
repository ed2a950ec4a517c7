"""What is read off an index once for each of its states."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from hybrid_search.backends import Backend

Made = TypeVar("Made")
_FRESH = 30.0
"""Seconds after which a server, which does not say what has changed at no cost, is asked again."""


class StateCache(Generic[Made]):
    """Something that is read off an index, read anew when its documents have changed.

    Parameters
    ----------
    read : callable
        Reads it, of a backend and a definition.
    """

    def __init__(self, read: Callable[[Backend, Mapping[str, Any]], Made]) -> None:
        self._make = read
        self._known: Made | None = None
        self._stamp: object = None
        self._read = 0.0

    def forget(self) -> None:
        """Have it read anew at the next question."""
        self._known = None

    def current(self, backend: Backend, definition: Mapping[str, Any]) -> Made:
        """Return what was read; of an index that tells its state, in this very state."""
        stamp = backend.stamp()
        old = stamp is None and time.monotonic() - self._read > _FRESH
        if self._known is None or old or stamp != self._stamp:
            self._known = self._make(backend, definition)
            self._stamp, self._read = stamp, time.monotonic()
        return self._known
