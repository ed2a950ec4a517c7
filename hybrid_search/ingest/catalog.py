"""What an index knows of the files below a folder: the memory that makes a second run cheap."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hybrid_search.backends import Action, Backend, Stored
from hybrid_search.backends.optimistic_update import Change, change_document, files_after
from hybrid_search.document.document import FileFacts, file_fields, is_below

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
        self.gone: dict[str, str] = {}
        """Paths outside the folder under way that are not there any more, of documents that were found elsewhere."""
        for id, facts in files:
            self.put(id, facts, known=True)

    @classmethod
    def read(cls, backend: Backend, root: Path) -> Catalog:
        """Read what the index knows of one file, or of all files below a folder."""
        return cls(
            (id, FileFacts.from_json(entry))
            for id, source in backend.scan(lies_below(os.fspath(root.absolute())), fields=("files",))
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

    def seen(self, paths: Collection[str]) -> list[str]:
        """Return the documents that lie at one of these paths."""
        return list(dict.fromkeys(id for path, (id, _) in self._by_path.items() if path in paths))

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
        held = {entry["path"] for entry in stored.source.get("files") or ()} if stored else ours.keys()
        # what is gone elsewhere is only marked: another writer may have let it go meanwhile
        kept = [facts for path, facts in ours.items() if path not in self.gone or path in held]
        return files_after(stored, ours=kept, dropped=self._dropped.get(id, ()))

    def find_gone(self, id: str, *, outside: str) -> list[str]:
        """Note which files of a document outside a folder are not there any more, and return their paths.

        They are kept, as their drive may be unplugged.
        """
        gone = [
            facts
            for facts in self.files(id)
            if facts.is_file
            and not facts.missing
            and not is_below(facts.path, outside)
            and not os.path.lexists(facts.path)
        ]
        for facts in gone:
            self.put(id, replace(facts, missing=True))
            self.gone[facts.path] = id
        return [facts.path for facts in gone]

    def noted(self, id: str) -> Change:
        """Return the change that notes where a document's bytes lie; a document whose bytes lie nowhere goes."""

        def change(stored: Stored | None) -> Action | None:
            if stored is None:
                return None
            files = self.files_now(id, stored)
            return Action("update", id, file_fields(files)) if files else Action("delete", id)

        return change


def lies_below(root: str) -> dict[str, Any]:
    """Return the query for documents that lie, or lay, at a path or below it."""
    return {"bool": {"should": [{"term": {"folder": root}}, {"term": {"path": root}}], "minimum_should_match": 1}}


def mark_missing(
    backend: Backend, catalog: Catalog, seen: set[str], *, root: str, unreadable: Sequence[str], accepted: bool = False
) -> int:
    """Mark documents whose files have vanished from `root`; of those that lie elsewhere too, forget the path.

    Files below a folder that could not be listed, and files that exist but were left out this time, stay as they are.
    Files elsewhere (perhaps on a drive that is not plugged in) are noted as gone only where the document was seen.
    Nothing is marked where all or nearly all pictures of the root are gone: that is how the empty folder of a drive
    looks that is not mounted.

    Parameters
    ----------
    accepted : bool
        Mark them also then.

    Returns
    -------
    withheld : int
        Documents whose files have vanished and that were not marked.
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
    lost = _lost(catalog, gone)
    changed = {id: None for id in catalog.seen(seen) if catalog.find_gone(id, outside=root)}
    withheld = 0 if accepted or not _looks_unmounted(catalog, lost, seen, root=root) else len(lost)
    if not withheld:
        for id, facts in gone:
            if id in lost:
                catalog.put(id, replace(facts, missing=True))
            else:
                catalog.drop(facts.path)
            changed[id] = None
    for id in changed:
        change_document(backend, id, catalog.noted(id))
    if changed:
        backend.refresh()
    return withheld


def _lost(catalog: Catalog, gone: Sequence[tuple[str, FileFacts]]) -> set[str]:
    """Return the documents that have no file left but those that are gone: others were moved."""
    paths = {facts.path for _, facts in gone}
    ids = {id for id, _ in gone}
    return {id for id in ids if all(facts.missing or facts.path in paths for facts in catalog.files(id))}


def _looks_unmounted(catalog: Catalog, lost: set[str], seen: set[str], *, root: str) -> bool:
    """Tell whether all known pictures below a root have vanished at once, or nearly all of many."""
    if not lost:
        return False
    known = {id for id, facts in catalog if is_below(facts.path, root) and not facts.missing}
    return not seen or (len(lost) > _MANY and len(lost) > _NEARLY_ALL * len(known))
