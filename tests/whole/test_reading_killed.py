"""Killed while it reads text inside pictures, an index keeps what was read, and the next run goes on from there."""

from __future__ import annotations

from pathlib import Path

from hybrid_search.index import HybridIndex
from hybrid_search.ingest.text_reading import read_text
from tests.support.fakes import ColourEmbedder, LineReader, save_photo
from tests.support.reading import read_and_kill


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    for seed in range(12):
        save_photo(tmp_path / "photos" / f"{seed:02d}.png", seed, (64, 48))
    with HybridIndex(tmp_path / "index", embedder=ColourEmbedder()) as index:
        index.add_folder(tmp_path / "photos")
    for _ in range(2):
        read_and_kill(tmp_path / "index", 5)
    reader = LineReader({})
    with HybridIndex(tmp_path / "index", embedder=ColourEmbedder(), create=False) as index:
        assert read_text(index.backend, reader).read == 2 == reader.seen
        assert all(document.source["text_read_by"] == "lines/1" for document in index)
