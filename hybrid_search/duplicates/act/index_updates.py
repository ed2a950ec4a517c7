"""An index that is told what became of files: documents lose a path, or have it back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hybrid_search.backends import Action, Backend, Stored
from hybrid_search.backends.optimistic_update import Change, change_document, files_after, without_path
from hybrid_search.document.document import FileFacts, file_fields
from hybrid_search.duplicates.act.planned_files import PlannedFile
from hybrid_search.errors import HybridSearchError


class IndexUpdates:
    """Writes into an index, if there is one, where files lie now; a failure is told and never stops the run.

    Parameters
    ----------
    backend : Backend or None
        The index.
    """

    def __init__(self, backend: Backend | None) -> None:
        self.backend = backend

    def after(self, action: str, file: PlannedFile) -> str:
        """Note that a file is gone or a link now; returns what a person should know."""
        if self.backend is None or file.path is None or file.facts is None:
            return ""
        if action in ("hardlink", "symlink"):
            return self._change(file.id, _touched(file.facts))
        if action == "delete" and file.id == file.sha256:
            return self._change(file.id, without_path(file.path))
        return self._change(file.id, _gone(file.facts))

    def back(self, record: Mapping[str, Any]) -> str:
        """Note that a file is in its place again; returns what a person should know."""
        if self.backend is None or not record["facts"]:
            return ""
        return self._change(str(record["id"]), _back(FileFacts.from_json(record["facts"])))

    def _change(self, id: str, change: Change) -> str:
        if self.backend is None:
            return ""
        try:
            outcome = change_document(self.backend, id, change)
        except (HybridSearchError, OSError) as error:
            return f"the index was not told ({error}); index the folder again"
        return f"the index was not told ({outcome.error}); index the folder again" if outcome.error else ""


def _gone(facts: FileFacts) -> Change:
    """Return the change that takes a path from a document; its last is marked as missing, as it can come back."""

    def change(stored: Stored | None) -> Action | None:
        if stored is None:
            return None
        others = files_after(stored, ours=(), dropped=(facts.path,))
        if any(not other.missing for other in others):
            return Action("update", "", file_fields(others))
        return Action("update", "", file_fields([*others, replace(facts, missing=True)]))

    return change


def _touched(facts: FileFacts) -> Change:
    """Return the change that notes size and time of the link that took a file's place."""

    def change(stored: Stored | None) -> Action | None:
        if stored is None:
            return None
        status = os.stat(facts.path)
        now = replace(facts, bytes=status.st_size, mtime_ns=status.st_mtime_ns)
        return Action("update", "", file_fields(files_after(stored, ours=(now,), dropped=())))

    return change


def _back(facts: FileFacts) -> Change:
    def change(stored: Stored | None) -> Action | None:
        if stored is None:
            return None
        return Action("update", "", file_fields(files_after(stored, ours=(replace(facts, missing=False),), dropped=())))

    return change
