"""Every error that the library raises, in one tree.

::

    HybridSearchError
    ├ ImageError(path, reason)      ImageUnreadable · ImageTooLarge(pixels, limit)
    ├ MetadataError(path, reason)   CaptionsUnreadable
    ├ QueryError (also ValueError)  EmptyQuery · UnknownField(field, close_matches) · BadFilter(filter, reason)
    │                               UnsupportedClause(clause, backend) · TextNotSupported(embedder) · BadVector(reason)
    ├ EmbedderError                 UnknownEmbedder(name, known) · EmbedderUnavailable(name, install)
    │                               WeightsMissing(path, reason)
    └ BackendError                  BackendUnavailable(location, reason) · IndexNotFound(location, name)
                                    IndexLocked(location) · IndexCorrupt(location, reason)
                                    FormatTooNew(location, found, known) · DocumentNotFound(id)
                                    EmbedderMismatch(expected, found) · MappingMismatch(field, reason)
                                    StorageFull(location) · BulkError(failures)

Each error carries its data as attributes, says what to do next, and can be pickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = [
    "BackendError",
    "BackendUnavailable",
    "BadFilter",
    "BadVector",
    "BulkError",
    "CaptionsUnreadable",
    "DocumentNotFound",
    "EmbedderError",
    "EmbedderMismatch",
    "EmbedderUnavailable",
    "EmptyQuery",
    "FormatTooNew",
    "HybridSearchError",
    "ImageError",
    "ImageTooLarge",
    "ImageUnreadable",
    "IndexCorrupt",
    "IndexLocked",
    "IndexNotFound",
    "MappingMismatch",
    "MetadataError",
    "QueryError",
    "StorageFull",
    "TextNotSupported",
    "UnknownEmbedder",
    "UnknownField",
    "UnsupportedClause",
    "WeightsMissing",
]


def _rebuild(kind: type[HybridSearchError], data: dict[str, Any]) -> HybridSearchError:
    return kind(**data)


class HybridSearchError(Exception):
    """The parent of every error of this library; `data` holds its facts by name."""

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.data = data

    def __getattr__(self, name: str) -> Any:
        data = self.__dict__.get("data", {})
        if name in data:
            return data[name]
        raise AttributeError(name)

    def __reduce__(self) -> tuple[Any, ...]:
        if type(self).__init__ is HybridSearchError.__init__:
            return (_rebuild, (type(self), {"message": str(self), **self.data}))
        return (_rebuild, (type(self), self.data))


def _did_you_mean(close_matches: Sequence[str]) -> str:
    return f" Did you mean {' or '.join(repr(name) for name in close_matches)}?" if close_matches else ""


class ImageError(HybridSearchError):
    """An image cannot be used."""


class ImageUnreadable(ImageError):
    """The bytes are not an image that can be decoded, or they cannot be had."""

    def __init__(self, path: str, reason: str) -> None:
        reason = " ".join(reason.split())
        super().__init__(f"cannot read image {path}: {reason}", path=path, reason=reason)


class ImageTooLarge(ImageError):
    """The image has more pixels, or bytes, than the limit allows."""

    def __init__(self, path: str, pixels: int, limit: int, unit: str = "pixels") -> None:
        super().__init__(
            f"image {path} has {pixels:,} {unit}, more than the limit of {limit:,}; pass a larger limit to accept it",
            path=path,
            pixels=pixels,
            limit=limit,
            unit=unit,
        )


class MetadataError(HybridSearchError):
    """A file that describes images cannot be used."""


class CaptionsUnreadable(MetadataError):
    """A captions file has a format, a column or a line that cannot be used."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"cannot read captions {path}: {reason}", path=path, reason=reason)


class QueryError(HybridSearchError, ValueError):
    """A query cannot be run as it was asked."""


class EmptyQuery(QueryError):
    """Nothing was asked: text, image, like, vector and filter are all absent."""

    def __init__(self) -> None:
        super().__init__("nothing to search for; pass text, image, like, vector or filter")


class UnknownField(QueryError):
    """A filter, sort or facet names a field that the mapping does not have."""

    def __init__(self, field: str, close_matches: Sequence[str] = ()) -> None:
        super().__init__(
            f"no field {field!r} in the mapping.{_did_you_mean(close_matches)}",
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
            f"embedder {embedder!r} embeds images only; search with text=… uses captions and labels instead",
            embedder=embedder,
        )


class BadVector(QueryError):
    """A vector has the wrong length, or is not finite, or is all zero."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot use vector: {reason}", reason=reason)


class EmbedderError(HybridSearchError):
    """An embedder cannot be used."""


class UnknownEmbedder(EmbedderError):
    """No embedder has this name."""

    def __init__(self, name: str, known: Sequence[str], close_matches: Sequence[str] = ()) -> None:
        super().__init__(
            f"no embedder {name!r}; known: {', '.join(known)}.{_did_you_mean(close_matches)}",
            name=name,
            known=tuple(known),
            close_matches=tuple(close_matches),
        )


class EmbedderUnavailable(EmbedderError):
    """An embedder is known, but a package that it needs is not installed."""

    def __init__(self, name: str, install: str) -> None:
        super().__init__(f"embedder {name!r} needs more packages: {install}", name=name, install=install)


class WeightsMissing(EmbedderError):
    """The weights of an embedder are absent or damaged."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"weights {path}: {reason}", path=path, reason=reason)


class BackendError(HybridSearchError):
    """The place where documents live cannot do what was asked."""


class BackendUnavailable(BackendError):
    """The location cannot be reached or opened."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(f"cannot open {location}: {reason}", location=location, reason=reason)


class IndexNotFound(BackendError):
    """There is no index at the location, and none was to be created."""

    def __init__(self, location: str, name: str = "images") -> None:
        named = "" if name == "images" else f"--name {name} "
        super().__init__(
            f"no index {name!r} at {location}; make one with `hybrid-search {named}index FOLDER --index {location}`",
            location=location,
            name=name,
        )


class IndexLocked(BackendError):
    """Another process or object is writing to the index."""

    def __init__(self, location: str) -> None:
        super().__init__(
            f"{location} is being written by another process or object; "
            "wait until it has finished (searching works meanwhile)",
            location=location,
        )


class IndexCorrupt(BackendError):
    """The files of an index contradict each other."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(f"index {location} is damaged: {reason}", location=location, reason=reason)


class FormatTooNew(BackendError):
    """The index was written by a newer version of this library."""

    def __init__(self, location: str, found: int, known: int) -> None:
        super().__init__(
            f"{location} has format {found}, this version knows up to {known}; "
            "upgrade with `pip install -U hybrid-search`",
            location=location,
            found=found,
            known=known,
        )


class DocumentNotFound(BackendError):
    """No document has this id."""

    def __init__(self, id: str) -> None:
        super().__init__(f"no document {id!r}", id=id)


class EmbedderMismatch(BackendError):
    """The index was made with another embedder than the one it is opened with."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(
            f"the index holds embeddings of {expected}, it was opened with {found}; "
            f"open it with that embedder, or index the pictures again in a new place",
            expected=expected,
            found=found,
        )


class MappingMismatch(BackendError):
    """A document or an index does not agree with the mapping."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"field {field!r}: {reason}", field=field, reason=reason)


class StorageFull(BackendError):
    """The disk is full; everything committed before is safe."""

    def __init__(self, location: str) -> None:
        super().__init__(
            f"no space left while writing {location}; free some and run again, nothing committed is lost",
            location=location,
        )


class BulkError(BackendError):
    """Some documents of a bulk write were refused; the others are written."""

    def __init__(self, failures: Sequence[tuple[str, str]]) -> None:
        first = "; ".join(f"{id}: {reason}" for id, reason in failures[:3])
        super().__init__(f"{len(failures)} documents were refused ({first})", failures=tuple(failures))
