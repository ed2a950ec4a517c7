"""What was said of copies stays when the copies go, and the index knows where files lie afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid_search.backends import Action, Backend
from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.document.document import FileFacts, file_fields
from hybrid_search.duplicates.act.actions import ActionReport, apply
from hybrid_search.duplicates.act.keep import parse_keep
from hybrid_search.duplicates.act.merge_metadata import merge_fields, merge_metadata
from hybrid_search.duplicates.act.plan import Plan, choose, make_plan
from hybrid_search.duplicates.act.undo import undo
from hybrid_search.duplicates.model import DuplicateGroup, Member
from hybrid_search.errors import ActionRefused, BackendUnavailable, DocumentNotFound
from hybrid_search.hits.evidence import Evidence
from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder, photo, save_photo
from tests.support.photos import definition, unit
from tests.support.picture_files import described, grouped
from tests.support.servers import VERSIONS


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("home")))


# -- fields ---------------------------------------------------------------------------------------------------------


def test_what_the_kept_has_stays_and_what_it_lacks_is_taken_over() -> None:
    kept = {"title": "Beach", "tags": ["sea"], "place": {"city": "Nice"}}
    first = {"title": "DSC_1", "caption": "a boat", "tags": ["Sea", "sand"], "rating": 3}
    second = {"caption": "a ship", "tags": ["sun", "sea"], "rating": 3, "artist": "Ann"}
    added, dropped = merge_fields(kept, [first, second])
    assert added == {"caption": "a boat", "tags": ["sea", "sand", "sun"], "rating": 3, "artist": "Ann"}
    assert dropped == {"title": ("DSC_1",), "caption": ("a ship",)}
    assert kept == {"title": "Beach", "tags": ["sea"], "place": {"city": "Nice"}}, "arguments are not altered"


@pytest.mark.parametrize(
    ("kept", "copy", "added"),
    [
        # half of one moment, place or shot and half of another would be neither
        ({"taken_at": "2001-01-01T00:00:00"}, {"taken_at": "2001-01-01T00:00:00", "taken_offset": "+02:00"}, {}),
        ({}, {"taken_at": "2001-01-01T00:00:00+02:00", "taken_offset": "+02:00"}, {"taken_at", "taken_offset"}),
        ({"location": {"lat": 1.0, "lon": 2.0}}, {"altitude": 10.0, "place": {"city": "Rome"}}, {}),
        ({}, {"location": {"lat": 1.0, "lon": 2.0}, "altitude": 10.0}, {"location", "altitude"}),
        ({"camera": {"make": "Canon"}}, {"iso": 100, "lens": "EF 50"}, {}),
        ({"software": "GIMP"}, {"iso": 100, "camera": {"make": "Canon"}}, {"iso", "camera.make"}),
        ({"extra": {"price": 1}}, {"extra": {"price": 2, "client": "ACME"}}, {"extra.client"}),
        # how a copy was saved says nothing of the kept file
        ({}, {"software": "GIMP", "width": 3, "labels": ["cat"], "caption": ""}, {}),
    ],
)
def test_facts_that_belong_together_come_together(kept: Any, copy: Any, added: Any) -> None:
    assert set(merge_fields(kept, [copy])[0]) == set(added)


def test_two_copies_never_give_halves_of_one_moment() -> None:
    first = {"taken_at": "2001-01-01T00:00:00"}
    second = {"taken_at": "2001-01-01T00:00:00", "taken_offset": "+02:00"}
    added, dropped = merge_fields({}, [first, second])
    assert added == first
    assert dropped == {"taken_offset": ("+02:00",)}


# -- in an index ----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["embedded", VERSIONS[0]])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """Return an empty index, on one of the real servers too."""
    if request.param == "embedded":
        backend: Backend = EmbeddedBackend(tmp_path / "index")
        backend.create(definition())
        yield backend
        backend.close()
        return
    url = request.getfixturevalue("servers")[request.param]
    server = ElasticsearchBackend(url, name=f"actions-{secrets.token_hex(4)}", server=Server())
    try:
        server.create(definition())
        yield server
    finally:
        server._client.raw.indices.delete(index=f"{server._alias}-000001", ignore_unavailable=True)
        server.close()


def put(backend: Backend, id: str, path: Path, **source: Any) -> Member:
    """Write a document for a file that is there; returns it as a member of a group."""
    status = path.stat()
    facts = FileFacts(str(path), status.st_size, status.st_mtime_ns)
    whole = {"sha256": id, **file_fields([facts]), **source}
    (outcome,) = backend.bulk([Action("index", id, {**whole, "embedding": {"tiny": unit(1)}})])
    assert outcome.error is None
    backend.refresh()
    return Member(id, str(path), Evidence("near"), whole)


def test_the_kept_document_gets_what_sidecars_say_that_the_index_has_not_seen(tmp_path: Path) -> None:
    kept, copy = (save_photo(tmp_path / name, 1) for name in ("album/a.png", "copy/a.png"))
    backend = EmbeddedBackend(tmp_path / "index")
    backend.create(definition())
    first = put(backend, "one", kept, title="Boat")
    facts = file_fields([FileFacts(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in (kept, copy)])
    twin = Member("one", str(copy), Evidence("bytes"), {**first.source, **facts})
    (tmp_path / "copy/a.png.json").write_text('{"caption": "a boat", "title": "DSC_1", "tags": ["sea"]}')
    merged = merge_metadata(backend, choose(grouped([first, twin]), remove=[str(copy)]))
    assert merged.added == {"caption": "a boat", "tags": ["sea"]}
    assert merged.dropped == {"title": ("DSC_1",)}
    assert backend.get("one")["caption"] == "a boat"
    backend.close()


def test_the_kept_document_gets_what_its_copies_had(backend: Backend, tmp_path: Path) -> None:
    paths = [save_photo(tmp_path / "photos" / f"{number}.png", number) for number in range(3)]
    group = grouped(
        [
            put(backend, "kept", paths[0], tags=["sea"], width=400, height=300),
            put(backend, "copy", paths[1], tags=["sand"], caption="a boat", camera={"make": "Canon", "model": "6D"}),
            put(backend, "other", paths[2], rating=5, place={"city": "Nice"}, caption="a ship"),
        ]
    )
    merged = merge_metadata(backend, make_plan([group], keep=parse_keep("most-pixels")).decisions[0])
    assert merged.id == "kept"
    assert merged.dropped == {"caption": ("a ship",)}
    stored = backend.get("kept", vectors=True)
    assert (stored["tags"], stored["caption"], stored["rating"]) == (["sea", "sand"], "a boat", 5)
    assert stored["camera"] == {"make": "Canon", "model": "6D"}
    assert (stored["camera_text"], stored["place_text"]) == ("Canon 6D", "Nice")
    assert stored["path"] == [str(paths[0])]
    np.testing.assert_allclose(stored["embedding"]["tiny"], unit(1), atol=1e-3)
    backend.refresh()
    assert backend.count({"match": {"camera_text": "canon"}}) == 1, "it is found by words"
    again = merge_metadata(backend, make_plan([group], keep=parse_keep("most-pixels")).decisions[0])
    assert again.added == {}, "merging twice adds nothing"


def test_paths_of_one_document_have_nothing_to_merge(backend: Backend) -> None:
    member = described("/p/a", sha256="x")
    twin = Member("x", "/p/b", Evidence("bytes"), described("/p/b", sha256="x").source)
    merged = merge_metadata(backend, make_plan([grouped([member, twin])]).decisions[0])
    assert (merged.added, merged.dropped) == ({}, {})


def test_without_the_kept_document_nothing_is_merged_and_nothing_removed(backend: Backend, tmp_path: Path) -> None:
    kept, copy = (save_photo(tmp_path / "photos" / name, 1) for name in ("kept.png", "copy.png"))
    group = grouped([put(backend, "kept", kept, width=9, height=9), put(backend, "copy", copy, caption="a boat")])
    plan = make_plan([group], keep=parse_keep("most-pixels"))
    backend.bulk([Action("delete", "kept")])
    with pytest.raises(DocumentNotFound):
        merge_metadata(backend, plan.decisions[0])


# -- files that go, and the index that is told ----------------------------------------------------------------------


@pytest.fixture
def index(tmp_path: Path) -> Iterator[HybridIndex]:
    """Return an index of a picture with an exact copy, and a smaller one with a description."""
    save_photo(tmp_path / "photos/one.png", 1)
    save_photo(tmp_path / "photos/copy.png", 1)
    small = tmp_path / "photos/small.png"
    photo(1).resize((80, 60)).save(small)
    with HybridIndex(tmp_path / "index", embedder=ColourEmbedder()) as index:
        index.add_folder(tmp_path / "photos")
        index.add(small, metadata={"caption": "a boat", "tags": ["sea"]})
        index.refresh()
        assert len(index) == 2
        yield index


def whole_group(index: HybridIndex, tmp_path: Path) -> DuplicateGroup:
    large = index.get(tmp_path / "photos/one.png")
    small = index.get(tmp_path / "photos/small.png")
    members = [
        Member(large.id, str(path), Evidence("bytes") if number else None, large.source)
        for number, path in enumerate(large.source["path"])
    ]
    return grouped([*members, Member(small.id, str(small.path), Evidence("near"), small.source)])


def perform(index: HybridIndex, tmp_path: Path, action: Any, **options: Any) -> ActionReport:
    plan = make_plan([whole_group(index, tmp_path)], keep=parse_keep("most-pixels,path:*/one.png"))
    folder = tmp_path / "moved" if action == "move" else None
    return apply(plan, action, folder=folder, backend=index.backend, dry_run=False, **options)


def state(index: HybridIndex) -> list[tuple[Any, ...]]:
    return sorted((document.id, sorted(document.source["path"]), document.source["missing"]) for document in index)


def test_after_a_move_documents_lose_the_path_and_undo_brings_it_back(index: HybridIndex, tmp_path: Path) -> None:
    before, facts = state(index), {document.id: document.source["files"] for document in index}
    report = perform(index, tmp_path, "move", merge=True)
    assert [result.outcome for result in report.results] == ["done", "done"]
    large = index.get(tmp_path / "photos/one.png")
    assert large.source["path"] == [str(tmp_path / "photos/one.png")]
    assert (large.source["caption"], large.source["tags"]) == ("a boat", ["sea"])
    assert report.to_json()["merged"] == [
        {"id": large.id, "added": {"caption": "a boat", "tags": ["sea"]}, "dropped": {}}
    ]
    small = index.get(tmp_path / "photos/small.png")
    assert small.source["missing"] is True, "its last path stays, as it can come back"
    assert report.journal is not None
    undo(report.journal, backend=index.backend, dry_run=False)
    assert state(index) == before
    for document in index:
        assert sorted(map(str, document.source["files"])) == sorted(map(str, facts[document.id]))
    ran = index.add_folder(tmp_path / "photos")
    assert (ran.added, ran.updated, ran.missing) == (0, 0, 0), "the next run finds all as it was"


def test_after_a_delete_documents_without_a_file_are_gone(index: HybridIndex, tmp_path: Path) -> None:
    report = perform(index, tmp_path, "delete", merge=True)
    assert len(report.done) == 2
    (left,) = index
    assert left.source["path"] == [str(tmp_path / "photos/one.png")]
    assert left.source["caption"] == "a boat"
    assert index.add_folder(tmp_path / "photos").unchanged == 1


@pytest.mark.parametrize("action", ["hardlink", "symlink"])
def test_after_linking_the_next_run_finds_nothing_new(action: Any, index: HybridIndex, tmp_path: Path) -> None:
    report = perform(index, tmp_path, action)
    assert [result.outcome for result in report.results] == ["done", "left"]
    ran = index.add_folder(tmp_path / "photos")
    assert (ran.added, ran.updated, ran.missing) == (0, 0, 0)
    assert report.journal is not None
    undo(report.journal, backend=index.backend, dry_run=False)
    ran = index.add_folder(tmp_path / "photos")
    assert (ran.added, ran.updated, ran.missing) == (0, 0, 0)


def test_a_dry_run_tells_the_index_nothing(index: HybridIndex, tmp_path: Path) -> None:
    before = state(index)
    plan = make_plan([whole_group(index, tmp_path)], keep=parse_keep("most-pixels"))
    apply(plan, "delete", backend=index.backend, merge=True)
    assert state(index) == before
    assert "caption" not in index.get(tmp_path / "photos/one.png").source


def test_a_document_that_a_caller_named_is_kept_as_missing(index: HybridIndex, tmp_path: Path) -> None:
    mine = save_photo(tmp_path / "mine.png", 1)
    index.add(mine, id="mine", metadata={"caption": "precious"})
    index.refresh()
    named, large = index.get("mine"), index.get(tmp_path / "photos/one.png")
    kept = Member(large.id, str(tmp_path / "photos/one.png"), None, large.source)
    group = grouped([kept, Member("mine", str(mine), Evidence("bytes"), named.source)])
    report = apply(choose_all(group, mine), "delete", backend=index.backend, dry_run=False)
    assert len(report.done) == 1
    assert index.get("mine").source["missing"] is True


def choose_all(group: DuplicateGroup, *paths: Path) -> Plan:
    return Plan((choose(group, remove=[str(path) for path in paths]),))


def test_a_failed_merge_leaves_the_copies(index: HybridIndex, tmp_path: Path) -> None:
    group = whole_group(index, tmp_path)
    index.delete(group.id)
    plan = make_plan([group], keep=parse_keep("most-pixels,path:*/one.png"))
    report = apply(plan, "delete", backend=index.backend, merge=True, dry_run=False)
    assert [result.outcome for result in report.results] == ["left", "left"]
    assert (tmp_path / "photos/small.png").exists() and (tmp_path / "photos/copy.png").exists()


def test_an_index_that_fails_is_told_of_and_does_not_stop_the_run(
    index: HybridIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(id: str, *, vectors: bool = False) -> Any:
        raise BackendUnavailable("there", "it went away")

    plan = make_plan([whole_group(index, tmp_path)], keep=parse_keep("most-pixels,path:*/one.png"))
    with monkeypatch.context() as broken:
        broken.setattr(index.backend, "read", fail)
        report = apply(plan, "move", folder=tmp_path / "moved", backend=index.backend, dry_run=False)
    assert [result.outcome for result in report.results] == ["done", "done"]
    assert all("the index was not told" in result.reason for result in report.results)
    assert report.journal is not None
    undo(report.journal, backend=index.backend, dry_run=False)
    assert index.add_folder(tmp_path / "photos").missing == 0


def test_an_index_that_another_writes_is_told_of_before_the_work(index: HybridIndex, tmp_path: Path) -> None:
    plan = make_plan([whole_group(index, tmp_path)], keep=parse_keep("most-pixels"))
    index.close()
    with pytest.raises(Exception):  # noqa: B017 - the kind is the backend's own
        apply(plan, "delete", backend=index.backend, dry_run=False)
    assert (tmp_path / "photos/copy.png").exists()
    with pytest.raises(ActionRefused):
        apply(plan, "delete", merge=True, dry_run=False)
