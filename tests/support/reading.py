"""A process that reads text inside pictures and that a test may kill."""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path

from PIL import Image

from hybrid_search.index import HybridIndex
from hybrid_search.ingest import text_reading
from hybrid_search.ocr.text_line import TextLine
from tests.support.fakes import ColourEmbedder, LineReader
from tests.support.processes import PROCESSES


class StuckReader(LineReader):
    """Reads so many pictures, says so, and is then busy until it is killed."""

    def __init__(self, sender: Connection, pictures: int) -> None:
        super().__init__({})
        self._sender, self._pictures = sender, pictures

    def read(self, image: Image.Image) -> tuple[TextLine, ...]:
        if self.seen == self._pictures:
            self._sender.send(self.seen)
            self._sender.poll(None)
        return super().read(image)


def _read(location: Path, sender: Connection, pictures: int) -> None:
    text_reading._BATCH = text_reading._COMMIT = 1  # type: ignore[misc]
    with HybridIndex(location, embedder=ColourEmbedder(), create=False) as index:
        text_reading.read_text(index.backend, StuckReader(sender, pictures), workers=1)


def read_and_kill(location: Path, pictures: int) -> None:
    """Read pictures in another process, and kill it when it has read so many."""
    receiver, sender = PROCESSES.Pipe()
    child = PROCESSES.Process(target=_read, args=(location, sender, pictures))
    child.start()
    assert receiver.poll(120) and receiver.recv() == pictures
    child.kill()
    child.join()
    child.close()
