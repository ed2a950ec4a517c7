"""What hangs together by any chain of links."""

from __future__ import annotations


class DisjointSets:
    """Disjoint sets of numbers 0 … n − 1 (R. E. Tarjan, "Efficiency of a good but not linear set union algorithm").

    Examples
    --------
    >>> chains = DisjointSets(4)
    >>> chains.join(0, 1)
    >>> chains.join(3, 1)
    >>> [chains.of(number) for number in range(4)]
    [0, 0, 2, 0]
    """

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def of(self, number: int) -> int:
        """Return the smallest number of the set that a number is in."""
        top = number
        while self._above[top] != top:
            top = self._above[top]
        while self._above[number] != top:
            self._above[number], number = top, self._above[number]
        return top

    def join(self, a: int, b: int) -> None:
        """Make one set of two."""
        low, high = sorted((self.of(a), self.of(b)))
        self._above[high] = low
