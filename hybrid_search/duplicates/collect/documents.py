"""The documents of an index as far as grouping needs them: read once, without vectors, about 300 bytes each."""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from hybrid_search.backends import Backend
from hybrid_search.document.definition import field_types
from hybrid_search.duplicates.collect.groups import Record
from hybrid_search.errors import MappingMismatch
from hybrid_search.errors.remedies import MIGRATE

_FIELDS = ("sha256", "width", "height", "bytes", "files", "indexed_at", "duplicate")
_NEEDED = ("duplicate.matches", "duplicate.rule", "duplicate.compared_by", "duplicate.reviewed_with")
PRINT_BYTES = 6  # any two of a million fingerprints are equal with a chance of 1 in 560


@dataclass(frozen=True)
class Places:
    """Folders that decide which pictures are compared, and which represent their groups.

    Parameters
    ----------
    reference : tuple of str
        Absolute folders whose pictures always represent their groups; no two of them are compared.
    between : pair of str, or None
        Absolute folders; files of the second are sought among those of the first, and nothing else is compared.

    Examples
    --------
    >>> places = Places(between=("/old", "/new"))
    >>> places.side("/old/a.jpg"), places.side("/new/b/a.jpg"), places.side("/older/a.jpg")
    (1, 2, 0)
    """

    reference: tuple[str, ...] = ()
    between: tuple[str, str] | None = None

    @property
    def anchors(self) -> tuple[str, ...]:
        """Folders whose pictures represent."""
        return self.reference if self.between is None else self.between[:1]

    def side(self, path: str | None) -> int:
        """Return 1 for a file that represents, 2 for one that may join it, 0 for one that is left out."""
        if path is not None and any(_inside(path, folder) for folder in self.anchors):
            return 1
        if self.between is None:
            return 2
        return 2 if path is not None and _inside(path, self.between[1]) else 0


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


@dataclass(frozen=True)
class CompactDocument:
    """What an index keeps of a document's duplicates.

    Parameters
    ----------
    group, size : str or None, int or None
        The group that it was in last, and how many files that had.
    matches : tuple of mapping
        Evidence against older documents, see `links`.
    rule : str or None
        What those matches were found by.
    reviewed, reviewed_with : bool, tuple of str
        Whether a person has dealt with its group, and the sha256 of each file that was in it.
    not_duplicates : frozenset of str
        sha256 of pictures that a person said are no copies.
    """

    group: str | None = None
    size: int | None = None
    matches: tuple[Mapping[str, Any], ...] = ()
    rule: str | None = None
    reviewed: bool = False
    reviewed_with: tuple[str, ...] = ()
    not_duplicates: frozenset[str] = frozenset()

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> CompactDocument:
        """Read the field `duplicate` of a document."""
        return cls(
            group=fields.get("group"),
            size=fields.get("size"),
            matches=tuple(fields.get("evidence") or ()),
            rule=fields.get("rule"),
            reviewed=bool(fields.get("reviewed")),
            reviewed_with=tuple(fields.get("reviewed_with") or ()),
            not_duplicates=frozenset(fields.get("not_duplicates") or ()),
        )


_NOTHING = CompactDocument()


class Documents:
    """All documents that take part, by row: the order in which they were read.

    Parameters
    ----------
    backend : Backend
    query : mapping, optional
        Which documents; all by default.
    places : Places
    """

    def __init__(self, backend: Backend, query: Mapping[str, Any] | None, places: Places) -> None:
        self.ids: list[str] = []
        self.rows: dict[str, int] = {}
        self.shas: list[str] = []
        self.indexed_at = array("d")
        self.stored: dict[int, CompactDocument] = {}
        self.sides = bytearray()
        self._pixels, self._bytes, self._files = array("q"), array("q"), array("l")
        for id, source in backend.scan(query, fields=_FIELDS):
            self._take(id, source, places)

    def __len__(self) -> int:
        return len(self.ids)

    def stored_of(self, row: int) -> CompactDocument:
        """Return what the index keeps of a document's duplicates."""
        return self.stored.get(row, _NOTHING)

    def files(self, row: int) -> int:
        """Return how many files a document stands for; 0 when all are gone."""
        return self._files[row]

    def record(self, row: int) -> Record:
        """Return what decides a document's place in a group."""
        return Record(
            id=self.ids[row],
            sha256=self.shas[row],
            pixels=self._pixels[row],
            bytes=self._bytes[row],
            files=self._files[row],
            apart=self.stored_of(row).not_duplicates,
            anchor=bool(self.sides[row] & 1),
        )

    def newer(self, a: int, b: int) -> tuple[int, int]:
        """Return two rows, the one that was indexed last first."""
        key_a, key_b = ((self.indexed_at[row], self.ids[row]) for row in (a, b))
        return (a, b) if key_a > key_b else (b, a)

    def meet(self, a: int, b: int, places: Places) -> bool:
        """Tell whether two documents are to be compared: not two references, and of two folders one of each."""
        if places.between is not None:
            return bool((self.sides[a] & 1 and self.sides[b] & 2) or (self.sides[b] & 1 and self.sides[a] & 2))
        return not (self.sides[a] & 1 and self.sides[b] & 1)

    def shared(self) -> Iterator[int]:
        """Give the rows of documents that stand for several files, or have the bytes of another document."""
        first: dict[str, int] = {}
        for row, sha256 in enumerate(self.shas):
            other = first.setdefault(sha256, row)
            if other != row:
                yield from (other, row)
            if self._files[row] > 1:
                yield row

    def _take(self, id: str, source: Mapping[str, Any], places: Places) -> None:
        paths = present_files(source)
        sides = [places.side(path) for path in paths]
        if places.between is not None and not any(sides):
            return
        sha256 = str(source.get("sha256") or id)
        row = len(self.ids)
        self.ids.append(id)
        # most ids are their sha256, which then is kept once
        self.shas.append(id if sha256 == id else sha256)
        self.rows[id] = row
        self.indexed_at.append(_seconds(source.get("indexed_at")))
        self.sides.append(sum({side for side in sides}))
        self._pixels.append(int(source.get("width") or 0) * int(source.get("height") or 0))
        self._bytes.append(int(source.get("bytes") or 0))
        self._files.append(0 if _is_gone(source) else sum(side > 0 for side in sides))
        if source.get("duplicate"):
            self.stored[row] = CompactDocument.of(source["duplicate"])


def present_files(source: Mapping[str, Any]) -> list[str | None]:
    """Return the paths of a document's files: those that are there, else the first; [None] when it has none.

    Examples
    --------
    >>> present_files({"files": [{"path": "/b"}, {"path": "/a"}, {"path": "/c", "missing": True}]})
    ['/a', '/b']
    >>> present_files({})
    [None]
    """
    files = source.get("files") or ()
    paths = sorted(str(entry["path"]) for entry in files if not entry.get("missing"))
    if paths:
        return [*paths]
    return [min(str(entry["path"]) for entry in files)] if files else [None]


def _is_gone(source: Mapping[str, Any]) -> bool:
    files = source.get("files") or ()
    return bool(files) and all(entry.get("missing") for entry in files)


def fingerprint(id: str, sha256: str) -> bytes:
    """Return six bytes that stand for a document of these bytes: of a million, two are alike once in five hundred."""
    return hashlib.blake2b(f"{id}\0{sha256}".encode("utf-8", "surrogatepass"), digest_size=PRINT_BYTES).digest()


def check_fields(backend: Backend) -> None:
    """Check that an index can keep what is found out about duplicates.

    Raises
    ------
    MappingMismatch
        When it was made by a version without these fields.
    """
    known = field_types(backend.definition())
    missing = [name for name in _NEEDED if name not in known]
    if missing:
        raise MappingMismatch(
            missing[0], "the index was made before there was this field", MIGRATE + " brings it up to date"
        )


def _seconds(moment: object) -> float:
    """Return a moment as seconds since 1970; a document without one counts as new."""
    try:
        return datetime.fromisoformat(str(moment).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return datetime.now(timezone.utc).timestamp()
