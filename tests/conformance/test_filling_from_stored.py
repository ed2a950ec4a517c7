"""A trained map added to an index that holds its base: vectors come of stored ones, files are read where these lack."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch
from numpy.typing import NDArray

from hybrid_search import HybridIndex, cli
from hybrid_search.backends import Action
from hybrid_search.embedders import Embedder
from hybrid_search.embedders.registry import embedding_key
from hybrid_search.embedders.trained.head_embedder import Head
from hybrid_search.embedders.trained.joint_embedder import Joint
from hybrid_search.embedders.trained.trained_file import describe, save
from tests.support.fakes import ColourEmbedder, ColourWords, photo, save_photo
from tests.support.servers import VERSIONS

Location = tuple[str, str]
FLOAT16 = 2e-4
"""Half of a step of float16 below 0.5."""


class Later(ColourEmbedder):
    """The same name in another version."""

    version = "2"


@pytest.fixture(params=["folder", *VERSIONS])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Location]:
    name = f"stored-{secrets.token_hex(4)}"
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
        save_photo(tmp_path / "photos" / f"{number}.png", number)
    return tmp_path / "photos"


def projection(rows: int, columns: int = 5) -> NDArray[np.float32]:
    return np.random.default_rng(rows).normal(size=(rows, columns)).astype(np.float32)


def head(tmp_path: Path, base: Embedder, *, kind: type[Head] = Head, name: str = "mine") -> Head:
    metadata = {"kind": "head", "base": describe(base)}
    return kind(save(tmp_path / f"{name}.head", {"projection": projection(base.dims)}, metadata), base)


def unit(vectors: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float64)


def expected(*numbers: int) -> NDArray[np.float64]:
    """Return what the head gives of decoded photos."""
    seen = ColourEmbedder().embed_images([photo(number) for number in numbers])
    return unit(seen.astype(np.float64) @ projection(48))


def opened(location: Location, *embedders: Any) -> HybridIndex:
    return HybridIndex(location[0], name=location[1], embedder=list(embedders))


def held(index: HybridIndex, id: str, embedder: Embedder) -> NDArray[Any] | None:
    source = index.get(id, vectors=True).source
    vector = (source.get("embedding") or {}).get(embedding_key(embedder.name))
    return None if vector is None else np.asarray(vector, np.float64)


def ids(index: HybridIndex) -> list[str]:
    """Return the ids of the photos 0.png, 1.png, …"""
    return [hit.id for hit in sorted(index.search(filter={"match_all": {}}), key=lambda hit: hit.source["filename"])]


def stack(found: list[NDArray[Any] | None]) -> NDArray[Any]:
    return np.stack([vector for vector in found if vector is not None])


def close(found: list[NDArray[Any] | None], wanted: NDArray[np.float64], location: Location) -> None:
    stacked = stack(found)
    # a server keeps float32, a folder float16, of the base's vectors and of these
    np.testing.assert_allclose(stacked, wanted, atol=1e-5 if "://" in location[0] else 4 * FLOAT16)
    assert (1 - (unit(stacked) * wanted).sum(axis=1)).max() < (1e-9 if "://" in location[0] else 1e-6)


def test_no_file_is_opened(location: Location, folder: Path, tmp_path: Path) -> None:
    with opened(location, ColourEmbedder()) as index:
        index.add_folder(folder)
        photos = ids(index)
        index.add(photo(7), id="came without a file")
        for file in folder.iterdir():
            file.unlink()
        base = ColourEmbedder()
        mine = head(tmp_path, base)
        report = index.add_embedder(mine)
        assert (report.updated, report.from_stored, report.failed, base.seen) == (5, 5, (), 0)
        names = [*photos, "came without a file"]
        close([held(index, id, mine) for id in names], expected(0, 1, 2, 3, 7), location)
        assert index.add_embedder(mine).updated == 0
        again = index.add_embedder(mine, again=True)
        assert (again.updated, again.from_stored, base.seen) == (5, 5, 0)


def test_decoding_gives_the_same(location: Location, folder: Path, tmp_path: Path) -> None:
    with opened(location, ColourEmbedder()) as index:
        index.add_folder(folder)
        photos, mine = ids(index), head(tmp_path, ColourEmbedder())
        assert index.add_embedder(mine).from_stored == 4
        stored = [held(index, id, mine) for id in photos]
    with HybridIndex(embedder=head(tmp_path, ColourEmbedder())) as decoded:
        decoded.add_folder(folder)
        close(stored, unit(stack([held(decoded, id, mine) for id in photos])), (str(tmp_path), ""))
    close(stored, expected(0, 1, 2, 3), location)


def test_a_joint_space_too_and_a_map_of_a_map(location: Location, folder: Path, tmp_path: Path) -> None:
    base, tower = ColourEmbedder(), ColourWords()
    arrays = {
        "image_weight": projection(base.dims, tower.dims),
        "image_bias": np.full(tower.dims, 0.25, np.float32),
        "text_bias": np.zeros(tower.dims, np.float32),
    }
    towers = {"image_embedder": describe(base), "text_embedder": describe(tower)}
    joint = Joint(save(tmp_path / "words.npz", arrays, {"kind": "joint", **towers}), base, tower)
    over = head(tmp_path, joint)
    with opened(location, ColourEmbedder()) as index:
        index.add_folder(folder)
        photos = ids(index)
        assert index.add_embedder(over).from_stored == index.add_embedder(joint).from_stored == 4
        assert base.seen == 0
        seen = ColourEmbedder().embed_images([photo(number) for number in range(4)]).astype(np.float64)
        spoken = unit(seen @ arrays["image_weight"] + 0.25)
        close([held(index, id, joint) for id in photos], spoken, location)
        close([held(index, id, over) for id in photos], unit(spoken @ projection(tower.dims)), location)


def test_files_are_read_where_a_stored_vector_lacks(location: Location, folder: Path, tmp_path: Path) -> None:
    with opened(location, ColourEmbedder()) as index:
        index.add_folder(folder)
        photos = ids(index)
        for id in photos[:2]:
            source = index.get(id).source
            index.backend.bulk([Action("index", id, {key: source[key] for key in source if key != "embedding"})])
        index.refresh()
        (folder / "0.png").unlink()
        base = ColourEmbedder()
        mine = head(tmp_path, base)
        report = index.add_embedder(mine, batch_size=1)
        assert (report.updated, report.from_stored, base.seen) == (3, 2, 1)
        assert [(Path(each.path).name, "No such file" in each.error) for each in report.failed] == [("0.png", True)]
        assert held(index, photos[0], mine) is None
        close([held(index, id, mine) for id in photos[1:]], expected(1, 2, 3), location)


def test_vectors_of_another_version_are_not_mapped(folder: Path, tmp_path: Path) -> None:
    with HybridIndex(tmp_path / "index", embedder=ColourEmbedder()) as index:
        index.add_folder(folder)
        later = Later()
        report = index.add_embedder(head(tmp_path, later))
        assert (report.updated, report.from_stored, later.seen) == (4, 0, 4)


def test_an_id_that_stands_for_another_picture_meanwhile(location: Location, tmp_path: Path) -> None:
    class Slow(Head):
        def map(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
            if (index.get("mine").source.get("caption") or "") == "":  # another writer is faster
                (seen,) = ColourEmbedder().embed_images([photo(9)])
                index.backend.bulk([Action("update", "mine", {"caption": "another", "embedding": {"colour": seen}})])
            return super().map(vectors)

    with opened(location, ColourEmbedder()) as index:
        index.add(photo(1), id="mine")
        index.refresh()
        slow = head(tmp_path, ColourEmbedder(), kind=Slow)
        assert index.add_embedder(slow).from_stored == 1
        close([held(index, "mine", slow)], expected(9), location)


def test_the_command_says_so(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from hybrid_search.embedders.histogram_hog import HistogramHog

    place = str(tmp_path / "index")
    with HybridIndex(place, embedder="histogram+hog") as index:
        index.add_folder(folder)
    mine = head(tmp_path, HistogramHog())
    assert cli.run(["embed", mine.name, "--index", place, "--no-progress"]) == 0
    assert "4 pictures were given vectors of head:" in (out := capsys.readouterr().out)
    assert out.endswith(", 4 of them made of stored vectors\n")
