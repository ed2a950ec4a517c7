"""All threads together take no more memory to decode than they may."""

from __future__ import annotations

import importlib
import io
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hybrid_search.errors import ImageTooLarge
from hybrid_search.images import Limits, decode, load_image, memory_budget, read_source
from hybrid_search.images.memory_budget import Budget
from hybrid_search.images.memory_estimate import memory_needed
from hybrid_search.images.opener import open_header
from hybrid_search.index import HybridIndex
from tests.support.fakes import ColourEmbedder

MB = 2**20


def encode(image: Image.Image, writer: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, writer, **options)
    return buffer.getvalue()


class Meter:
    """Notes the most that is held at once, by all and by large ones."""

    def __init__(self, budget: Budget, total: int) -> None:
        self.budget, self.total, self.lock = budget, total, threading.Lock()
        self.held: list[int] = []
        self.most, self.most_large, self.order = 0, 0, list[int]()

    def take(self, count: int) -> None:
        with self.budget.hold(count, self.total):
            with self.lock:
                self.held.append(count)
                self.order.append(count)
                self.most = max(self.most, sum(self.held))
                self.most_large = max(self.most_large, sum(each > self.total // 8 for each in self.held))
            time.sleep(0.002)
            with self.lock:
                self.held.remove(count)


def test_no_more_is_held_than_there_is_and_large_ones_go_one_by_one() -> None:
    meter = Meter(Budget(), 800)
    counts = [int(each) for each in np.random.default_rng(0).integers(1, 400, 60)] + [799, 800, 100, 101]
    threads = [threading.Thread(target=meter.take, args=(count,)) for count in counts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(meter.order) == sorted(counts)
    assert meter.most <= 800
    assert meter.most_large == 1


def test_small_ones_do_not_overtake_a_large_one_for_ever() -> None:
    budget, done = Budget(), list[str]()
    first = budget.hold(60, 100)
    first.__enter__()

    def take(name: str, count: int) -> None:
        with budget.hold(count, 100):
            done.append(name)

    large = threading.Thread(target=take, args=("large", 90))
    large.start()
    while not budget._waiting:
        time.sleep(0.001)
    small = threading.Thread(target=take, args=("small", 1))
    small.start()
    time.sleep(0.02)
    assert done == []
    first.__exit__(None, None, None)
    large.join()
    small.join()
    assert done == ["large", "small"]


def test_what_fails_gives_its_memory_back() -> None:
    budget = Budget()
    for _ in range(3):
        with pytest.raises(KeyError), budget.hold(100, 100):
            raise KeyError
    with budget.hold(100, 100):
        pass


@pytest.mark.parametrize("workers", [1, 4])
def test_a_folder_of_large_pictures_is_indexed_within_the_budget(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        Image.new("RGBA", (500, 400), (number, 0, 0, 9)).save(tmp_path / f"{number}.png")
    meter = Meter(Budget(), 4 * MB)
    hold, used = meter.budget.hold, list[int]()

    def noted(count: int, total: int) -> Any:
        used.append(count)
        assert total == 4 * MB
        return hold(count, total)

    monkeypatch.setattr(meter.budget, "hold", noted)
    monkeypatch.setattr(importlib.import_module("hybrid_search.images.decode"), "decoding", meter.budget)
    with HybridIndex(embedder=ColourEmbedder(), limits=Limits(memory=4 * MB)) as index:
        report = index.add_folder(tmp_path, workers=workers)
        assert (report.added, report.failed) == (5, ())
    assert len(used) == 5 and all(500 * 400 * 9 <= count <= 4 * MB for count in used)


def test_what_alone_needs_more_is_refused_by_a_line_that_says_so() -> None:
    data = encode(Image.new("RGBA", (2000, 1000)), "PNG")
    with pytest.raises(ImageTooLarge, match=r"needs 19,\d{3},\d{3} bytes of memory, more than the limit of 10,000,000"):
        load_image(data, limits=Limits(memory=10_000_000))
    assert load_image(data, limits=Limits(memory=20_000_000)).size == (2000, 1000)
    photo = encode(Image.new("RGB", (4000, 3000)), "JPEG")
    assert decode(read_source(photo), min_side=300, limits=Limits(memory=3 * MB)).width == 4000, "drafts need little"


@pytest.mark.parametrize(
    ("mode", "writer", "options", "low", "high"),
    [
        ("RGB", "PNG", {}, 4, 5),
        ("RGBA", "PNG", {}, 9, 10),
        ("L", "PNG", {}, 5, 6),
        ("LA", "PNG", {}, 13, 14),
        ("I;16", "PNG", {}, 13, 15),
        ("F", "TIFF", {}, 12, 29),
        ("RGB", "WEBP", {}, 16, 17),
        ("RGB", "JPEG", {}, 4, 5),
        ("RGB", "JPEG", {"progressive": True, "subsampling": 0}, 10, 11),
        ("RGB", "JPEG", {"progressive": True, "subsampling": 2}, 7, 8),
        ("RGB", "JPEG2000", {}, 20, 28),
    ],
)
def test_the_estimate_is_what_was_measured(
    mode: str, writer: str, options: dict[str, Any], low: int, high: int
) -> None:
    """The bounds are peaks of processes that decoded 9 megapixels of each kind, in bytes a pixel."""
    data = encode(Image.new(mode, (1600, 1600)), writer, **options)
    format = {"JPEG2000": "jp2"}.get(writer, writer.lower())
    opened = open_header("x", data, format, Limits())
    assert low <= memory_needed(opened, format, (1600, 1600)) / 1600**2 <= high


def test_the_budget_is_a_share_of_what_the_container_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_budget, "_CGROUP", tmp_path)
    whole = memory_budget.machine_memory()
    assert whole >= 2**30
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_budget.machine_memory() == whole
    (tmp_path / "memory.max").write_text("800000000\n")
    assert memory_budget.machine_memory() == 800_000_000
    (tmp_path / "memory.max").unlink()
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("700000000\n")
    assert memory_budget.machine_memory() == 700_000_000
    assert Limits().budget == memory_budget.default_budget() >= memory_budget.LEAST
    assert Limits(memory=5).budget == 5
