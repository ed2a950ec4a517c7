"""What people and cameras said of copies, noted with the file that is kept before the copies go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hybrid_search.backends import Action, Backend, Stored
from hybrid_search.backends.optimistic_update import change_document
from hybrid_search.document.definition import embeddings
from hybrid_search.document.document import metadata_fields
from hybrid_search.duplicates.act.planned_files import Decision
from hybrid_search.errors import BulkError, DocumentNotFound
from hybrid_search.ingest.caption_embedding import WORDS, outdated
from hybrid_search.metadata import FIELDS, FieldValue, Metadata, read_sidecars
from hybrid_search.metadata.extra_fields import EXTRA
from hybrid_search.metadata.fields import MAX_TAGS, flatten
from hybrid_search.metadata.model import UNITED, unique
from hybrid_search.metadata.taken_at import MOMENT_FIELDS

_TOGETHER: tuple[frozenset[str], ...] = (
    MOMENT_FIELDS,
    frozenset({"location", "altitude", "direction", *(name for name in FIELDS if name.startswith("place."))}),
    frozenset(
        {
            *("camera.make", "camera.model", "camera.serial", "lens", "exposure_time", "f_number", "iso"),
            *("focal_length", "focal_length_35mm", "exposure_bias", "exposure_program", "flash", "metering"),
            "white_balance",
        }
    ),
)
"""Fields that speak of one moment, one place, one shot: half of one and half of another would be neither."""
_OF_THE_FILE = frozenset({"software", "faces"})
"""Fields that another file does not take over: it may be cropped, so that its faces have other boxes."""


@dataclass(frozen=True)
class MergeResult:
    """What became of the descriptions of removed copies.

    Parameters
    ----------
    id : str
        The kept document.
    added : mapping of str to value
        Fields that it got; of tags, all that it has now.
    dropped : mapping of str to tuple
        Values that it did not get, since it has another one of its own.
    """

    id: str
    added: Mapping[str, FieldValue]
    dropped: Mapping[str, tuple[FieldValue, ...]]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        dropped = {name: list(values) for name, values in self.dropped.items()}
        return {"id": self.id, "added": dict(self.added), "dropped": dropped}


def merge_metadata(backend: Backend, decision: Decision) -> MergeResult:
    """Write into the kept document what is said of the copies that are to be removed; nobody else's change is lost.

    Parameters
    ----------
    backend : Backend
        Where the documents are.
    decision : Decision
        Its kept file's document gets the fields; documents of the same id have nothing to give but their sidecars.

    Raises
    ------
    DocumentNotFound
        When the kept file has no document.
    BulkError
        When the backend refuses the change.
    """
    kept = decision.kept
    ids = dict.fromkeys(file.id for file in decision.remove if kept and file.id != kept.id)
    # what lies beside a file may be newer than the index, or be of one path of a document alone
    beside = [read_sidecars(Path(file.path)).fields for file in decision.remove if file.path]
    copies = [*(source for id in ids if (source := _read(backend, id)) is not None), *filter(None, beside)]
    if kept is None or not copies:
        return MergeResult(kept.id if kept else "", {}, {})
    merged = MergeResult(kept.id, {}, {})

    def change(stored: Stored | None) -> Action | None:
        nonlocal merged
        if stored is None:
            raise DocumentNotFound(kept.id)
        added, dropped = merge_fields(stored.source, copies)
        merged = MergeResult(kept.id, added, dropped)
        return Action("update", kept.id, _changed(backend, stored.source, added)) if added else None

    outcome = change_document(backend, kept.id, change)
    if outcome.error is not None:
        raise BulkError([(outcome.id, outcome.error)])
    return merged


def merge_fields(
    kept: Mapping[str, Any], copies: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, FieldValue], dict[str, tuple[FieldValue, ...]]]:
    """Return the fields that a document gets from its copies, and the values that it does not take over.

    Parameters
    ----------
    kept : mapping
        The kept document's fields.
    copies : sequence of mapping
        The removed documents' fields, the first wins.

    Examples
    --------
    >>> merge_fields({"tags": ["sea"], "title": "Beach"}, [{"tags": ["Sea", "sand"], "title": "DSC_1", "rating": 4}])
    ({'tags': ['sea', 'sand'], 'rating': 4}, {'title': ('DSC_1',)})
    """
    own = _described(kept)
    added: dict[str, FieldValue] = {}
    dropped: dict[str, list[FieldValue]] = {}
    for copy in copies:
        held = {**own, **added}
        for name, value in _described(copy).items():
            if name in UNITED:
                values = unique([*cast("list[str]", held.get(name, [])), *cast("list[str]", value)])[:MAX_TAGS]
                if values != held.get(name):
                    added[name] = values
            elif name not in held and not (_company(name) & held.keys()):
                added[name] = value
            elif held.get(name) != value and value not in dropped.setdefault(name, []):
                dropped[name].append(value)
    return added, {name: tuple(values) for name, values in dropped.items() if values}


def _company(name: str) -> frozenset[str]:
    return next((fields for fields in _TOGETHER if name in fields), frozenset())


def _described(source: Mapping[str, Any]) -> dict[str, FieldValue]:
    flat = flatten(source)
    own = sorted(name for name in flat if name.startswith(EXTRA))
    names = [name for name in (*FIELDS, *own) if name in flat and name not in _OF_THE_FILE]
    return {name: cast("FieldValue", flat[name]) for name in names if flat[name] not in (None, "", [])}


def _nested(source: Mapping[str, Any], added: Mapping[str, FieldValue]) -> dict[str, Any]:
    """Return the added fields as the document holds them, with the texts that are made of camera and place."""
    whole = metadata_fields(Metadata({**_described(source), **added}))
    texts = {name: text for name, text in whole.items() if name in ("camera_text", "place_text")}
    return {**metadata_fields(Metadata(added)), **texts}


def _changed(backend: Backend, source: Mapping[str, Any], added: Mapping[str, FieldValue]) -> dict[str, Any]:
    """Return what an update writes: the added fields, and nothing in the place of vectors of the words before."""
    fields = _nested(source, added)
    held = embeddings(backend.definition()) if set(WORDS) & fields.keys() else {}
    stale = outdated(source, {**source, **fields}, [key for key, spec in held.items() if spec.of == "caption"])
    return {**fields, **({"embedding": stale} if stale else {})}


def _read(backend: Backend, id: str) -> Mapping[str, Any] | None:
    try:
        return backend.get(id)
    except DocumentNotFound:
        return None
