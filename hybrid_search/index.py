"""The front door: one object that holds an index and answers questions about its pictures."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from hybrid_search.adding import Adds
from hybrid_search.backends import Action, Backend
from hybrid_search.backends.registry import open_backend, shown
from hybrid_search.backends.transfer import current_definition
from hybrid_search.document.definition import default_embedding, embeddings, extra_fields
from hybrid_search.document.document import Document
from hybrid_search.document.drift import drift
from hybrid_search.duplicates.methods import FindsDuplicates
from hybrid_search.errors import AlreadyClosed, DocumentNotFound, IndexNotFound, MostAreMissing
from hybrid_search.images import DEFAULT_LIMITS, Limits
from hybrid_search.ingest.open_index import open_or_create
from hybrid_search.query.query_builder import Asker
from hybrid_search.searching import Searches

if TYPE_CHECKING:
    from hybrid_search.backends.elasticsearch import Server
    from hybrid_search.backends.integrity import Checked
    from hybrid_search.embedders import Embedder, TextEmbedder
    from hybrid_search.ingest import IngestReport, Progress
    from hybrid_search.ingest.prune import Vanished

    Given = str | Embedder | TextEmbedder

__all__ = ["HybridIndex"]


_MANY = 20
"""Fewer vanished pictures are no sign of a drive that is away; `prune` shows all of them before it asks."""


class HybridIndex(Adds, Searches, FindsDuplicates):
    """Pictures as documents, found by words, by example, by metadata and by near-identity in one query.

    Parameters
    ----------
    location : str or Path, optional
        Folder of an embedded index, or the URL of an Elasticsearch server; None keeps the index in memory.
    name : str
        The index's name at that location.
    embedder : str or Embedder, or a sequence of them, optional
        What turns pictures into vectors, the first by default in searches; "caption:NAME" turns what is written about
        them into vectors. By default those that the index was made with; for a new index "lite+minilm"
        where `minilm` has been fetched, else "lite".
    create : bool
        Make the index when there is none.
    limits : Limits
        The largest picture that is accepted.
    server : Server, optional
        Credentials and options for a URL; by default what environment and configuration file say.

    Raises
    ------
    IndexNotFound
        When there is no index and `create` is false.
    EmbedderMismatch
        When the index has no vectors of one of the embedders.

    Examples
    --------
    >>> from PIL import Image
    >>> with HybridIndex(embedder="histogram+hog") as index:
    ...     red = index.add(Image.new("RGB", (64, 64), "red"), metadata={"caption": "a red square"})
    ...     index.search("red square")[0].id == red
    True
    """

    def __init__(
        self,
        location: str | Path | None = None,
        *,
        name: str = "images",
        embedder: Given | Sequence[Given] | None = None,
        create: bool = True,
        limits: Limits = DEFAULT_LIMITS,
        server: Server | None = None,
    ) -> None:
        self._backend = open_backend(location, name=name, server=server)
        self._limits = limits
        self._pending: set[str] = set()
        self._closed = False
        self._refreshing = threading.RLock()
        if not create and not self._backend.exists():
            raise IndexNotFound(shown(location) or self._backend.location, name)
        opened = open_or_create(self._backend, embedder)
        self._definition, self._embedders = opened.definition, opened.embedders
        self._key = opened.embedders.default
        self._asker = Asker(self._backend, self._definition, embedders=self._embedders, limits=limits)

    # -- what it is made of ------------------------------------------------------------------------------------------

    @property
    def backend(self) -> Backend:
        """Where the documents live, as `hybrid_search.backends.transfer` takes it."""
        return self._backend

    @property
    def location(self) -> str:
        """Where the documents are."""
        return self._backend.location

    # -- writing -----------------------------------------------------------------------------------------------------

    def add_folder(
        self,
        path: str | Path,
        *,
        captions: str | Path | None = None,
        include: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        hidden: bool = False,
        follow_symlinks: bool = False,
        batch_size: int = 32,
        workers: int | None = None,
        on_error: Literal["collect", "raise"] = "collect",
        accept_missing: bool = False,
        all_files: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> IngestReport:
        """Index every picture below a folder (or one file); unchanged files cost next to nothing.

        Parameters
        ----------
        path : str or Path
            The folder.
        captions : str or Path, optional
            CSV, TSV, JSON Lines or COCO JSON with a caption, tags or other fields for each picture.
        include, exclude : str or sequence of str
            Glob patterns; see `hybrid_search.ingest.folder_walk.walk`.
        hidden : bool
            Also files and folders whose name begins with a dot.
        follow_symlinks : bool
            Also folders that symbolic links lead to.
        batch_size : int
            Pictures embedded together.
        workers : int, optional
            Threads that read and decode; by default one for each processor.
        on_error : {"collect", "raise"}
            List unusable files in the report, or stop at the first.
        accept_missing : bool
            Mark vanished pictures also where all or nearly all of the folder are gone, as on a drive that is not
            mounted, or where the folder itself is; without it none is marked, and the report says how many were
            `withheld`.
        all_files : bool
            Also look into files whose names say nothing: without a suffix, or with an unknown one. Not with `include`.
        progress : callable, optional
            Called with a `Progress` after every file.

        Raises
        ------
        ImageUnreadable
            When the folder itself is not there, unless the index knows pictures of it and `accept_missing` is true.
        CaptionsUnreadable
            When the captions file cannot be used.
        """
        from hybrid_search.ingest import IngestOptions, add_folder

        options = IngestOptions(
            include=(include,) if isinstance(include, str) else tuple(include),
            exclude=(exclude,) if isinstance(exclude, str) else tuple(exclude),
            hidden=hidden,
            follow_symlinks=follow_symlinks,
            batch_size=batch_size,
            workers=workers,
            on_error=on_error,
            accept_missing=accept_missing,
            all_files=all_files,
            limits=self._limits,
        )
        self._see_own_writes()
        embedders, root = self.filling(), Path(os.path.expanduser(path))
        return add_folder(self._backend, embedders, root, captions=captions, options=options, progress=progress)

    def delete(self, ids: str | Iterable[str]) -> int:
        """Remove documents (never the pictures themselves); returns how many there were."""
        self._check_open()
        wanted = [ids] if isinstance(ids, str) else [str(id) for id in ids]
        outcomes = self._backend.bulk([Action("delete", id) for id in wanted])
        self._backend.refresh()
        return sum(outcome.status < 300 for outcome in outcomes)

    def prune(self, *, dry_run: bool = False, accept_missing: bool = False) -> Vanished:
        """Remove the documents of files that have vanished, and return them.

        Of documents that lie elsewhere too, the paths are let go at which nothing lies any more; they are `paths` of
        what is returned. What has come back since its folder was indexed last stays.

        Parameters
        ----------
        dry_run : bool
            Only return them.
        accept_missing : bool
            Remove them also where they are most of the index.

        Raises
        ------
        MostAreMissing
            When they are more than 20 and more than half of the index, and that was not accepted.
        """
        from hybrid_search.ingest.prune import find_vanished, let_go

        self._see_own_writes()
        gone = find_vanished(self._backend)
        if dry_run:
            return gone
        documents = self._backend.count()
        if not accept_missing and len(gone) > _MANY and len(gone) * 2 > documents:
            raise MostAreMissing(self.location, missing=len(gone), documents=documents)
        let_go(self._backend, gone)
        return gone

    def check(self, *, repair: bool = False) -> Checked:
        """Compare all files of the index with their checksums; with `repair`, mend what can be mended.

        An index that is too damaged to be opened is checked by its backend, `open_backend(…).check(repair=True)`.

        Returns
        -------
        Checked
            The damages, and what was done: `incomplete` documents were computed again where their pictures are there.
        """
        from hybrid_search.ingest.recompute import refill

        self._see_own_writes()
        checked = self._backend.check(repair=repair)
        if checked.incomplete:
            left = refill(self._backend, self.filling(), checked.incomplete, limits=self._limits)
            checked = replace(checked, incomplete=tuple(left))
        return checked

    def refresh(self) -> None:
        """Make everything written so far durable, and visible to other readers."""
        self._check_open()
        with self._refreshing:
            self._pending.clear()  # before the commit: what another thread adds meanwhile stays pending
            self._backend.refresh()

    def close(self) -> None:
        """Refresh and release the index; calling it twice is harmless, anything else is `AlreadyClosed` then."""
        self._closed = True
        self._pending.clear()
        self._backend.close()

    # -- reading -----------------------------------------------------------------------------------------------------

    def get(self, id: str | Path, *, vectors: bool = False) -> Document:
        """Return one document by its id, or by the path of its picture; with `vectors`, signature and embeddings too.

        Raises
        ------
        DocumentNotFound
            When there is none.
        """
        self._see_own_writes()
        return Document(*self._asker.find(id, vectors=vectors))

    def info(self) -> dict[str, Any]:
        """Return facts about the index: location, documents, how many missing, bytes, embeddings, own fields, versions.

        `drift` names each difference from the index that this version would make; `migrate` ends them.
        """
        from hybrid_search.ingest.prune import vanished_documents

        self._see_own_writes()
        live = self._backend.definition()
        held = {key: spec.to_json() for key, spec in embeddings(live).items()}
        default = held[default_embedding(live)]["name"]
        facts = {"analysis": live["mappings"]["_meta"]["analysis"], "default_embedder": default}
        differences = list(drift(live, current_definition(self._backend)))
        if own := extra_fields(live):
            facts["extra"] = {leaf: each["type"] for leaf, each in own.items()}
        missing = sum(1 for _ in vanished_documents(self._backend))
        return {**facts, "embeddings": held, **self._backend.info(), "missing": missing, "drift": differences}

    def _check_open(self) -> None:
        if self._closed:
            raise AlreadyClosed(self.location)

    def _see_own_writes(self) -> None:
        self._check_open()
        with self._refreshing:  # what another thread commits just now may be no longer pending and not yet there
            if self._pending:
                self.refresh()

    def __len__(self) -> int:
        """Return the number of documents."""
        self._see_own_writes()
        return self._backend.count()

    def __contains__(self, named: object) -> bool:
        """Tell whether there is a document with this id, or of a picture at this path."""
        if not isinstance(named, str | os.PathLike):
            return False
        self._check_open()
        id_or_path = os.fsdecode(named)
        # what is not refreshed yet is known here: asked before every `add`, nothing is committed for it
        if id_or_path and {id_or_path, os.path.abspath(os.path.expanduser(id_or_path))} & self._pending:
            return True
        try:
            self._asker.find(id_or_path)
        except DocumentNotFound:
            return False
        return True

    def __iter__(self) -> Iterator[Document]:
        """Give all documents, in bounded memory and no particular order."""
        self._see_own_writes()
        for id, source in self._backend.scan():
            yield Document(id, source)

    def __repr__(self) -> str:
        """Name location and embedder."""
        return f"<HybridIndex {self.location}: {self._embedders.specs[self._key]}>"

    def __enter__(self) -> HybridIndex:
        """Return itself; the index is closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the index."""
        self.close()
