"""Errors of finding duplicates and of dealing with them."""

from __future__ import annotations

from hybrid_search.errors.base import HybridSearchError

__all__ = [
    "ActionRefused",
    "DuplicatesError",
]


class DuplicatesError(HybridSearchError):
    """Duplicates cannot be found, or dealt with, as it was asked."""


class ActionRefused(DuplicatesError):
    """A file is not moved, linked or removed, since that could lose a picture."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} was left alone: {reason}", path=path, reason=reason)
