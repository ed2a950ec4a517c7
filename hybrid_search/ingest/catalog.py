"""What an index knows of the files below a folder: the memory that makes a second run cheap."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hybrid_search.backends import Action, Backend, Stored
from hybrid_search.document import FileFacts, file_fields
from hybrid_search.ingest.changes import Change, change_document, files_after

__all__ = ["Catalog", "is_below", "mark_missing"]


_NEARLY_ALL = 0.9
"""People delete albums, hardly ever nine tenths of a collection between two runs; what is left over on an unmounted
folder is a few pictures that were put there by mistake."""
_MANY = 20
"""Of so few, any share may have been deleted by hand; `prune` shows as many before it asks."""


class Catalog:
    """Files by path and by document, as stored and as changed by the run under way.

    URLs are kept by document alone: several may have come from one, one after the other.

    Parameters
    ----------
    files : iterable of (id, FileFacts)
        One entry for each path of each document.
    """

    def __init__(self, files: Iterable[tuple[str, FileFacts]] = ()) -> None:
        self._by_path: dict[str, tuple[str, FileFacts]] = {}
        self._by_id: dict[str, dict[str, FileFacts]] = {}
        self._noted: dict[str, dict[str, FileFacts]] = {}
        self._dropped: dict[str, set[str]] = {}
        for id, facts in files:
            self.put(id, facts, known=True)

    @classmethod
    def read(cls, backend: Backend, root: Path) -> Catalog:
        """Read what the index knows of one file, or of all files below a folder."""
        top = os.fspath(root.absolute())
        query = {"bool": {"should": [{"term": {"folder": top}}, {"term": {"path": top}}], "minimum_should_match": 1}}
        return cls(
            (id, FileFacts.from_json(entry))
            for id, source in backend.scan(query, fields=("files",))
            for entry in source.get("files", ())
        )

    def at(self, path: str) -> tuple[str, FileFacts] | None:
        """Return the document's id and the facts known of a path, None when it is new."""
        return self._by_path.get(path)

    def files(self, id: str) -> list[FileFacts]:
        """Return all known files of a document."""
        return list(self._by_id.get(id, {}).values())

    def __contains__(self, id: object) -> bool:
        return bool(self._by_id.get(str(id)))

    def __iter__(self) -> Iterator[tuple[str, FileFacts]]:
        return iter(list(self._by_path.values()))

    def put(self, id: str, facts: FileFacts, *, known: bool = False) -> None:
        """Note that a document lies at a path, which the index has `known` already or this run has found.

        Another document that lay there loses it.
        """
        if facts.is_file:
            self.drop(facts.path)
            self._by_path[facts.path] = (id, facts)
        self._by_id.setdefault(id, {})[facts.path] = facts
        if not known:
            self._noted.setdefault(id, {})[facts.path] = facts
            self._dropped.get(id, set()).discard(facts.path)

    def drop(self, path: str) -> str | None:
        """Forget a path; returns the id of the document that lay there."""
        known = self._by_path.pop(path, None)
        if known is None:
            return None
        self._by_id[known[0]].pop(path, None)
        self._noted.get(known[0], {}).pop(path, None)
        self._dropped.setdefault(known[0], set()).add(path)
        return known[0]

    def files_now(self, id: str, stored: Stored | None) -> list[FileFacts]:
        """Return where a document's bytes lie: as stored now, perhaps by others, with what this run has changed."""
        ours = self._noted.get(id, {}) if stored else self._by_id.get(id, {})
        return files_after(stored, ours=list(ours.values()), dropped=self._dropped.get(id, ()))

    def noted(self, id: str) -> Change:
        """Return the change that notes where a document's bytes lie; missing files only while none is there.

        A document whose bytes lie nowhere any more goes.
        """

        def change(stored: Stored | None) -> Action | None:
            if stored is None:
                return None
            files = self.files_now(id, stored)
            present = [facts for facts in files if not facts.missing]
            return Action("update", id, file_fields(present or files)) if files else Action("delete", id)

        return change


def is_below(path: str, root: str) -> bool:
    """Tell whether a path is a folder or lies below it."""
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def mark_missing(
    backend: Backend, catalog: Catalog, seen: set[str], *, root: str, unreadable: Sequence[str], accepted: bool = False
) -> tuple[int, int]:
    """Mark documents whose files have vanished from `root`.

    Files elsewhere (perhaps on a drive that is not plugged in), files below a folder that could not be listed, and
    files that exist but were left out this time, stay as they are. Nothing is marked where all or nearly all pictures
    of the root are gone: that is how the empty folder of a drive looks that is not mounted.

    Parameters
    ----------
    accepted : bool
        Mark them also then.

    Returns
    -------
    marked : int
        Files that are newly missing.
    withheld : int
        Files that have vanished and were not marked.
    """
    gone = [
        (id, facts)
        for id, facts in catalog
        if is_below(facts.path, root)
        and facts.path not in seen
        and not facts.missing
        and not any(facts.path.startswith(folder + os.sep) for folder in unreadable)
        and not os.path.lexists(facts.path)
    ]
    if not accepted and _looks_unmounted(catalog, gone, seen, root=root):
        return 0, len(gone)
    for id, facts in gone:
        catalog.put(id, replace(facts, missing=True))
    for id in dict.fromkeys(id for id, _ in gone):
        change_document(backend, id, catalog.noted(id))
    if gone:
        backend.refresh()
    return len(gone), 0


def _looks_unmounted(catalog: Catalog, gone: Sequence[tuple[str, FileFacts]], seen: set[str], *, root: str) -> bool:
    """Tell whether all known pictures below a root have vanished at once, or nearly all of many.

    Pictures that lie elsewhere too were moved; they do not count.
    """
    paths = {facts.path for _, facts in gone}
    lost = {id for id, _ in gone if all(facts.missing or facts.path in paths for facts in catalog.files(id))}
    if not lost:
        return False
    known = {id for id, facts in catalog if is_below(facts.path, root) and not facts.missing}
    return not seen or (len(lost) > _MANY and len(lost) > _NEARLY_ALL * len(known))
