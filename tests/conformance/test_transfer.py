"""Indexes from one version and place to another, over the embedded backend and real servers of both versions."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch

from hybrid_search import HybridIndex
from hybrid_search.backends import Action, Backend
from hybrid_search.backends.document_copy import carry
from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server, new_version
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.backends.registry import open_backend
from hybrid_search.backends.transfer import copy_index, current_definition, migrate
from hybrid_search.document.definition import EmbeddingSpec, load_definition, spec_of
from hybrid_search.document.drift import drift
from hybrid_search.document.index_embedders import EmbedderSet
from hybrid_search.errors import (
    BackendUnavailable,
    BulkError,
    EmbedderMismatch,
    IndexCorrupt,
    IndexLocked,
    MappingMismatch,
)
from hybrid_search.images import DEFAULT_LIMITS
from hybrid_search.ingest import add_picture
from tests.support.fakes import ColourEmbedder
from tests.support.fakes import photo as picture
from tests.support.photos import definition, photo, photos, unit
from tests.support.servers import VERSIONS

Make = Callable[..., Backend]
PHOTOS = photos()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Make]:
    made: list[Backend] = []

    def make(path: Path | None = None) -> Backend:
        made.append(EmbeddedBackend(path or tmp_path / "indexes" / f"index-{len(made)}"))
        return made[-1]

    yield make
    for backend in made:
        backend.close()


@contextmanager
def on_server(url: str) -> Iterator[Make]:
    made: list[Backend] = []
    run = f"transfer-{secrets.token_hex(4)}"

    def make(name: str = "", **options: Any) -> Backend:
        made.append(ElasticsearchBackend(url, name=name or f"{run}-{len(made)}", server=Server(**options)))
        return made[-1]

    yield make
    for backend in made:
        backend.close()
    with Elasticsearch(url) as raw:
        for index in list(raw.indices.get_alias(index=f"{run}*")):
            raw.indices.delete(index=index)


@pytest.fixture
def server(elasticsearch_url: str) -> Iterator[Make]:
    with on_server(elasticsearch_url) as make:
        yield make


@pytest.fixture(params=["folder", "memory", *VERSIONS])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    if request.param == "memory":
        yield lambda: EmbeddedBackend(None)
    elif request.param == "folder":
        yield request.getfixturevalue("folder")
    else:
        with on_server(request.getfixturevalue("servers")[request.param]) as make:
            yield make


@pytest.fixture
def raw(elasticsearch_url: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(elasticsearch_url) as client:
        yield client


def name_of(backend: Backend) -> str:
    return backend.location.rpartition("/")[2]


def filled(backend: Backend) -> Backend:
    backend.create(definition(backend.analysis()))
    outcomes = backend.bulk([Action("index", id, source) for id, source in PHOTOS.items()])
    assert {outcome.status for outcome in outcomes} == {201}
    backend.refresh()
    return backend


def contents(backend: Backend) -> dict[str, Any]:
    """Return all documents, with vectors as rounded lists, to be compared."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.astype(float).round(2).tolist()
        return {name: plain(inner) for name, inner in value.items()} if isinstance(value, dict) else value

    return {id: plain(source) for id, source in backend.scan(vectors=True)}


# -- migrate -----------------------------------------------------------------------------------------------------------


def test_a_new_version_has_the_same_documents(make: Make) -> None:
    backend = filled(make())
    before, seen = contents(backend), []
    assert migrate(backend, progress=lambda done, total: seen.append((done, total))) == len(PHOTOS)
    assert contents(backend) == before
    assert seen[-1] == (len(PHOTOS), len(PHOTOS))
    assert [outcome.status for outcome in backend.bulk([Action("update", "p01", {"iso": 9})])] == [200]
    assert backend.read("p01").source["iso"] == 9


def test_what_is_not_refreshed_is_carried_too(make: Make) -> None:
    backend = filled(make())
    backend.bulk([Action("update", "p01", {"caption": "written a moment ago"})])
    migrate(backend)
    assert backend.read("p01").source["caption"] == "written a moment ago"


def test_a_migration_that_fails_leaves_all_as_it_was(make: Make) -> None:
    backend = filled(make())
    before = contents(backend)

    def fail(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate(backend, progress=fail)
    assert contents(backend) == before
    assert [outcome.status for outcome in backend.bulk([Action("update", "p01", {"iso": 9})])] == [200]
    assert migrate(backend) == len(PHOTOS)


def test_old_mappings_become_those_of_today(make: Make) -> None:
    backend = make()
    old = definition(backend.analysis())
    old["mappings"]["properties"]["iso"] = {"type": "keyword"}
    del old["mappings"]["properties"]["visual_words"]
    backend.create(old)
    backend.bulk([Action("index", "a", {"iso": "400", "caption": "a boat"})])
    assert drift(backend.definition(), current_definition(backend)) == (
        "iso: type is 'keyword', not 'integer'",
        "visual_words: is missing",
    )
    migrate(backend)
    assert drift(backend.definition(), current_definition(backend)) == ()
    assert backend.count({"range": {"iso": {"gte": 300, "lt": 1000}}}) == 1, "as words, 400 is not below 1000"


def test_an_index_of_schema_1_is_refused_and_brought_up_to_date(location: tuple[str, str]) -> None:
    """Its signatures were compared by distance, and those of flat pictures, all zero, were kept."""
    place, name = location
    old = load_definition(analysis="portable", embeddings={"colour": spec_of(ColourEmbedder())})
    old["mappings"]["_meta"]["schema_version"] = 1
    old["mappings"]["properties"]["signature"] |= {"similarity": "l2_norm", "index_options": {"type": "flat"}}
    backend = open_backend(place, name=name, server=Server())
    backend.create(old)
    flat, busy = np.zeros(648, np.int8), photo(1)["signature"]
    backend.bulk([Action("index", "flat", {"signature": flat}), Action("index", "busy", {"signature": busy})])
    backend.refresh()
    backend.close()
    with pytest.raises(MappingMismatch, match=r"transfer\.migrate` brings it up to date"):
        HybridIndex(place, name=name, embedder=ColourEmbedder())
    backend = open_backend(place, name=name, server=Server())
    assert migrate(backend) == 2
    assert drift(backend.definition(), current_definition(backend)) == ()
    assert "signature" not in backend.read("flat", vectors=True).source
    backend.close()
    with HybridIndex(place, name=name, embedder=ColourEmbedder()) as index:
        np.testing.assert_array_equal(index.get("busy", vectors=True).source["signature"], busy)
        (hit,) = index.search(like="flat", filter={"match_all": {}})
        assert hit.id == "busy"


def test_a_document_that_no_longer_fits_stops_the_migration(make: Make) -> None:
    backend = make()
    old = definition(backend.analysis())
    old["mappings"]["properties"]["iso"] = {"type": "keyword"}
    backend.create(old)
    backend.bulk([Action("index", "a", {"iso": "auto"}), Action("index", "b", {"iso": "400"})])
    with pytest.raises(BulkError, match="iso"):
        migrate(backend)
    assert backend.read("a").source == {"iso": "auto"}
    assert backend.definition()["mappings"]["properties"]["iso"]["type"] == "keyword"


def test_documents_that_do_not_arrive_are_noticed(folder: Make) -> None:
    class Forgetful(EmbeddedBackend):
        def count(self, query: Any = None) -> int:
            return super().count(query) - 1

    target = Forgetful(None)
    target.create(definition())
    with pytest.raises(IndexCorrupt, match="40 documents were sent, 39 arrived"):
        carry(filled(folder()), target)


# -- versions on a server ----------------------------------------------------------------------------------------------


def test_both_aliases_move_at_once_and_back(server: Make, raw: Elasticsearch) -> None:
    backend = filled(server())
    name = name_of(backend)
    one, two = f"{name}-000001", f"{name}-000002"
    migrate(backend)
    assert {index: set(facts["aliases"]) for index, facts in raw.indices.get_alias(index=f"{name}*").items()} == {
        one: set(),
        two: {name, f"{name}-write"},
    }
    backend.bulk([Action("update", "p01", {"iso": 9})])
    assert backend.roll_back() == (two, one)
    assert backend.read("p01").source["iso"] == PHOTOS["p01"]["iso"]
    assert [outcome.status for outcome in backend.bulk([Action("update", "p02", {"iso": 8})])] == [200]
    with pytest.raises(BackendUnavailable, match="no earlier version"):
        backend.roll_back()
    migrate(backend)
    assert backend.roll_back() == (f"{name}-000003", one), "it goes back to what the version was built from"
    assert backend.remove_old() == [two, f"{name}-000003"]
    assert backend.remove_old() == [] and backend.count() == len(PHOTOS)


def test_a_way_back_that_fails_leaves_all_as_it_was(server: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = filled(server())
    migrate(backend)

    def fail(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(new_version, "_swap", fail)
        with pytest.raises(KeyboardInterrupt):
            backend.roll_back()
    assert [outcome.status for outcome in backend.bulk([Action("update", "p01", {"iso": 9})])] == [200]


def test_nobody_writes_while_a_version_is_built_and_all_may_search(server: Make) -> None:
    backend = filled(server())
    other = server(name_of(backend))
    seen: list[Any] = []

    def meanwhile(done: int, total: int) -> None:
        with pytest.raises(IndexLocked, match="migration"):
            other.bulk([Action("update", "p01", {"iso": 9})])
        with pytest.raises(IndexLocked):
            other.bulk([])
        seen.append(other.count())
        with pytest.raises(BackendUnavailable, match="is being built"):
            migrate(other)

    migrate(backend, progress=meanwhile)
    assert seen == [len(PHOTOS)]
    assert [outcome.status for outcome in other.bulk([Action("update", "p01", {"iso": 9})])] == [200]


def test_a_version_is_filled_without_copies_and_gets_them_in_the_end(server: Make, raw: Elasticsearch) -> None:
    backend = filled(server(replicas="0-2", shards=2))
    name = name_of(backend)
    seen: list[Any] = []

    def meanwhile(done: int, total: int) -> None:
        seen.append(raw.indices.get_settings(index=f"{name}-000002")[f"{name}-000002"]["settings"]["index"])

    migrate(server(name), progress=meanwhile)
    assert (seen[0]["refresh_interval"], seen[0]["number_of_replicas"], seen[0]["auto_expand_replicas"]) == (
        "-1",
        "0",
        "false",
    )
    after = raw.indices.get_settings(index=f"{name}-000002")[f"{name}-000002"]["settings"]["index"]
    assert "refresh_interval" not in after
    assert (after["auto_expand_replicas"], after["number_of_shards"]) == ("0-2", "2"), "the layout is kept"


def test_a_migration_changes_the_layout_that_is_asked_for(server: Make, raw: Elasticsearch) -> None:
    backend = filled(server())
    name = name_of(backend)
    migrate(server(name, shards=3, replicas="0", vectors="int8_hnsw"))
    found = raw.indices.get(index=name)[f"{name}-000002"]
    assert found["settings"]["index"]["number_of_shards"] == "3"
    assert found["settings"]["index"]["number_of_replicas"] == "0"
    fields = found["mappings"]["properties"]["embedding"]["properties"]
    assert fields["tiny"]["index_options"]["type"] == "int8_hnsw"
    migrate(backend)
    fields = backend.definition()["mappings"]["properties"]["embedding"]["properties"]
    assert fields["tiny"]["index_options"]["type"] == "int8_hnsw", "a later migration keeps it"


KILLED = """
import os, signal, sys
from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server
from hybrid_search.backends.transfer import migrate
backend = ElasticsearchBackend(sys.argv[1], name=sys.argv[2], server=Server())
migrate(backend, progress=lambda done, total: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_what_a_killed_migration_leaves_is_named_and_removed(server: Make, raw: Elasticsearch) -> None:
    backend = filled(server())
    location, _, name = backend.location.rpartition("/")
    assert subprocess.run([sys.executable, "-c", KILLED, location, name]).returncode == -9
    assert backend.count() == len(PHOTOS), "searches go on"
    with pytest.raises(BackendUnavailable, match=r"Backend\.abandon` removes it"):
        migrate(backend)
    assert backend.abandon() == [f"{name}-000002"]
    assert [outcome.status for outcome in backend.bulk([Action("update", "p01", {"iso": 9})])] == [200]
    assert migrate(backend) == len(PHOTOS)


def test_an_index_without_aliases_is_searched_and_adopted(server: Make, raw: Elasticsearch) -> None:
    backend = server()
    name = name_of(backend)
    plain = definition()
    raw.indices.create(index=name, settings=plain["settings"], mappings=plain["mappings"])
    raw.index(index=name, id="a", document={"caption": "a boat"}, refresh=True)
    assert backend.count() == 1
    with pytest.raises(IndexCorrupt, match="migrate"):
        backend.bulk([Action("index", "b", {"caption": "a dog"})])
    assert migrate(backend) == 1
    assert [outcome.status for outcome in backend.bulk([Action("index", "b", {"caption": "a dog"})])] == [201]
    assert set(raw.indices.get_alias(index=f"{name}*")) == {f"{name}-000001"}


# -- versions in a folder ----------------------------------------------------------------------------------------------


def test_an_open_reader_goes_on_with_the_new_version(folder: Make) -> None:
    backend = filled(folder())
    reader = folder(Path(backend.location))
    assert reader.count() == len(PHOTOS)
    backend.add_embedding("other", EmbeddingSpec("other", "1", dims=4))
    backend.bulk(
        [Action("index", "new", {"caption": "a boat", "embedding": {"other": np.eye(4, dtype=np.float32)[0]}})]
    )
    backend.refresh()
    assert reader.count() == len(PHOTOS) + 1
    leg = {"field": "embedding.other", "query_vector": [1.0, 0, 0, 0], "k": 1, "num_candidates": 1}
    assert [hit["_id"] for hit in reader.search({"knn": leg})["hits"]["hits"]] == ["new"]


def test_who_writes_keeps_others_from_migrating(folder: Make) -> None:
    backend = filled(folder())
    other = folder(Path(backend.location))
    with pytest.raises(IndexLocked):
        migrate(other)
    backend.close()
    assert migrate(other) == len(PHOTOS)
    assert [path.name for path in Path(other.location).parent.iterdir()] == [Path(other.location).name]


def test_a_kill_between_the_renames_loses_nothing(folder: Make) -> None:
    backend = filled(folder())
    backend.close()
    place = Path(backend.location)
    place.rename(place.with_name(f".{place.name}.replaced"))
    again = folder(place)
    assert again.exists() and again.count() == len(PHOTOS)


def test_beginnings_of_a_killed_process_are_replaced(folder: Make) -> None:
    backend = filled(folder())
    left = Path(backend.location).with_name(f".{Path(backend.location).name}.building")
    left.mkdir()
    (left / "definition.json").write_text("{")
    assert migrate(backend) == len(PHOTOS)
    assert not left.exists()


# -- copy --------------------------------------------------------------------------------------------------------------


def test_copies_go_both_ways_and_come_back_the_same(folder: Make, server: Make) -> None:
    first = filled(folder())
    there, back, beside = server(), folder(), server()
    assert copy_index(first, there) == len(PHOTOS)
    assert copy_index(there, back) == len(PHOTOS)
    assert copy_index(there, beside) == len(PHOTOS)
    for other in (there, back, beside):
        assert contents(other) == contents(first)
    leg = {"field": "embedding.tiny", "query_vector": unit(3), "k": 5, "num_candidates": 40}
    expected = [hit["_id"] for hit in first.search({"knn": leg})["hits"]["hits"]]
    assert [hit["_id"] for hit in there.search({"knn": leg})["hits"]["hits"]] == expected


def test_a_copy_replaces_nothing(folder: Make) -> None:
    first, second = filled(folder()), filled(folder())
    with pytest.raises(BackendUnavailable, match="there is an index already"):
        copy_index(first, second)


def test_a_copy_that_fails_leaves_nothing(folder: Make, server: Make, raw: Elasticsearch) -> None:
    first = filled(folder())

    def fail(done: int, total: int) -> None:
        raise RuntimeError("pulled out")

    for target in (folder(), server()):
        with pytest.raises(RuntimeError, match="pulled out"):
            copy_index(first, target, progress=fail)
        assert not target.exists()
        assert copy_index(first, target) == len(PHOTOS)


# -- a second embedding ------------------------------------------------------------------------------------------------


class Tiny(ColourEmbedder):
    """Another embedder: the mean colour of a picture."""

    name = "tiny"
    dims = 3

    def embed_images(self, images: Any) -> Any:
        if not images:
            return np.zeros((0, 3), np.float32)
        means = np.stack([np.asarray(image, np.float32).reshape(-1, 3).mean(0) + 1 for image in images])
        return (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(params=["folder", *VERSIONS])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    if request.param == "folder":
        yield str(tmp_path / "index"), "second"
        return
    url = request.getfixturevalue("servers")[request.param]
    with on_server(url) as make:
        yield url, make().location.rpartition("/")[2]


def test_a_second_embedder_fills_an_index_in_use(location: tuple[str, str], tmp_path: Path) -> None:
    from hybrid_search.ingest.fill_vectors import add_embedder

    place, name = location
    for number in range(5):
        picture(number).save(tmp_path / f"{number}.png")
    index = HybridIndex(place, name=name, embedder=ColourEmbedder())
    ids = [index.add(tmp_path / f"{number}.png") for number in range(5)]
    bytes_only = index.add((tmp_path / "0.png").read_bytes(), id="without-a-file")
    picture(77).save(tmp_path / "4.png")
    index.refresh()

    report = add_embedder(index.backend, Tiny(), batch_size=2)
    assert report.updated == 4
    assert {failure.path: failure.error for failure in report.failed} == {
        str(tmp_path / "4.png"): "the file has other bytes now; index its folder again",
        bytes_only: "it came without a file",
    }
    for number in range(4):
        stored = index.get(ids[number], vectors=True).source["embedding"]
        expected = Tiny().embed_images([picture(number)])[0]
        np.testing.assert_allclose(stored["tiny"], expected, atol=2e-3)
        assert stored["colour"].shape == (48,)
    index.close()

    with HybridIndex(place, name=name, embedder=Tiny(), create=False) as second:
        assert second.search(image=tmp_path / "2.png", k=1)[0].id == ids[2]
        again = add_embedder(second.backend, Tiny())
        assert (again.updated, len(again.failed)) == (0, 2), "what has a vector is not read again"
    with HybridIndex(place, name=name, embedder=ColourEmbedder(), create=False) as first:
        assert first.search(image=tmp_path / "3.png", k=1)[0].id == ids[3]


def test_an_embedding_is_added_once(make: Make) -> None:
    backend = filled(make())
    with pytest.raises(MappingMismatch, match="has this embedding already"):
        backend.add_embedding("tiny", EmbeddingSpec("tiny", "2", dims=8))
    backend.add_embedding("more", EmbeddingSpec("more", "1", dims=4))
    assert set(backend.definition()["mappings"]["_meta"]["embeddings"]) == {"tiny", "more"}
    assert contents(backend).keys() == PHOTOS.keys()


def test_another_copy_of_a_picture_keeps_what_was_computed_and_decided(
    location: tuple[str, str], tmp_path: Path
) -> None:
    place, name = location
    picture(1).save(tmp_path / "a.png")
    with HybridIndex(place, name=name, embedder=[ColourEmbedder(), Tiny()]) as index:
        id = index.add(tmp_path / "a.png")
        index.backend.add_embedding("other", EmbeddingSpec("other", "1", dims=3))
        vector = np.array([0.6, 0.8, 0.0], np.float32)
        index.backend.bulk([Action("update", id, {"embedding": {"other": vector}, "duplicate": {"group": "g"}})])
        index.refresh()
        with pytest.raises(EmbedderMismatch, match=r"'other'.*HybridIndex\.drop_embedder\('other'\)"):
            index.add((tmp_path / "a.png").read_bytes(), metadata={"caption": "told later"})
    with HybridIndex(place, name=name, embedder=[ColourEmbedder(), Tiny()]) as index:
        # as a process that was started before sees the index
        before = load_definition(embeddings={"colour": spec_of(ColourEmbedder())})
        known = EmbedderSet(before, given={"colour": ColourEmbedder()})
        data = (tmp_path / "a.png").read_bytes()
        add_picture(index.backend, known, data, metadata={"caption": "told later"}, limits=DEFAULT_LIMITS)
        index.refresh()
        stored = index.get(id, vectors=True).source
    assert stored["caption"] == "told later" and stored["duplicate"] == {"group": "g"}
    assert stored["embedding"].keys() == {"colour", "tiny", "other"}
    np.testing.assert_allclose(stored["embedding"]["other"], vector, atol=1e-3)
    assert stored["path"] == [str(tmp_path / "a.png")]


def test_photo_is_what_the_definition_describes() -> None:
    backend = EmbeddedBackend(None)
    backend.create(load_definition(embeddings={"tiny": EmbeddingSpec("tiny", "1", dims=8)}))
    assert [outcome.status for outcome in backend.bulk([Action("index", "a", photo(1))])] == [201]
