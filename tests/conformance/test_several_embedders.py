"""Several embeddings in one index: filled together, kept true to words, added, renewed, dropped, one the default."""

from __future__ import annotations

import gc
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch
from numpy.typing import NDArray
from PIL import Image

from hybrid_search import HybridIndex
from hybrid_search.backends import Action
from hybrid_search.backends.registry import open_backend
from hybrid_search.backends.transfer import copy_index, migrate
from hybrid_search.document.definition import EmbeddingSpec, default_embedding, embeddings, load_definition
from hybrid_search.document.document import caption_text
from hybrid_search.document.picture import Picture
from hybrid_search.duplicates.act.merge_metadata import merge_metadata
from hybrid_search.duplicates.act.plan import Decision, PlannedFile
from hybrid_search.embedders.registry import _TEXT_ENTRIES, EmbedderEntry, embedding_key
from hybrid_search.errors import EmbedderMismatch, MappingMismatch, QueryError, TextNotSupported
from tests.support.fakes import ColourEmbedder, ColourWords, HueEmbedder, photo, save_photo
from tests.support.servers import VERSIONS

WORDS = embedding_key("caption:colour_words")
RED, GREEN = (1.0, 0.0), (-0.5, 3**0.5 / 2)
"""Where the colours lie on the wheel: at 0° and at 120°."""
Location = tuple[str, str]


@pytest.fixture(autouse=True)
def _tower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_TEXT_ENTRIES, "colour_words", EmbedderEntry("tests.conformance.test_several_embedders:Words"))


class Words(ColourWords):
    """A tower that counts its texts and batches, with a name that stays readable in a key."""

    name = "colour_words"

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.batches.append(list(texts))
        return super().embed_texts([text.replace(".", " ").replace(",", " ") for text in texts])


class Mean(ColourEmbedder):
    """The mean colour of a picture; names nothing, and wants more pixels than others."""

    name = "mean"
    dims = 3
    min_side = 300
    describe_images = None  # type: ignore[assignment]

    def __init__(self, version: str = "1", *, breaks_after: int | None = None) -> None:
        super().__init__()
        self.version, self.breaks_after = version, breaks_after

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        self.seen += len(images)
        if self.breaks_after is not None and self.seen > self.breaks_after:
            raise KeyboardInterrupt
        means = np.array([np.asarray(image, np.float64).reshape(-1, 3).mean(0) + 1 for image in images]).reshape(-1, 3)
        return (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)


class Wide(Mean):
    """The same name and a later version, with four dims."""

    dims = 4

    def __init__(self, *, breaks_after: int | None = None) -> None:
        super().__init__("2", breaks_after=breaks_after)

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        return np.pad(super().embed_images(images), ((0, 0), (1, 0)))


@pytest.fixture(params=["folder", *VERSIONS])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Location]:
    name = f"several-{secrets.token_hex(4)}"
    if request.param == "folder":
        yield str(tmp_path / "index"), name
        return
    url = request.getfixturevalue("servers")[request.param]
    yield url, name
    with Elasticsearch(url) as raw:
        for index in list(raw.indices.get_alias(index=f"{name}*")):
            raw.indices.delete(index=index)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        save_photo(tmp_path / "photos" / f"{number}.png", number, (640, 480))
    return tmp_path / "photos"


def captions(folder: Path, **of: str) -> Path:
    table = folder.parent / "captions.csv"
    table.write_text("file,caption\n" + "".join(f"{name}.png,{caption}\n" for name, caption in of.items()))
    return table


def vectors(index: HybridIndex, number: int) -> dict[str, Any]:
    (hit,) = index.search(filter={"term": {"filename": f"{number}.png"}})
    return dict(index.get(hit.id, vectors=True).source.get("embedding") or {})


def opened(location: Location, *embedders: Any, **options: Any) -> HybridIndex:
    return HybridIndex(location[0], name=location[1], embedder=list(embedders) or None, **options)


# -- filled together ---------------------------------------------------------------------------------------------------


def test_all_are_filled_in_one_pass(location: Location, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hybrid_search.document.picture as picture

    decoded: list[str] = []
    decode = picture.decode
    monkeypatch.setattr(picture, "decode", lambda source, **more: decoded.append(source.name) or decode(source, **more))
    words = Words()
    with opened(location, Mean(), ColourEmbedder(), words) as index:
        table = captions(folder, **{"0": "a red thing", "1": "nothing with a colour"})
        assert index.add_folder(folder, captions=table, batch_size=3).added == 4
        assert index.embedders == ("mean", "colour", "caption:colour_words")
        assert len(decoded) == 4, "each picture is decoded once for all"
        assert words.batches == [["a red thing", "nothing with a colour"]], "texts of a batch are embedded together"
        for number in range(4):
            held = vectors(index, number)
            assert held.keys() == {"mean", "colour"} | ({WORDS} if number == 0 else set()), "no known word, no vector"
            for embedder in (Mean(), ColourEmbedder()):
                alone = embedder.embed_images([photo(number, (640, 480))])[0]
                np.testing.assert_allclose(held[embedder.name], alone, atol=0.02)
        np.testing.assert_allclose(vectors(index, 0)[WORDS], RED, atol=1e-3)
        (hit,) = index.search(filter={"term": {"filename": "2.png"}})
        assert hit.source["labels"], "the first that names anything in a picture labels it"
        facts = index.info()
        assert (facts["default_embedder"], facts["drift"]) == ("mean", [])
        assert facts["embeddings"][WORDS]["of"] == "caption"


def test_nothing_is_loaded_that_has_nothing_to_do(folder: Path, tmp_path: Path) -> None:
    with HybridIndex(tmp_path / "index", embedder=[Mean(), Words()]) as index:
        index.add_folder(folder)
    with HybridIndex(tmp_path / "index") as index:
        assert index.add_folder(folder).unchanged == 4, "no embedder of the name 'mean' can be loaded, nor need be"
        with pytest.raises(EmbedderMismatch, match=r"pass it as `embedder`.*HybridIndex\.drop_embedder\('mean'\)"):
            index.add(photo(9))
        save_photo(folder / "new.png", 10)
        with pytest.raises(EmbedderMismatch, match="mean"):
            index.add_folder(folder)
        assert len(index) == 4


def test_pictures_wait_in_bounded_number(tmp_path: Path) -> None:
    alive: list[int] = []

    class Counting(ColourEmbedder):
        def describe_images(self, images: Sequence[Image.Image]) -> Any:
            alive.append(sum(isinstance(thing, Picture) for thing in gc.get_objects()))
            return super().describe_images(images)

    for number in range(60):
        save_photo(tmp_path / "photos" / f"{number}.png", number)
    with HybridIndex(embedder=[Counting(), Mean(), Words()]) as index:
        index.add_folder(tmp_path / "photos", batch_size=3, workers=2)
    assert len(alive) == 20 and max(alive) <= 3 * 3 + 3 + 2 * 2, "batches and what is read ahead, not the folder"


# -- words that change -------------------------------------------------------------------------------------------------


def test_vectors_follow_the_words(location: Location, folder: Path) -> None:
    with opened(location, ColourEmbedder(), Words()) as index:
        for caption, expected in (("red", RED), ("green", GREEN), ("no colour", None), ("red again", RED)):
            index.add_folder(folder, captions=captions(folder, **{"0": caption}))
            held = vectors(index, 0)
            assert "colour" in held and (WORDS in held) == (expected is not None), caption
            if expected:
                np.testing.assert_allclose(held[WORDS], expected, atol=1e-3, err_msg=caption)


def test_another_copy_adds_its_words(location: Location, folder: Path) -> None:
    with opened(location, ColourEmbedder(), Words()) as index:
        index.add_folder(folder)
        assert WORDS not in vectors(index, 0)
        (folder / "copy").mkdir()
        (folder / "copy" / "0.png").write_bytes((folder / "0.png").read_bytes())
        table = folder.parent / "more.csv"
        table.write_text("file,tags\ncopy/0.png,green\n")
        index.add_folder(folder, captions=table)
        held = vectors(index, 0)
        np.testing.assert_allclose(held[WORDS], GREEN, atol=1e-3)
        assert "colour" in held


def test_one_picture_put_anew(location: Location) -> None:
    with opened(location, ColourEmbedder(), Words()) as index:
        for metadata, expected in (({"title": "Red"}, RED), ({"tags": ["green", "sea"]}, GREEN), ({}, None)):
            id = index.add(photo(1), metadata=metadata)
            held = index.get(id, vectors=True).source["embedding"]
            assert "colour" in held and (WORDS in held) == (expected is not None)
            if expected:
                np.testing.assert_allclose(held[WORDS], expected, atol=1e-3)


def test_merged_words_take_the_vector_of_those_before(location: Location) -> None:
    with opened(location, ColourEmbedder(), Words()) as index:
        kept, gone = index.add(photo(1), metadata={"caption": "red"}), index.add(photo(2), metadata={"tags": ["green"]})
        index.refresh()
        files = [PlannedFile(id, f"/{id}", id, None, "near", "") for id in (kept, gone)]
        merge_metadata(index.backend, Decision("group", (files[0],), (files[1],)))
        index.refresh()
        assert index.get(kept, vectors=True).source["embedding"].keys() == {"colour"}
        assert index.add_embedder(Words()).updated == 1
        np.testing.assert_allclose(
            index.get(kept, vectors=True).source["embedding"][WORDS], (0.5, 3**0.5 / 2), atol=1e-3
        )


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({}, ""),
        ({"title": " A  day\n"}, "A day"),
        ({"caption": "Done!", "tags": "one"}, "Done! one"),
        ({"title": "Sea", "caption": "Sea", "tags": ["Sea"]}, "Sea"),
        ({"title": None, "caption": None, "tags": None, "labels": ["dog"]}, ""),
        ({"title": "T", "caption": "C", "tags": ["a", "b", "a"]}, "T. C. a, b"),
    ],
)
def test_the_text_of_a_caption(source: dict[str, Any], text: str) -> None:
    assert caption_text(source) == text


def test_a_sum_of_words_goes_to_captions_where_no_picture_has_words() -> None:
    with HybridIndex(embedder=[ColourEmbedder(), Words()]) as index:
        red, green = (index.add(photo(seed), metadata={"caption": word}) for seed, word in ((1, "red"), (2, "green")))
        assert [hit.id for hit in index.search(vector_query=["red", ("green", -1)], k=2)] == [red, green]
        with pytest.raises(TextNotSupported):
            index.search(vector_query=["red", photo(1)])
        with pytest.raises(QueryError, match="'caption:colour_words' embeds what is written about pictures"):
            index.label_pictures(["red"], embedder="caption:colour_words")


# -- later changes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_two_that_come_at_once_both_stay(version: str, folder: Path, request: pytest.FixtureRequest) -> None:
    url, name = request.getfixturevalue("servers")[version], f"several-{secrets.token_hex(4)}"
    with Elasticsearch(url) as raw, opened((url, name), ColourEmbedder()) as index:
        try:
            index.add_folder(folder)
            [before] = raw.indices.get_mapping(index=name).values()

            def other(_: Any) -> None:
                # what another process writes that read the mapping before this one changed it
                raw.indices.put_mapping(index=name, meta=before["mappings"]["_meta"])

            index.add_embedder(Mean(), progress=other)
            assert index.embedders == ("colour", "mean")
            assert index.search(image=folder / "1.png", embedder="mean", k=1)[0].source["filename"] == ["1.png"]
        finally:
            for held in list(raw.indices.get_alias(index=f"{name}*")):
                raw.indices.delete(index=held)


def test_words_are_embedded_later_without_any_file(location: Location, folder: Path) -> None:
    with opened(location, ColourEmbedder()) as index:
        index.add_folder(folder, captions=captions(folder, **{"0": "red", "1": "green", "2": "no such word"}))
        for file in folder.iterdir():
            file.unlink()
        words = Words()
        report = index.add_embedder("caption:colour_words", batch_size=2)
        assert (report.updated, report.failed) == (3, ()), "three have words"
        assert [WORDS in vectors(index, number) for number in range(4)] == [True, True, False, False]
        np.testing.assert_allclose(vectors(index, 1)[WORDS], GREEN, atol=1e-3)
        assert index.embedders == ("colour", "caption:colour_words")
        again = index.add_embedder(words)
        assert (again.updated, words.batches) == (1, [["no such word"]]), "only what lacks a vector is asked for again"
        assert index.info()["embeddings"][WORDS]["of"] == "caption"


def test_words_that_change_meanwhile(location: Location) -> None:
    with opened(location, ColourEmbedder()) as index:
        ids = [index.add(photo(number), metadata={"caption": "red"}) for number in range(3)]
        index.refresh()

        class Slow(Words):
            def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
                if not self.batches:  # another writer is faster than this network
                    index.backend.bulk([Action("update", ids[1], {"caption": "green"}), Action("delete", ids[2])])
                return super().embed_texts(texts)

        index.add_embedder(Slow())
        held = [index.get(id, vectors=True).source["embedding"][WORDS] for id in ids[:2]]
        np.testing.assert_allclose(held, [RED, GREEN], atol=1e-3)
        assert len(index) == 2


def test_an_interrupted_run_goes_on_where_it_ended(location: Location, folder: Path) -> None:
    with opened(location, ColourEmbedder()) as index:
        index.add_folder(folder)
        with pytest.raises(KeyboardInterrupt):
            index.add_embedder(Mean(breaks_after=3), batch_size=1)
        assert sum("mean" in vectors(index, number) for number in range(4)) == 3
    with opened(location, ColourEmbedder()) as index:
        rest = Mean()
        assert index.add_embedder(rest).updated == rest.seen == 1


def test_again_computes_anew_and_never_mixes_versions(location: Location, folder: Path) -> None:
    with opened(location, ColourEmbedder(), Mean()) as index:
        index.add_folder(folder)
        wrong = np.array([0.0, 0.0, 1.0], np.float32)
        (folder / "3.png").unlink()
        ids = [hit.id for hit in index.search(filter={"match_all": {}})]
        index.backend.bulk([Action("update", id, {"embedding": {"mean": wrong}}) for id in ids])
        index.refresh()
        with pytest.raises(KeyboardInterrupt):
            index.add_embedder(Mean(breaks_after=1), again=True, batch_size=1)
        report = index.add_embedder(Mean(), again=True)
        assert (report.updated, len(report.failed)) == (3, 1)
        np.testing.assert_allclose(
            vectors(index, 3)["mean"], wrong, atol=1e-3, err_msg="of the same version: better than none"
        )
        right = Mean().embed_images([photo(0, (640, 480))])[0]
        np.testing.assert_allclose(vectors(index, 0)["mean"], right, atol=0.02)

        with pytest.raises(EmbedderMismatch, match=r"version 1, 3 dims.*version 2, 4 dims"):
            index.add_embedder(Wide())
        with pytest.raises(KeyboardInterrupt):
            index.add_embedder(Wide(breaks_after=1), again=True, batch_size=1)
        held = [vectors(index, number).get("mean") for number in range(4)]
        assert sorted(0 if vector is None else len(vector) for vector in held) == [0, 0, 0, 4]
        assert (index.add_embedder(Wide()).updated, index.embedder.name) == (2, "colour")
        assert [len(vectors(index, number).get("mean", ())) for number in range(4)] == [4, 4, 4, 0]
        assert index.search(image=photo(1, (640, 480)), embedder="mean", k=1)[0].source["filename"] == ["1.png"]


def test_what_has_words_takes_the_place_of_a_default_that_goes(location: Location, folder: Path) -> None:
    # by their names as by their order here, another would come first
    with opened(location, Mean(), ColourEmbedder(), HueEmbedder()) as index:
        index.add_folder(folder)
        index.drop_embedder("colour")
        assert index.embedders[0] == "mean", "one that goes takes no other's place with it"
        index.add_embedder(ColourEmbedder())
        index.drop_embedder("mean")
        assert index.embedders[0] == index.embedder.name == "hue"


def test_one_goes_and_comes_again(location: Location, folder: Path) -> None:
    with opened(location, Mean(), ColourEmbedder(), Words()) as index:
        index.add_folder(folder, captions=captions(folder, **{"0": "red"}))
        assert index.drop_embedder("mean") == 4
        assert index.embedders == ("colour", "caption:colour_words") and index.embedder.name == "colour"
        assert vectors(index, 0).keys() == {"colour", WORDS}
        assert index.search(image=folder / "2.png", k=1)[0].source["filename"] == ["2.png"]
        with pytest.raises(MappingMismatch, match=r"^field 'embedding': colour is the only embedder of pictures"):
            index.drop_embedder("colour")
        with pytest.raises(EmbedderMismatch, match=r"holds embeddings of .*'colour'.*, not of embedder 'mean'; so"):
            index.drop_embedder("mean")
        assert index.drop_embedder("caption:colour_words") == 4
        save_photo(folder / "4.png", 4, (640, 480))
        index.add_folder(folder)
        assert vectors(index, 4).keys() == {"colour"}
        assert index.add_embedder(Mean()).updated == 5
        assert vectors(index, 4).keys() == {"colour", "mean"}
    with opened(location) as index:
        assert (index.embedders, index.info()["drift"]) == (("colour", "mean"), [])


def test_the_default_is_kept_wherever_the_index_goes(location: Location, tmp_path: Path) -> None:
    with opened(location, ColourEmbedder(), Mean(), Words()) as index:
        index.add(photo(1), metadata={"caption": "red"})
        index.prefer_embedder("mean")
        assert index.embedder.name == "mean"
        with pytest.raises(MappingMismatch, match="only an embedding of pictures"):
            index.prefer_embedder("caption:colour_words")
    with opened(location, "colour") as index:
        assert index.embedders[0] == "colour", "for this object alone"
    with opened(location) as index:
        assert index.embedders[0] == "mean"
        migrate(index.backend)
        copied = open_backend(tmp_path / "copy", name="images", server=None)
        copy_index(index.backend, copied)
        for backend in (index.backend, copied):
            assert default_embedding(backend.definition()) == "mean"
            assert embeddings(backend.definition())[WORDS].of == "caption"
            assert len(next(backend.scan(vectors=True))[1]["embedding"]) == 3
        copied.close()
        index.backend.add_embedding("more", EmbeddingSpec("more", "1", dims=2))
        assert default_embedding(index.backend.definition()) == "mean"


def test_an_index_from_before_there_were_several(tmp_path: Path) -> None:
    with HybridIndex(tmp_path, embedder=[ColourEmbedder(), Mean()]) as index:
        index.add(photo(1))
        file = Path(index.location) / "definition.json"
    old = json.loads(file.read_text())
    del old["mappings"]["_meta"]["default_embedding"]
    file.write_text(json.dumps(old))
    file.with_name("definition.copy.json").unlink()  # which those versions did not write
    with HybridIndex(tmp_path, embedder=None) as index:
        assert (index.embedders, index.info()["drift"]) == (("colour", "mean"), [])
        index.prefer_embedder("mean")
    with HybridIndex(tmp_path) as index:
        assert index.embedders == ("mean", "colour")


def test_who_wrote_before_goes_on_in_the_new_version(location: Location) -> None:
    with opened(location, ColourEmbedder(), Mean()) as first:
        first.add(photo(1))
        first.refresh()
    with opened(location, ColourEmbedder(), Mean()) as second:
        assert len(second) == 1
        with opened(location, ColourEmbedder(), Mean()) as first:
            first.drop_embedder("colour")
        id = second.add(photo(2))
        second.refresh()
    with opened(location, Mean()) as index:
        assert len(index) == 2 and index.get(id, vectors=True).source["embedding"].keys() == {"mean"}


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_embedders_that_the_index_lacks_are_named_together() -> None:
    held = {"vgg": EmbeddingSpec("keras:vgg16@fc1", "1", 4096)}

    class ResNet(HueEmbedder):
        name, dims = "keras:resnet50", 2048

    class Other(HueEmbedder):
        name, dims = "other", 7

    from hybrid_search.backends.embedded import EmbeddedBackend
    from hybrid_search.ingest.open_index import open_or_create

    backend = EmbeddedBackend(None)
    backend.create(load_definition(embeddings=held))
    with pytest.raises(EmbedderMismatch) as raised:
        open_or_create(backend, [ResNet(), Other()])
    for said in (
        "embedder 'keras:vgg16@fc1' (4096 dims)",
        "embedders 'keras:resnet50' (2048 dims) and 'other' (7 dims)",
    ):
        assert said in str(raised.value)
    assert "`HybridIndex.add_embedder('keras:resnet50')` and `HybridIndex.add_embedder('other')`" in str(raised.value)
    with pytest.raises(EmbedderMismatch, match=r"4096 dims\), it was opened with .*'histogram\+hog' \(.*1956 dims\)"):
        open_or_create(backend, "histogram+hog")
    with pytest.raises(EmbedderMismatch, match="'nonsense'; there is no embedder 'nonsense' at all; open it with"):
        open_or_create(backend, "nonsense")
    with pytest.raises(EmbedderMismatch, match=r"'litee' at all; open it with what it holds. Did you mean 'lite'?"):
        open_or_create(backend, "litee")


def test_what_is_not_held_is_refused_by_what_it_was_asked_for(folder: Path) -> None:
    with HybridIndex(embedder=[ColourEmbedder(), Words()]) as index:
        index.add_folder(folder)
        holds = r"^the index holds embeddings of embedders 'colour' and 'caption:colour_words', not of embedder "
        asked: list[tuple[Callable[[], object], str]] = [
            (
                lambda: index.search("red", embedder="hog"),
                r"'hog'; `HybridIndex\.add_embedder\('hog'\)` adds such; or name one that it holds$",
            ),
            (
                lambda: index.search("red", embedder="colours"),
                r"'colours'; there is no embedder 'colours' at all; name one that it holds\. Did you mean 'colour'",
            ),
            (lambda: index.search("red", embedder="lite?foo=1"), "'lite.foo=1'; .*'foo': known: .*; or name one that"),
            (lambda: index.drop_embedder("hog"), "'hog'; so there is nothing to remove$"),
            (
                lambda: index.drop_embedder("colour_words"),
                r"'colour_words'; so there is nothing to remove\. Did you mean 'caption:colour_words'",
            ),
            (
                lambda: index.prefer_embedder("hog"),
                r"'hog'; `HybridIndex\.add_embedder\('hog'\)` adds it, "
                r"`HybridIndex\.prefer_embedder\('hog'\)` makes it the default$",
            ),
        ]
        for ask, says in asked:
            with pytest.raises(EmbedderMismatch, match=holds + says) as raised:
                ask()
            assert "opened" not in str(raised.value) and "version" not in str(raised.value)
        with pytest.raises(
            EmbedderMismatch, match=r"of what is written about pictures, by 'caption:colour_words', not"
        ):
            index._state.embedders.image(WORDS)


def test_an_index_needs_an_embedder_of_pictures(tmp_path: Path) -> None:
    with pytest.raises(MappingMismatch, match="needs an embedder of pictures, and caption:colour_words is not"):
        HybridIndex(tmp_path / "index", embedder="caption:colour_words")
    assert not (tmp_path / "index").exists()


def test_a_field_that_came_meanwhile_is_filled_too(location: Location) -> None:
    with opened(location, ColourEmbedder(), Words()) as index:
        index.backend.add_embedding("mean", EmbeddingSpec("mean", "1", dims=3))
        with pytest.raises(EmbedderMismatch, match=r"'mean'"):
            index.add(photo(1), metadata={"caption": "red"})
        assert len(index) == 0
    with opened(location, Mean()) as index:
        index._state.embedders._given |= {"colour": ColourEmbedder()}
        id = index.add(photo(1), metadata={"caption": "red"})
        assert index.get(id, vectors=True).source["embedding"].keys() == {"colour", WORDS, "mean"}
