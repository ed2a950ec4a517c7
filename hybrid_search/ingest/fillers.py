"""Vectors for stored documents: of their pictures, whose files are read again, or of their words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

from hybrid_search.backends import Action, Backend, Outcome, Stored
from hybrid_search.document import caption_text
from hybrid_search.embedders import Embedder, TextEmbedder
from hybrid_search.errors import ImageError, ImageUnreadable
from hybrid_search.images import Limits, read_source
from hybrid_search.ingest.changes import Change, change_document
from hybrid_search.ingest.embedding import Pixels, embed, ready
from hybrid_search.ingest.report import Failure
from hybrid_search.ingest.wording import WORDS, Wording
from hybrid_search.picture import prepare

__all__ = ["PictureFiller", "WordFiller"]

Found = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class _Picture:
    """A stored picture read again: what it looks like, or why that cannot be told."""

    id: str
    path: str
    sha256: str
    pixels: Pixels | None = None
    failure: str = ""


class PictureFiller:
    """Fills a field with vectors of pictures, from their files.

    Parameters
    ----------
    backend : Backend
    embedder : Embedder
    key : str
        The leaf of the field under `embedding`.
    limits : Limits
        The largest picture that is accepted.
    """

    fields: ClassVar[tuple[str, ...]] = ("path", "sha256")
    wanted: ClassVar[Mapping[str, Any]] = {"match_all": {}}

    def __init__(self, backend: Backend, embedder: Embedder, key: str, *, limits: Limits) -> None:
        self._backend, self._embedder, self._key, self._limits = backend, embedder, key, limits
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="hybrid-search-read")

    def fill(self, batch: Iterable[Found]) -> list[Failure]:
        """Write the vectors of a batch of documents, and return those that got none, each with the reason."""
        pictures = list(self._pool.map(lambda found: self._read(*found), batch))
        readable = [picture for picture in pictures if picture.pixels is not None]
        embedded = embed(self._embedder, [picture.pixels for picture in readable if picture.pixels is not None])
        vectors = {picture.id: vector for picture, (vector, _) in zip(readable, embedded, strict=True)}
        own = {picture.id: picture.id == picture.sha256 for picture in readable}
        actions = [Action("update", id, {"embedding": {self._key: vectors[id]}}) for id in vectors if own[id]]
        outcomes = self._backend.bulk(actions) if actions else []
        # an id that a caller gave may stand for other bytes by now
        outcomes += [
            change_document(self._backend, picture.id, self._of_same_bytes(picture, vectors[picture.id]))
            for picture in readable
            if not own[picture.id]
        ]
        refused = {outcome.id: _problem(outcome) for outcome in outcomes}
        problems = ((picture.path, picture.failure or refused.get(picture.id, "")) for picture in pictures)
        return [Failure(path, problem) for path, problem in problems if problem]

    def close(self) -> None:
        """End the threads that read."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _of_same_bytes(self, picture: _Picture, vector: Any) -> Change:
        def change(stored: Stored | None) -> Action | None:
            if stored is None or stored.source.get("sha256") != picture.sha256:
                return None
            return Action("update", picture.id, {"embedding": {self._key: vector}})

        return change

    def _read(self, id: str, source: Mapping[str, Any]) -> _Picture:
        """Read a picture from the first of its paths that still has its bytes."""
        paths, problem = list(source.get("path") or ()), "it came without a file"
        sha256 = str(source.get("sha256"))
        for path in paths:
            try:
                read = read_source(path, limits=self._limits)
                if read.sha256 == sha256:
                    image = prepare(read, min_side=self._embedder.min_side, limits=self._limits).image
                    return _Picture(id, path, sha256, ready(self._embedder, image))
                problem = "the file has other bytes now; index its folder again"
            except ImageError as error:
                problem = str(getattr(error, "reason", error))
            except Exception as error:
                # a decoder that fails in a new way costs its own file, never the run
                problem = str(ImageUnreadable(path, f"{type(error).__name__}: {error}"))
        return _Picture(id, paths[0] if paths else id, sha256, failure=problem)


class WordFiller:
    """Fills a field with vectors of what is written about pictures; no file is read.

    Parameters
    ----------
    backend : Backend
    embedder : TextEmbedder
    key : str
        The leaf of the field under `embedding`.
    """

    fields: ClassVar[tuple[str, ...]] = (*WORDS, "path")
    wanted: ClassVar[Mapping[str, Any]] = {
        "bool": {"should": [{"exists": {"field": name}} for name in WORDS], "minimum_should_match": 1}
    }

    def __init__(self, backend: Backend, embedder: TextEmbedder, key: str) -> None:
        self._backend, self._wording = backend, Wording({key: embedder})

    def fill(self, batch: Iterable[Found]) -> list[Failure]:
        """Write the vectors of a batch of documents, and return those that got none, each with the reason."""
        documents = list(batch)
        self._wording.read(caption_text(source) for _, source in documents)
        failures = []
        for id, source in documents:
            outcome = change_document(self._backend, id, self._now)
            if problem := _problem(outcome):
                failures.append(Failure(next(iter(source.get("path") or ()), id), problem))
        return failures

    def close(self) -> None:
        """Do nothing: there are no threads."""

    def _now(self, stored: Stored | None) -> Action | None:
        """Return the change for a document as it is now: another writer may have changed its words meanwhile."""
        if stored is None:
            return None
        return Action("update", "", {"embedding": self._wording.put(stored.source)})


def _problem(outcome: Outcome) -> str:
    """Return why a vector was not written; a document that was removed meanwhile needs none."""
    return "" if outcome.status == 404 or outcome.error is None else outcome.error
