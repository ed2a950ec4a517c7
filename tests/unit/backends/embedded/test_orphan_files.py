"""What a kill or a full disk leaves is gone when the index is written again, and the same command works."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid_search.backends import Action
from hybrid_search.backends.embedded import EmbeddedBackend
from hybrid_search.backends.embedded.orphan_files import sweep
from hybrid_search.document.definition import EmbeddingSpec
from hybrid_search.errors import IndexCorrupt, StorageFull
from tests.unit.backends.embedded.test_index_folder_kept import Opened, action, opened, place, snapshot

__all__ = ["opened", "place"]


def test_deletions_that_no_commit_names_are_not_in_the_way(place: Path, opened: Opened) -> None:
    """The same number of operations gives the file the same name, which tantivy refuses to write twice."""
    copy = place.with_name("copy")
    shutil.copytree(place, copy)
    other = opened(copy)
    other.bulk([Action("delete", "d1")])
    other.close()
    (name,) = (path.name for path in (copy / "tantivy").glob("*.del"))
    for content in (b"", (copy / "tantivy" / name).read_bytes()[:9]):
        target = place.with_name(f"again {len(content)}")
        shutil.copytree(place, target)
        (target / "tantivy" / name).write_bytes(content)
        backend = opened(target)
        backend.bulk([Action("delete", "d1")])
        backend.refresh()
        assert backend.count() == 4


def test_only_what_the_commit_does_not_name_goes(place: Path, opened: Opened) -> None:
    backend = opened(place)
    backend.bulk([Action("delete", "d1"), action(9)])
    backend.close()
    before = snapshot(place)
    segment = next((place / "tantivy").glob("*.store")).stem
    spare = [
        place / "tantivy" / f"{segment}.7.del",
        place / "tantivy" / f"{segment}.store.temp",
        place / "tantivy" / ".tmpAb12Cd",
        *(place / "tantivy" / f"{'0' * 32}.{part}" for part in ("store", "idx", "9.del")),
        place / "statistics.json.draft",
        place / "vectors" / "signature" / "committed.json.draft",
        place / "vectors" / "embedding.tiny" / "graph.usearch.draft",
    ]
    for path in spare:
        path.write_bytes(b"left")
    (place / "tantivy" / "notes.txt").write_text("not ours")
    sweep(place)
    (place / "tantivy" / "notes.txt").unlink()
    assert snapshot(place) == before


def test_a_commit_that_cannot_be_read_lets_nothing_go(place: Path, opened: Opened) -> None:
    meta = place / "tantivy" / "meta.json"
    whole = meta.read_bytes()
    for content in (b"", b"{}", whole.replace(b'"segment_id": "', b'"segment_id": "0', 1)):
        meta.write_bytes(content)
        before = snapshot(place)
        with pytest.raises(IndexCorrupt):
            opened(place).bulk([action(9)])
        assert {**snapshot(place), "writer.lock": b""} == {**before, "writer.lock": b""}


def test_a_segment_that_the_commit_names_wrongly_is_not_swept(place: Path, opened: Opened) -> None:
    meta = place / "tantivy" / "meta.json"
    text = meta.read_text()
    at = text.index('"segment_id": "') + len('"segment_id": "')
    meta.write_text(text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :])
    before = snapshot(place)
    backend = opened(place)
    with pytest.raises(IndexCorrupt, match="is missing"):
        backend.bulk([action(9)])
    assert {**snapshot(place), "writer.lock": b""} == {**before, "writer.lock": b""}
    assert backend.check(repair=True).lost == 0 and backend.count() == 5


def test_readers_keep_the_commit_that_they_have_open(place: Path, opened: Opened) -> None:
    reader = opened(place, writable=False)
    found = reader.scan(vectors=True)
    assert next(found)[0] == "d0"
    backend = opened(place)
    for number in range(9):
        backend.bulk([action(number), Action("delete", "d4")])
        backend.refresh()
    backend.close()
    opened(place).bulk([action(2)])
    assert [id for id, _ in found] == ["d1", "d2", "d3", "d4"]


def test_a_version_that_a_killed_process_was_building_goes_at_the_next_write(place: Path, opened: Opened) -> None:
    shutil.copytree(place, place.with_name(".images.building"))
    opened(place).bulk([action(9)])
    assert [path.name for path in place.parent.iterdir()] == ["images"]


def test_a_version_that_another_is_building_stays(place: Path, opened: Opened) -> None:
    building = place.with_name(".images.building")
    shutil.copytree(place, building)
    opened(building).bulk([])
    opened(place).bulk([action(9)])
    assert (building / "format.json").exists()


def _commands() -> dict[str, Callable[[EmbeddedBackend], Any]]:
    return {
        "index": lambda backend: backend.bulk([action(9)]),
        "delete": lambda backend: backend.bulk([Action("delete", "d1")]),
        "embed": lambda backend: backend.add_embedding("x", EmbeddingSpec("x", "1", dims=4)),
        "prefer": lambda backend: backend.prefer_embedding("tiny"),
    }


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], list[str]]]:
    """Let the nth of the calls that change files fail as on a full disk, with all that follow."""

    def arm(number: int) -> list[str]:
        calls: list[str] = []
        monkeypatch.undo()
        for name in ("replace", "rename", "fsync", "mkdir", "link"):
            real = getattr(os, name)

            def call(*given: Any, real: Any = real, name: str = name, **more: Any) -> Any:
                calls.append(name)
                if 0 < number <= len(calls):
                    raise OSError(errno.ENOSPC, "No space left on device")
                return real(*given, **more)

            monkeypatch.setattr(os, name, call)
        return calls

    yield arm
    monkeypatch.undo()


@pytest.mark.slow
@pytest.mark.parametrize("command", _commands())
def test_a_full_disk_at_any_call_and_then_the_same_command(
    command: str, place: Path, opened: Opened, failing: Callable[[int], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sample of the calls, of those that Python makes; scripts/crash_campaign.py fails and kills at all of them."""
    do, work = _commands()[command], place.with_name("work")
    shutil.copytree(place, work)
    calls = failing(0)
    backend = opened(work)
    do(backend)
    backend.close()
    wanted = {id for id, _ in opened(work).scan()}
    assert calls
    for number in range(1, len(calls) + 1, max(1, len(calls) // 6)):
        shutil.rmtree(work)
        shutil.copytree(place, work)
        failing(number)
        backend = opened(work)
        with pytest.raises(StorageFull):
            do(backend)
            backend.close()
        monkeypatch.undo()
        backend.close()
        again = opened(work)
        do(again)
        again.close()
        assert {id for id, _ in opened(work).scan()} == wanted
        assert not list(work.parent.glob(".*")) and not list(work.rglob("*.draft"))


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_command_that_is_asked_to_end_clears_away_what_it_made(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hybrid_search import cli
    from hybrid_search.backends.embedded import writer

    number, commit = getattr(signal, name), writer.Writer.commit
    before = signal.getsignal(number)

    def asked(self: Any) -> None:
        os.kill(os.getpid(), number)
        commit(self)

    monkeypatch.setattr(writer.Writer, "commit", asked)
    monkeypatch.setattr("sys.argv", ["hybrid-search", "--index", str(place.parent), "migrate", "--no-progress"])
    try:
        signal.signal(number, signal.SIG_DFL)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        signal.signal(number, before)
    monkeypatch.undo()
    assert ended.value.code == 128 + number
    assert [path.name for path in place.parent.iterdir()] == ["images"] and EmbeddedBackend(place).count() == 5
