"""The vectors of one field: rows as a list would keep them, searches as brute force would answer them."""

from __future__ import annotations

import dataclasses
import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hybrid_search.backends.embedded.vectors import hnsw_graph as graph_module
from hybrid_search.backends.embedded.vectors import vector_field as vectors_module
from hybrid_search.backends.embedded.vectors import vector_scan as scan_module
from hybrid_search.backends.embedded.vectors.hnsw_graph import Calibration
from hybrid_search.backends.embedded.vectors.row_lengths import RowLengths
from hybrid_search.backends.embedded.vectors.vector_field import VectorField
from hybrid_search.backends.embedded.vectors.vector_rows import BLOCK
from hybrid_search.backends.embedded.vectors.vector_scan import Kind, encode, split
from hybrid_search.errors import BackendError, BadVector, FormatTooNew, IndexCorrupt, StorageFull

DIMS = 32


_OPENED: list[VectorField] = []


def opened(folder: Path | None, **options: Any) -> VectorField:
    field = VectorField(folder, **options)
    _OPENED.append(field)
    return field


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while _OPENED:
        _OPENED.pop().close()


def floats(folder: Path | None = None, *, dims: int = DIMS, writable: bool = True, **options: Any) -> VectorField:
    options = {"graph": False, **options}
    return opened(folder, dims=dims, element_type="float", similarity="dot_product", writable=writable, **options)


def signatures(folder: Path | None = None, *, dims: int = 648, writable: bool = True) -> VectorField:
    return opened(folder, dims=dims, element_type="byte", similarity="l2_norm", graph=False, writable=writable)


def random_units(count: int, dims: int = DIMS, seed: int = 0) -> NDArray[np.float64]:
    vectors = np.random.default_rng(seed).standard_normal((count, dims))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def clustered_units(count: int, dims: int, seed: int = 0) -> NDArray[np.float64]:
    """Like pooled activations of a network: not negative, many zeros, in clusters of very different size."""
    shared, own = np.random.default_rng(99), np.random.default_rng(seed)
    basis = shared.standard_normal((24, dims))
    centres = shared.standard_normal((200, 24)) @ basis / 5
    weights = shared.pareto(1.2, 200) + 1
    label = own.choice(200, count, p=weights / weights.sum())
    raw = centres[label] + own.standard_normal((count, 12)) @ basis[:12] / 6 + 0.35 * own.standard_normal((count, dims))
    positive = np.maximum(raw, 0.0) ** 1.5 + 1e-6
    return positive / np.linalg.norm(positive, axis=1, keepdims=True)


def nearest(vectors: NDArray[Any], query: NDArray[Any], k: int, allowed: NDArray[np.int64] | None = None) -> list[int]:
    """Brute force in double precision."""
    rows = np.arange(len(vectors)) if allowed is None else allowed
    closeness = vectors[rows] @ query
    return [int(rows[place]) for place in np.lexsort((rows, -closeness))[:k]]


# --- what goes in comes out ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["memory", "folder"])
def test_vectors_are_read_back_to_half_precision(place: str, tmp_path: Path) -> None:
    field = floats(None if place == "memory" else tmp_path)
    vectors = random_units(7)
    assert field.append(vectors[:5]).tolist() == [0, 1, 2, 3, 4]
    assert field.append(vectors[5]).tolist() == [5]
    assert field.append(vectors[6:]).tolist() == [6]
    assert len(field) == 7
    found = field.read([6, 0, 5])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, vectors[[6, 0, 5]], atol=2**-11)


def test_signatures_are_read_back_unchanged(tmp_path: Path) -> None:
    field = signatures(tmp_path)
    values = np.random.default_rng(0).integers(-2, 3, (9, 648)).astype(np.int8)
    field.append(values)
    assert field.read(np.arange(9)).dtype == np.int8
    assert np.array_equal(field.read(np.arange(9)), values)


def test_reading_a_row_that_is_not_there_names_it() -> None:
    field = floats()
    field.append(random_units(3))
    with pytest.raises(IndexCorrupt, match="row 3 was asked for, there are 3"):
        field.read([1, 3])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.integers(0, 5)),
            st.tuples(st.just("flush"), st.just(0)),
            st.tuples(st.just("reopen"), st.just(0)),
            st.tuples(st.just("truncate"), st.integers(0, 6)),
        ),
        max_size=14,
    )
)
def test_any_sequence_of_writes_equals_a_list(tmp_path_factory: pytest.TempPathFactory, steps: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("field")
    field = opened(folder, dims=3, element_type="byte", similarity="l2_norm", graph=False, writable=True)
    model: list[list[int]] = []
    durable: list[list[int]] = []
    serial = 0
    for step, number in steps:
        if step == "append":
            new = [[serial + row, 7, -row] for row in range(number)]
            new = [[value % 100 for value in row] for row in new]
            serial += number
            field.append(np.array(new, dtype=np.int8).reshape(-1, 3))
            model = [*model, *new]
        elif step == "flush":
            field.flush()
            durable = model
        elif step == "truncate":
            rows = max(0, len(model) - number)
            field.truncate(rows)
            model, durable = model[:rows], durable[:rows]
        else:
            field.close()
            field = opened(folder, dims=3, element_type="byte", similarity="l2_norm", graph=False, writable=True)
            model = durable
        assert len(field) == len(model)
        assert field.read(np.arange(len(model))).tolist() == model
        reader = opened(folder, dims=3, element_type="byte", similarity="l2_norm", graph=False, writable=False)
        assert reader.read(np.arange(len(reader))).tolist() == durable
        reader.close()
    field.close()


# --- scores and order ---------------------------------------------------------------------------------------------


def test_dot_product_scores_are_elasticsearchs() -> None:
    field = floats(dims=2)
    field.append([[1, 0], [0, 1], [-1, 0], [0.6, 0.8]])
    rows, scores = field.search([1, 0], k=4, num_candidates=4)
    assert rows.tolist() == [0, 3, 1, 2]
    np.testing.assert_allclose(scores, [1.0, 0.8, 0.5, 0.0], atol=2e-4)


def test_l2_scores_are_elasticsearchs_and_exact() -> None:
    field = signatures(dims=3)
    field.append([[1, 2, -2], [1, 2, -2], [0, 0, 0], [-1, 2, -2]])
    rows, scores = field.search([1, 2, -2], k=4, num_candidates=4)
    assert rows.tolist() == [0, 1, 3, 2]
    assert scores.tolist() == [1.0, 1.0, float(np.float32(1 / 5)), float(np.float32(1 / 10))]


def test_byte_distances_beyond_single_precision_keep_their_order() -> None:
    field = signatures(dims=648)
    far = np.full((3, 648), 127, dtype=np.int8)
    far[0, 0], far[2, 0] = 125, 126
    field.append(far)
    rows, _ = field.search(np.full(648, -128), k=3, num_candidates=3)
    assert rows.tolist() == [0, 2, 1]


def test_byte_dot_product_and_float_l2() -> None:
    dots = opened(None, dims=2, element_type="byte", similarity="dot_product", graph=False, writable=True)
    dots.append([[100, 0], [0, 100], [50, 50]])
    rows, scores = dots.search([10, 0], k=3, num_candidates=3)
    assert rows.tolist() == [0, 2, 1]
    np.testing.assert_allclose(scores, [0.5 + 1000 / 65536, 0.5 + 500 / 65536, 0.5], rtol=1e-6)
    squares = opened(None, dims=2, element_type="float", similarity="l2_norm", graph=False, writable=True)
    squares.append([[3, 4], [0, 0.5], [0, 0]])
    rows, scores = squares.search([0, 0], k=3, num_candidates=3)
    assert rows.tolist() == [2, 1, 0]
    np.testing.assert_allclose(scores, [1.0, 1 / 1.25, 1 / 26], rtol=1e-6)


def test_equal_vectors_tie_and_come_by_row() -> None:
    field = floats()
    vectors = random_units(3)
    field.append(np.repeat(vectors, 400, axis=0))
    rows, scores = field.search(vectors[1], k=50, num_candidates=50)
    assert rows.tolist() == list(range(400, 450))
    assert len(set(scores.tolist())) == 1
    assert scores[0] == pytest.approx(1.0, abs=1e-6) and scores[0] <= 1.0


def test_min_score_and_mask_and_k() -> None:
    field = floats(dims=2)
    field.append([[1, 0], [0, 1], [-1, 0], [0.6, 0.8]])
    rows, _ = field.search([1, 0], k=4, num_candidates=4, min_score=0.79)
    assert rows.tolist() == [0, 3]
    allowed = np.array([False, True, True, False])
    assert field.search([1, 0], k=4, num_candidates=4, mask=allowed)[0].tolist() == [1, 2]
    assert field.search([1, 0], k=4, num_candidates=4, mask=allowed[:2])[0].tolist() == [1]
    assert field.search([1, 0], k=1, num_candidates=4, mask=~allowed)[0].tolist() == [0]
    assert field.search_rows([1, 0], [3, 2], k=5)[0].tolist() == [3, 2]
    assert field.search_rows([1, 0], [], k=5)[0].tolist() == []
    assert field.search([1, 0], k=0, num_candidates=4)[0].tolist() == []


def test_an_empty_field_finds_nothing(tmp_path: Path) -> None:
    for field in (floats(), floats(tmp_path), floats(tmp_path / "absent", writable=False)):
        rows, scores = field.search(random_units(1)[0], k=3, num_candidates=3)
        assert rows.tolist() == [] and scores.tolist() == []


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.lists(st.integers(-2, 2), min_size=4, max_size=4), min_size=1, max_size=40),
    query=st.lists(st.integers(-2, 2), min_size=4, max_size=4),
    k=st.integers(1, 50),
    seed=st.integers(0, 9),
)
def test_small_signatures_equal_brute_force(values: list[Any], query: list[int], k: int, seed: int) -> None:
    field = opened(None, dims=4, element_type="byte", similarity="l2_norm", graph=False, writable=True)
    field.append(np.array(values, dtype=np.int8))
    mask = np.random.default_rng(seed).random(len(values)) < 0.6
    expected = sorted(
        (sum((a - b) ** 2 for a, b in zip(row, query, strict=True)), place)
        for place, row in enumerate(values)
        if mask[place]
    )[:k]
    rows, scores = field.search(query, k=k, num_candidates=k, mask=mask)
    assert rows.tolist() == [place for _, place in expected]
    np.testing.assert_allclose(scores, [1 / (1 + squared) for squared, _ in expected], rtol=1e-6)


def test_codes_stand_for_their_rows() -> None:
    vectors = random_units(50)
    numbers, scales = split(encode(vectors))
    assert int(np.abs(numbers).max()) == 127
    np.testing.assert_allclose(numbers * scales[:, None], vectors, atol=float(scales.max()) * 0.501)


def test_a_scan_does_not_wait_for_a_thread_that_was_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = random_units(12000, 384).astype(np.float32)
    snapshot = scan_module.RowSnapshot(Kind(384, "float", "dot_product"), vectors.astype(np.float16), encode(vectors))
    begun, over = threading.Event(), threading.Event()
    plain, here = scan_module._compare, threading.current_thread()

    def stalling(*arguments: Any) -> NDArray[np.float64]:
        if threading.current_thread() is here:
            assert begun.wait(30)
            return plain(*arguments)
        begun.set()
        over.wait(30)
        return np.full(len(arguments[2]), np.nan)

    monkeypatch.setattr(scan_module, "_compare", stalling)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    closeness = scan_module.scan(snapshot, vectors[7]).copy()
    over.set()
    np.testing.assert_allclose(closeness, vectors @ vectors[7], atol=4e-3)


# --- bad vectors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ([1.0, 0.0, 0.0], r"expected 2 numbers, got shape \(3,\)"),
        ([], "expected 2 numbers, got shape"),
        ([[[1.0, 0.0]]], "expected 2 numbers, got shape"),
        ([[1.0, 0.0], [1.0]], "expected 2 numbers, got something else"),
        (["a", "b"], "expected 2 numbers, got something else"),
        ([float("nan"), 1.0], "number 0 is not finite"),
        ([1.0, float("-inf")], "number 1 is not finite"),
        ([0.0, 0.0], "all numbers are zero"),
        ([3.0, 4.0], "expected length 1 for dot_product, got 5"),
    ],
)
def test_a_bad_float_vector_is_refused(vector: Any, message: str) -> None:
    field = floats(dims=2)
    with pytest.raises(BadVector, match=message):
        field.append(vector)
    with pytest.raises(BadVector, match=message):
        field.search(vector, k=1, num_candidates=1)
    assert len(field) == 0


@pytest.mark.parametrize(("vector", "got"), [([200, 0], "200.0"), ([0.5, 0], "0.5"), ([-129, 0], "-129.0")])
def test_a_bad_byte_vector_is_refused(vector: Any, got: str) -> None:
    with pytest.raises(BadVector, match=f"whole numbers from -128 to 127, got {got}"):
        signatures(dims=2).append(vector)


def test_a_float_that_float16_cannot_hold_is_refused() -> None:
    field = opened(None, dims=2, element_type="float", similarity="l2_norm", graph=False, writable=True)
    with pytest.raises(BadVector, match="up to ±65504, got -70000"):
        field.append([0, -70000])


# --- files: crashes, damage, other versions -----------------------------------------------------------------------


def test_rows_that_were_not_flushed_do_not_count(tmp_path: Path) -> None:
    vectors = random_units(10)
    field = floats(tmp_path)
    field.append(vectors[:4])
    field.flush()
    field.append(vectors[4:])
    assert len(floats(tmp_path, writable=False)) == 4
    again = floats(tmp_path)
    assert len(again) == 4
    assert again.append(vectors[8]).tolist() == [4]
    np.testing.assert_allclose(again.read([3, 4]), vectors[[3, 8]], atol=1e-3)


@pytest.mark.parametrize("name", ["rows.bin", "codes.bin"])
@pytest.mark.parametrize("torn", [1, 7, 65])
def test_a_torn_tail_is_ignored(name: str, torn: int, tmp_path: Path) -> None:
    vectors = random_units(6)
    field = floats(tmp_path)
    field.append(vectors[:5])
    field.flush()
    field.close()
    with open(tmp_path / name, "ab") as file:
        file.write(b"\xff" * torn)
    field = floats(tmp_path)
    field.append(vectors[5:])
    field.flush()
    for either in (field, floats(tmp_path, writable=False)):
        np.testing.assert_allclose(either.read(np.arange(6)), vectors, atol=1e-3)
        assert either.search(vectors[5], k=1, num_candidates=1)[0].tolist() == [5]


@pytest.mark.parametrize("damage", ["absent", "short", "other", "newer"])
@pytest.mark.parametrize("writable", [True, False])
def test_lost_codes_are_made_again(damage: str, writable: bool, tmp_path: Path) -> None:
    vectors = random_units(40)
    field = floats(tmp_path)
    field.append(vectors)
    field.flush()
    field.close()
    codes = tmp_path / "codes.bin"
    whole = codes.read_bytes()
    if damage == "absent":
        codes.unlink()
    else:
        codes.write_bytes({"short": whole[:-1], "other": b"x" * 200, "newer": whole[:8] + b"\x09" + whole[9:]}[damage])
    field = floats(tmp_path, writable=writable)
    for query in vectors[:5]:
        assert field.search(query, k=9, num_candidates=9)[0].tolist() == nearest(vectors, query, 9)
    if writable:
        assert codes.read_bytes() == whole


def test_files_of_other_vectors_are_named(tmp_path: Path) -> None:
    field = floats(tmp_path)
    field.append(random_units(3))
    field.flush()
    with pytest.raises(IndexCorrupt, match="rows of 32 × <f2, expected 16 × <f2"):
        floats(tmp_path, dims=16)
    with pytest.raises(IndexCorrupt, match=r"rows of 32 × <f2, expected 32 × \|i1"):
        signatures(tmp_path, dims=32, writable=False)


def test_lost_rows_are_noticed(tmp_path: Path) -> None:
    field = floats(tmp_path)
    field.append(random_units(3))
    field.flush()
    os.truncate(tmp_path / "rows.bin", 64 + 2 * 64 + 63)
    with pytest.raises(IndexCorrupt, match="holds 2 rows, 3 were committed"):
        floats(tmp_path)
    (tmp_path / "rows.bin").unlink()
    with pytest.raises(IndexCorrupt, match="absent, should hold 3 rows"):
        floats(tmp_path)


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    field = floats(tmp_path)
    field.append(random_units(3))
    field.flush()
    committed = tmp_path / "committed.json"
    newer = committed.read_text().replace('"format": 1', '"format": 2')
    assert newer != committed.read_text()
    committed.write_text(newer)
    with pytest.raises(FormatTooNew, match="format 2"):
        floats(tmp_path)
    assert committed.read_text() == newer
    committed.write_text('{"format": 1, "rows": -4, "identity": "00"}')
    with pytest.raises(IndexCorrupt, match="not a count of rows"):
        floats(tmp_path, writable=False)


def test_truncating_too_far_is_refused() -> None:
    field = floats()
    field.append(random_units(3))
    with pytest.raises(IndexCorrupt, match="documents name 5 vectors, there are 3"):
        field.truncate(5)


def test_a_reader_does_not_write(tmp_path: Path) -> None:
    floats(tmp_path).close()
    field = floats(tmp_path, writable=False)
    for write in (lambda: field.append(random_units(1)), field.flush, field.sync_graph, lambda: field.truncate(0)):
        with pytest.raises(BackendError, match="was opened for reading"):
            write()


def test_a_full_disk_is_reported_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = random_units(6)
    field = floats(tmp_path)
    field.append(vectors[:4])

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(StorageFull):
            field.flush()
    assert len(floats(tmp_path, writable=False)) == 0
    field.flush()
    assert len(floats(tmp_path, writable=False)) == 4


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from hybrid_search.backends.embedded.vectors.vector_field import VectorField
from hybrid_search.errors import StorageFull
field = VectorField(Path(sys.argv[1]), dims=256, element_type="float", similarity="dot_product", graph=True,
                    writable=True, graph_from=1)
units = np.random.default_rng(0).standard_normal((3000, 256))
units /= np.linalg.norm(units, axis=1, keepdims=True)
field.append(units[:1500])
field.flush()
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    field.append(units[1500:]) if sys.argv[3] == "append" else field.sync_graph()
except StorageFull as error:
    print("full", len(field), field.stats()["graph_rows"])
print(field.search(units[7], k=1, num_candidates=1)[0].tolist())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is POSIX")
@pytest.mark.parametrize(("step", "limit"), [("append", 1_000_000), ("append", 1_200_000), ("graph", 300_000)])
def test_a_limit_on_files_cuts_what_did_not_fit(step: str, limit: int, tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(limit), step]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == ["full 1500 0", "[7]"], done.stderr
    assert (tmp_path / "rows.bin").stat().st_size == 64 + 1500 * 512
    assert not list(tmp_path.glob("*.draft"))
    field = floats(tmp_path, dims=256)
    assert len(field) == 1500
    field.append(random_units(10, 256))
    field.flush()
    assert len(floats(tmp_path, dims=256, writable=False)) == 1510


def test_rows_are_durable_before_they_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    field = floats(tmp_path)
    field.append(random_units(3))
    names = {(tmp_path / name).stat().st_ino: name for name in ("rows.bin", "codes.bin")}
    events: list[str] = []
    sync, replace = os.fsync, os.replace

    def noted_sync(handle: int) -> None:
        events.append(names.get(os.fstat(handle).st_ino, "draft or folder"))
        sync(handle)

    def noted_replace(source: Path, target: Path) -> None:
        events.append(f"replace {Path(target).name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_replace)
    field.flush()
    assert events == ["rows.bin", "codes.bin", "draft or folder", "replace committed.json", "draft or folder"]
    events.clear()
    field.flush()
    assert events == []


# --- readers ------------------------------------------------------------------------------------------------------


def test_a_reader_sees_flushed_rows_after_refresh(tmp_path: Path) -> None:
    vectors = random_units(30)
    reader = floats(tmp_path, writable=False)
    writer = floats(tmp_path)
    writer.append(vectors[:10])
    writer.flush()
    assert len(reader) == 0
    reader.refresh()
    assert len(reader) == 10
    early = reader.read(np.arange(10))
    writer.append(vectors[10:])
    reader.refresh()
    assert len(reader) == 10
    writer.flush()
    reader.refresh()
    assert reader.search(vectors[29], k=1, num_candidates=1)[0].tolist() == [29]
    np.testing.assert_array_equal(early, reader.read(np.arange(10)))


def test_a_reader_survives_the_index_being_made_anew(tmp_path: Path) -> None:
    vectors = random_units(8)
    writer = floats(tmp_path)
    writer.append(vectors[:5])
    writer.flush()
    reader = floats(tmp_path, writable=False)
    early = reader.read(np.arange(5))
    writer.truncate(0)
    writer.close()
    writer = floats(tmp_path)
    writer.append(vectors[5:])
    writer.flush()
    np.testing.assert_array_equal(reader.read(np.arange(5)), early)
    reader.refresh()
    np.testing.assert_allclose(reader.read(np.arange(3)), vectors[5:], atol=1e-3)


OTHER_PROCESS = """
import sys
from pathlib import Path
import numpy as np
from hybrid_search.backends.embedded.vectors.vector_field import VectorField
field = VectorField(Path(sys.argv[1]), dims=32, element_type="float", similarity="dot_product", graph=True,
                    writable=False, graph_from=1)
query = np.eye(32)[0]
print(len(field), flush=True)
for _ in sys.stdin:
    field.refresh()
    rows, scores = field.search(query, k=1, num_candidates=10)
    print(len(field), field.stats()["graph_rows"], rows[0], round(float(scores[0]), 3), flush=True)
"""


@pytest.mark.slow
def test_a_reader_in_another_process_sees_rows_and_graphs(tmp_path: Path) -> None:
    writer = floats(tmp_path, graph=True, graph_from=1)
    vectors = random_units(9000)
    command = [sys.executable, "-c", OTHER_PROCESS, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None and other.stdout is not None

        def ask() -> str:
            assert other.stdin is not None and other.stdout is not None
            other.stdin.write("\n")
            other.stdin.flush()
            return other.stdout.readline().strip()

        assert other.stdout.readline().strip() == "0"
        writer.append(vectors[:3000])
        writer.flush()
        writer.sync_graph()
        assert ask().startswith("3000 3000 ")
        writer.append(np.eye(32)[0])
        assert ask().startswith("3000 3000 ")
        writer.flush()
        assert ask() == "3001 3000 3000 1.0"
        writer.append(vectors[3000:])
        writer.flush()
        writer.sync_graph()
        assert ask() == "9001 9001 3000 1.0"
        other.stdin.close()
        assert other.wait(timeout=30) == 0


@pytest.mark.slow
def test_searches_in_threads_while_rows_are_added(tmp_path: Path) -> None:
    vectors = clustered_units(6000, 64)
    field = floats(tmp_path, dims=64, graph=True, graph_from=1)
    field.append(vectors[:2000])
    failures: list[BaseException] = []
    done = threading.Event()

    def search(seed: int) -> None:
        try:
            order = np.random.default_rng(seed)
            while not done.is_set():
                row = int(order.integers(2000))
                rows, scores = field.search(vectors[row], k=5, num_candidates=50)
                assert row in rows.tolist() or scores[-1] > 0.99999
                assert len(rows) == 5 and (np.diff(scores) <= 0).all()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=search, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for start in range(2000, 6000, 1000):
        field.append(vectors[start : start + 1000])
        field.flush()
        field.sync_graph()
    done.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert field.stats()["graph_rows"] >= 2000


# --- the graph ----------------------------------------------------------------------------------------------------


def trusting(field: VectorField, expansion: int = 200) -> VectorField:
    """Make the field use its graph whatever it costs."""
    assert field.stats()["graph_rows"] > 0
    graph = field._graph
    assert graph is not None
    field._graph = dataclasses.replace(graph, calibration=Calibration(expansion, 2 * expansion, -2.0, 1e-9, 1.0))
    return field


def graph_field(folder: Path | None, vectors: NDArray[Any]) -> VectorField:
    field = floats(folder, dims=vectors.shape[1], graph=True, graph_from=1)
    field.append(vectors)
    field.flush()
    field.sync_graph()
    return field


def recall(field: VectorField, vectors: NDArray[Any], queries: NDArray[Any], mask: NDArray[np.bool_] | None) -> float:
    allowed = None if mask is None else np.flatnonzero(mask)
    wanted = 10 if allowed is None else min(10, len(allowed))
    found = 0
    for query in queries:
        rows, scores = field.search(query, k=10, num_candidates=100, mask=mask)
        assert len(rows) == wanted
        assert mask is None or mask[rows].all()
        np.testing.assert_allclose(scores, (1 + vectors[rows] @ query) / 2, atol=1e-3)
        found += len(set(rows.tolist()) & set(nearest(vectors, query, 10, allowed)))
    return found / (wanted * len(queries))


@pytest.mark.parametrize(
    ("data_kind", "searcher"),
    [
        ("clustered", "scan"),
        ("random", "scan"),
        ("clustered", "graph as measured"),
        ("random", "graph as measured"),
        # Over random vectors a graph does not find enough, whatever it costs: that is why it is measured.
        ("clustered", "graph forced"),
    ],
)
def test_recall_at_every_selectivity(data_kind: str, searcher: str) -> None:
    make = clustered_units if data_kind == "clustered" else random_units
    vectors, queries = make(5000, 64, seed=1), make(30, 64, seed=2)
    field = floats(dims=64, graph=searcher != "scan", graph_from=1)
    field.append(vectors)
    field.sync_graph()
    if searcher == "graph forced":
        trusting(field)
    assert recall(field, vectors, queries, None) >= 0.99
    chance = np.random.default_rng(3).random(len(vectors))
    for selectivity in (0.95, 0.5, 0.1, 0.01, 0.001):
        assert recall(field, vectors, queries, chance < selectivity) >= 0.99


@pytest.mark.parametrize("side", ["near", "far"])
def test_recall_when_the_filter_goes_with_the_query(side: str) -> None:
    vectors, queries = clustered_units(8000, 64, seed=1), clustered_units(10, 64, seed=2)
    field = trusting(graph_field(None, vectors))
    for query in queries:
        order = np.argsort(-(vectors @ query))
        mask = np.zeros(len(vectors), dtype=bool)
        mask[order[:800] if side == "near" else order[1500:]] = True
        expected = (vectors @ query)[nearest(vectors, query, 10, np.flatnonzero(mask))]
        _, scores = field.search(query, k=10, num_candidates=100, mask=mask)
        np.testing.assert_allclose(scores, (1 + expected) / 2, atol=1e-4)


def test_the_graph_answers_and_rows_behind_it_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = clustered_units(6000, 64)
    field = trusting(graph_field(tmp_path, vectors[:5000]))
    field.append(vectors[5000:])
    compared: list[int] = []
    plain = vectors_module.scan
    monkeypatch.setattr(
        vectors_module, "scan", lambda *a, rows, **o: compared.append(len(rows)) or plain(*a, rows=rows, **o)
    )
    for query in vectors[4990:5010]:
        expected = (1 + (vectors @ query)[nearest(vectors, query, 10)]) / 2
        np.testing.assert_allclose(field.search(query, k=10, num_candidates=100)[1], expected, atol=1e-4)
    assert set(compared) == {1000}


def test_the_measured_expansion_finds_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "_WORTH", 1e9)
    vectors, queries = random_units(4000, 64), random_units(50, 64, seed=1)
    graph = graph_field(None, vectors)._graph
    assert graph is not None

    def share(expansion: int, depth: int) -> float:
        found = [set(graph.nearest(query.astype(np.float32), expansion).tolist()) for query in queries]
        expected = [set(nearest(vectors, query, depth)) for query in queries]
        return sum(len(a & b) for a, b in zip(found, expected, strict=True)) / (depth * len(queries))

    assert share(64, 10) < 0.97
    assert share(graph.calibration.shallow, 10) >= 0.985
    assert share(graph.calibration.deep, 100) >= 0.985


def test_queries_unlike_the_rows_are_found_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "_WORTH", 1e9)
    vectors = clustered_units(4000, 96)
    field = graph_field(None, vectors)
    assert field._graph is not None
    measured = dataclasses.replace(field._graph.calibration, row_s=1.0)
    field._graph = dataclasses.replace(field._graph, calibration=measured)
    own, noise = clustered_units(60, 96, seed=4), random_units(30, 96, seed=5)
    sums = own[:30] + own[30:]
    sums /= np.linalg.norm(sums, axis=1, keepdims=True)
    assert sum(measured.covers(vectors @ query) for query in own) >= 48
    assert not any(measured.covers(vectors @ query) for query in noise)
    for queries in (own, sums, noise):
        assert recall(field, vectors, queries, None) >= 0.99


def test_sums_of_rows_make_the_graph_look_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "_WORTH", 1e9)
    vectors = clustered_units(4000, 96)
    both = graph_field(None, vectors)._graph
    monkeypatch.setattr(graph_module, "_sums", lambda *_: [])
    rows_only = graph_field(None, vectors)._graph
    assert both is not None and rows_only is not None
    assert both.calibration.shallow > rows_only.calibration.shallow > 0


def test_every_row_finds_itself_in_the_graph() -> None:
    vectors = random_units(4000, 64)
    graph = graph_field(None, vectors)._graph
    assert graph is not None
    assert [row for row in range(4000) if row not in graph.nearest(vectors[row].astype(np.float32), 200)] == []


def test_a_graph_that_does_not_find_enough_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "_LADDER", (12, 16))
    vectors = random_units(6000, 64)
    field = graph_field(None, vectors)
    assert field._graph is not None
    assert (field._graph.calibration.shallow, field._graph.calibration.deep) == (0, 0)
    assert recall(field, vectors, random_units(20, 64, seed=1), None) >= 0.99
    field.append(vectors[:5999])
    field.sync_graph()
    assert field.stats()["graph_rows"] == 6000
    field.append(vectors[:1])
    field.sync_graph()
    assert field.stats()["graph_rows"] == 12000


def test_the_graph_is_worth_its_making_only_from_some_size() -> None:
    field = floats(graph=True, graph_from=1000 * DIMS)
    field.append(random_units(999))
    field.sync_graph()
    assert field.stats()["graph_rows"] == 0
    field.append(random_units(1))
    field.sync_graph()
    assert field.stats()["graph_rows"] == 1000
    field.append(random_units(100))
    field.sync_graph()
    assert field.stats()["graph_rows"] == 1000
    flat = floats(graph=False, graph_from=1)
    flat.append(random_units(1000))
    flat.sync_graph()
    assert flat.stats()["graph_rows"] == 0


def test_dead_rows_are_left_out_and_a_dead_graph_is_made_anew() -> None:
    vectors = clustered_units(6000, 64)
    field = floats(dims=64, graph=True, graph_from=1)
    field.append(vectors)
    alive = np.arange(6000) % 3 > 0
    field.sync_graph(mask=alive)
    assert field.stats()["graph_rows"] == 4000
    field.append(vectors)
    alive = np.concatenate([np.zeros(6000, dtype=bool), np.ones(6000, dtype=bool)])
    field.sync_graph(mask=alive)
    assert field.stats()["graph_rows"] == 6000
    trusting(field)
    assert recall(field, np.concatenate([vectors, vectors]), vectors[:5], alive) >= 0.99


@pytest.mark.parametrize("damage", ["flip", "cut", "tail", "empty", "other"])
def test_a_damaged_graph_is_ignored_and_made_again(damage: str, tmp_path: Path) -> None:
    vectors = clustered_units(3000, 64)
    field = graph_field(tmp_path, vectors)
    answers = [field.search(query, k=10, num_candidates=100)[0].tolist() for query in vectors[:5]]
    field.close()
    path = tmp_path / "graph.usearch"
    whole = bytearray(path.read_bytes())
    if damage == "flip":
        whole[len(whole) // 2] ^= 0x10
    path.write_bytes(
        {"flip": whole, "cut": whole[:-100], "tail": whole[:-16], "empty": b"", "other": b"x" * 5000}[damage]
    )
    for writable in (False, True):
        field = floats(tmp_path, dims=64, graph=True, graph_from=1, writable=writable)
        assert field.stats()["graph_rows"] == 0
        assert [field.search(query, k=10, num_candidates=100)[0].tolist() for query in vectors[:5]] == answers
    field.sync_graph()
    assert floats(tmp_path, dims=64, graph=True, graph_from=1, writable=False).stats()["graph_rows"] == 3000


def test_a_graph_of_other_rows_is_ignored(tmp_path: Path) -> None:
    graph_field(tmp_path / "a", clustered_units(3000, 64)).close()
    graph_field(tmp_path / "b", clustered_units(3000, 64, seed=1)).close()
    (tmp_path / "a" / "graph.usearch").replace(tmp_path / "b" / "graph.usearch")
    field = floats(tmp_path / "b", dims=64, graph=True, graph_from=1, writable=False)
    assert field.stats()["graph_rows"] == 0


def test_truncating_takes_back_what_the_graph_covers(tmp_path: Path) -> None:
    vectors = clustered_units(3000, 64)
    field = graph_field(tmp_path, vectors)
    field.truncate(2000)
    assert field.stats()["graph_rows"] == 0
    replaced = clustered_units(1000, 64, seed=5)
    field.append(replaced)
    field.flush()
    current = np.concatenate([vectors[:2000], replaced])
    field.sync_graph()
    assert recall(trusting(field), current, replaced[:10], None) >= 0.99


# --- rows of bytes that can reach a cosine ---


def test_rows_passed_over_by_their_middles_could_not_reach_the_cosine() -> None:
    random = np.random.default_rng(5)
    rows = random.integers(-2, 3, (3 * BLOCK + 100, 24)).astype(np.int8)
    rows[::7, 5:19] = 0
    rows[::11, 19:] = 0
    rows[5] = 0
    snapshot = scan_module.RowSnapshot(Kind(24, "byte", "cosine"), rows, None)
    lengths = np.linalg.norm(rows.astype(float), axis=1)
    known = RowLengths()
    for number in (7, 11, 100, 3 * BLOCK + 50):
        with np.errstate(invalid="ignore"):
            cosines = rows.astype(float) @ rows[number] / (lengths * lengths[number])
        for least in (0.0, 0.5, 0.8, 1.0):
            for _ in range(20):
                near = known.candidates(snapshot, (1, 2, 3), rows[number], least=least)
            assert near is not None
            assert set(np.flatnonzero(cosines >= least - 1e-9)) <= set(near)
    assert len(near) < len(rows) / 4


def test_lengths_are_those_of_the_rows_that_were_summed() -> None:
    rows = np.random.default_rng(6).integers(-2, 3, (2 * BLOCK, 24)).astype(np.int8)
    kind, known = Kind(24, "byte", "cosine"), RowLengths()

    def candidates(sums: tuple[int, ...]) -> set[int] | None:
        found = known.candidates(scan_module.RowSnapshot(kind, rows, None), sums, rows[3], least=0.9)
        return None if found is None else set(found.tolist())

    assert candidates(()) is None and candidates((1, 2)) is None
    first = [candidates((1, 2)) for _ in range(20)][-1]
    assert first is not None and len(first) < BLOCK
    rows[BLOCK:] = rows[3]
    changed = candidates((1, 9))
    assert changed is not None and set(range(BLOCK, 2 * BLOCK)) <= changed
    assert [candidates((1, 9)) for _ in range(20)][-1] == changed | {3}


def test_signatures_above_a_score_are_found_alike_by_the_first_search_and_by_later_ones(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    values = random.integers(-2, 3, (2 * BLOCK + 10, 648)).astype(np.int8)
    values[BLOCK + 1], values[-1] = values[17], values[17]
    values[900, :300] = values[17, :300]
    field = VectorField(tmp_path, dims=648, element_type="byte", similarity="cosine", graph=False, writable=True)
    field.append(values)
    field.flush()
    asked = [field.search(values[17], k=50, num_candidates=50, min_score=0.7) for _ in range(40)]
    assert asked[0][0].tolist() == [17, BLOCK + 1, len(values) - 1, 900]
    assert all(rows.tolist() == asked[0][0].tolist() for rows, _ in asked)
    assert all(scores.tolist() == asked[0][1].tolist() for _, scores in asked)
    field.close()
