"""Files that are equal in two folders, of which nothing says which to keep: told once for all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from hybrid_search.cli.output import terminal
from hybrid_search.errors.numbers import counted

if TYPE_CHECKING:
    from hybrid_search.duplicates.act.planned_files import Decision

_SHOWN = 3


@dataclass
class Undecided:
    """Counts files that were left alone since they lie in two folders alike."""

    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, decision: Decision) -> None:
        """Count those of one group."""
        from hybrid_search.duplicates.act.plan import SAME_ELSEWHERE

        for file in decision.left:
            if file.why == SAME_ELSEWHERE and file.path and decision.kept and decision.kept.path:
                self.pairs[_heads(decision.kept.path, file.path)] += 1

    def note(self) -> None:
        """Say on stderr in which folders they are, and what decides."""
        for (first, second), count in self.pairs.most_common(_SHOWN):
            same = f"{counted(count, 'file')} {'is' if count == 1 else 'are'} the same in {first} and in {second}"
            terminal.note(f"{same}; left alone: name --reference {first!r} or --reference {second!r} to keep those")
        if more := sum(self.pairs.values()) - sum(count for _, count in self.pairs.most_common(_SHOWN)):
            terminal.note(f"{counted(more, 'file')} more that {'is' if more == 1 else 'are'} the same in two folders")


def _heads(one: str, other: str) -> tuple[str, str]:
    """Return two folders that mirror each other as far as the paths of two files show it, in order.

    Examples
    --------
    >>> _heads("/new/2014/rome/a.jpg", "/old/2014/rome/a.jpg")
    ('/new', '/old')
    """
    heads = PurePath(one).parent, PurePath(other).parent
    while heads[0].name == heads[1].name and heads[0].parent != heads[1].parent and heads[0].name:
        heads = heads[0].parent, heads[1].parent
    first, second = sorted(map(str, heads))
    return first, second
