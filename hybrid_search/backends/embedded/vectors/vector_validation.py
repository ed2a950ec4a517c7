"""What a vector must be before it is stored or asked for: one length, finite, of unit length where that is demanded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybrid_search.backends.embedded.vectors.vector_scan import Kind
from hybrid_search.errors import BadVector

# Elasticsearch's own tolerance, on the squared length.
_UNIT_TOLERANCE = 1e-3


def checked(vectors: ArrayLike, *, kind: Kind, single: bool = False) -> NDArray[Any]:
    """Return vectors as an array of the kind's type, (n, dims); a query stays float32.

    Raises
    ------
    BadVector
        When the length is wrong, a number is not finite or does not fit, or a length must be 1 and is not.
    """
    try:
        values = np.asarray(vectors)
        values = values if values.dtype == np.int8 else values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise BadVector(f"expected {kind.dims} numbers, got something else ({error})") from error
    if values.ndim == 1:
        values = values.reshape(1, -1)
    if values.ndim != 2 or values.shape[1] != kind.dims or (single and len(values) != 1):
        raise BadVector(f"expected {kind.dims} numbers, got shape {np.shape(vectors)}")
    if not np.isfinite(values).all():
        raise BadVector(f"number {int(np.argwhere(~np.isfinite(values))[0, 1])} is not finite")
    if kind.element_type == "byte":
        return _as_bytes(values)
    if kind.similarity == "dot_product":
        _demand_unit_length(values)
    return values.astype(np.float32) if single else _as_halves(values)


def _as_bytes(values: NDArray[Any]) -> NDArray[np.int8]:
    wrong = values[(values < -128) | (values > 127) | (values != np.rint(values))]
    if len(wrong):
        raise BadVector(f"expected whole numbers from -128 to 127, got {float(wrong[0])}")
    return values.astype(np.int8)


def _as_halves(values: NDArray[Any]) -> NDArray[np.float16]:
    largest = float(np.finfo(np.float16).max)
    if len(values) and float(np.abs(values).max()) > largest:
        raise BadVector(f"expected numbers up to ±{largest:.0f}, got {float(values.flat[np.abs(values).argmax()])}")
    return values.astype(np.float16)


def _demand_unit_length(values: NDArray[Any]) -> None:
    squares = np.einsum("ij,ij->i", values, values)
    wrong = np.flatnonzero(np.abs(squares - 1.0) > _UNIT_TOLERANCE)
    if len(wrong):
        length = float(np.sqrt(squares[wrong[0]]))
        raise BadVector(
            "all numbers are zero" if length == 0 else f"expected length 1 for dot_product, got {length:.4g}"
        )
