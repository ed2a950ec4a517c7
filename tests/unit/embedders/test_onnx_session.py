"""Networks on ONNX Runtime, with accelerators that are absent or fail."""

from __future__ import annotations

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from hybrid_search.embedders.onnx_session import OnnxSession, processors
from hybrid_search.errors import EmbedderUnavailable

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
X = np.array([[1, 2], [3, 4]], np.float32)


def double() -> bytes:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


class FailingAccelerator:
    """Stands for ONNX Runtime with a CUDA that is listed; it fails to start, or later."""

    real = onnxruntime.InferenceSession

    def __init__(self, fails: str) -> None:
        self.fails = fails
        self.started: list[list[str]] = []

    def __call__(self, graph: bytes, options: object, *, providers: list[str], enable_fallback: int) -> object:
        assert not enable_fallback, "its own fallback prints"
        self.started.append(providers)
        if CUDA not in providers:
            return self.real(graph, options, providers=providers)
        if self.fails == "start":
            raise RuntimeError("no driver")
        return self

    def get_providers(self) -> list[str]:
        return [CUDA, CPU]

    def run(self, outputs: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        raise RuntimeError("out of memory")


def test_runs_the_graph() -> None:
    session = OnnxSession(double, owner="toy")
    np.testing.assert_array_equal(session.run(["y"], {"x": X})[0], 2 * X)


def test_the_graph_is_loaded_once_and_at_first_use() -> None:
    calls = []
    session = OnnxSession(lambda: calls.append(1) or double(), owner="toy", threads=1)  # type: ignore[func-returns-value]
    assert calls == []
    session.run(["y"], {"x": X})
    session.run(["y"], {"x": X})
    assert calls == [1]


@pytest.mark.parametrize("fails", ["start", "run"])
def test_a_failing_accelerator_gives_way_to_the_processor(
    fails: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    runtime = FailingAccelerator(fails)
    monkeypatch.setattr(onnxruntime, "InferenceSession", runtime)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    session = OnnxSession(double, owner="toy")
    for _ in range(2):
        np.testing.assert_array_equal(session.run(["y"], {"x": X})[0], 2 * X)
    assert runtime.started == [[CUDA, CPU], [CPU]], "tried once"
    assert session.providers == (CPU,)
    assert capfd.readouterr() == ("", "")


def test_an_accelerator_that_is_not_there_is_passed_over(capfd: pytest.CaptureFixture[str]) -> None:
    session = OnnxSession(double, owner="toy", providers=["TensorrtExecutionProvider"])
    np.testing.assert_array_equal(session.run(["y"], {"x": X})[0], 2 * X)
    assert session.providers == (CPU,)
    assert capfd.readouterr() == ("", "")


def test_a_mistake_on_the_processor_is_raised(capfd: pytest.CaptureFixture[str]) -> None:
    session = OnnxSession(double, owner="toy", providers=[CPU])
    with pytest.raises(Exception, match="z"):
        session.run(["z"], {"x": X})
    with pytest.raises(Exception, match=r"(?i)protobuf|parse"):
        OnnxSession(lambda: b"no graph", owner="toy").run(["y"], {"x": X})
    assert capfd.readouterr() == ("", "")


def test_a_missing_runtime_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EmbedderUnavailable, match=r"'toy'.*pip install onnxruntime"):
        OnnxSession(double, owner="toy").run(["y"], {"x": X})


def test_processors_are_counted() -> None:
    assert processors() >= 1


def test_shares_become_smaller_so_that_threads_end_together() -> None:
    def sizes(rows: int, threads: int) -> list[int]:
        shares = OnnxSession(double, owner="toy", threads=threads)._shares(rows)
        return [len(range(*share.indices(rows))) for share in shares]

    assert sizes(32, 2) == [8, 6, 5, 4, 3, 2, 2, 2]
    assert sizes(64, 2) == [8] * 5 + [6, 5, 4, 3, 2, 2, 2]
    assert (sizes(1, 2), sizes(2, 2), sizes(3, 2), sizes(5, 8)) == ([1], [1, 1], [2, 1], [1] * 5)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("rows", [0, 1, 7, 33])
def test_divided_rows_come_back_in_their_order(rows: int, threads: int) -> None:
    values = np.arange(2 * rows, dtype=np.float32).reshape(rows, 2)
    session = OnnxSession(double, owner="toy", threads=threads)
    np.testing.assert_array_equal(session.run(["y"], {"x": values})[0], 2 * values)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_graph_of_one_row_is_run_row_by_row(threads: int) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", [x], [y])
    one = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    rows = np.arange(10, dtype=np.float32).reshape(5, 2)
    with pytest.raises(Exception, match=r"INVALID_ARGUMENT|dimension"):
        OnnxSession(lambda: one, owner="toy", threads=1).run(["y"], {"x": rows})
    session = OnnxSession(lambda: one, owner="toy", threads=threads, rows=1)
    np.testing.assert_array_equal(session.run(["y"], {"x": rows})[0], 2 * rows)
