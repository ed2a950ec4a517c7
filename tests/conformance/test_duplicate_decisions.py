"""What a person decided about copies survives everything that happens to files and indexes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hybrid_search.backends import Action, Backend
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.backends.transfer import copy_index, migrate
from hybrid_search.cli.commands.demo import bundled_photos
from hybrid_search.duplicates.collect.collection import duplicate_groups
from hybrid_search.duplicates.collect.decisions import export_decisions, forget, import_decisions, keep_apart, review
from hybrid_search.errors import DocumentNotFound, DuplicatesError, MappingMismatch, QueryError
from hybrid_search.index import HybridIndex
from tests.support.duplicates import BACKENDS, KEY, SignatureJudge, definition, document, new_indexes, paths, put
from tests.support.fakes import ColourEmbedder, photo

TIERS = ("bytes", "pixels", "near")
LARGE, SMALL, SMALLER = (document(0, kind)[0] for kind in ("", "small", "smaller"))


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Return an index of three copies of one picture, and two of another."""
    with new_indexes(request) as new:
        backend = new()
        put(backend, [*(document(0, kind) for kind in ("", "small", "smaller")), document(1), document(1, "small")])
        yield backend


def find(backend: Backend, **options: Any) -> list[Any]:
    return list(duplicate_groups(backend, KEY, judge=SignatureJudge(), tiers=TIERS, **options))


def ids(backend: Backend, **options: Any) -> list[list[str]]:
    return sorted([file.id for file in each.members] for each in find(backend, **options))


OTHERS = [document(1)[0], document(1, "small")[0]]


def test_pictures_kept_apart_never_stand_in_one_group(backend):
    assert ids(backend) == sorted([[LARGE, SMALL, SMALLER], OTHERS])
    assert keep_apart(backend, [LARGE, SMALLER]) == 1
    assert ids(backend) == sorted([[LARGE, SMALL], OTHERS])
    assert backend.get(LARGE)["duplicate"]["not_duplicates"] == [SMALLER]
    assert backend.get(SMALLER)["duplicate"]["not_duplicates"] == [LARGE]
    assert keep_apart(backend, [LARGE, SMALL]) == 1
    assert backend.get(LARGE)["duplicate"]["not_duplicates"] == sorted([SMALL, SMALLER])
    assert ids(backend) == sorted([[SMALL, SMALLER], OTHERS])
    assert keep_apart(backend, [LARGE, SMALL, SMALLER]) == 3
    assert ids(backend) == [OTHERS]


def test_a_reviewed_group_does_not_come_back_unless_something_new_joins_it(backend):
    (first, _) = sorted(find(backend), key=lambda each: -len(each.members))
    review(backend, first)
    assert ids(backend) == [OTHERS]
    assert ids(backend, reviewed=True) == sorted([[LARGE, SMALL, SMALLER], OTHERS])
    review(backend, OTHERS)
    assert ids(backend) == []
    put(backend, [document(0, "same")])
    assert [len(group) for group in ids(backend)] == [4]
    review(backend, ids(backend)[0])
    assert ids(backend) == []


def test_another_file_of_the_same_bytes_is_something_new_and_a_renamed_one_is_not(backend):
    review(backend, OTHERS)
    renamed = document(1, paths=["/elsewhere/renamed.jpg"])[1]
    backend.bulk([Action("update", OTHERS[0], {name: renamed[name] for name in ("path", "folder", "files")})])
    backend.refresh()
    assert OTHERS not in ids(backend)
    twice = document(1, paths=["/elsewhere/renamed.jpg", "/elsewhere/again.jpg"])[1]
    backend.bulk([Action("update", OTHERS[0], {name: twice[name] for name in ("path", "folder", "files")})])
    backend.refresh()
    assert [OTHERS[0], *OTHERS] in ids(backend)


def test_a_picture_that_was_removed_and_comes_back_is_still_known(backend):
    review(backend, OTHERS)
    keep_apart(backend, [LARGE, SMALLER])
    for id in (OTHERS[1], SMALLER):
        backend.bulk([Action("delete", id)])
    backend.refresh()
    put(backend, [document(1, "small"), document(0, "smaller")])
    assert ids(backend) == [[LARGE, SMALL]]


def test_decisions_are_taken_back(backend):
    keep_apart(backend, [LARGE, SMALL, SMALLER])
    review(backend, OTHERS)
    assert ids(backend) == []
    assert forget(backend, ids=[SMALLER]) == 1
    # it joins the one that it matches best
    assert ids(backend) == [[SMALL, SMALLER]]
    assert backend.get(LARGE)["duplicate"]["not_duplicates"] == [SMALL]
    assert forget(backend) == 4
    assert ids(backend) == sorted([[LARGE, SMALL, SMALLER], OTHERS])
    assert export_decisions(backend)["not_duplicates"] == []


def test_decisions_survive_copying_and_migrating(backend, tmp_path):
    keep_apart(backend, [LARGE, SMALLER])
    review(backend, OTHERS)
    copied = EmbeddedBackend(tmp_path / "copy")
    copy_index(backend, copied)
    assert ids(copied) == [[LARGE, SMALL]]
    migrate(copied)
    judge = SignatureJudge()
    assert [len(each.members) for each in duplicate_groups(copied, KEY, judge=judge, tiers=TIERS)] == [2]
    assert judge.asked == []
    copied.close()


def test_decisions_go_through_json_into_an_index_that_knows_none(backend):
    keep_apart(backend, [LARGE, SMALLER])
    review(backend, OTHERS)
    exported = json.loads(json.dumps(export_decisions(backend)))
    assert exported["not_duplicates"] == [sorted([LARGE, SMALLER])]
    assert exported["reviewed"] == [sorted(OTHERS)]
    fresh = EmbeddedBackend(None)
    fresh.create(definition())
    put(fresh, [document(0), document(0, "small"), document(1), document(1, "small")])
    assert import_decisions(fresh, exported) == 3
    # the smallest comes later, and is known
    put(fresh, [document(0, "smaller")])
    assert ids(fresh) == [[LARGE, SMALL]]
    assert export_decisions(fresh) == exported
    assert import_decisions(fresh, exported) == 4
    assert export_decisions(fresh) == exported
    fresh.close()


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"kind": "hybrid-search duplicate decisions", "version": 2, "not_duplicates": [], "reviewed": []},
        {"kind": "hybrid-search duplicate decisions", "version": 1, "not_duplicates": [["a"]], "reviewed": []},
        {"kind": "hybrid-search duplicate decisions", "version": 1, "not_duplicates": [], "reviewed": [7]},
    ],
)
def test_what_is_no_export_changes_nothing(backend, damaged):
    with pytest.raises(DuplicatesError, match="decisions"):
        import_decisions(backend, damaged)
    assert all("duplicate" not in source for _, source in backend.scan())


def test_what_cannot_be_decided(backend):
    with pytest.raises(DocumentNotFound):
        keep_apart(backend, [LARGE, "nobody"])
    with pytest.raises(DocumentNotFound):
        review(backend, ["nobody"])
    put(backend, [("named", document(0)[1])])
    with pytest.raises(QueryError, match="same bytes"):
        keep_apart(backend, [LARGE, "named"])
    old = definition()
    del old["mappings"]["properties"]["duplicate"]["properties"]["reviewed_with"]
    before = EmbeddedBackend(None)
    before.create(old)
    for decide in (lambda: keep_apart(before, []), lambda: review(before, []), lambda: forget(before)):
        with pytest.raises(MappingMismatch, match="migrate"):
            decide()


def test_decisions_survive_indexing_the_folder_again(tmp_path: Path):
    """Renamed, described anew, and read from the start: the decisions stay with the bytes."""
    folder = tmp_path / "photos"
    folder.mkdir()
    picture = photo(3, (240, 180))
    picture.save(folder / "large.png")
    picture.resize((120, 90)).save(folder / "small.png")
    picture.resize((96, 72)).save(folder / "smaller.png")

    def groups(index: HybridIndex) -> list[set[str]]:
        found = duplicate_groups(index.backend, index._state.key, judge=SignatureJudge(), tiers=TIERS)
        return [{Path(str(path)).name for path in group} for group in paths(found)]

    with HybridIndex(tmp_path / "index", embedder=ColourEmbedder()) as index:
        index.add_folder(folder)
        assert groups(index) == [{"large.png", "small.png", "smaller.png"}]
        by_name = {Path(str(document.path)).name: document.id for document in index}
        keep_apart(index.backend, [by_name["large.png"], by_name["smaller.png"]])
        review(index.backend, [by_name["large.png"], by_name["small.png"]])
        assert groups(index) == []
        (folder / "deep").mkdir()
        for name in ("large.png", "smaller.png"):
            (folder / name).rename(folder / "deep" / f"renamed {name}")
        captions = tmp_path / "captions.csv"
        captions.write_text("file,caption\nsmall.png,a caption\n", encoding="utf-8")
        index.add_folder(folder, captions=captions)
        index.add(folder / "small.png")
        assert groups(index) == []
        picture.resize((60, 45)).save(folder / "least.png")
        index.add_folder(folder)
        (found,) = groups(index)
        assert found == {"renamed smaller.png", "least.png"}


def test_what_was_kept_apart_is_not_found_again(tmp_path: Path) -> None:
    source = Image.open(bundled_photos() / "coffee.png").convert("RGB")
    source.save(tmp_path / "large.png")
    source.resize((300, 200)).save(tmp_path / "small.png")
    with HybridIndex(embedder="histogram+hog") as index:
        large, small = (index.add(tmp_path / name) for name in ("large.png", "small.png"))
        assert index.find_duplicates(tmp_path / "large.png").ids() == [large, small]
        keep_apart(index.backend, [large, small])
        assert index.find_duplicates(tmp_path / "large.png").ids() == [large]
        assert index.find_duplicates(tmp_path / "small.png").ids() == [small]
