"""A second embedder for pictures that are indexed already: its vectors are filled in while the index is used."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hybrid_search.backends import Action, Backend
from hybrid_search.embedders import Embedder
from hybrid_search.errors import ImageError, ImageUnreadable
from hybrid_search.images import Limits, read_source
from hybrid_search.ingest.embedding import Pixels, embed, ready
from hybrid_search.ingest.report import Failure, IngestReport, Progress
from hybrid_search.mapping import check, embeddings, spec_of
from hybrid_search.picture import prepare

__all__ = ["add_embedder"]


@dataclass(frozen=True)
class _Picture:
    """A stored picture read again: what it looks like, or why that cannot be told."""

    id: str
    path: str
    pixels: Pixels | None = None
    failure: str = ""


def add_embedder(
    backend: Backend,
    embedder: Embedder,
    key: str,
    *,
    limits: Limits,
    batch_size: int = 32,
    progress: Callable[[Progress], None] | None = None,
) -> IngestReport:
    """Give every document that lacks it a vector of this embedder, from its picture's file.

    Searches and other writers go on meanwhile; a run that was interrupted goes on where it ended. Only the new field
    is written, so that nothing that others change at the same time is lost.

    Parameters
    ----------
    backend : Backend
    embedder : Embedder
    key : str
        The leaf of the new field under `embedding`; the field is made when it is not there.
    batch_size : int
        Pictures embedded together.
    progress : callable, optional
        Called with a `Progress` after every picture.

    Returns
    -------
    IngestReport
        `updated` pictures, and those that failed: whose files are away, or have other bytes now.

    Raises
    ------
    EmbedderMismatch
        When the field was filled by another embedder, or another version of this one.
    """
    spec = spec_of(embedder)
    if key not in embeddings(backend.definition()):
        backend.add_embedding(key, spec)
    check(backend.definition(), key, spec)
    lacking = {"bool": {"must_not": [{"exists": {"field": f"embedding.{key}"}}]}}
    started, total, updated, failed = time.perf_counter(), backend.count(lacking), 0, []
    documents = backend.scan(lacking, fields=("path", "sha256"))
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="hybrid-search-read") as pool:
        while batch := list(islice(documents, batch_size)):
            pictures = list(pool.map(lambda found: _read(*found, embedder=embedder, limits=limits), batch))
            failures = list(_write(backend, embedder, key, pictures))
            failed += failures
            updated += len(pictures) - len(failures)
            if progress is not None:
                progress(Progress(updated + len(failed), total, len(failed), pictures[-1].path))
    backend.refresh()
    return IngestReport(0, updated, 0, tuple(failed), seconds=time.perf_counter() - started)


def _read(id: str, source: Mapping[str, Any], *, embedder: Embedder, limits: Limits) -> _Picture:
    """Read a picture from the first of its paths that still has its bytes."""
    paths, problem = list(source.get("path") or ()), "it came without a file"
    for path in paths:
        try:
            read = read_source(path, limits=limits)
            if read.sha256 == source.get("sha256"):
                image = prepare(read, min_side=embedder.min_side, limits=limits).image
                return _Picture(id, path, ready(embedder, image))
            problem = "the file has other bytes now; index its folder again"
        except ImageError as error:
            problem = str(getattr(error, "reason", error))
        except Exception as error:
            # a decoder that fails in a new way costs its own file, never the run
            problem = str(ImageUnreadable(path, f"{type(error).__name__}: {error}"))
    return _Picture(id, paths[0] if paths else id, failure=problem)


def _write(backend: Backend, embedder: Embedder, key: str, pictures: list[_Picture]) -> Iterator[Failure]:
    readable = [picture for picture in pictures if picture.pixels is not None]
    embedded = embed(embedder, [picture.pixels for picture in readable if picture.pixels is not None])
    actions = [
        Action("update", picture.id, {"embedding": {key: vector}})
        for picture, (vector, _) in zip(readable, embedded, strict=True)
    ]
    refused = {outcome.id: outcome.error for outcome in backend.bulk(actions) if outcome.error} if actions else {}
    for picture in pictures:
        # a document that was removed meanwhile needs no vector
        if problem := picture.failure or (refused.get(picture.id) or ""):
            yield Failure(picture.path, problem)
