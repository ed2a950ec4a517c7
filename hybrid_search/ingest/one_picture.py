"""One picture that a caller hands over, and what many of them share with it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.backends import Action, Backend, Stored
from hybrid_search.backends.optimistic_update import Change, change_document, files_after, without_path
from hybrid_search.document.document import FileFacts, build_source
from hybrid_search.document.index_embedders import EmbedderSet
from hybrid_search.document.picture import Picture, read_picture
from hybrid_search.embedders import Labels
from hybrid_search.errors import BulkError
from hybrid_search.images import ImageLike, Limits, place_of, read_source
from hybrid_search.ingest.caller_metadata import caller_metadata
from hybrid_search.ingest.caption_embedding import CaptionEmbedding
from hybrid_search.ingest.own_fields import fit
from hybrid_search.ingest.picture_embedding import PictureEmbedding
from hybrid_search.ingest.pipeline import check_name


def add_picture(
    backend: Backend,
    embedders: EmbedderSet,
    image: ImageLike,
    *,
    id: str | None = None,
    metadata: Mapping[str, object] | None = None,
    limits: Limits,
) -> str:
    """Index one picture and return its id; what the caller says of it wins over what the file says.

    Raises
    ------
    ImageUnreadable, ImageTooLarge
        When the picture cannot be decoded.
    MappingMismatch
        When `metadata` names no field that describes a picture, or a value does not fit its field.
    BulkError
        When the backend refuses the document, for instance for an id that is not text of 1 to 512 bytes.
    """
    check_id(id)
    described = caller_metadata(metadata) if metadata else None
    backend.bulk([])
    here = file_facts(image)
    embedding, captions = PictureEmbedding(embedders.for_images()), embedders.for_captions()
    source = read_source(image, limits=limits)
    picture = read_picture(source, min_side=embedding.min_side, described=described, limits=limits)
    picture = replace(picture, metadata=fit(backend, picture.metadata))
    ((vectors, labels),) = embedding.embed([embedding.ready(picture.prepared.image)])
    vectors |= CaptionEmbedding(captions).vectors(picture.metadata.fields)
    id = picture.sha256 if id is None else id
    if here and here.is_file:
        take_paths(backend, {here.path: (id, picture.sha256)})
    change = replacement(picture, id, here=here, vectors=vectors, labels=labels, words=captions)
    outcome = change_document(backend, id, change, vectors=True)
    if outcome.error is not None:
        raise BulkError([(outcome.id, outcome.error)])
    return id


def replacement(
    picture: Picture,
    id: str,
    *,
    here: FileFacts | None,
    vectors: Mapping[str, NDArray[np.float32]],
    labels: Labels,
    words: Collection[str],
) -> Change:
    """Return the change that puts a picture in the place of what its document was.

    Parameters
    ----------
    picture : Picture
    id : str
    here : FileFacts or None
        Where it lies.
    vectors : mapping of str to ndarray
        Of its pixels and its words.
    labels : Labels
    words : collection of str
        The embeddings of words, of which none stays that it has no more.
    """

    def change(stored: Stored | None) -> Action:
        known = files_after(stored, ours=[here] if here else [], dropped=())
        files = [replace(file, missing=file.is_file and not os.path.lexists(file.path)) for file in known]
        document = build_source(picture, files=files, embeddings=vectors, labels=labels)
        others = _embeddings(stored, document, without=words)
        return Action("index", id, _kept(stored, picture.sha256) | document | others)

    return change


def _kept(stored: Stored | None, sha256: str) -> dict[str, Any]:
    """Return what was computed or decided by others of the same bytes."""
    if stored is None or stored.source.get("sha256") != sha256:
        return {}
    return {name: stored.source[name] for name in ("regions", "visual_words", "duplicate") if name in stored.source}


def _embeddings(stored: Stored | None, document: Mapping[str, Any], *, without: Collection[str]) -> dict[str, Any]:
    """Return the document's embeddings with those of other embedders, when it has the same bytes as before.

    The vectors of words that it had before are not among them: it may have other words now, or none.
    """
    if stored is None or stored.source.get("sha256") != document["sha256"]:
        return {}
    before = {key: vector for key, vector in (stored.source.get("embedding") or {}).items() if key not in without}
    return {"embedding": {**before, **document["embedding"]}}


def check_id(id: str | None) -> None:
    """Raise BulkError for an id that no backend takes; None leaves it to the picture's bytes."""
    if id is None:
        return
    try:
        fits = 1 <= len(id.encode("utf-8")) <= 512
    except (AttributeError, UnicodeEncodeError):
        fits = False
    if not fits:
        raise BulkError([(f"{id!r:.60}", "an id is text of 1 to 512 bytes")])


def file_facts(image: ImageLike) -> FileFacts | None:
    """Return path, size and time of a picture that is a file; taken before it is read, lest a change go unseen.

    Of a URL it is the URL alone.
    """
    path = place_of(image)
    check_name(path)
    if "://" in path or not path:
        return FileFacts(path) if path else None
    status = os.stat(path)
    return FileFacts(path, status.st_size, status.st_mtime_ns)


def take_paths(backend: Backend, owners: Mapping[str, Collection[str]]) -> None:
    """Take paths away from documents of other bytes; one without any path left goes.

    A document that a caller named stays as it is: only that caller knows what it stands for.

    Parameters
    ----------
    backend : Backend
    owners : mapping of str to collection of str
        The ids that may keep each path: of its document, and of its bytes.
    """
    holding = backend.scan({"terms": {"path": list(owners)}}, fields=("sha256", "path")) if owners else ()
    for other, source in list(holding):
        for path in source.get("path") or ():
            if path in owners and other not in owners[path] and source.get("sha256") == other:
                change_document(backend, other, without_path(path))
