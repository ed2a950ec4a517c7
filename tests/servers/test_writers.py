"""Two writers at once, on real servers: nobody's change is lost."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from hybrid_search import HybridIndex
from hybrid_search.backends import Action, Backend, Outcome, Stored, optimistic_update
from hybrid_search.errors import DocumentChanged
from tests.support.fakes import ColourEmbedder, photo, save_photo

PICTURES = 40


@pytest.fixture
def new_index(elasticsearch_url: str) -> Iterator[Callable[[], HybridIndex]]:
    name = f"writers-{secrets.token_hex(4)}"
    opened: list[HybridIndex] = []

    def new() -> HybridIndex:
        opened.append(HybridIndex(elasticsearch_url, name=name, embedder=ColourEmbedder()))
        return opened[-1]

    yield new
    for index in opened:
        index.close()
    with Elasticsearch(elasticsearch_url) as raw:
        for made in list(raw.indices.get_alias(index=f"{name}-*")):
            raw.indices.delete(index=made)


def at_once(*actions: Callable[[], object]) -> None:
    """Run functions in threads of their own, from the same moment on."""
    gate, failures = threading.Barrier(len(actions)), []

    def run(action: Callable[[], object]) -> None:
        gate.wait()
        try:
            action()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two folders with the same pictures under other names, and captions for each of them."""
    one, other = tmp_path / "one", tmp_path / "other"
    for number in range(PICTURES):
        save_photo(one / f"a{number:02d}.png", number, size=(64, 48))
        other.mkdir(exist_ok=True)
        shutil.copy(one / f"a{number:02d}.png", other / f"b{number:02d}.png")
    for folder, letter, word in ((one, "a", "north"), (other, "b", "south")):
        lines = [f"{letter}{number:02d}.png,{word}" for number in range(PICTURES)]
        (folder / "tags.csv").write_text("\n".join(["image,tags", *lines]) + "\n")
    return [one, other]


def test_two_writers_of_the_same_pictures(new_index: Callable[[], HybridIndex], folders: list[Path]) -> None:
    indexes = [new_index(), new_index()]
    at_once(
        *(
            lambda index=index, folder=folder: index.add_folder(folder, captions=folder / "tags.csv", batch_size=8)
            for index, folder in zip(indexes, folders, strict=True)
        )
    )
    documents = list(new_index())
    assert len(documents) == PICTURES
    for document in documents:
        names = sorted(Path(path).name for path in document.source["path"])
        assert [name[0] for name in names] == ["a", "b"], document.source["path"]
        assert sorted(document.source["tags"]) == ["north", "south"]


def test_one_renames_while_the_other_adds(
    new_index: Callable[[], HybridIndex], folders: list[Path], tmp_path: Path
) -> None:
    first, second = new_index(), new_index()
    first.add_folder(folders[0])
    for path in sorted(folders[0].glob("*.png")):
        path.rename(path.with_name(f"new-{path.name}"))
    at_once(lambda: first.add_folder(folders[0]), lambda: second.add_folder(folders[1]))
    for document in new_index():
        names = sorted(Path(path).name for path in document.source["path"])
        assert len(names) == 2 and names[0].startswith("b") and names[1].startswith("new-a"), names


def test_many_write_one_document(new_index: Callable[[], HybridIndex], tmp_path: Path) -> None:
    paths = [save_photo(tmp_path / f"{number}.png", 1, size=(64, 48)) for number in range(8)]
    indexes = [new_index() for _ in paths]
    at_once(*(lambda path=path, index=index: index.add(path) for path, index in zip(paths, indexes, strict=True)))
    (document,) = [
        indexes[0].get(id) for id in {index.get(path).id for index, path in zip(indexes, paths, strict=True)}
    ]
    assert sorted(document.source["path"]) == sorted(map(str, paths))


def test_a_document_that_never_rests_is_an_error(new_index: Callable[[], HybridIndex]) -> None:
    index = new_index()
    id = index.add(photo(1), id="restless")
    tries: list[Stored | None] = []

    def interfere(stored: Stored | None) -> Action:
        tries.append(stored)
        index.backend.bulk([Action("update", id, {"caption": f"by another, {len(tries)}"})])
        return Action("update", id, {"caption": "ours"})

    with pytest.raises(DocumentChanged, match="restless"):
        optimistic_update.change_document(index.backend, id, interfere)
    assert len(tries) == optimistic_update._TRIES
    assert index.get(id).source["caption"] == f"by another, {len(tries)}"


def test_a_document_removed_meanwhile_is_seen(new_index: Callable[[], HybridIndex]) -> None:
    index = new_index()
    id = index.add(photo(1), id="gone")
    seen: list[Stored | None] = []

    def change(stored: Stored | None) -> Action | None:
        if not seen:
            index.backend.bulk([Action("delete", id)])
        seen.append(stored)
        return None if stored is None else Action("update", id, {"caption": "still here"})

    outcome = optimistic_update.change_document(index.backend, id, change)
    assert outcome == Outcome(id, 200) or outcome.status == 404
    assert id not in index


def test_versions_bind_writes(new_index: Callable[[], HybridIndex]) -> None:
    backend: Backend = new_index().backend
    backend.bulk([Action("index", "a", {"iso": 1})])
    version = backend.read("a").version
    first = backend.bulk([Action("update", "a", {"iso": 2}, version)])
    late = backend.bulk([Action("index", "a", {"iso": 3}, version), Action("delete", "a", version=version)])
    assert [outcome.status for outcome in first + late] == [200, 409, 409]
    assert backend.get("a")["iso"] == 2
    assert [outcome.status for outcome in backend.bulk([Action("create", "a", {}), Action("create", "b", {})])] == [
        409,
        201,
    ]
