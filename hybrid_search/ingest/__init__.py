"""Pictures go in: one, or a folder of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from hybrid_search.backends import Action, Backend
from hybrid_search.document import FileFacts, build_source
from hybrid_search.embedders import Embedder
from hybrid_search.errors import BulkError, HybridSearchError, ImageUnreadable
from hybrid_search.images import ImageLike, Limits, read_source
from hybrid_search.ingest.catalog import Catalog, mark_missing
from hybrid_search.ingest.folder import Found, walk
from hybrid_search.ingest.pipeline import Pipeline, embed
from hybrid_search.ingest.report import Failure, IngestOptions, IngestReport, Progress
from hybrid_search.metadata import FieldValue, Metadata, load_captions
from hybrid_search.picture import read_picture

__all__ = ["Failure", "IngestOptions", "IngestReport", "Progress", "add_folder", "add_picture"]


def add_folder(
    backend: Backend,
    embedder: Embedder,
    key: str,
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
        When the folder is not there: an unplugged drive must not look like an emptied one.
    CaptionsUnreadable
        When the captions file cannot be used.
    """
    if not root.exists():
        raise ImageUnreadable(str(root), "there is no such file or folder")
    described = load_captions(Path(captions)) if captions is not None else None
    unreadable: dict[str, str] = {}
    seen: set[str] = set()

    def found() -> Iterator[Found]:
        for file in _walk(root, options, lambda folder, error: unreadable.update({folder: str(error)})):
            seen.add(file.path)
            yield file

    total = sum(1 for _ in _walk(root, options)) if progress is not None else None
    catalog = Catalog.read(backend, root)
    pipeline = Pipeline(backend, embedder, key, captions=described, options=options, progress=progress, total=total)
    report = pipeline.run(found(), catalog)
    missing = mark_missing(backend, catalog, seen, list(unreadable))
    failures = tuple(Failure(folder, f"cannot list folder: {error}") for folder, error in unreadable.items())
    return replace(report, missing=missing, failed=report.failed + failures)


def add_picture(
    backend: Backend,
    embedder: Embedder,
    key: str,
    image: ImageLike,
    *,
    id: str | None = None,
    metadata: Mapping[str, FieldValue] | None = None,
    limits: Limits,
) -> str:
    """Index one picture and return its id; what the caller says of it wins over what the file says.

    Raises
    ------
    ImageUnreadable, ImageTooLarge
        When the picture cannot be decoded.
    BulkError
        When the backend refuses the document, for instance for a field that the mapping does not have.
    """
    source = read_source(image, limits=limits)
    described = Metadata(dict(metadata), {}, ()) if metadata else None
    picture = read_picture(source, min_side=embedder.min_side, described=described, limits=limits)
    ((vector, labels),) = embed(embedder, [picture])
    id = id or picture.sha256
    files = _files(backend, id, image)
    document = build_source(picture, files=files, embeddings={key: vector}, labels=labels)
    for outcome in backend.bulk([Action("index", id, document)]):
        if outcome.error is not None:
            raise BulkError([(outcome.id, outcome.error)])
    return id


def _files(backend: Backend, id: str, image: ImageLike) -> list[FileFacts]:
    """Return where the picture lies: the places known already, and the one given now."""
    try:
        stored = backend.get(id).get("files", ())
    except HybridSearchError:
        stored = ()
    files = {entry["path"]: FileFacts.from_json(entry) for entry in stored}
    if isinstance(image, (str, os.PathLike)) and os.path.isfile(image):
        path = os.path.abspath(image)
        status = os.stat(path)
        files[path] = FileFacts(path, status.st_size, status.st_mtime_ns)
    return list(files.values())


def _walk(
    root: Path, options: IngestOptions, on_error: Callable[[str, OSError], None] | None = None
) -> Iterator[Found]:
    return walk(root, include=options.include, exclude=options.exclude, hidden=options.hidden, on_error=on_error)
