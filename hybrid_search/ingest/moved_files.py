"""Files whose bytes the index has already: what that changes is written once for a document, not for each file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from hybrid_search.backends import Action, Outcome, Stored
from hybrid_search.backends.optimistic_update import Change
from hybrid_search.document.document import file_fields, is_below
from hybrid_search.ingest.batches import ReadFile
from hybrid_search.ingest.caption_embedding import CaptionEmbedding
from hybrid_search.ingest.catalog import Catalog
from hybrid_search.ingest.text_updates import also_described, redescribed

_SHARE = 0.5  # of its files, that a document waits for: see `write`


class ChangesDocuments(Protocol):
    """What reads, changes and writes one document."""

    def __call__(self, id: str, change: Change, *, vectors: bool = False) -> Outcome:
        """Change the document with this id."""
        ...


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file: whether it is a further copy, and why its document could not be written."""

    path: str
    is_copy: bool
    error: str | None


class MovedFiles:
    """Files that wait until their documents are written, and documents that have lost a path to other bytes.

    Parameters
    ----------
    change : callable
        Writes a document, as `change_document` does.
    catalog : Catalog
    wording : CaptionEmbedding
    root : str
        The folder under way: of files elsewhere it is only known whether they are there.
    """

    def __init__(self, change: ChangesDocuments, catalog: Catalog, wording: CaptionEmbedding, *, root: str) -> None:
        self._change = change
        self._catalog = catalog
        self._wording = wording
        self._root = root
        self._waiting: dict[str, list[ReadFile]] = {}
        self._fresh: set[str] = set()
        self._robbed: dict[str, None] = {}
        self._count = 0

    def __len__(self) -> int:
        """Return how many files were added since documents were written last."""
        return self._count

    def add(self, read: ReadFile) -> None:
        """Note another path, a newer time or another description of bytes that the index has already."""
        if self._catalog.at(read.facts.path) is None:
            self._fresh.add(read.facts.path)
        self.take_path(read)
        self._catalog.put(read.id, read.facts)
        # the bytes are known, so that a picture that was decoded all the same need not wait in memory
        self._waiting.setdefault(read.id, []).append(replace(read, picture=None, pixels=None))
        self._count += 1

    def take_path(self, read: ReadFile) -> bool:
        """Take a path away from the document that lay there with other bytes."""
        known = self._catalog.at(read.facts.path)
        if known is None or known[0] == read.id:
            return False
        self._catalog.drop(read.facts.path)
        self._robbed[known[0]] = None
        return True

    def write_robbed(self, *, last: bool = False) -> None:
        """Write documents that have lost a path and have others.

        Those without any go with the `last`, unless their own bytes turned up elsewhere: files renamed in a row take
        each other's paths one by one.
        """
        for id in [id for id in self._robbed if last or id in self._catalog]:
            del self._robbed[id]
            if id not in self._waiting:
                self._change(id, self._catalog.noted(id))

    def write(self, *, last: bool = False) -> Iterator[FileOutcome]:
        """Write the documents of files that wait, and tell what became of each file.

        Unless it is the `last` time, a document with many files waits for a share of them: the whole list of files is
        written, which then costs each file a constant.
        """
        self._count = 0
        for id, reads in list(self._waiting.items()):
            if not last and len(reads) < _SHARE * len(self._catalog.files(id)):
                continue
            del self._waiting[id]
            self._robbed.pop(id, None)
            paths = [read.facts.path for read in reads]
            copies = self._copies(id, [path for path in paths if path in self._fresh])
            self._fresh.difference_update(paths)
            outcome = self._change(id, self._moved(id, reads), vectors=any(read.redescribe for read in reads))
            for path in paths:
                yield FileOutcome(path, path in copies, outcome.error)

    def _copies(self, id: str, fresh: Sequence[str]) -> set[str]:
        """Return which new paths of a document are further copies: not those that a file was moved to.

        Paths of the folder under way that nothing lies at any more are forgotten, others noted as gone.
        """
        before = [facts for facts in self._catalog.files(id) if facts.path not in fresh]
        here = [facts.path for facts in before if is_below(facts.path, self._root)]
        left = [path for path in here if not os.path.lexists(path)]
        for path in left:
            self._catalog.drop(path)
        gone = {*left, *self._catalog.find_gone(id, outside=self._root)}
        stay = [facts for facts in before if facts.is_file and not facts.missing and facts.path not in gone]
        return set(fresh[len(gone) if stay else max(1, len(gone)) :])

    def _moved(self, id: str, reads: Sequence[ReadFile]) -> Change:
        """Return the change that notes where a picture lies now, and what describes it now."""

        def change(stored: Stored | None) -> Action:
            files = file_fields(self._catalog.files_now(id, stored))
            source: Mapping[str, Any] = stored.source if stored else {}
            added: Mapping[str, Any] = {}
            op: Literal["update", "index"] = "update"
            # of several copies one description takes the place of the stored one, and the others join it
            for read in sorted(reads, key=lambda read: not read.redescribe):
                if read.redescribe and op == "update":
                    source, op = redescribed(source, read.metadata, self._wording), "index"
                else:
                    described = also_described(source, read.metadata, self._wording)
                    source, added = _joined(source, described), _joined(added, described)
            return Action(op, id, {**(added if op == "update" else _without_empty(source)), **files})

        return change


def _joined(before: Mapping[str, Any], described: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with others in their place; vectors that the others do not name stay."""
    vectors = {**(before.get("embedding") or {}), **(described.get("embedding") or {})}
    return {**before, **described, **({"embedding": vectors} if vectors else {})}


def _without_empty(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a whole document without the vectors that an update would take away."""
    vectors = {key: vector for key, vector in (source.get("embedding") or {}).items() if vector is not None}
    return {**source, **({"embedding": vectors} if "embedding" in source else {})}
