"""The front door: what goes in by any way comes out by any question, and mistakes are told."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hybrid_search import errors
from hybrid_search.index import HybridIndex
from hybrid_search.signature.goldberg import distance
from tests.support.fakes import ColourEmbedder, photo, save_photo
from tests.support.places import place_on
from tests.support.servers import VERSIONS, unavailable

PLACES = {"paris": {"lat": 48.85, "lon": 2.35}, "rome": {"lat": 41.9, "lon": 12.5}}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def index() -> Iterator[HybridIndex]:
    with HybridIndex(embedder=ColourEmbedder()) as index:
        yield index


@pytest.fixture(scope="module")
def library() -> Iterator[HybridIndex]:
    """Forty pictures with captions, cameras, dates and places; picture n has the id "n" with two digits."""
    with HybridIndex(embedder=ColourEmbedder()) as index:
        for n in range(40):
            index.add(
                photo(n, (400, 300)),
                id=f"{n:02}",
                metadata={
                    "caption": f"a {'dog' if n % 4 == 0 else 'cat'} on a {'beach' if n % 3 == 0 else 'street'}",
                    "camera.make": "Canon" if n % 2 else "Nikon",
                    "iso": 100 * (1 + n % 5),
                    "taken_at": f"{2015 + n % 10}-06-01",
                    "location": PLACES["paris" if n < 20 else "rome"],
                },
            )
        yield index


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def url_of(folder: Path, name: str, inputs: dict[str, Any]) -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    inputs["server"] = server
    return f"http://127.0.0.1:{server.server_address[1]}/{name}"


# -- putting in -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["str", "Path", "bytes", "file", "BytesIO", "url"])
def test_encoded_pictures_are_known_by_their_bytes(index: HybridIndex, tmp_path: Path, kind: str) -> None:
    path, held = save_photo(tmp_path / "a picture.png", 1), {}
    inputs: dict[str, Callable[[], Any]] = {
        "str": lambda: str(path),
        "Path": lambda: path,
        "bytes": path.read_bytes,
        "file": lambda: held.setdefault("server", path.open("rb")),
        "BytesIO": lambda: io.BytesIO(path.read_bytes()),
        "url": lambda: url_of(tmp_path, "a%20picture.png", held),
    }
    try:
        id = index.add(inputs[kind]())
    finally:
        for thing in held.values():
            (getattr(thing, "shutdown", None) or thing.close)()
            getattr(thing, "server_close", thing.close if hasattr(thing, "close") else int)()
    assert id == hashlib.sha256(path.read_bytes()).hexdigest()
    source = index.get(id).source
    assert (source["sha256"], source["bytes"], source["format"]) == (id, path.stat().st_size, "png")
    assert (source["width"], source["height"]) == (160, 120)
    assert index.search(image=path)[0].distance == 0.0


def test_a_fetched_picture_says_where_it_came_from(index: HybridIndex, tmp_path: Path) -> None:
    held: dict[str, Any] = {}
    picture = save_photo(tmp_path / "web" / "a picture.png", 1)
    url = url_of(tmp_path / "web", "a%20picture.png", held)
    try:
        id = index.add(url.replace("http://", "http://user:secret@"))
        source = index.get(url).source
        assert (source["path"], source["filename"], source["folder"]) == ([url], ["a picture.png"], [])
        assert "modified_at" not in source and source["missing"] is False
        assert index.search("picture")[0].path == url
        copy = tmp_path / "photos" / "b.png"
        copy.parent.mkdir()
        shutil.copy(picture, copy)
        assert index.add_folder(copy.parent).updated == 1
        assert index.get(id).source["path"] == [str(copy), url]
        copy = copy.rename(copy.with_name("c.png"))
        assert index.add_folder(copy.parent).updated == 1
        assert index.get(id).source["path"] == [str(copy), url]
        copy.unlink()
        assert index.add_folder(copy.parent).missing == 0, "it is still where it came from"
        source = index.get(id).source
        assert (source["path"], source["folder"], source["modified_at"]) == ([url], [], None)
        assert source["missing"] is False and index.prune() == []
        save_photo(picture, 2)
        assert index.add(url) != id
        assert [document.path for document in index] == [url, url], "what came from there stays"
    finally:
        held["server"].shutdown()
        held["server"].server_close()


@pytest.mark.parametrize("as_array", [False, True])
def test_pixels_are_known_by_their_pixels(index: HybridIndex, as_array: bool) -> None:
    picture = photo(1)
    given = np.asarray(picture) if as_array else picture
    id = index.add(given)
    assert id == hashlib.sha256(b"RGB 160x120 " + picture.tobytes()).hexdigest()
    assert index.add(picture.copy()) == id and len(index) == 1
    assert index.get(id).path is None


def test_the_callers_id_replaces_and_keeps_one_document(index: HybridIndex) -> None:
    assert index.add(photo(1), id="mine", metadata={"caption": "old words"}) == "mine"
    assert index.add(photo(2), id="mine", metadata={"title": "new"}) == "mine"
    assert len(index) == 1
    assert "caption" not in index.get("mine").source, "replaced, not merged"
    assert index.search(image=photo(2))[0].distance == 0.0
    assert index.search(image=photo(1))[0].distance is None, "the old signature is gone"


def test_what_the_caller_says_wins_over_the_file(index: HybridIndex) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x010E] = "Nikon", "D70", "from the file"
    data = encoded(photo(1), "JPEG", exif=exif)
    file = index.get(index.add(data)).source
    assert (file["camera"], file["caption"]) == ({"make": "Nikon", "model": "D70"}, "from the file")
    told = index.get(index.add(data, metadata={"camera.make": "Canon", "caption": "told"})).source
    assert (told["camera"], told["caption"]) == ({"make": "Canon", "model": "D70"}, "told")
    assert index.search("canon").ids() == index.search("d70").ids() == index.search("told").ids() != []
    assert index.search("nikon").ids() == []


def test_metadata_may_be_nested_and_is_not_altered(index: HybridIndex) -> None:
    given = {"camera": {"make": "Canon"}, "camera.model": "R5", "tags": ("sea", "sand"), "rating": np.int64(3)}
    before = repr(given)
    source = index.get(index.add(photo(1), metadata={**given, "taken_at": date(2020, 2, 29), "lens": None})).source
    assert repr(given) == before
    assert (source["camera"], source["tags"], source["rating"]) == (
        {"make": "Canon", "model": "R5"},
        ["sea", "sand"],
        3,
    )
    assert source["taken_at"] == "2020-02-29" and "lens" not in source


@pytest.mark.parametrize(
    ("metadata", "field", "hint"),
    [
        ({"captoin": "x"}, "captoin", "did you mean 'caption'"),
        ({"caption.text": "x"}, "caption.text", "no field that describes"),
        ({"sha256": "0"}, "sha256", "no field that describes"),
        ({"embedding.colour": [0.0] * 48}, "embedding.colour", "no field that describes"),
        ({"iso": "fast"}, "iso", "'fast' is not a number"),
        ({"taken_at": "yesterday"}, "taken_at", "is not a date"),
        ({"location": {"lat": 480, "lon": 0}}, "location", "is out of range"),
    ],
)
def test_metadata_that_does_not_fit_is_refused_by_name(
    index: HybridIndex, metadata: dict[str, Any], field: str, hint: str
) -> None:
    with pytest.raises(errors.MappingMismatch, match=hint) as caught:
        index.add(photo(1), metadata=metadata)
    assert caught.value.field == field
    assert len(index) == 0


def test_a_tilde_is_the_home_folder(index: HybridIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    path = save_photo(tmp_path / "a.png", 1)
    id = index.add("~/a.png")
    assert index.get(id).path == str(path) and index.get("~/a.png").id == id
    assert index.search(image="~/a.png")[0].id == id


@pytest.mark.parametrize("id", ["", "x" * 513, "a\udcff", 5])
def test_ids_that_no_backend_takes_are_refused(index: HybridIndex, id: Any) -> None:
    with pytest.raises(errors.BulkError, match="1 to 512 bytes"):
        index.add(photo(1), id=id)


@pytest.mark.parametrize("id", ["\udcff", "a\udcff"])
def test_ids_that_are_no_text_are_nobodys(index: HybridIndex, id: str) -> None:
    index.add(photo(1), id="a")
    assert id not in index
    assert index.delete(id) == 0
    with pytest.raises(errors.DocumentNotFound):
        index.get(id)
    assert "a" in index


@pytest.mark.parametrize("image", [b"", b"not a picture", "nowhere.jpg", 5, Image.new("RGB", (0, 0)), io.StringIO("x")])
def test_what_is_no_picture_is_refused(index: HybridIndex, image: Any) -> None:
    with pytest.raises(errors.ImageUnreadable):
        index.add(image)
    with pytest.raises(errors.ImageUnreadable):
        index.search(image=image)
    assert len(index) == 0


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 3000), (3000, 1), (9000, 40)])
def test_extreme_sizes_are_documents(index: HybridIndex, size: tuple[int, int]) -> None:
    picture = photo(3, (max(size[0], 8), max(size[1], 8))).crop((0, 0, *size))
    source = index.get(index.add(picture)).source
    assert (source["width"], source["height"]) == size
    assert index.search(image=picture)[0].legs["vector"] == pytest.approx(1.0, abs=1e-5)


def test_flat_pictures_are_nobodys_copies(index: HybridIndex) -> None:
    index.add(Image.new("RGB", (64, 64), "white"), id="white")
    index.add(Image.new("RGB", (64, 64), "grey"), id="grey")
    hits = index.search(image=Image.new("RGB", (80, 80), "white"), collapse_duplicates=True)
    assert hits.ids() == ["white", "grey"]
    assert [hit.distance for hit in hits] == [None, None]


# -- paths ------------------------------------------------------------------------------------------------------------


def test_a_path_belongs_to_the_bytes_that_it_has_now(index: HybridIndex, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png", 1)
    old = index.add(path)
    save_photo(path, 2)
    new = index.add(path)
    assert old != new
    assert [document.id for document in index] == [new]
    (tmp_path / "copy.png").write_bytes(path.read_bytes())
    index.add(str(tmp_path / "copy.png"))
    index.refresh()
    save_photo(path, 3)
    third = index.add(path)
    assert index.get(new).source["path"] == [str(tmp_path / "copy.png")], "it lies at its other path still"
    assert index.get(third).source["path"] == [str(path)]


def test_a_named_document_keeps_what_its_caller_said(index: HybridIndex, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png", 1)
    index.add(path, id="before")
    index.refresh()
    save_photo(path, 2)
    index.add(path)
    assert len(index) == 2 and "before" in index


def test_one_file_has_one_path_from_wherever_it_is_named(
    index: HybridIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_photo(tmp_path / "photos" / "a.png", 1)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert index.add_folder("../photos").added == 1
    assert index.add_folder("../photos").unchanged == index.add_folder(tmp_path / "photos").unchanged == 1
    index.add("../photos/a.png")
    (document,) = index
    assert document.source["path"] == [str(path)]
    assert index.get("../photos/a.png").id == index.get(path).id == document.id


def test_files_elsewhere_are_not_judged(index: HybridIndex, tmp_path: Path) -> None:
    here, there = (save_photo(tmp_path / folder / "a.png", 1) for folder in ("here", "drive"))
    index.add_folder(here.parent)
    index.add_folder(there.parent)
    there.parent.rename(tmp_path / "unplugged")
    assert index.add_folder(here.parent).missing == 0
    (document,) = index
    assert sorted(document.source["path"]) == sorted([str(here), str(there)])


def test_the_caption_of_any_copy_counts(index: HybridIndex, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save_photo(tmp_path / "photos" / name, 1)
    captions = tmp_path / "captions.csv"
    captions.write_text("path,caption\nb.png,a yacht\n")
    index.add_folder(tmp_path / "photos", captions=captions)
    assert len(index) == 1 and len(index.search("yacht")) == 1


@pytest.mark.parametrize("batch_size", [1, 32])
def test_the_description_of_a_copy_is_added(index: HybridIndex, tmp_path: Path, batch_size: int) -> None:
    exif = Image.Exif()
    exif[0x0110] = "EOS 5D"
    for name in ("a.jpg", "b.jpg"):
        save_photo(tmp_path / "photos" / name, 1, exif=exif)
    captions = tmp_path / "captions.csv"
    captions.write_text("path,caption,tags,camera.make\na.jpg,a yacht,sea,\nb.jpg,,boat,Canon\n")
    index.add_folder(tmp_path / "photos", captions=captions, batch_size=batch_size)
    (document,) = index
    assert (document.source["caption"], document.source["tags"]) == ("a yacht", ["sea", "boat"])
    assert document.source["camera"] == {"make": "Canon", "model": "EOS 5D"}
    assert len(index.search("canon")) == len(index.search("5D")) == len(index.search("yacht")) == 1
    assert index.add_folder(tmp_path / "photos", captions=captions).unchanged == 2


def test_one_pattern_may_be_a_text(index: HybridIndex, tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg", "c.webp"):
        save_photo(tmp_path / name, ord(name[0]))
    assert index.add_folder(tmp_path, include="*.png").added == 1
    assert index.add_folder(tmp_path, exclude="*.webp").added == 1


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"workers": -1}, {"on_error": "ignore"}])
def test_options_out_of_range_are_refused(index: HybridIndex, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        index.add_folder(tmp_path, **options)


def test_odd_names_and_odd_files(index: HybridIndex, tmp_path: Path) -> None:
    names = ["ünï çödé 日本.png", 'with space & "quotes" [1].JPG', "new\nline.png", "dir.jpg/in.PnG"]
    for seed, name in enumerate(names):
        save_photo(tmp_path / name, seed)
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "copy.png").symlink_to(tmp_path / names[0])
    (tmp_path / "zero.jpg").touch()
    report = index.add_folder(tmp_path)
    assert (report.added, report.copies, [Path(failure.path).name for failure in report.failed]) == (
        4,
        1,
        ["zero.jpg"],
    )
    for seed, name in enumerate(names):
        assert index.search(image=tmp_path / name)[0].path in (str(tmp_path / name), str(tmp_path / "copy.png")), seed
    assert len(index.search("日本")) == len(index.search(filter='filename:"new\nline.png"')) == 1


@pytest.mark.parametrize("name", ["fifo.jpg", "/dev/zero"])
def test_what_is_not_a_regular_file_is_one_failure(index: HybridIndex, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "fifo.jpg")
    report = index.add_folder(tmp_path / name)
    assert [failure.error for failure in report.failed] == ["this is not a regular file"]
    with pytest.raises(errors.ImageUnreadable, match="not a regular file"):
        index.add(tmp_path / name)


def test_a_name_that_is_not_utf8_is_refused_with_its_reason(index: HybridIndex, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff"))
    save_photo(folder / "a.png", 1)
    for add in (lambda: index.add_folder(folder), lambda: index.add(folder / "a.png")):
        with pytest.raises(errors.ImageUnreadable, match="not valid UTF-8"):
            add()
    with pytest.raises(errors.DocumentNotFound):
        index.search(like=str(folder / "a.png"))


@pytest.fixture
def bound(library: HybridIndex) -> Iterator[Path]:
    """Return a folder of a user whom permissions bind: the superuser becomes nobody meanwhile."""
    library.info()  # what is imported late must not be looked for by nobody
    folder = Path(tempfile.mkdtemp())
    superuser = os.geteuid() == 0
    if superuser:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if superuser:
            os.seteuid(0)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o700)
        shutil.rmtree(folder)


def test_what_must_not_be_read_is_a_failure(index: HybridIndex, bound: Path) -> None:
    closed = save_photo(bound / "closed" / "b.png", 2).parent
    locked = save_photo(bound / "a.png", 1)
    index.add_folder(bound)
    closed.chmod(0)
    locked.chmod(0)
    os.utime(locked, ns=(1, 1))
    report = index.add_folder(bound)
    assert {failure.path for failure in report.failed} == {str(closed), str(locked)}
    assert all("ermission denied" in failure.error for failure in report.failed)
    assert report.missing == 0 and len(index) == 2, "what cannot be seen is not gone"
    for add in (index.add, index.add_folder):
        with pytest.raises(errors.ImageUnreadable, match="Permission denied"):
            add(closed / "b.png")


def test_one_file_of_a_folder_that_must_not_be_listed(index: HybridIndex, bound: Path) -> None:
    path = save_photo(bound / "closed" / "b.png", 2)
    path.parent.chmod(0o111)
    assert index.add_folder(path).added == 1


def test_a_reader_that_may_not_write_sees_every_commit_and_leaves_nothing(
    bound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, temporary = bound / "index" / "images", bound / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    reader = HybridIndex(bound / "index", embedder=ColourEmbedder())
    before = sorted(path.name for path in inside.rglob("*"))
    for number in range(3):
        with HybridIndex(bound / "index", embedder=ColourEmbedder()) as writer:
            writer.add(photo(number), id=str(number))
            writer.delete(str(number - 1))
        before = sorted(path.name for path in inside.rglob("*"))
        for path in (inside, *inside.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        if number == 0:
            # what was opened while it could be written holds a lock file already
            reader.close()
            reader = HybridIndex(bound / "index", embedder=ColourEmbedder())
        assert [document.id for document in reader] == [str(number)]
        assert reader.search(image=photo(number), k=1)[0].id == str(number)
        for path in (inside, *inside.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert sorted(path.name for path in inside.rglob("*")) == before
    assert len(list(temporary.iterdir())) == 1
    reader.close()
    assert list(temporary.iterdir()) == []


def test_an_index_that_must_not_be_used_is_not_called_damaged(bound: Path) -> None:
    with HybridIndex(bound / "index", embedder=ColourEmbedder()) as index:
        index.add(photo(1), id="a")
    inside = bound / "index" / "images"
    for path in (inside, *inside.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    with HybridIndex(bound / "index", embedder=ColourEmbedder()) as reader:
        assert len(reader) == 1 and reader.search(image=photo(1), k=1)[0].id == "a"
        with pytest.raises(errors.BackendUnavailable, match="Permission denied"):
            reader.add(photo(2))
    (inside / "definition.json").chmod(0)
    with pytest.raises(errors.BackendUnavailable, match="Permission denied"):
        HybridIndex(bound / "index", embedder=ColourEmbedder())
    with pytest.raises(errors.BackendUnavailable, match="Permission denied"):
        HybridIndex(inside / "another", embedder=ColourEmbedder())


# -- questions --------------------------------------------------------------------------------------------------------


def expected(number: int) -> dict[str, Any]:
    """Say what the fixture's picture has, for expectations that do not ask the index."""
    return {
        "dog": number % 4 == 0,
        "beach": number % 3 == 0,
        "canon": number % 2 == 1,
        "iso": 100 * (1 + number % 5),
        "year": 2015 + number % 10,
        "paris": number < 20,
    }


def those(condition: Callable[[dict[str, Any]], bool]) -> set[str]:
    return {f"{number:02}" for number in range(40) if condition(expected(number))}


@pytest.mark.parametrize(
    ("filter", "condition"),
    [
        ("camera.make:canon", lambda it: it["canon"]),
        ("iso:[200 TO 300]", lambda it: 200 <= it["iso"] <= 300),
        ("iso:>300 AND NOT camera.make:canon", lambda it: it["iso"] > 300 and not it["canon"]),
        ("taken_at:[2016 TO 2018}", lambda it: 2016 <= it["year"] < 2018),
        ("location:within(48.85,2.35,10km)", lambda it: it["paris"]),
        ({"bool": {"must_not": [{"term": {"iso": 100}}]}}, lambda it: it["iso"] != 100),
        ("caption:dog OR caption:beach", lambda it: it["dog"] or it["beach"]),
    ],
)
def test_filters_give_exactly_what_they_say(library: HybridIndex, filter: Any, condition: Any) -> None:
    hits = library.search(filter=filter, k=40)
    assert set(hits.ids()) == those(condition) and hits.total == len(hits)
    assert {hit.score for hit in hits} == {0.0}
    nearest = library.search(image=photo(3, (400, 300)), filter=filter, k=40)
    assert set(nearest.ids()) == those(condition), "vectors are filtered, not the other way round"


def test_words_find_captions_and_rank(library: HybridIndex) -> None:
    assert set(library.search("dog", k=40).ids()) == those(lambda it: it["dog"])
    first = library.search("dog beach", k=40)
    both = those(lambda it: it["dog"] and it["beach"])
    assert set(first.ids()[: len(both)]) == both
    assert set(library.search("dog -beach", k=40).ids()) == those(lambda it: it["dog"] and not it["beach"])
    assert [hit.rank for hit in first] == list(range(1, len(first) + 1))
    scores = [hit.score for hit in first]
    assert scores == sorted(scores, reverse=True)


def test_the_example_itself_comes_first(library: HybridIndex) -> None:
    for number in (0, 17, 39):
        hits = library.search(image=photo(number, (400, 300)))
        assert hits[0].id == f"{number:02}"
        assert hits[0].distance == 0.0 and hits[0].legs == {"vector": pytest.approx(1, abs=1e-5), "signature": 1.0}


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_smaller_copy_is_found_at_its_exact_distance(library: HybridIndex, kind: str) -> None:
    copy = Image.open(io.BytesIO(encoded(photo(11, (400, 300)).resize((320, 240)), kind, quality=90)))
    hits = library.search(image=copy)
    found = library.get("11", vectors=True).source["signature"]
    asked = HybridIndex(embedder=ColourEmbedder())
    with asked:
        mine = asked.get(asked.add(copy), vectors=True).source["signature"]
    assert hits[0].id == "11"
    assert 0 < hits[0].distance < 0.45
    assert hits[0].distance == pytest.approx(distance(np.asarray(mine, np.int8), np.asarray(found, np.int8)), abs=1e-9)
    assert hits[0].legs["signature"] == pytest.approx(1 - hits[0].distance)


def test_like_asks_with_a_stored_picture_and_leaves_it_out(library: HybridIndex) -> None:
    hits = library.search(like="05", k=39)
    assert "05" not in hits.ids() and len(hits) == 39
    vectors = {
        document.id: library.get(document.id, vectors=True).source["embedding"]["colour"] for document in library
    }
    cosines = {id: float(np.dot(vectors["05"], vector)) for id, vector in vectors.items() if id != "05"}
    nearest = library.search(vector=vectors["05"], k=40, filter={"bool": {"must_not": [{"ids": {"values": ["05"]}}]}})
    assert nearest.ids() == sorted(cosines, key=lambda id: -cosines[id])
    for hit in nearest:
        assert hit.legs["vector"] == pytest.approx(cosines[hit.id], abs=2e-4)


def test_like_by_path(index: HybridIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_photo(tmp_path / "a.png", 1)
    save_photo(tmp_path / "b.png", 2)
    index.add(tmp_path / "a.png")
    index.add(tmp_path / "b.png")
    monkeypatch.chdir(tmp_path)
    body = index.request(like="a.png")
    for named in (str(tmp_path / "a.png"), tmp_path / "a.png", "a.png", index.get("a.png").id):
        hits = index.search(like=named)
        assert [hit.path for hit in hits] == [str(tmp_path / "b.png")]
        assert hits.body == body
    with pytest.raises(errors.DocumentNotFound):
        index.search(like="c.png")


def test_all_legs_together(library: HybridIndex) -> None:
    hits = library.search("dog", image=photo(12, (400, 300)), filter="camera.make:nikon", k=40)
    assert hits[0].id == "12" and set(hits[0].legs) == {"text", "vector", "signature"}
    assert set(hits.ids()) == those(lambda it: not it["canon"])
    assert hits[0].score == 1.0, "it is the picture itself"
    ranked = library.search("dog", image=photo(12, (400, 300)), filter="camera.make:nikon", k=40, fusion="rrf")
    assert ranked[0].score == pytest.approx(sum(1 / (60 + rank) for rank in ranked[0].ranks.values()))
    summed = library.search("dog", image=photo(12, (400, 300)), filter="camera.make:nikon", k=40, fusion="sum")
    assert summed[0].id == "12" and set(summed.ids()) == set(hits.ids())


def test_weights_shift_the_order_and_zero_leaves_a_leg_out(library: HybridIndex) -> None:
    ask = partial(library.search, "dog", image=photo(13, (400, 300)), k=40)
    assert ask(weights={"text": 0}).ids() == library.search(image=photo(13, (400, 300)), k=40).ids()
    words = ask(weights={"vector": 0, "signature": 0})
    assert words.ids() == library.search("dog", k=40).ids()
    assert ask(weights={"vector": 1000, "signature": 1000})[0].id == "13"
    assert ask(weights={"text": 1000})[0].id in those(lambda it: it["dog"])


@pytest.mark.parametrize(
    "asked",
    [
        {"text": "dog"},
        {"filter": "iso:[100 TO 500]"},
        {"image": photo(7, (400, 300))},
        {"text": "dog beach", "image": photo(7, (400, 300)), "filter": "iso:>100"},
        {"text": "cat", "sort": "taken_at:desc"},
        {"like": "03", "fusion": "sum", "text": "dog"},
    ],
)
def test_pages_are_cut_from_one_list(library: HybridIndex, asked: dict[str, Any]) -> None:
    whole = library.search(**asked, k=40)
    pages = [hit for offset in range(0, 40, 7) for hit in library.search(**asked, k=7, offset=offset)]
    assert [hit.id for hit in pages] == whole.ids()
    assert [hit.rank for hit in pages] == list(range(1, len(whole) + 1))


def test_sort_replaces_the_score(library: HybridIndex) -> None:
    hits = library.search("dog", sort=["iso:desc", "taken_at"], k=40)
    keys = [(-hit.source["iso"], hit.source["taken_at"]) for hit in hits]
    assert keys == sorted(keys) and set(hits.ids()) == those(lambda it: it["dog"])


def test_least_scores(library: HybridIndex) -> None:
    hits = library.search(image=photo(7, (400, 300)), k=40)
    least = sorted(hit.legs["vector"] for hit in hits)[30]
    kept = library.search(image=photo(7, (400, 300)), min_score={"vector": least}, weights={"signature": 0}, k=40)
    assert {hit.id for hit in kept} == {hit.id for hit in hits if hit.legs["vector"] >= least - 1e-6}
    scores = library.search("dog beach", k=40)
    best = scores[0].score
    assert library.search("dog beach", min_score=best, k=40).ids() == [hit.id for hit in scores if hit.score >= best]


def test_facets_count_the_filtered_documents(library: HybridIndex) -> None:
    hits = library.search(filter="iso:[200 TO 300]", facets=["camera.make", "taken_at:year", "iso:100,300,600"], k=1)
    held = those(lambda it: 200 <= it["iso"] <= 300)
    makes = [("canon" if int(id) % 2 else "nikon") for id in held]
    assert hits.facets["camera.make"] == {make: makes.count(make) for make in set(makes)}
    years = [str(2015 + int(id) % 10) for id in held]
    assert hits.facets["taken_at:year"] == {year: years.count(year) for year in set(years)}
    assert sum(hits.facets["iso:100,300,600"].values()) == len(held) == hits.total


def test_copies_collapse_into_the_best(index: HybridIndex) -> None:
    original = photo(1, (400, 300))
    index.add(original, id="original")
    index.add(encoded(original, "JPEG", quality=70), id="jpeg")
    index.add(encoded(original.resize((200, 150)), "JPEG", quality=85), id="small")
    index.add(photo(2, (400, 300)), id="other")
    hits = index.search(image=original)
    assert hits.ids() == ["original", "other"]
    assert set(hits[0].copies) == {"jpeg", "small"} and hits[1].copies == ()
    assert len(index.search(image=original, collapse_duplicates=False)) == 4
    assert len(index.search(image=original, sort="taken_at")) == 4, "an order lists all"


def test_explain_names_words_and_filters(library: HybridIndex) -> None:
    (hit, *_) = library.search("dog beach", filter="camera.make:nikon AND iso:100", explain=True)
    assert {"filter:camera.make:nikon", "filter:iso:100"} <= set(hit.matched)
    assert {"term:dog@caption", "term:beach@caption"} <= set(hit.matched)
    assert library.search("dog", filter="camera.make:nikon")[0].matched == ()


@pytest.mark.parametrize(
    "asked",
    [
        {"text": "dog", "facets": ["camera.make"]},
        {"image": photo(7), "filter": "iso:>100", "explain": True},
        {"like": "03", "text": "cat", "collapse_duplicates": True, "sort": "-iso", "k": 3, "offset": 4},
        {"vector": np.linspace(0, 1, 48), "min_score": {"vector": 0.2}},
    ],
)
def test_the_request_is_json_and_is_what_is_sent(library: HybridIndex, asked: dict[str, Any]) -> None:
    body = library.request(**asked)
    assert json.loads(json.dumps(body, allow_nan=False)) == body
    hits = library.search(**asked)
    assert hits.body == body
    assert json.dumps(hits.to_dicts())


def test_hits_can_be_kept_and_sent(library: HybridIndex) -> None:
    hits = library.search("dog", facets=["camera.make"])
    for again in (pickle.loads(pickle.dumps(hits)), copy.deepcopy(hits)):
        assert (again.hits, again.total, again.body, again.facets) == (hits.hits, hits.total, hits.body, hits.facets)
    assert all("thumbnail" in hit.source for hit in hits.with_thumbnails())


@pytest.mark.parametrize(
    "asked", [{}, {"text": ""}, {"text": "  "}, {"filter": ""}, {"text": "a", "weights": {"text": 0}}]
)
def test_nothing_asked(library: HybridIndex, asked: dict[str, Any]) -> None:
    with pytest.raises(errors.EmptyQuery, match="vector, vector_query, classes, colours or filter"):
        library.search(**asked)


@pytest.mark.parametrize(
    ("asked", "kind", "hint"),
    [
        ({"text": 5}, errors.QueryError, "text is words"),
        ({"vector": [1.0, 2.0]}, errors.BadVector, "48 dims"),
        ({"vector": [1.0, 2.0], "image": photo(1)}, errors.BadVector, "48 dims"),
        ({"vector": [[1.0], [2.0, 3.0]]}, errors.BadVector, "different lengths"),
        ({"vector": ["a"] * 48}, errors.BadVector, "not numbers"),
        ({"vector": [np.inf] * 48, "image": photo(1)}, errors.BadVector, "not finite"),
        ({"vector": [0.0] * 48}, errors.BadVector, "all zero"),
        ({"filter": "camera.mkae:canon"}, errors.UnknownField, "camera.make"),
        ({"text": "a", "sort": "tkaen_at"}, errors.UnknownField, "taken_at"),
        ({"text": "a", "facets": ["lesn"]}, errors.UnknownField, "lens"),
        ({"text": "a", "k": 0}, errors.QueryError, "at least 1"),
        ({"text": "a", "k": 20, "num_candidates": 10}, errors.QueryError, "pass num_candidates=20"),
        ({"text": "a", "fusion": "best"}, errors.QueryError, "known: evidence, rrf, sum"),
        ({"text": "a", "weights": {"txt": 1}}, errors.QueryError, "known: text, vector, signature"),
        ({"like": "absent"}, errors.DocumentNotFound, "absent"),
    ],
)
def test_mistakes_say_what_to_do(library: HybridIndex, asked: dict[str, Any], kind: Any, hint: str) -> None:
    with pytest.raises(kind, match=hint):
        library.search(**asked)


def test_vectors_of_any_length_count_alike(library: HybridIndex) -> None:
    vector = np.asarray(library.get("05", vectors=True).source["embedding"]["colour"], np.float64)
    order = library.search(vector=vector, k=40).ids()
    with_image = library.search(vector=vector, image=photo(9, (400, 300)), weights={"signature": 0}, k=40).ids()
    for factor in (1e-30, 1e-200, 1e200):
        assert library.search(vector=vector * factor, k=40).ids() == order
        asked = {"image": photo(9, (400, 300)), "weights": {"signature": 0}, "k": 40}
        assert library.search(vector=vector * factor, **asked).ids() == with_image


def test_words_that_are_not_there(library: HybridIndex) -> None:
    hits = library.search("zeppelin")
    assert (len(hits), hits.total, hits.ids()) == (0, 0, [])


# -- an index as a collection -----------------------------------------------------------------------------------------


def test_documents_come_and_go(index: HybridIndex) -> None:
    ids = [index.add(photo(n)) for n in range(3)]
    assert len(index) == 3 and all(id in index for id in ids) and "absent" not in index and 5 not in index
    assert sorted(document.id for document in index) == sorted(ids)
    assert index.delete(ids[0]) == 1 and index.delete([ids[0], ids[1]]) == 1 and index.delete([]) == 0
    assert [document.id for document in index] == [ids[2]] and ids[0] not in index
    with pytest.raises(errors.DocumentNotFound, match=ids[0]):
        index.get(ids[0])
    assert index.search(image=photo(0))[0].id == ids[2]


def test_get_gives_vectors_only_when_asked(index: HybridIndex) -> None:
    id = index.add(photo(1))
    assert not {"embedding", "signature"} & index.get(id).source.keys()
    source = index.get(id, vectors=True).source
    assert np.asarray(source["embedding"]["colour"]).shape == (48,)
    assert np.linalg.norm(source["embedding"]["colour"]) == pytest.approx(1, abs=1e-3)
    assert np.asarray(source["signature"]).shape == (648,)


def test_info_tells_what_it_is_made_of(index: HybridIndex) -> None:
    index.add(photo(1))
    info = index.info()
    assert json.loads(json.dumps(info)) == info
    assert info["documents"] == 1 and info["backend"] == "embedded" and info["analysis"] == "english"
    assert info["embeddings"] == {"colour": {"name": "colour", "version": "1", "dims": 48, "embeds_text": False}}
    assert "colour" in repr(index) and "memory" in repr(index)


def test_prune_spares_a_picture_that_came_back(index: HybridIndex, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png", 1)
    index.add_folder(tmp_path)
    data = path.read_bytes()
    path.unlink()
    assert index.add_folder(tmp_path, accept_missing=True).missing == 1
    path.write_bytes(data)
    index.add(path)
    assert index.prune() == [] and len(index) == 1


def test_closing_twice_and_leaving_a_block(tmp_path: Path) -> None:
    with HybridIndex(tmp_path, embedder=ColourEmbedder()) as index:
        index.add(photo(1), id="a")
    index.close()
    index.close()
    with HybridIndex(tmp_path, embedder=ColourEmbedder(), create=False) as again:
        assert "a" in again
    with pytest.raises(RuntimeError, match="from the block"), HybridIndex(tmp_path, embedder=ColourEmbedder()) as index:
        index.add(photo(2), id="b")
        raise RuntimeError("from the block")
    with HybridIndex(tmp_path, embedder=ColourEmbedder(), create=False) as again:
        assert len(again) == 2


def test_another_process_sees_the_documents(tmp_path: Path) -> None:
    with HybridIndex(tmp_path / "index", embedder=ColourEmbedder()) as index:
        index.add(photo(1), id="a", metadata={"caption": "a red kite"})
    code = (
        "import sys; from hybrid_search.index import HybridIndex\n"
        "from tests.support.fakes import ColourEmbedder, photo\n"
        "index = HybridIndex(sys.argv[1], embedder=ColourEmbedder(), create=False)\n"
        "print(index.search('kite').ids(), index.search(image=photo(1)).ids(), len(index))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "index")]
    root = Path(__file__).parents[2]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=root).stdout
    assert out.strip() == "['a'] ['a'] 1"


def test_a_reader_sees_the_commits_of_a_writer(tmp_path: Path) -> None:
    with HybridIndex(tmp_path, embedder=ColourEmbedder()) as writer:
        with HybridIndex(tmp_path, embedder=ColourEmbedder(), create=False) as reader:
            writer.add(photo(1), id="a")
            assert len(reader) == 0, "not before it is refreshed"
            writer.refresh()
            assert len(reader) == 1 and reader.search(image=photo(1)).ids() == ["a"]
            writer.delete("a")
            assert len(reader) == 0


def test_a_second_writer_is_told(tmp_path: Path) -> None:
    save_photo(tmp_path / "photos" / "a.png", 1)
    with HybridIndex(tmp_path / "index", embedder=ColourEmbedder()) as first:
        first.add(photo(1), id="a")
        first.refresh()
        with HybridIndex(tmp_path / "index", embedder=ColourEmbedder()) as second:
            writes = (
                lambda: second.add(photo(2)),
                lambda: second.add_folder(tmp_path / "photos"),
                lambda: second.delete("a"),
            )
            for write in writes:
                with pytest.raises(errors.IndexLocked, match="being written"):
                    write()
            assert len(second) == 1
    with HybridIndex(tmp_path / "index", embedder=ColourEmbedder()) as second:
        second.add(photo(2), id="b")
        assert len(second) == 2


def test_a_second_writer_is_told_before_any_work(tmp_path: Path) -> None:
    class Forbidden(ColourEmbedder):
        def embed_images(self, images: Any) -> Any:
            raise AssertionError("nothing must be embedded for an index that is locked")

    save_photo(tmp_path / "photos" / "a.png", 1)
    with HybridIndex(tmp_path / "index", embedder=ColourEmbedder()) as first:
        first.add(photo(1), id="a")
        with HybridIndex(tmp_path / "index", embedder=Forbidden()) as second:
            with pytest.raises(errors.IndexLocked):
                second.add(b"not even a picture")
            with pytest.raises(errors.IndexLocked):
                second.add_folder(tmp_path / "photos")


def test_threads_share_an_index(index: HybridIndex) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def add_and_find(number: int) -> list[str]:
        index.add(photo(number, (48, 48)), id=str(number))
        return index.search(image=photo(number, (48, 48)), k=1).ids()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(add_and_find, range(16))) == [[str(number)] for number in range(16)]
    assert len(index) == 16


# -- places -----------------------------------------------------------------------------------------------------------


def test_another_embedder_is_refused_by_both_names(tmp_path: Path) -> None:
    HybridIndex(tmp_path, embedder=ColourEmbedder()).close()
    with pytest.raises(errors.EmbedderMismatch, match=r"'colour'.*histogram\+hog"):
        HybridIndex(tmp_path, embedder="histogram+hog")
    newer = ColourEmbedder()
    newer.version = "2"
    with HybridIndex(tmp_path, embedder=newer) as index:
        with pytest.raises(errors.EmbedderMismatch, match=r"version 1.*version 2"):
            index.add(photo(1))
        assert len(index) == 0


def test_without_create_there_must_be_one(tmp_path: Path) -> None:
    for name, call in (
        ("images", f"`HybridIndex('{tmp_path}')`"),
        ("trip", f"`HybridIndex('{tmp_path}', name='trip')`"),
    ):
        with pytest.raises(errors.IndexNotFound) as caught:
            HybridIndex(tmp_path, name=name, create=False)
        assert str(caught.value).endswith(call), "the call makes this very index"
    assert list(tmp_path.iterdir()) == [], "asking leaves nothing behind"


def test_several_indexes_at_one_place(tmp_path: Path) -> None:
    for name in ("trip", "home-2"):
        with HybridIndex(tmp_path, name=name, embedder=ColourEmbedder()) as index:
            index.add(photo(1), id=name)
    with HybridIndex(tmp_path, name="trip") as index:
        assert [document.id for document in index] == ["trip"]


@pytest.mark.parametrize("name", ["", "Images", "a/b", "..", ".", "a b", "é", "-", "../x"])
def test_bad_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(errors.BackendUnavailable, match="lower-case letters"):
        HybridIndex(tmp_path, name=name, embedder=ColourEmbedder())
    assert list(tmp_path.iterdir()) == []


def test_a_name_too_long_for_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.BackendUnavailable, match="at most 255 letters, got 300"):
        HybridIndex(tmp_path, name="x" * 300, embedder=ColourEmbedder())
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_hold_an_index(tmp_path: Path) -> None:
    file = save_photo(tmp_path / "photo.png", 1)
    with pytest.raises(errors.BackendUnavailable, match="Not a directory"):
        HybridIndex(file, embedder=ColourEmbedder())
    (tmp_path / "taken" / "images").mkdir(parents=True)
    (tmp_path / "taken" / "images" / "notes.txt").touch()
    with pytest.raises(errors.BackendUnavailable, match=r"other files \('notes.txt'\)"):
        HybridIndex(tmp_path / "taken", embedder=ColourEmbedder())
    with pytest.raises(errors.BackendUnavailable) as caught:
        HybridIndex("http://user:secret@127.0.0.1:9", embedder=ColourEmbedder())
    assert "secret" not in str(caught.value)


def test_an_unknown_embedder_leaves_no_index(tmp_path: Path) -> None:
    with pytest.raises(errors.UnknownEmbedder, match="lite"):
        HybridIndex(tmp_path / "index", embedder="lit")
    assert not (tmp_path / "index").exists()


ASKED: dict[str, Callable[[HybridIndex], Any]] = {
    "search": lambda index: index.search("red"),
    "request": lambda index: index.request("red"),
    "get": lambda index: index.get("red"),
    "length": len,
    "iteration": list,
    "membership": lambda index: "red" in index,
    "add": lambda index: index.add(photo(2)),
    "add_folder": lambda index: index.add_folder("."),
    "delete": lambda index: index.delete("red"),
    "prune": lambda index: index.prune(),
    "check": lambda index: index.check(),
    "info": lambda index: index.info(),
    "refresh": lambda index: index.refresh(),
    "find_duplicates": lambda index: index.find_duplicates(photo(1)),
    "duplicate_groups": lambda index: list(index.duplicate_groups()),
    "drop_embedder": lambda index: index.drop_embedder("colour"),
    "prefer_embedder": lambda index: index.prefer_embedder("colour"),
    "label_pictures": lambda index: index.label_pictures(["dog"]),
}


@pytest.fixture(scope="module", params=["memory", "folder", VERSIONS[0]])
def closed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HybridIndex]:
    with ExitStack() as stack:
        location, name = None, "images"
        if request.param == "folder":
            location = str(tmp_path_factory.mktemp("closed") / "index")
        if request.param == VERSIONS[0]:
            servers = request.getfixturevalue("servers")
            if request.param not in servers:
                unavailable(f"HYBRID_SEARCH_TEST_SERVERS names none of version {request.param}")
            at = stack.enter_context(place_on(servers[request.param]))
            location, name = at.url, at.name
        with HybridIndex(location, name=name, embedder=ColourEmbedder()) as index:
            index.add(photo(1), id="red", metadata={"caption": "red"})
            hits = index.search("red")
        assert hits.with_thumbnails()[0].source["thumbnail"], "hits live on"
        yield index


@pytest.mark.parametrize("asked", ASKED)
def test_a_closed_index_answers_nothing(closed: HybridIndex, asked: str) -> None:
    with pytest.raises(errors.BackendError, match="has been closed; open it anew") as caught:
        ASKED[asked](closed)
    assert caught.value.location == closed.location
    closed.close()


def test_paths_and_ids_are_in_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, other = save_photo(tmp_path / "a ä.png", 1), save_photo(tmp_path / "b.png", 2)
    monkeypatch.chdir(tmp_path)
    with HybridIndex(embedder=ColourEmbedder()) as index:
        index.add(photo(3), id="mine")
        assert "" not in index and "mine" in index
        id = index.add(path)
        commits = index.backend.info()
        for named in (path, str(path), "a ä.png", Path("a ä.png"), id, "./a ä.png"):
            assert named in index, named
        assert index.backend.info() == commits, "asking has committed nothing"
        index.refresh()
        for named in (path, str(path), "a ä.png", Path("a ä.png"), id):
            assert named in index, named
        for absent in (other, "b.png", "c.png", "http://localhost/a.png", 5, None, b"mine"):
            assert absent not in index, absent
        index.delete(id)
        assert path not in index


def test_a_closed_index_takes_no_more_writes(tmp_path: Path) -> None:
    with HybridIndex(tmp_path / "index", embedder=ColourEmbedder()) as index:
        index.add(photo(1))
    with pytest.raises(errors.BackendError, match="has been closed; open it anew"):
        index.add(photo(2))
    with HybridIndex(tmp_path / "index", embedder=ColourEmbedder()) as again:
        again.add(photo(3))
        assert len(again) == 2
