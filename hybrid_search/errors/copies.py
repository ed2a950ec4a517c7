"""Errors of finding duplicates and of dealing with them."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid_search.errors.base import HybridSearchError
from hybrid_search.errors.inputs import QueryError

__all__ = [
    "ActionRefused",
    "BadKeepRule",
    "ChoicesUnreadable",
    "DuplicatesError",
    "JournalUnreadable",
    "TierUnavailable",
]


class DuplicatesError(HybridSearchError):
    """Duplicates cannot be found, or dealt with, as it was asked."""


class TierUnavailable(DuplicatesError):
    """A tier needs a package that is not installed."""

    def __init__(self, tier: str, install: str) -> None:
        super().__init__(
            f"the tier {tier!r} needs a package that is not installed: {install}", tier=tier, install=install
        )


class BadKeepRule(QueryError):
    """A keep rule that there is not, or that lacks its value."""

    def __init__(self, rule: str, known: Sequence[str]) -> None:
        super().__init__(f"no keep rule {rule!r}; known: {', '.join(known)}", rule=rule, known=tuple(known))


class ActionRefused(DuplicatesError):
    """A file is not moved, linked or removed, since that could lose a picture."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} was left alone: {reason}", path=path, reason=reason)


class JournalUnreadable(DuplicatesError):
    """A journal of actions cannot be read, so that nothing can be undone by it."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"cannot undo by the journal {path}: {reason}; nothing was changed", path=path, reason=reason)


class ChoicesUnreadable(DuplicatesError):
    """A file of choices is none that a page of duplicates wrote, or what it asks would leave no copy."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"cannot apply the choices of {path}: {reason}; nothing was changed, export them from the page again",
            path=path,
            reason=reason,
        )
