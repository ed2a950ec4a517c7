"""The weights of a PyTorch checkpoint as numpy arrays, read without PyTorch and without running what it pickles."""

from __future__ import annotations

import collections
import pickle
import struct
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hybrid_search.errors import WeightsMissing

_MAGIC = 0x1950A86A20F9469CFC6C
"""The number with which PyTorch begins such a file."""
_DTYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Unpickler(pickle.Unpickler):
    """Knows the few names that a checkpoint of tensors needs, and refuses every other."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"it names {module}.{name}, which weights have no need of")

    def persistent_load(self, pid: Any) -> Any:
        return pid


def _tensor(storage: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *rest: Any) -> tuple[Any, ...]:
    return storage, offset, shape, strides


def read_state_dict(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a checkpoint in PyTorch's format before 1.6, by name.

    Raises
    ------
    WeightsMissing
        When the file is absent, or not such a checkpoint.
    """
    try:
        with open(path, "rb") as file:
            return _read(file)
    except OSError as error:
        raise WeightsMissing(str(path), error.strerror or str(error)) from error
    except (
        pickle.UnpicklingError,
        struct.error,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise WeightsMissing(str(path), f"not a checkpoint that can be read: {error}") from error


def _read(file: IO[bytes]) -> dict[str, NDArray[Any]]:
    # magic number, protocol version, sizes of C types, tensors, keys of their storages
    magic, _, _, tensors, keys = (_Unpickler(file).load() for _ in range(5))
    if magic != _MAGIC:
        raise ValueError("its magic number is another")
    dtypes = {storage[2]: _DTYPES[storage[1]] for storage, *_ in tensors.values()}
    storages = {}
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        storages[key] = np.frombuffer(file.read(max(count, 0) * dtypes[key].itemsize), dtypes[key])
    return {name: _array(storages[storage[2]], *view) for name, (storage, *view) in tensors.items()}


def _array(flat: NDArray[Any], offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> NDArray[Any]:
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    if min((offset, *shape, *strides)) < 0 or (all(shape) and last >= len(flat)):
        raise ValueError("a tensor reaches beyond its storage")
    # strides matter: these weights were written as transposed views of TensorFlow's
    steps = tuple(stride * flat.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(flat[offset:], shape, steps).copy(order="C")
