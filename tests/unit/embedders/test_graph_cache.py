"""Converted networks in the user's cache."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hybrid_search.embedders.graph_cache import cache_folder, cached_graph


class Builder:
    def __init__(self, graph: bytes = b"a graph") -> None:
        self.graph = graph
        self.calls = 0

    def __call__(self) -> bytes:
        self.calls += 1
        return self.graph


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HYBRID_SEARCH_CACHE", str(tmp_path / "deep" / "cache"))
    return tmp_path / "deep" / "cache"


def test_is_built_once(folder: Path) -> None:
    build = Builder()
    assert [cached_graph("net", build) for _ in range(3)] == [b"a graph"] * 3
    assert build.calls == 1
    assert sorted(path.name for path in folder.iterdir()) == ["net.onnx", "net.sha256"]


def test_another_name_is_another_graph(folder: Path) -> None:
    assert cached_graph("net-1", Builder(b"one")) == b"one"
    assert cached_graph("net-2", Builder(b"two")) == b"two"


@pytest.mark.parametrize("name", ["net.onnx", "net.sha256"])
@pytest.mark.parametrize("damage", [b"", b"a grapx", b"\xff\xfe"])
def test_a_damaged_file_is_built_again(folder: Path, name: str, damage: bytes) -> None:
    build = Builder()
    cached_graph("net", build)
    (folder / name).write_bytes(damage)
    assert cached_graph("net", build) == b"a graph" and build.calls == 2
    assert cached_graph("net", build) == b"a graph" and build.calls == 2, "and repaired"


def test_a_missing_seal_is_made_again(folder: Path) -> None:
    build = Builder()
    cached_graph("net", build)
    (folder / "net.sha256").unlink()
    assert cached_graph("net", build) == b"a graph" and build.calls == 2
    assert (folder / "net.sha256").is_file()


def test_where_nothing_can_be_written_it_is_built_in_memory(folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("a file in the way")
    build = Builder()
    assert cached_graph("net", build) == cached_graph("net", build) == b"a graph"
    assert build.calls == 2


def test_a_failed_build_leaves_nothing_behind(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        cached_graph("net", lambda: bytes(1 // 0))
    assert not folder.exists()


def test_several_at_once_all_get_the_whole_graph(folder: Path) -> None:
    graph = bytes(1_000_000)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: cached_graph("net", Builder(graph)), range(24))) == {graph}
    assert len(list(folder.iterdir())) == 2


def test_the_folder_is_the_user_s_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HYBRID_SEARCH_CACHE", raising=False)
    assert cache_folder().name == "hybrid-search"
    monkeypatch.setenv("HYBRID_SEARCH_CACHE", "/elsewhere")
    assert cache_folder() == Path("/elsewhere")
