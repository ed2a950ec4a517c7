"""An embedded index with more fields: its documents written anew, its vectors where they are.

tantivy gives all documents of a segment the columns that there were when it was written, so that a field more takes a
new version of them. The files of vectors, which are most of an index and took longest to make, become those of the new
version by links; rows keep their numbers.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

from hybrid_search.backends.embedded.clauses.compound_clauses import everything
from hybrid_search.backends.embedded.documents.document_pages import addresses
from hybrid_search.backends.embedded.documents.schema import ID
from hybrid_search.backends.embedded.documents.tantivy_documents import read_source
from hybrid_search.backends.embedded.error_translation import guarded, reading
from hybrid_search.backends.embedded.index_folder import Folder
from hybrid_search.backends.embedded.snapshot import Snapshot
from hybrid_search.backends.embedded.writer import Current, Writer, stored_rows


def take_over(snapshot: Snapshot, folder: Folder, new: Folder, *, writer: Callable[[], Writer]) -> None:
    """Write all documents of a commit into a new, empty version of the index, and commit them.

    Parameters
    ----------
    snapshot : Snapshot
    folder, new : Folder
        Where the commit is, and the new version.
    writer : callable
        Opens the new version for writing, once it has its vectors.

    Raises
    ------
    StorageFull
    """
    with guarded(folder.location):
        if (vectors := folder.path / "vectors").exists():
            shutil.copytree(vectors, new.path / "vectors", copy_function=_link, dirs_exist_ok=True)
    # what counts the rows goes along, or the writer would take them back
    new.write_statistics({"lengths": {}, "rows": folder.statistics().get("rows", {})})
    opened = writer()
    for address in addresses(snapshot, everything(0.0), location=folder.location):
        with reading(folder.location):
            native = snapshot.searcher.doc(address)
            current = Current(read_source(native), stored_rows(snapshot, address))
        opened.keep(str(native.get_first(ID)), current)
    opened.commit()


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        # a file system without links
        shutil.copy2(source, target)
