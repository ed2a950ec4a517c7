"""Answers of a moment ago, which save a question before every search."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Recent"]


class Recent:
    """Keeps answers for some seconds, as a server lets others see what was written.

    Parameters
    ----------
    seconds : float
        How old an answer may be.

    Examples
    --------
    >>> recent = Recent(seconds=60)
    >>> recent.answer({"match_all": {}}, lambda: False), recent.answer({"match_all": {}}, lambda: True)
    (False, False)
    >>> recent.forget()
    >>> recent.answer({"match_all": {}}, lambda: True)
    True
    """

    def __init__(self, *, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._answers: dict[str, tuple[float, bool]] = {}

    def answer(self, query: Mapping[str, Any], ask: Callable[[], bool]) -> bool:
        """Return what was answered to a query, asked again when that was too long ago."""
        asked, said = self._answers.get(str(query), (float("-inf"), False))
        if time.monotonic() - asked > self._seconds:
            asked, said = time.monotonic(), ask()
            self._answers[str(query)] = asked, said
        return said

    def forget(self) -> None:
        """Ask anew: something was written."""
        self._answers.clear()
