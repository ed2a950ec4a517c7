"""How far a training is, and when it is better to stop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State")


@dataclass(frozen=True)
class Epoch:
    """One pass over what is learned from: its number, of how many at most, and how it went.

    `loss` is the mean over the epoch; `score` is what validation says, greater is better; `best` is the best so far.
    """

    number: int
    of: int
    loss: float
    score: float
    best: float


class Patience(Generic[State]):
    """Keeps the best state of a training, and says when it has not become better for too long (early stopping).

    Examples
    --------
    >>> watch = Patience("as it began", 0.5, epochs=2)
    >>> [watch.spent(state, score) for state, score in [("a", 0.6), ("b", 0.6), ("c", 0.4)]]
    [False, False, True]
    >>> watch.state, watch.score
    ('a', 0.6)
    """

    def __init__(self, state: State, score: float, *, epochs: int) -> None:
        self.state, self.score = state, score
        self._epochs = epochs
        self._waited = 0

    def spent(self, state: State, score: float) -> bool:
        """Take the state after another epoch, and tell whether to stop; a score that is no number stops at once."""
        if score > self.score:
            self.state, self.score, self._waited = state, score, 0
            return False
        self._waited += 1
        return self._waited >= self._epochs or math.isnan(score)
