"""A document read, changed and written back: anew when another writer was faster, so that nobody's change is lost."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from hybrid_search.backends import Action, Backend, Outcome, Stored
from hybrid_search.document.document import FileFacts, file_fields
from hybrid_search.errors import DocumentChanged, DocumentNotFound

Change = Callable[[Stored | None], Action | None]
"""From a document as it is now, None when there is none, to what is to be written; None when nothing is."""

_CHANGED = 409  # the status of a version conflict
_TRIES = 20  # chosen, not measured: each fails only if another writer got in between


def change_document(backend: Backend, id: str, change: Change, *, vectors: bool = False) -> Outcome:
    """Read a document, change it and write it, again and again until nobody else has written it meanwhile.

    Parameters
    ----------
    backend : Backend
    id : str
    change : callable
        Given the document as it is now; its action is bound to that version, or to there being none.
    vectors : bool
        Whether the change needs the document's vectors.

    Raises
    ------
    DocumentChanged
        When others go on writing it.
    """
    for _ in range(_TRIES):
        try:
            stored: Stored | None = backend.read(id, vectors=vectors)
        except DocumentNotFound:
            stored = None
        action = change(stored)
        if action is None:
            return Outcome(id, 200)
        (outcome,) = backend.bulk([_bound(action, id, stored)])
        if outcome.status != _CHANGED:
            return outcome
    raise DocumentChanged(id)


def in_turn(changes: Sequence[Change]) -> Change:
    """Return the change that several make, each of what the one before has made a whole document."""

    def change(stored: Stored | None) -> Action | None:
        action = None
        for each in changes:
            action = each(stored) or action
            stored = Stored(dict(action.source), stored.version if stored else None) if action else stored
        return action

    return change


def files_after(stored: Stored | None, *, ours: Sequence[FileFacts], dropped: Collection[str]) -> list[FileFacts]:
    """Return where a document's bytes lie: as we know it, and at paths that others have noted meanwhile.

    Parameters
    ----------
    stored : Stored or None
        The document as it is now.
    ours : sequence of FileFacts
        What this run knows of it.
    dropped : collection of str
        Paths that this run has taken from it.
    """
    mine = {facts.path for facts in ours}
    known = [FileFacts.from_json(entry) for entry in (stored.source.get("files") or () if stored else ())]
    theirs = [facts for facts in known if facts.path not in mine and facts.path not in dropped]
    return [*theirs, *ours]


def without_path(path: str) -> Change:
    """Return the change that takes a path from a document; one that has no other goes."""

    def change(stored: Stored | None) -> Action | None:
        if stored is None:
            return None
        left = files_after(stored, ours=(), dropped=(path,))
        return Action("update", "", file_fields(left)) if left else Action("delete", "")

    return change


def _bound(action: Action, id: str, stored: Stored | None) -> Action:
    op = "create" if stored is None and action.op == "index" else action.op
    return replace(action, op=op, id=id, version=stored.version if stored else None)
