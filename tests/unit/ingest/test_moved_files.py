"""Files that move, are copied and vanish: living paths first, old ones let go, a copy costs a constant."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from hybrid_search.backends import Action, Outcome
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.cli import exits, run
from hybrid_search.document.document import FileFacts, file_fields
from hybrid_search.errors import ImageUnreadable
from hybrid_search.hits.hits import Hits
from hybrid_search.index import HybridIndex
from hybrid_search.ingest import IngestOptions, IngestReport, Progress, add_folder
from hybrid_search.ingest.many_pictures import Item, add_pictures
from hybrid_search.ingest.open_index import open_or_create
from hybrid_search.ingest.prune import let_go
from tests.support.fakes import ColourEmbedder, save_photo
from tests.support.servers import VERSIONS


@pytest.fixture
def index() -> Iterator[HybridIndex]:
    with HybridIndex(embedder=ColourEmbedder()) as index:
        yield index


@pytest.fixture(params=["embedded", VERSIONS[0]])
def anywhere(request: pytest.FixtureRequest) -> Iterator[HybridIndex]:
    """Return an empty index, on one of the real servers too."""
    if request.param == "embedded":
        with HybridIndex(embedder=ColourEmbedder()) as index:
            yield index
        return
    url, name = request.getfixturevalue("servers")[request.param], f"moved-{secrets.token_hex(4)}"
    try:
        with HybridIndex(url, name=name, embedder=ColourEmbedder()) as index:
            yield index
    finally:
        with Elasticsearch(url) as raw:
            raw.indices.delete(index=f"{name}-000001", ignore_unavailable=True)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for seed, name in enumerate(("2018/a.png", "2018/b.png", "2019/c.png")):
        save_photo(tmp_path / "Pictures" / name, seed, (40, 32))
    return tmp_path / "Pictures"


def _paths(index: HybridIndex) -> dict[str, list[str]]:
    return {document.id: document.source["path"] for document in index}


def _counts(report: IngestReport) -> tuple[int, int, int, int, int]:
    return report.added, report.updated, report.unchanged, report.copies, report.missing


def test_a_renamed_library_is_shown_where_it_is_and_the_old_paths_are_let_go(
    anywhere: HybridIndex, pictures: Path
) -> None:
    index = anywhere
    index.add_folder(pictures)
    photos = pictures.rename(pictures.with_name("Photos"))
    report = index.add_folder(photos)
    assert _counts(report) == (0, 3, 0, 0, 0) and report.moved == {str(pictures): 3}
    hits = index.search(filter=f'folder:"{pictures}"')
    assert len(hits) == 3 and all(str(hit.path).startswith(f"{photos}/") for hit in hits)
    assert all(not hit.source["missing"] for hit in hits)
    again = index.add_folder(photos)
    assert _counts(again) == (0, 0, 3, 0, 0) and again.moved == {}, "said once"
    gone = index.prune(dry_run=True)
    assert gone == [] and sorted(sum(gone.paths.values(), ())) == sorted(
        str(pictures / path.relative_to(photos)) for path in photos.rglob("*.png")
    )
    assert index.prune() == [] and len(index) == 3
    assert all(len(paths) == 1 and Path(paths[0]).exists() for paths in _paths(index).values())
    assert index.prune(dry_run=True).paths == {}


def test_a_path_that_another_has_found_again_is_not_let_go(index: HybridIndex, pictures: Path) -> None:
    index.add_folder(pictures)
    photos = pictures.rename(pictures.with_name("Photos"))
    index.add_folder(photos)
    gone = index.prune(dry_run=True)
    shutil.copytree(photos, pictures)
    assert index.prune(dry_run=True).paths == {}, "it is there"
    index.add_folder(pictures)
    let_go(index.backend, gone)
    assert all(len(paths) == 2 for paths in _paths(index).values())


def test_one_that_was_indexed_at_both_places_is_let_go_too(index: HybridIndex, pictures: Path) -> None:
    shutil.copytree(pictures, pictures.with_name("Photos"))
    index.add_folder(pictures)
    assert index.add_folder(pictures.with_name("Photos")).copies == 3
    shutil.rmtree(pictures)
    report = index.add_folder(pictures.with_name("Photos"))
    assert _counts(report) == (0, 0, 3, 0, 0) and report.moved == {str(pictures): 3}
    assert all("Photos" in paths[0] and "Pictures" in paths[1] for paths in _paths(index).values())


def test_a_file_that_was_moved_from_a_folder_that_is_still_there(index: HybridIndex, pictures: Path) -> None:
    index.add_folder(pictures)
    new = pictures.with_name("Best") / "c.png"
    new.parent.mkdir()
    (pictures / "2019" / "c.png").rename(new)
    report = index.add_folder(new.parent)
    assert (report.updated, report.copies, report.moved) == (1, 0, {str(pictures / "2019"): 1})
    assert index.search(filter='filename:"c.png"')[0].path == str(new)


def test_a_file_that_is_added_by_itself_is_shown_where_it_is(index: HybridIndex, pictures: Path) -> None:
    old = pictures / "2019" / "c.png"
    id = index.add(old)
    new = old.rename(pictures / "c.png")
    assert index.add(new) == id and index.get(id).source["path"] == [str(new), str(old)]
    assert index.prune() == [] and index.get(id).source["path"] == [str(new)]
    new.rename(old)
    index.add_folder(pictures / "2019")
    new.symlink_to(old)
    index.add(old)
    assert not index.get(id).source.get("missing_path"), "both are there"


def test_a_drive_that_is_back_is_not_read_again(
    index: HybridIndex, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(pictures, pictures.with_name("home"))
    index.add_folder(pictures)
    away = pictures.rename(pictures.with_name("away"))
    index.add_folder(pictures.with_name("home"))
    away.rename(pictures)
    monkeypatch.setattr("hybrid_search.ingest.pipeline.read_source", lambda *_, **__: pytest.fail("a file was read"))
    assert _counts(index.add_folder(pictures)) == (0, 3, 0, 0, 0)
    assert index.prune(dry_run=True).paths == {}
    assert _counts(index.add_folder(pictures)) == (0, 0, 3, 0, 0)


def test_a_folder_that_is_gone_is_let_go_when_that_is_meant(index: HybridIndex, pictures: Path) -> None:
    index.add_folder(pictures)
    shutil.copy(pictures / "2019" / "c.png", pictures.with_name("c.png"))
    index.add_folder(pictures.with_name("c.png"))
    shutil.rmtree(pictures)
    with pytest.raises(
        ImageUnreadable, match=r"file or folder; .*accept_missing=True\)` marks its 3 pictures as missing"
    ):
        index.add_folder(pictures)
    assert len(index.search(filter="missing:true")) == 0
    assert _counts(index.add_folder(pictures, accept_missing=True)) == (0, 0, 0, 0, 2)
    assert len(index.search(filter="missing:false")) == 1
    assert len(index.prune()) == 2 and list(_paths(index).values()) == [[str(pictures.with_name("c.png"))]]
    with pytest.raises(ImageUnreadable, match=r"no such file or folder$"):
        index.add_folder(pictures, accept_missing=True)


def test_living_files_come_before_urls_and_these_before_what_has_vanished() -> None:
    gone, url, here = FileFacts("/a.jpg", 1, 1, missing=True), FileFacts("http://x/b.jpg"), FileFacts("/c.jpg", 1, 1)
    fields = file_fields([gone, url, here])
    assert fields["path"] == ["/c.jpg", "http://x/b.jpg", "/a.jpg"] and fields["missing_path"] == ["/a.jpg"]
    assert file_fields([here, url])["missing_path"] is None, "an update takes what was there away"
    assert file_fields([replace(here, missing=True)])["missing"] is True


# -- copies ----------------------------------------------------------------------------------------------------------


class Counting(EmbeddedBackend):
    """Counts the entries of files that it is given to write, and the documents that it is asked for."""

    written = 0
    read_files = 0

    def bulk(self, actions: Sequence[Action]) -> list[Outcome]:  # type: ignore[override]
        self.written += sum(len(action.source.get("files", ())) for action in actions)
        return super().bulk(actions)

    def read(self, id: str, *, vectors: bool = False):  # type: ignore[no-untyped-def]
        stored = super().read(id, vectors=vectors)
        self.read_files += len(stored.source["files"])
        return stored


def _copies(picture: Path, folder: Path, number: int) -> None:
    folder.mkdir()
    for each in range(number):
        os.link(picture, folder / f"{each:04d}.png")


def test_a_further_copy_costs_a_constant(index: HybridIndex, tmp_path: Path) -> None:
    picture = save_photo(tmp_path / "in" / "cover.png", 1, (40, 32))
    backend = Counting(None)
    state = open_or_create(backend, index.embedder)
    options = IngestOptions(commit_size=10, workers=1)

    def indexed() -> tuple[int, int, int, int, int]:
        backend.written = backend.read_files = 0
        return _counts(add_folder(state, tmp_path / "in", options=options))

    assert indexed() == (1, 0, 0, 0, 0)
    _copies(picture, tmp_path / "in" / "more", 600)
    assert indexed() == (0, 0, 1, 600, 0)
    # the whole list each time would be 601 · 602 / 2, each ten files a tenth of that
    assert backend.written < 8 * 600 and backend.read_files < 8 * 600
    assert len(backend.get(next(iter(dict(backend.scan()))))["files"]) == 601
    assert indexed() == (0, 0, 601, 0, 0) and backend.written == 0
    other = save_photo(tmp_path / "other.png", 2, (40, 32))
    for path in (tmp_path / "in" / "more").iterdir():
        path.unlink()
        shutil.copyfile(other, path)
    assert indexed() == (0, 600, 1, 0, 0), "all have the bytes of another picture now"
    assert backend.written < 8 * 600 and backend.read_files < 8 * 600
    assert sorted(len(source["files"]) for _, source in backend.scan()) == [1, 600]
    shutil.rmtree(tmp_path / "in" / "more")
    assert indexed() == (0, 0, 1, 0, 1) and backend.written == 600
    backend.close()


def test_copies_that_are_handed_over_together_are_written_together(index: HybridIndex, tmp_path: Path) -> None:
    picture = save_photo(tmp_path / "cover.png", 1, (40, 32))
    backend = Counting(None)
    backend.create(index.backend.definition())
    _copies(picture, tmp_path / "more", 300)
    paths = [picture, *sorted((tmp_path / "more").iterdir())]
    items = [Item(str(path), None, {"tags": [f"t{number}"]}) for number, path in enumerate(paths)]
    report = add_pictures(backend, index.filling(), items, options=IngestOptions())
    assert (report.added, report.updated, report.failed) == (1, 300, ())
    assert backend.written < 8 * 300, "one by one they would be 301 · 302 / 2"
    ((id, source),) = backend.scan()
    assert sorted(source["path"]) == sorted(map(str, paths)) and set(report.ids) == {id}
    assert source["tags"] == ["t300"], "as one by one: what is said last"
    backend.close()


def test_an_interrupted_run_keeps_the_copies_that_it_has_seen(index: HybridIndex, pictures: Path) -> None:
    index.add_folder(pictures)
    _copies(pictures / "2018" / "a.png", pictures / "2020", 30)

    def interrupt(progress: Progress) -> None:
        if progress.done == 23:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.add_folder(pictures, progress=interrupt)
    assert sorted(len(paths) for paths in _paths(index).values()) == [1, 1, 21]
    assert _counts(index.add_folder(pictures)) == (0, 0, 23, 10, 0)


def test_copies_are_told_from_files_that_were_moved(index: HybridIndex, pictures: Path) -> None:
    shutil.copy(pictures / "2018" / "a.png", pictures / "2019" / "a.png")
    assert _counts(index.add_folder(pictures)) == (3, 0, 0, 1, 0), "of a first run too"
    (pictures / "2018" / "a.png").rename(pictures / "2018" / "z.png")
    shutil.copy(pictures / "2018" / "b.png", pictures / "2019" / "b.png")
    assert _counts(index.add_folder(pictures)) == (0, 1, 3, 1, 0)
    assert sorted(len(paths) for paths in _paths(index).values()) == [1, 2, 2]
    for path in (pictures / "2018" / "z.png", pictures / "2019" / "a.png"):
        path.rename(path.with_name(f"{path.stem}-{path.parent.name}.png"))
    assert _counts(index.add_folder(pictures)) == (0, 2, 3, 0, 0), "two were moved, neither is new"


def test_captions_of_many_copies_are_all_kept(index: HybridIndex, pictures: Path) -> None:
    index.add_folder(pictures)
    captions = pictures.with_name("captions.csv")
    captions.write_text("path,tags\n2018/a.png,sea\nx.png,sand\ny.png,sun\n")
    for name in ("x.png", "y.png"):
        shutil.copy(pictures / "2018" / "a.png", pictures / name)
    assert index.add_folder(pictures, captions=captions).copies == 2
    (hit,) = index.search("sand")
    assert sorted(hit.source["tags"]) == ["sand", "sea", "sun"] and len(hit.source["path"]) == 3


# -- what has vanished -----------------------------------------------------------------------------------------------


def _found(hits: Hits) -> tuple[list[str], int]:
    return sorted(os.path.basename(str(hit.path)) for hit in hits), hits.total


def test_what_has_vanished_is_no_hit_unless_it_is_asked_for(anywhere: HybridIndex, pictures: Path) -> None:
    index = anywhere
    index.add_folder(pictures)
    data = (pictures / "2018" / "b.png").read_bytes()
    (pictures / "2018" / "b.png").unlink()
    assert index.add_folder(pictures).missing == 1
    by_name = index.search(filter="format:png", facets=["format"])
    assert _found(by_name) == (["a.png", "c.png"], 2) and by_name.facets == {"format": {"png": 2}}
    assert _found(index.search("2018")) == (["a.png"], 1)
    by_example = index.search(image=data, facets=["format"])
    assert _found(by_example)[0] == ["a.png", "c.png"] and by_example.facets == {"format": {"png": 2}}
    assert all(hit.matched == () for hit in index.search("2018", explain=True) if hit.legs == {})
    assert not any("missing" in name for hit in index.search("2018", explain=True) for name in hit.matched)
    assert _found(index.search("2018", missing=True)) == (["a.png", "b.png"], 2)
    assert _found(index.search(image=data, missing=True))[0] == ["a.png", "b.png", "c.png"]
    assert _found(index.search(filter="missing:true")) == (["b.png"], 1)
    assert _found(index.search("2018", filter="missing:*")) == (["a.png", "b.png"], 2)
    assert _found(index.search(filter={"term": {"missing": True}})) == (["b.png"], 1)
    assert len(index.find_duplicates(data)) == 0, "what is looked up may be the last"
    assert len(index.find_duplicates(data, filter="missing:true")) == 1
    (pictures / "2018" / "b.png").write_bytes(data)
    index.add_folder(pictures)
    assert _found(index.search("2018")) == (["a.png", "b.png"], 2) and len(index.find_duplicates(data)) == 1


def test_the_report_and_prune_say_one_number(index: HybridIndex, pictures: Path) -> None:
    shutil.copy(pictures / "2018" / "a.png", pictures / "2019" / "a.png")
    index.add_folder(pictures)
    for name in ("2018/a.png", "2019/a.png", "2018/b.png"):
        (pictures / name).unlink()
    for _ in range(2):
        assert index.add_folder(pictures).missing == len(index.prune(dry_run=True)) == 2, "two pictures, three files"
        assert (index.info()["documents"], index.info()["missing"]) == (3, 2)
    other = save_photo(pictures.with_name("Other") / "d.png", 9, (40, 32))
    assert index.add_folder(other.parent).missing == 2, "of the whole index"
    assert len(index.prune()) == 2 and index.add_folder(pictures).missing == 0


# -- the command line ------------------------------------------------------------------------------------------------


def test_the_command_line_says_what_became_of_a_renamed_library(
    tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*arguments: str) -> tuple[int, str]:
        code = run(["--index", str(at), *arguments])
        out, err = capsys.readouterr()
        return code, out + err

    shutil.copy(pictures / "2018" / "a.png", pictures / "copy.png")
    (pictures / "film.MOV").touch()
    (pictures / "notes.txt").touch()
    (pictures / "captions.csv").write_text("path,caption\ncopy.png,a copy\n")
    at = pictures / "index"
    save_photo(pictures / "2018" / "named.png", 7, (40, 32)).rename(pictures / "2018" / "named")
    captions = ["--captions", str(pictures / "captions.csv"), "--embedder", "colour:lab"]
    code, said = told("index", str(pictures), *captions, "--no-progress")
    assert code == exits.OK and said.startswith("3 added, 0 updated, 0 unchanged, 1 copy in ")
    assert "1 video and 2 other files were left out; --all-files looks into files of other names\n" in said
    _, said = told("index", str(pictures), "--all-files", "--no-progress")
    assert said.startswith("1 added, 0 updated, 4 unchanged in ")
    assert "1 video and 2 other files were left out\n" in said, "the captions of the first run are a file as any"
    (pictures / "captions.csv").unlink()
    photos = pictures.rename(pictures.with_name("Photos"))
    at = photos / "index"
    code, said = told("index", str(pictures), "--no-progress")
    assert code == exits.USAGE and "if it was moved, index it at its new place" in said
    _, said = told("index", str(photos), "--no-progress")
    assert f"3 pictures of {pictures} were found here: that folder is gone; `hybrid-search --index" in said
    code, said = told("prune", "--dry-run")
    assert code == exits.OK and said.endswith(
        "0 pictures would be removed from the index, 4 old paths of others let go\n"
    )
    assert told("prune", "--yes")[1] == "0 pictures removed from the index, 4 old paths of others let go\n"
    (photos / "2019" / "c.png").unlink()
    assert "1 missing (`hybrid-search" in told("index", str(photos), "--no-progress")[1]
    assert "c.png" not in told("search", "--filter", "format:png", "--paths")[1]
    assert "c.png" in told("search", "--filter", "format:png", "--missing", "--paths")[1]
    assert told("prune", "--yes")[1] == "1 picture removed from the index\n"
    best = photos / "best"
    best.mkdir()
    (photos / "2018").rename(best / "2018")
    rest = [str(photos / "2018"), str(photos / "2019"), str(best)]
    code, said = told("index", *rest, "--no-progress")
    assert code == exits.PARTIAL and f"failed: {photos / '2018'}: there is no such file or folder; `hybrid-s" in said
    (best / "2018" / "2018").mkdir()
    for path in (best / "2018").glob("*.png"):
        path.rename(path.parent / "2018" / path.name)
    (best / "2018" / "2018").rename(photos / "2018")
    code, said = told("index", str(best), str(photos / "2018"), "--no-progress")
    assert code == exits.OK and "vanished" not in said, "all of one folder, found in the other"
    code, said = told("index", str(tmp_path / "typo"))
    assert code == exits.USAGE and "does not exist" in said
