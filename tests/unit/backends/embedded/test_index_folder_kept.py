"""A folder that holds anything of an index is never emptied by opening, making, copying or migrating."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hybrid_search.backends import Action
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.backends.embedded.index_folder import Folder
from hybrid_search.backends.transfer import copy_index, migrate
from hybrid_search.cli import exits, run
from hybrid_search.document.definition import EmbeddingSpec, load_definition
from hybrid_search.errors import BackendError, BackendUnavailable, IndexCorrupt, IndexLocked
from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder, save_photo
from tests.unit.backends.embedded.test_index_folder import snapshot, vector

Opened = Callable[..., EmbeddedBackend]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Open backends, and close them when the test is over."""
    backends: list[EmbeddedBackend] = []

    def at(folder: Path, *, writable: bool = True) -> EmbeddedBackend:
        backends.append(EmbeddedBackend(folder, writable=writable))
        return backends[-1]

    yield at
    for backend in backends:
        with contextlib.suppress(BackendError):
            backend.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An index of five documents with vectors, in a folder."""
    backend = EmbeddedBackend(tmp_path / "index" / "images")
    backend.create(DEFINITION)
    backend.bulk([action(number) for number in range(5)])
    backend.close()
    return tmp_path / "index" / "images"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed in range(3):
        save_photo(tmp_path / "photos" / f"{seed}.png", seed, (64, 48))
    with HybridIndex(tmp_path / "real", embedder=ColourEmbedder()) as index:
        index.add_folder(tmp_path / "photos")
    return tmp_path / "photos"


SPEC = EmbeddingSpec("x", "1", dims=4)
DEFINITION = load_definition(analysis="english", embeddings={"tiny": EmbeddingSpec("tiny", "1", dims=4)})


def action(number: int) -> Action:
    return Action("index", f"d{number}", {"caption": f"word{number}", "embedding": {"tiny": vector(number)}})


LOST = [
    ["format.json"],
    ["format.json", "definition.json"],
    ["format.json", "tantivy/meta.json"],
    ["format.json", "statistics.json", "vectors"],
    ["format.json", "definition.json", "statistics.json", "tantivy"],
    ["format.json", "tantivy/*.store"],
    ["format.json", "statistics.json", "vectors", "tantivy/*.*e*", "tantivy/*.idx", "tantivy/*.pos", "tantivy/*.fast"],
]


def lose(place: Path, names: list[str]) -> dict[str, bytes]:
    import shutil

    for name in names:
        for path in place.glob(name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return snapshot(place)


@pytest.mark.parametrize("names", LOST, ids=" ".join)
def test_what_is_left_of_an_index_stays_as_it_is(place: Path, names: list[str], opened: Opened) -> None:
    before = lose(place, names)
    backend = opened(place)
    assert backend.exists(), "damaged is not absent"
    for attempt in (
        lambda: backend.create(DEFINITION),
        backend.definition,
        backend.count,
        lambda: backend.bulk([action(9)]),
        lambda: HybridIndex(place.parent, embedder=ColourEmbedder()),
        lambda: HybridIndex(place.parent, create=False),
        lambda: migrate(backend),
    ):
        with pytest.raises(IndexCorrupt, match=r"format\.json is missing.*`HybridIndex\.check`"):
            attempt()
    backend.close()
    assert {name: data for name, data in snapshot(place).items() if name != "writer.lock"} == {
        name: data for name, data in before.items() if name != "writer.lock"
    }
    assert [path.name for path in place.parent.iterdir()] == ["images"]


@pytest.mark.parametrize("content", [b"", b"\0" * 16, b"[]", b'{"format": true}', b'{"format"'])
@pytest.mark.parametrize("name", ["format.json", "definition.json"])
def test_an_empty_or_garbled_file_of_ours_stops_everything(
    place: Path, name: str, content: bytes, opened: Opened
) -> None:
    (place / name).write_bytes(content)
    before = snapshot(place)
    with pytest.raises(IndexCorrupt, match=name):
        HybridIndex(place.parent, embedder=ColourEmbedder())
    with pytest.raises(IndexCorrupt, match=name) if name == "format.json" else pytest.raises(BackendUnavailable):
        opened(place).create(DEFINITION)
    assert snapshot(place) == before


def test_no_command_takes_a_damaged_index_for_none(
    photos: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = tmp_path / "real" / "images"
    (place / "format.json").unlink()
    before = snapshot(place)
    picture = str(photos / "0.png")
    for words in (
        ["info"],
        ["index", str(photos), "--no-progress"],
        ["search", "x"],
        ["show", picture],
        ["delete", picture, "--yes"],
        ["prune", "--yes"],
        ["migrate", "--no-progress"],
        ["embed", "histogram+hog", "--no-progress"],
        ["duplicates", "--no-progress"],
        ["copy", str(tmp_path / "real"), str(tmp_path / "other"), "--no-progress"],
    ):
        capsys.readouterr()
        assert run(["--index", str(tmp_path / "real"), *words]) == exits.FAILED, words
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and "format.json is missing" in said and "check` says" in said, said
    assert snapshot(place) == before


def test_a_creation_that_ran_out_of_space_or_was_killed_is_begun_again(tmp_path: Path, opened: Opened) -> None:
    """Nothing of value is in what it left, so that the same command works."""
    for number, left in enumerate(
        (
            {"writer.lock": b""},
            {"writer.lock": b"", "definition.json.draft": b"{"},
            {"writer.lock": b"", "definition.json": b"{}", "format.json.draft": b"{", "tantivy/.managed.json": b"[]"},
            {"definition.json": b"{}", "tantivy/meta.json": b'{"segments": []}', "tantivy/.tmpA1b2C3": b"{"},
        )
    ):
        place = tmp_path / str(number)
        for name, data in left.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        backend = opened(place)
        assert not backend.exists()
        backend.create(DEFINITION)
        backend.bulk([action(1)])
        backend.close()
        assert opened(place).count() == 1
        assert not list(place.rglob("*.draft")) and not list(place.rglob(".tmp*"))


def test_a_copy_leaves_files_that_lie_in_its_place(place: Path, tmp_path: Path, opened: Opened) -> None:
    for taken in ("images", ".images.building"):
        target = tmp_path / f"to {taken}"
        (target / taken).mkdir(parents=True)
        (target / taken / "holiday.jpg").write_bytes(b"jpeg")
        with pytest.raises(BackendUnavailable, match=r"holiday\.jpg"):
            copy_index(opened(place), opened(target / "images"))
        assert (target / taken / "holiday.jpg").read_bytes() == b"jpeg"


def test_a_copy_leaves_files_that_come_while_it_is_made(place: Path, tmp_path: Path, opened: Opened) -> None:
    target = tmp_path / "target" / "images"

    def put(done: int, total: int) -> None:
        target.mkdir()
        (target / "holiday.jpg").write_bytes(b"jpeg")

    with pytest.raises(BackendUnavailable, match=r"holiday\.jpg"):
        copy_index(opened(place), opened(target), progress=put)
    assert [path.name for path in target.parent.rglob("*")] == ["images", "holiday.jpg"]


# -- the renames of a new version --------------------------------------------------------------------------------------


def test_a_version_set_aside_that_nothing_has_replaced_is_never_removed(place: Path, opened: Opened) -> None:
    aside = place.with_name(".images.replaced")
    place.rename(aside)
    other = opened(place.with_name("other"))
    other.create(DEFINITION)
    other.bulk([action(7)])
    other.close()
    place.with_name("other").rename(place)
    before = snapshot(aside)
    backend = opened(place)
    with pytest.raises(BackendUnavailable, match="set aside"):
        backend.add_embedding("x", SPEC)
    backend.bulk([action(8)])
    backend.close()
    assert snapshot(aside) == before and opened(place).count() == 2


def test_what_a_kill_after_the_renames_left_goes_at_the_next_write(
    place: Path, monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    backend = opened(place)
    monkeypatch.setattr("hybrid_search.backends.embedded.index_folder.remove_own", lambda folder: None)
    backend.add_embedding("x", SPEC)
    backend.close()
    monkeypatch.undo()
    aside = place.with_name(".images.replaced")
    (aside / "format.json").unlink()
    assert aside.exists()
    reader = opened(place, writable=False)
    assert reader.count() == 5 and aside.exists(), "a reader removes nothing"
    backend = opened(place)
    backend.bulk([action(8)])
    backend.close()
    assert [path.name for path in place.parent.iterdir()] == ["images"]


def test_the_next_version_is_used_where_nothing_else_is_left(place: Path, opened: Opened) -> None:
    Folder(place).write("format.json", {"format": 1, "replaces": 1})
    place.rename(place.with_name(".images.building"))
    assert opened(place).count() == 5


def test_who_comes_between_the_renames_waits_for_them(place: Path, opened: Opened) -> None:
    backend = opened(place)
    backend.bulk([])
    aside = place.with_name(".images.replaced")
    place.rename(aside)
    with pytest.raises(IndexLocked):
        opened(place).create(DEFINITION)
    assert not place.exists(), "nothing was made in the place of the index"
    backend.close()
    assert opened(place).count() == 5


def test_a_rename_that_fails_puts_the_old_version_back(
    place: Path, monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    rename, calls = os.rename, []

    def failing(source: object, target: object) -> None:
        calls.append(source)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        rename(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(BackendUnavailable, match="Input/output"):
        opened(place).add_embedding("x", SPEC)
    assert opened(place).count() == 5
    assert [path.name for path in place.parent.iterdir()] == ["images"]


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_a_link_to_a_folder_elsewhere_stays_a_link(place: Path, tmp_path: Path, opened: Opened) -> None:
    elsewhere = tmp_path / "disk" / "photos"
    elsewhere.parent.mkdir()
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    opened(place).add_embedding("x", SPEC)
    assert place.is_symlink() and opened(place).count() == 5
    assert [path.name for path in elsewhere.parent.iterdir()] == ["photos"]


def test_another_version_that_came_before_the_lock_is_written(
    place: Path, monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    """Written with the files of the version before, the index would be lost."""
    backend, lock, done = opened(place), Folder.lock, []

    def late(folder: Folder) -> None:
        if not done and folder.path == place:
            done.append(True)
            opened(place).add_embedding("x", SPEC)
        lock(folder)

    assert backend.count() == 5
    monkeypatch.setattr(Folder, "lock", late)
    backend.bulk([action(9)])
    backend.close()
    assert done and opened(place).count() == 6
    assert "x" in str(opened(place).definition())
