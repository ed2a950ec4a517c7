"""Errors of embedders: what is not known, not installed, not there, or cannot be trained."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid_search.errors.base import HybridSearchError
from hybrid_search.errors.inputs import did_you_mean
from hybrid_search.errors.remedies import Call, Remedy

__all__ = [
    "BadEmbedderOption",
    "EmbedderError",
    "EmbedderUnavailable",
    "LegUnavailable",
    "ModelMissing",
    "TrainingImpossible",
    "UnknownEmbedder",
    "WeightsMissing",
]


class EmbedderError(HybridSearchError):
    """An embedder cannot be used."""


class UnknownEmbedder(EmbedderError):
    """No embedder has this name, or none that can do what it is wanted for, as `problem` says then."""

    def __init__(self, name: str, known: Sequence[str], close_matches: Sequence[str] = (), problem: str = "") -> None:
        super().__init__(
            f"{problem or f'no embedder {name!r}'}; known: {', '.join(known)}.{did_you_mean(close_matches)}",
            name=name,
            known=tuple(known),
            close_matches=tuple(close_matches),
            problem=problem,
        )


class BadEmbedderOption(EmbedderError):
    """An embedder's name has an option that it does not take, or a value that it cannot have."""

    def __init__(self, name: str, option: str, reason: str, remedy: Remedy | str = "") -> None:
        message = f"embedder {name!r}, option {option!r}: {reason}"
        super().__init__(message, remedy=remedy, name=name, option=option, reason=reason)


class EmbedderUnavailable(EmbedderError):
    """An embedder is known, but a package that it needs is not installed."""

    def __init__(self, name: str, install: str) -> None:
        super().__init__(f"embedder {name!r} needs more packages: {install}", name=name, install=install)


class LegUnavailable(EmbedderError):
    """A leg of a search cannot run, because its embedder cannot be loaded here; `cure` is what helps against that."""

    def __init__(self, leg: str, embedder: str, reason: str, cure: Remedy | None = None) -> None:
        first = cure + "; " if cure else Remedy()
        others = "bring back what it lacks, name others by embedder=…, or remove it by "
        super().__init__(
            f"embedder {embedder!r} cannot take part in the search: {reason}",
            remedy=first + others + Call("HybridIndex.drop_embedder", (embedder,)),
            leg=leg,
            embedder=embedder,
            reason=reason,
            cure=cure,
        )


class WeightsMissing(EmbedderError):
    """The weights of an embedder are absent or damaged."""

    def __init__(self, path: str, reason: str, remedy: Remedy | str = "") -> None:
        super().__init__(f"weights {path}: {reason}", remedy=remedy, path=path, reason=reason)


class ModelMissing(EmbedderError):
    """A model's files are not here, and cannot be brought; `remedy` says what brings them.

    `unreachable` tells that the hub could not be asked, which another source of models may make up for.
    """

    def __init__(self, name: str, reason: str, remedy: Remedy | str, *, unreachable: bool = False) -> None:
        message = f"embedder {name!r}: {reason}"
        super().__init__(message, remedy=remedy, name=name, reason=reason, unreachable=unreachable)


class TrainingImpossible(EmbedderError):
    """There is too little, or nothing of the right kind, to train on."""

    def __init__(self, what: str, reason: str, remedy: Remedy | str = "") -> None:
        super().__init__(f"cannot train {what}: {reason}", remedy=remedy, what=what, reason=reason)
