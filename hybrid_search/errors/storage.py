"""Errors of the places where documents live."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid_search.errors.base import HybridSearchError
from hybrid_search.errors.numbers import counted
from hybrid_search.errors.remedies import Call, Remedy

__all__ = [
    "BackendError",
    "BackendUnavailable",
    "BulkError",
    "DocumentNotFound",
    "EmbedderMismatch",
    "FormatTooNew",
    "IndexCorrupt",
    "IndexLocked",
    "IndexNotFound",
    "MappingMismatch",
    "MostAreMissing",
    "StorageFull",
]


_CHECK, _REPAIR = Call("HybridIndex.check"), Call("HybridIndex.check", options={"repair": True})
_MEND = _CHECK + " says what is affected, " + _REPAIR + " saves what is there; no picture file is touched"


class BackendError(HybridSearchError):
    """The place where documents live cannot do what was asked."""


class BackendUnavailable(BackendError):
    """The location cannot be reached, opened or used: nobody answers, a stranger, an untrusted or a closed index."""

    def __init__(self, location: str, reason: str, remedy: Remedy | str = "") -> None:
        super().__init__(f"cannot open {location}: {reason}", remedy=remedy, location=location, reason=reason)


class IndexNotFound(BackendError):
    """There is no index at the location, and none was to be created."""

    def __init__(self, location: str, name: str = "images") -> None:
        making = Call("HybridIndex", (location,), {} if name == "images" else {"name": name})
        super().__init__(
            f"no index {name!r} at {location}",
            remedy="make one with " + making,
            location=location,
            name=name,
        )


class IndexLocked(BackendError):
    """The index takes no writes now: another process or object is writing to it, or its server blocks them.

    What was written before is safe, and searching works meanwhile.
    """

    def __init__(
        self,
        location: str,
        reason: str = "is being written by another process or object",
        remedy: Remedy | str = "wait until it has finished (searching works meanwhile)",
    ) -> None:
        super().__init__(f"{location} {reason}", remedy=remedy, location=location, reason=reason)


class IndexCorrupt(BackendError):
    """Files or aliases of an index are lost, damaged or contradictory; `remedy` says what can be done."""

    def __init__(self, location: str, reason: str, remedy: Remedy | str = _MEND) -> None:
        super().__init__(f"index {location} is damaged: {reason}", remedy=remedy, location=location, reason=reason)


class FormatTooNew(BackendError):
    """The index was written by a newer version of this library."""

    def __init__(self, location: str, found: int, known: int) -> None:
        super().__init__(
            f"{location} has format {found}, this version knows up to {known}",
            remedy="upgrade with `pip install -U hybrid-search`",
            location=location,
            found=found,
            known=known,
        )


class DocumentNotFound(BackendError):
    """No document has this id."""

    def __init__(self, id: str) -> None:
        super().__init__(f"no document {id!r}", id=id)


class EmbedderMismatch(BackendError):
    """The index was made with other embedders, or versions, than are asked for; `remedy` says what can be done."""

    def __init__(
        self,
        expected: str,
        found: str,
        remedy: Remedy | str = "open it with that embedder, or index the pictures again in a new place",
        relation: str = "it was opened with",
    ) -> None:
        super().__init__(
            f"the index holds embeddings of {expected}, {relation} {found}",
            remedy=remedy,
            expected=expected,
            found=found,
            relation=relation,
        )


class MappingMismatch(BackendError):
    """A document or an index does not agree with the mapping."""

    def __init__(self, field: str, reason: str, remedy: Remedy | str = "") -> None:
        super().__init__(f"field {field!r}: {reason}", remedy=remedy, field=field, reason=reason)


class MostAreMissing(BackendError):
    """More than half of an index would be removed as missing: a drive that is not mounted looks so."""

    def __init__(self, location: str, missing: int, documents: int) -> None:
        listing, removing = (Call("HybridIndex.prune", options={how: True}) for how in ("dry_run", "accept_missing"))
        found = " lists them, " + Call("HybridIndex.add_folder") + " finds those that are back, "
        super().__init__(
            f"{missing:,} of {documents:,} pictures in {location} are missing, more than half; nothing was removed",
            remedy="is a drive not mounted? " + (listing + found) + removing + " removes them",
            location=location,
            missing=missing,
            documents=documents,
        )


class StorageFull(BackendError):
    """The disk is full; everything committed before is safe."""

    def __init__(self, location: str) -> None:
        super().__init__(
            f"no space left while writing {location}",
            remedy="free some and run again, nothing committed is lost",
            location=location,
        )


class BulkError(BackendError):
    """Some documents of a bulk write were refused; the others are written."""

    def __init__(self, failures: Sequence[tuple[str, str]]) -> None:
        first = "; ".join(f"{id}: {reason}" for id, reason in failures[:3])
        number, was = counted(len(failures), "document"), "was" if len(failures) == 1 else "were"
        super().__init__(f"{number} {was} refused ({first})", failures=tuple(failures))
