"""What `preprocess_input` does to a pixel, as factors and offsets: graphs hold these, and need no Keras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Scaling:
    """Brings RGB pixels in [0, 255] into a network's range: channels turned round if `bgr`, times factor, plus offset.

    Factors and offsets are in the order of the network's channels.
    """

    bgr: bool
    factors: tuple[float, float, float]
    offsets: tuple[float, float, float]

    def __call__(self, keras: Any, pixels: Any) -> Any:
        """Return the network's input for a float32 tensor (n, side, side, 3)."""
        values = keras.ops.take(pixels, np.array([2, 1, 0]), axis=-1) if self.bgr else pixels
        if self.factors != (1.0, 1.0, 1.0):
            values = keras.ops.multiply(values, np.array(self.factors, np.float32))
        if self.offsets != (0.0, 0.0, 0.0):
            values = keras.ops.add(values, np.array(self.offsets, np.float32))
        return values


def scaling(preprocess: Callable[[Any], Any]) -> Scaling:
    """Return what a `preprocess_input` does, found by asking it for black, pure colours, and grey.

    The three modes of Keras ("caffe", "tf" and "torch") and doing nothing are of this form.

    Raises
    ------
    ValueError
        When it is of another form.
    """
    black, red, green, blue, grey = _answers(preprocess, [(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (85,) * 3])
    responses = np.stack([red, green, blue]) - black
    bgr = bool(responses[0, 2])
    factors = (responses[::-1] if bgr else responses).diagonal() / 255
    if not np.allclose(factors * 85 + black, grey, atol=1e-3) or np.count_nonzero(responses) != 3:
        raise ValueError("the preprocessing of this network is not of one factor and one offset for each channel")
    return Scaling(bgr, _three(factors), _three(black))


def _answers(preprocess: Callable[[Any], Any], colours: list[tuple[int, ...]]) -> Any:
    # a fresh float32 array: the function may write into what it is given
    return np.asarray(preprocess(np.array(colours, np.float32).reshape(1, 1, -1, 3)), np.float64)[0, 0]


def _three(values: Any) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third
