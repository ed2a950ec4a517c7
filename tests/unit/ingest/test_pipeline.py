"""A folder becomes documents: added, updated, unchanged, failed, renamed, vanished, interrupted."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid_search.errors import ImageUnreadable
from hybrid_search.index import HybridIndex
from hybrid_search.ingest import IngestReport, Progress
from tests.support.fakes import ColourEmbedder, save_photo


@pytest.fixture
def index() -> Iterator[HybridIndex]:
    with HybridIndex(embedder=ColourEmbedder()) as index:
        yield index


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(("a.png", "b.jpg", "trip/c.webp")):
        save_photo(tmp_path / "photos" / name, seed)
    return tmp_path / "photos"


def _counts(report: IngestReport) -> tuple[int, int, int, int, int]:
    return report.added, report.updated, report.unchanged, len(report.failed), report.missing


def _paths(index: HybridIndex) -> dict[str, list[str]]:
    return {document.id: document.source["path"] for document in index}


def _embedder(index: HybridIndex) -> ColourEmbedder:
    assert isinstance(index.embedder, ColourEmbedder)
    return index.embedder


def test_adds_then_finds_everything_unchanged(index: HybridIndex, folder: Path) -> None:
    assert _counts(index.add_folder(folder)) == (3, 0, 0, 0, 0)
    assert len(index) == 3
    seen = _embedder(index).seen
    assert _counts(index.add_folder(folder)) == (0, 0, 3, 0, 0)
    assert _embedder(index).seen == seen, "an unchanged file is not embedded again"


def test_a_document_holds_what_the_file_is(index: HybridIndex, folder: Path) -> None:
    index.add_folder(folder)
    path = str(folder / "trip" / "c.webp")
    (hit,) = index.search(filter=f'path:"{path}"')
    source = hit.source
    assert (source["width"], source["height"], source["format"]) == (160, 120, "webp")
    assert source["bytes"] == os.path.getsize(path)
    assert source["folder"][:2] == [str(folder / "trip"), str(folder)]
    assert source["filename"] == ["c.webp"] and source["missing"] is False
    assert source["shape"] == "landscape"


def test_words_of_every_folder_below_the_indexed_one_find_a_picture(index: HybridIndex, tmp_path: Path) -> None:
    photos = tmp_path / "private" / "photos"
    save_photo(photos / "Italy_2019" / "Rome" / "day" / "IMG_0108.png", 1)
    index.add_folder(photos / "Italy_2019" / "Rome")

    def found() -> list[str]:
        asked = ("rome", "day", "italy", "photos", "private", "IMG_0108")
        return [text for text in asked if len(index.search(text, weights={"text": 1}))]

    assert found() == ["rome", "day", "IMG_0108"]
    assert _counts(index.add_folder(photos)) == (0, 1, 0, 0, 0), "more folders are known of it"
    assert found() == ["rome", "day", "italy", "IMG_0108"]
    assert _counts(index.add_folder(photos / "Italy_2019" / "Rome")) == (0, 0, 1, 0, 0)
    (hit,) = index.search("italy img", explain=True)
    assert set(hit.matched) == {"term:italy@folder", "term:img@filename"}


def test_one_bad_file_is_one_line(index: HybridIndex, folder: Path) -> None:
    (folder / "broken.jpg").write_bytes((folder / "b.jpg").read_bytes()[:300])
    (folder / "text.png").write_text("not a picture")
    report = index.add_folder(folder)
    assert _counts(report) == (3, 0, 0, 2, 0)
    assert sorted(Path(failure.path).name for failure in report.failed) == ["broken.jpg", "text.png"]
    assert all("\n" not in failure.error and failure.error for failure in report.failed)


def test_on_error_raise_stops_and_keeps_what_was_done(index: HybridIndex, folder: Path) -> None:
    (folder / "aa.jpg").write_text("not a picture")
    with pytest.raises(ImageUnreadable):
        index.add_folder(folder, on_error="raise", batch_size=1)
    assert len(index) == 1


def test_renaming_keeps_the_vector(index: HybridIndex, folder: Path) -> None:
    index.add_folder(folder)
    seen, before = _embedder(index).seen, _paths(index)
    (folder / "a.png").rename(folder / "trip" / "renamed.png")
    assert _counts(index.add_folder(folder)) == (0, 1, 2, 0, 0)
    after = _paths(index)
    assert before.keys() == after.keys() and _embedder(index).seen == seen
    assert [str(folder / "trip" / "renamed.png")] in after.values()
    assert [str(folder / "a.png")] not in after.values()


def test_files_renamed_in_a_row_keep_their_documents(index: HybridIndex, tmp_path: Path) -> None:
    for number in range(1, 9):
        save_photo(tmp_path / f"{number:03d}.png", number)
    index.add_folder(tmp_path)
    seen, before = _embedder(index).seen, set(_paths(index))
    for number in range(8, 0, -1):
        (tmp_path / f"{number:03d}.png").rename(tmp_path / f"{number + 1:03d}.png")
    save_photo(tmp_path / "001.png", 99)
    report = index.add_folder(tmp_path, batch_size=2)
    assert report.failed == () and len(index) == 9
    assert before < set(_paths(index)) and _embedder(index).seen <= seen + 9
    assert sorted(paths[0] for paths in _paths(index).values()) == sorted(map(str, tmp_path.iterdir()))
    assert all(len(paths) == 1 for paths in _paths(index).values())
    assert _counts(index.add_folder(tmp_path)) == (0, 0, 9, 0, 0)


def test_swapped_files_keep_their_documents(index: HybridIndex, folder: Path) -> None:
    save_photo(folder / "z.png", 50)
    index.add_folder(folder)
    before = set(_paths(index))
    (folder / "a.png").rename(folder / "t")
    (folder / "z.png").rename(folder / "a.png")
    (folder / "t").rename(folder / "z.png")
    assert index.add_folder(folder).failed == ()
    assert set(_paths(index)) == before


def test_a_folder_adds_a_path_to_what_was_added_as_bytes(index: HybridIndex, folder: Path) -> None:
    id = index.add((folder / "a.png").read_bytes(), metadata={"caption": "precious"})
    assert _counts(index.add_folder(folder)) == (2, 1, 0, 0, 0)
    assert index.get(id).source["caption"] == "precious" and index.get(id).path == str(folder / "a.png")


def test_a_copy_elsewhere_keeps_the_path_on_an_unplugged_drive(index: HybridIndex, folder: Path) -> None:
    shutil.copytree(folder, folder.parent / "home")
    index.add_folder(folder)
    folder.rename(folder.parent / "unplugged")
    index.add_folder(folder.parent / "home")
    assert all(len(paths) == 2 for paths in _paths(index).values())


def test_exact_copies_are_one_document_with_two_paths(index: HybridIndex, folder: Path) -> None:
    shutil.copy(folder / "a.png", folder / "copy.png")
    report = index.add_folder(folder)
    assert (report.added, report.updated, report.copies) == (3, 0, 1)
    assert sorted(len(paths) for paths in _paths(index).values()) == [1, 1, 2]
    shutil.copy(folder / "a.png", folder / "later.png")
    index.add_folder(folder)
    assert sorted(len(paths) for paths in _paths(index).values()) == [1, 1, 3]


def test_an_edited_file_replaces_its_document(index: HybridIndex, folder: Path) -> None:
    index.add_folder(folder)
    before = _paths(index)
    save_photo(folder / "a.png", 77)
    assert _counts(index.add_folder(folder)) == (0, 1, 2, 0, 0)
    after = _paths(index)
    assert len(after) == 3 and before.keys() != after.keys()
    assert sorted(after.values()) == sorted(before.values())


def test_a_vanished_file_is_marked_until_prune(index: HybridIndex, folder: Path) -> None:
    index.add_folder(folder)
    (folder / "b.jpg").rename(folder.parent / "away.jpg")
    assert _counts(index.add_folder(folder)) == (0, 0, 2, 0, 1)
    assert len(index) == 3
    assert [hit.source["filename"] for hit in index.search(filter="missing:true")] == [["b.jpg"]]
    seen = _embedder(index).seen
    (folder.parent / "away.jpg").rename(folder / "b.jpg")
    assert index.add_folder(folder).missing == 0
    assert len(index.search(filter="missing:true")) == 0 and _embedder(index).seen == seen
    (folder / "b.jpg").unlink()
    index.add_folder(folder)
    assert len(index.prune(dry_run=True)) == 1 and len(index) == 3
    assert [document.path for document in index.prune()] == [str(folder / "b.jpg")]
    assert len(index) == 2


def test_an_absent_folder_marks_nothing(index: HybridIndex, folder: Path) -> None:
    index.add_folder(folder)
    folder.rename(folder.parent / "unplugged")
    with pytest.raises(ImageUnreadable, match="no such file or folder"):
        index.add_folder(folder)
    assert len(index.search(filter="missing:true")) == 0


def test_captions_are_added_changed_and_kept(index: HybridIndex, folder: Path) -> None:
    index.add_folder(folder)
    seen = _embedder(index).seen
    captions = folder.parent / "captions.csv"
    captions.write_text("path,caption,tags\na.png,a yacht in harbour,sea;boat\n")
    assert _counts(index.add_folder(folder, captions=captions)) == (0, 1, 2, 0, 0)
    assert index.search("yacht")[0].source["tags"] == ["sea", "boat"]
    captions.write_text("path,caption,tags\na.png,a yacht in harbour,sea;boat\ngone.png,nothing\n")
    assert index.add_folder(folder, captions=captions).unused_captions == ("gone.png (line 3)",)
    assert _counts(index.add_folder(folder)) == (0, 0, 3, 0, 0), "without a captions file, captions stay"
    captions.write_text("path,caption\na.png,a lighthouse\n")
    assert index.add_folder(folder, captions=captions).updated == 1
    assert len(index.search("yacht")) == 0 and len(index.search("lighthouse")) == 1
    assert _embedder(index).seen == seen, "another caption needs no new embedding"


def test_sidecars_are_read_and_followed(index: HybridIndex, folder: Path) -> None:
    sidecar = folder / "a.png.json"
    sidecar.write_text(json.dumps({"caption": "an old mill"}))
    index.add_folder(folder)
    assert index.search("mill")[0].source["filename"] == ["a.png"]
    sidecar.write_text(json.dumps({"caption": "a wind turbine"}))
    os.utime(sidecar, ns=(1, 1))
    assert index.add_folder(folder).updated == 1
    assert len(index.search("mill")) == 0 and len(index.search("turbine")) == 1


def test_labels_and_hypernyms_find_uncaptioned_pictures(index: HybridIndex, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (64, 64), (200, 10, 10)).save(tmp_path / "1.png")
    Image.new("RGB", (64, 64), (10, 10, 200)).save(tmp_path / "2.png")
    index.add_folder(tmp_path)
    assert [hit.source["labels"] for hit in index.search("crimson")] == [["crimson"]]
    assert [hit.source["labels"] for hit in index.search("blue")] == [["navy"]]


def test_an_id_from_the_caller_survives_a_run(index: HybridIndex, folder: Path) -> None:
    index.add(folder / "a.png", id="my-picture", metadata={"caption": "mine"})
    assert _counts(index.add_folder(folder)) == (2, 0, 1, 0, 0)
    os.utime(folder / "a.png", ns=(5, 5))
    assert _counts(index.add_folder(folder)) == (0, 1, 2, 0, 0)
    assert index.get("my-picture").source["caption"] == "mine"
    save_photo(folder / "a.png", 99)
    assert _counts(index.add_folder(folder)) == (0, 1, 2, 0, 0)
    assert len(index) == 3 and "my-picture" in index


def test_an_interrupted_run_keeps_what_it_embedded(index: HybridIndex, folder: Path) -> None:
    for seed in range(20):
        save_photo(folder / f"many{seed:02d}.png", 100 + seed)

    def interrupt(progress: Progress) -> None:
        if progress.done == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.add_folder(folder, batch_size=4, progress=interrupt)
    kept = len(index)
    assert 12 <= kept <= 16, "what was in the network is kept too"
    assert _counts(index.add_folder(folder)) == (23 - kept, 0, kept, 0, 0)


def test_progress_counts_every_file_of_the_total(index: HybridIndex, folder: Path) -> None:
    told: list[Progress] = []
    index.add_folder(folder, progress=told.append)
    assert [(progress.done, progress.total) for progress in told] == [(1, 3), (2, 3), (3, 3)]


def test_names_that_are_not_utf8_are_reported(index: HybridIndex, folder: Path) -> None:
    shutil.copy(folder / "a.png", os.fsencode(folder) + b"/bad\xff.png")
    report = index.add_folder(folder)
    assert (report.added, len(report.failed)) == (3, 1)
    assert "not valid UTF-8" in report.failed[0].error
