"""The folder of an embedded index: format, lock, other processes, crashes, full disks and damage."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid_search.backends import Action
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.backends.embedded.index_folder import Folder
from hybrid_search.errors import (
    BackendError,
    BackendUnavailable,
    FormatTooNew,
    IndexCorrupt,
    IndexLocked,
    IndexNotFound,
    StorageFull,
)

DEFINITION: dict[str, Any] = {
    "mappings": {
        "dynamic": "strict",
        "properties": {
            "caption": {"type": "text"},
            "number": {"type": "integer"},
            "blob": {"type": "keyword", "index": False, "doc_values": False},
            "vector": {
                "type": "dense_vector",
                "dims": 4,
                "similarity": "dot_product",
                "index_options": {"type": "hnsw"},
            },
        },
    }
}
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and limits")


def vector(number: int) -> Any:
    values = np.random.default_rng(number).normal(size=4)
    return values / np.linalg.norm(values)


def action(number: int) -> Action:
    return Action("index", f"d{number}", {"caption": f"word{number}", "number": number, "vector": vector(number)})


@pytest.fixture
def opened() -> Iterator[Callable[..., EmbeddedBackend]]:
    """Open backends, and close them when the test is over."""
    backends: list[EmbeddedBackend] = []

    def open_backend(folder: Path, *, writable: bool = True) -> EmbeddedBackend:
        backends.append(EmbeddedBackend(folder, writable=writable))
        return backends[-1]

    yield open_backend
    for backend in backends:
        with contextlib.suppress(BackendError):
            backend.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    backend = EmbeddedBackend(tmp_path / "index")
    backend.create(DEFINITION)
    backend.bulk([action(number) for number in range(5)])
    backend.close()
    return tmp_path / "index"


def script(body: str) -> list[str]:
    head = """
    import sys, time
    from pathlib import Path
    import numpy as np
    from hybrid_search.backends import Action
    from hybrid_search.backends.embedded import EmbeddedBackend
    from tests.unit.backends.embedded.test_index_folder import DEFINITION, action
    """
    return [sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(body)]


def run(body: str, *, start: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*script(body), str(start)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[4],
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_is_there_when_opened_again(folder: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    backend = opened(folder, writable=False)
    assert backend.definition() == DEFINITION
    assert backend.count() == 5
    leg = {"field": "vector", "query_vector": vector(3), "k": 1, "num_candidates": 5}
    assert backend.search({"knn": leg})["hits"]["hits"][0]["_id"] == "d3"
    assert backend.search({"query": {"match": {"caption": "word4"}}})["hits"]["hits"][0]["_id"] == "d4"
    backend.close()


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"jpeg")
    with pytest.raises(BackendUnavailable, match=r"holiday\.jpg"):
        opened(tmp_path).create(DEFINITION)
    assert (tmp_path / "holiday.jpg").read_bytes() == b"jpeg"
    assert not (tmp_path / "format.json").exists()


def test_an_index_is_not_made_twice(folder: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    before = snapshot(folder)
    with pytest.raises(BackendUnavailable, match="already"):
        opened(folder).create(DEFINITION)
    assert snapshot(folder) == before


def test_a_creation_that_was_cut_short_is_begun_again(tmp_path: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    folder = tmp_path / "index"
    opened(folder).create(DEFINITION)
    (folder / "format.json").unlink()
    backend = opened(folder)
    assert not backend.exists()
    with pytest.raises(IndexNotFound):
        backend.count()
    backend.create(DEFINITION)
    assert backend.exists() and backend.count() == 0


def test_a_newer_format_is_refused_and_not_touched(folder: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    (folder / "format.json").write_text(json.dumps({"format": 2}))
    before = snapshot(folder)
    backend = opened(folder)
    for attempt in (backend.definition, backend.count, lambda: backend.bulk([action(9)]), backend.info):
        with pytest.raises(FormatTooNew) as error:
            attempt()
        assert (error.value.found, error.value.known) == (2, 1)
    backend.close()
    assert snapshot(folder) == before


@pytest.mark.parametrize("name", ["format.json", "definition.json", "tantivy/meta.json", "vectors/vector/rows.bin"])
@pytest.mark.parametrize("damage", ["gone", "empty", "garbled"])
def test_damage_is_reported_with_a_remedy(
    folder: Path, name: str, damage: str, opened: Callable[..., EmbeddedBackend]
) -> None:
    path = folder / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "empty" else b"\x00garbled{" * 20)
    backend = opened(folder)
    leg = {"field": "vector", "query_vector": vector(3), "k": 1, "num_candidates": 5}
    with pytest.raises(IndexCorrupt) as error:
        backend.search({"query": {"match_all": {}}, "knn": leg})
    assert str(folder) in str(error.value)
    pickle.loads(pickle.dumps(error.value))


def test_a_lost_segment_is_damage(folder: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    for path in (folder / "tantivy").glob("*.term"):
        path.unlink()
    with pytest.raises(IndexCorrupt):
        opened(folder).search({"query": {"match": {"caption": "word1"}}})


def test_lost_statistics_are_no_damage(folder: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    (folder / "statistics.json").write_text("{")
    backend = opened(folder)
    backend.bulk([action(9)])
    backend.close()
    assert opened(folder).count() == 6


def test_readers_cannot_write(folder: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    backend = opened(folder, writable=False)
    with pytest.raises(BackendUnavailable):
        backend.bulk([action(9)])
    with pytest.raises(BackendUnavailable):
        opened(folder.parent / "new", writable=False).create(DEFINITION)


def test_a_second_writer_is_refused_at_once(folder: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    first, second = opened(folder), opened(folder)
    first.bulk([action(5)])
    started = time.perf_counter()
    with pytest.raises(IndexLocked):
        second.bulk([action(6)])
    assert time.perf_counter() - started < 1
    assert second.count() == 5
    first.refresh()
    assert second.count() == 6
    first.close()
    assert [outcome.status for outcome in second.bulk([action(6)])] == [201]
    second.close()
    assert opened(folder).count() == 7


def test_a_writer_in_another_process(folder: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    body = """
    backend = EmbeddedBackend(Path(sys.argv[1]))
    backend.bulk([action(7)]); print("written", flush=True)
    sys.stdin.readline()
    """
    process = subprocess.Popen(
        [*script(body), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[4],
    )
    try:
        assert line(process) == "written"
        backend = opened(folder)
        with pytest.raises(IndexLocked):
            backend.bulk([action(6)])
        assert backend.count() == 5
        process.kill()
        process.wait()
        assert [outcome.status for outcome in backend.bulk([action(6)])] == [201]
        backend.close()
        assert {id for id, _ in opened(folder).scan()} == {"d0", "d1", "d2", "d3", "d4", "d6"}
    finally:
        process.kill()
        process.communicate()


def test_a_reader_sees_the_commits_of_another_process(folder: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    backend = opened(folder, writable=False)
    assert backend.count() == 5
    body = """
    backend = EmbeddedBackend(Path(sys.argv[1]))
    for number in range(5, 40):
        backend.bulk([action(number), Action("delete", f"d{number - 5}")])
        backend.refresh()
        print(number, flush=True)
    backend.close()
    """
    process = run(body, start=folder)
    leg = {"field": "vector", "query_vector": vector(0), "k": 5, "num_candidates": 10}
    last = 4
    for _ in range(35):
        last = int(line(process))
        body = {"query": {"match_all": {}}, "knn": leg, "size": 50, "fields": ["vector"]}
        hits = {int(hit["_id"][1:]): hit for hit in backend.search(body)["hits"]["hits"]}
        assert sorted(hits) == list(range(min(hits), min(hits) + 5)) and max(hits) >= last
        for number, hit in hits.items():
            assert hit["fields"]["vector"] == pytest.approx(vector(number), abs=1e-3)
    process.communicate()
    assert process.returncode == 0 and backend.count() == 5


@pytest.mark.slow
@POSIX
def test_killed_at_any_moment_nothing_committed_is_lost(folder: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    """Every line that the writer printed was committed before; whatever else is there is whole."""
    body = """
    backend = EmbeddedBackend(Path(sys.argv[1]))
    number = max((source["number"] for _, source in backend.scan()), default=-1) + 1
    while True:
        backend.bulk([action(each) for each in range(number, number + 20)])
        backend.bulk([Action("update", f"d{number}", {"caption": "updated"})])
        print("committing", flush=True)
        backend.refresh()
        number += 20
        print(number, flush=True)
    """
    draw = random.Random(5)
    committed = 5
    for _ in range(6):
        process = run(body, start=folder)
        assert process.stdout is not None
        assert line(process) == "committing"
        time.sleep(draw.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait()
        process.stdout.close()
        committed = max([committed, *(int(each) for each in rest if each.isdigit())])
        backend = opened(folder)
        found = {source["number"]: (id, source) for id, source in backend.scan(vectors=True)}
        assert set(range(committed)) <= set(found) and len(found) in (committed, committed + 20)
        for number, (id, source) in found.items():
            assert id == f"d{number}" and source["vector"] == pytest.approx(vector(number), abs=1e-3)
        committed = len(found)
        leg = {"field": "vector", "query_vector": vector(committed - 1), "k": 1, "num_candidates": 9}
        assert backend.search({"knn": leg})["hits"]["hits"][0]["_id"] == f"d{committed - 1}"
        backend.close()


def test_what_was_not_refreshed_is_gone_and_its_rows_are_taken_back(
    folder: Path, opened: Callable[..., EmbeddedBackend]
) -> None:
    body = """
    backend = EmbeddedBackend(Path(sys.argv[1]))
    backend.bulk([action(number) for number in range(5, 9)])
    assert backend.get("d7", vectors=True)["number"] == 7
    backend._vector_field("vector").flush()
    import os; os._exit(0)
    """
    process = run(body, start=folder)
    process.communicate()
    assert process.returncode == 0
    again = opened(folder)
    assert again.count() == 5
    again.bulk([action(9)])
    again.close()
    reader = opened(folder)
    assert reader.info()["vectors"]["vector"]["rows"] == 6
    assert reader.get("d9", vectors=True)["vector"] == pytest.approx(vector(9), abs=1e-3)


def test_a_dropped_backend_lets_go_of_the_lock(folder: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    lock = Folder(folder)
    lock.lock()
    with pytest.raises(IndexLocked):
        opened(folder).bulk([action(9)])
    del lock
    assert [outcome.status for outcome in opened(folder).bulk([action(9)])] == [201]


@POSIX
def test_a_full_disk_loses_nothing_committed(folder: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    """A limit on the size of files stands for the disk: writing fails in the same places."""
    body = """
    import random, resource, signal
    from hybrid_search.errors import StorageFull
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    backend = EmbeddedBackend(Path(sys.argv[1]))
    backend.bulk([action(5)]); backend.refresh()
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    noise = random.Random(1)
    try:
        for number in range(6, 2000):
            blob = "".join(chr(noise.randrange(33, 126)) for _ in range(3000))
            backend.bulk([Action("index", f"d{number}", {"number": number, "blob": blob})])
            if number % 500 == 0:
                backend.refresh()
        print("no error")
    except StorageFull as error:
        print("full")
    print(backend.count())
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print([outcome.status for outcome in backend.bulk([action(7)])]); backend.close()
    """
    output = run(body, start=folder).communicate(timeout=120)[0].split("\n")
    assert output[0] == "full" and output[1] == "6" and output[2] == "[201]"
    backend = opened(folder)
    assert {id for id, _ in backend.scan()} == {f"d{number}" for number in (0, 1, 2, 3, 4, 5, 7)}


def test_a_missing_folder_is_not_made_by_looking(tmp_path: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    backend = opened(tmp_path / "nowhere")
    for attempt in (backend.count, backend.definition, backend.info, lambda: backend.bulk([action(1)])):
        with pytest.raises(IndexNotFound):
            attempt()
    backend.close()
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_is_a_file(tmp_path: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    (tmp_path / "file").write_text("x")
    backend = opened(tmp_path / "file")
    assert not backend.exists()
    with pytest.raises(BackendError):
        backend.create(DEFINITION)


def test_an_index_can_be_moved(folder: Path, opened: Callable[..., EmbeddedBackend]) -> None:
    moved = folder.parent / "moved"
    shutil.move(folder, moved)
    assert opened(moved).count() == 5


def test_storage_full_tells_the_place() -> None:
    assert "/x" in str(StorageFull("/x"))
