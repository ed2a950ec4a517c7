"""Errors of evaluating a search: metrics that are not installed, and rankings that cannot be judged."""

from __future__ import annotations

from hybrid_search.errors.base import HybridSearchError

__all__ = ["BadRun", "EvaluationError", "MetricsUnavailable"]


class EvaluationError(HybridSearchError):
    """A search cannot be evaluated."""


class MetricsUnavailable(EvaluationError):
    """The package that computes ranking figures is not installed."""

    def __init__(self, install: str) -> None:
        super().__init__(f"ranking figures need a package that is not installed: {install}", install=install)


class BadRun(EvaluationError):
    """A ranking that cannot be judged: an id twice, a question without anything relevant."""

    def __init__(self, question: str, reason: str) -> None:
        super().__init__(f"question {question!r}: {reason}", question=question, reason=reason)
