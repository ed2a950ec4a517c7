"""An indexing process that a test may kill."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection
from pathlib import Path

import numkong  # noqa: F401  the library imports these when they are first needed, which is in every fork
import tantivy  # noqa: F401
import usearch.index  # noqa: F401

import hybrid_search.backends.embedded.backend  # noqa: F401
from hybrid_search.index import HybridIndex
from hybrid_search.ingest import IngestOptions, add_folder
from tests.support.fakes import ColourEmbedder
from tests.support.processes import PROCESSES


def _index(location: Path, folder: Path, sender: Connection) -> None:
    """Index a folder in small batches, and send the number of documents after each commit; 0 at the end."""
    index = HybridIndex(location, embedder=ColourEmbedder())
    backend = index.backend
    commit = backend.refresh

    def refresh() -> None:
        commit()
        sender.send(backend.count())

    backend.refresh = refresh  # type: ignore[method-assign]
    options = IngestOptions(batch_size=4, commit_size=8)
    add_folder(index._state, folder, options=options)
    sender.send(0)


def index_and_kill(location: Path, folder: Path, wait: float) -> tuple[int, bool]:
    """Index in another process, kill it a while after its first commit; return its last commit and whether it ended."""
    receiver, sender = PROCESSES.Pipe(duplex=False)
    child = PROCESSES.Process(target=_index, args=(location, folder, sender))
    child.start()
    sender.close()
    counts = [receiver.recv()]
    time.sleep(wait)
    child.kill()
    child.join()
    while True:
        try:
            counts.append(receiver.recv())
        except EOFError:
            break
    receiver.close()
    child.close()
    return max(counts), 0 in counts
