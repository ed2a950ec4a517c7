"""The networks of Keras by name: architecture, layer, pooling and weights; loaded only when one is asked for."""

from __future__ import annotations

__all__: list[str] = []
