"""Pictures that wait for their embedding: one batch fills while the one before is in the network."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from hybrid_search.document.document import FileFacts
from hybrid_search.document.picture import Picture
from hybrid_search.embedders import Labels
from hybrid_search.errors import HybridSearchError, ImageUnreadable
from hybrid_search.ingest.picture_embedding import PictureEmbedding, Ready, Vectors
from hybrid_search.metadata import Metadata


@dataclass(frozen=True)
class ReadFile:
    """A file after its worker: a picture, or only what describes it when the index has its bytes already.

    `redescribe` asks to replace the stored metadata; otherwise `metadata` is merged into it, so that captions given in
    an earlier run are kept when a later run comes without them. `replaces`: the path had other bytes before.
    `named`: the document has an id that a caller gave it.
    """

    facts: FileFacts
    id: str
    metadata: Metadata
    picture: Picture | None = None
    pixels: Ready | None = None
    redescribe: bool = False
    replaces: bool = False
    named: bool = False


Embedded = tuple[ReadFile, Vectors, Labels]
"""A picture with its unit vectors and its labels."""

Read = TypeVar("Read", bound=ReadFile)


def read_of(future: Future[Read], name: str) -> Read | HybridSearchError:
    """Return what a worker has read, once it is done, or why it could not."""
    try:
        return future.result()
    except HybridSearchError as error:
        return error
    except Exception as error:
        # a decoder or parser that fails in a new way costs its own picture, never the run
        return ImageUnreadable(name, f"{type(error).__name__}: {error}")


class Batches:
    """Collects pictures and embeds them a batch at a time, in a thread of its own.

    Parameters
    ----------
    embedding : PictureEmbedding
        What the pictures go through.
    size : int
        Pictures of a batch.
    """

    def __init__(self, embedding: PictureEmbedding, size: int) -> None:
        self._embedding = embedding
        self._size = size
        self._filling: list[ReadFile] = []
        self._flying: list[ReadFile] = []
        self._future: Future[list[tuple[Vectors, Labels]]] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hybrid-search-batch")

    @property
    def full(self) -> bool:
        """Whether a batch has filled and should be sent off."""
        return len(self._filling) >= self._size

    def add(self, read: ReadFile) -> None:
        """Put a picture into the batch that fills."""
        self._filling.append(read)

    def find(self, id: str) -> ReadFile | None:
        """Return the waiting picture with this id."""
        return next((read for read in (*self._flying, *self._filling) if read.id == id), None)

    def replace(self, old: ReadFile, new: ReadFile) -> None:
        """Put another description of the same pixels in the place of a waiting picture."""
        for batch in (self._flying, self._filling):
            batch[:] = [new if read is old else read for read in batch]

    def turn(self) -> list[Embedded]:
        """Send the filled batch off, and return the one that was under way, once it is done."""
        done = self.land()
        self._flying, self._filling = self._filling, []
        if self._flying:
            pixels = [read.pixels for read in self._flying if read.pixels is not None]
            self._future = self._thread.submit(self._embedding.embed, pixels)
        return done

    def land(self) -> list[Embedded]:
        """Return the batch that is under way, once it is done, and send nothing off."""
        flying, embedded = self._flying, self._future.result() if self._future is not None else []
        self._flying, self._future = [], None
        return [(read, vectors, labels) for read, (vectors, labels) in zip(flying, embedded, strict=True)]

    def close(self) -> None:
        """End the thread; what is still in the network is lost."""
        self._thread.shutdown(wait=True, cancel_futures=True)
