"""A folder of pictures goes in, and what has vanished from it is marked."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hybrid_search.errors import ImageUnreadable
from hybrid_search.ingest.catalog import Catalog, mark_missing
from hybrid_search.ingest.own_fields import fit_each
from hybrid_search.ingest.pipeline import Pipeline, check_name
from hybrid_search.ingest.place_filling import fill_places
from hybrid_search.ingest.prune import folders_left, vanished_documents
from hybrid_search.ingest.report import IngestOptions, IngestReport, Progress
from hybrid_search.ingest.root_folder import RootFolder, of_gone_root
from hybrid_search.metadata import load_captions
from hybrid_search.query.index_state import IndexState


def add_folder(
    index: IndexState,
    path: str | Path,
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
    index.see_own_writes()
    backend, embedders = index.backend, index.current_embedders()
    # one file has one path, from wherever it is named
    root = Path(os.path.abspath(os.path.expanduser(path)))
    check_name(str(root))
    try:
        os.stat(root)
    except FileNotFoundError:
        return of_gone_root(backend, root, accepted=options.accept_missing)
    except OSError as error:
        raise ImageUnreadable(str(root), error.strerror or str(error)) from None
    described = load_captions(Path(captions)) if captions is not None else None
    backend.bulk([])  # an index that another writes is told of before the work, not after it
    # all rows tell better what an own field is than the first do
    fit_each(backend, [*(described or {}).values()], whole=True)
    ours = [os.path.abspath(own) for own in (backend.location, captions) if own is not None]
    under_way = RootFolder(root, options, ours=ours)
    total = under_way.count() if progress is not None else None
    catalog = Catalog.read(backend, root)
    report = Pipeline(
        backend, embedders, captions=described, options=options, progress=progress, total=total, root=str(root)
    ).run(under_way.found(), catalog)
    seen, unreadable = under_way.seen, list(under_way.unreadable)
    withheld = mark_missing(
        backend, catalog, seen, root=str(root), unreadable=unreadable, accepted=options.accept_missing
    )
    placed, unplaced = fill_places(backend, str(root))
    return replace(
        report,
        missing=sum(1 for _ in vanished_documents(backend)),
        withheld=withheld,
        moved=folders_left(catalog.gone),
        failed=report.failed + under_way.failures(),
        unused_captions=tuple(str(entry) for entry in described.unused()) if described is not None else (),
        videos=under_way.videos,
        others=under_way.others,
        placed=placed,
        unplaced=unplaced,
    )
