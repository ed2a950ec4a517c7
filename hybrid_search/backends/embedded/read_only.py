"""Searching a folder that may be read and not written.

tantivy takes a lock, which is a file, also for reading. Where there may be none in the index's folder, it is given a
folder of its own in the system's place for temporary files, with links to the files of the commit.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hybrid_search.backends.embedded.documents.segments import segment_files
from hybrid_search.backends.embedded.error_translation import is_denied
from hybrid_search.backends.embedded.vectors.vector_rows import replace_file

if TYPE_CHECKING:
    import tantivy

_TRIES = 5
"""How often the links are made anew when the commit before has just gone."""


class ReadOnlyCopy:
    """A temporary folder that shows the commit of another; it goes with the object.

    Parameters
    ----------
    tantivy : Path
        The folder of the documents.
    """

    def __init__(self, tantivy: Path) -> None:
        self._tantivy = Path(os.path.abspath(tantivy))
        self._folder = tempfile.TemporaryDirectory(prefix="hybrid-search-", ignore_cleanup_errors=True)
        self.path = Path(self._folder.name)
        self.refresh()

    def refresh(self) -> None:
        """Show the latest commit."""
        for _ in range(_TRIES):
            meta = (self._tantivy / "meta.json").read_bytes()
            replace_file(self.path / "meta.json", meta)
            names = segment_files(self.path) or []
            for name in names:
                if not os.path.lexists(self.path / name):
                    _link(self._tantivy / name, self.path / name)
            if all((self.path / name).exists() for name in names):
                return

    def close(self) -> None:
        """Remove the links."""
        self._folder.cleanup()


def open_index(tantivy: Path) -> tuple[tantivy.Index, ReadOnlyCopy | None]:
    """Return tantivy's index of a folder, and what stands for the folder where that cannot be written."""
    from tantivy import Index

    try:
        return Index.open(str(tantivy)), None
    except ValueError as error:
        if not is_denied(error):
            raise
    shadow = ReadOnlyCopy(tantivy)
    return Index.open(str(shadow.path)), shadow


def _link(source: Path, target: Path) -> None:
    try:
        os.symlink(source, target)
    except OSError:
        # Windows lets few people make symbolic links
        os.link(source, target)
