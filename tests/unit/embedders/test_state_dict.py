"""Weights read without PyTorch."""

from __future__ import annotations

import io
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid_search.embedders.state_dict import read_state_dict
from hybrid_search.errors import WeightsMissing

MAGIC = 0x1950A86A20F9469CFC6C


class Global:
    """A name in the pickle, such as torch.FloatStorage, without the package that has it."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Tensor:
    def __init__(self, key: str, kind: str, count: int, offset: int, shape: Any, strides: Any) -> None:
        self.storage = ("storage", Global("torch", kind), key, "cpu", count, None)
        self.view = (offset, shape, strides, False, OrderedDict())


class Pickler(pickle._Pickler):  # type: ignore[name-defined, misc]
    """Writes what torch.save of the time before 1.6 writes."""

    def persistent_id(self, obj: Any) -> Any:
        return obj if isinstance(obj, tuple) and obj[:1] == ("storage",) else None

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Global):
            self.write(b"c" + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, Tensor):
            self.save(Global("torch._utils", "_rebuild_tensor_v2"))
            self.save((obj.storage, *obj.view))
            self.write(b"R")
        else:
            super().save(obj, save_persistent_id)


def checkpoint(path: Path, tensors: dict[str, Any], storages: dict[str, NDArray[Any]], *, magic: int = MAGIC) -> Path:
    buffer = io.BytesIO()
    for part in (magic, 1001, {"little_endian": True}, OrderedDict(tensors), list(storages)):
        Pickler(buffer, 2).dump(part)
    for values in storages.values():
        buffer.write(struct.pack("<q", len(values)) + values.tobytes())
    path.write_bytes(buffer.getvalue())
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


def test_strides_and_offsets_are_followed(path: Path) -> None:
    values = np.arange(12, dtype="<f4")
    tensors = {
        "plain": Tensor("a", "FloatStorage", 12, 0, (3, 4), (4, 1)),
        "transposed": Tensor("a", "FloatStorage", 12, 0, (4, 3), (1, 4)),
        "part": Tensor("a", "FloatStorage", 12, 5, (2,), (3,)),
        "number": Tensor("b", "LongStorage", 1, 0, (), ()),
        "empty": Tensor("b", "LongStorage", 1, 0, (0,), (1,)),
    }
    read = read_state_dict(checkpoint(path, tensors, {"a": values, "b": np.array([7], "<i8")}))
    np.testing.assert_array_equal(read["plain"], values.reshape(3, 4))
    np.testing.assert_array_equal(read["transposed"], values.reshape(3, 4).T)
    np.testing.assert_array_equal(read["part"], [5, 8])
    assert read["number"].shape == () and read["number"] == 7 and read["number"].dtype == np.int64
    assert read["empty"].shape == (0,)
    assert list(read) == list(tensors)


@pytest.mark.parametrize(
    "offset, shape, strides",
    [(0, (13,), (1,)), (5, (2, 4), (4, 1)), (13, (1,), (1,)), (-1, (1,), (1,)), (11, (3,), (-1,)), (0, (2,), (1, 1))],
)
def test_tensors_outside_their_storage_are_refused(path: Path, offset: int, shape: Any, strides: Any) -> None:
    tensors = {"x": Tensor("a", "FloatStorage", 12, offset, shape, strides)}
    with pytest.raises(WeightsMissing, match="not a checkpoint that can be read"):
        read_state_dict(checkpoint(path, tensors, {"a": np.arange(12, dtype="<f4")}))


@pytest.mark.parametrize(
    "name", [("os", "system"), ("builtins", "eval"), ("torch", "DoubleStorage"), ("torch", "load")]
)
def test_other_names_are_refused(path: Path, name: tuple[str, str]) -> None:
    with pytest.raises(WeightsMissing, match="weights have no need of"):
        read_state_dict(checkpoint(path, {"x": Global(*name)}, {}))


def test_a_checkpoint_cannot_run_code(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return print, ("owned",)

    path.write_bytes(pickle.dumps(Hostile(), protocol=2))
    with pytest.raises(WeightsMissing, match="weights have no need of"):
        read_state_dict(path)
    assert capsys.readouterr().out == ""


def test_what_is_no_checkpoint_is_refused(path: Path, tmp_path: Path) -> None:
    whole = checkpoint(
        path, {"x": Tensor("a", "FloatStorage", 4, 0, (4,), (1,))}, {"a": np.ones(4, "<f4")}
    ).read_bytes()
    assert read_state_dict(path)["x"].tolist() == [1, 1, 1, 1]
    for content in (b"", b"PK\3\4", b"\x80\x02garbage", pickle.dumps([1]), whole[:-1], whole[:-17], whole[:40]):
        path.write_bytes(content)
        with pytest.raises(WeightsMissing):
            read_state_dict(path)
    checkpoint(path, {}, {}, magic=1)
    with pytest.raises(WeightsMissing, match="magic"):
        read_state_dict(path)
    with pytest.raises(WeightsMissing, match="No such file"):
        read_state_dict(tmp_path / "absent.pth")
