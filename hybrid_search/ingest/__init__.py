"""Pictures go in: one, or a folder of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hybrid_search.backends import Action, Backend, Stored
from hybrid_search.document import FileFacts, build_source
from hybrid_search.errors import BulkError, ImageUnreadable
from hybrid_search.images import ImageLike, Limits, place_of, read_source
from hybrid_search.ingest.catalog import Catalog, mark_missing
from hybrid_search.ingest.changes import change_document, files_after, without_path
from hybrid_search.ingest.described import caller_metadata
from hybrid_search.ingest.embedding import Embedders
from hybrid_search.ingest.pipeline import Pipeline, check_name
from hybrid_search.ingest.report import Failure, IngestOptions, IngestReport, Progress
from hybrid_search.ingest.roots import Root, of_gone_root
from hybrid_search.ingest.vanished import folders_left, vanished_documents
from hybrid_search.ingest.wording import Wording
from hybrid_search.metadata import load_captions
from hybrid_search.picture import read_picture

__all__ = ["Failure", "IngestOptions", "IngestReport", "Progress", "add_folder", "add_picture", "place_of"]


def add_folder(
    backend: Backend,
    embedders: Embedders,
    root: Path,
    *,
    captions: str | Path | None = None,
    options: IngestOptions,
    progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Index every picture below a folder (or one file), and mark those that have vanished from it.

    Raises
    ------
    ImageUnreadable
        When the folder is not there, unless that was accepted: an unplugged drive must not look like an emptied one.
    CaptionsUnreadable
        When the captions file cannot be used.
    """
    # one file has one path, from wherever it is named
    root = Path(os.path.abspath(root))
    check_name(str(root))
    try:
        os.stat(root)
    except FileNotFoundError:
        return of_gone_root(backend, root, accepted=options.accept_missing)
    except OSError as error:
        raise ImageUnreadable(str(root), error.strerror or str(error)) from None
    described = load_captions(Path(captions)) if captions is not None else None
    backend.bulk([])  # an index that another writes is told of before the work, not after it
    ours = [os.path.abspath(own) for own in (backend.location, captions) if own is not None]
    under_way = Root(root, options, ours=ours)
    total = under_way.count() if progress is not None else None
    catalog = Catalog.read(backend, root)
    pipeline = Pipeline(
        backend, embedders, captions=described, options=options, progress=progress, total=total, root=str(root)
    )
    report = pipeline.run(under_way.found(), catalog)
    withheld = mark_missing(
        backend,
        catalog,
        under_way.seen,
        root=str(root),
        unreadable=list(under_way.unreadable),
        accepted=options.accept_missing,
    )
    return replace(
        report,
        missing=sum(1 for _ in vanished_documents(backend)),
        withheld=withheld,
        moved=folders_left(catalog.gone),
        failed=report.failed + under_way.failures(),
        unused_captions=tuple(str(entry) for entry in described.unused()) if described is not None else (),
        videos=under_way.videos,
        others=under_way.others,
    )


def add_picture(
    backend: Backend,
    embedders: Embedders,
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
    _check_id(id)
    described = caller_metadata(metadata) if metadata else None
    backend.bulk([])
    here = _place(image)
    source = read_source(image, limits=limits)
    picture = read_picture(source, min_side=embedders.min_side, described=described, limits=limits)
    ((vectors, labels),) = embedders.embed([embedders.ready(picture.prepared.image)])
    vectors |= Wording(embedders.captions).vectors(picture.metadata.fields)
    id = picture.sha256 if id is None else id
    if here and here.is_file:
        _take_path(backend, here.path, id, picture.sha256)

    def change(stored: Stored | None) -> Action:
        files = files_after(stored, ours=[here] if here else [], dropped=())
        document = build_source(picture, files=files, embeddings=vectors, labels=labels)
        others = _embeddings(stored, document, without=embedders.captions)
        return Action("index", id, _kept(stored, picture.sha256) | document | others)

    outcome = change_document(backend, id, change, vectors=True)
    if outcome.error is not None:
        raise BulkError([(outcome.id, outcome.error)])
    return id


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


def _check_id(id: str | None) -> None:
    if id is None:
        return
    try:
        fits = 1 <= len(id.encode("utf-8")) <= 512
    except (AttributeError, UnicodeEncodeError):
        fits = False
    if not fits:
        raise BulkError([(f"{id!r:.60}", "an id is text of 1 to 512 bytes")])


def _place(image: ImageLike) -> FileFacts | None:
    """Return path, size and time of a picture that is a file; taken before it is read, lest a change go unseen.

    Of a URL it is the URL alone.
    """
    path = place_of(image)
    check_name(path)
    if "://" in path or not path:
        return FileFacts(path) if path else None
    status = os.stat(path)
    return FileFacts(path, status.st_size, status.st_mtime_ns)


def _take_path(backend: Backend, path: str, id: str, sha256: str) -> None:
    """Take a path away from documents of other bytes; one without any path left goes.

    A document that a caller named stays as it is: only that caller knows what it stands for.
    """
    for other, source in list(backend.scan({"term": {"path": path}}, fields=("sha256",))):
        if other not in (id, sha256) and source.get("sha256") == other:
            change_document(backend, other, without_path(path))
