"""Files that have vanished for good: documents and old paths that the index lets go."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

from hybrid_search.backends import Action, Backend, Stored
from hybrid_search.backends.optimistic_update import Change, change_document, files_after
from hybrid_search.document.document import Document, file_fields
from hybrid_search.errors import MostAreMissing

_MISSING = {"term": {"missing": True}}
_MANY = 20
"""Fewer vanished pictures are no sign of a drive that is away; `prune` shows all of them before it asks."""


class Vanished(list[Document]):
    """Documents whose files have all vanished, and old paths of documents that lie elsewhere now.

    Examples
    --------
    >>> vanished = Vanished([Document("a1", {"path": ["/photos/cat.jpg"]})], paths={"b2": ("/old/dog.jpg",)})
    >>> [document.id for document in vanished], vanished.paths
    (['a1'], {'b2': ('/old/dog.jpg',)})
    """

    def __init__(self, documents: Collection[Document] = (), *, paths: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(documents)
        self.paths = dict(paths)
        """Old paths by the id of their document."""


def find_vanished(backend: Backend) -> Vanished:
    """Return what had vanished when its folder was last indexed, and still has."""
    moved = {"bool": {"filter": [{"exists": {"field": "missing_path"}}], "must_not": [_MISSING]}}
    paths = {}
    for id, source in backend.scan(moved, fields=("missing_path",)):
        if gone := tuple(path for path in source["missing_path"] if not os.path.lexists(path)):
            paths[id] = gone
    return Vanished(list(vanished_documents(backend)), paths=paths)


def vanished_documents(backend: Backend) -> Iterator[Document]:
    """Give the documents whose files have all vanished, but for those of which one has come back."""
    for id, source in backend.scan(_MISSING, fields=("path", "caption")):
        if not any(os.path.lexists(str(path)) for path in source.get("path") or ()):
            yield Document(id, source)


def prune(backend: Backend, *, dry_run: bool, accept_missing: bool) -> Vanished:
    """Remove the documents of files that have vanished, and return them; see `HybridIndex.prune`."""
    gone = find_vanished(backend)
    if dry_run:
        return gone
    documents = backend.count()
    if not accept_missing and len(gone) > _MANY and len(gone) * 2 > documents:
        raise MostAreMissing(backend.location, missing=len(gone), documents=documents)
    let_go(backend, gone)
    return gone


def let_go(backend: Backend, vanished: Vanished) -> None:
    """Remove documents, and take old paths from those that lie elsewhere."""
    backend.bulk([Action("delete", document.id) for document in vanished])
    for id, paths in vanished.paths.items():
        change_document(backend, id, _without(paths))
    backend.refresh()


def folders_left(paths: Mapping[str, str]) -> dict[str, int]:
    """Return the highest folders that are gone with some paths, or that have lost them, with how many documents.

    Parameters
    ----------
    paths : mapping of str to str
        Paths at which nothing lies any more, each with the id of its document.
    """
    pairs = {(_highest_gone(os.path.dirname(path)), id) for path, id in paths.items()}
    return dict(Counter(folder for folder, _ in pairs).most_common())


@lru_cache(maxsize=256)
def _highest_gone(folder: str) -> str:
    """Return the highest folder above that is gone; the folder itself while it is there."""
    above = os.path.dirname(folder)
    return folder if os.path.lexists(folder) or os.path.lexists(above) or above == folder else _highest_gone(above)


def _without(paths: Collection[str]) -> Change:
    """Return the change that takes paths from a document, as long as it has others and nobody has found them again."""

    def change(stored: Stored | None) -> Action | None:
        known = files_after(stored, ours=(), dropped=())
        left = [facts for facts in known if not (facts.missing and facts.path in paths)]
        return Action("update", "", file_fields(left)) if left else None

    return change
