"""What an open index sees of embedders that other objects add, drop, renew or prefer; on a folder and on servers."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid_search.backends.elasticsearch import ElasticsearchBackend, Server
from hybrid_search.document.definition import EmbeddingSpec, default_embedding, embeddings, load_definition, prefer
from hybrid_search.errors import EmbedderMismatch, MappingMismatch
from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder, HueEmbedder, hue, photo
from tests.support.places import Place, place_on
from tests.support.servers import VERSIONS, unavailable

Location = tuple[str, str]


@pytest.fixture(params=["folder", *VERSIONS])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Location]:
    if request.param == "folder":
        yield str(tmp_path / "index"), "images"
        return
    servers = request.getfixturevalue("servers")
    if request.param not in servers:
        unavailable(f"HYBRID_SEARCH_TEST_SERVERS names none of version {request.param}")
    with place_on(servers[request.param]) as place:
        yield place.url, place.name


@pytest.fixture
def place(elasticsearch_url: str) -> Iterator[Place]:
    with place_on(elasticsearch_url) as place:
        yield place


def opened(location: Location, *embedders: Any) -> HybridIndex:
    return HybridIndex(location[0], name=location[1], embedder=list(embedders) or None)


class Steady(HueEmbedder):
    """The same directions under another name."""

    name = "steady"


class Opposite(Steady):
    """Another version of it, which turns every direction round: its vectors are not to be compared with the former."""

    version = "2"

    def embed_images(self, images: Any) -> Any:
        return -super().embed_images(images)


def filled(location: Location, *embedders: Any, folder: Path) -> None:
    for angle in (0, 120):
        path = folder / "photos" / f"{angle:03}.png"
        path.parent.mkdir(exist_ok=True)
        hue(angle).save(path)
    with opened(location, *embedders) as made:
        assert made.add_folder(folder / "photos").added == 2


# -- what was written is there -----------------------------------------------------------------------------------------


def test_what_was_added_before_close_is_found_by_the_next(location: Location) -> None:
    with opened(location, HueEmbedder()) as index:
        index.add(hue(0), id="first")
    with opened(location, HueEmbedder()) as index:
        assert index.search(image=hue(0)).ids() == ["first"]
        index.add(hue(120), id="second")
    with opened(location, HueEmbedder()) as other:
        assert set(other.search(image=hue(0)).ids()) == {"first", "second"}
        other.delete("first")
        other.close()
        other.close()


def test_closing_what_is_gone_is_no_error(place: Place) -> None:
    index = HybridIndex(place.url, name=place.name, embedder=HueEmbedder())
    index.add(hue(0), id="first")
    place.raw.indices.delete(index=place.index)
    index.close()


# -- what others change ------------------------------------------------------------------------------------------------


def test_an_embedder_that_another_adds_can_be_searched_by(location: Location, tmp_path: Path) -> None:
    filled(location, ColourEmbedder(), folder=tmp_path)
    with opened(location, ColourEmbedder()) as index:
        with pytest.raises(EmbedderMismatch, match="'steady'"):
            index.search(image=hue(0), embedder="steady")
        with opened(location) as other:
            other.add_embedder(Steady())
        index._state.embedders._given["steady"] = Steady()
        hits = index.search(image=hue(0), embedder="steady", weights={"signature": 0})
        assert (hits[0].source["filename"], hits[0].score) == (["000.png"], pytest.approx(1, abs=1e-3))
        assert index.embedders == ("colour", "steady")


@pytest.mark.parametrize(
    "asked",
    [{"vector": {"steady": [1.0, 0.0]}}, {"weights": {"vector:steady": 0}}, {"min_score": {"vector:steady": 0}}],
)
def test_any_mention_of_it_is_understood(location: Location, tmp_path: Path, asked: dict[str, Any]) -> None:
    filled(location, ColourEmbedder(), folder=tmp_path)
    with opened(location, ColourEmbedder()) as index:
        with opened(location) as other:
            other.add_embedder(Steady())
        assert index.search(**{"image": hue(0), **asked})
        assert index.request(**{"image": hue(0), **asked})["knn"]


def test_a_search_by_what_another_dropped_says_so(location: Location, tmp_path: Path) -> None:
    filled(location, ColourEmbedder(), Steady(), folder=tmp_path)
    with opened(location, ColourEmbedder(), Steady()) as index:
        assert index.search(image=hue(0), embedder="steady")
        with opened(location, ColourEmbedder()) as other:
            other.drop_embedder("steady")
        with pytest.raises(EmbedderMismatch, match=r"holds embeddings of embedder 'colour'.*'steady'"):
            index.search(image=hue(0), embedder="steady", filter="width:48")
        assert index.embedders == ("colour",)


def test_the_next_takes_the_place_of_a_default_that_another_dropped(location: Location, tmp_path: Path) -> None:
    filled(location, ColourEmbedder(), Steady(), folder=tmp_path)
    with opened(location, ColourEmbedder(), Steady()) as index:
        with opened(location, Steady()) as other:
            other.drop_embedder("colour")
        with (tmp_path / "photos" / "000.png").open("rb") as file:
            hits = index.search(image=file)
        assert hits[0].legs["vector"] == pytest.approx(1, abs=1e-3), "a file is read once, though it is asked twice"
        assert index.embedders == ("steady",)


def test_vectors_of_another_version_are_not_compared(location: Location, tmp_path: Path) -> None:
    filled(location, Steady(), folder=tmp_path)
    with opened(location, Steady()) as index:
        with opened(location) as other:
            other.add_embedder(Opposite(), again=True)
        with pytest.raises(EmbedderMismatch, match=r"version 2.*version 1"):
            index.search(image=hue(0))


def test_a_default_that_another_prefers_is_seen(location: Location, tmp_path: Path) -> None:
    filled(location, ColourEmbedder(), Steady(), folder=tmp_path)
    with opened(location) as index, opened(location) as other:
        other.prefer_embedder("steady")
        assert index.embedders == ("steady", "colour")
        other.prefer_embedder("colour")
        other.close()
        if location[0].startswith("http"):
            assert default_embedding(index.backend.known_definition()) == "steady", "a server is not asked each time"
            index.backend._asked -= 60  # type: ignore[attr-defined]
        assert next(iter(index.request(vector=[1.0] * 48)["knn"]))["field"] == "embedding.colour"


# -- many change at once -----------------------------------------------------------------------------------------------


def backend(place: Place) -> ElasticsearchBackend:
    return ElasticsearchBackend(place.url, name=place.name, server=Server())


def spec(name: str) -> EmbeddingSpec:
    return EmbeddingSpec(name, "1", 4)


def together(*tasks: Any) -> list[BaseException]:
    """Run functions at once, each in a thread of its own; returns what they raised."""
    raised: list[BaseException] = []
    barrier = threading.Barrier(len(tasks))

    def run(task: Any) -> None:
        barrier.wait()
        try:
            task()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_no_change_of_many_at_once_is_lost(place: Place) -> None:
    made = backend(place)
    made.create(load_definition(embeddings={"a": spec("a"), "b": spec("b")}, analysis=made.analysis()))
    writers = [backend(place) for _ in range(6)]
    added = [f"e{number}" for number in range(5)]
    tasks = [
        lambda writer=writer, key=key: writer.add_embedding(key, spec(key))
        for writer, key in zip(writers, added, strict=False)
    ]
    assert together(*tasks, lambda: writers[5].prefer_embedding("b")) == []
    definition = made.definition()
    assert (set(embeddings(definition)), default_embedding(definition)) == ({"a", "b", *added}, "b")
    for writer in (made, *writers):
        writer.close()


def test_of_two_that_add_the_same_one_both_have_it(place: Place) -> None:
    made, other = backend(place), backend(place)
    made.create(load_definition(embeddings={"a": spec("a")}, analysis=made.analysis()))
    raised = together(lambda: made.add_embedding("b", spec("b")), lambda: other.add_embedding("b", spec("b")))
    assert all(isinstance(error, MappingMismatch) for error in raised) and len(raised) < 2
    assert embeddings(made.definition())["b"] == spec("b")
    with pytest.raises(MappingMismatch, match="already"):
        other.add_embedding("b", spec("b"))
    made.close()
    other.close()


def test_several_fill_in_the_same_embedder_at_once(place: Place, tmp_path: Path) -> None:
    filled((place.url, place.name), ColourEmbedder(), folder=tmp_path)
    several = [opened((place.url, place.name), ColourEmbedder()) for _ in range(4)]
    assert together(*(lambda index=index: index.add_embedder(Steady()) for index in several)) == []
    for index in several:
        assert index.embedders == ("colour", "steady")
        assert all(
            "steady" in index.get(hit.id, vectors=True).source["embedding"] for hit in index.search(image=hue(0))
        )
        index.close()


def test_a_change_is_made_again_after_one_that_knew_nothing_of_it(place: Place) -> None:
    made = backend(place)
    made.create(load_definition(embeddings={"a": spec("a"), "b": spec("b")}, analysis=made.analysis()))
    before = made.definition()["mappings"]["_meta"]

    def overwrite() -> None:
        # another writer, which has read before and is slow to write
        while "changes" not in backend(place).definition()["mappings"]["_meta"]:
            time.sleep(0.01)
        place.raw.indices.put_mapping(index=place.index, meta=before)

    assert together(lambda: made.prefer_embedding("b"), overwrite) == []
    assert default_embedding(made.definition()) == "b"
    made.close()


def test_a_default_that_is_chosen_while_a_version_is_built_is_kept(place: Place) -> None:
    made, other = backend(place), backend(place)
    wanted = load_definition(embeddings={"a": spec("a"), "b": spec("b")}, analysis=made.analysis())
    made.create(wanted)
    with made.building(wanted):
        other.prefer_embedding("b")
    assert default_embedding(made.definition()) == "b"
    with made.building(prefer(wanted, "a")):
        pass
    assert default_embedding(made.definition()) == "a", "what the builder itself wants, where nobody else has chosen"
    made.close()
    other.close()


def test_no_change_of_several_processes_is_lost(place: Place, tmp_path: Path) -> None:
    photo(1).save(tmp_path / "1.png")
    with HybridIndex(place.url, name=place.name, embedder=["histogram+hog", "hog"]) as index:
        index.add_folder(tmp_path)
    program = [sys.executable, "-m", "hybrid_search", "--index", place.url, "--name", place.name, "embed"]
    asked = [["colour:hsv"], ["--default", "hog"]]
    running = [subprocess.Popen([*program, *each], stdout=subprocess.DEVNULL) for each in asked]
    assert [process.wait() for process in running] == [0, 0]
    with HybridIndex(place.url, name=place.name) as index:
        assert (index.embedders[0], set(index.embedders)) == (
            "hog",
            {"hog", "histogram+hog", "colour:hsv"},
        )
