"""Documents that a repair kept without what is computed of the picture: computed again where the picture is there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid_search.backends import Action, Backend, Stored
from hybrid_search.backends.optimistic_update import change_document
from hybrid_search.document.index_embedders import EmbedderSet
from hybrid_search.errors import BulkError, ImageError, MappingMismatch
from hybrid_search.errors.numbers import counted
from hybrid_search.images import Limits
from hybrid_search.ingest.one_picture import add_picture
from hybrid_search.metadata.extra_fields import EXTRA
from hybrid_search.metadata.fields import flatten

if TYPE_CHECKING:
    from hybrid_search.backends.integrity import IntegrityReport
    from hybrid_search.query.index_state import IndexState

_WORDS = ("title", "caption", "tags", "rating")
"""What people wrote: of other fields the file itself knows best."""


def check_index(index: IndexState, *, repair: bool) -> IntegrityReport:
    """Compare the files of an index with their checksums, and with `repair` mend them; see `HybridIndex.check`."""
    index.see_own_writes()
    checked = index.backend.check(repair=repair)
    return (
        refilled(checked, index.backend, index.current_embedders(), limits=index.limits)
        if checked.incomplete
        else checked
    )


def refilled(checked: IntegrityReport, backend: Backend, embedders: EmbedderSet, *, limits: Limits) -> IntegrityReport:
    """Compute again what a repair left `incomplete`, and return the report with what is so still."""
    left = refill(backend, embedders, checked.incomplete, limits=limits)
    again = len(checked.incomplete) - len(left)
    done = (*checked.repaired, f"{counted(again, 'picture')} read again") if again else checked.repaired
    return replace(checked, incomplete=tuple(left), repaired=done)


def refill(backend: Backend, embedders: EmbedderSet, ids: Iterable[str], *, limits: Limits) -> list[str]:
    """Compute signature and vectors of pictures again; returns the ids of those that are not there any more.

    What people wrote or decided stays: words, labels and copies.
    """
    left = []
    for id in ids:
        stored = backend.get(id)
        path = next((path for path in _paths(stored) if _has(path, str(stored.get("sha256")))), None)
        if path is None:
            left.append(id)
            continue
        words = {name: value for name, value in flatten(stored).items() if name in _WORDS or name.startswith(EXTRA)}
        try:
            add_picture(backend, embedders, path, id=id, metadata=words or None, limits=limits)
        except (ImageError, MappingMismatch, BulkError):
            left.append(id)
            continue
        change_document(backend, id, lambda now, stored=stored: _with_rest(now, stored))  # type: ignore[misc]
    backend.refresh()
    return left


def _paths(stored: Mapping[str, Any]) -> list[str]:
    paths = stored.get("path") or []
    return [paths] if isinstance(paths, str) else list(paths)


def _has(path: str, sha256: str) -> bool:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def _with_rest(now: Stored | None, before: Mapping[str, Any]) -> Action | None:
    rest = {name: value for name, value in before.items() if now is None or name not in now.source}
    return Action("update", "", rest) if rest and now is not None else None
