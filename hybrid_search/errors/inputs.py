"""Errors of what is given and asked: images, descriptions, queries."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid_search.errors.base import HybridSearchError
from hybrid_search.errors.remedies import FETCH_MINILM, Call, Remedy

__all__ = [
    "BadFilter",
    "BadVector",
    "CaptionsUnreadable",
    "EmptyQuery",
    "ImageError",
    "ImageTooLarge",
    "ImageUnreadable",
    "PackageMissing",
    "QueryError",
    "TextNotSupported",
    "UnknownClass",
    "UnknownField",
    "UnsupportedClause",
]


def did_you_mean(close_matches: Sequence[str]) -> str:
    return f" Did you mean {' or '.join(repr(name) for name in close_matches)}?" if close_matches else ""


class PackageMissing(HybridSearchError):
    """What was called needs a package that is not installed."""

    def __init__(self, name: str, install: str) -> None:
        super().__init__(f"{name} needs a package that is not installed: {install}", name=name, install=install)


class ImageError(HybridSearchError):
    """An image cannot be used."""


class ImageUnreadable(ImageError):
    """The bytes are not an image that can be decoded, or they cannot be had."""

    def __init__(self, path: str, reason: str, remedy: Remedy | str = "") -> None:
        reason = " ".join(reason.split())
        super().__init__(f"cannot read image {path}: {reason}", remedy=remedy, path=path, reason=reason)


class ImageTooLarge(ImageError):
    """The image has more pixels, or bytes, than the limit allows, or needs more memory."""

    def __init__(self, path: str, pixels: int, limit: int, unit: str = "pixels") -> None:
        has = f"{'needs' if 'memory' in unit else 'has'} {pixels:,} {unit}"
        super().__init__(
            f"image {path} {has}, more than the limit of {limit:,}",
            remedy="pass a larger limit to accept it",
            path=path,
            pixels=pixels,
            limit=limit,
            unit=unit,
        )


class CaptionsUnreadable(HybridSearchError):
    """A captions file has a format, a column or a line that cannot be used."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"cannot read captions {path}: {reason}", path=path, reason=reason)


class QueryError(HybridSearchError, ValueError):
    """A query cannot be run as it was asked."""


class EmptyQuery(QueryError):
    """Nothing was asked: what to look for, filter, sort and facets are all absent."""

    def __init__(self) -> None:
        super().__init__(
            "nothing to search for",
            remedy="pass text, image, like, vector, vector_query, classes, colours or filter, or sort to list all",
        )


class UnknownField(QueryError):
    """A filter, sort or facet names a field that the mapping does not have."""

    def __init__(self, field: str, close_matches: Sequence[str] = ()) -> None:
        super().__init__(
            f"no field {field!r} in the mapping.{did_you_mean(close_matches)}",
            field=field,
            close_matches=tuple(close_matches),
        )


class BadFilter(QueryError):
    """A filter cannot be parsed, or asks for something that filters do not do."""

    def __init__(self, filter: str, reason: str) -> None:
        super().__init__(f"cannot use filter {filter!r}: {reason}", filter=filter, reason=reason)


class UnsupportedClause(QueryError):
    """A backend does not interpret this clause of a body."""

    def __init__(self, clause: str, backend: str) -> None:
        super().__init__(f"the {backend} backend does not interpret {clause!r}", clause=clause, backend=backend)


class TextNotSupported(QueryError):
    """A text was to become a vector, and the embedder embeds images only."""

    def __init__(self, embedder: str) -> None:
        super().__init__(
            f"embedder {embedder!r} embeds images only",
            remedy="search with text=… uses captions and labels instead; sums of words and labels of your own need an "
            "embedder of words too: name one by embedder=…, or add one by "
            + (Call("HybridIndex.add_embedder", ("lite+minilm",)) + " after " + FETCH_MINILM),
            embedder=embedder,
        )


class BadVector(QueryError):
    """A vector has the wrong length, or is not finite, or is all zero."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot use vector: {reason}", reason=reason)


class UnknownClass(QueryError):
    """A class has a name that the embedder's classifier does not know."""

    def __init__(self, name: str, close_matches: Sequence[str] = ()) -> None:
        super().__init__(
            f"the embedder knows no class {name!r}.{did_you_mean(close_matches)}",
            name=name,
            close_matches=tuple(close_matches),
        )
