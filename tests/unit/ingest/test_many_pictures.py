"""Many pictures at once: lists, generators, data frames; what goes in one by one comes out alike."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hybrid_search.errors import BulkError, ImageUnreadable, MappingMismatch
from hybrid_search.index import HybridIndex
from hybrid_search.ingest import Progress
from hybrid_search.ingest.input_items import is_several
from tests.support.fakes import ColourEmbedder, photo, save_photo

BATCH = 4


@pytest.fixture
def embedder() -> ColourEmbedder:
    return ColourEmbedder()


@pytest.fixture
def index(embedder: ColourEmbedder) -> Iterator[HybridIndex]:
    with HybridIndex(embedder=embedder) as index:
        yield index


def files(folder: Path, count: int, start: int = 0) -> list[Path]:
    return [save_photo(folder / f"p{number:02}.png", number) for number in range(start, start + count)]


def without_moment(source: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in source.items() if name != "indexed_at"}


def test_a_list_goes_in_as_its_pictures_one_by_one(tmp_path: Path, index: HybridIndex) -> None:
    paths = files(tmp_path, 7)
    with HybridIndex(embedder=ColourEmbedder()) as other:
        alone = [other.add(path, metadata={"caption": path.stem}) for path in paths]
        report = index.add([(path, {"caption": path.stem}) for path in paths], batch_size=BATCH)
        assert (report.added, report.updated, report.failed) == (7, 0, ())
        assert list(report.ids) == alone
        for id in alone:
            mine, theirs = index.get(id, vectors=True).source, other.get(id, vectors=True).source
            np.testing.assert_allclose(mine.pop("embedding")["colour"], theirs.pop("embedding")["colour"], atol=1e-3)
            np.testing.assert_array_equal(mine.pop("signature"), theirs.pop("signature"))
            assert without_moment(mine) == without_moment(theirs)


def test_pictures_are_embedded_together(tmp_path: Path) -> None:
    class Counting(ColourEmbedder):
        def __init__(self) -> None:
            super().__init__()
            self.batches: list[int] = []

        def describe_images(self, images: Any) -> Any:
            self.batches.append(len(images))
            return super().describe_images(images)

    embedder = Counting()
    with HybridIndex(embedder=embedder) as index:
        index.add(files(tmp_path, 10), batch_size=BATCH)
    assert embedder.batches == [4, 4, 2]


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "file", "image", "array", "mapping", "pair"])
def test_every_kind_of_picture_may_be_among_them(tmp_path: Path, index: HybridIndex, kind: str) -> None:
    (path,) = files(tmp_path, 1, start=5)
    given: dict[str, Callable[[], Any]] = {
        "path": lambda: path,
        "text": lambda: str(path),
        "bytes": path.read_bytes,
        "file": lambda: io.BytesIO(path.read_bytes()),
        "image": lambda: photo(5),
        "array": lambda: np.asarray(photo(5)),
        "mapping": lambda: {"image": path.read_bytes(), "title": "five"},
        "pair": lambda: (path, None),
    }
    report = index.add([photo(1), given[kind](), photo(2)])
    assert report.added == 3 and None not in report.ids
    assert report.ids[1] == index.search(image=path, k=1)[0].id


def test_one_bad_picture_does_not_stop_the_others(tmp_path: Path, index: HybridIndex) -> None:
    good = files(tmp_path, 2)
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    items = [
        good[0],
        tmp_path / "bad.jpg",
        {"caption": "nothing"},
        7,
        (good[1], {"isso": 3}),
        tmp_path / "gone.png",
        good[1],
    ]
    report = index.add(items)
    assert report.added == 2 == len(index)
    assert [id is None for id in report.ids] == [False, True, True, True, True, True, False]
    reasons = {failure.path: failure.error for failure in report.failed}
    assert list(reasons) == [str(tmp_path / "bad.jpg"), "item 3", "item 4", str(good[1]), str(tmp_path / "gone.png")]
    assert "names no picture" in reasons["item 3"]
    assert "did you mean 'iso'" in reasons[str(good[1])]
    assert reasons[str(tmp_path / "gone.png")] == "No such file or directory"
    with pytest.raises(ImageUnreadable, match=r"bad\.jpg"):
        index.add(items, on_error="raise")


def test_a_generator_is_asked_as_pictures_are_needed(index: HybridIndex, embedder: ColourEmbedder) -> None:
    ahead = []

    def pictures() -> Iterator[Image.Image]:
        for number in range(60):
            ahead.append(number - embedder.seen)
            yield photo(number)

    assert index.add(pictures(), batch_size=BATCH, workers=2).added == 60
    # two batches on their way, one in the making, and what the two workers have at hand
    assert max(ahead) <= 3 * BATCH + 2 * 2


@pytest.mark.parametrize("kind", ["file", "array", "image"])
def test_a_generator_may_use_one_thing_for_all(tmp_path: Path, index: HybridIndex, kind: str) -> None:
    frame, image, file = np.zeros((120, 160, 3), np.uint8), Image.new("RGB", (160, 120)), tmp_path / "frame.png"

    def frames() -> Iterator[Any]:
        for number in range(9):
            frame[:] = np.asarray(photo(number))
            image.paste(photo(number))
            image.save(file)
            yield {"file": file, "array": frame, "image": image}[kind]

    report = index.add(({"image": each, "id": str(number)} for number, each in enumerate(frames())), batch_size=BATCH)
    assert report.ids == tuple(map(str, range(9)))
    for number in range(9):
        assert index.search(image=photo(number), k=1)[0].id == str(number)


def test_what_is_there_is_replaced_and_keeps_its_other_paths(tmp_path: Path, index: HybridIndex) -> None:
    first, second = files(tmp_path, 2)
    copy = tmp_path / "copy.png"
    copy.write_bytes(first.read_bytes())
    index.add(first, metadata={"caption": "old", "title": "stays not"})
    report = index.add([{"path": copy, "caption": "new"}, second, second])
    assert (report.added, report.updated) == (1, 2)
    source = index.get(first).source
    assert source["path"] == [str(first), str(copy)] and source["caption"] == "new" and "title" not in source
    assert index.get(second).source["path"] == [str(second)]


def test_a_path_goes_to_the_picture_that_lies_there_now(tmp_path: Path, index: HybridIndex) -> None:
    (path,) = files(tmp_path, 1)
    before = index.add(path)
    save_photo(path, 77)
    report = index.add([path])
    assert report.ids[0] != before and len(index) == 1


def test_what_is_said_of_all_gives_way_to_what_is_said_of_one(index: HybridIndex) -> None:
    report = index.add([photo(1), (photo(2), {"title": "own"})], metadata={"title": "all", "rating": 3})
    assert [index.get(id).source["title"] for id in report.ids] == ["all", "own"]
    assert {index.get(id).source["rating"] for id in report.ids} == {3}


def test_an_id_is_one_pictures(index: HybridIndex) -> None:
    with pytest.raises(BulkError, match="give each its own"):
        index.add([photo(1)], id="a")  # type: ignore[call-overload]
    assert index.add({"image": photo(1), "id": "a", "caption": "one"}) == "a"
    assert index.get("a").source["caption"] == "one"


def test_progress_is_told(tmp_path: Path, index: HybridIndex) -> None:
    told: list[Progress] = []
    index.add([*files(tmp_path, 5), 3], progress=told.append)
    assert [each.done for each in told] == list(range(1, 7))
    assert (told[-1].failed, {each.total for each in told}) == (1, {6})
    index.add(iter(files(tmp_path, 1)), progress=told.append)
    assert told[-1].total is None


def test_nothing_and_single_things(index: HybridIndex) -> None:
    assert index.add([]).ids == () and index.add(iter(())).added == 0
    assert [is_several(each) for each in (b"x", "x", Path("x"), io.BytesIO(), photo(1), np.zeros((9, 9)), {})] == [
        False
    ] * 7
    assert [is_several(each) for each in ([], (), iter(()), {"a.jpg"})] == [True] * 4


def test_arrays_of_pictures_and_of_paths(tmp_path: Path, index: HybridIndex) -> None:
    stack = np.stack([np.asarray(photo(number)) for number in range(3)])
    report = index.add(stack)
    assert report.added == 3 and index.search(image=stack[1], k=1)[0].id == report.ids[1]
    assert index.add(np.array([str(path) for path in files(tmp_path, 2)])).added == 2


class TestDataFrame:
    @pytest.fixture
    def pandas(self) -> Any:
        return pytest.importorskip("pandas", reason="pandas comes with hybrid-search[test]; it is not installed here")

    def test_columns_are_fields_and_missing_cells_say_nothing(
        self, tmp_path: Path, index: HybridIndex, pandas: Any
    ) -> None:
        paths = files(tmp_path, 3)
        frame = pandas.DataFrame(
            {
                "path": [str(path) for path in paths],
                "Description": ["one", None, "three"],
                "lat": [48.85, None, 41.9],
                "lon": [2.35, None, 12.5],
                "rating": [1, float("nan"), 5],
                "extra.price": pandas.array([10, None, 30], dtype="Int64"),
                "extra.seen": pandas.to_datetime(["2024-01-01", None, "2024-03-01"]),
            }
        )
        report = index.add(frame)
        assert report.failed == () and report.added == 3
        second = index.get(paths[1]).source
        assert not {"caption", "rating", "location", "extra"} & second.keys()
        assert index.get(paths[2]).source["location"] == {"lat": 41.9, "lon": 12.5}
        found = index.search(filter="extra.price:>5 AND extra.seen:[2024-02-01 TO *]")
        assert [hit.source["caption"] for hit in found] == ["three"]

    def test_a_column_that_is_no_field_is_told_at_once(self, index: HybridIndex, pandas: Any) -> None:
        with pytest.raises(MappingMismatch, match=r"'price'.*extra\.NAME"):
            index.add(pandas.DataFrame({"path": ["a.jpg"], "price": [1]}))
        with pytest.raises(MappingMismatch, match="no column is one of image, path"):
            index.add(pandas.DataFrame({"caption": ["a"]}))

    def test_hits_become_a_frame(self, index: HybridIndex, pandas: Any) -> None:
        index.add([{"image": photo(n), "id": str(n), "extra.price": n, "camera.make": "Canon"} for n in range(3)])
        hits = index.search(filter="camera.make:canon", sort="extra.price:desc")
        frame = hits.to_pandas(["extra.price", "title"])
        assert list(frame.columns) == ["rank", "score", "id", "path", "caption", "extra.price", "title"]
        assert frame["id"].tolist() == ["2", "1", "0"] and frame["extra.price"].tolist() == [2, 1, 0]
        assert frame["title"].isna().all() and frame["rank"].tolist() == [1, 2, 3]
        assert list(hits[:0].to_pandas().columns) == ["rank", "score", "id", "path", "caption"]


def test_a_hit_gives_its_picture(tmp_path: Path, index: HybridIndex) -> None:
    (path,) = files(tmp_path, 1)
    turned = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(3, (160, 120)).save(turned, exif=exif)
    ids = index.add([path, turned, photo(9)]).ids
    by_id = {hit.id: hit for hit in index.search(filter="width:[1 TO *]")}
    np.testing.assert_array_equal(np.asarray(by_id[str(ids[0])].image()), np.asarray(photo(0)))
    assert by_id[str(ids[1])].image().size == (120, 160)
    with pytest.raises(ImageUnreadable, match="came without a path"):
        by_id[str(ids[2])].image()
    path.unlink()
    with pytest.raises(ImageUnreadable, match=f"{path.name}: No such file"):
        by_id[str(ids[0])].image()
