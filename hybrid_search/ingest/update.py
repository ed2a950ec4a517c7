"""What is said of a stored picture changes; what was computed of its pixels stays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hybrid_search.backends import Action, Stored
from hybrid_search.backends.optimistic_update import change_document
from hybrid_search.document.document import metadata_fields
from hybrid_search.errors import BulkError, DocumentNotFound
from hybrid_search.ingest.caller_metadata import caller_metadata
from hybrid_search.ingest.caption_embedding import CaptionEmbedding
from hybrid_search.ingest.own_fields import fit
from hybrid_search.ingest.text_updates import with_word_vectors
from hybrid_search.metadata import FieldValue, Metadata, add_places
from hybrid_search.metadata.extra_fields import EXTRA, extra_name
from hybrid_search.metadata.fields import FIELDS, flatten, is_field
from hybrid_search.metadata.taken_at import MOMENT_FIELDS

if TYPE_CHECKING:
    from hybrid_search.query.index_state import IndexState

_FOLLOWING = {
    "taken_at": MOMENT_FIELDS,
    "location": frozenset(name for name in FIELDS if name.startswith("place.")),
}
"""What was said of a value goes with it."""


def update_document(index: IndexState, id_or_path: str | Path, metadata: Mapping[str, object]) -> None:
    """Merge what a caller says into a document, and let texts and vectors of words follow.

    Parameters
    ----------
    index : IndexState
    id_or_path : str or Path
    metadata : mapping
        Fields by dotted name or nested; None takes a field away.

    Raises
    ------
    DocumentNotFound
        When there is no such document.
    MappingMismatch
        When a name is no field that describes a picture, or a value does not fit its field.
    """
    index.see_own_writes()
    id, _ = index.asker.find(id_or_path)
    wording = CaptionEmbedding(index.current_embedders().for_captions())
    given = fit(index.backend, caller_metadata(metadata)).fields
    named = {extra_name(name) if name.startswith(EXTRA) else name for name in flatten(metadata)}
    gone = named.union(*(_FOLLOWING.get(name, ()) for name in named))

    def change(stored: Stored | None) -> Action:
        if stored is None:
            raise DocumentNotFound(id)
        flat = flatten(stored.source)
        before = {
            name: cast("FieldValue", value) for name, value in flat.items() if is_field(name) and value is not None
        }
        left = {name: value for name, value in before.items() if name not in gone}
        described = metadata_fields(add_places(Metadata({**left, **given})))
        # what was made of the fields before goes with them
        others = stored.source.keys() - metadata_fields(Metadata(before)).keys()
        document = {**{name: stored.source[name] for name in stored.source if name in others}, **described}
        return Action("index", id, with_word_vectors(document, stored.source, wording))

    outcome = change_document(index.backend, id, change, vectors=True)
    if outcome.error is not None:
        raise BulkError([(outcome.id, outcome.error)])
    index.pending.add("")
