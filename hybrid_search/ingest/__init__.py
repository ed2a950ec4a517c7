"""Pictures go in: one, or a folder of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from hybrid_search.backends import Backend
from hybrid_search.errors import ImageUnreadable
from hybrid_search.images import place_of
from hybrid_search.ingest.catalog import Catalog, mark_missing
from hybrid_search.ingest.embedding import Embedders
from hybrid_search.ingest.folder import Found, walk
from hybrid_search.ingest.given import add_picture
from hybrid_search.ingest.many import Item, add_pictures
from hybrid_search.ingest.own_fields import fit_each
from hybrid_search.ingest.pipeline import Pipeline, check_name
from hybrid_search.ingest.report import Failure, IngestOptions, IngestReport, Progress
from hybrid_search.metadata import load_captions

__all__ = [
    "Failure",
    "IngestOptions",
    "IngestReport",
    "Item",
    "Progress",
    "add_folder",
    "add_picture",
    "add_pictures",
    "place_of",
]


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
        When the folder is not there: an unplugged drive must not look like an emptied one.
    CaptionsUnreadable
        When the captions file cannot be used.
    """
    # one file has one path, from wherever it is named
    root = Path(os.path.abspath(root))
    check_name(str(root))
    try:
        os.stat(root)
    except FileNotFoundError:
        raise ImageUnreadable(str(root), "there is no such file or folder") from None
    except OSError as error:
        raise ImageUnreadable(str(root), error.strerror or str(error)) from None
    described = load_captions(Path(captions)) if captions is not None else None
    backend.bulk([])  # an index that another writes is told of before the work, not after it
    unreadable: dict[str, str] = {}
    seen: set[str] = set()

    def found() -> Iterator[Found]:
        for file in _walk(root, options, lambda folder, error: unreadable.update({folder: str(error)})):
            seen.add(file.path)
            yield file

    total = sum(1 for _ in _walk(root, options)) if progress is not None else None
    # all rows tell better what an own field is than the first do
    fit_each(backend, [*(described or {}).values()], whole=True)
    catalog = Catalog.read(backend, root)
    pipeline = Pipeline(
        backend,
        embedders,
        captions=described,
        options=options,
        progress=progress,
        total=total,
        root=str(root),
    )
    report = pipeline.run(found(), catalog)
    missing, withheld = mark_missing(
        backend, catalog, seen, root=str(root), unreadable=list(unreadable), accepted=options.accept_missing
    )
    failures = tuple(Failure(folder, f"cannot list folder: {error}") for folder, error in unreadable.items())
    unused = tuple(str(entry) for entry in described.unused()) if described is not None else ()
    failed = report.failed + failures
    return replace(report, missing=missing, withheld=withheld, failed=failed, unused_captions=unused)


def _walk(
    root: Path, options: IngestOptions, on_error: Callable[[str, OSError], None] | None = None
) -> Iterator[Found]:
    return walk(
        root,
        include=options.include,
        exclude=options.exclude,
        hidden=options.hidden,
        follow_symlinks=options.follow_symlinks,
        on_error=on_error,
    )
