"""Own fields under `extra.`, and what is said of stored pictures changed: embedded and on real servers."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch

from hybrid_search.backends import Action
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.backends.transfer import copy_index, migrate
from hybrid_search.document.definition import EmbeddingSpec, extra_fields, load_definition
from hybrid_search.errors import CaptionsUnreadable, DocumentNotFound, MappingMismatch, StorageFull, UnknownField
from hybrid_search.index import HybridIndex
from hybrid_search.metadata.extra_fields import MAX_EXTRA
from tests.support.fakes import ColourEmbedder, ColourWords, photo, save_photo
from tests.support.servers import VERSIONS

Location = tuple[str | Path | None, str]


@pytest.fixture(params=["memory", "folder", *VERSIONS])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Location]:
    if request.param in ("memory", "folder"):
        yield (tmp_path / "index" if request.param == "folder" else None), "images"
        return
    url, run = request.getfixturevalue("servers")[request.param], f"extra-{secrets.token_hex(4)}"
    yield url, run
    with Elasticsearch(url) as raw:
        if made := list(raw.indices.get_alias(index=f"{run}*")):
            raw.indices.delete(index=made)


def opened(location: Location, *embedders: Any) -> HybridIndex:
    return HybridIndex(location[0], name=location[1], embedder=list(embedders) or ColourEmbedder())


def kinds(index: HybridIndex) -> dict[str, str]:
    return {leaf: each["type"] for leaf, each in extra_fields(index.backend.definition()).items()}


def found(index: HybridIndex, filter: str, **options: Any) -> list[str]:
    return index.search(filter=filter, **options).ids()


def test_own_fields_are_of_the_kind_of_their_values(location: Location) -> None:
    with opened(location) as index:
        index.add(photo(0), id="plain", metadata={"caption": "nothing of its own"})
        index.add(
            photo(1),
            id="a",
            metadata={
                "extra": {"Price": 12, "client": "ACME Inc", "due": date(2024, 5, 1), "sold": True, "sizes": [4, 6]}
            },
        )
        index.add([{"image": photo(2), "id": "b", "extra.price": "30.5", "extra.client": 7, "extra.note": "007"}])
        assert kinds(index) == {
            "price": "double",
            "client": "keyword",
            "due": "date",
            "sold": "boolean",
            "sizes": "double",
            "note": "keyword",
        }
        assert found(index, "extra.price:>10", sort="extra.price:desc") == ["b", "a"]
        assert found(index, 'extra.client:"acme inc"') == found(index, "extra.sold:true") == ["a"]
        assert found(index, "extra.client:7") == found(index, "extra.note:007") == ["b"]
        assert found(index, "extra.due:2024-05") == found(index, "extra.sizes:6") == ["a"]
        assert found(index, "NOT extra.price:*") == ["plain"]
        counts = index.search(filter="width:[1 TO *]", facets=["extra.client", "extra.sold"]).facets
        assert counts == {"extra.client": {"7": 1, "acme inc": 1}, "extra.sold": {"true": 1}}
        assert index.get("a").source["extra"]["price"] == 12 and index.get("b").source["extra"]["price"] == 30.5
        with pytest.raises(UnknownField, match=r"extra\.prize.*extra\.price"):
            index.search(filter="extra.prize:1")
        assert index.info()["drift"] == []


def test_what_does_not_fit_is_told(location: Location) -> None:
    with opened(location) as index:
        index.add(photo(0), id="a", metadata={"extra.price": 1, "extra.due": "2024-05-01", "extra.sold": False})
        for name, value in (("price", "dear"), ("price", True), ("due", "soon"), ("due", "2024-02-31"), ("sold", 3)):
            with pytest.raises(MappingMismatch, match=rf"extra\.{name}.*is not .*since its first value"):
                index.update("a", {f"extra.{name}": value})
        report = index.add([{"image": photo(1), "extra.price": "dear"}, {"image": photo(2), "extra.price": "2"}])
        assert report.added == 1 and "'extra.price'" in report.failed[0].error
        for odd in ("extra.", "extra.a b", "extra.1st", "extra.a.b", "extra.a:b", f"extra.{'x' * 101}"):
            with pytest.raises(MappingMismatch, match="an own field is"):
                index.add(photo(3), metadata={odd: 1})
        for value in ({"lat": 1}, b"bytes", float("inf"), 10**400, list(range(257))):
            with pytest.raises(MappingMismatch):
                index.add(photo(3), metadata={"extra.x": value})
        assert len(index) == 2 and set(kinds(index)) == {"price", "due", "sold"}


def test_there_are_so_many_and_no_more(location: Location) -> None:
    with opened(location) as index:
        index.add(photo(0), metadata={f"extra.f{number}": number for number in range(MAX_EXTRA - 1)})
        index.add(photo(1), metadata={"extra.last": "x"})
        with pytest.raises(MappingMismatch, match=f"{MAX_EXTRA} own fields at most"):
            index.add(photo(2), metadata={"extra.more": "x"})
        assert len(index) == 2


def test_own_fields_survive_versions_places_and_embedders(location: Location, tmp_path: Path) -> None:
    with opened(location) as index:
        index.add([{"image": photo(number), "id": str(number), "extra.price": number} for number in range(4)])
        assert migrate(index.backend) == 4
        assert found(index, "extra.price:>2") == ["3"]
        target = EmbeddedBackend(tmp_path / "elsewhere" / "images")
        copy_index(index.backend, target)
        target.close()
        index.add_embedder(type("Other", (ColourEmbedder,), {"name": "other"})())
        assert kinds(index) == {"price": "double"} and found(index, "extra.price:>2") == ["3"]
    with HybridIndex(tmp_path / "elsewhere", embedder=ColourEmbedder(), create=False) as copy:
        assert kinds(copy) == {"price": "double"} and found(copy, "extra.price:[1 TO 2]", sort="extra.price") == [
            "1",
            "2",
        ]


def test_files_beside_pictures_give_own_fields(location: Location, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for number in range(4):
        save_photo(folder / f"{number}.png", number)
    (folder / "3.png.json").write_text(json.dumps({"extra": {"Shelf": "B2", "Price": "n/a"}}))
    table = tmp_path / "captions.csv"
    table.write_text("path,extra.Price,extra.size,extra.article\n0.png,12.5,5,007\n1.png,3,XL,12\n2.png,,,\n")
    with opened(location) as index:
        report = index.add_folder(folder, captions=table)
        assert report.added == 4 and report.failed == ()
        # what a whole column holds says what it is
        assert kinds(index) == {"price": "double", "size": "keyword", "article": "keyword", "shelf": "keyword"}
        assert index.get(folder / "0.png").source["extra"] == {"price": 12.5, "size": "5", "article": "007"}
        assert "extra" not in index.get(folder / "2.png").source
        beside = index.get(folder / "3.png").source
        assert beside["extra"] == {"shelf": "B2"}
        assert any("extra.price" in warning and "n/a" in warning for warning in beside["warnings"])
        lines = tmp_path / "captions.jsonl"
        lines.write_text('{"path": "0.png", "extra": {"price": 99}}\n{"path": "2.png", "extra.new": ["a", "b"]}\n')
        assert index.add_folder(folder, captions=lines).updated == 2
        assert found(index, "extra.price:99") == [index.get(folder / "0.png").id]
        assert found(index, "extra.new:b") == [index.get(folder / "2.png").id]
        (tmp_path / "bad.csv").write_text("path,extra.a b\n0.png,1\n")
        with pytest.raises(CaptionsUnreadable, match=r"line 1: extra\.a b: an own field is"):
            index.add_folder(folder, captions=tmp_path / "bad.csv")


class TestUpdate:
    def test_fields_come_change_and_go(self, location: Location, tmp_path: Path) -> None:
        path = save_photo(tmp_path / "photos" / "a.png", 1)
        with opened(location) as index:
            before = {"caption": "a boat", "tags": ["sea", "sun"], "camera.make": "Canon", "extra.price": 1}
            id = index.add(path, metadata=before | {"taken_at": "2020-01-01T10:00:00+02:00"})
            whole = index.get(id, vectors=True).source
            index.update(path, {"caption": "a house", "tags": ["hill"], "camera": {"model": "EOS"}, "title": "Home"})
            index.update(id, {"extra.Price": None, "extra.client": "Beta", "taken_at": None, "rating": 4})
            after = index.get(id, vectors=True).source
            assert (after["caption"], after["tags"], after["title"], after["rating"]) == (
                "a house",
                ["hill"],
                "Home",
                4,
            )
            assert (
                after["extra"] == {"client": "Beta"} and not {"taken_at", "taken_offset", "taken_at_utc"} & after.keys()
            )
            assert after["camera"] == {"make": "Canon", "model": "EOS"} and after["camera_text"] == "Canon EOS"
            np.testing.assert_array_equal(after["embedding"]["colour"], whole["embedding"]["colour"])
            np.testing.assert_array_equal(after["signature"], whole["signature"])
            for name in ("path", "files", "sha256", "thumbnail", "width", "indexed_at", "words"):
                assert after[name] == whole[name]
            assert index.search("house eos").ids() == [id] and index.search("boat").ids() == []
            # unchanged files keep what was said of them
            assert index.add_folder(path.parent).unchanged == 1
            assert index.get(id).source["title"] == "Home"

    def test_vectors_of_words_follow(self, location: Location) -> None:
        with opened(location, ColourEmbedder(), Words()) as index:
            id = index.add(photo(1), metadata={"caption": "red"})
            key = next(key for key, spec in index.info()["embeddings"].items() if spec.get("of") == "caption")
            assert index.get(id, vectors=True).source["embedding"][key] == pytest.approx([1, 0], abs=1e-3)
            index.update(id, {"caption": "green"})
            assert index.get(id, vectors=True).source["embedding"][key] == pytest.approx([-0.5, 0.866], abs=1e-3)
            index.update(id, {"rating": 2})
            assert index.get(id, vectors=True).source["embedding"][key] == pytest.approx([-0.5, 0.866], abs=1e-3)
            index.update(id, {"caption": None})
            assert key not in index.get(id, vectors=True).source["embedding"]

    def test_a_place_goes_with_its_position(self, location: Location) -> None:
        with opened(location) as index:
            id = index.add(photo(1), metadata={"location": "48.85,2.35", "place": {"city": "Paris"}})
            index.update(id, {"location": {"lat": 0, "lon": -30}})
            source = index.get(id).source
            assert source["location"] == {"lat": 0, "lon": -30} and "place" not in source and "place_text" not in source

    def test_mistakes_are_told_and_change_nothing(self, location: Location) -> None:
        with opened(location) as index:
            id = index.add(photo(1), metadata={"title": "as it was"})
            with pytest.raises(DocumentNotFound):
                index.update("nobody", {"title": "x"})
            with pytest.raises(MappingMismatch, match="did you mean 'title'"):
                index.update(id, {"titel": "x"})
            with pytest.raises(MappingMismatch):
                index.update(id, {"title": "new", "iso": "many"})
            assert index.get(id).source["title"] == "as it was"


class Words(ColourWords):
    name = "words_of_colours"


def test_two_writers_may_declare_at_once(elasticsearch_url: str) -> None:
    name = f"extra-{secrets.token_hex(4)}"
    try:
        with opened((elasticsearch_url, name)) as first, opened((elasticsearch_url, name)) as second:
            failed: list[Exception] = []

            def write(index: HybridIndex, number: int, value: object) -> None:
                try:
                    index.add(photo(number), id=str(number), metadata={"extra.code": value, f"extra.of{number}": 1})
                except Exception as error:
                    failed.append(error)

            threads = [threading.Thread(target=write, args=each) for each in ((first, 1, 5), (second, 2, "five"))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            # whoever was second meets the field as the first made it
            assert [type(error) for error in failed] in ([], [MappingMismatch])
            assert kinds(first)["code"] == ("double" if failed else "keyword")
            first.refresh()
            second.refresh()
            third = opened((elasticsearch_url, name))
            assert found(third, "extra.code:5") == ["1"]
            first.add(photo(4), id="4", metadata={"extra.later": "x"})
            first.refresh()
            assert found(third, "extra.later:x") == ["4"], "a field that another has added is asked for"
            third.close()
    finally:
        with Elasticsearch(elasticsearch_url) as raw:
            raw.indices.delete(index=list(raw.indices.get_alias(index=f"{name}*")))


def test_threads_of_one_index_may_declare_at_once(tmp_path: Path) -> None:
    with opened((tmp_path / "index", "images")) as index:
        index.add(photo(0), id="0")
        failed: list[Exception] = []

        def write(number: int) -> None:
            try:
                index.add(photo(number), id=str(number), metadata={"extra.same": number, f"extra.own{number}": "x"})
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == [] and len(index) == 6
        assert sorted(found(index, "extra.same:[1 TO 5]")) == list("12345") and found(index, "extra.own3:x") == ["3"]
        assert index.check().damages == ()


class TestFolder:
    """What a further field leaves of the files of an embedded index."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        backend = EmbeddedBackend(tmp_path / "index")
        backend.create(load_definition(embeddings={"tiny": EmbeddingSpec("tiny", "1", dims=8)}))
        vectors = np.eye(8, dtype=np.float32)
        backend.bulk(
            Action("index", str(n), {"caption": f"boat {n}", "embedding": {"tiny": vectors[n % 8]}}) for n in range(20)
        )
        backend.bulk(
            [Action("delete", "3"), Action("index", "5", {"caption": "anew", "embedding": {"tiny": vectors[0]}})]
        )
        backend.close()
        return tmp_path / "index"

    def test_vectors_are_linked_not_written(self, folder: Path) -> None:
        rows = {path.relative_to(folder): path.stat().st_ino for path in folder.glob("vectors/embedding*/*.bin")}
        backend = EmbeddedBackend(folder)
        backend.add_fields({"price": {"type": "double"}})
        backend.bulk([Action("update", "5", {"extra": {"price": 1}})])
        backend.close()
        assert (
            rows
            and {path.relative_to(folder): path.stat().st_ino for path in folder.glob("vectors/embedding*/*.bin")}
            == rows
        )
        assert sorted(each.name for each in folder.parent.iterdir()) == ["index"]
        with closing(EmbeddedBackend(folder)) as again:
            assert again.count() == 19 and again.check().damages == ()
            np.testing.assert_allclose(again.get("5", vectors=True)["embedding"]["tiny"], np.eye(8)[0])

    def test_words_weigh_as_before(self, folder: Path) -> None:
        body = {"query": {"match": {"caption": "boat"}}, "size": 30}
        with closing(EmbeddedBackend(folder)) as backend:
            before = {hit["_id"]: hit["_score"] for hit in backend.search(body)["hits"]["hits"]}
            backend.add_fields({"price": {"type": "double"}})
            after = {hit["_id"]: hit["_score"] for hit in backend.search(body)["hits"]["hits"]}
        # documents that were deleted no longer count
        assert after == pytest.approx(before, rel=0.15) and len(after) == 18

    def test_a_reader_sees_the_field_when_it_is_there(self, folder: Path) -> None:
        with closing(EmbeddedBackend(folder)) as reader, closing(EmbeddedBackend(folder)) as writer:
            assert reader.count() == 19
            writer.add_fields({"price": {"type": "double"}})
            writer.bulk([Action("update", "7", {"extra": {"price": 2}})])
            writer.refresh()
            answer = reader.search({"query": {"term": {"extra.price": 2}}})
            assert [hit["_id"] for hit in answer["hits"]["hits"]] == ["7"]

    def test_a_failure_leaves_the_index_as_it_was(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from hybrid_search.backends.embedded import reindex

        def full(*args: Any, **more: Any) -> Any:
            raise StorageFull("here")

        with closing(EmbeddedBackend(folder)) as backend:
            monkeypatch.setattr(reindex, "stored_rows", full)
            with pytest.raises(StorageFull):
                backend.add_fields({"price": {"type": "double"}})
            monkeypatch.undo()
            assert extra_fields(backend.definition()) == {} and backend.count() == 19
            backend.bulk([Action("index", "new", {"caption": "x", "embedding": {"tiny": np.eye(8)[1]}})])
            backend.refresh()
            assert backend.count() == 20 and backend.check().damages == ()
        assert sorted(os.listdir(folder.parent)) == ["index"]
