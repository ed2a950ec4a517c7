"""The folder that a run is asked for: what is found in it, what is left out, and what if it is not there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from hybrid_search.backends import Backend
from hybrid_search.document.document import is_below
from hybrid_search.errors import ImageUnreadable
from hybrid_search.errors.numbers import counted
from hybrid_search.errors.remedies import Call, Remedy
from hybrid_search.ingest.catalog import Catalog, mark_missing
from hybrid_search.ingest.folder_walk import FolderFile, is_video, walk
from hybrid_search.ingest.prune import vanished_documents
from hybrid_search.ingest.report import Failure, IngestOptions, IngestReport


class RootFolder:
    """A folder, or one file, under way.

    Parameters
    ----------
    path : Path
        Absolute.
    options : IngestOptions
        Which files are wanted.
    ours : collection of str
        Files and folders, absolute, that are not counted as left out: the captions file, and the index itself.
    """

    def __init__(self, path: Path, options: IngestOptions, *, ours: Collection[str] = ()) -> None:
        self._path, self._options, self._ours = path, options, ours
        self.seen: set[str] = set()
        self.unreadable: dict[str, OSError] = {}
        self.videos = self.others = 0

    def found(self) -> Iterator[FolderFile]:
        """Give every wanted file, and note all that was seen."""
        for file in self._walk(noted=True):
            self.seen.add(file.path)
            yield file

    def count(self) -> int:
        """Return how many files are wanted."""
        return sum(1 for _ in self._walk(noted=False))

    def failures(self) -> tuple[Failure, ...]:
        """Return the folders that could not be listed."""
        return tuple(Failure(folder, f"cannot list folder: {error}") for folder, error in self.unreadable.items())

    def _walk(self, *, noted: bool) -> Iterator[FolderFile]:
        options = self._options
        return walk(
            self._path,
            include=options.include,
            exclude=options.exclude,
            hidden=options.hidden,
            follow_symlinks=options.follow_symlinks,
            all_files=options.all_files,
            on_error=self.unreadable.__setitem__ if noted else None,
            on_other=self._leave_out if noted else None,
        )

    def _leave_out(self, path: str) -> None:
        if not any(is_below(path, own) for own in self._ours):
            self.videos += is_video(path)
            self.others += not is_video(path)


def of_gone_root(backend: Backend, root: Path, *, accepted: bool) -> IngestReport:
    """Mark all that the index knows below a folder that is gone, if that was accepted.

    Raises
    ------
    ImageUnreadable
        When it was not, or nothing is known; with what can be done.
    """
    catalog = Catalog.read(backend, root)
    known = [(id, facts) for id, facts in catalog if is_below(facts.path, str(root))]
    left = {id for id, facts in known if not facts.missing}
    if accepted and known:
        mark_missing(backend, catalog, set(), root=str(root), unreadable=(), accepted=True)
        return IngestReport(missing=sum(1 for _ in vanished_documents(backend)))
    remedy = Remedy()
    if left:
        meant = Call("HybridIndex.add_folder", (str(root),), {"accept_missing": True})
        marks = f" marks its {counted(len(left), 'picture')} as missing"
        remedy = "if it was moved, index it at its new place, if it is gone for good, " + meant + marks
    elif known:
        remedy = Call("HybridIndex.prune") + " lets go of what was there"
    raise ImageUnreadable(str(root), "there is no such file or folder", remedy)
