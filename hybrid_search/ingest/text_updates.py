"""Documents that get other words: what is computed of the pixels stays, what is computed of the words follows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from hybrid_search.document.document import metadata_fields
from hybrid_search.ingest.batches import ReadFile
from hybrid_search.ingest.caption_embedding import CaptionEmbedding
from hybrid_search.metadata import FieldValue, Metadata, add_places, merge
from hybrid_search.metadata.fields import flatten, is_field
from hybrid_search.metadata.taken_at import MOMENT_FIELDS

_COMPUTED = (
    *("sha256", "bytes", "format", "width", "height", "megapixels", "shape", "indexed_at", "thumbnail"),
    *("signature", "signature_norm", "words", "embedding", "labels", "written_labels", "label_scores"),
    *("hypernyms", "regions", "visual_words", "duplicate", "text_in_picture", "text_lines", "text_read_by"),
)
"""Fields that come from the pixels or from people's decisions: another caption leaves them as they are."""


def redescribed(source: Mapping[str, Any], metadata: Metadata, wording: CaptionEmbedding) -> dict[str, Any]:
    """Return a whole document with another description in the place of its own.

    Parameters
    ----------
    source : mapping
        The document as stored, with its vectors.
    metadata : Metadata
        What describes the picture now.
    wording : CaptionEmbedding
        Embeds the new words.
    """
    kept = {name: source[name] for name in _COMPUTED if name in source}
    document = {**kept, **metadata_fields(metadata)}
    return with_word_vectors(document, source, wording)


def with_word_vectors(
    document: Mapping[str, Any], source: Mapping[str, Any], wording: CaptionEmbedding
) -> dict[str, Any]:
    """Return a whole document with the stored vectors, of which those of words follow its words or go."""
    vectors = {**(source.get("embedding") or {}), **wording.change(source, document)}
    return {**document, "embedding": {key: vector for key, vector in vectors.items() if vector is not None}}


def also_described(source: Mapping[str, Any], metadata: Metadata, wording: CaptionEmbedding) -> dict[str, Any]:
    """Return what an update writes when another copy's description joins the stored one."""
    described = added_fields(source, metadata)
    vectors = wording.change(source, {**source, **described})
    return {**described, **({"embedding": vectors} if vectors else {})}


def added_fields(source: Mapping[str, Any], metadata: Metadata) -> dict[str, Any]:
    """Return what another copy's description adds to the stored one, in fields that hold both."""
    if not metadata.fields:
        return {}
    known = {name: cast("FieldValue", value) for name, value in flatten(source).items() if is_field(name)}
    fields = metadata_fields(add_places(merge(Metadata(known), metadata)))
    # an update leaves alone what it does not name: the offset of another moment would stay
    return {**{name: None for name in MOMENT_FIELDS if name in source and name not in fields}, **fields}


def described_too(read: ReadFile, metadata: Metadata) -> ReadFile:
    """Return a picture of a batch with what describes another copy of it."""
    if read.picture is None or not metadata.fields:
        return read
    joined = add_places(merge(read.picture.metadata, metadata))
    return replace(read, picture=replace(read.picture, metadata=joined))
