"""The dense_vector fields of an index, and what a vector must be before it is sent: a server names no field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Elasticsearch's own tolerance, on the squared length
_UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True)
class DenseVectorField:
    """A dense_vector field: its dims, "float" or "byte", and the similarity that its vectors are compared by."""

    dims: int
    element_type: str = "float"
    similarity: str = "cosine"

    @property
    def dtype(self) -> type[np.generic]:
        """The type of its numbers, float32 or int8."""
        return np.int8 if self.element_type == "byte" else np.float32

    def array(self, values: Any) -> NDArray[Any]:
        """Return what a server sent, a list or a list of lists, as (dims,) numbers."""
        return np.asarray(values, self.dtype).reshape(-1)

    def problem(self, values: Any) -> str | None:
        """Return what is wrong with a vector, None when a server can take it."""
        try:
            numbers = np.asarray(values, np.float64)
        except (TypeError, ValueError):
            return f"expected {self.dims} numbers"
        if numbers.shape != (self.dims,):
            return f"expected {self.dims} numbers, got shape {numbers.shape}"
        if not np.isfinite(numbers).all():
            return f"number {int(np.argmin(np.isfinite(numbers)))} is not finite"
        if self.element_type == "byte":
            wrong = numbers[(np.abs(numbers + 0.5) > 127.5) | (numbers != np.rint(numbers))]
            if len(wrong):
                return f"expected whole numbers from -128 to 127, got {wrong[0]:g}"
        square = float(numbers @ numbers)
        if self.similarity == "cosine" and square == 0:
            return "all numbers are zero"
        if self.similarity == "dot_product" and abs(square - 1.0) > _UNIT_TOLERANCE:
            return f"expected length 1 for dot_product, got {square**0.5:.4g}"
        return None


def vector_fields(properties: Mapping[str, Any], *, prefix: str = "") -> dict[str, DenseVectorField]:
    """Return the dense_vector fields of a mapping by their dotted names; those of nested objects are not among them."""
    found: dict[str, DenseVectorField] = {}
    for name, field in properties.items():
        if field.get("type") == "dense_vector":
            found[prefix + name] = DenseVectorField(
                int(field["dims"]), field.get("element_type", "float"), field.get("similarity", "cosine")
            )
        elif field.get("type", "object") == "object":
            found |= vector_fields(field.get("properties", {}), prefix=f"{prefix}{name}.")
    return found
